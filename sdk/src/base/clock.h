/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.h - reading clocks, in ns. Deadlines are of CLOCK_MONOTONIC, since futexes and poll count that way.
 */
#ifndef OTEL_SDK_CLOCK_H
#define OTEL_SDK_CLOCK_H

#include <stdint.h>
#include <time.h>

#define OTEL__SECOND UINT64_C(1000000000)
#define OTEL__MILLISECOND UINT64_C(1000000)

/* Tests set this to run against a clock of their own; NULL: the system's. */
extern uint64_t (*otel__clock_for_tests)(clockid_t id);

static inline uint64_t otel__clock_read(clockid_t id) {
    if (__builtin_expect(otel__clock_for_tests != NULL, 0))
        return otel__clock_for_tests(id);
    struct timespec t;
    clock_gettime(id, &t);
    return (uint64_t)t.tv_sec * OTEL__SECOND + (uint64_t)t.tv_nsec;
}

/* Time since 1970. */
static inline uint64_t otel__clock_wall(void) { return otel__clock_read(CLOCK_REALTIME); }
/* Steady time that goes on while the machine sleeps: what span durations are measured with. */
static inline uint64_t otel__clock_steady(void) { return otel__clock_read(CLOCK_BOOTTIME); }
/*
 * Wall time minus steady time, given the steady time read just now; as it was about a millisecond ago at most. A
 * thread that is interrupted between reading the two clocks would get an offset too large by the length of the
 * interruption, so one is believed only if it is that of the last careful reading, give or take what reading takes;
 * otherwise both are read again until that went quickly.
 */
int64_t otel__clock_offset(uint64_t steady);
/* Time for deadlines; never faked, since the kernel's waits cannot be. */
static inline uint64_t otel__clock_monotonic(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * OTEL__SECOND + (uint64_t)t.tv_nsec;
}

/* The moment `timeout_ms` from now; negative: `otherwise_ms` from now. */
uint64_t otel__deadline_in(int timeout_ms, int otherwise_ms);
/* Milliseconds left until `deadline`, rounded up, 0 when it has passed, at most INT32_MAX. */
int otel__deadline_left_ms(uint64_t deadline);

#endif
