/* SPDX-License-Identifier: Apache-2.0 */
/*
 * workloads.h - the spans that the benchmark makes.
 */
#ifndef OTEL_BENCH_WORKLOADS_H
#define OTEL_BENCH_WORKLOADS_H

#include <stdbool.h>

struct workload {
    const char *name;
    void (*span)(void);   /* makes one span, from start to end */
    bool sdk;             /* start an SDK */
    bool sampled;         /* with the default sampler; else with always_off */
    void (*finish)(void); /* at the end of each thread; or NULL */
};

/* NULL: there is none of that name. */
const struct workload *workload_find(const char *name);

#endif
