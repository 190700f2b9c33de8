/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sync.h - the two things threads wait on: a small lock and a futex.
 *
 * The lock guards short stretches of code that call nothing foreign. It is a plain word, so that a zeroed one is free:
 * it can lie in memory that a fork wipes. Unlocking is a plain release store, which is half the cost of a
 * compare-and-swap; the price is that a waiter is not woken but looks again after a short sleep, and contention is
 * rare by design.
 */
#ifndef OTEL_SDK_SYNC_H
#define OTEL_SDK_SYNC_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

typedef _Atomic uint32_t otel__lock;

void otel__lock_wait(otel__lock *lock);

static inline void otel__lock_acquire(otel__lock *lock) {
    uint32_t free_ = 0;
    if (!atomic_compare_exchange_strong_explicit(lock, &free_, 1, memory_order_acquire, memory_order_relaxed))
        otel__lock_wait(lock);
}

static inline bool otel__lock_try(otel__lock *lock) {
    uint32_t free_ = 0;
    return atomic_compare_exchange_strong_explicit(lock, &free_, 1, memory_order_acquire, memory_order_relaxed);
}

static inline void otel__lock_release(otel__lock *lock) { atomic_store_explicit(lock, 0, memory_order_release); }

/* Neither is a cancellation point: a thread that ended in here would leave things half done. Both preserve errno. */
void otel__sleep_ms(int ms);
/* A tenth of a millisecond, for what is over soon. */
void otel__nap(void);

#define OTEL__NO_DEADLINE UINT64_MAX

/*
 * Sleeps while `*word` equals `value`, at most until `deadline` (ns of CLOCK_MONOTONIC). May return early: callers
 * check again. False only when the deadline has passed. Preserves errno.
 */
bool otel__futex_wait(_Atomic uint32_t *word, uint32_t value, uint64_t deadline);
/* Wakes everyone who sleeps on `word`. Preserves errno. */
void otel__futex_wake(_Atomic uint32_t *word);

#endif
