/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_grpc_test.c - what becomes of gRPC where libotel-grpc is not to be had, as it is in this program. */
#include "autoconfigure_grpc.h"

#include "batch_double.h"
#include "http_double.h"
#include "reports.h"

#include <otel/jaeger.h>
#include <otel/otlp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct http_step answer = { .action = HTTP_ANSWER };
static http_double *server;

static int begin(void **state) {
    (void)state;
    server = http_double_start(&answer, 1);
    reports_start(OTEL_LOG_WARN);
    setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", 1);
    return 0;
}

static int end(void **state) {
    (void)state;
    reports_stop();
    http_double_stop(server);
    unsetenv("OTEL_EXPORTER_OTLP_PROTOCOL");
    unsetenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL");
    unsetenv("OTEL_EXPORTER_OTLP_ENDPOINT");
    unsetenv("OTEL_EXPORTER_JAEGER_PROTOCOL");
    unsetenv("OTEL_EXPORTER_JAEGER_ENDPOINT");
    return 0;
}

static otel_exporter *fake_sdk(const otel_exporter_ops *ops, void *self) {
    (void)ops;
    (void)self;
    return NULL;
}

static void a_library_that_does_not_fit_is_refused(void **state) {
    (void)state;
    const struct otel__grpc_exporters fits = { .abi = OTEL__GRPC_ABI, .sdk = otel_exporter_create };
    const struct otel__grpc_exporters older = { .abi = OTEL__GRPC_ABI + 1, .sdk = otel_exporter_create };
    const struct otel__grpc_exporters elsewhere = { .abi = OTEL__GRPC_ABI, .sdk = fake_sdk };
    assert_null(otel__grpc_library_problem(&fits));
    assert_non_null(strstr(otel__grpc_library_problem(&older), "another version"));
    assert_non_null(strstr(otel__grpc_library_problem(&elsewhere), "another libotel-sdk"));
}

static void export_one(otel_exporter *exporter) {
    static const uint8_t id[16] = { 1 };
    static const otel_scope_data scope;
    static const otel_resource_data resource;
    const otel_span_data span = { .trace_id = id, .span_id = id, .name = { "s", 1 }, .scope = &scope };
    otel_batch *batch = batch_double_create(&span, 1, &resource);
    assert_int_equal(batch_double_export(exporter, batch, 0, NULL), OTEL_OK);
    batch_double_free(batch);
}

static void the_environment_makes_do_with_http(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", http_double_url(server, ""), 1);
    setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc", 1);
    otel_exporter *exporter = otel_otlp_exporter(NULL);
    assert_non_null(exporter);
    export_one(exporter);
    otel_exporter_destroy(exporter);
    assert_non_null(strstr(http_double_head(server, 0), "POST /v1/traces HTTP/1.1\r\n"));
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc: it needs libotel-grpc.so.",
                                "package libotel-grpc, CMake target otel::grpc"));
    assert_true(reports_mention("; using http/protobuf", NULL));
}

static void an_endpoint_that_only_grpc_has_gives_way_to_the_default(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4317", 1);
    otel_exporter *exporter = otel_otlp_exporter(NULL);
    assert_non_null(exporter);
    otel_exporter_destroy(exporter);
    assert_true(reports_mention("OTEL_EXPORTER_OTLP_ENDPOINT is ignored, as it is for gRPC", NULL));
}

static void the_exporter_for_jaeger_makes_do_with_http_too(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_JAEGER_PROTOCOL", "grpc", 1);
    setenv("OTEL_EXPORTER_JAEGER_ENDPOINT", http_double_url(server, "/api/traces"), 1);
    otel_exporter *exporter = otel_jaeger_exporter(NULL);
    assert_non_null(exporter);
    export_one(exporter);
    otel_exporter_destroy(exporter);
    assert_non_null(strstr(http_double_head(server, 0), "POST /api/traces HTTP/1.1\r\n"));
    assert_true(
        reports_mention("OTEL_EXPORTER_JAEGER_PROTOCOL=grpc: it needs libotel-grpc.so.", "; using http/thrift.binary"));
}

static void code_that_asks_for_it_is_told(void **state) {
    (void)state;
    otel_error error = { "" };
    const otel_otlp_options options = { .size = sizeof options, .protocol = OTEL_OTLP_GRPC, .error = &error };
    assert_null(otel_otlp_exporter(&options));
    assert_non_null(strstr(error.text, "otel_otlp_options.protocol: it needs libotel-grpc.so."));
    const otel_jaeger_options jaeger = { .size = sizeof jaeger, .protocol = OTEL_JAEGER_GRPC, .error = &error };
    assert_null(otel_jaeger_exporter(&jaeger));
    assert_non_null(strstr(error.text, "otel_jaeger_options.protocol: it needs libotel-grpc.so."));
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_library_that_does_not_fit_is_refused),
        TEST(the_environment_makes_do_with_http),
        TEST(an_endpoint_that_only_grpc_has_gives_way_to_the_default),
        TEST(the_exporter_for_jaeger_makes_do_with_http_too),
        TEST(code_that_asks_for_it_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
