/* SPDX-License-Identifier: Apache-2.0 */
/* console_metrics_test.c - metrics as lines for people. */
#include "metrics/reader.h"

#include "metrics_set.h"
#include "reports.h"

#include <math.h>
#include <otel/console.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#if defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
/* gcc takes the text that open_memstream() hands out for the variable that it is handed out through. */
#pragma GCC diagnostic ignored "-Wdangling-pointer"
#endif

/* What the exporter writes; to be freed. */
static char *written(const otel_metrics_data *metrics) {
    char *text = NULL;
    size_t len = 0;
    FILE *stream = open_memstream(&text, &len);
    otel_metric_exporter *exporter = otel_console_metric_exporter(stream);
    assert_null(exporter->ops.temporality); /* cumulative */
    assert_int_equal(exporter->ops.export_metrics(exporter->self, metrics, 0), OTEL_OK);
    otel_metric_exporter_destroy(exporter);
    fclose(stream);
    return text;
}

static const otel_scope_data scope = { .name = { "cart", 4 }, .version = { "1.0", 3 } };
static const otel_attr service = { { "service.name", 12 }, { .type = OTEL_TYPE_STRING, .len = 5, .u.p = "kalki" } };
static const otel_attr kind = { { "kind", 4 }, { .type = OTEL_TYPE_STRING, .len = 4, .u.p = "card" } };
static const otel_resource_data resource = { .attributes = { &service, 1 } };
#define ORIGIN "  service=\"kalki\" otel.scope.name=\"cart\" otel.scope.version=\"1.0\"\n"
#define TIME UINT64_C(1700000000123456789)
#define START UINT64_C(1700000000000000000)

static void assert_line(otel_metric_data metric, otel_point_data point, const char *expected) {
    point.start_time = START;
    point.time = TIME;
    metric.scope = &scope;
    metric.points = &point;
    metric.point_count = 1;
    const otel_metrics_data metrics = {
        .size = sizeof metrics, .resource = &resource, .metrics = &metric, .metric_count = 1
    };
    char *text = written(&metrics);
    assert_string_equal(text, expected);
    free(text);
}

static void a_counter(void **state) {
    (void)state;
    assert_line((otel_metric_data){ .name = otel_cstr("cart.orders"), .unit = otel_cstr("{order}"), .monotonic = true },
                (otel_point_data){ .value.i = 3, .attributes = { &kind, 1 } },
                "2023-11-14T22:13:20.123456Z  SUM        \"cart.orders\"  3 {order}  {\"kind\":\"card\"}"
                "  since 2023-11-14T22:13:20.000000Z" ORIGIN);
}

static void a_gauge_with_an_exemplar(void **state) {
    (void)state;
    const otel_exemplar_data exemplar = { .value.d = 0.5, .trace_id = { 0xab }, .span_id = { 0xcd } };
    assert_line((otel_metric_data){ .name = otel_cstr("load"), .type = OTEL_METRIC_GAUGE, .doubles = true },
                (otel_point_data){ .value.d = 0.25, .exemplars = &exemplar, .exemplar_count = 1 },
                "2023-11-14T22:13:20.123456Z  GAUGE      \"load\"  0.25  exemplars=[0.5 "
                "trace=ab000000000000000000000000000000 span=cd00000000000000]" ORIGIN);
}

static void a_histogram_shows_the_buckets_that_hold_something(void **state) {
    (void)state;
    static const double bounds[] = { 0.1, 0.25, 1 };
    static const uint64_t buckets[] = { 2, 0, 1, 4 };
    assert_line((otel_metric_data){ .name = otel_cstr("duration"),
                                    .unit = otel_cstr("s"),
                                    .type = OTEL_METRIC_HISTOGRAM,
                                    .temporality = OTEL_TEMPORALITY_DELTA,
                                    .doubles = true,
                                    .bounds = bounds,
                                    .bound_count = 3 },
                (otel_point_data){ .count = 7, .sum = 12.5, .min = 0.05, .max = 4, .buckets = buckets },
                "2023-11-14T22:13:20.123456Z  HISTOGRAM  \"duration\"  count=7 sum=12.5 min=0.05 max=4.0 s"
                "  [..0.1: 2, 0.25..1.0: 1, 1.0..: 4]  delta since 2023-11-14T22:13:20.000000Z" ORIGIN);
}

static void an_empty_histogram_has_neither_extremes_nor_buckets(void **state) {
    (void)state;
    static const uint64_t none[1] = { 0 };
    assert_line(
        (otel_metric_data){ .name = otel_cstr("d"), .type = OTEL_METRIC_HISTOGRAM, .doubles = true },
        (otel_point_data){ .buckets = none },
        "2023-11-14T22:13:20.123456Z  HISTOGRAM  \"d\"  count=0 sum=0.0  since 2023-11-14T22:13:20.000000Z" ORIGIN);
}

/* As many lines as there are series, none of which moves a cursor. */
static void random_metrics_make_a_line_for_each_series(void **state) {
    (void)state;
    metrics_set *set = metrics_set_create(17, 40);
    const otel_metrics_data *metrics = metrics_set_data(set);
    size_t points = 0, lines = 0;
    for (size_t i = 0; i < metrics->metric_count; i++)
        points += metrics->metrics[i].point_count;
    char *text = written(metrics);
    for (const char *at = text; *at; at++) {
        assert_true((unsigned char)*at >= ' ' || *at == '\n');
        lines += *at == '\n';
    }
    assert_int_equal(lines, points);
    free(text);
    metrics_set_free(set);
}

static void a_stream_that_cannot_be_written_to_is_reported(void **state) {
    (void)state;
    FILE *full = fopen("/dev/full", "w");
    metrics_set *set = metrics_set_create(1, 1);
    reports_start(OTEL_LOG_DEBUG);
    otel_metric_exporter *exporter = otel_console_metric_exporter(full);
    assert_int_equal(exporter->ops.export_metrics(exporter->self, metrics_set_data(set), 0), OTEL_ERR_EXPORT);
    assert_true(reports_mention("metrics could not be written to the console: No space left on device", NULL));
    exporter->ops.cancel(exporter->self);
    assert_int_equal(exporter->ops.export_metrics(exporter->self, metrics_set_data(set), 0), OTEL_ERR_CANCELLED);
    otel_metric_exporter_destroy(exporter);
    reports_stop();
    metrics_set_free(set);
    fclose(full);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_counter),
        cmocka_unit_test(a_gauge_with_an_exemplar),
        cmocka_unit_test(a_histogram_shows_the_buckets_that_hold_something),
        cmocka_unit_test(an_empty_histogram_has_neither_extremes_nor_buckets),
        cmocka_unit_test(random_metrics_make_a_line_for_each_series),
        cmocka_unit_test(a_stream_that_cannot_be_written_to_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
