/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_point_test.c - deltas are what came since the same reader's last reading; cumulative numbers go on beside them. */
#include "failing_allocator.h"
#include "metrics_fixture.h"

OTEL_COUNTER(orders, meter, "orders");
OTEL_COUNTER_DOUBLE(bytes, meter, "bytes");
OTEL_UP_DOWN_COUNTER(carts, meter, "carts");
OTEL_GAUGE(level, meter, "level");
OTEL_HISTOGRAM(duration, meter, "duration", "s");
OTEL_OBSERVABLE_COUNTER(cpu, meter, "cpu");

static void sums_are_read_as_deltas(void **state) {
    (void)state;
    otel_add(orders, 3);
    otel_add(bytes, 0.5);
    otel_add(carts, 2);
    otel_record(level, 9);
    flush_now();
    const struct metric_point *point = assert_metric(&pushed, "orders", "", 3);
    assert_int_equal(point->temporality, OTEL_TEMPORALITY_DELTA);
    const uint64_t first = point->time;
    assert_int_equal(assert_metric(&pushed, "carts", "", 2)->temporality, OTEL_TEMPORALITY_CUMULATIVE);
    otel_add(orders, 4);
    otel_add(bytes, 0.25);
    otel_add(carts, -1);
    flush_now();
    point = assert_metric(&pushed, "orders", "", 4);
    assert_int_equal(point->start_time, first);
    assert_true(point->time >= first);
    assert_metric(&pushed, "bytes", "", 0.25);
    assert_metric(&pushed, "carts", "", 1);
    assert_metric(&pushed, "level", "", 9);
    read_now();
    assert_metric(&pulled, "orders", "", 7); /* the other reader sees them all */
    assert_int_equal(pulled.points[0].temporality, OTEL_TEMPORALITY_CUMULATIVE);
}

static void what_did_not_change_is_not_there(void **state) {
    (void)state;
    otel_add(orders, 3, OTEL_ATTRS(OTEL_ATTR("k", 1)));
    otel_add(orders, 3, OTEL_ATTRS(OTEL_ATTR("k", 2)));
    flush_now();
    otel_add(orders, 1, OTEL_ATTRS(OTEL_ATTR("k", 2)));
    flush_now();
    assert_int_equal(metric_count(&pushed, NULL), 1);
    assert_metric(&pushed, "orders", "k=2", 1);
    otel_add(orders, 0, OTEL_ATTRS(OTEL_ATTR("k", 1))); /* measured, though it changed nothing */
    flush_now();
    assert_int_equal(metric_count(&pushed, NULL), 1);
    assert_metric(&pushed, "orders", "k=1", 0);
    const unsigned exports = pushed.exports;
    flush_now();
    assert_int_equal(pushed.exports, exports); /* there was nothing to be said */
}

static void histograms_are_read_as_deltas(void **state) {
    (void)state;
    otel_record(duration, 0.02);
    otel_record(duration, 3);
    flush_now();
    const struct metric_point *point = assert_histogram(&pushed, "duration", "", 2, 3.02);
    assert_true(point->min >= 0.02 && point->min <= 0.02 && point->max >= 3 && point->max <= 3);
    otel_record(duration, 0.5);
    otel_record(duration, 0.6);
    flush_now();
    point = assert_histogram(&pushed, "duration", "", 2, 1.1);
    assert_true(point->min >= 0.5 && point->min <= 0.5 && point->max >= 0.6 && point->max <= 0.6);
    assert_int_equal(point->buckets[2], 0);
    assert_int_equal(point->buckets[7], 1);
    assert_int_equal(point->buckets[8], 1);
    flush_now();
    read_now();
    point = assert_histogram(&pulled, "duration", "", 4, 4.12);
    assert_true(point->min >= 0.02 && point->min <= 0.02 && point->max >= 3 && point->max <= 3);
    assert_int_equal(point->temporality, OTEL_TEMPORALITY_CUMULATIVE);
}

static void observe(void *data, otel_observer *observer) { otel_observe(observer, cpu, *(int *)data); }

static void observed_sums_are_read_as_deltas(void **state) {
    (void)state;
    int value = 10;
    const uint64_t registration = otel_observe_with(observe, &value);
    flush_now();
    assert_metric(&pushed, "cpu", "", 10);
    value = 15;
    flush_now();
    assert_metric(&pushed, "cpu", "", 5);
    read_now();
    otel_unobserve(registration);
    assert_metric(&pulled, "cpu", "", 15);
}

/* Four readers, of which three want deltas: each has memory of its own. */
static void readers_do_not_take_from_each_other(void **state) {
    (void)state;
    static struct metric_double more[3];
    otel_metric_reader *readers[4] = { metric_double_pull(&pulled) };
    for (unsigned i = 0; i < 3; i++) {
        metric_double_reset(&more[i]);
        more[i].deltas = true;
        readers[i + 1] = metric_double_periodic(&more[i], 0);
    }
    const otel_metrics_options metrics = { .readers = { readers, 4 } };
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "t", .metrics = metrics)), OTEL_OK);
    for (unsigned round = 1; round <= 3; round++) {
        otel_add(orders, round);
        otel_record(duration, round);
        flush_now();
        for (unsigned i = 0; i < 3; i++) {
            assert_metric(&more[i], "orders", "", round);
            assert_true(assert_histogram(&more[i], "duration", "", 1, round)->min >= round);
        }
    }
    read_now();
    assert_metric(&pulled, "orders", "", 6);
    assert_histogram(&pulled, "duration", "", 3, 6);
    otel_sdk_stop(LONG_MS);
    for (unsigned i = 0; i < 3; i++)
        metric_double_reset(&more[i]);
}

/* On the thread that reads. */
static void fail_second_allocation(void *data, otel_observer *observer) {
    (void)observer;
    failing_allocator_fail(*(bool *)data ? 2 : 0, false);
    *(bool *)data = false;
}

/* What there is memory for is exported; the rest is in the next reading. */
static void no_delta_is_lost_where_memory_is_short(void **state) {
    (void)state;
    SKIP_IF(!failing_allocator_works(), "allocations cannot be made to fail here");
    enum { SERIES = 1000 }; /* their points fill more than one chunk */
    bool failing = true;
    otel_add(bytes, 0.5);
    for (int i = 0; i < SERIES; i++)
        otel_add(orders, 3, OTEL_ATTRS(OTEL_ATTR("k", i)));
    const uint64_t registration = otel_observe_with(fail_second_allocation, &failing);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_ERR_MEMORY);
    assert_metric(&pushed, "bytes", "", 0.5);
    assert_int_equal(metric_count(&pushed, "orders"), 0);
    flush_now();
    otel_unobserve(registration);
    assert_int_equal(metric_count(&pushed, "bytes"), 0);
    assert_int_equal(metric_count(&pushed, "orders"), SERIES);
    assert_metric(&pushed, "orders", "k=7", 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        test_deltas(sums_are_read_as_deltas),          test_deltas(what_did_not_change_is_not_there),
        test_deltas(histograms_are_read_as_deltas),    test_deltas(observed_sums_are_read_as_deltas),
        test_own(readers_do_not_take_from_each_other), test_deltas(no_delta_is_lost_where_memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
