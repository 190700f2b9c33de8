/* SPDX-License-Identifier: Apache-2.0 */
/*
 * moments.h - the two clocks: one that never jumps, for durations, and the one on the wall, for people.
 */
#ifndef KALKI_MOMENTS_H
#define KALKI_MOMENTS_H

#include <stdint.h>
#include <time.h>

/** Since some fixed moment; never goes back. */
static inline uint64_t steady_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static inline uint64_t steady_ms(void) { return steady_ns() / 1000000u; }

/** How long ago that was. */
static inline double seconds_since(uint64_t began_ns) { return (double)(steady_ns() - began_ns) / 1e9; }

/** Since 1970. */
static inline int64_t wall_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#endif
