/* SPDX-License-Identifier: Apache-2.0 */
/*
 * moment.h - two clocks: one that never jumps, which says how long something took and until when it may, and the one on the
 * wall, for people.
 */
#ifndef KALKI_MOMENT_H
#define KALKI_MOMENT_H

#include <pthread.h>
#include <stdint.h>
#include <time.h>

/* ---- numbers ---- */

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

/* ---- points in time, on the clock that never jumps ---- */

struct timespec moment_now(void);
/** The moment so many milliseconds from now. */
struct timespec moment_in(long milliseconds);
/** Milliseconds until a moment, rounded up; 0 when it has passed. */
int moment_left_ms(const struct timespec *moment);
/** The earlier of two. */
struct timespec moment_earlier(struct timespec a, struct timespec b);
double moment_seconds_since(const struct timespec *begin);

/** A condition whose timed waits go by this clock. */
void moment_condition(pthread_cond_t *condition);

#endif
