/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h - the exporters' clock: ns of CLOCK_MONOTONIC, which deadlines are of.
 */
#ifndef OTEL_EXPORTERS_CLOCK_H
#define OTEL_EXPORTERS_CLOCK_H

#include <stdint.h>
#include <time.h>

#define OTEL__NS_PER_MS UINT64_C(1000000)
#define OTEL__NS_PER_S UINT64_C(1000000000)

static inline uint64_t otel__steady_now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * OTEL__NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Milliseconds until `deadline`, rounded up; 0 when it has passed. */
static inline int otel__ms_until(uint64_t deadline, uint64_t now) {
    uint64_t ms = deadline > now ? (deadline - now + OTEL__NS_PER_MS - 1) / OTEL__NS_PER_MS : 0;
    return ms < INT32_MAX ? (int)ms : INT32_MAX;
}

#endif
