/* SPDX-License-Identifier: Apache-2.0 */
/* strategy_grpc_test.c - the remote sampler over gRPC: what it asks, what it makes of answers, and that nobody waits. */
#include "base/clock.h"
#include "base/sync.h"
#include "grpc_double.h"
#include "in_child.h"
#include "reports.h"
#include "sampling.h"
#include "sanitizers.h"

#include <otel/jaeger_remote.h>
#include <otel/sdk.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { LONG_MS = 20000, NEVER_MS = 3600 * 1000 };

OTEL_TRACER(lib, "lib");

static const char all[] = "\x12\x09\x09\0\0\0\0\0\0\xf0\x3f", none[] = "\x12\x00";
#define ALL                                                                                                            \
    { .body = all, .body_len = sizeof all - 1 }
#define NONE                                                                                                           \
    { .body = none, .body_len = sizeof none - 1 }
static const struct grpc_step sample_all[] = { ALL }, silence[] = { { .silent = true } };

static grpc_double *server;
static char target[64];

static void start_with(const struct grpc_step *steps, size_t count, otel_jaeger_remote_options options, bool worker) {
    server = grpc_double_start(0, steps, count);
    snprintf(target, sizeof target, "http://127.0.0.1:%d", grpc_double_port(server));
    options.size = sizeof options;
    options.endpoint = target;
    options.initial = otel_sampler_always_off();
    sampling_forget();
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "shop", .diagnostic = sampling_listen,
                                             .start_worker = worker, .sampler = otel_sampler_jaeger_remote(&options),
                                             .processors = { &(otel_processor *){ NULL }, 0 })),
                     OTEL_OK);
}

static void start(const struct grpc_step *steps, size_t count, int interval_ms, int timeout_ms) {
    start_with(steps, count,
               (otel_jaeger_remote_options){ .polling_interval_ms = interval_ms, .timeout_ms = timeout_ms }, false);
}

static int tear_down(void **state) {
    (void)state;
    otel_sdk_stop(LONG_MS);
    if (server)
        grpc_double_stop(server);
    server = NULL;
    return 0;
}

static bool has_asked(size_t requests) {
    const uint64_t deadline = otel__deadline_in(LONG_MS, 0);
    while (grpc_double_requests(server) < requests && otel__clock_monotonic() < deadline)
        otel__sleep_ms(2);
    return grpc_double_requests(server) >= requests;
}

static bool comes_to_say(const char *text) {
    const uint64_t deadline = otel__deadline_in(LONG_MS, 0);
    while (!sampling_has_said(text) && otel__clock_monotonic() < deadline)
        otel__sleep_ms(2);
    return sampling_has_said(text);
}

static void jaeger_is_asked_for_the_service(void **state) {
    (void)state;
    size_t len;
    start_with(sample_all, 1, (otel_jaeger_remote_options){ .headers = "tenant=7" }, false);
    assert_false(one_is_sampled());
    assert_true(sampling_comes_to(true));
    assert_string_equal(grpc_double_method(server), "/jaeger.api_v2.SamplingManager/GetSamplingStrategy");
    const uint8_t *body = grpc_double_body(server, &len);
    assert_int_equal(len, 6);
    assert_memory_equal(body, "\x0a\x04shop", 6);
    assert_non_null(strstr(grpc_double_metadata(server), "tenant: 7"));
    assert_int_equal(grpc_double_requests(server), 1);
}

/* Processes that will fork must not have used gRPC core. */
static void first_fetch_waits_for_a_span(void **state) {
    (void)state;
    start(sample_all, 1, 20, 0);
    otel__sleep_ms(200);
    assert_int_equal(grpc_double_requests(server), 0);
    assert_true(sampling_comes_to(true));
}

static void first_fetch_does_not_wait_where_workers_are_wanted(void **state) {
    (void)state;
    start_with(sample_all, 1, (otel_jaeger_remote_options){ .polling_interval_ms = NEVER_MS }, true);
    assert_true(has_asked(1));
}

static void changes_are_followed(void **state) {
    (void)state;
    static const struct grpc_step steps[] = { ALL, ALL, ALL, ALL, ALL, ALL, ALL, NONE };
    start(steps, sizeof steps / sizeof *steps, 50, 0);
    assert_true(sampling_comes_to(true));
    assert_true(sampling_comes_to(false));
    assert_false(sampling_has_said("sampling"));
}

static void failures_are_told_and_the_last_strategy_stays(void **state) {
    (void)state;
    static const struct grpc_step steps[] = { ALL, { .status = 5, .words = "no such service" } };
    start(steps, 2, 50, 0);
    assert_true(sampling_comes_to(true));
    assert_true(comes_to_say("gRPC status 5 NOT_FOUND: no such service"));
    assert_true(sampling_has_said("the last one decides"));
    assert_true(one_is_sampled());
}

static void malformed_answers_are_told(void **state) {
    (void)state;
    static const struct grpc_step steps[] = { { .body = "\x12\x63", .body_len = 2 } };
    start(steps, 1, NEVER_MS, 0);
    assert_false(one_is_sampled());
    assert_true(comes_to_say("it is no SamplingStrategyResponse; the initial sampler decides"));
}

static void silence_is_given_up(void **state) {
    (void)state;
    start(silence, 1, NEVER_MS, 200);
    assert_false(one_is_sampled());
    assert_true(comes_to_say("no sampling strategy from http://127.0.0.1:"));
    assert_false(one_is_sampled());
}

static void stop_ends_a_fetch(void **state) {
    (void)state;
    start(silence, 1, NEVER_MS, NEVER_MS);
    assert_false(one_is_sampled());
    assert_true(has_asked(1));
    const uint64_t before = otel__clock_monotonic();
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    const uint64_t took = otel__clock_monotonic() - before;
    print_message("measured: stop during a fetch over gRPC: %.1f ms\n", (double)took / 1e6);
    assert_true(took < LONG_MS / 2 * OTEL__MILLISECOND);
}

static void port_of_http_is_warned_of(void **state) {
    (void)state;
    reports_start(OTEL_LOG_WARN);
    otel_sampler_destroy(otel_sampler_jaeger_remote(OTEL_JAEGER_REMOTE(.endpoint = "http://localhost:5778")));
    assert_true(reports_mention("Jaeger's port for HTTP: add /sampling", NULL));
    reports_stop();
}

static int child_stops(void *unused) {
    (void)unused;
    sampling_renew();
    STEP(!one_is_sampled());
    STEP(comes_to_say("forked from one that had used gRPC"));
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    return 0;
}

static int child_keeps(void *unused) {
    (void)unused;
    sampling_renew();
    STEP(one_is_sampled());
    STEP(comes_to_say("forked from one that had used gRPC"));
    STEP(one_is_sampled());
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    return 0;
}

static void child_of_who_fetched_keeps_what_it_inherits(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    start(sample_all, 1, NEVER_MS, 0);
    assert_true(sampling_comes_to(true));
    assert_int_equal(in_child(child_keeps, NULL), 0);
    assert_true(one_is_sampled());
}

static void child_of_a_fork_during_a_fetch_goes_on(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    start(silence, 1, NEVER_MS, NEVER_MS);
    assert_false(one_is_sampled());
    assert_true(has_asked(1));
    assert_int_equal(in_child(child_stops, NULL), 0);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
}

int main(void) {
#define test(name) cmocka_unit_test_teardown(name, tear_down)
    const struct CMUnitTest tests[] = {
        test(jaeger_is_asked_for_the_service),
        test(first_fetch_waits_for_a_span),
        test(first_fetch_does_not_wait_where_workers_are_wanted),
        test(changes_are_followed),
        test(failures_are_told_and_the_last_strategy_stays),
        test(malformed_answers_are_told),
        test(silence_is_given_up),
        test(stop_ends_a_fetch),
        test(port_of_http_is_warned_of),
        test(child_of_who_fetched_keeps_what_it_inherits),
        test(child_of_a_fork_during_a_fetch_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
