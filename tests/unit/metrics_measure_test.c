/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_measure_test.c - counters, gauges and histograms: what is measured is what is read. */
#include "metrics_fixture.h"

#include <math.h>

OTEL_COUNTER(orders, meter, "orders", "{order}", "Orders that were placed.");
OTEL_COUNTER_DOUBLE(bytes, meter, "bytes", "By");
OTEL_UP_DOWN_COUNTER(open_carts, meter, "open.carts");
OTEL_UP_DOWN_COUNTER_DOUBLE(balance, meter, "balance");
OTEL_GAUGE(temperature, meter, "temperature", "Cel");
OTEL_GAUGE_DOUBLE(load, meter, "load", "1");
OTEL_HISTOGRAM(duration, meter, "duration", "s", "Time that it took.");
OTEL_HISTOGRAM(size, meter, "size", "By");

static void counters_add_up(void **state) {
    (void)state;
    otel_add(orders, 1);
    otel_add(orders, 41);
    otel_add(bytes, 0.5);
    otel_add(bytes, 2);
    otel_add(open_carts, 5);
    otel_add(open_carts, -7);
    otel_add(balance, -1.5);
    read_now();
    const struct metric_point *point = assert_metric(&pulled, "orders", "", 42);
    assert_string_equal(point->scope, "meter");
    assert_string_equal(point->unit, "{order}");
    assert_string_equal(point->description, "Orders that were placed.");
    assert_int_equal(point->type, OTEL_METRIC_SUM);
    assert_true(point->monotonic);
    assert_false(point->doubles);
    assert_int_equal(point->temporality, OTEL_TEMPORALITY_CUMULATIVE);
    assert_true(point->start_time != 0 && point->start_time <= point->time);
    assert_true(assert_metric(&pulled, "bytes", "", 2.5)->doubles);
    assert_false(assert_metric(&pulled, "open.carts", "", -2)->monotonic);
    assert_metric(&pulled, "balance", "", -1.5);
    assert_int_equal(metric_count(&pulled, NULL), 4);
}

static void a_gauge_keeps_the_last_value(void **state) {
    (void)state;
    otel_record(temperature, 20);
    otel_record(temperature, -3);
    otel_record(load, 0.0);
    read_now();
    assert_int_equal(assert_metric(&pulled, "temperature", "", -3)->type, OTEL_METRIC_GAUGE);
    assert_metric(&pulled, "load", "", 0);
}

static void a_histogram_counts_in_buckets(void **state) {
    (void)state;
    const double values[] = { 0.005, 0.0051, 0, 7.5, 10, 10.5, 300 };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        otel_record(duration, values[i]);
    otel_record(size, 3);
    read_now();
    const struct metric_point *point = assert_histogram(&pulled, "duration", "", 7, 328.0101);
    assert_int_equal(point->bound_count, 14); /* those of seconds */
    assert_int_equal(point->buckets[0], 2);   /* bounds are inclusive */
    assert_int_equal(point->buckets[1], 1);
    assert_int_equal(point->buckets[12], 1);
    assert_int_equal(point->buckets[13], 1);
    assert_int_equal(point->buckets[14], 2);
    assert_true(point->min <= 0 && point->min >= 0);
    assert_true(point->max >= 300 && point->max <= 300);
    point = assert_histogram(&pulled, "size", "", 1, 3);
    assert_int_equal(point->bound_count, 15);
    assert_int_equal(point->buckets[1], 1);
    assert_true(point->min >= 3 && point->max <= 3);
}

static void each_combination_of_attributes_is_a_series(void **state) {
    (void)state;
    otel_add(orders, 1, OTEL_ATTRS(OTEL_ATTR("b", "x"), OTEL_ATTR("a", 1)));
    otel_add(orders, 2, OTEL_ATTRS(OTEL_ATTR("a", 1), OTEL_ATTR("b", "x"))); /* order is no matter */
    otel_add(orders, 4, OTEL_ATTRS(OTEL_ATTR("a", 9), OTEL_ATTR("b", "x"), OTEL_ATTR("a", 1)));
    otel_add(orders, 8, OTEL_ATTRS(OTEL_ATTR("a", 1.0), OTEL_ATTR("b", "x"))); /* another type */
    otel_add(orders, 16, OTEL_ATTRS(OTEL_ATTR("a", otel_bool(true))));
    otel_add(orders, 32);
    read_now();
    assert_metric(&pulled, "orders", "a=1,b=\"x\"", 7);
    assert_metric(&pulled, "orders", "a=true", 16);
    assert_metric(&pulled, "orders", "", 32);
    assert_int_equal(metric_count(&pulled, "orders"), 4);
}

static void numbers_are_converted(void **state) {
    (void)state;
    otel_add(orders, 2.9);
    otel_add(open_carts, -2.9);
    otel_add(bytes, 3);
    otel_record(temperature, 1e300);
    read_now();
    assert_metric(&pulled, "orders", "", 2);
    assert_metric(&pulled, "open.carts", "", -2);
    assert_metric(&pulled, "bytes", "", 3);
    assert_int_equal(metric_find(&pulled, "temperature", "")->integer, INT64_MAX);
}

static void observe_wide(void *data, otel_observer *observer) { otel_observe(observer, (otel_instrument *)data, 1.5L); }

static void all_types_of_numbers_can_be_measured(void **state) {
    (void)state;
    OTEL_OBSERVABLE_GAUGE_DOUBLE(wide, meter, "wide");
    otel_bound bound = otel_bind(bytes, otel__no_attrs());
    const char letter = 1;
    otel_add(bytes, 1.5L);
    otel_bound_add(&bound, 2.25L);
    otel_add(bytes, 0.25F);
    otel_add(bytes, letter);
    otel_bound_add(&bound, letter);
    otel_add(bytes, true);
    otel_add(orders, UINT64_MAX);
    otel_add(balance, 1e4000L); /* infinite, as a double */
    otel_add(balance, 1);
    const uint64_t registration = otel_observe_with(observe_wide, wide);
    read_now();
    otel_unobserve(registration);
    assert_metric(&pulled, "bytes", "", 7);
    assert_metric(&pulled, "balance", "", 1);
    assert_metric(&pulled, "wide", "", 1.5);
    assert_int_equal(metric_find(&pulled, "orders", "")->integer, INT64_MAX);
}

static void what_cannot_be_counted_is_left_out_and_reported(void **state) {
    (void)state;
    otel_add(orders, 1);
    otel_add(orders, -1);
    assert_true(reports_mention("'orders'", "negative"));
    otel_add(bytes, 1);
    otel_add(bytes, -0.5);
    otel_add(bytes, (double)NAN);
    otel_add(bytes, (double)INFINITY);
    otel_record(duration, 1);
    otel_record(duration, -1);
    otel_record(duration, (double)INFINITY);
    read_now();
    assert_metric(&pulled, "orders", "", 1);
    assert_metric(&pulled, "bytes", "", 1);
    assert_histogram(&pulled, "duration", "", 1, 1);
}

static void a_bound_handle_is_its_series(void **state) {
    (void)state;
    const otel_attr items[] = { OTEL_ATTR("k", "v") };
    const otel_attrs attributes = { items, 1 };
    otel_bound bound = otel_bind(orders, attributes), timed = otel_bind(duration, attributes);
    otel_bound_add(&bound, 1);
    otel_bound_add(&bound, 2);
    otel_add(orders, 4, attributes);
    otel_bound_record(&timed, 0.25);
    otel_bound_add(&bound, -1);
    read_now();
    assert_metric(&pulled, "orders", "k=\"v\"", 7);
    assert_histogram(&pulled, "duration", "k=\"v\"", 1, 0.25);
}

static void without_an_sdk_nothing_happens(void **state) {
    (void)state;
    otel_bound bound = otel_bind(orders, (otel_attrs){ NULL, 0 });
    assert_false(otel_instrument_enabled(orders));
    otel_add(orders, 1);
    otel_bound_add(&bound, 1);
    setenv("OTEL_METRICS_EXPORTER", "none", 1);
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "test")), OTEL_OK);
    assert_false(otel_instrument_enabled(orders)); /* nobody reads */
    otel_add(orders, 1);
    otel_bound_add(&bound, 1);
    otel_sdk_stop(LONG_MS);
    unsetenv("OTEL_METRICS_EXPORTER");
    start_metrics(0, (otel_metrics_options){ .cardinality_limit = 0 });
    assert_true(otel_instrument_enabled(orders));
    otel_bound_add(&bound, 1);
    read_now();
    assert_metric(&pulled, "orders", "", 1);
}

/* One of its two series is looked for each time, since its attributes are too large to be kept. */
static void a_handle_that_is_half_bound_forgets_its_series(void **state) {
    (void)state;
    static char large[70000];
    static const char *const keys[] = { "route" };
    const otel_view views[] = { { .attribute_keys = keys, .attribute_key_count = 1 },
                                { .name = "all", .instrument = "orders" } };
    const otel_metrics_options metrics = { .views = { views, 2 } };
    memset(large, 'x', sizeof large - 1);
    const otel_attr items[] = { OTEL_ATTR("route", "/"), OTEL_ATTR("large", (const char *)large) };
    otel_bound bound = otel_bind(orders, (otel_attrs){ items, 2 });
    start_metrics(0, metrics);
    otel_bound_add(&bound, 1);
    otel_bound_add(&bound, 1);
    read_now();
    assert_metric(&pulled, "orders", "route=\"/\"", 2);
    assert_metric(&pulled, "all", "otel.metric.overflow=true", 2);
    stop_metrics(NULL);
    reports_start(OTEL_LOG_DEBUG);
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "test", .diagnostic = reports_keep,
                                             .metrics = { .readers = OTEL_NO_READERS })),
                     OTEL_OK);
    otel_bound_add(&bound, -1); /* nobody reads: its series is no more, and nothing is looked at */
    assert_false(reports_mention("negative", NULL));
}

static void a_flush_pushes(void **state) {
    (void)state;
    otel_add(orders, 3);
    otel_record(duration, 0.5);
    flush_now();
    assert_int_equal(pushed.exports, 1);
    assert_int_equal(pushed.flushes, 1);
    assert_metric(&pushed, "orders", "", 3);
    otel_add(orders, 3);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(pushed.exports, 2);
    assert_int_equal(pushed.shutdowns, 1);
    assert_int_equal(pushed.destroys, 1);
    assert_int_equal(pushed.late + pushed.overlaps, 0);
    assert_metric(&pushed, "orders", "", 6);
    assert_histogram(&pushed, "duration", "", 1, 0.5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        test_pulled(counters_add_up),
        test_pulled(a_gauge_keeps_the_last_value),
        test_pulled(a_histogram_counts_in_buckets),
        test_pulled(each_combination_of_attributes_is_a_series),
        test_pulled(numbers_are_converted),
        test_pulled(all_types_of_numbers_can_be_measured),
        test_pulled(what_cannot_be_counted_is_left_out_and_reported),
        test_pulled(a_bound_handle_is_its_series),
        test_own(without_an_sdk_nothing_happens),
        test_own(a_handle_that_is_half_bound_forgets_its_series),
        test_both(a_flush_pushes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
