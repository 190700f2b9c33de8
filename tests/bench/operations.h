/* SPDX-License-Identifier: Apache-2.0 */
/*
 * operations.h - the single operations that otel-micro measures.
 */
#ifndef OTEL_BENCH_OPERATIONS_H
#define OTEL_BENCH_OPERATIONS_H

#include <stddef.h>

/* What has to be there: no SDK, one that drops all spans, or one that records them. */
enum stage { STAGE_NO_SDK, STAGE_DROPPING, STAGE_RECORDING };

struct operation {
    const char *name;
    enum stage stage;
    void (*run)(void);
    unsigned times;   /* that run() does it */
    const char *base; /* the operation whose cost is part of run() and doesn't count; NULL: none */
    unsigned threads; /* that do it at once */
};

extern const struct operation operations[];
extern const size_t operation_count;

/* What the operations work on; in its stage, which has begun. */
void operations_begin(enum stage stage);
void operations_end(enum stage stage);

#endif
