/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process.h - what this process and its parts have used so far.
 */
#ifndef OTEL_BENCH_PROCESS_H
#define OTEL_BENCH_PROCESS_H

#include <stdint.h>
#include <time.h>

int64_t now_ns(clockid_t clock);

/* User and system time of all threads, in ns. */
double process_cpu_ns(void);
long process_peak_rss_kib(void);
long process_rss_kib(void);

/* How often threads of the SDK have gone to sleep, and thus been woken. */
unsigned long long process_worker_sleeps(void);

#endif
