/* SPDX-License-Identifier: Apache-2.0 */
/* sync.c - see sync.h. */
#include "base/sync.h"

#include "base/clock.h"
#include "cancellation.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { SPINS = 64, SLEEP_NS = 50000, NAP_NS = 100000 };

/* nanosleep() is a cancellation point. */
static void sleep_for(struct timespec time) {
    const int saved = errno;
    const int cancellation = otel__cancellation_hold();
    nanosleep(&time, NULL);
    otel__cancellation_allow(cancellation);
    errno = saved;
}

void otel__lock_wait(otel__lock *lock) {
    for (unsigned spins = 0; !otel__lock_try(lock); spins++)
        if (spins >= SPINS)
            sleep_for((struct timespec){ .tv_nsec = SLEEP_NS });
}

void otel__sleep_ms(int ms) {
    sleep_for((struct timespec){ .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * (long)OTEL__MILLISECOND });
}

void otel__nap(void) { sleep_for((struct timespec){ .tv_nsec = NAP_NS }); }

bool otel__futex_wait(_Atomic uint32_t *word, uint32_t value, uint64_t deadline) {
    const int saved = errno;
    struct timespec until = { .tv_sec = (time_t)(deadline / OTEL__SECOND), .tv_nsec = (long)(deadline % OTEL__SECOND) };
    /* The bitset form takes an absolute time, so that early returns don't add up. */
    const long rc = syscall(SYS_futex, word, FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG, value,
                            deadline == OTEL__NO_DEADLINE ? NULL : &until, NULL, FUTEX_BITSET_MATCH_ANY);
    const bool in_time = !(rc == -1 && errno == ETIMEDOUT);
    errno = saved;
    return in_time;
}

void otel__futex_wake(_Atomic uint32_t *word) {
    const int saved = errno;
    syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT32_MAX, NULL, NULL, 0);
    errno = saved;
}
