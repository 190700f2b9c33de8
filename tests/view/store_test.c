/* SPDX-License-Identifier: Apache-2.0 */
/* The bounds of the store, duplicates, and the order in which traces go and wait. */
#include "decode.h"
#include "fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const size_t plenty = 1 << 20;

static void add_one(struct view_store *store, uint8_t trace, uint64_t id, const char *name) {
    const struct fixture_span span = { .service = "a", .trace = trace, .id = id, .name = name };
    fixture_add(store, &span, 1, 7);
}

static void test_spans_are_kept_by_trace(void **state) {
    (void)state;
    struct view_store *store = view_store_new(10, plenty);
    add_one(store, 1, 1, "x");
    add_one(store, 2, 1, "x");
    add_one(store, 1, 2, "x");
    assert_int_equal(fixture_trace(store, 1)->span_count, 2);
    assert_int_equal(fixture_trace(store, 2)->span_count, 1);
    assert_null(fixture_trace(store, 3));
    assert_int_equal(view_store_stats(store).traces_kept, 2);
    assert_int_equal(fixture_trace(store, 1)->last_arrival, 7);
    view_store_free(store);
}

static void test_a_duplicate_is_counted_and_not_kept(void **state) {
    (void)state;
    struct view_store *store = view_store_new(10, plenty);
    add_one(store, 1, 1, "first");
    size_t bytes = view_store_stats(store).bytes_kept;
    add_one(store, 1, 1, "second");
    struct view_store_stats stats = view_store_stats(store);
    assert_int_equal(stats.duplicates, 1);
    assert_int_equal(stats.spans, 1);
    assert_int_equal(stats.bytes_kept, bytes);
    assert_int_equal(fixture_trace(store, 1)->span_count, 1);
    view_store_free(store);
}

static void test_the_oldest_trace_goes_first(void **state) {
    (void)state;
    struct view_store *store = view_store_new(2, plenty);
    add_one(store, 1, 1, "x");
    add_one(store, 2, 1, "x");
    add_one(store, 1, 2, "x"); /* still the oldest */
    add_one(store, 3, 1, "x");
    assert_null(fixture_trace(store, 1));
    assert_non_null(fixture_trace(store, 2));
    assert_non_null(fixture_trace(store, 3));
    assert_ptr_equal(view_store_newest(store), fixture_trace(store, 3));
    assert_ptr_equal(view_store_first(store), fixture_trace(store, 2));
    struct view_store_stats stats = view_store_stats(store);
    assert_int_equal(stats.evicted_traces, 1);
    assert_int_equal(stats.evicted_spans, 2);
    assert_int_equal(stats.traces_kept, 2);
    assert_int_equal(stats.spans_kept, 2);
    view_store_free(store);
}

static void test_bytes_are_bounded(void **state) {
    (void)state;
    const size_t bound = 16 * 1024;
    struct view_store *store = view_store_new(1000, bound);
    for (uint8_t trace = 1; trace < 200; trace++) {
        add_one(store, trace, 1, "a name of some length, which is kept with the span");
        assert_true(view_store_stats(store).bytes_kept <= bound);
    }
    assert_non_null(fixture_trace(store, 199));
    assert_null(fixture_trace(store, 1));
    assert_true(view_store_stats(store).traces_kept > 5);
    view_store_free(store);
}

static void test_a_trace_too_large_for_the_store_loses_spans(void **state) {
    (void)state;
    const size_t bound = 16 * 1024;
    struct view_store *store = view_store_new(1000, bound);
    enum { COUNT = 200 };
    struct fixture_span spans[COUNT];
    for (size_t i = 0; i < COUNT; i++) {
        spans[i] = (struct fixture_span){ .service = "a", .trace = 1, .id = i + 1, .name = "x" };
    }
    struct fixture_bytes request = fixture_request(spans, COUNT);
    add_one(store, 2, 1, "x");
    struct view_decode_result result = view_decode(request.bytes, request.len, store, 0);
    struct view_store_stats stats = view_store_stats(store);
    assert_null(fixture_trace(store, 2));
    assert_true(stats.dropped > 0);
    assert_int_equal(result.rejected, stats.dropped);
    assert_non_null(result.reason);
    assert_int_equal(fixture_trace(store, 1)->span_count + stats.dropped, COUNT);
    assert_true(stats.bytes_kept <= bound);

    /* A dropped span is no duplicate when it comes again. */
    result = view_decode(request.bytes, request.len, store, 0);
    assert_int_equal(result.rejected, stats.dropped);
    assert_int_equal(view_store_stats(store).duplicates, COUNT - stats.dropped);
    free(request.bytes);
    view_store_free(store);
}

static void test_a_span_larger_than_the_store_leaves_nothing(void **state) {
    (void)state;
    char name[4096];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    struct view_store *store = view_store_new(10, 2048);
    const struct fixture_span span = { .service = "a", .trace = 1, .id = 1, .name = name };
    struct fixture_bytes request = fixture_request(&span, 1);
    assert_int_equal(view_decode(request.bytes, request.len, store, 0).rejected, 1);
    assert_null(fixture_trace(store, 1));
    assert_int_equal(view_store_stats(store).bytes_kept, 0);
    assert_int_equal(view_store_stats(store).traces, 0);
    free(request.bytes);
    view_store_free(store);
}

static void test_all_memory_is_accounted_for(void **state) {
    (void)state;
    struct view_store *store = view_store_new(1, plenty);
    fixture_add(store, fixture_search, fixture_search_count, 0);
    add_one(store, 1, 1, "x");
    struct view_store_stats stats = view_store_stats(store);
    assert_int_equal(stats.traces_kept, 1);
    struct view_store *fresh = view_store_new(1, plenty);
    add_one(fresh, 1, 1, "x");
    assert_int_equal(stats.bytes_kept, view_store_stats(fresh).bytes_kept);
    view_store_free(fresh);
    view_store_free(store);
}

static void remember_evicted(struct view_trace *trace, void *arg) {
    *(uint8_t *)arg = trace->id[0];
    assert_true(trace->is_pending);
}

static void test_pending_traces_wait_in_order_and_are_seen_off(void **state) {
    (void)state;
    uint8_t evicted = 0;
    struct view_store *store = view_store_new(3, plenty);
    view_store_on_evict(store, remember_evicted, &evicted);
    add_one(store, 1, 1, "x");
    add_one(store, 2, 1, "x");
    add_one(store, 3, 1, "x");
    assert_ptr_equal(view_store_first_pending(store), fixture_trace(store, 1));
    view_store_mark_shown(fixture_trace(store, 1));
    assert_ptr_equal(view_store_first_pending(store), fixture_trace(store, 2));
    add_one(store, 1, 2, "x"); /* pending again, behind the others */
    assert_ptr_equal(view_store_next_pending(store, fixture_trace(store, 3)), fixture_trace(store, 1));
    assert_int_equal(fixture_trace(store, 1)->shown_count, 1);
    add_one(store, 4, 1, "x");
    assert_int_equal(evicted, 1);
    view_store_free(store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_spans_are_kept_by_trace),
        cmocka_unit_test(test_a_duplicate_is_counted_and_not_kept),
        cmocka_unit_test(test_the_oldest_trace_goes_first),
        cmocka_unit_test(test_bytes_are_bounded),
        cmocka_unit_test(test_a_trace_too_large_for_the_store_loses_spans),
        cmocka_unit_test(test_a_span_larger_than_the_store_leaves_nothing),
        cmocka_unit_test(test_all_memory_is_accounted_for),
        cmocka_unit_test(test_pending_traces_wait_in_order_and_are_seen_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
