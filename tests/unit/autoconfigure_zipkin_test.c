/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_zipkin_test.c - what the Zipkin exporter sends where, as code and environment say. */
#include "autoconfigure.h"

#include "base/clock.h"
#include "batch_double.h"
#include "http_double.h"
#include "reports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char endpoint_variable[] = "OTEL_EXPORTER_ZIPKIN_ENDPOINT";
static const char timeout_variable[] = "OTEL_EXPORTER_ZIPKIN_TIMEOUT";
static const char exporter_variable[] = "OTEL_TRACES_EXPORTER";
static const struct http_step answer = { .status = 202 }, stall = { .action = HTTP_STALL };
static http_double *server;
static otel_error error;

static void clear_environment(void) {
    unsetenv(endpoint_variable);
    unsetenv(timeout_variable);
    unsetenv(exporter_variable);
}

static void serve(const struct http_step *step) {
    if (server)
        http_double_stop(server);
    server = http_double_start(step, 1);
}

static int set_up(void **state) {
    (void)state;
    clear_environment();
    otel_exporter *exporter = otel_zipkin_exporter(NULL);
    if (exporter) { /* a build without it: the one test of that looks for itself */
        otel_exporter_destroy(exporter);
        serve(&answer);
    }
    reports_start(OTEL_LOG_WARN);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    clear_environment();
    if (server)
        http_double_stop(server);
    server = NULL;
    reports_stop();
    return 0;
}

#define NEEDS_ZIPKIN()                                                                                                 \
    if (!server)                                                                                                       \
    skip()

static int export_through(otel_exporter *exporter) {
    static const uint8_t id[16] = { 1 };
    static const otel_scope_data scope;
    static const otel_resource_data resource;
    const otel_span_data span = { .trace_id = id, .span_id = id, .name = { "s", 1 }, .scope = &scope };
    if (!exporter)
        return -1;
    otel_batch *batch = batch_double_create(&span, 1, &resource);
    const otel_status status = batch_double_export(exporter, batch, 0, NULL);
    batch_double_free(batch);
    otel_exporter_destroy(exporter);
    return (int)status;
}

/* Exports one span; the result of that, or -1 when there is no exporter. */
static int export_one(otel_zipkin_options options) {
    options.size = sizeof options;
    options.error = &error;
    return export_through(otel_zipkin_exporter(&options));
}

static void assert_head(const char *part) {
    const char *head = http_double_head(server, http_double_requests(server) - 1);
    assert_non_null(head);
    if (!strstr(head, part))
        fail_msg("no %s in %s", part, head);
}

static void assert_refused(otel_zipkin_options options, const char *reason) {
    assert_int_equal(export_one(options), -1);
    if (!strstr(error.text, reason))
        fail_msg("%s", error.text);
}

static void the_environment_names_the_whole_url(void **state) {
    (void)state;
    NEEDS_ZIPKIN();
    setenv(endpoint_variable, http_double_url(server, "/in?x=1"), 1);
    assert_int_equal(export_one((otel_zipkin_options){ .format = 0 }), OTEL_OK);
    assert_head("POST /in?x=1 HTTP/1.1\r\n");
    assert_head("Content-Type: application/json\r\n");
    assert_head("User-Agent: OTel-Zipkin-Exporter-C/");
    assert_int_equal(reports_count(), 0);
}

static void code_beats_the_environment(void **state) {
    (void)state;
    NEEDS_ZIPKIN();
    setenv(endpoint_variable, "ftp://nowhere", 1);
    setenv(timeout_variable, "never", 1);
    assert_int_equal(
        export_one((otel_zipkin_options){ .endpoint = http_double_url(server, "/code"), .timeout_ms = 9 * 1000 }),
        OTEL_OK);
    assert_head("POST /code HTTP/1.1\r\n");
    assert_int_equal(reports_count(), 0);
}

static void protobuf_and_gzip_on_request(void **state) {
    (void)state;
    NEEDS_ZIPKIN();
    assert_int_equal(export_one((otel_zipkin_options){
                         .endpoint = http_double_url(server, "/"), .format = OTEL_ZIPKIN_PROTOBUF, .gzip = true }),
                     OTEL_OK);
    assert_head("Content-Type: application/x-protobuf\r\n");
    assert_head("Content-Encoding: gzip\r\n");
}

static void the_default_is_zipkins_own_port(void **state) {
    (void)state;
    struct otel__config config;
    otel__config_load_zipkin(&config, &(otel_zipkin_options){ .size = sizeof(otel_zipkin_options) });
    assert_string_equal(config.zipkin_endpoint, "http://localhost:9411/api/v2/spans");
    assert_int_equal(config.zipkin_timeout_ms, 10000);
    otel__config_free(&config);
    setenv(endpoint_variable, "", 1);
    setenv(timeout_variable, "", 1);
    otel__config_load_zipkin(&config, &(otel_zipkin_options){ .size = sizeof(otel_zipkin_options) });
    assert_string_equal(config.zipkin_endpoint, "http://localhost:9411/api/v2/spans");
    assert_int_equal(config.zipkin_timeout_ms, 10000);
    assert_null(config.problems);
    otel__config_free(&config);
}

/* A proxy hears where a request is to go, whether or not anybody is there. */
static void without_any_setting_it_is_localhost(void **state) {
    (void)state;
    NEEDS_ZIPKIN();
    setenv("http_proxy", http_double_url(server, ""), 1);
    const int status = export_one((otel_zipkin_options){ .endpoint = NULL });
    unsetenv("http_proxy");
    assert_int_equal(status, OTEL_OK);
    assert_head("POST http://localhost:9411/api/v2/spans HTTP/1.1\r\n");
}

static void bad_values_of_the_environment_warn(void **state) {
    (void)state;
    static const char *const timeouts[] = { "-1", "soon", "1.5" };
    struct otel__config config;
    for (size_t i = 0; i < sizeof timeouts / sizeof *timeouts; i++) {
        reports_stop();
        reports_start(OTEL_LOG_WARN);
        setenv(endpoint_variable, "localhost:9411", 1);
        setenv(timeout_variable, timeouts[i], 1);
        otel__config_load_zipkin(&config, &(otel_zipkin_options){ .size = sizeof(otel_zipkin_options) });
        otel__config_report(&config);
        assert_string_equal(config.zipkin_endpoint, "http://localhost:9411/api/v2/spans");
        assert_int_equal(config.zipkin_timeout_ms, 10000);
        assert_int_equal(reports_count(), 2);
        assert_non_null(strstr(reports_text(0), "OTEL_EXPORTER_ZIPKIN_ENDPOINT=\"localhost:9411\""));
        assert_non_null(strstr(reports_text(1), "OTEL_EXPORTER_ZIPKIN_TIMEOUT=\""));
        otel__config_free(&config);
    }
    setenv(timeout_variable, "0", 1);
    otel__config_load_zipkin(&config, &(otel_zipkin_options){ .endpoint = "x" });
    assert_int_equal(config.zipkin_timeout_ms, 0);
    otel__config_free(&config);
}

static void the_timeout_comes_from_either(void **state) {
    (void)state;
    NEEDS_ZIPKIN();
    serve(&stall);
    setenv(timeout_variable, "200", 1);
    assert_int_equal(export_one((otel_zipkin_options){ .endpoint = http_double_url(server, "/") }), OTEL_ERR_TIMEOUT);
    setenv(timeout_variable, "1000000", 1);
    assert_int_equal(export_one((otel_zipkin_options){ .endpoint = http_double_url(server, "/"), .timeout_ms = 200 }),
                     OTEL_ERR_TIMEOUT);
}

static void unusable_options_are_refused(void **state) {
    (void)state;
    NEEDS_ZIPKIN();
    assert_refused((otel_zipkin_options){ .endpoint = "localhost:9411" }, "otel_zipkin_options.endpoint");
    assert_refused((otel_zipkin_options){ .format = 3 }, "otel_zipkin_options.format: 3 is no otel_zipkin_format");
    assert_refused((otel_zipkin_options){ .format = -1 }, "otel_zipkin_options.format");
    assert_refused((otel_zipkin_options){ .endpoint = "https://x", .certificate_file = "/nonexistent" },
                   "otel_zipkin_options.certificate_file");
    assert_refused((otel_zipkin_options){ .endpoint = "https://x", .client_key_file = "/nonexistent" },
                   "otel_zipkin_options.client_");
}

static void tls_files_without_tls_are_reported(void **state) {
    (void)state;
    NEEDS_ZIPKIN();
    assert_int_equal(export_one((otel_zipkin_options){ .endpoint = http_double_url(server, "/"),
                                                       .certificate_file = "/nonexistent" }),
                     OTEL_OK);
    assert_non_null(strstr(reports_text(0), "otel_zipkin_options.certificate_file is of no use"));
}

static void the_list_of_exporters_knows_zipkin(void **state) {
    (void)state;
    NEEDS_ZIPKIN();
    setenv(exporter_variable, "zipkin,console", 1);
    setenv(endpoint_variable, http_double_url(server, "/list"), 1);
    struct otel__config config;
    struct otel__pipeline pipeline;
    otel__config_load(&config, NULL, NULL);
    assert_int_equal(otel__autoconfigure(NULL, &config, &pipeline, NULL), OTEL_OK);
    assert_int_equal(pipeline.processor_count, 2);
    otel__pipeline_free(&pipeline);
    assert_int_equal(export_through(otel__zipkin_exporter(NULL, &config, &error)), OTEL_OK);
    assert_head("POST /list HTTP/1.1\r\n");
    otel__config_free(&config);
    assert_int_equal(reports_count(), 0);
}

static void headers_are_sent(void **state) {
    (void)state;
    NEEDS_ZIPKIN();
    assert_int_equal(export_one((otel_zipkin_options){ .endpoint = http_double_url(server, "/"),
                                                       .headers = "X-Api-Key=a%20b, Authorization=Bearer c" }),
                     OTEL_OK);
    assert_head("X-Api-Key: a b\r\n");
    assert_head("Authorization: Bearer c\r\n");
    assert_refused((otel_zipkin_options){ .headers = "good=1,bad name=secret" }, "otel_zipkin_options.headers: item 2");
    assert_null(strstr(error.text, "secret"));
    assert_refused((otel_zipkin_options){ .headers = "Content-Type=text/plain" }, "that the exporter sets itself");
}

static void a_server_that_is_not_there_is_named(void **state) {
    (void)state;
    NEEDS_ZIPKIN();
    int socket;
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/", http_refused_port(&socket));
    assert_int_equal(export_one((otel_zipkin_options){ .endpoint = url, .retry_disabled = true }), OTEL_ERR_EXPORT);
    close(socket);
    assert_true(reports_mention("Connection refused", "Is Zipkin running there?"));
}

static void a_build_without_http_says_so(void **state) {
    (void)state;
    if (server)
        skip();
    assert_refused((otel_zipkin_options){ .format = 0 }, "OTEL_WITH_CURL=OFF");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(the_environment_names_the_whole_url),
        TEST(code_beats_the_environment),
        TEST(protobuf_and_gzip_on_request),
        TEST(the_default_is_zipkins_own_port),
        TEST(without_any_setting_it_is_localhost),
        TEST(bad_values_of_the_environment_warn),
        TEST(the_timeout_comes_from_either),
        TEST(unusable_options_are_refused),
        TEST(tls_files_without_tls_are_reported),
        TEST(the_list_of_exporters_knows_zipkin),
        TEST(headers_are_sent),
        TEST(a_server_that_is_not_there_is_named),
        TEST(a_build_without_http_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
