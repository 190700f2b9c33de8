/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_metrics_test.c - an SDK whose metrics go where the environment says. */
#include "autoconfigure.h"
#include "metrics/reader.h"

#include "http_double.h"
#include "proc.h"
#include "reports.h"

#include "metrics_request.pb-c.h"

#include <otel/console.h>
#include <otel/metrics.h>
#include <otel/sdk.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { LONG_MS = 20000 };

OTEL_METER(meter, "meter", "1.0");
OTEL_COUNTER(orders, meter, "orders", "{order}", "Orders.");

static const char *const variables[] = { "OTEL_METRICS_EXPORTER",       "OTEL_METRIC_EXPORT_INTERVAL",
                                         "OTEL_METRIC_EXPORT_TIMEOUT",  "OTEL_METRICS_EXEMPLAR_FILTER",
                                         "OTEL_C_SELF_METRICS",         "OTEL_EXPORTER_OTLP_ENDPOINT",
                                         "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_TRACES_EXPORTER" };

static http_double *server;
static struct otel__config config;
static struct otel__pipeline pipeline;

static int set_up(void **state) {
    static const struct http_step steps[] = { { .status = 200 } };
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    setenv("OTEL_TRACES_EXPORTER", "none", 1);
    server = http_double_start(steps, 1);
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", http_double_url(server, ""), 1);
    reports_start(OTEL_LOG_DEBUG);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    otel_sdk_stop(LONG_MS);
    otel__pipeline_free(&pipeline);
    http_double_stop(server);
    reports_stop();
    return 0;
}

static void start(void) {
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "test", .diagnostic = reports_keep)), OTEL_OK);
}

/* The pipeline of this environment. */
static void make(const otel_sdk_options *options) {
    otel_error error;
    otel__pipeline_free(&pipeline);
    otel__config_load(&config, options, NULL);
    assert_int_equal(otel__autoconfigure(options, &config, &pipeline, &error), OTEL_OK);
    otel__config_free(&config);
}

/* ---- which readers ----------------------------------------------------------------------------------------------- */

static void otlp_is_the_default(void **state) {
    (void)state;
    make(NULL);
    assert_int_equal(pipeline.reader_count, 1);
    assert_string_equal(pipeline.readers[0]->exporter->ops.name, "otlp");
    assert_int_equal(pipeline.readers[0]->interval_ms, 60000);
    assert_int_equal(pipeline.readers[0]->timeout_ms, 30000);
    assert_int_equal(pipeline.exemplars, OTEL_EXEMPLARS_TRACE_BASED);
    assert_false(pipeline.self_metrics);
    assert_int_equal(reports_count(), 0);
}

static void each_variable_has_its_effect(void **state) {
    (void)state;
    setenv("OTEL_METRICS_EXPORTER", "console,otlp", 1);
    setenv("OTEL_METRIC_EXPORT_INTERVAL", "1234", 1);
    setenv("OTEL_METRIC_EXPORT_TIMEOUT", "0", 1);
    setenv("OTEL_METRICS_EXEMPLAR_FILTER", "always_off", 1);
    setenv("OTEL_C_SELF_METRICS", "true", 1);
    make(NULL);
    assert_int_equal(pipeline.reader_count, 2);
    assert_string_equal(pipeline.readers[0]->exporter->ops.name, "console");
    assert_string_equal(pipeline.readers[1]->exporter->ops.name, "otlp");
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pipeline.readers[i]->interval_ms, 1234);
        assert_int_equal(pipeline.readers[i]->timeout_ms, OTEL_NO_TIMEOUT);
    }
    assert_int_equal(pipeline.exemplars, OTEL_EXEMPLARS_ALWAYS_OFF);
    assert_true(pipeline.self_metrics);
    assert_int_equal(reports_count(), 0);
}

static void none_means_no_reader(void **state) {
    (void)state;
    setenv("OTEL_METRICS_EXPORTER", "none", 1);
    make(NULL);
    assert_int_equal(pipeline.reader_count, 0);
    start();
    assert_false(otel_instrument_enabled(orders));
}

static void an_unknown_exporter_is_left_out_and_reported(void **state) {
    (void)state;
    setenv("OTEL_METRICS_EXPORTER", "statsd,console", 1);
    make(NULL);
    assert_int_equal(pipeline.reader_count, 1);
    assert_string_equal(pipeline.readers[0]->exporter->ops.name, "console");
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("OTEL_METRICS_EXPORTER=\"statsd,console\"", "otlp, prometheus, console, none"));
}

/* This program has no libotel-prometheus. */
static void what_cannot_be_had_is_left_out_and_reported(void **state) {
    (void)state;
    setenv("OTEL_METRICS_EXPORTER", "prometheus,console", 1);
    make(NULL);
    assert_int_equal(pipeline.reader_count, 1);
    assert_string_equal(pipeline.readers[0]->exporter->ops.name, "console");
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("the prometheus exporter of metrics cannot be used: ", "libotel-prometheus.so."));
}

static void code_beats_the_environment(void **state) {
    (void)state;
    setenv("OTEL_METRICS_EXPORTER", "nonsense", 1);
    setenv("OTEL_METRICS_EXEMPLAR_FILTER", "nonsense", 1);
    setenv("OTEL_METRIC_EXPORT_INTERVAL", "70", 1);
    otel_metric_reader *reader = otel_periodic_reader(NULL, otel_console_metric_exporter(NULL));
    make(OTEL_SDK(.metrics = OTEL_METRICS(.readers = OTEL_READERS(reader), .exemplars = OTEL_EXEMPLARS_TRACE_BASED,
                                          .self = true)));
    assert_int_equal(pipeline.reader_count, 1);
    assert_ptr_equal(pipeline.readers[0], reader);
    assert_int_equal(reader->interval_ms, 70);
    assert_int_equal(reader->timeout_ms, 30000);
    assert_int_equal(pipeline.exemplars, OTEL_EXEMPLARS_TRACE_BASED);
    assert_true(pipeline.self_metrics);
    assert_int_equal(reports_count(), 0);
}

/* ---- what a program does ------------------------------------------------------------------------------------------ */

/* Builds without libcurl have no such exporter. */
static void skip_without_otlp(void) {
    otel_error error;
    const otel_otlp_options options = { .size = sizeof options, .error = &error };
    otel_metric_exporter *exporter = otel_otlp_metric_exporter(&options);
    if (!exporter)
        skip();
    otel_metric_exporter_destroy(exporter);
}

/* By default, to the OTLP endpoint, when it stops. */
static void what_was_counted_arrives(void **state) {
    (void)state;
    skip_without_otlp();
    start();
    otel_add(orders, 5);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(http_double_requests(server), 1);
    size_t len;
    const uint8_t *body = http_double_body(server, 0, &len);
    Otel__Otlp__ExportMetricsServiceRequest *request =
        otel__otlp__export_metrics_service_request__unpack(NULL, len, body);
    assert_non_null(request);
    const Otel__Otlp__Metric *metric = request->resource_metrics[0]->scope_metrics[0]->metrics[0];
    assert_memory_equal(metric->name.data, "orders", 6);
    assert_int_equal(metric->sum->data_points[0]->as_int, 5);
    assert_true(metric->sum->is_monotonic);
    assert_int_equal(metric->sum->aggregation_temporality,
                     OTEL__OTLP__AGGREGATION_TEMPORALITY__AGGREGATION_TEMPORALITY_CUMULATIVE);
    otel__otlp__export_metrics_service_request__free_unpacked(request, NULL);
    assert_non_null(strstr(http_double_head(server, 0), "POST /v1/metrics HTTP/1.1\r\n"));
}

static void at_the_interval(void **state) {
    (void)state;
    skip_without_otlp();
    setenv("OTEL_METRIC_EXPORT_INTERVAL", "20", 1);
    start();
    otel_add(orders, 5);
    assert_true(http_double_await(server, 3));
}

/* Whatever is wrong with the settings, even. */
static void a_program_that_measures_nothing_sends_nothing_and_has_no_thread(void **state) {
    (void)state;
    setenv("OTEL_METRIC_EXPORT_INTERVAL", "10", 1);
    setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", 1);
    const uint64_t threads = proc_number("/proc/self/status", "Threads:", 10);
    start();
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(proc_number("/proc/self/status", "Threads:", 10), threads);
    usleep(50 * 1000);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(http_double_connections(server), 0);
    assert_int_equal(reports_count(), 0);
}

static void the_console_gets_lines(void **state) {
    (void)state;
    char path[] = "/tmp/otel-metrics-XXXXXX", text[4096] = "";
    const int file = mkstemp(path), saved = dup(STDOUT_FILENO);
    setenv("OTEL_METRICS_EXPORTER", "console", 1);
    fflush(stdout);
    dup2(file, STDOUT_FILENO);
    start();
    otel_add(orders, 5);
    const otel_status status = otel_sdk_stop(LONG_MS);
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(saved);
    const ssize_t len = pread(file, text, sizeof text - 1, 0);
    close(file);
    unlink(path);
    assert_int_equal(status, OTEL_OK);
    assert_true(len > 0);
    assert_non_null(strstr(text, "  SUM        \"orders\"  5 {order}  since "));
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(otlp_is_the_default),
        TEST(each_variable_has_its_effect),
        TEST(none_means_no_reader),
        TEST(an_unknown_exporter_is_left_out_and_reported),
        TEST(what_cannot_be_had_is_left_out_and_reported),
        TEST(code_beats_the_environment),
        TEST(what_was_counted_arrives),
        TEST(at_the_interval),
        TEST(a_program_that_measures_nothing_sends_nothing_and_has_no_thread),
        TEST(the_console_gets_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
