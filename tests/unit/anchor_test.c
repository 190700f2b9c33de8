/* SPDX-License-Identifier: Apache-2.0 */
/* anchor_test.c - the clock that the local spans of a trace share is found by trace id, is right or is not found. */
#include "anchor.h"
#include "in_child.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { THREADS = 4, ROUNDS = 100000, TRACES = 3000 };

static uint64_t spread(uint64_t n) { return (n + 1) * UINT64_C(0xD1B54A32D192ED03); }

static int make_table(void **state) {
    (void)state;
    return otel__anchors_init() ? 0 : -1;
}

static void what_was_set_is_found(void **state) {
    (void)state;
    int64_t offset = 0;
    otel__anchor_set(42, 1234567890123456789);
    assert_true(otel__anchor_get(42, &offset));
    assert_int_equal(offset, 1234567890123456789);
    otel__anchor_set(42, -5);
    assert_true(otel__anchor_get(42, &offset));
    assert_int_equal(offset, -5);
    otel__anchor_set(42, 0);
    assert_true(otel__anchor_get(42, &offset));
    assert_int_equal(offset, 0);
}

/* Zero among them: the table's empty places hold zeros, and are no anchors of trace 0 with offset 0. */
static void what_was_not_set_is_not_found(void **state) {
    (void)state;
    int64_t offset;
    for (uint64_t n = 0; n < 100000; n++)
        assert_false(otel__anchor_get(n == 0 ? 0 : spread(n), &offset));
    otel__anchor_set(0, 7);
    assert_true(otel__anchor_get(0, &offset));
    assert_int_equal(offset, 7);
}

/*
 * Ids that are random in their upper or their lower half only, such as other systems make, don't crowd in few places.
 */
static void most_traces_of_the_last_moments_are_found_whatever_their_ids(void **state) {
    (void)state;
    const unsigned shifts[] = { 0, 8, 32, 48 };
    for (unsigned s = 0; s < sizeof shifts / sizeof *shifts; s++) {
        unsigned found = 0;
        int64_t offset;
        for (uint64_t n = 0; n < 1000; n++)
            otel__anchor_set((n + 1) << shifts[s], (int64_t)n);
        for (uint64_t n = 0; n < 1000; n++)
            if (otel__anchor_get((n + 1) << shifts[s], &offset)) {
                assert_int_equal(offset, n);
                found++;
            }
        assert_in_range(found, 700, 1000);
    }
}

static _Atomic unsigned wrong, found_right;

/* Every thread writes all traces, each with offsets that tell their trace. */
static void *write_and_read(void *data) {
    const uint64_t me = (uint64_t)(uintptr_t)data;
    for (uint64_t round = 0; round < ROUNDS; round++) {
        const uint64_t trace = spread(round * 7 % TRACES);
        int64_t offset;
        otel__anchor_set(trace, (int64_t)(trace * 8 + me));
        if (otel__anchor_get(spread(round * 13 % TRACES), &offset)) {
            if ((uint64_t)offset - spread(round * 13 % TRACES) * 8 >= THREADS)
                atomic_fetch_add(&wrong, 1);
            else
                atomic_fetch_add(&found_right, 1);
        }
    }
    return NULL;
}

static void no_trace_gets_anothers_clock_under_threads(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, write_and_read, (void *)i), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(wrong, 0);
    assert_int_not_equal(found_right, 0);
}

static int knows_nothing(void *argument) {
    (void)argument;
    int64_t offset;
    STEP(!otel__anchor_get(42, &offset));
    otel__anchor_set(42, 9);
    STEP(otel__anchor_get(42, &offset) && offset == 9);
    return 0;
}

static void a_child_begins_with_an_empty_table(void **state) {
    (void)state;
    int64_t offset;
    otel__anchor_set(42, 8);
    assert_int_equal(in_child(knows_nothing, NULL), 0);
    assert_true(otel__anchor_get(42, &offset));
    assert_int_equal(offset, 8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_not_set_is_not_found),
        cmocka_unit_test(what_was_set_is_found),
        cmocka_unit_test(most_traces_of_the_last_moments_are_found_whatever_their_ids),
        cmocka_unit_test(no_trace_gets_anothers_clock_under_threads),
        cmocka_unit_test(a_child_begins_with_an_empty_table),
    };
    return cmocka_run_group_tests(tests, make_table, NULL);
}
