/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workloads.h - the spans that the benchmark makes.
 */
#ifndef OTEL_BENCH_WORKLOADS_H
#define OTEL_BENCH_WORKLOADS_H

#include <otel/propagation.h>
#include <stdbool.h>

struct workload {
    const char *name;
    void (*span)(void);   /* makes one span, from start to end */
    bool sdk;             /* start an SDK */
    bool sampled;         /* with the default sampler; else with always_off */
    void (*finish)(void); /* at the end of each thread; or NULL */
};

void workload_ten(void);

/* A carrier that is one header, `traceparent`: to be read, any C string; to be written, HEADER_SIZE bytes. */
enum { HEADER_SIZE = 64 };
#define INCOMING "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
extern const otel_getter header_getter;
extern const otel_setter header_setter;

/* NULL: there is none of that name. */
const struct workload *workload_find(const char *name);

#endif
