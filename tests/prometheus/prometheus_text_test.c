/* SPDX-License-Identifier: Apache-2.0 */
/* prometheus_text_test.c - metrics as text, in both formats. */
#include "prometheus/prometheus_text.h"

#include "reports.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define STR(text)                                                                                                      \
    { text, sizeof(text) - 1 }

static const otel_scope_data cart = { .name = STR("cart"), .version = STR("1.2.0") };
static const otel_scope_data nobody = { .name = { NULL, 0 } };
static const otel_resource_data no_resource;

static struct otel__prometheus_reported reported;
static struct otel__page page;

static int begin(void **state) {
    (void)state;
    reported = (struct otel__prometheus_reported){ .count = 0 };
    return 0;
}

static int end(void **state) {
    (void)state;
    otel__page_free(&page);
    return 0;
}

/* What a page of these metrics is; valid until the next call. */
static const char *text_of(const otel_metrics_data *metrics, bool openmetrics) {
    const struct otel__prometheus_form form = { .openmetrics = openmetrics, .reported = &reported };
    otel__page_free(&page);
    otel__prometheus_write(&page, metrics, &form);
    assert_false(page.failed);
    otel__page_bytes(&page, "", 1);
    return page.text;
}

static const char *text(const otel_metric_data *items, size_t count, bool openmetrics) {
    return text_of(&(otel_metrics_data){ sizeof(otel_metrics_data), &no_resource, items, count }, openmetrics);
}

static otel_metric_data of(otel_metric_type type, const char *name, const char *unit, const char *description,
                           const otel_point_data *points, size_t count) {
    return (otel_metric_data){ .name = otel_cstr(name),
                               .description = otel_cstr(description),
                               .unit = otel_cstr(unit),
                               .scope = &nobody,
                               .type = type,
                               .monotonic = type == OTEL_METRIC_SUM,
                               .points = points,
                               .point_count = count };
}

static const otel_point_data seven = { .value.i = 7 };

/* ---- kinds ------------------------------------------------------------------------------------------------------- */

static void a_counter_has_total_and_its_scope(void **state) {
    (void)state;
    const otel_point_data points[] = {
        { .attributes = OTEL_ATTRS(OTEL_ATTR("http.route", "/search")), .value.i = 3 },
        { .attributes = OTEL_ATTRS(OTEL_ATTR("http.route", "/documents")), .value.i = 4 },
    };
    otel_metric_data metric = of(OTEL_METRIC_SUM, "kalki.requests", "{request}", "Requests.", points, 2);
    metric.scope = &cart;
    assert_string_equal(
        text(&metric, 1, false),
        "# HELP kalki_requests_total Requests.\n"
        "# TYPE kalki_requests_total counter\n"
        "kalki_requests_total{http_route=\"/search\",otel_scope_name=\"cart\",otel_scope_version=\"1.2.0\"} 3\n"
        "kalki_requests_total{http_route=\"/documents\",otel_scope_name=\"cart\",otel_scope_version=\"1.2.0\"} 4\n");
    assert_string_equal(
        text(&metric, 1, true),
        "# HELP kalki_requests Requests.\n"
        "# TYPE kalki_requests counter\n"
        "kalki_requests_total{http_route=\"/search\",otel_scope_name=\"cart\",otel_scope_version=\"1.2.0\"} 3\n"
        "kalki_requests_total{http_route=\"/documents\",otel_scope_name=\"cart\",otel_scope_version=\"1.2.0\"} 4\n"
        "# EOF\n");
}

static void what_may_shrink_is_a_gauge(void **state) {
    (void)state;
    otel_metric_data metrics[] = { of(OTEL_METRIC_SUM, "a", NULL, NULL, &seven, 1),
                                   of(OTEL_METRIC_GAUGE, "b", "1", NULL, &seven, 1) };
    metrics[0].monotonic = false;
    assert_string_equal(text(metrics, 2, false), "# TYPE a gauge\na 7\n# TYPE b_ratio gauge\nb_ratio 7\n");
}

static void openmetrics_has_units_that_end_the_name(void **state) {
    (void)state;
    const otel_metric_data metrics[] = { of(OTEL_METRIC_SUM, "cpu.time", "s", NULL, &seven, 1),
                                         of(OTEL_METRIC_GAUGE, "seconds.left", "s", NULL, &seven, 1) };
    assert_string_equal(text(metrics, 2, true), "# TYPE cpu_time_seconds counter\n# UNIT cpu_time_seconds seconds\n"
                                                "cpu_time_seconds_total 7\n"
                                                "# TYPE seconds_left gauge\nseconds_left 7\n# EOF\n");
}

static const double bounds[] = { 0.005, 1, 2500000 };
static const uint64_t buckets[] = { 2, 0, 3, 1 };

static otel_metric_data histogram(const otel_point_data *point) {
    otel_metric_data metric = of(OTEL_METRIC_HISTOGRAM, "d", "s", NULL, point, 1);
    metric.doubles = true;
    metric.bounds = bounds;
    metric.bound_count = 3;
    return metric;
}

static void buckets_hold_all_that_is_below(void **state) {
    (void)state;
    const otel_point_data point = {
        .attributes = OTEL_ATTRS(OTEL_ATTR("le", "x")), .count = 6, .sum = 1.5, .buckets = buckets
    };
    const otel_metric_data metric = histogram(&point);
    assert_string_equal(text(&metric, 1, false), "# TYPE d_seconds histogram\n"
                                                 "d_seconds_bucket{exported_le=\"x\",le=\"0.005\"} 2\n"
                                                 "d_seconds_bucket{exported_le=\"x\",le=\"1.0\"} 2\n"
                                                 "d_seconds_bucket{exported_le=\"x\",le=\"2.5e+06\"} 5\n"
                                                 "d_seconds_bucket{exported_le=\"x\",le=\"+Inf\"} 6\n"
                                                 "d_seconds_sum{exported_le=\"x\"} 1.5\n"
                                                 "d_seconds_count{exported_le=\"x\"} 6\n");
}

static void a_histogram_may_have_no_bounds(void **state) {
    (void)state;
    const uint64_t one = 1;
    const otel_point_data point = { .count = 1, .sum = 1, .buckets = &one };
    otel_metric_data metric = histogram(&point);
    metric.bounds = NULL;
    metric.bound_count = 0;
    assert_string_equal(text(&metric, 1, false), "# TYPE d_seconds histogram\nd_seconds_bucket{le=\"+Inf\"} 1\n"
                                                 "d_seconds_sum 1.0\nd_seconds_count 1\n");
}

static void numbers_are_read_back_as_they_were(void **state) {
    (void)state;
    const otel_point_data points[] = {
        { .attributes = OTEL_ATTRS(OTEL_ATTR("n", 1)), .value.d = (double)NAN },
        { .attributes = OTEL_ATTRS(OTEL_ATTR("n", 2)), .value.d = (double)INFINITY },
        { .attributes = OTEL_ATTRS(OTEL_ATTR("n", 3)), .value.d = -(double)INFINITY },
        { .attributes = OTEL_ATTRS(OTEL_ATTR("n", 4)), .value.d = 0.1 },
        { .attributes = OTEL_ATTRS(OTEL_ATTR("n", 5)), .value.d = 1e300 },
        { .attributes = OTEL_ATTRS(OTEL_ATTR("n", 6)), .value.d = 0.1 + 0.2 },
    };
    otel_metric_data metric = of(OTEL_METRIC_GAUGE, "g", NULL, NULL, points, 6);
    metric.doubles = true;
    assert_string_equal(text(&metric, 1, false), "# TYPE g gauge\ng{n=\"1\"} NaN\ng{n=\"2\"} +Inf\ng{n=\"3\"} -Inf\n"
                                                 "g{n=\"4\"} 0.1\ng{n=\"5\"} 1e+300\ng{n=\"6\"} 0.30000000000000004\n");
}

static void integers_keep_all_their_digits(void **state) {
    (void)state;
    const otel_point_data point = { .value.i = INT64_MIN };
    const otel_metric_data metric = of(OTEL_METRIC_GAUGE, "g", NULL, NULL, &point, 1);
    assert_string_equal(text(&metric, 1, false), "# TYPE g gauge\ng -9223372036854775808\n");
}

static void deltas_have_no_form(void **state) {
    (void)state;
    otel_metric_data metric = of(OTEL_METRIC_SUM, "a", NULL, NULL, &seven, 1);
    metric.temporality = OTEL_TEMPORALITY_DELTA;
    assert_string_equal(text(&metric, 1, true), "# EOF\n");
}

static void help_is_escaped(void **state) {
    (void)state;
    const otel_metric_data metric = of(OTEL_METRIC_GAUGE, "g", NULL, "a \"b\"\nc\\d", &seven, 1);
    assert_string_equal(text(&metric, 1, false), "# HELP g a \"b\"\\nc\\\\d\n# TYPE g gauge\ng 7\n");
    assert_string_equal(text(&metric, 1, true), "# HELP g a \\\"b\\\"\\nc\\\\d\n# TYPE g gauge\ng 7\n# EOF\n");
}

/* ---- exemplars --------------------------------------------------------------------------------------------------- */

static const otel_exemplar_data exemplars[] = {
    { .value.d = 0.5, .time = UINT64_C(1700000000123456789), .trace_id = { 1 }, .span_id = { 2 } },
    { .value.d = 0.7, .time = UINT64_C(1700000000000000000), .trace_id = { 3 }, .span_id = { 4 } },
    { .value.d = 9e9, .time = UINT64_C(1700000001000000000), .trace_id = { 5 }, .span_id = { 6 } },
};

static void the_largest_exemplar_of_a_bucket_is_shown_there(void **state) {
    (void)state;
    const otel_point_data point = {
        .count = 6, .sum = 1.5, .buckets = buckets, .exemplars = exemplars, .exemplar_count = 3
    };
    const otel_metric_data metric = histogram(&point);
    assert_string_equal(
        text(&metric, 1, true),
        "# TYPE d_seconds histogram\n# UNIT d_seconds seconds\n"
        "d_seconds_bucket{le=\"0.005\"} 2\n"
        "d_seconds_bucket{le=\"1.0\"} 2 # {span_id=\"0400000000000000\",trace_id=\"03000000000000000000000000000000\"} "
        "0.7 1700000000.000\n"
        "d_seconds_bucket{le=\"2.5e+06\"} 5\n"
        "d_seconds_bucket{le=\"+Inf\"} 6 # "
        "{span_id=\"0600000000000000\",trace_id=\"05000000000000000000000000000000\"} 9000000000.0 1700000001.000\n"
        "d_seconds_sum 1.5\nd_seconds_count 6\n# EOF\n");
    assert_null(strstr(text(&metric, 1, false), " # "));
}

static void the_last_exemplar_of_a_counter_is_shown(void **state) {
    (void)state;
    const otel_exemplar_data two[] = { { .value.i = 1, .time = 2000000 }, { .value.i = 5, .time = 1000000 } };
    const otel_point_data point = { .value.i = 6, .exemplars = two, .exemplar_count = 2 };
    const otel_metric_data metrics[] = { of(OTEL_METRIC_SUM, "c", NULL, NULL, &point, 1),
                                         of(OTEL_METRIC_GAUGE, "g", NULL, NULL, &point, 1) };
    assert_string_equal(text(metrics, 2, true),
                        "# TYPE c counter\nc_total 6 # {} 1 0.002\n# TYPE g gauge\ng 6\n# EOF\n");
}

static void an_exemplar_has_128_characters_of_labels_at_most(void **state) {
    (void)state;
    static const char fits[] = "....5...10...15...20...25...30...35...40...45...50...55...60...";
    const otel_exemplar_data one = {
        .attributes = OTEL_ATTRS(OTEL_ATTR("a", fits), OTEL_ATTR("b", ""), OTEL_ATTR("trace_id", "mine")),
        .trace_id = { 1 },
        .span_id = { 2 },
    };
    const otel_exemplar_data more = {
        .attributes = OTEL_ATTRS(OTEL_ATTR("abc", fits), OTEL_ATTR("d", "\xc3\xa9")),
        .trace_id = { 1 },
        .span_id = { 2 },
    };
    const otel_point_data points[] = {
        { .attributes = OTEL_ATTRS(OTEL_ATTR("n", 1)), .exemplars = &one, .exemplar_count = 1 },
        { .attributes = OTEL_ATTRS(OTEL_ATTR("n", 2)), .exemplars = &more, .exemplar_count = 1 },
    };
    const otel_metric_data metric = of(OTEL_METRIC_SUM, "c", NULL, NULL, points, 2);
    assert_string_equal(
        text(&metric, 1, true),
        "# TYPE c counter\n"
        "c_total{n=\"1\"} 0 # {a=\"....5...10...15...20...25...30...35...40...45...50...55...60...\","
        "span_id=\"0200000000000000\",trace_id=\"01000000000000000000000000000000\"} 0 0.000\n"
        "c_total{n=\"2\"} 0 # "
        "{d=\"\xc3\xa9\",span_id=\"0200000000000000\",trace_id=\"01000000000000000000000000000000\"} 0 0.000\n"
        "# EOF\n");
}

/* ---- scopes and the resource ------------------------------------------------------------------------------------- */

static void the_resource_is_target_info(void **state) {
    (void)state;
    const otel_resource_data resource = {
        .attributes = OTEL_ATTRS(OTEL_ATTR("service.name", "cart"), OTEL_ATTR("process.pid", 7)),
    };
    const otel_metrics_data metrics = { sizeof metrics, &resource, NULL, 0 };
    assert_string_equal(text_of(&metrics, false), "# HELP target_info What produces these metrics.\n"
                                                  "# TYPE target_info gauge\n"
                                                  "target_info{process_pid=\"7\",service_name=\"cart\"} 1\n");
    assert_string_equal(text_of(&metrics, true), "# HELP target What produces these metrics.\n"
                                                 "# TYPE target info\n"
                                                 "target_info{process_pid=\"7\",service_name=\"cart\"} 1\n# EOF\n");
}

static void both_kinds_of_extra_labels_can_be_left_out(void **state) {
    (void)state;
    const otel_resource_data resource = { .attributes = OTEL_ATTRS(OTEL_ATTR("service.name", "cart")) };
    otel_metric_data metric = of(OTEL_METRIC_GAUGE, "g", NULL, NULL, &seven, 1);
    metric.scope = &cart;
    const otel_metrics_data metrics = { sizeof metrics, &resource, &metric, 1 };
    const struct otel__prometheus_form form = { false, true, true, &reported };
    otel__prometheus_write(&page, &metrics, &form);
    otel__page_bytes(&page, "", 1);
    assert_string_equal(page.text, "# TYPE g gauge\ng 7\n");
}

static void attributes_of_a_scope_are_labels(void **state) {
    (void)state;
    const otel_scope_data scope = {
        .name = STR("n"),
        .schema_url = STR("u"),
        .attributes = OTEL_ATTRS(OTEL_ATTR("library.mascot", "bear"), OTEL_ATTR("version", "other")),
    };
    otel_metric_data metric = of(OTEL_METRIC_GAUGE, "g", NULL, NULL, &seven, 1);
    metric.scope = &scope;
    assert_string_equal(
        text(&metric, 1, false),
        "# TYPE g gauge\ng{otel_scope_library_mascot=\"bear\",otel_scope_name=\"n\",otel_scope_schema_url=\"u\"} 7\n");
}

/* ---- names that meet --------------------------------------------------------------------------------------------- */

static void metrics_of_two_scopes_are_one_family(void **state) {
    (void)state;
    otel_metric_data metrics[] = { of(OTEL_METRIC_GAUGE, "z.b", NULL, NULL, &seven, 1),
                                   of(OTEL_METRIC_GAUGE, "a", NULL, NULL, &seven, 1),
                                   of(OTEL_METRIC_GAUGE, "z_b", NULL, "Second.", &seven, 1) };
    metrics[2].scope = &cart;
    assert_string_equal(text(metrics, 3, false), "# TYPE a gauge\na 7\n# HELP z_b Second.\n# TYPE z_b gauge\nz_b 7\n"
                                                 "z_b{otel_scope_name=\"cart\",otel_scope_version=\"1.2.0\"} 7\n");
    assert_int_equal(reported.count, 0);
}

static void of_two_types_the_first_is_shown(void **state) {
    (void)state;
    const otel_metric_data metrics[] = { of(OTEL_METRIC_GAUGE, "x", NULL, NULL, &seven, 1),
                                         of(OTEL_METRIC_SUM, "x", NULL, NULL, &seven, 1) };
    reports_start(OTEL_LOG_WARN);
    assert_string_equal(text(metrics, 2, false), "# TYPE x gauge\nx 7\n");
    text(metrics, 2, true);
    reports_stop();
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("the metric x of the meter \"\" is not shown to Prometheus", "another type"));
}

static void names_of_samples_meet_too(void **state) {
    (void)state;
    const otel_point_data point = { .count = 6, .sum = 1.5, .buckets = buckets };
    otel_metric_data metrics[] = { of(OTEL_METRIC_GAUGE, "d.seconds.count", NULL, NULL, &seven, 1), histogram(&point),
                                   of(OTEL_METRIC_SUM, "c", NULL, NULL, &seven, 1),
                                   of(OTEL_METRIC_GAUGE, "c.total", NULL, NULL, &seven, 1) };
    assert_string_equal(text(metrics, 4, false), "# TYPE c_total counter\nc_total 7\n"
                                                 "# TYPE d_seconds_count gauge\nd_seconds_count 7\n");
    assert_int_equal(reported.count, 2);
}

static void nobody_is_called_target_info_but_the_resource(void **state) {
    (void)state;
    const otel_resource_data resource = { .attributes = OTEL_ATTRS(OTEL_ATTR("a", "b")) };
    const otel_metric_data metric = of(OTEL_METRIC_GAUGE, "target.info", NULL, NULL, &seven, 1);
    const otel_metrics_data metrics = { sizeof metrics, &resource, &metric, 1 };
    assert_null(strstr(text_of(&metrics, false), "target_info 7"));
    assert_string_equal(text(&metric, 1, false), "# TYPE target_info gauge\ntarget_info 7\n");
}

static void another_description_is_left_out(void **state) {
    (void)state;
    otel_metric_data metrics[] = { of(OTEL_METRIC_GAUGE, "g", NULL, "One.", &seven, 1),
                                   of(OTEL_METRIC_GAUGE, "g", NULL, "Two.", &seven, 1) };
    metrics[1].scope = &cart;
    assert_string_equal(text(metrics, 2, false), "# HELP g One.\n# TYPE g gauge\ng 7\n"
                                                 "g{otel_scope_name=\"cart\",otel_scope_version=\"1.2.0\"} 7\n");
    assert_int_equal(reported.count, 1);
}

static void a_series_is_shown_once(void **state) {
    (void)state;
    const otel_point_data points[] = {
        { .attributes = OTEL_ATTRS(OTEL_ATTR("a.b", "1")), .value.i = 1 },
        { .attributes = OTEL_ATTRS(OTEL_ATTR("a_b", "1")), .value.i = 2 },
        { .attributes = OTEL_ATTRS(OTEL_ATTR("a.b", "2")), .value.i = 3 },
    };
    const otel_metric_data metric = of(OTEL_METRIC_GAUGE, "g", NULL, NULL, points, 3);
    assert_string_equal(text(&metric, 1, false), "# TYPE g gauge\ng{a_b=\"1\"} 1\ng{a_b=\"2\"} 3\n");
    assert_int_equal(reported.count, 1);
}

static void reports_are_bounded(void **state) {
    (void)state;
    otel_metric_data metrics[300];
    char names[300][8];
    for (size_t i = 0; i < 300; i++) {
        snprintf(names[i], sizeof names[i], "n%zu", i / 2);
        metrics[i] = of(i % 2 ? OTEL_METRIC_SUM : OTEL_METRIC_GAUGE, names[i], NULL, NULL, &seven, 1);
    }
    text(metrics, 300, false);
    text(metrics, 300, false);
    assert_int_equal(reported.count, 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_counter_has_total_and_its_scope),
        TEST(what_may_shrink_is_a_gauge),
        TEST(openmetrics_has_units_that_end_the_name),
        TEST(buckets_hold_all_that_is_below),
        TEST(a_histogram_may_have_no_bounds),
        TEST(numbers_are_read_back_as_they_were),
        TEST(integers_keep_all_their_digits),
        TEST(deltas_have_no_form),
        TEST(help_is_escaped),
        TEST(the_largest_exemplar_of_a_bucket_is_shown_there),
        TEST(the_last_exemplar_of_a_counter_is_shown),
        TEST(an_exemplar_has_128_characters_of_labels_at_most),
        TEST(the_resource_is_target_info),
        TEST(both_kinds_of_extra_labels_can_be_left_out),
        TEST(attributes_of_a_scope_are_labels),
        TEST(metrics_of_two_scopes_are_one_family),
        TEST(of_two_types_the_first_is_shown),
        TEST(names_of_samples_meet_too),
        TEST(nobody_is_called_target_info_but_the_resource),
        TEST(another_description_is_left_out),
        TEST(a_series_is_shown_once),
        TEST(reports_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
