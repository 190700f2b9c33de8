/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_exemplar_test.c - measurements within sampled spans leave an example of themselves. */
#include "metrics_fixture.h"

OTEL_TRACER(tracer, "tracer");
OTEL_COUNTER(orders, meter, "orders");
OTEL_GAUGE(level, meter, "level");
OTEL_HISTOGRAM(duration, meter, "duration", "s");

static otel_context within(otel_span *span) {
    *span = otel_span_start(tracer, OTEL_START("s"));
    return otel_context_with_span(NULL, span);
}

static void is_of_span(const struct metric_point *point, size_t index, const otel_span *span) {
    uint8_t trace_id[16], span_id[8];
    otel_span_trace_id(span, trace_id);
    otel_span_id(span, span_id);
    assert_memory_equal(point->exemplars[index].trace_id, trace_id, 16);
    assert_memory_equal(point->exemplars[index].span_id, span_id, 8);
    assert_true(point->exemplars[index].time >= point->start_time && point->exemplars[index].time <= point->time);
}

static void the_last_one_in_a_sampled_span_is_kept(void **state) {
    (void)state;
    otel_span spans[2];
    otel_context first = within(&spans[0]), second = within(&spans[1]);
    otel_measure_int(orders, 1, otel__no_attrs(), &first);
    otel_measure_int(orders, 2, otel__no_attrs(), &second);
    otel_add(orders, 4); /* in no span */
    otel_scope scope = otel_context_attach(&first);
    otel_record(level, 9);
    otel_scope_close(&scope);
    read_now();
    const struct metric_point *point = assert_metric(&pulled, "orders", "", 7);
    assert_int_equal(point->exemplar_count, 1);
    assert_true(point->exemplars[0].number >= 2 && point->exemplars[0].number <= 2);
    is_of_span(point, 0, &spans[1]);
    point = assert_metric(&pulled, "level", "", 9);
    assert_int_equal(point->exemplar_count, 1);
    is_of_span(point, 0, &spans[0]);
    for (unsigned i = 0; i < 2; i++)
        otel_span_end(&spans[i]);
    otel_context_release(&first);
    otel_context_release(&second);
}

static void a_histogram_keeps_one_for_each_bucket(void **state) {
    (void)state;
    otel_span span;
    otel_context context = within(&span);
    otel_scope scope = otel_context_attach(&context);
    otel_bound bound = otel_bind(duration, otel__no_attrs());
    otel_record(duration, 0.001);
    otel_bound_record(&bound, 0.002);
    otel_record(duration, 100);
    otel_scope_close(&scope);
    read_now();
    const struct metric_point *point = metric_find(&pulled, "duration", "");
    assert_int_equal(point->exemplar_count, 2);
    assert_true(point->exemplars[0].number >= 0.002 && point->exemplars[0].number <= 0.002);
    assert_true(point->exemplars[1].number >= 100);
    is_of_span(point, 1, &span);
    otel_span_end(&span);
    otel_context_release(&context);
}

static void what_a_view_took_is_in_the_exemplar(void **state) {
    (void)state;
    static const char *const keys[] = { "route" };
    const otel_view view = { .attribute_keys = keys, .attribute_key_count = 1 };
    const otel_metrics_options metrics = { .views = { &view, 1 } };
    static char large[500];
    memset(large, 'x', sizeof large - 1);
    start_metrics(0, metrics);
    otel_span span;
    otel_context context = within(&span);
    otel_scope scope = otel_context_attach(&context);
    otel_add(orders, 1, OTEL_ATTRS(OTEL_ATTR("user", "me"), OTEL_ATTR("route", "/a"), OTEL_ATTR("n", 3)));
    otel_add(orders, 1, OTEL_ATTRS(OTEL_ATTR("user", large), OTEL_ATTR("route", "/b")));
    otel_scope_close(&scope);
    read_now();
    const struct metric_point *point = assert_metric(&pulled, "orders", "route=\"/a\"", 1);
    assert_int_equal(point->exemplar_count, 1);
    assert_string_equal(point->exemplars[0].attributes, "user=\"me\",n=3");
    point = assert_metric(&pulled, "orders", "route=\"/b\"", 1);
    assert_int_equal(point->exemplar_count, 1);
    assert_string_equal(point->exemplars[0].attributes, ""); /* too large as a whole */
    otel_span_end(&span);
    otel_context_release(&context);
}

static void no_attributes_are_looked_at_that_are_none(void **state) {
    (void)state;
    static const char *const keys[] = { "route" };
    const otel_view view = { .excluded_keys = keys, .excluded_key_count = 1 };
    start_metrics(0, (otel_metrics_options){ .views = { &view, 1 } });
    otel_span span;
    otel_context context = within(&span);
    otel_attr *items = malloc(2 * sizeof *items); /* for a sanitizer to see what is read behind it */
    assert_non_null(items);
    items[0] = OTEL_ATTR("route", "/a");
    items[1] = (otel_attr){ { NULL, 5 }, otel_int(1) };
    otel_measure_int(orders, 1, (otel_attrs){ items, 2 }, &context);
    otel_measure_int(orders, 1, (otel_attrs){ items, SIZE_MAX }, &context);
    items[1] = OTEL_ATTR("route", "/b"); /* the last value counts */
    otel_measure_int(orders, 1, (otel_attrs){ items, 2 }, &context);
    free(items);
    read_now();
    const struct metric_point *point = assert_metric(&pulled, "orders", "", 3);
    assert_int_equal(point->exemplar_count, 1);
    assert_string_equal(point->exemplars[0].attributes, "route=\"/b\"");
    otel_span_end(&span);
    otel_context_release(&context);
}

static void deltas_have_those_since_the_last_reading(void **state) {
    (void)state;
    otel_span span;
    otel_context context = within(&span);
    otel_measure_int(orders, 1, otel__no_attrs(), &context);
    flush_now();
    assert_int_equal(metric_find(&pushed, "orders", "")->exemplar_count, 1);
    otel_add(orders, 1);
    flush_now();
    read_now();
    assert_int_equal(metric_find(&pushed, "orders", "")->exemplar_count, 0);
    assert_int_equal(metric_find(&pulled, "orders", "")->exemplar_count, 1);
    otel_span_end(&span);
    otel_context_release(&context);
}

static void they_can_be_turned_off(void **state) {
    (void)state;
    start_metrics(0, (otel_metrics_options){ .exemplars = OTEL_EXEMPLARS_ALWAYS_OFF });
    otel_span span;
    otel_context context = within(&span);
    otel_measure_int(orders, 1, otel__no_attrs(), &context);
    read_now();
    assert_int_equal(assert_metric(&pulled, "orders", "", 1)->exemplar_count, 0);
    otel_span_end(&span);
    otel_context_release(&context);
}

static void unsampled_spans_leave_none(void **state) {
    (void)state;
    const otel_metrics_options metrics = { .readers = OTEL_READERS(metric_double_pull(&pulled)) };
    otel_sdk_start(OTEL_SDK(.service_name = "t", .sampler = otel_sampler_always_off(), .metrics = metrics));
    otel_span span;
    otel_context context = within(&span);
    otel_measure_int(orders, 1, otel__no_attrs(), &context);
    read_now();
    assert_int_equal(assert_metric(&pulled, "orders", "", 1)->exemplar_count, 0);
    otel_span_end(&span);
    otel_context_release(&context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        test_pulled(the_last_one_in_a_sampled_span_is_kept),
        test_pulled(a_histogram_keeps_one_for_each_bucket),
        test_own(what_a_view_took_is_in_the_exemplar),
        test_own(no_attributes_are_looked_at_that_are_none),
        test_deltas(deltas_have_those_since_the_last_reading),
        test_own(they_can_be_turned_off),
        test_own(unsampled_spans_leave_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
