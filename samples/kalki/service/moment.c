/* SPDX-License-Identifier: Apache-2.0 */
/*
 * moment.c - see moment.h.
 */
#include "service/moment.h"

#include <limits.h>

struct timespec moment_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now;
}

struct timespec moment_in(long milliseconds) {
    struct timespec moment = moment_now();
    moment.tv_sec += milliseconds / 1000;
    moment.tv_nsec += milliseconds % 1000 * 1000000L;
    if (moment.tv_nsec >= 1000000000L) {
        moment.tv_sec++;
        moment.tv_nsec -= 1000000000L;
    }
    return moment;
}

static int64_t nanoseconds_between(const struct timespec *begin, const struct timespec *end) {
    return (int64_t)(end->tv_sec - begin->tv_sec) * 1000000000 + (end->tv_nsec - begin->tv_nsec);
}

int moment_left_ms(const struct timespec *moment) {
    struct timespec now = moment_now();
    int64_t left = nanoseconds_between(&now, moment);
    int64_t milliseconds = left > 0 ? (left + 999999) / 1000000 : 0;
    return milliseconds < INT_MAX ? (int)milliseconds : INT_MAX;
}

struct timespec moment_earlier(struct timespec a, struct timespec b) {
    return nanoseconds_between(&a, &b) > 0 ? a : b;
}

double moment_seconds_since(const struct timespec *begin) {
    struct timespec now = moment_now();
    return (double)nanoseconds_between(begin, &now) / 1e9;
}

void moment_condition(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attributes);
    pthread_condattr_destroy(&attributes);
}
