/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_remote_test.c - whom the remote sampler asks and how, as code and environment say. */
#include "autoconfigure.h"

#include "base/clock.h"
#include "base/sync.h"
#include "exporter_double.h"
#include "failing_allocator.h"
#include "http_double.h"
#include "reports.h"
#include "sampling.h"
#include "sanitizers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

enum { LONG_MS = 20000, NEVER_MS = 3600 * 1000 };

static const char sampler_variable[] = "OTEL_TRACES_SAMPLER", argument_variable[] = "OTEL_TRACES_SAMPLER_ARG";
static const struct http_step all = { .body = "{\"strategyType\":0,\"probabilisticSampling\":{\"samplingRate\":1}}" };
static struct exporter_double seen;
static http_double *server;
static otel_error error;

OTEL_TRACER(lib, "lib");

static bool is_built(void) {
    otel_error why = { "" };
    reports_start(OTEL_LOG_NONE);
    otel_sampler_destroy(otel_sampler_jaeger_remote(OTEL_JAEGER_REMOTE(.error = &why)));
    return !strstr(why.text, "OTEL_WITH_CURL");
}

static int set_up(void **state) {
    (void)state;
    unsetenv(sampler_variable);
    unsetenv(argument_variable);
    server = is_built() ? http_double_start(&all, 1) : NULL;
    reports_start(OTEL_LOG_WARN);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    otel_sdk_stop(LONG_MS);
    exporter_double_reset(&seen);
    if (server)
        http_double_stop(server);
    server = NULL;
    unsetenv(sampler_variable);
    unsetenv(argument_variable);
    reports_stop();
    return 0;
}

#define NEEDS_HTTP()                                                                                                   \
    if (!server)                                                                                                       \
    skip()

static void start(otel_sampler *sampler) {
    const otel_batch_options options = { .size = sizeof options, .schedule_delay_ms = NEVER_MS };
    seen.blocking = true;
    sampling_forget();
    assert_int_equal(
        otel_sdk_start(
            OTEL_SDK(.service_name = "caf\xc3\xa9 & co?", .sampler = sampler, .diagnostic = sampling_listen,
                     .processors = OTEL_PROCESSORS(otel_batch_processor(&options, exporter_double_make(&seen))))),
        OTEL_OK);
}

static const char *head(size_t index) {
    assert_true(http_double_await(server, index + 1));
    return http_double_head(server, index);
}

static bool samples(const otel_context *parent) {
    const otel_span span = otel_span_start(lib, OTEL_START("s", .parent = parent));
    const bool yes = otel_span_flags(&span) & OTEL_FLAG_SAMPLED;
    otel_span_end(&span);
    return yes;
}

static bool comes_to_sample(const otel_context *parent) {
    const uint64_t deadline = otel__deadline_in(LONG_MS, 0);
    while (!samples(parent) && otel__clock_monotonic() < deadline)
        otel__sleep_ms(2);
    return samples(parent);
}

static otel_context unsampled_parent(void) {
    otel_span_context context = { .size = sizeof context, .remote = true, .flags = 2, .span_id = { 1 } };
    memset(context.trace_id, 7, sizeof context.trace_id);
    const otel_span parent = otel_span_wrap(&context);
    return otel_context_with_span(NULL, &parent);
}

/* ---- environment ------------------------------------------------------------------------------------------------- */

static void set(const char *sampler, const char *format, const char *endpoint) {
    char text[512];
    snprintf(text, sizeof text, format, endpoint);
    setenv(sampler_variable, sampler, 1);
    setenv(argument_variable, text, 1);
}

static void environment_asks_over_http(void **state) {
    (void)state;
    NEEDS_HTTP();
    set("Jaeger_Remote", " endpoint = %s ,pollingIntervalMs=50,initialSamplingRate=0",
        http_double_url(server, "/sampling"));
    start(NULL);
    assert_non_null(strstr(head(0), "GET /sampling?service=caf%C3%A9%20%26%20co%3F HTTP/1.1\r\n"));
    assert_non_null(strstr(head(3), "GET /sampling?service="));
    assert_true(comes_to_sample(NULL));
    /* It heeds no parent. */
    otel_context parent = unsampled_parent();
    assert_true(samples(&parent));
    assert_string_equal(sampling_said(), "");
}

static void parentbased_one_heeds_parents(void **state) {
    (void)state;
    NEEDS_HTTP();
    set("parentbased_jaeger_remote", "endpoint=%s,initialSamplingRate=0", http_double_url(server, "/sampling"));
    start(NULL);
    assert_true(comes_to_sample(NULL));
    otel_context parent = unsampled_parent();
    assert_false(samples(&parent));
}

static void unusable_endpoint_leaves_the_initial_share(void **state) {
    (void)state;
    NEEDS_HTTP();
    setenv(sampler_variable, "jaeger_remote", 1);
    setenv(argument_variable, "endpoint=http://h:1/x?service=a,initialSamplingRate=1", 1);
    assert_int_equal(otel_sdk_start(OTEL_SDK(.log_level = OTEL_LOG_NONE, .processors = { NULL, 0 })), OTEL_OK);
    assert_true(samples(NULL));
}

/* This program has no libotel-grpc: one line, and the initial share. */
static void environment_without_the_library_of_grpc_says_so(void **state) {
    (void)state;
    NEEDS_HTTP();
    set("parentbased_jaeger_remote", "endpoint=%s,initialSamplingRate=1", "http://localhost:14250");
    start(NULL);
    assert_true(
        sampling_has_said("the jaeger_remote sampler cannot be used, a share of 1 of traces is sampled: it needs "
                          "libotel-grpc.so."));
    assert_ptr_equal(strchr(sampling_said(), '\n'), sampling_said() + strlen(sampling_said()) - 1);
    assert_true(samples(NULL));
}

/* ---- code -------------------------------------------------------------------------------------------------------- */

static void assert_refused(otel_jaeger_remote_options options, const char *why) {
    options.size = sizeof options;
    options.error = &error;
    error = (otel_error){ "" };
    options.initial = otel_sampler_trace_id_ratio(0.5); /* consumed, as leak checkers see */
    otel_sampler *sampler = otel_sampler_jaeger_remote(&options);
    assert_ptr_equal(sampler, otel_sampler_always_off());
    if (!strstr(error.text, why))
        print_message("%s\n", error.text);
    assert_non_null(strstr(error.text, why));
    assert_true(reports_mention("the jaeger_remote sampler cannot be used, nothing is sampled", NULL));
}

static void unusable_options_are_refused(void **state) {
    (void)state;
    NEEDS_HTTP();
    assert_refused((otel_jaeger_remote_options){ .endpoint = "http://h:99999/sampling" }, "endpoint");
    assert_refused((otel_jaeger_remote_options){ .endpoint = "ftp://h/sampling" }, "scheme");
    assert_refused((otel_jaeger_remote_options){ .endpoint = "http://u:secret@h/x?a=1&service=b" }, "names a service");
    assert_null(strstr(error.text, "secret"));
    assert_refused((otel_jaeger_remote_options){ .endpoint = "h:1", .protocol = OTEL_JAEGER_REMOTE_HTTP }, "endpoint");
    assert_refused((otel_jaeger_remote_options){ .protocol = 7 }, "protocol");
    assert_refused((otel_jaeger_remote_options){ .polling_interval_ms = -1 }, "polling_interval_ms");
    assert_refused((otel_jaeger_remote_options){ .timeout_ms = -1 }, "timeout_ms");
    assert_refused((otel_jaeger_remote_options){ .max_operations = 65537 }, "max_operations");
    assert_refused((otel_jaeger_remote_options){ .headers = "a b=c" }, "headers");
    assert_refused((otel_jaeger_remote_options){ .endpoint = "https://h/s", .certificate_file = "/nowhere" },
                   "certificate_file");
}

/* This program has no libotel-grpc. */
static void grpc_without_its_library_is_refused_in_one_line(void **state) {
    (void)state;
    NEEDS_HTTP();
    assert_refused((otel_jaeger_remote_options){ .endpoint = "http://localhost:5779" }, "it needs libotel-grpc.so.");
    assert_int_equal(reports_count(), 1);
    assert_refused((otel_jaeger_remote_options){ .endpoint = "localhost:14250" }, "it needs libotel-grpc.so.");
    assert_refused((otel_jaeger_remote_options){ .endpoint = "http://h:1/s", .protocol = OTEL_JAEGER_REMOTE_GRPC },
                   "it needs libotel-grpc.so.");
}

static void code_sends_headers_and_keeps_a_query(void **state) {
    (void)state;
    NEEDS_HTTP();
    start(otel_sampler_jaeger_remote(
        OTEL_JAEGER_REMOTE(.endpoint = http_double_url(server, "/api/sampling?tenant=7#part"),
                           .headers = "authorization=Bearer%20x", .initial = otel_sampler_always_off())));
    assert_non_null(strstr(head(0), "GET /api/sampling?tenant=7&service=caf%C3%A9"));
    char *header = http_double_header(server, 0, "authorization");
    assert_string_equal(header, "Bearer x");
    free(header);
    assert_null(http_double_header(server, 0, "content-type"));
    assert_true(comes_to_sample(NULL));
}

static void agent_is_asked_at_its_root(void **state) {
    (void)state;
    NEEDS_HTTP();
    start(otel_sampler_jaeger_remote(
        OTEL_JAEGER_REMOTE(.endpoint = http_double_url(server, ""), .protocol = OTEL_JAEGER_REMOTE_HTTP)));
    assert_non_null(strstr(head(0), "GET /?service=caf"));
}

static void socket_is_asked_when_http_is_said(void **state) {
    (void)state;
    NEEDS_HTTP();
    char endpoint[128];
    snprintf(endpoint, sizeof endpoint, "unix-abstract:otel-remote-%d", (int)getpid());
    http_double_stop(server);
    char name[128];
    snprintf(name, sizeof name, "@otel-remote-%d", (int)getpid());
    server = http_double_start_unix(name, &all, 1);
    start(otel_sampler_jaeger_remote(OTEL_JAEGER_REMOTE(.endpoint = endpoint, .protocol = OTEL_JAEGER_REMOTE_HTTP)));
    assert_non_null(strstr(head(0), "GET /sampling?service=caf"));
}

static void absent_server_is_told_with_what_to_look_for(void **state) {
    (void)state;
    NEEDS_HTTP();
    char endpoint[128];
    snprintf(endpoint, sizeof endpoint, "unix-abstract:otel-nobody-%d", (int)getpid());
    start(otel_sampler_jaeger_remote(OTEL_JAEGER_REMOTE(.endpoint = endpoint, .protocol = OTEL_JAEGER_REMOTE_HTTP)));
    const uint64_t deadline = otel__deadline_in(LONG_MS, 0);
    while (!sampling_has_said("Does Jaeger answer about sampling there?") && otel__clock_monotonic() < deadline)
        otel__sleep_ms(2);
    assert_true(sampling_has_said("Does Jaeger answer about sampling there?"));
}

static void description_tells_endpoint_and_interval(void **state) {
    (void)state;
    NEEDS_HTTP();
    char text[256];
    otel_sampler *sampler = otel_sampler_jaeger_remote(NULL);
    otel_sampler_description(sampler, text, sizeof text);
    assert_string_equal(text, "JaegerRemoteSampler{endpoint:http://localhost:5778/sampling,pollingIntervalMs:60000,"
                              "initial:TraceIdRatioBased{0.001000}}");
    otel_sampler_destroy(sampler);
}

static void ports_of_the_other_protocol_are_warned_of(void **state) {
    (void)state;
    NEEDS_HTTP();
    otel_sampler_destroy(otel_sampler_jaeger_remote(OTEL_JAEGER_REMOTE(.endpoint = "http://h:5779/sampling")));
    assert_true(reports_mention("Jaeger's port for gRPC", NULL));
}

static void each_allocation_may_fail(void **state) {
    (void)state;
    NEEDS_HTTP();
    SKIP_IF(!failing_allocator_works(), "allocations cannot be made to fail here");
    otel_sampler_destroy(otel_sampler_jaeger_remote(NULL)); /* what libcurl keeps for ever */
    unsigned nth = 0, failures;
    do {
        const otel_jaeger_remote_options options = { .size = sizeof options,
                                                     .endpoint = "http://h:1/s",
                                                     .headers = "a=b,c=d",
                                                     .initial = otel_sampler_trace_id_ratio(0.5),
                                                     .error = &error };
        failing_allocator_fail(++nth, false);
        otel_sampler *sampler = otel_sampler_jaeger_remote(&options);
        failures = failing_allocator_failures();
        failing_allocator_fail(0, false);
        assert_true(failures == 0 || sampler != otel_sampler_always_off() || error.text[0]);
        otel_sampler_destroy(sampler);
    } while (failures > 0);
    assert_in_range(nth, 5, 1000);
}

/* ---- what servers say -------------------------------------------------------------------------------------------- */

static void refused_by(const struct http_step *step, const char *why) {
    http_double_stop(server);
    server = http_double_start(step, 1);
    start(otel_sampler_jaeger_remote(
        OTEL_JAEGER_REMOTE(.endpoint = http_double_url(server, "/sampling"), .initial = otel_sampler_always_off())));
    const uint64_t deadline = otel__deadline_in(LONG_MS, 0);
    while (!sampling_has_said(why) && otel__clock_monotonic() < deadline)
        otel__sleep_ms(2);
    if (!sampling_has_said(why))
        print_message("%s\n", sampling_said());
    assert_true(sampling_has_said(why));
    assert_false(samples(NULL));
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
}

static void answers_that_are_no_strategy_are_told_of(void **state) {
    (void)state;
    NEEDS_HTTP();
    static char large[1200 * 1024];
    memset(large, ' ', sizeof large - 1);
    static const struct http_step bad = { .status = 400, .body = "'service' parameter must be provided once\n" };
    static const struct http_step away = { .status = 302, .body = "{\"probabilisticSampling\":{\"samplingRate\":1}}" };
    static const struct http_step text = { .body = "<html>" }, vast = { .body = large };
    static const struct http_step gone = { .action = HTTP_CLOSE };
    refused_by(&bad, "HTTP 400 Bad Request: 'service' parameter must be provided once; the initial sampler decides");
    refused_by(&away, "HTTP 302");
    refused_by(&text, "it is no JSON");
    refused_by(&vast, "is larger than 1048576 bytes");
    refused_by(&gone, "closed the connection");
}

int main(void) {
#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        test(environment_asks_over_http),
        test(parentbased_one_heeds_parents),
        test(unusable_endpoint_leaves_the_initial_share),
        test(environment_without_the_library_of_grpc_says_so),
        test(unusable_options_are_refused),
        test(grpc_without_its_library_is_refused_in_one_line),
        test(code_sends_headers_and_keeps_a_query),
        test(agent_is_asked_at_its_root),
        test(socket_is_asked_when_http_is_said),
        test(absent_server_is_told_with_what_to_look_for),
        test(description_tells_endpoint_and_interval),
        test(ports_of_the_other_protocol_are_warned_of),
        test(each_allocation_may_fail),
        test(answers_that_are_no_strategy_are_told_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
