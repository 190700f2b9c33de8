/* SPDX-License-Identifier: Apache-2.0 */
/* fork_gate_test.c - forks and threads at the gate. */
#include "common/fork_gate.h"

#include "base/clock.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint64_t in_ms(uint64_t ms) { return otel__clock_monotonic() + ms * OTEL__MILLISECOND; }

static void closed_while_a_fork_is_under_way(void **state) {
    (void)state;
    struct otel__fork_gate gate = { 0 };
    assert_true(otel__fork_gate_enter(&gate, 0));
    otel__fork_gate_leave(&gate);
    otel__fork_gate_close(&gate);
    assert_false(otel__fork_gate_enter(&gate, in_ms(5)));
    otel__fork_gate_close(&gate); /* a second thread forks */
    otel__fork_gate_open(&gate, false);
    assert_false(otel__fork_gate_enter(&gate, in_ms(5)));
    otel__fork_gate_open(&gate, false);
    assert_true(otel__fork_gate_enter(&gate, 0));
    otel__fork_gate_leave(&gate);
}

static void a_child_starts_afresh(void **state) {
    (void)state;
    struct otel__fork_gate gate = { 0 };
    assert_true(otel__fork_gate_enter(&gate, 0)); /* by a thread that the child does not have */
    otel__fork_gate_close(&gate);
    assert_false(otel__fork_gate_empty(&gate));
    otel__fork_gate_open(&gate, true);
    assert_true(otel__fork_gate_empty(&gate));
    assert_true(otel__fork_gate_enter(&gate, 0));
    otel__fork_gate_leave(&gate);
}

struct shared {
    struct otel__fork_gate gate;
    atomic_bool stop;
    atomic_int rounds;
    int inside; /* plain: the sanitizer sees if a fork does not exclude it */
};

static void *work(void *argument) {
    struct shared *shared = argument;
    while (!atomic_load(&shared->stop)) {
        if (!otel__fork_gate_enter(&shared->gate, in_ms(10000)))
            break;
        shared->inside++;
        atomic_fetch_add(&shared->rounds, 1);
        otel__fork_gate_leave(&shared->gate);
    }
    return NULL;
}

static void a_closed_gate_lets_out_who_is_inside(void **state) {
    (void)state;
    struct shared shared = { 0 };
    pthread_t thread;
    pthread_create(&thread, NULL, work, &shared);
    for (int i = 0; i < 300; i++) {
        for (int rounds = atomic_load(&shared.rounds); atomic_load(&shared.rounds) == rounds;)
            sched_yield();
        otel__fork_gate_close(&shared.gate);
        while (!otel__fork_gate_empty(&shared.gate))
            sched_yield();
        int seen = shared.inside;
        shared.inside = seen;
        otel__fork_gate_open(&shared.gate, false);
    }
    atomic_store(&shared.stop, true);
    pthread_join(thread, NULL);
    assert_int_equal(shared.inside, atomic_load(&shared.rounds));
}

struct forker {
    struct otel__fork_gate gate;
    bool entered, closed;
};

static void *close_and_open(void *argument) {
    struct forker *forker = argument;
    pthread_cancel(pthread_self());
    otel__fork_gate_close(&forker->gate);
    forker->entered = otel__fork_gate_enter(&forker->gate, in_ms(5));
    otel__fork_gate_open(&forker->gate, false);
    forker->closed = true;
    pthread_testcancel();
    return NULL;
}

/* It would leave the gate closed for ever: nobody undoes what it was about to do. */
static void a_thread_that_is_cancelled_forks_first(void **state) {
    (void)state;
    struct forker forker = { .closed = false };
    pthread_t thread;
    void *result = NULL;
    assert_true(otel__fork_gate_enter(&forker.gate, 0)); /* so that both have to wait */
    assert_int_equal(pthread_create(&thread, NULL, close_and_open, &forker), 0);
    pthread_join(thread, &result);
    assert_true(forker.closed);
    assert_false(forker.entered);
    assert_ptr_equal(result, PTHREAD_CANCELED);
    otel__fork_gate_leave(&forker.gate);
    assert_int_equal(atomic_load(&forker.gate.word), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(closed_while_a_fork_is_under_way),
                                        cmocka_unit_test(a_child_starts_afresh),
                                        cmocka_unit_test(a_closed_gate_lets_out_who_is_inside),
                                        cmocka_unit_test(a_thread_that_is_cancelled_forks_first) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
