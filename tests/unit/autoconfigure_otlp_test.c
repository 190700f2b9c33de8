/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_otlp_test.c - what the OTLP exporter sends where, as code and environment say. */
#include "autoconfigure.h"

#include "batch_double.h"
#include "http_double.h"
#include "reports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static const char *const variables[] = {
    "OTEL_EXPORTER_OTLP_ENDPOINT",           "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS",
    "OTEL_EXPORTER_OTLP_TRACES_HEADERS",     "OTEL_EXPORTER_OTLP_TIMEOUT",         "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT",
    "OTEL_EXPORTER_OTLP_PROTOCOL",           "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_COMPRESSION",
    "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION",
};

static const struct http_step answer = { .action = HTTP_ANSWER };
static const struct http_step slow_answer = { .action = HTTP_ANSWER, .delay_ms = 1000 };
static http_double *server;
static otel_error error;

static int set_up(void **state) {
    (void)state;
    otel_exporter *exporter = otel_otlp_exporter(NULL);
    if (!exporter) { /* a build without it: the one test of that looks for itself */
        server = NULL;
        return 0;
    }
    otel_exporter_destroy(exporter);
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    server = http_double_start(&answer, 1);
    reports_start(OTEL_LOG_WARN);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    if (server)
        http_double_stop(server);
    reports_stop();
    return 0;
}

#define NEEDS_OTLP()                                                                                                   \
    if (!server)                                                                                                       \
    skip()

/* Exports one span; the result of that, or -1 when there is no exporter. */
static int export_one(otel_otlp_options options) {
    static const uint8_t id[16] = { 1 };
    static const otel_scope_data scope;
    static const otel_resource_data resource;
    const otel_span_data span = { .trace_id = id, .span_id = id, .name = { "s", 1 }, .scope = &scope };
    uint64_t rejected;
    options.size = sizeof options;
    options.error = &error;
    otel_exporter *exporter = otel_otlp_exporter(&options);
    if (!exporter)
        return -1;
    otel_batch *batch = batch_double_create(&span, 1, &resource);
    otel_status status = batch_double_export(exporter, batch, 0, &rejected);
    batch_double_free(batch);
    otel_exporter_destroy(exporter);
    return (int)status;
}

/* The last request was a POST to `path`. */
static void assert_path(const char *path) {
    char line[256];
    snprintf(line, sizeof line, "POST %s HTTP/1.1\r\n", path);
    const char *head = http_double_head(server, http_double_requests(server) - 1);
    assert_non_null(head);
    if (strncmp(head, line, strlen(line)) != 0)
        fail_msg("not to %s: %.80s", path, head);
}

static void assert_header(const char *name, const char *value) {
    char *found = http_double_header(server, http_double_requests(server) - 1, name);
    if (value)
        assert_string_equal(found ? found : "(none)", value);
    else
        assert_null(found);
    free(found);
}

static void assert_unusable(otel_otlp_options options, const char *why) {
    snprintf(error.text, sizeof error.text, "untouched");
    assert_int_equal(export_one(options), -1);
    if (!strstr(error.text, why))
        fail_msg("'%s' does not say '%s'", error.text, why);
}

static const char *url(const char *path) { return http_double_url(server, path); }

/* ---- where ------------------------------------------------------------------------------------------------------ */

static void endpoint_gets_the_path_of_traces(void **state) {
    (void)state;
    NEEDS_OTLP();
    static const char *const cases[][2] = {
        { "", "/v1/traces" },
        { "/", "/v1/traces" },
        { "/base/", "/base/v1/traces" },
        { "/base", "/base/v1/traces" },
    };
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(export_one((otel_otlp_options){ .endpoint = url(cases[i][0]) }), OTEL_OK);
        assert_path(cases[i][1]);
        setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url(cases[i][0]), 1);
        assert_int_equal(export_one((otel_otlp_options){ .endpoint = NULL }), OTEL_OK);
        assert_path(cases[i][1]);
        unsetenv("OTEL_EXPORTER_OTLP_ENDPOINT");
    }
}

/* A proxy hears where a request is to go, whether or not anybody is there. */
static void without_any_setting_it_is_localhost(void **state) {
    (void)state;
    NEEDS_OTLP();
    setenv("http_proxy", url(""), 1);
    int status = export_one((otel_otlp_options){ .endpoint = NULL });
    unsetenv("http_proxy");
    assert_int_equal(status, OTEL_OK);
    assert_path("http://localhost:4318/v1/traces");
    assert_header("content-type", "application/x-protobuf");
}

static void assert_json(otel_otlp_options options) {
    assert_int_equal(export_one(options), OTEL_OK);
    assert_header("content-type", "application/json");
    size_t len;
    const uint8_t *body = http_double_body(server, http_double_requests(server) - 1, &len);
    assert_memory_equal(body, "{\"resourceSpans\":[", 18);
}

/* Code beats the variable for traces, that the general one. */
static void spans_go_as_json_on_request(void **state) {
    (void)state;
    NEEDS_OTLP();
    const otel_otlp_options any = { .endpoint = url("") };
    assert_json((otel_otlp_options){ .endpoint = url(""), .protocol = OTEL_OTLP_HTTP_JSON });
    setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json", 1);
    assert_json(any);
    setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/protobuf", 1);
    assert_int_equal(export_one(any), OTEL_OK);
    assert_header("content-type", "application/x-protobuf");
    setenv("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", 1);
    setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", 1);
    assert_json(any);
    assert_int_equal(export_one((otel_otlp_options){ .endpoint = url(""), .protocol = OTEL_OTLP_HTTP_PROTOBUF }),
                     OTEL_OK);
    assert_header("content-type", "application/x-protobuf");
    assert_unusable((otel_otlp_options){ .protocol = 7 }, "otel_otlp_options.protocol: 7 is no otel_otlp_protocol");
}

static void assert_compressed(otel_otlp_options options, bool compressed) {
    assert_int_equal(export_one(options), OTEL_OK);
    assert_header("content-encoding", compressed ? "gzip" : NULL);
    size_t len;
    const uint8_t *body = http_double_body(server, http_double_requests(server) - 1, &len);
    assert_true(len > 2);
    assert_int_equal(body[0] == 0x1f && body[1] == 0x8b, compressed);
}

/* Code beats the variable for traces, also with none, and that the general one, unless it is no good. */
static void requests_are_compressed_on_request(void **state) {
    (void)state;
    NEEDS_OTLP();
    const otel_otlp_options any = { .endpoint = url("") };
    const otel_otlp_options none = { .endpoint = url(""), .compression = OTEL_OTLP_COMPRESSION_NONE };
    assert_compressed(any, false);
    assert_compressed((otel_otlp_options){ .endpoint = url(""), .compression = OTEL_OTLP_COMPRESSION_GZIP }, true);
    setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", 1);
    assert_compressed(any, true);
    assert_compressed(none, false);
    setenv("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "none", 1);
    assert_compressed(any, false);
    assert_int_equal(reports_count(), 0);
    setenv("OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "zstd", 1);
    assert_compressed(any, true);
    assert_int_equal(reports_count(), 1);
    assert_non_null(strstr(reports_text(0), "OTEL_EXPORTER_OTLP_TRACES_COMPRESSION"));
    assert_non_null(strstr(reports_text(0), "zstd"));
    assert_unusable((otel_otlp_options){ .compression = 3 },
                    "otel_otlp_options.compression: 3 is no otel_otlp_compression");
}

/* There is no variable for these. */
static void sizes_are_bounded_in_code(void **state) {
    (void)state;
    NEEDS_OTLP();
    assert_int_equal(export_one((otel_otlp_options){ .endpoint = url(""), .max_request_bytes = 1 << 20 }), OTEL_OK);
    size_t before = http_double_requests(server);
    assert_int_equal(export_one((otel_otlp_options){ .endpoint = url(""), .max_request_bytes = 20 }), OTEL_ERR_EXPORT);
    assert_int_equal(http_double_requests(server), before);
    assert_int_equal(reports_count(), 1);
    assert_non_null(strstr(reports_text(0), "more than 20 bytes"));
}

static void answers_are_bounded_in_code(void **state) {
    (void)state;
    NEEDS_OTLP();
    const struct http_step step = { .body = "0123456789", .headers = "Content-Type: text/plain\r\n" };
    http_double_stop(server);
    server = http_double_start(&step, 1);
    assert_int_equal(export_one((otel_otlp_options){ .endpoint = url(""), .max_response_bytes = 10 }), OTEL_OK);
    assert_int_equal(export_one((otel_otlp_options){ .endpoint = url(""), .max_response_bytes = 9 }), OTEL_ERR_EXPORT);
    assert_true(reports_count() > 0);
    assert_non_null(strstr(reports_text(reports_count() - 1), "larger than 9 bytes"));
    http_double_stop(server);
    server = http_double_start(&answer, 1);
}

static void traces_endpoint_is_used_as_it_is(void **state) {
    (void)state;
    NEEDS_OTLP();
    static const char *const cases[][2] = { { "", "/" }, { "/x", "/x" }, { "/v1/traces/", "/v1/traces/" } };
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(export_one((otel_otlp_options){ .traces_endpoint = url(cases[i][0]) }), OTEL_OK);
        assert_path(cases[i][1]);
        setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", url(cases[i][0]), 1);
        setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1/not-here", 1);
        assert_int_equal(export_one((otel_otlp_options){ .endpoint = NULL }), OTEL_OK);
        assert_path(cases[i][1]);
        unsetenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
        unsetenv("OTEL_EXPORTER_OTLP_ENDPOINT");
    }
}

static void code_beats_the_environment(void **state) {
    (void)state;
    NEEDS_OTLP();
    char here[128];
    snprintf(here, sizeof here, "%s", url("/code"));
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1/not-here", 1);
    setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:1/nor-here", 1);
    setenv("OTEL_EXPORTER_OTLP_HEADERS", "x=environment", 1);
    assert_int_equal(export_one((otel_otlp_options){ .endpoint = here, .headers = "x=code" }), OTEL_OK);
    assert_path("/code/v1/traces");
    assert_header("x", "code");
    assert_int_equal(export_one((otel_otlp_options){ .endpoint = "http://127.0.0.1:1", .traces_endpoint = here }),
                     OTEL_OK);
    assert_path("/code");
    assert_header("x", "environment");
}

static void bad_url_in_the_environment_is_reported(void **state) {
    (void)state;
    NEEDS_OTLP();
    setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4318", 1);
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url(""), 1);
    assert_int_equal(export_one((otel_otlp_options){ .endpoint = NULL }), OTEL_OK);
    assert_path("/v1/traces");
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=\"collector:4318\"", "ignored"));
}

static void bad_url_in_code_makes_no_exporter(void **state) {
    (void)state;
    NEEDS_OTLP();
    assert_unusable((otel_otlp_options){ .endpoint = "collector:4318" },
                    "otel_otlp_options.endpoint: \"collector:4318\" cannot be used: it begins with");
    assert_unusable((otel_otlp_options){ .endpoint = "" },
                    "otel_otlp_options.endpoint: \"\" cannot be used: it is empty");
    assert_unusable((otel_otlp_options){ .traces_endpoint = "http://" },
                    "otel_otlp_options.traces_endpoint: \"http://\" cannot be used: it has no host");
}

/* ---- with which headers ----------------------------------------------------------------------------------------- */

static void headers_are_sent(void **state) {
    (void)state;
    NEEDS_OTLP();
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url(""), 1);
    setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Basic%20QWxhZGRpbg==, x-plus = a+b;c ,empty=,", 1);
    assert_int_equal(export_one((otel_otlp_options){ .user_agent = "MyDist/1.0" }), OTEL_OK);
    assert_header("authorization", "Basic QWxhZGRpbg==");
    assert_header("x-plus", "a+b;c");
    assert_header("empty", "");
    char agent[128];
    snprintf(agent, sizeof agent, "MyDist/1.0 OTel-OTLP-Exporter-C/%s", otel_sdk_version());
    assert_header("user-agent", agent);
    assert_header("content-type", "application/x-protobuf");
    assert_int_equal(reports_count(), 0);
}

static void traces_headers_replace_the_general_ones(void **state) {
    (void)state;
    NEEDS_OTLP();
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url(""), 1);
    setenv("OTEL_EXPORTER_OTLP_HEADERS", "a=1,b=1", 1);
    setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS", "b=2,c=2,C=3", 1);
    assert_int_equal(export_one((otel_otlp_options){ .user_agent = "" }), OTEL_OK);
    assert_header("a", NULL);
    assert_header("b", "2");
    assert_header("c", "3");
}

static void bad_headers_are_left_out_without_a_word_of_their_values(void **state) {
    (void)state;
    NEEDS_OTLP();
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url(""), 1);
    setenv("OTEL_EXPORTER_OTLP_TRACES_HEADERS",
           "good=1,c2VjcmV0,api-key=secret%zz,n\xc3\xa4me=secret,x=secret%0Ay,content-type=text/secret", 1);
    assert_int_equal(export_one((otel_otlp_options){ .user_agent = NULL }), OTEL_OK);
    assert_header("good", "1");
    assert_header("x", NULL);
    assert_header("api-key", NULL);
    assert_header("content-type", "application/x-protobuf");
    assert_int_equal(reports_count(), 1);
    assert_string_equal(reports_text(0),
                        "OTEL_EXPORTER_OTLP_TRACES_HEADERS: item 2 has no '=', item 3 (api-key...) has a "
                        "'%' without two hexadecimal digits behind it, item 4 (n...) is no valid HTTP "
                        "header, item 5 (x...) is no valid HTTP header, item 6 (content-type...) is a "
                        "header that the exporter sets itself; left out");
}

static void bad_headers_in_code_make_no_exporter(void **state) {
    (void)state;
    NEEDS_OTLP();
    assert_unusable((otel_otlp_options){ .headers = "a=1,b" }, "otel_otlp_options.headers: item 2 has no '='");
    assert_unusable((otel_otlp_options){ .headers = "Content-Type=x" },
                    "item 1 (Content-Type...) is a header that the exporter");
    assert_unusable((otel_otlp_options){ .user_agent = "a\nb" }, "");
}

static void text_beyond_all_measure_is_refused(void **state) {
    (void)state;
    NEEDS_OTLP();
    enum { LONG = 65536 };
    char *text = malloc(LONG + 2);
    memset(text, 'x', LONG + 1);
    text[1] = '=';
    text[LONG + 1] = '\0';
    assert_unusable((otel_otlp_options){ .headers = text }, "otel_otlp_options.headers: longer than 65536 bytes");
    assert_unusable((otel_otlp_options){ .user_agent = text }, "it is longer than 1024 bytes");
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url(""), 1);
    setenv("OTEL_EXPORTER_OTLP_HEADERS", text, 1);
    assert_int_equal(export_one((otel_otlp_options){ .user_agent = NULL }), OTEL_OK);
    assert_header("x", NULL);
    assert_int_equal(reports_count(), 1);
    assert_string_equal(reports_text(0), "OTEL_EXPORTER_OTLP_HEADERS: longer than 65536 bytes; left out");
    free(text);
}

/* ---- for how long ----------------------------------------------------------------------------------------------- */

static void timeouts(void **state) {
    (void)state;
    NEEDS_OTLP();
    static const struct {
        const char *general, *traces;
        int code;
        bool in_time; /* for an answer after a second */
    } cases[] = {
        { NULL, NULL, 0, true },
        { "100", NULL, 0, false },
        { "100", "30000", 0, true },
        { "30000", "100", 0, false },
        { "100", NULL, 30000, true },
        { NULL, NULL, 100, false },
        { "100", NULL, OTEL_NO_TIMEOUT, true },
        { "100", NULL, -1, false },
        { "0", NULL, 0, true },
    };
    http_double *slow = http_double_start(&slow_answer, 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("    case %zu\n", i);
        unsetenv("OTEL_EXPORTER_OTLP_TIMEOUT");
        unsetenv("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT");
        if (cases[i].general)
            setenv("OTEL_EXPORTER_OTLP_TIMEOUT", cases[i].general, 1);
        if (cases[i].traces)
            setenv("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", cases[i].traces, 1);
        int status =
            export_one((otel_otlp_options){ .endpoint = http_double_url(slow, ""), .timeout_ms = cases[i].code });
        assert_int_equal(status, cases[i].in_time ? OTEL_OK : OTEL_ERR_TIMEOUT);
    }
    http_double_stop(slow);
}

/* ---- trying again ----------------------------------------------------------------------------------------------- */

/* With the usual back-off so many attempts would take a minute, and the bound is 10 s. */
static void back_off_is_set_in_code(void **state) {
    (void)state;
    NEEDS_OTLP();
    static struct http_step busy[20];
    for (size_t i = 0; i < 19; i++)
        busy[i].status = 503;
    http_double *overloaded = http_double_start(busy, 20);
    const otel_otlp_options options = { .endpoint = http_double_url(overloaded, ""),
                                        .initial_backoff_ms = 1,
                                        .max_backoff_ms = 4 };
    assert_int_equal(export_one(options), OTEL_OK);
    assert_int_equal(http_double_requests(overloaded), 20);
    http_double_stop(overloaded);
}

static void retrying_can_be_switched_off(void **state) {
    (void)state;
    NEEDS_OTLP();
    static const struct http_step steps[] = { { .status = 503 }, { .status = 200 } };
    http_double *busy = http_double_start(steps, 2);
    const otel_otlp_options options = { .endpoint = http_double_url(busy, ""), .retry_disabled = true };
    assert_int_equal(export_one(options), OTEL_ERR_EXPORT);
    assert_int_equal(http_double_requests(busy), 1);
    http_double_stop(busy);
}

static void bad_back_off_in_code_makes_no_exporter(void **state) {
    (void)state;
    NEEDS_OTLP();
    assert_unusable((otel_otlp_options){ .initial_backoff_ms = -1 }, "initial_backoff_ms: it is negative");
    assert_unusable((otel_otlp_options){ .max_backoff_ms = -1 }, "max_backoff_ms: it is negative");
    assert_unusable((otel_otlp_options){ .max_backoff_ms = 499 }, "the initial back-off is longer than the longest");
}

/* ---- odd options ------------------------------------------------------------------------------------------------ */

static void options_without_a_size_are_read(void **state) {
    (void)state;
    NEEDS_OTLP();
    const otel_otlp_options unset = { .endpoint = "nowhere", .error = &error };
    assert_null(otel_otlp_exporter(&unset));
    assert_non_null(strstr(error.text, "otel_otlp_options.endpoint"));
    const otel_otlp_options older = { .size = offsetof(otel_otlp_options, headers), .headers = (const char *)1 };
    otel_exporter *exporter = otel_otlp_exporter(&older);
    assert_non_null(exporter);
    otel_exporter_destroy(exporter);
}

static void build_without_http_says_so(void **state) {
    (void)state;
    const otel_otlp_options options = { .size = sizeof options, .error = &error };
    otel_exporter *exporter = otel_otlp_exporter(&options);
    if (exporter)
        otel_exporter_destroy(exporter);
    else
        assert_non_null(strstr(error.text, "OTEL_WITH_CURL=OFF"));
    assert_int_equal(exporter != NULL, server != NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(endpoint_gets_the_path_of_traces),
        TEST(spans_go_as_json_on_request),
        TEST(requests_are_compressed_on_request),
        TEST(sizes_are_bounded_in_code),
        TEST(answers_are_bounded_in_code),
        TEST(without_any_setting_it_is_localhost),
        TEST(traces_endpoint_is_used_as_it_is),
        TEST(code_beats_the_environment),
        TEST(bad_url_in_the_environment_is_reported),
        TEST(bad_url_in_code_makes_no_exporter),
        TEST(headers_are_sent),
        TEST(traces_headers_replace_the_general_ones),
        TEST(bad_headers_are_left_out_without_a_word_of_their_values),
        TEST(bad_headers_in_code_make_no_exporter),
        TEST(text_beyond_all_measure_is_refused),
        TEST(timeouts),
        TEST(back_off_is_set_in_code),
        TEST(retrying_can_be_switched_off),
        TEST(bad_back_off_in_code_makes_no_exporter),
        TEST(options_without_a_size_are_read),
        TEST(build_without_http_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
