/* SPDX-License-Identifier: Apache-2.0 */
/*
 * moment.h - points in time on the monotonic clock: how long something took, and until when it may.
 */
#ifndef KALKI_MOMENT_H
#define KALKI_MOMENT_H

#include <pthread.h>
#include <time.h>

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
