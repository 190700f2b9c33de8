/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_series_test.c - which measurements belong to one series, and how many series there may be. */
#include "metrics_fixture.h"

OTEL_COUNTER(orders, meter, "orders");
OTEL_HISTOGRAM(duration, meter, "duration", "s");

static void add_many(unsigned from, unsigned to) {
    for (unsigned i = from; i < to; i++)
        otel_add(orders, 1, OTEL_ATTRS(OTEL_ATTR("i", i)));
}

static void many_series_are_found_again(void **state) {
    (void)state;
    add_many(0, 1500);
    add_many(0, 1500);
    read_now();
    assert_int_equal(metric_count(&pulled, NULL), 1500);
    for (size_t i = 0; i < pulled.point_count; i++) {
        char attributes[32];
        snprintf(attributes, sizeof attributes, "i=%zu", i);
        assert_string_equal(pulled.points[i].attributes, attributes); /* in the order of their making */
        assert_int_equal(pulled.points[i].integer, 2);
    }
}

static void what_is_beyond_the_bound_is_counted_together(void **state) {
    (void)state;
    add_many(0, 3000);
    add_many(1998, 2010);
    otel_bound bound = otel_bind(orders, OTEL_ATTRS(OTEL_ATTR("i", 2999)));
    otel_bound_add(&bound, 100);
    read_now();
    assert_int_equal(metric_count(&pulled, NULL), 2000);
    assert_metric(&pulled, "orders", "i=0", 1);
    assert_metric(&pulled, "orders", "i=1998", 2);
    assert_metric(&pulled, "orders", "otel.metric.overflow=true", 3000 - 1999 + 11 + 100);
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("orders: more than 1999", NULL));
}

static void the_bound_can_be_set(void **state) {
    (void)state;
    start_metrics(0, (otel_metrics_options){ .cardinality_limit = 3 });
    add_many(0, 4);
    read_now();
    assert_int_equal(metric_count(&pulled, NULL), 3);
    assert_metric(&pulled, "orders", "otel.metric.overflow=true", 2);
    stop_metrics(NULL);
    start_metrics(0, (otel_metrics_options){ .cardinality_limit = 1 });
    add_many(0, 4);
    read_now();
    assert_int_equal(metric_count(&pulled, NULL), 1);
    assert_metric(&pulled, "orders", "otel.metric.overflow=true", 4);
}

static void attributes_are_what_their_copies_are(void **state) {
    (void)state;
    static const int64_t numbers[] = { 1, 2 };
    for (unsigned i = 0; i < 3; i++) {
        otel_add(orders, 1, OTEL_ATTRS(OTEL_ATTR("u", UINT64_MAX)));
        otel_add(orders, 1, OTEL_ATTRS(OTEL_ATTR("u", "18446744073709551615")));
        otel_add(orders, 1, OTEL_ATTRS(OTEL_ATTR("s", "\xff")));
        otel_add(orders, 1, OTEL_ATTRS(otel__attr("s", otel_bytes("\xff", 1))));
        otel_add(orders, 1, OTEL_ATTRS(otel__attr("l", otel_ints(numbers, 2))));
        otel_add(orders, 1, OTEL_ATTRS(otel__attr("n", otel_none())));
        otel_add(orders, 1, OTEL_ATTRS(OTEL_ATTR("\xff", 1)));
        otel_add(orders, 1, OTEL_ATTRS(OTEL_ATTR("", 1), OTEL_ATTR(NULL, 1)));
        otel_add(orders, 1, OTEL_ATTRS(otel__attr("p", otel__pointed(OTEL_TYPE_STRING, NULL, 0)), OTEL_ATTR("e", "")));
    }
    read_now();
    assert_int_equal(metric_count(&pulled, NULL), 7);
    assert_metric(&pulled, "orders", "u=\"18446744073709551615\"", 6);
    assert_metric(&pulled, "orders", "s=(type 6, 1)", 6);
    assert_metric(&pulled, "orders", "l=(type 9, 2)", 3);
    assert_metric(&pulled, "orders", "n=(type 0, 0)", 3);
    assert_metric(&pulled, "orders", "\xef\xbf\xbd=1", 3);
    assert_metric(&pulled, "orders", "", 3);
    assert_metric(&pulled, "orders", "e=\"\",p=\"\"", 3);
}

static void wrong_lists_are_read_as_far_as_can_be(void **state) {
    (void)state;
    static otel_attr many[200];
    static char keys[200][8];
    for (unsigned i = 0; i < 200; i++) {
        snprintf(keys[i], sizeof keys[i], "k%03u", i);
        many[i] = OTEL_ATTR(keys[i], i);
    }
    const otel_attrs lists[] = { { NULL, 7 }, { many, 70000 }, { many, 200 }, { many, 128 } };
    for (size_t i = 0; i < 4; i++)
        otel_add(orders, 1, lists[i]);
    read_now();
    assert_int_equal(metric_count(&pulled, NULL), 2);
    assert_metric(&pulled, "orders", "", 2);
    assert_int_equal(pulled.points[1].integer, 2);
}

static void a_combination_that_is_too_large_is_counted_with_the_overflow(void **state) {
    (void)state;
    static char large[70000];
    memset(large, 'x', sizeof large - 1);
    otel_add(orders, 1, OTEL_ATTRS(OTEL_ATTR("k", large)));
    otel_add(orders, 1, OTEL_ATTRS(OTEL_ATTR("k", large)));
    add_many(0, 2);
    read_now();
    assert_int_equal(metric_count(&pulled, NULL), 3);
    assert_metric(&pulled, "orders", "otel.metric.overflow=true", 2);
}

static void histograms_have_series_too(void **state) {
    (void)state;
    for (unsigned i = 0; i < 2500; i++)
        otel_record(duration, 0.5, OTEL_ATTRS(OTEL_ATTR("i", i)));
    read_now();
    assert_int_equal(metric_count(&pulled, NULL), 2000);
    assert_histogram(&pulled, "duration", "i=7", 1, 0.5);
    assert_histogram(&pulled, "duration", "otel.metric.overflow=true", 501, 250.5);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        test_pulled(many_series_are_found_again),
        test_pulled(what_is_beyond_the_bound_is_counted_together),
        test_own(the_bound_can_be_set),
        test_pulled(attributes_are_what_their_copies_are),
        test_pulled(wrong_lists_are_read_as_far_as_can_be),
        test_pulled(a_combination_that_is_too_large_is_counted_with_the_overflow),
        test_pulled(histograms_have_series_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
