/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_metrics_later_test.c - the OTLP exporter of metrics that the environment asks for, and is made when it is needed. */
#include "autoconfigure.h"
#include "autoconfigure_metrics.h"

#include "metrics_set.h"
#include "otlp_scene.h"
#include "reports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { METRICS = 4 };

static const char *const variables[] = {
    "OTEL_EXPORTER_OTLP_ENDPOINT",         "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
    "OTEL_EXPORTER_OTLP_HEADERS",          "OTEL_EXPORTER_OTLP_METRICS_HEADERS",
    "OTEL_EXPORTER_OTLP_PROTOCOL",         "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL",
    "OTEL_EXPORTER_OTLP_METRICS_TIMEOUT",  "OTEL_EXPORTER_OTLP_METRICS_COMPRESSION",
    "OTEL_EXPORTER_OTLP_CERTIFICATE",      "OTEL_EXPORTER_OTLP_METRICS_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_METRICS_INSECURE", "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
};

static http_double *server;
static metrics_set *set;
static otel_metric_exporter_ops ops;
static void *later;

static int set_up(void **state) {
    (void)state;
    static const struct http_step steps[] = { { .status = 200, .headers = PROTOBUF } };
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    server = http_double_start(steps, 1);
    set = metrics_set_create(5, METRICS);
    reports_start(OTEL_LOG_DEBUG);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    if (later)
        ops.destroy(later);
    later = NULL;
    http_double_stop(server);
    metrics_set_free(set);
    reports_stop();
    return 0;
}

static void make(void) {
    later = otel__otlp_metrics_later(&ops);
    assert_non_null(later);
}

static otel_status export_all(void) { return ops.export_metrics(later, metrics_set_data(set), 0); }

/* Makes the exporter and exports; what arrived is the metrics. */
static void assert_arrives(const char *path) {
    char line[128];
    make();
    assert_int_equal(export_all(), OTEL_OK);
    assert_int_equal(http_double_requests(server), 1);
    snprintf(line, sizeof line, "POST %s HTTP/1.1\r\n", path);
    assert_non_null(strstr(http_double_head(server, 0), line));
}

static void assert_header(const char *name, const char *expected) {
    char *value = http_double_header(server, 0, name);
    assert_string_equal(value ? value : "(absent)", expected);
    free(value);
}

/* ---- variables --------------------------------------------------------------------------------------------------- */

static void a_base_url_gets_the_path_of_metrics(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", http_double_url(server, "/base/"), 1);
    assert_arrives("/base/v1/metrics");
    size_t len;
    const uint8_t *body = http_double_body(server, 0, &len);
    assert_string_equal(metrics_difference(body, len, metrics_set_data(set), 0, METRICS), "");
    assert_int_equal(reports_count(), 0);
}

static void the_endpoint_of_metrics_is_used_as_it_is(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1", 1);
    setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", http_double_url(server, "/in"), 1);
    assert_arrives("/in");
}

static void headers_and_compression_of_metrics(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", http_double_url(server, ""), 1);
    setenv("OTEL_EXPORTER_OTLP_HEADERS", "key=general", 1);
    setenv("OTEL_EXPORTER_OTLP_METRICS_HEADERS", "key=of%20metrics", 1);
    setenv("OTEL_EXPORTER_OTLP_METRICS_COMPRESSION", "gzip", 1);
    assert_arrives("/v1/metrics");
    assert_header("key", "of metrics");
    assert_header("Content-Encoding", "gzip");
}

/* Other protocols are said to be replaced, once, and only when there is something to send. */
static void metrics_go_by_http_protobuf(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        { "OTEL_EXPORTER_OTLP_PROTOCOL", "grpc",
          "OTEL_EXPORTER_OTLP_PROTOCOL=grpc: metrics are sent as http/protobuf" },
        { "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "grpc",
          "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=grpc: metrics are sent as http/protobuf" },
        { "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json",
          "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/json: metrics are sent as http/protobuf" },
    };
    setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", http_double_url(server, "/v1/metrics"), 1);
    for (size_t i = 0; i < 3; i++) {
        reports_start(OTEL_LOG_DEBUG);
        setenv(cases[i][0], cases[i][1], 1);
        make();
        assert_int_equal(reports_count(), 0);
        assert_int_equal(export_all(), OTEL_OK);
        assert_int_equal(export_all(), OTEL_OK);
        assert_int_equal(reports_count(), 1);
        assert_true(scene_reported(OTEL_LOG_WARN, cases[i][2]));
        char *type = http_double_header(server, 2 * i, "Content-Type");
        assert_string_equal(type, "application/x-protobuf");
        free(type);
        ops.destroy(later);
        later = NULL;
        unsetenv(cases[i][0]);
    }
}

/* Where gRPC is the protocol its default endpoint, and its targets, are none of HTTP's. */
static void endpoints_of_grpc_give_way(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", 1);
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "dns:///collector:4317", 1);
    setenv("OTEL_EXPORTER_OTLP_METRICS_TIMEOUT", "300", 1);
    make();
    export_all(); /* perhaps there is a collector, perhaps not */
    assert_true(reports_mention("OTEL_EXPORTER_OTLP_ENDPOINT is ignored, as it is for gRPC: ", NULL));
    assert_false(scene_reported(OTEL_LOG_WARN, "4317/v1/metrics"));
}

static void temporality_preferences(void **state) {
    (void)state;
    static const struct {
        const char *preference;
        int delta; /* kinds, 1 << kind */
    } cases[] = {
        { "cumulative", 0 },
        { "delta",
          1 << OTEL_INSTRUMENT_COUNTER | 1 << OTEL_INSTRUMENT_HISTOGRAM | 1 << OTEL_INSTRUMENT_OBSERVABLE_COUNTER },
        { "lowmemory", 1 << OTEL_INSTRUMENT_COUNTER | 1 << OTEL_INSTRUMENT_HISTOGRAM },
    };
    for (size_t i = 0; i < 3; i++) {
        setenv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", cases[i].preference, 1);
        make();
        for (int kind = 0; kind <= OTEL_INSTRUMENT_OBSERVABLE_GAUGE; kind++) {
            const bool delta =
                ops.temporality && ops.temporality(later, (otel_instrument_kind)kind) == OTEL_TEMPORALITY_DELTA;
            assert_int_equal(delta, cases[i].delta >> kind & 1);
        }
        ops.destroy(later);
        later = NULL;
    }
}

/* ---- only when needed -------------------------------------------------------------------------------------------- */

/* A certificate that cannot be read is nobody's trouble before there are metrics. */
static void what_is_wrong_is_told_when_there_is_something_to_send(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "https://127.0.0.1:1", 1);
    setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", "/nowhere/ca.pem", 1);
    make();
    const otel_metrics_data none = { .size = sizeof none, .resource = metrics_set_data(set)->resource };
    assert_int_equal(ops.export_metrics(later, &none, 0), OTEL_OK);
    assert_int_equal(ops.force_flush(later, 0), OTEL_OK);
    assert_int_equal(reports_count(), 0);
    assert_int_equal(export_all(), OTEL_ERR_CONFIG);
    assert_int_equal(export_all(), OTEL_ERR_CONFIG);
    assert_int_equal(reports_count(), 1);
    assert_true(scene_reported(OTEL_LOG_ERROR, "the otlp exporter of metrics cannot be used, they are dropped: "));
    assert_true(scene_reported(OTEL_LOG_ERROR, "/nowhere/ca.pem"));
}

static void the_environment_is_that_of_the_start(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", http_double_url(server, ""), 1);
    make();
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1", 1);
    assert_int_equal(export_all(), OTEL_OK);
    assert_int_equal(http_double_requests(server), 1);
}

static void nothing_is_sent_once_cancelled_or_shut_down(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", http_double_url(server, ""), 1);
    make();
    ops.cancel(later);
    assert_int_equal(export_all(), OTEL_ERR_CANCELLED);
    ops.destroy(later);
    make();
    assert_int_equal(ops.shutdown(later, 0), OTEL_OK);
    assert_int_equal(export_all(), OTEL_ERR_STATE);
    ops.destroy(later);
    make();
    assert_int_equal(export_all(), OTEL_OK);
    assert_int_equal(ops.shutdown(later, 0), OTEL_OK);
    assert_int_equal(export_all(), OTEL_ERR_STATE);
    ops.cancel(later);
    assert_int_equal(http_double_requests(server), 1);
}

/* As sdk/src/fork.c calls; the child's exit status is that of its export. */
static int export_in_a_child(void) {
    ops.before_fork(later);
    assert_true(ops.at_rest(later));
    const pid_t child = fork();
    ops.after_fork(later, child == 0);
    if (child == 0)
        _exit(export_all() == OTEL_OK ? 0 : 1);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static void a_child_and_its_parent_export_before_and_after_the_first_export(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", http_double_url(server, ""), 1);
    make();
    assert_int_equal(export_in_a_child(), 0);
    assert_int_equal(export_all(), OTEL_OK);
    assert_int_equal(export_in_a_child(), 0);
    assert_int_equal(export_all(), OTEL_OK);
    assert_int_equal(http_double_requests(server), 4);
    assert_int_equal(http_double_connections(server), 3); /* the parent keeps its own */
}

/* ---- in code ----------------------------------------------------------------------------------------------------- */

static void what_code_asks_for_in_vain(void **state) {
    (void)state;
    static const struct {
        otel_otlp_options options;
        const char *why;
    } cases[] = {
        { { .protocol = OTEL_OTLP_GRPC }, "otel_otlp_options.protocol: metrics are sent as http/protobuf only" },
        { { .temporality = 4 }, "otel_otlp_options.temporality: it is no otel_otlp_temporality" },
        { { .metrics_endpoint = "http://" }, "otel_otlp_options.metrics_endpoint: \"http://\" cannot be used" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        otel_error error = { "" };
        otel_otlp_options options = cases[i].options;
        options.size = sizeof options;
        options.error = &error;
        assert_null(otel_otlp_metric_exporter(&options));
        assert_non_null(strstr(error.text, cases[i].why));
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_base_url_gets_the_path_of_metrics),
        TEST(the_endpoint_of_metrics_is_used_as_it_is),
        TEST(headers_and_compression_of_metrics),
        TEST(metrics_go_by_http_protobuf),
        TEST(endpoints_of_grpc_give_way),
        TEST(temporality_preferences),
        TEST(what_is_wrong_is_told_when_there_is_something_to_send),
        TEST(the_environment_is_that_of_the_start),
        TEST(nothing_is_sent_once_cancelled_or_shut_down),
        TEST(a_child_and_its_parent_export_before_and_after_the_first_export),
        TEST(what_code_asks_for_in_vain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
