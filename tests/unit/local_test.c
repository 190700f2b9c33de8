/* SPDX-License-Identifier: Apache-2.0 */
/*
 * local_test.c - what the SDK keeps for each thread: blocks of their own, counters that add up, nothing after a fork.
 */
#include "local.h"

#include "in_child.h"
#include "thread.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

enum { THREADS = 4, ROUNDS = 50000 };

static int prepare(void **state) {
    (void)state;
    return otel__locals_init() ? 0 : -1;
}

static int reset(void **state) {
    (void)state;
    otel__locals_reset();
    return 0;
}

static struct otel__local *mine(void) { return otel__local_of(otel__thread_self()); }

static void a_thread_keeps_its_block(void **state) {
    (void)state;
    struct otel__local *local = mine();
    assert_ptr_equal(mine(), local);
    assert_false(atomic_load(&local->shared));
    assert_int_equal(local->cached, 0);
    assert_false(local->seeded);
}

static void *count_alone(void *data) {
    struct otel__local *local = mine();
    for (unsigned i = 0; i < ROUNDS; i++) {
        otel__count(local, OTEL__STARTED);
        otel__count_add(local, OTEL__DROPPED_LINKS, 3);
    }
    *(struct otel__local **)data = local;
    return NULL;
}

/* The counts outlive the threads, or the ledger would shrink. */
static void counters_add_up_over_threads_that_come_and_go(void **state) {
    (void)state;
    for (unsigned round = 1; round <= 3; round++) {
        pthread_t threads[THREADS];
        struct otel__local *locals[THREADS];
        for (unsigned i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, count_alone, &locals[i]), 0);
        for (unsigned i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        assert_int_equal(otel__locals_sum(OTEL__STARTED), (uint64_t)round * THREADS * ROUNDS);
        assert_int_equal(otel__locals_sum(OTEL__DROPPED_LINKS), 3 * (uint64_t)round * THREADS * ROUNDS);
        assert_int_equal(otel__locals_sum(OTEL__ENDED), 0);
    }
    otel__locals_reset();
    assert_int_equal(otel__locals_sum(OTEL__STARTED), 0);
}

static void every_counter_is_one_of_its_own(void **state) {
    (void)state;
    struct otel__local *local = mine();
    for (unsigned c = 0; c < OTEL__COUNTERS; c++)
        otel__count_add(local, c, c + 1);
    for (unsigned c = 0; c < OTEL__COUNTERS; c++)
        assert_int_equal(otel__locals_sum((otel__counter)c), c + 1);
    otel__locals_reset();
    for (unsigned c = 0; c < OTEL__COUNTERS; c++)
        assert_int_equal(otel__locals_sum((otel__counter)c), 0);
}

static void *count_together(void *data) {
    const struct otel__thread *nobody = data;
    for (unsigned i = 0; i < ROUNDS; i++)
        otel__count(otel__local_of(nobody), OTEL__REFUSED);
    return NULL;
}

/* Block 0 belongs to all threads whose state is gone, so nothing may be lost when several count there. */
static void the_shared_block_is_counted_in_by_all(void **state) {
    (void)state;
    struct otel__thread nobody = { .index = 0 };
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_together, &nobody), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(otel__locals_sum(OTEL__REFUSED), (uint64_t)THREADS * ROUNDS);
    assert_true(atomic_load(&otel__local_of(&nobody)->shared));
}

static void the_highest_index_has_a_block_too(void **state) {
    (void)state;
    struct otel__thread last = { .index = OTEL__MAX_THREADS - 1 };
    struct otel__thread one_before = { .index = OTEL__MAX_THREADS - 2 };
    assert_ptr_not_equal(otel__local_of(&last), otel__local_of(&one_before));
    assert_false(atomic_load(&otel__local_of(&last)->shared));
    otel__count(otel__local_of(&last), OTEL__DROPPED_LINKS);
    otel__count(otel__local_of(&one_before), OTEL__DROPPED_LINKS);
    assert_int_equal(otel__locals_sum(OTEL__DROPPED_LINKS), 2);
}

static int starts_from_zero(void *argument) {
    (void)argument;
    for (unsigned c = 0; c < OTEL__COUNTERS; c++)
        STEP(otel__locals_sum((otel__counter)c) == 0);
    STEP(mine()->cached == 0 && !mine()->seeded && mine()->birth == 0 && mine()->last_birth == 0);
    otel__count(mine(), OTEL__STARTED);
    STEP(otel__locals_sum(OTEL__STARTED) == 1);
    return 0;
}

static void a_child_starts_from_zero(void **state) {
    (void)state;
    struct otel__local *local = mine();
    otel__count(local, OTEL__STARTED);
    otel__count(local, OTEL__ENDED);
    local->cached = 3;
    local->seeded = true;
    local->birth = local->last_birth = 1000;
    assert_int_equal(in_child(starts_from_zero, NULL), 0);
    assert_int_equal(otel__locals_sum(OTEL__STARTED), 1);
    local->cached = 0;
}

/* ---- without memory: in processes in which nothing has been prepared --------------------------------------------- */

static int outcome_without_any_memory, outcome_without_more_memory;

static bool forbid_more_memory(void) {
    const struct rlimit nothing = { .rlim_cur = 4096, .rlim_max = RLIM_INFINITY };
    return setrlimit(RLIMIT_DATA, &nothing) == 0;
}

static bool allow_memory(void) {
    const struct rlimit all = { .rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY };
    return setrlimit(RLIMIT_DATA, &all) == 0;
}

static int prepares_later(void *argument) {
    (void)argument;
    STEP(forbid_more_memory());
    STEP(!otel__locals_init());
    STEP(allow_memory());
    STEP(otel__locals_init());
    otel__count(mine(), OTEL__STARTED);
    STEP(otel__locals_sum(OTEL__STARTED) == 1);
    /* A second attempt, after something else had failed, changes nothing. */
    STEP(otel__locals_init());
    STEP(otel__locals_sum(OTEL__STARTED) == 1);
    return 0;
}

static int shares_block_0(void *argument) {
    (void)argument;
    STEP(otel__locals_init());
    STEP(forbid_more_memory());
    struct otel__thread some = { .index = 20000 };
    struct otel__local *local = otel__local_of(&some);
    STEP(atomic_load(&local->shared));
    otel__count(local, OTEL__STARTED);
    STEP(otel__locals_sum(OTEL__STARTED) == 1);
    return 0;
}

static int run_without_memory_then_prepare(void **state) {
    outcome_without_any_memory = in_child(prepares_later, NULL);
    outcome_without_more_memory = in_child(shares_block_0, NULL);
    return prepare(state);
}

static void without_any_memory_the_preparation_fails_and_can_be_repeated(void **state) {
    (void)state;
    assert_int_equal(outcome_without_any_memory, 0);
}

static void threads_without_memory_share_block_0(void **state) {
    (void)state;
    assert_int_equal(outcome_without_more_memory, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_thread_keeps_its_block, reset),
        cmocka_unit_test_setup(counters_add_up_over_threads_that_come_and_go, reset),
        cmocka_unit_test_setup(every_counter_is_one_of_its_own, reset),
        cmocka_unit_test_setup(the_shared_block_is_counted_in_by_all, reset),
        cmocka_unit_test_setup(the_highest_index_has_a_block_too, reset),
        cmocka_unit_test_setup(a_child_starts_from_zero, reset),
        cmocka_unit_test(without_any_memory_the_preparation_fails_and_can_be_repeated),
        cmocka_unit_test(threads_without_memory_share_block_0),
    };
    return cmocka_run_group_tests(tests, run_without_memory_then_prepare, NULL);
}
