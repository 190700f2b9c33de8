/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_grpc_test.c - the OTLP exporter against a gRPC server that answers, refuses, stalls and comes back. */
#include "base/clock.h"
#include "batch_double.h"
#include "grpc_double.h"
#include "otlp_expect.h"
#include "reports.h"
#include "span_generator.h"

#include <otel/grpc.h>
#include <otel/sdk.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

struct scene {
    grpc_double *server;
    otel_exporter *exporter;
    span_set *spans;
    otel_batch *batch;
};

static struct scene begin_with(const struct grpc_step *steps, size_t count, otel_otlp_options options) {
    char endpoint[64];
    reports_start(OTEL_LOG_DEBUG);
    struct scene scene = { .server = grpc_double_start(0, steps, count), .spans = span_set_create(11, 20) };
    snprintf(endpoint, sizeof endpoint, "%s://127.0.0.1:%d", options.endpoint ? options.endpoint : "http",
             grpc_double_port(scene.server));
    options.size = sizeof options;
    options.endpoint = endpoint;
    scene.exporter = otel_otlp_grpc_exporter(&options);
    assert_non_null(scene.exporter);
    scene.batch = batch_double_create(span_set_spans(scene.spans), 20, span_set_resource(scene.spans));
    return scene;
}

static struct scene begin(const struct grpc_step *steps, size_t count, const char *scheme, int timeout_ms) {
    return begin_with(steps, count, (otel_otlp_options){ .endpoint = scheme, .timeout_ms = timeout_ms });
}

static void end(struct scene *scene) {
    otel_exporter_destroy(scene->exporter);
    batch_double_free(scene->batch);
    span_set_free(scene->spans);
    if (scene->server)
        grpc_double_stop(scene->server);
    reports_stop();
}

static otel_status export_once(struct scene *scene, uint64_t *rejected) {
    return batch_double_export(scene->exporter, scene->batch, 0, rejected);
}

static void a_request_holds_the_batch(void **state) {
    (void)state;
    const struct grpc_step steps[] = { { .status = 0 } };
    struct scene scene = begin(steps, 1, "http", 60000);
    assert_int_equal(export_once(&scene, NULL), OTEL_OK);
    size_t len;
    const uint8_t *body = grpc_double_body(scene.server, &len);
    otlp_report report = { .text = "" };
    if (!otlp_expect_request(&report, body, len, span_set_spans(scene.spans), 20, span_set_resource(scene.spans)))
        fail_msg("%s: %s", report.path, report.text);
    assert_string_equal(grpc_double_method(scene.server),
                        "/opentelemetry.proto.collector.trace.v1.TraceService/Export");
    char agent[64];
    snprintf(agent, sizeof agent, "user-agent: OTel-OTLP-Exporter-C/%s grpc-c/", otel_sdk_version());
    assert_non_null(strstr(grpc_double_metadata(scene.server), agent));
    end(&scene);
}

static void partial_success_is_counted_and_not_sent_again(void **state) {
    (void)state;
    const struct grpc_step steps[] = { { .body = "\x0a\x07\x08\x03\x12\x03"
                                                 "bad",
                                         .body_len = 9 } };
    struct scene scene = begin(steps, 1, "http", 60000);
    uint64_t rejected = 0;
    assert_int_equal(export_once(&scene, &rejected), OTEL_OK);
    assert_int_equal(rejected, 3);
    assert_int_equal(grpc_double_requests(scene.server), 1);
    end(&scene);
}

static void statuses_decide_about_another_attempt(void **state) {
    (void)state;
    const struct grpc_step steps[] = {
        { .status = 14, .words = "busy" }, { .status = 0 }, { .status = 8 }, { .status = 3, .words = "no\x1b" }
    };
    struct scene scene = begin(steps, 4, "http", 60000);
    assert_int_equal(export_once(&scene, NULL), OTEL_OK);
    assert_int_equal(grpc_double_requests(scene.server), 2);
    assert_int_equal(export_once(&scene, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(grpc_double_requests(scene.server), 3);
    assert_int_equal(export_once(&scene, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(grpc_double_requests(scene.server), 4);
    end(&scene);
}

static void what_the_first_attempt_met_is_told_as_well(void **state) {
    (void)state;
    const struct grpc_step steps[] = { { .status = 14, .words = "the reason" }, { .status = 13, .words = "closed" } };
    struct scene scene = begin_with(steps, 2, (otel_otlp_options){ .timeout_ms = 60000, .initial_backoff_ms = 1 });
    assert_int_equal(export_once(&scene, NULL), OTEL_ERR_EXPORT);
    assert_true(
        reports_mention("INTERNAL: closed (2 attempts, the first: gRPC status 14 UNAVAILABLE: the reason)", NULL));
    end(&scene);
}

/* google.rpc.Status with a RetryInfo of 100 ms, of 1 s, and of 1000 s. */
#define IN_100_MS                                                                                                      \
    .details = "\x1a\x21\x0a\x16t/google.rpc.RetryInfo\x12\x07\x0a\x05\x10\x80\xc2\xd7\x2f", .details_len = 35
#define IN_1_S .details = "\x1a\x1e\x0a\x16t/google.rpc.RetryInfo\x12\x04\x0a\x02\x08\x01", .details_len = 32
#define IN_1000_S .details = "\x1a\x1f\x0a\x16t/google.rpc.RetryInfo\x12\x05\x0a\x03\x08\xe8\x07", .details_len = 33

static void retry_info_makes_an_exhausted_server_worth_waiting_for(void **state) {
    (void)state;
    const struct grpc_step steps[] = { { .status = 8, IN_1_S }, { .status = 0 } };
    struct scene scene = begin(steps, 2, "http", 60000);
    assert_int_equal(export_once(&scene, NULL), OTEL_OK);
    assert_int_equal(grpc_double_requests(scene.server), 2);
    end(&scene);
}

static void a_delay_that_is_asked_for_again_grows(void **state) {
    (void)state;
    const struct grpc_step steps[] = {
        { .status = 8, IN_100_MS }, { .status = 14, IN_100_MS }, { .status = 8, IN_100_MS }, { .status = 0 }
    };
    struct scene scene = begin_with(steps, 4, (otel_otlp_options){ .timeout_ms = 60000, .initial_backoff_ms = 1 });
    uint64_t before = otel__clock_monotonic();
    assert_int_equal(export_once(&scene, NULL), OTEL_OK);
    assert_true(otel__clock_monotonic() - before >= 700 * OTEL__MILLISECOND); /* 100, 200, 400 */
    assert_int_equal(grpc_double_requests(scene.server), 4);
    end(&scene);
}

static void a_delay_beyond_the_bound_fails_at_once_and_holds_later_exports_back(void **state) {
    (void)state;
    const struct grpc_step steps[] = { { .status = 14, IN_1000_S }, { .status = 0 } };
    struct scene scene = begin(steps, 2, "http", 60000);
    assert_int_equal(export_once(&scene, NULL), OTEL_ERR_EXPORT);
    reports_start(OTEL_LOG_DEBUG); /* or a second line of a kind would be held back */
    assert_int_equal(export_once(&scene, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(grpc_double_requests(scene.server), 1);
    assert_true(reports_mention("the server asked for a pause, of which", NULL));
    end(&scene);
}

static void a_throttled_export_makes_the_next_one_wait(void **state) {
    (void)state;
    const struct grpc_step steps[] = { { .status = 14, IN_1_S }, { .status = 0 } };
    struct scene scene = begin_with(steps, 2, (otel_otlp_options){ .timeout_ms = 60000, .retry_disabled = true });
    uint64_t before = otel__clock_monotonic();
    assert_int_equal(export_once(&scene, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(export_once(&scene, NULL), OTEL_OK);
    assert_true(otel__clock_monotonic() - before >= OTEL__SECOND);
    assert_int_equal(grpc_double_requests(scene.server), 2);
    end(&scene);
}

static void a_server_that_cannot_be_reached_has_not_asked_for_a_pause(void **state) {
    (void)state;
    const struct grpc_step steps[] = { { .status = 0 } };
    struct scene scene = begin_with(
        steps, 1, (otel_otlp_options){ .timeout_ms = 60000, .initial_backoff_ms = 180000, .max_backoff_ms = 360000 });
    int port = grpc_double_port(scene.server);
    grpc_double_stop(scene.server);
    uint64_t before = otel__clock_monotonic();
    assert_int_equal(export_once(&scene, NULL), OTEL_ERR_EXPORT); /* the wait would be longer than the time */
    scene.server = grpc_double_start(port, steps, 1);
    while (export_once(&scene, NULL) != OTEL_OK) /* gRPC core connects again when it sees fit */
        usleep(100000);
    assert_true(otel__clock_monotonic() - before < 25 * OTEL__SECOND); /* not half of the time of an export */
    end(&scene);
}

static void a_reply_beyond_its_limit_is_not_asked_for_again(void **state) {
    (void)state;
    static const char large[2000];
    const struct grpc_step steps[] = { { .body = large, .body_len = sizeof large, IN_100_MS } };
    struct scene scene = begin_with(steps, 1, (otel_otlp_options){ .timeout_ms = 60000, .max_response_bytes = 1999 });
    assert_int_equal(export_once(&scene, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(grpc_double_requests(scene.server), 1);
    assert_true(reports_mention("RESOURCE_EXHAUSTED", "larger than max"));
    assert_int_equal(export_once(&scene, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(grpc_double_requests(scene.server), 2); /* which is not about the size of requests */
    end(&scene);
}

static void a_server_that_finds_requests_too_large_gets_smaller_ones(void **state) {
    (void)state;
    const struct grpc_step steps[] = { { .status = 8, .words = "grpc: received message larger than max (9 vs. 8)" },
                                       { .status = 0 } };
    struct scene scene = begin(steps, 2, "http", 60000);
    assert_int_equal(export_once(&scene, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(grpc_double_requests(scene.server), 1);
    assert_int_equal(export_once(&scene, NULL), OTEL_OK);
    assert_true(grpc_double_requests(scene.server) >= 3);
    end(&scene);
}

static void the_deadline_ends_an_export(void **state) {
    (void)state;
    const struct grpc_step steps[] = { { .silent = true } };
    struct scene scene = begin(steps, 1, "http", 300);
    assert_int_equal(export_once(&scene, NULL), OTEL_ERR_TIMEOUT);
    end(&scene);
}

/* It knows our deadline, and its answer may come before we look at the clock. */
static void a_server_may_end_a_call_a_little_before_its_deadline(void **state) {
    (void)state;
    const struct grpc_step steps[] = { { .status = 4, .words = "Deadline Exceeded" } };
    struct scene scene = begin(steps, 1, "http", 60);
    assert_int_equal(export_once(&scene, NULL), OTEL_ERR_TIMEOUT);
    end(&scene);
}

/* Such as a proxy by a bound of its own. */
static void a_server_that_gives_up_early_has_just_failed(void **state) {
    (void)state;
    const struct grpc_step steps[] = { { .status = 4, .words = "upstream" } };
    struct scene scene = begin_with(steps, 1, (otel_otlp_options){ .timeout_ms = 60000, .retry_disabled = true });
    assert_int_equal(export_once(&scene, NULL), OTEL_ERR_EXPORT);
    assert_true(reports_mention("DEADLINE_EXCEEDED: upstream", NULL));
    end(&scene);
}

static void *cancel_it(void *arg) {
    struct scene *scene = arg;
    while (grpc_double_requests(scene->server) == 0)
        usleep(1000);
    batch_double_ops(scene->exporter)->cancel(batch_double_self(scene->exporter));
    return NULL;
}

static void cancel_ends_an_export(void **state) {
    (void)state;
    const struct grpc_step steps[] = { { .silent = true } };
    struct scene scene = begin(steps, 1, "http", 60000);
    time_t before = time(NULL);
    pthread_t thread;
    pthread_create(&thread, NULL, cancel_it, &scene);
    assert_int_equal(export_once(&scene, NULL), OTEL_ERR_CANCELLED);
    pthread_join(thread, NULL);
    assert_true(time(NULL) - before < 40); /* not its own bound of 60 s */
    end(&scene);
}

static void cancel_ends_a_back_off(void **state) {
    (void)state;
    const struct grpc_step steps[] = { { .status = 14 } };
    struct scene scene = begin_with(
        steps, 1, (otel_otlp_options){ .timeout_ms = 60000, .initial_backoff_ms = 50000, .max_backoff_ms = 50000 });
    time_t before = time(NULL);
    pthread_t thread;
    pthread_create(&thread, NULL, cancel_it, &scene);
    assert_int_equal(export_once(&scene, NULL), OTEL_ERR_CANCELLED);
    pthread_join(thread, NULL);
    assert_true(time(NULL) - before < 12); /* not the 16 s that it waits at the least */
    end(&scene);
}

static void nothing_is_sent_after_shutdown(void **state) {
    (void)state;
    const struct grpc_step steps[] = { { .status = 0 } };
    struct scene scene = begin(steps, 1, "http", 60000);
    assert_int_equal(batch_double_ops(scene.exporter)->force_flush(batch_double_self(scene.exporter), 1000), OTEL_OK);
    assert_int_equal(batch_double_export_while_shut_down(scene.exporter, scene.batch), OTEL_ERR_STATE);
    size_t requests = grpc_double_requests(scene.server);
    assert_int_equal(export_once(&scene, NULL), OTEL_ERR_STATE);
    assert_int_equal(batch_double_ops(scene.exporter)->shutdown(batch_double_self(scene.exporter), 1000), OTEL_OK);
    assert_int_equal(grpc_double_requests(scene.server), requests);
    end(&scene);
}

static void a_server_may_come_back(void **state) {
    (void)state;
    const struct grpc_step steps[] = { { .status = 0 } };
    struct scene scene = begin(steps, 1, "http", 60000);
    assert_int_equal(export_once(&scene, NULL), OTEL_OK);
    int port = grpc_double_port(scene.server);
    grpc_double_stop(scene.server);
    scene.server = grpc_double_start(port, steps, 1);
    assert_int_equal(export_once(&scene, NULL), OTEL_OK);
    assert_int_equal(grpc_double_requests(scene.server), 1);
    end(&scene);
}

static void https_never_becomes_plaintext(void **state) {
    (void)state;
    const struct grpc_step steps[] = { { .status = 0 } };
    struct scene scene = begin(steps, 1, "https", 1500);
    assert_int_not_equal(export_once(&scene, NULL), OTEL_OK);
    assert_int_equal(grpc_double_requests(scene.server), 0);
    end(&scene);
}

static void a_child_of_a_process_that_exported_loses_its_spans(void **state) {
    (void)state;
    const struct grpc_step steps[] = { { .status = 0 } };
    struct scene scene = begin(steps, 1, "http", 60000);
    assert_int_equal(export_once(&scene, NULL), OTEL_OK);
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        batch_double_ops(scene.exporter)->after_fork(batch_double_self(scene.exporter), true);
        _exit(export_once(&scene, NULL) == OTEL_ERR_EXPORT ? 0 : 1);
    }
    int status = -1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
    assert_int_equal(export_once(&scene, NULL), OTEL_OK);
    assert_int_equal(grpc_double_requests(scene.server), 2);
    end(&scene);
}

static void unusable_options_are_refused_with_a_reason(void **state) {
    (void)state;
    otel_error error = { "" };
    otel_otlp_options options = { .size = sizeof options, .endpoint = "ftp://c", .error = &error };
    assert_null(otel_otlp_grpc_exporter(&options));
    assert_non_null(strstr(error.text, "otel_otlp_options.endpoint: its scheme"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_holds_the_batch),
        cmocka_unit_test(partial_success_is_counted_and_not_sent_again),
        cmocka_unit_test(statuses_decide_about_another_attempt),
        cmocka_unit_test(what_the_first_attempt_met_is_told_as_well),
        cmocka_unit_test(retry_info_makes_an_exhausted_server_worth_waiting_for),
        cmocka_unit_test(a_delay_that_is_asked_for_again_grows),
        cmocka_unit_test(a_delay_beyond_the_bound_fails_at_once_and_holds_later_exports_back),
        cmocka_unit_test(a_throttled_export_makes_the_next_one_wait),
        cmocka_unit_test(a_server_that_cannot_be_reached_has_not_asked_for_a_pause),
        cmocka_unit_test(a_reply_beyond_its_limit_is_not_asked_for_again),
        cmocka_unit_test(a_server_that_finds_requests_too_large_gets_smaller_ones),
        cmocka_unit_test(the_deadline_ends_an_export),
        cmocka_unit_test(a_server_may_end_a_call_a_little_before_its_deadline),
        cmocka_unit_test(a_server_that_gives_up_early_has_just_failed),
        cmocka_unit_test(cancel_ends_an_export),
        cmocka_unit_test(cancel_ends_a_back_off),
        cmocka_unit_test(nothing_is_sent_after_shutdown),
        cmocka_unit_test(a_server_may_come_back),
        cmocka_unit_test(https_never_becomes_plaintext),
        cmocka_unit_test(a_child_of_a_process_that_exported_loses_its_spans),
        cmocka_unit_test(unusable_options_are_refused_with_a_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
