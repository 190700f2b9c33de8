/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_grpc_settings_test.c - what the exporter over gRPC sends where, as code and environment say. */
#include "batch_double.h"
#include "grpc_double.h"
#include "otlp_expect.h"
#include "reports.h"
#include "span_generator.h"

#include <otel/grpc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const variables[] = {
    "OTEL_EXPORTER_OTLP_ENDPOINT",    "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_INSECURE",    "OTEL_EXPORTER_OTLP_TRACES_INSECURE", "OTEL_EXPORTER_OTLP_TIMEOUT",
    "OTEL_EXPORTER_OTLP_COMPRESSION", "OTEL_EXPORTER_OTLP_PROTOCOL",        "OTEL_EXPORTER_OTLP_TRACES_HEADERS",
};
static const struct grpc_step fine = { .status = 0 };
enum { SPANS = 20 };

static grpc_double *server;
static span_set *spans;
static otel_batch *batch;
static otel_error error;
static char address[32]; /* host:port of the server */

static int begin_with(bool no_compression) {
    const struct grpc_double_options options = { .no_compression = no_compression };
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    server = grpc_double_start_with(&options, &fine, 1);
    snprintf(address, sizeof address, "127.0.0.1:%d", grpc_double_port(server));
    spans = span_set_create(7, SPANS);
    batch = batch_double_create(span_set_spans(spans), SPANS, span_set_resource(spans));
    reports_start(OTEL_LOG_WARN);
    return 0;
}

static int begin(void **state) {
    (void)state;
    return begin_with(false);
}

static int begin_without_compression(void **state) {
    (void)state;
    return begin_with(true);
}

static int end(void **state) {
    (void)state;
    batch_double_free(batch);
    span_set_free(spans);
    grpc_double_stop(server);
    reports_stop();
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    return 0;
}

/* The result of an export, or -1 when there is no exporter. */
static int export_by(otel_exporter *exporter) {
    if (!exporter)
        return -1;
    otel_status status = batch_double_export(exporter, batch, 0, NULL);
    otel_exporter_destroy(exporter);
    return (int)status;
}

static int export_with(otel_otlp_options options) {
    options.size = sizeof options;
    options.error = &error;
    return export_by(otel_otlp_grpc_exporter(&options));
}

static const char *url(const char *scheme, const char *path) {
    static char text[128];
    snprintf(text, sizeof text, "%s%s%s", scheme, address, path);
    return text;
}

static void assert_sent(size_t requests) { assert_int_equal(grpc_double_requests(server), requests); }

static void assert_unusable(otel_otlp_options options, const char *why) {
    assert_int_equal(export_with(options), -1);
    if (!strstr(error.text, why))
        fail_msg("'%s' does not say '%s'", error.text, why);
}

/* ---- where ------------------------------------------------------------------------------------------------------ */

static void code_beats_the_variable_for_traces_which_beats_the_general_one(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url("http://", ""), 1);
    assert_int_equal(export_with((otel_otlp_options){ .size = 0 }), OTEL_OK);
    assert_sent(1);
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1", 1);
    setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url("http://", ""), 1);
    assert_int_equal(export_with((otel_otlp_options){ .size = 0 }), OTEL_OK);
    assert_sent(2);
    setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1", 1);
    assert_int_equal(export_with((otel_otlp_options){ .endpoint = url("http://", "") }), OTEL_OK);
    assert_sent(3);
}

static void options_whose_size_was_forgotten_are_read(void **state) {
    (void)state;
    const char *endpoint = url("http://", "");
    assert_int_equal(export_by(otel_otlp_grpc_exporter(&(otel_otlp_options){ .endpoint = endpoint })), OTEL_OK);
    assert_int_equal(
        export_by(otel_otlp_exporter(&(otel_otlp_options){ .endpoint = endpoint, .protocol = OTEL_OTLP_GRPC })),
        OTEL_OK);
    assert_sent(2);
}

static void the_protocol_may_come_from_code_and_from_the_environment(void **state) {
    (void)state;
    otel_otlp_options options = { .size = sizeof options, .endpoint = url("http://", ""), .protocol = OTEL_OTLP_GRPC };
    assert_int_equal(export_by(otel_otlp_exporter(&options)), OTEL_OK);
    assert_sent(1);
    options.protocol = 0;
    setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", 1);
    assert_int_equal(export_by(otel_otlp_exporter(&options)), OTEL_OK);
    assert_sent(2);
}

static void paths_are_reported_and_not_used(void **state) {
    (void)state;
    assert_int_equal(export_with((otel_otlp_options){ .endpoint = url("http://", "/v1/traces") }), OTEL_OK);
    assert_string_equal(grpc_double_method(server), "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    assert_true(reports_mention("gRPC has no use for the path in the endpoint", address));
}

static void a_bad_endpoint_of_the_environment_is_reported_and_left_out(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "ftp://c", 1);
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url("http://", ""), 1);
    assert_int_equal(export_with((otel_otlp_options){ .size = 0 }), OTEL_OK);
    assert_sent(1);
    assert_true(reports_mention("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=\"ftp://c\" is no endpoint of gRPC: its scheme",
                                "; ignored"));
    reports_start(OTEL_LOG_WARN);
    unsetenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "c d", 1);
    otel_exporter_destroy(otel_otlp_grpc_exporter(NULL));
    assert_true(reports_mention("\"c d\" is no endpoint of gRPC", "using the default, http://localhost:4317"));
    assert_unusable((otel_otlp_options){ .endpoint = "ftp://c" }, "otel_otlp_options.endpoint: its scheme");
}

static void insecure_is_for_endpoints_without_http_and_https(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", address, 1);
    assert_int_not_equal(export_with((otel_otlp_options){ .retry_disabled = true }), OTEL_OK);
    assert_int_equal(export_with((otel_otlp_options){ .insecure = true }), OTEL_OK);
    assert_sent(1);
    setenv("OTEL_EXPORTER_OTLP_INSECURE", "true", 1);
    assert_int_equal(export_with((otel_otlp_options){ .size = 0 }), OTEL_OK);
    assert_sent(2);
    setenv("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "false", 1);
    assert_int_not_equal(export_with((otel_otlp_options){ .retry_disabled = true }), OTEL_OK);
    setenv("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "1", 1);
    assert_int_not_equal(export_with((otel_otlp_options){ .retry_disabled = true }), OTEL_OK);
    assert_true(reports_mention("OTEL_EXPORTER_OTLP_TRACES_INSECURE=\"1\" is not true or false; using false", NULL));
    setenv("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "true", 1);
    otel_otlp_options over_tls = { .endpoint = url("https://", ""), .retry_disabled = true };
    assert_int_not_equal(export_with(over_tls), OTEL_OK);
    assert_sent(2);
}

/* ---- what ------------------------------------------------------------------------------------------------------- */

static void headers_become_metadata(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url("http://", ""), 1);
    setenv("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Basic%20abc,x-Org=7,X-ORG=8", 1);
    assert_int_equal(export_with((otel_otlp_options){ .size = 0 }), OTEL_OK);
    assert_non_null(strstr(grpc_double_metadata(server), "authorization: Basic abc\n"));
    assert_non_null(strstr(grpc_double_metadata(server), "x-org: 8\n"));
    assert_null(strstr(grpc_double_metadata(server), ": 7\n"));
    assert_int_equal(export_with((otel_otlp_options){ .headers = "Of-Code=1" }), OTEL_OK);
    assert_non_null(strstr(grpc_double_metadata(server), "of-code: 1\n"));
    assert_null(strstr(grpc_double_metadata(server), "authorization"));
}

static void headers_that_grpc_cannot_send_are_left_out(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url("http://", ""), 1);
    setenv("OTEL_EXPORTER_OTLP_HEADERS", "a+b=secret,grpc-timeout=1S,te=x,good=1,umlaut=%C3%A4", 1);
    assert_int_equal(export_with((otel_otlp_options){ .size = 0 }), OTEL_OK);
    assert_sent(1);
    assert_non_null(strstr(grpc_double_metadata(server), "good: 1\n"));
    assert_null(strstr(grpc_double_metadata(server), "umlaut"));
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("OTEL_EXPORTER_OTLP_HEADERS: item 1 (a+b...) has a name that gRPC cannot send", NULL));
    assert_false(reports_mention("secret", NULL));
    assert_unusable((otel_otlp_options){ .headers = "a+b=1" }, "otel_otlp_options.headers: item 1");
}

static void the_user_agent_begins_with_the_users(void **state) {
    (void)state;
    otel_otlp_options options = { .endpoint = url("http://", ""), .user_agent = "MyDist/1.0" };
    assert_int_equal(export_with(options), OTEL_OK);
    assert_non_null(strstr(grpc_double_metadata(server), "user-agent: MyDist/1.0 OTel-OTLP-Exporter-C/"));
    options.user_agent = "a\nb";
    assert_unusable(options, "the user agent cannot be sent: its value holds a control character");
}

static void gzip_is_what_goes_over_the_wire(void **state) {
    (void)state;
    otel_otlp_options options = { .endpoint = url("http://", "") };
    assert_int_equal(export_with(options), OTEL_OK);
    options.compression = OTEL_OTLP_COMPRESSION_GZIP;
    assert_int_equal(export_with(options), OTEL_ERR_EXPORT);
    assert_true(reports_mention("UNIMPLEMENTED", "gzip"));
    options.compression = 0;
    setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", 1);
    assert_int_equal(export_with(options), OTEL_ERR_EXPORT);
    options.compression = OTEL_OTLP_COMPRESSION_NONE;
    assert_int_equal(export_with(options), OTEL_OK);
}

static void a_compressed_request_holds_the_batch(void **state) {
    (void)state;
    otel_otlp_options options = { .endpoint = url("http://", ""), .compression = OTEL_OTLP_COMPRESSION_GZIP };
    assert_int_equal(export_with(options), OTEL_OK);
    size_t len;
    const uint8_t *body = grpc_double_body(server, &len);
    otlp_report report = { .text = "" };
    if (!otlp_expect_request(&report, body, len, span_set_spans(spans), SPANS, span_set_resource(spans)))
        fail_msg("%s: %s", report.path, report.text);
}

static void requests_stay_below_their_limit(void **state) {
    (void)state;
    otel_otlp_options options = { .endpoint = url("http://", "") };
    assert_int_equal(export_with(options), OTEL_OK);
    size_t whole, part;
    grpc_double_body(server, &whole);
    options.max_request_bytes = whole - 1;
    assert_int_equal(export_with(options), OTEL_OK);
    assert_true(grpc_double_requests(server) >= 3);
    grpc_double_body(server, &part);
    assert_true(part < whole);
    options.max_request_bytes = 40;
    assert_int_equal(export_with(options), OTEL_ERR_EXPORT);
    assert_true(reports_mention("the span \"", "\" takes more than 40 bytes"));
}

static void the_environment_bounds_the_time(void **state) {
    (void)state;
    grpc_double_stop(server);
    const struct grpc_step silent = { .silent = true };
    server = grpc_double_start(0, &silent, 1);
    snprintf(address, sizeof address, "127.0.0.1:%d", grpc_double_port(server));
    setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "200", 1);
    assert_int_equal(export_with((otel_otlp_options){ .endpoint = url("http://", "") }), OTEL_ERR_TIMEOUT);
    assert_sent(1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(code_beats_the_variable_for_traces_which_beats_the_general_one),
        TEST(options_whose_size_was_forgotten_are_read),
        TEST(the_protocol_may_come_from_code_and_from_the_environment),
        TEST(paths_are_reported_and_not_used),
        TEST(a_bad_endpoint_of_the_environment_is_reported_and_left_out),
        TEST(insecure_is_for_endpoints_without_http_and_https),
        TEST(headers_become_metadata),
        TEST(headers_that_grpc_cannot_send_are_left_out),
        TEST(the_user_agent_begins_with_the_users),
        cmocka_unit_test_setup_teardown(gzip_is_what_goes_over_the_wire, begin_without_compression, end),
        TEST(a_compressed_request_holds_the_batch),
        TEST(requests_stay_below_their_limit),
        TEST(the_environment_bounds_the_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
