/* SPDX-License-Identifier: Apache-2.0 */
/* sync_test.c - the lock excludes, the futex wakes and times out, and neither touches errno. */
#include "base/sync.h"

#include "base/clock.h"
#include "exporter_double.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { THREADS = 4, ROUNDS = 20000 };

/* ---- the lock ---------------------------------------------------------------------------------------------------- */

struct guarded {
    otel__lock lock;
    uint64_t count, twin; /* not atomic on purpose: a sanitizer sees a lock that lets two in, or that orders nothing */
    _Atomic unsigned torn, errnos;
};

static void *count_up(void *data) {
    struct guarded *guarded = data;
    for (unsigned i = 0; i < ROUNDS; i++) {
        errno = EDOM;
        otel__lock_acquire(&guarded->lock);
        if (guarded->count != guarded->twin)
            atomic_fetch_add(&guarded->torn, 1);
        guarded->count++;
        guarded->twin++;
        otel__lock_release(&guarded->lock);
        if (errno != EDOM)
            atomic_fetch_add(&guarded->errnos, 1);
    }
    return NULL;
}

static void the_lock_lets_in_one_at_a_time(void **state) {
    (void)state;
    static struct guarded guarded;
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_up, &guarded), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(guarded.count, (uint64_t)THREADS * ROUNDS);
    assert_int_equal(guarded.torn, 0);
    assert_int_equal(guarded.errnos, 0);
}

static void a_held_lock_is_not_to_be_had(void **state) {
    (void)state;
    otel__lock lock = 0;
    assert_true(otel__lock_try(&lock));
    assert_false(otel__lock_try(&lock));
    otel__lock_release(&lock);
    assert_int_equal(lock, 0); /* as after a wipe */
    otel__lock_acquire(&lock);
    assert_false(otel__lock_try(&lock));
    otel__lock_release(&lock);
}

struct waiter {
    otel__lock lock;
    _Atomic bool begun, got_it;
};

static void *wait_for_lock(void *data) {
    struct waiter *waiter = data;
    atomic_store(&waiter->begun, true);
    errno = EDOM;
    otel__lock_acquire(&waiter->lock);
    atomic_store(&waiter->got_it, errno == EDOM);
    otel__lock_release(&waiter->lock);
    return NULL;
}

/* Long enough for the waiter to sleep: it finds the lock free without being woken. */
static void a_waiter_gets_the_lock_when_it_is_released(void **state) {
    (void)state;
    static struct waiter waiter;
    pthread_t thread;
    otel__lock_acquire(&waiter.lock);
    assert_int_equal(pthread_create(&thread, NULL, wait_for_lock, &waiter), 0);
    assert_soon(atomic_load(&waiter.begun));
    otel__sleep_ms(20);
    assert_false(atomic_load(&waiter.got_it));
    otel__lock_release(&waiter.lock);
    pthread_join(thread, NULL);
    assert_true(atomic_load(&waiter.got_it));
}

/* ---- the futex --------------------------------------------------------------------------------------------------- */

struct sleeper {
    _Atomic uint32_t word;
    _Atomic unsigned woken, errnos;
};

static void *sleep_until_one(void *data) {
    struct sleeper *sleeper = data;
    errno = EDOM;
    while (atomic_load(&sleeper->word) == 0)
        otel__futex_wait(&sleeper->word, 0, OTEL__NO_DEADLINE);
    if (errno != EDOM)
        atomic_fetch_add(&sleeper->errnos, 1);
    atomic_fetch_add(&sleeper->woken, 1);
    return NULL;
}

static void a_wake_reaches_every_sleeper(void **state) {
    (void)state;
    static struct sleeper sleeper;
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, sleep_until_one, &sleeper), 0);
    otel__sleep_ms(20);
    assert_int_equal(atomic_load(&sleeper.woken), 0);
    errno = EDOM;
    atomic_store(&sleeper.word, 1);
    otel__futex_wake(&sleeper.word);
    assert_int_equal(errno, EDOM);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(sleeper.woken, THREADS);
    assert_int_equal(sleeper.errnos, 0);
}

static void a_wait_ends_at_its_deadline_and_not_before(void **state) {
    (void)state;
    _Atomic uint32_t word = 5;
    errno = EDOM;
    const uint64_t deadline = otel__clock_monotonic() + 30 * OTEL__MILLISECOND;
    while (otel__futex_wait(&word, 5, deadline)) {}
    assert_true(otel__clock_monotonic() >= deadline);
    assert_int_equal(errno, EDOM);
}

static void a_deadline_in_the_past_ends_the_wait_at_once(void **state) {
    (void)state;
    _Atomic uint32_t word = 5;
    assert_false(otel__futex_wait(&word, 5, 0));
    assert_false(otel__futex_wait(&word, 5, otel__clock_monotonic() - 1));
}

static void another_value_ends_the_wait_at_once(void **state) {
    (void)state;
    _Atomic uint32_t word = 5;
    errno = EDOM;
    assert_true(otel__futex_wait(&word, 4, OTEL__NO_DEADLINE));
    assert_int_equal(errno, EDOM);
}

/* ---- deadlines --------------------------------------------------------------------------------------------------- */

static void deadlines_count_in_milliseconds_rounded_up(void **state) {
    (void)state;
    const uint64_t before = otel__clock_monotonic();
    const uint64_t in_a_second = otel__deadline_in(1000, 5);
    const uint64_t otherwise = otel__deadline_in(-1, 30000);
    const uint64_t after = otel__clock_monotonic();
    assert_in_range(in_a_second, before + OTEL__SECOND, after + OTEL__SECOND);
    assert_in_range(otherwise, before + 30 * OTEL__SECOND, after + 30 * OTEL__SECOND);
    assert_int_equal(otel__deadline_left_ms(0), 0);
    assert_int_equal(otel__deadline_left_ms(before), 0);
    assert_int_equal(otel__deadline_left_ms(OTEL__NO_DEADLINE), INT32_MAX);
    assert_in_range(otel__deadline_left_ms(otel__deadline_in(0, 5) + OTEL__SECOND), 1, 1001);
    /* A rest of less than a millisecond is a rest: whoever asks must not be told 0 too early. */
    const uint64_t far = otel__clock_monotonic() + 100 * OTEL__SECOND + 1;
    assert_in_range(otel__deadline_left_ms(far), 1, 100001);
}

static void ignore(int signal_number) { (void)signal_number; }

static void sleeping_leaves_errno_alone_also_when_interrupted(void **state) {
    (void)state;
    struct sigaction action = { .sa_handler = ignore };
    sigaction(SIGALRM, &action, NULL);
    struct itimerspec soon = { .it_value = { .tv_nsec = 5 * 1000 * 1000 } };
    timer_t timer;
    assert_int_equal(timer_create(CLOCK_MONOTONIC, NULL, &timer), 0);
    timer_settime(timer, 0, &soon, NULL);
    errno = EDOM;
    otel__sleep_ms(1000);
    assert_int_equal(errno, EDOM);
    timer_delete(timer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_lock_lets_in_one_at_a_time),
        cmocka_unit_test(a_held_lock_is_not_to_be_had),
        cmocka_unit_test(a_waiter_gets_the_lock_when_it_is_released),
        cmocka_unit_test(a_wake_reaches_every_sleeper),
        cmocka_unit_test(a_wait_ends_at_its_deadline_and_not_before),
        cmocka_unit_test(a_deadline_in_the_past_ends_the_wait_at_once),
        cmocka_unit_test(another_value_ends_the_wait_at_once),
        cmocka_unit_test(deadlines_count_in_milliseconds_rounded_up),
        cmocka_unit_test(sleeping_leaves_errno_alone_also_when_interrupted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
