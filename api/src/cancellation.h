/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cancellation.h - keeps the calling thread from being cancelled in the middle of something.
 *
 * Whatever waits may be a cancellation point, functions of the program's that we call above all. A thread that is
 * cancelled in one leaves our frames behind, and with them what they had taken: a turn at exporting, references, a
 * state that only they would have changed back. So it is cancelled afterwards, at its next cancellation point.
 */
#ifndef OTEL_API_CANCELLATION_H
#define OTEL_API_CANCELLATION_H

#include <pthread.h>

/* Returns what otel__cancellation_allow() puts back, so that they may be nested. */
static inline int otel__cancellation_hold(void) {
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    return before;
}

static inline void otel__cancellation_allow(int before) {
    int held; /* POSIX does not say that NULL would do */
    pthread_setcancelstate(before, &held);
}

#endif
