/* SPDX-License-Identifier: Apache-2.0 */
/* jaeger_grpc_test.c - the Jaeger exporter against a gRPC server, as code and environment say. */
#include "base/clock.h"
#include "batch_double.h"
#include "grpc_double.h"
#include "grpc_identity.h"
#include "in_child.h"
#include "jaeger_dump.h"
#include "reports.h"
#include "sanitizers.h"

#include <otel/jaeger.h>
#include <otel/sdk.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char *const variables[] = {
    "OTEL_EXPORTER_JAEGER_PROTOCOL", "OTEL_EXPORTER_JAEGER_ENDPOINT", "OTEL_EXPORTER_JAEGER_TIMEOUT",
    "OTEL_EXPORTER_JAEGER_USER",     "OTEL_EXPORTER_JAEGER_PASSWORD", "OTEL_TRACES_EXPORTER",
    "OTEL_EXPORTER_OTLP_PROTOCOL",
};

static const struct grpc_step fine = { .status = 0 };
static grpc_double *server;
static otel_error error;

OTEL_TRACER(lib, "lib");

static int begin(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    reports_start(OTEL_LOG_WARN);
    server = NULL;
    error = (otel_error){ "" };
    return 0;
}

static int end(void **state) {
    begin(state);
    reports_stop();
    return 0;
}

/* The server's address, with `scheme` in front of it and `path` behind. */
static const char *url(const char *scheme, const char *path) {
    static char text[128];
    snprintf(text, sizeof text, "%s127.0.0.1:%d%s", scheme, grpc_double_port(server), path);
    return text;
}

static void serve(const struct grpc_step *steps, size_t count) {
    server = grpc_double_start(0, steps, count);
    setenv("OTEL_EXPORTER_JAEGER_PROTOCOL", "grpc", 1);
    setenv("OTEL_EXPORTER_JAEGER_ENDPOINT", url("http://", ""), 1);
}

static void stop(size_t requests) {
    assert_int_equal(grpc_double_requests(server), requests);
    grpc_double_stop(server);
}

/* Exports `count` spans, each with a name of `size` bytes; the result of that, or -1 when there is no exporter. */
static int export_spans(otel_jaeger_options options, size_t count, size_t size) {
    static char text[4000];
    static const uint8_t id[16] = { 1 };
    static const otel_scope_data scope;
    const otel_resource_data resource = { .attributes = OTEL_ATTRS(OTEL_ATTR("service.name", "shop")) };
    otel_span_data spans[8];
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < count; i++)
        spans[i] = (otel_span_data){ .trace_id = id, .span_id = id, .scope = &scope, .name = { text, size } };
    options.size = sizeof options;
    options.error = &error;
    otel_exporter *exporter = otel_jaeger_exporter(&options);
    if (!exporter)
        return -1;
    assert_string_equal(batch_double_ops(exporter)->name, "jaeger");
    otel_batch *batch = batch_double_create(spans, count, &resource);
    const otel_status status = batch_double_export(exporter, batch, 0, NULL);
    assert_int_equal(batch_double_delivered(), status == OTEL_OK ? count : 0);
    batch_double_free(batch);
    otel_exporter_destroy(exporter);
    return (int)status;
}

static int export_one(otel_jaeger_options options) { return export_spans(options, 1, 1); }

/* ---- what is sent ------------------------------------------------------------------------------------------------ */

static void a_call_posts_the_batch(void **state) {
    (void)state;
    char agent[64];
    size_t len;
    serve(&fine, 1);
    assert_int_equal(export_one((otel_jaeger_options){ 0 }), OTEL_OK);
    assert_string_equal(grpc_double_method(server), "/jaeger.api_v2.CollectorService/PostSpans");
    snprintf(agent, sizeof agent, "user-agent: OTel-Jaeger-Exporter-C/%s grpc-c/", otel_sdk_version());
    assert_non_null(strstr(grpc_double_metadata(server), agent));
    assert_null(strstr(grpc_double_metadata(server), "authorization"));
    const uint8_t *body = grpc_double_body(server, &len);
    char *dumped = jaeger_dump(body, len);
    assert_string_equal(dumped, "shop []\n01000000000000000000000000000000/0100000000000000 x <> 0 "
                                "0.000000000+0.000000001 [span.kind=\"internal\"] []\n");
    free(dumped);
    stop(1);
}

static void user_and_password_are_metadata(void **state) {
    (void)state;
    serve(&fine, 1);
    setenv("OTEL_EXPORTER_JAEGER_USER", "Aladdin", 1);
    setenv("OTEL_EXPORTER_JAEGER_PASSWORD", "open sesame", 1);
    assert_int_equal(export_one((otel_jaeger_options){ 0 }), OTEL_OK);
    assert_non_null(strstr(grpc_double_metadata(server), "authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\n"));
    unsetenv("OTEL_EXPORTER_JAEGER_USER");
    assert_int_equal(export_one((otel_jaeger_options){ 0 }), OTEL_OK);
    assert_null(strstr(grpc_double_metadata(server), "authorization"));
    assert_true(reports_mention("has a password, but no user", NULL));
    stop(2);
}

/* ---- what becomes of it ------------------------------------------------------------------------------------------ */

static void a_reply_says_nothing(void **state) {
    (void)state;
    const struct grpc_step steps[] = { { .body = "\x0a\x02\x08\x01", .body_len = 4 } };
    serve(steps, 1);
    assert_int_equal(export_one((otel_jaeger_options){ 0 }), OTEL_OK);
    assert_int_equal(reports_count(), 0);
    stop(1);
}

static void a_full_queue_is_worth_another_attempt(void **state) {
    (void)state;
    const struct grpc_step steps[] = { { .status = 8, .words = "server busy" }, { .status = 14 }, { .status = 0 } };
    serve(steps, 3);
    assert_int_equal(export_one((otel_jaeger_options){ .timeout_ms = 60000 }), OTEL_OK);
    stop(3);
}

static void what_the_server_will_never_take_is_lost_at_once(void **state) {
    (void)state;
    const struct grpc_step steps[] = { { .status = 12 }, { .status = 3 } };
    serve(steps, 2);
    assert_int_equal(export_one((otel_jaeger_options){ 0 }), OTEL_ERR_EXPORT);
    assert_true(reports_mention("UNIMPLEMENTED", "Is this the address of a Jaeger collector?"));
    assert_int_equal(export_one((otel_jaeger_options){ 0 }), OTEL_ERR_EXPORT);
    stop(2);
}

static void a_request_that_is_too_large_is_not_sent_again(void **state) {
    (void)state;
    const struct grpc_step steps[] = { { .status = 8, .words = "grpc: received message larger than max (9 vs. 8)" } };
    serve(steps, 1);
    assert_int_equal(export_spans((otel_jaeger_options){ 0 }, 8, 4000), OTEL_ERR_EXPORT);
    stop(1);
}

static void an_export_takes_no_longer_than_its_bound(void **state) {
    (void)state;
    const struct grpc_step silent = { .silent = true };
    serve(&silent, 1);
    setenv("OTEL_EXPORTER_JAEGER_TIMEOUT", "300", 1);
    assert_int_equal(export_one((otel_jaeger_options){ 0 }), OTEL_ERR_TIMEOUT);
    assert_int_equal(export_one((otel_jaeger_options){ .timeout_ms = 200 }), OTEL_ERR_TIMEOUT);
    grpc_double_stop(server);
}

/* ---- where ------------------------------------------------------------------------------------------------------- */

/* Whether anybody is there or not, what the exporter says names where it has sent. */
static void without_an_endpoint_it_is_port_14250_of_localhost(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_JAEGER_PROTOCOL", "grpc", 1);
    if (export_one((otel_jaeger_options){ .timeout_ms = 100 }) == OTEL_OK)
        skip(); /* somebody is */
    assert_true(reports_mention("could not be sent to http://localhost:14250:", NULL));
    assert_int_equal(reports_count(), 1);
}

static void code_beats_the_environment(void **state) {
    (void)state;
    serve(&fine, 1);
    setenv("OTEL_EXPORTER_JAEGER_PROTOCOL", "http/thrift.binary", 1);
    setenv("OTEL_EXPORTER_JAEGER_ENDPOINT", "http://192.0.2.1/", 1);
    setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", 1); /* which is none of its business */
    assert_int_equal(export_one((otel_jaeger_options){ .protocol = OTEL_JAEGER_GRPC, .endpoint = url("http://", "") }),
                     OTEL_OK);
    assert_int_equal(reports_count(), 0);
    stop(1);
}

static void a_path_is_reported_and_not_used(void **state) {
    (void)state;
    serve(&fine, 1);
    setenv("OTEL_EXPORTER_JAEGER_ENDPOINT", url("http://", "/api/traces"), 1);
    assert_int_equal(export_one((otel_jaeger_options){ 0 }), OTEL_OK);
    assert_true(reports_mention("gRPC has no use for the path in the endpoint", "/api/traces"));
    stop(1);
}

static void what_is_no_endpoint_is_told(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_JAEGER_PROTOCOL", "grpc", 1);
    setenv("OTEL_EXPORTER_JAEGER_ENDPOINT", "ftp://x", 1);
    otel_exporter *exporter = otel_jaeger_exporter(NULL);
    assert_non_null(exporter);
    otel_exporter_destroy(exporter);
    assert_true(reports_mention("OTEL_EXPORTER_JAEGER_ENDPOINT=\"ftp://x\" is no endpoint of gRPC",
                                "using the default, http://localhost:14250"));
    assert_int_equal(export_one((otel_jaeger_options){ .endpoint = "ftp://x" }), -1);
    assert_non_null(
        strstr(error.text, "otel_jaeger_options.endpoint: \"ftp://x\" cannot be used: its scheme is none of"));
}

/* ---- TLS --------------------------------------------------------------------------------------------------------- */

static struct identity authority;

/* What gRPC core takes for the system's trust is read once in a process. */
static int trust(void **state) {
    static char path[] = "/tmp/jaeger-grpc-XXXXXX";
    const int fd = mkstemp(path);
    if (fd < 0)
        return -1;
    close(fd);
    authority = authority_create("authority");
    write_certificate(path, &authority);
    setenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", path, 1);
    *state = path;
    return 0;
}

static int forget(void **state) {
    identity_free(&authority);
    return unlink(*state);
}

static void https_is_tls_by_the_systems_trust(void **state) {
    (void)state;
    struct identity other = authority_create("other");
    const struct identity *const issuers[] = { &authority, &other };
    for (int i = 0; i < 2; i++) {
        struct identity identity = authority_issue(issuers[i], "server", "IP:127.0.0.1", -3600, 3600);
        grpc_init();
        const struct grpc_double_options options = { .credentials = grpc_identity_credentials(&identity, NULL) };
        server = grpc_double_start_with(&options, &fine, 1);
        grpc_shutdown();
        assert_int_equal(export_one((otel_jaeger_options){
                             .protocol = OTEL_JAEGER_GRPC, .endpoint = url("https://", ""), .timeout_ms = 60000 }),
                         i == 0 ? OTEL_OK : OTEL_ERR_EXPORT);
        stop(i == 0 ? 1 : 0);
        identity_free(&identity);
    }
    assert_true(reports_mention("certificate verify failed", "is its authority one that this system trusts"));
    identity_free(&other);
}

/* ---- the whole SDK ----------------------------------------------------------------------------------------------- */

static void end_a_span(void) {
    const otel_span span = otel_span_start(lib, OTEL_START("work"));
    otel_span_end(&span);
}

static int export_in_child(void *argument) {
    (void)argument;
    reports_start(OTEL_LOG_WARN); /* instead of the SDK's own way */
    end_a_span();
    STEP(otel_sdk_flush(20000) != OTEL_OK || otel_sdk_stop(20000) == OTEL_OK);
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    STEP(ledger.processors[0].exported == 0);
    STEP(reports_mention("this process was forked from one that had used gRPC", "or use http/thrift.binary"));
    return 0;
}

static void the_environment_chooses_the_exporter(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    serve(&fine, 1);
    setenv("OTEL_TRACES_EXPORTER", "jaeger", 1);
    assert_int_equal(otel_sdk_start(NULL), OTEL_OK);
    end_a_span();
    assert_int_equal(otel_sdk_flush(60000), OTEL_OK);
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    assert_string_equal(ledger.processors[0].name, "batch/jaeger");
    assert_int_equal(ledger.processors[0].exported, 1);
    assert_int_equal(in_child(export_in_child, NULL), 0);
    assert_int_equal(otel_sdk_stop(20000), OTEL_OK);
    stop(1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_call_posts_the_batch),
        TEST(user_and_password_are_metadata),
        TEST(a_reply_says_nothing),
        TEST(a_full_queue_is_worth_another_attempt),
        TEST(what_the_server_will_never_take_is_lost_at_once),
        TEST(a_request_that_is_too_large_is_not_sent_again),
        TEST(an_export_takes_no_longer_than_its_bound),
        TEST(without_an_endpoint_it_is_port_14250_of_localhost),
        TEST(code_beats_the_environment),
        TEST(a_path_is_reported_and_not_used),
        TEST(what_is_no_endpoint_is_told),
        TEST(https_is_tls_by_the_systems_trust),
        TEST(the_environment_chooses_the_exporter),
    };
    return cmocka_run_group_tests(tests, trust, forget);
}
