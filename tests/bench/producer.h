/* SPDX-License-Identifier: Apache-2.0 */
/*
 * producer.h - threads that make a workload's spans, and threads that flush meanwhile.
 */
#ifndef OTEL_BENCH_PRODUCER_H
#define OTEL_BENCH_PRODUCER_H

#include "workloads.h"

enum { PRODUCERS_MAX = 64 };

struct load {
    const struct workload *workload;
    unsigned rate; /* spans a second, each thread; 0: `spans` without a pause */
    unsigned threads;
    unsigned spans;    /* of each thread, where there is no rate */
    unsigned flushers; /* threads that flush again and again */
    double seconds;
};

struct produced {
    double spans;       /* of all threads */
    double seconds;     /* that it took */
    double producer_ns; /* a span: the median over all ticks, of the thread that paid most */
    double flushes;
};

/* Ends the program when threads or memory cannot be had. */
struct produced produce(const struct load *load);

#endif
