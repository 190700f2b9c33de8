/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_http_test.c - the OTLP exporter against a server that answers, refuses, breaks off and stalls. */
#include "otlp/otlp_http.h"

#include "failing_allocator.h"
#include "otlp/otlp_encode.h"
#include "otlp_scene.h"
#include "reports.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <otel/sdk.h>

#include <cmocka.h>

static void assert_header(struct scene *scene, size_t index, const char *name, const char *expected) {
    char *value = http_double_header(scene->server, index, name);
    assert_string_equal(value ? value : "(absent)", expected);
    free(value);
}

static void assert_user_agent(struct scene *scene, const char *prefix) {
    char expected[128];
    snprintf(expected, sizeof expected, "%sOTel-OTLP-Exporter-C/%s", prefix, otel_sdk_version());
    assert_header(scene, 0, "User-Agent", expected);
}

/* ---- success ----------------------------------------------------------------------------------------------------- */

static void a_request_holds_the_encoded_batch(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 200 }));
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    struct otel__otlp_encoder encoder = { 0 };
    assert_int_equal(otel__otlp_encode(&encoder, scene.batch, 0, 20, 1 << 30), OTEL_OK);
    size_t len;
    const uint8_t *body = http_double_body(scene.server, 0, &len);
    assert_int_equal(len, otel__buffer_length(&encoder.body));
    assert_memory_equal(body, encoder.body.cursor, len);
    assert_header(&scene, 0, "Content-Type", "application/x-protobuf");
    assert_user_agent(&scene, "");
    assert_int_equal(reports_count(), 0);
    otel__otlp_encoder_free(&encoder);
    scene_end(&scene);
}

static void user_headers_and_user_agent(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 200 }));
    const struct otel__http_header headers[] = { { { "api-key", 7 }, { "k=1, x", 6 } },
                                                 { { "content-type", 12 }, { "text/evil", 9 } } };
    struct otel__otlp_http_settings settings = { .url = http_double_url(scene.server, "/in/"),
                                                 .headers = headers,
                                                 .header_count = 2,
                                                 .user_agent_prefix = "MyDist/1.0" };
    otel_exporter_destroy(scene.exporter);
    scene.exporter = otel__otlp_http_create(&settings, NULL);
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_non_null(strstr(http_double_head(scene.server, 0), "POST /in/ HTTP/1.1\r\n"));
    assert_header(&scene, 0, "api-key", "k=1, x");
    assert_header(&scene, 0, "Content-Type", "application/x-protobuf");
    assert_user_agent(&scene, "MyDist/1.0 ");
    scene_end(&scene);
}

static void one_connection_for_many_exports(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 200 }));
    for (int i = 0; i < 10; i++)
        assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_int_equal(http_double_connections(scene.server), 1);
    scene_end(&scene);
}

static void no_spans_no_request(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 200 }));
    otel_batch *empty = batch_double_create(NULL, 0, span_set_resource(scene.spans));
    assert_int_equal(batch_double_export(scene.exporter, empty, 0, NULL), OTEL_OK);
    assert_int_equal(http_double_requests(scene.server), 0);
    batch_double_free(empty);
    scene_end(&scene);
}

static void partial_success(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .headers = PROTOBUF,
                                             .body = "\x0a\x09\x08\x03\x12\x05"
                                                     "bad\x1b!",
                                             .body_len = 11 },
                                           { .headers = PROTOBUF, .body = "\x0a\x03\x08\xe8\x07", .body_len = 5 },
                                           { .headers = PROTOBUF,
                                             .body = "\x0a\x04\x12\x02"
                                                     "hm",
                                             .body_len = 6 },
                                           { .headers = PROTOBUF, .body = "\x0a\x00", .body_len = 2 },
                                           { .headers = PROTOBUF, .body = "\xff\xff\xff", .body_len = 3 }));
    uint64_t rejected = 0;
    assert_int_equal(scene_export(&scene, &rejected), OTEL_OK);
    assert_int_equal(rejected, 3);
    assert_true(scene_reported(OTEL_LOG_WARN, "refused 3 of 20 spans: bad\\x1b!"));
    assert_int_equal(scene_export(&scene, &rejected), OTEL_OK);
    assert_int_equal(rejected, 20); /* 1000 of 20: no more than there were */
    assert_int_equal(scene_export(&scene, &rejected), OTEL_OK);
    assert_int_equal(rejected, 0);
    assert_true(scene_reported(OTEL_LOG_WARN, "took all spans and says: hm"));
    reports_start(OTEL_LOG_DEBUG); /* or a second line of a kind would be held back */
    assert_int_equal(scene_export(&scene, &rejected), OTEL_OK);
    assert_int_equal(reports_count(), 0);
    assert_int_equal(scene_export(&scene, &rejected), OTEL_OK);
    assert_true(scene_reported(OTEL_LOG_WARN, "answered 200 with a body (application/x-protobuf) that is no OTLP"));
    assert_int_equal(http_double_requests(scene.server), 5); /* nothing was sent twice */
    scene_end(&scene);
}

/* Some other web server: its 200 counts, and people are told what it is. */
static void a_success_of_another_kind_is_told_once(void **state) {
    (void)state;
    struct scene scene =
        scene_begin(STEPS({ .headers = "Content-Type: text/html; charset=utf-8\r\n", .body = "<html>hello" }));
    uint64_t rejected = 1;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(scene_export(&scene, &rejected), OTEL_OK);
        assert_int_equal(rejected, 0);
    }
    assert_int_equal(reports_count(), 1);
    assert_true(scene_reported(OTEL_LOG_WARN, " answered 200 with a body (text/html; charset=utf-8) that is no OTLP "
                                              "answer: is this a collector?"));
    assert_true(reports_mention(http_double_url(scene.server, ""), NULL));
    scene_end(&scene);
}

static void every_2xx_is_a_success(void **state) {
    (void)state;
    static const int statuses[] = { 200, 201, 202, 204, 206, 299 };
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        struct scene scene = scene_begin(STEPS({ .status = statuses[i] }));
        assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
        assert_int_equal(http_double_requests(scene.server), 1);
        assert_int_equal(reports_count(), 0);
        scene_end(&scene);
    }
}

/* ---- failures that stay ------------------------------------------------------------------------------------------ */

static void permanent_failures_are_not_retried(void **state) {
    (void)state;
    static const struct {
        struct http_step step;
        const char *report;
    } cases[] = {
        { { .status = 400,
            .headers = PROTOBUF,
            .body = "\x08\x03\x12\x04"
                    "oops",
            .body_len = 8 },
          "HTTP 400 Bad Request: oops" },
        { { .status = 401 }, "HTTP 401 Unauthorized. The server wants credentials: see OTEL_EXPORTER_OTLP_HEADERS." },
        { { .status = 404, .headers = "Content-Type: text/plain\r\n", .body = "404 page not found\n" },
          "HTTP 404 Not Found: 404 page not found. Is the path right?" },
        { { .status = 408 }, "HTTP 408" },
        { { .status = 500 }, "HTTP 500 Internal Server Error" },
        { { .status = 501 }, "HTTP 501" },
        { { .status = 301, .headers = "Location: https://new.example/v1/traces\r\n" },
          "HTTP 301 Moved Permanently to https://new.example/v1/traces. Redirects are not followed" },
        { { .status = 304 }, "HTTP 304" },
        { { .action = HTTP_RAW, .body = "SSH-2.0-OpenSSH\r\n" }, "does not answer in HTTP" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct scene scene = scene_begin(&cases[i].step, 1);
        assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_EXPORT);
        assert_int_equal(http_double_requests(scene.server), 1);
        assert_int_equal(reports_count(), 1);
        if (!scene_reported(OTEL_LOG_WARN, cases[i].report))
            fail_msg("\"%s\" does not say \"%s\"", reports_text(0), cases[i].report);
        scene_end(&scene);
    }
}

static void a_huge_answer_is_a_failure_whatever_its_status(void **state) {
    (void)state;
    size_t len = 5 * 1024 * 1024;
    char *huge = calloc(1, len);
    for (int i = 0; i < 2; i++) {
        struct scene scene = scene_begin(STEPS({ .status = i ? 503 : 200, .body = huge, .body_len = len }));
        assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_EXPORT);
        assert_int_equal(http_double_requests(scene.server), 1);
        assert_true(scene_reported(OTEL_LOG_WARN, "larger than 4194304 bytes"));
        scene_end(&scene);
    }
    free(huge);
}

static void nobody_listens(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 200 }));
    int socket;
    char url[64], expected[256];
    int port = http_refused_port(&socket);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1/traces", port);
    scene_send_to(&scene, url, 240); /* no time for a second attempt */
    assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_EXPORT);
    snprintf(expected, sizeof expected,
             "20 spans could not be sent to %s: cannot connect to 127.0.0.1:%d: Connection refused. Is a collector "
             "running there?",
             url, port);
    assert_string_equal(reports_text(0), expected);
    assert_int_equal(reports_level(0), OTEL_LOG_WARN);
    for (int i = 0; i < 5; i++)
        assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(reports_count(), 1); /* said once, not once per batch */
    close(socket);
    scene_end(&scene);
}

static void recovery_is_reported_once(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 400 }, { .status = 200 }));
    assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_true(scene_reported(OTEL_LOG_INFO, "works again"));
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_int_equal(reports_count(), 2);
    scene_end(&scene);
}

static void a_server_that_never_answers(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .action = HTTP_STALL }));
    assert_int_equal(batch_double_export(scene.exporter, scene.batch, 1500, NULL), OTEL_ERR_TIMEOUT);
    assert_true(scene_reported(OTEL_LOG_WARN, "did not answer in time"));
    scene_send_to(&scene, http_double_url(scene.server, "/"), 100); /* its own bound, the processor sets none */
    assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_TIMEOUT);
    scene_end(&scene);
}

/* ---- stopping ---------------------------------------------------------------------------------------------------- */

static void *cancel_after_request(void *argument) {
    struct scene *scene = argument;
    http_double_await(scene->server, 1);
    batch_double_ops(scene->exporter)->cancel(batch_double_self(scene->exporter));
    return NULL;
}

static void cancel_returns_at_once(void **state) {
    (void)state;
    static const struct http_step steps[] = { { .action = HTTP_STALL },
                                              { .status = 503, .headers = "Retry-After: 15\r\n" } };
    for (size_t i = 0; i < 2; i++) { /* while it waits for the answer; between attempts */
        struct scene scene = scene_begin(&steps[i], 1);
        pthread_t thread;
        pthread_create(&thread, NULL, cancel_after_request, &scene);
        assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_CANCELLED);
        pthread_join(thread, NULL);
        assert_true(scene_reported(OTEL_LOG_WARN,
                                   i == 0 ? ": stopped before the server answered" : ": stopped after: HTTP 503"));
        assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_CANCELLED);
        assert_int_equal(http_double_requests(scene.server), 1);
        scene_end(&scene);
    }
}

/* What could not be sent anyway, such as the parts of a large batch that are left, is not encoded: that takes time. */
static void after_cancel_nothing_is_encoded(void **state) {
    (void)state;
    if (!failing_allocator_works())
        skip();
    struct scene scene = scene_begin(STEPS({ .status = 200 }));
    batch_double_ops(scene.exporter)->cancel(batch_double_self(scene.exporter));
    failing_allocator_fail(1, true); /* the first thing that encoding does is to take memory */
    otel_status status = scene_export(&scene, NULL);
    unsigned failures = failing_allocator_failures();
    failing_allocator_fail(0, false);
    assert_int_equal(status, OTEL_ERR_CANCELLED);
    assert_int_equal(failures, 0);
    scene_end(&scene);
}

static void nothing_is_sent_after_shutdown(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 200 }));
    const otel_exporter_ops *ops = batch_double_ops(scene.exporter);
    void *self = batch_double_self(scene.exporter);
    assert_int_equal(ops->force_flush(self, 100), OTEL_OK);
    assert_int_equal(ops->shutdown(self, 100), OTEL_OK);
    assert_int_equal(ops->shutdown(self, 100), OTEL_OK);
    assert_int_equal(ops->force_flush(self, 100), OTEL_OK);
    assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_STATE);
    assert_int_equal(http_double_requests(scene.server), 0);
    scene_end(&scene);
}

static void any_thread_may_flush_and_shut_down(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 200 }));
    assert_int_equal(batch_double_export_while_shut_down(scene.exporter, scene.batch), OTEL_ERR_STATE);
    scene_end(&scene);
}

static void a_forked_child_exports(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 200 }));
    const otel_exporter_ops *ops = batch_double_ops(scene.exporter);
    void *self = batch_double_self(scene.exporter);
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    ops->before_fork(self);
    pid_t child = fork();
    ops->after_fork(self, child == 0);
    if (child == 0) {
        bool sent = scene_export(&scene, NULL) == OTEL_OK && scene_export(&scene, NULL) == OTEL_OK;
        otel_exporter_destroy(scene.exporter);
        _exit(sent ? 0 : 1);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_int_equal(http_double_connections(scene.server), 2);
    assert_int_equal(http_double_requests(scene.server), 4);
    scene_end(&scene);
}

/* ---- creation ---------------------------------------------------------------------------------------------------- */

static void unusable_settings(void **state) {
    (void)state;
    const struct otel__http_header bad = { { "X-Key", 5 }, { "a\nb", 3 } };
    const struct {
        struct otel__otlp_http_settings settings;
        const char *reason;
    } cases[] = {
        { { .url = "localhost:4318" },
          "the URL \"localhost:4318\" cannot be used: it begins with neither http:// nor https:// nor unix:" },
        { { .url = "http://c/", .headers = &bad, .header_count = 1 }, "header \"X-Key\" cannot be sent" },
        { { .url = "http://c/", .user_agent_prefix = "a\r\nb" }, "the user agent cannot be sent" },
        { { .url = NULL }, "it is empty" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        otel_error error;
        assert_null(otel__otlp_http_create(&cases[i].settings, &error));
        if (!strstr(error.text, cases[i].reason))
            fail_msg("\"%s\" does not say \"%s\"", error.text, cases[i].reason);
        assert_null(otel__otlp_http_create(&cases[i].settings, NULL));
    }
}

/* Only the first allocation fails: a second try would find memory. */
static void a_batch_that_cannot_be_encoded_is_lost_at_once(void **state) {
    (void)state;
    if (!failing_allocator_works())
        skip();
    struct scene scene = scene_begin(STEPS({ .status = 200 }));
    for (unsigned nth = 1; nth <= 2; nth++) { /* of the workspace, and inside the encoder */
        scene_send_to(&scene, http_double_url(scene.server, "/"), 20000);
        reports_start(OTEL_LOG_DEBUG);
        failing_allocator_fail(nth, false);
        otel_status status = scene_export(&scene, NULL);
        failing_allocator_fail(0, false);
        assert_int_equal(status, OTEL_ERR_MEMORY);
        assert_true(scene_reported(OTEL_LOG_WARN, "20 spans could not be sent"));
        assert_int_equal(http_double_requests(scene.server), 0);
    }
    scene_end(&scene);
}

/* Whichever allocation fails while an exporter is made or exports: no crash, and it works again afterwards. */
static void memory_is_short(void **state) {
    (void)state;
    if (!failing_allocator_works())
        skip();
    struct scene scene = scene_begin(STEPS({ .status = 200 }));
    struct otel__otlp_http_settings settings = { .url = http_double_url(scene.server, "/"), .timeout_ms = 20000 };
    bool failed = true;
    for (unsigned nth = 1; failed; nth++) {
        otel_error error = { "" };
        failing_allocator_fail(nth, true);
        otel_exporter *exporter = otel__otlp_http_create(&settings, &error);
        failed = failing_allocator_failures() > 0;
        failing_allocator_fail(0, false);
        assert_true(exporter ? error.text[0] == '\0' : error.text[0] != '\0');
        otel_exporter_destroy(exporter);
    }
    settings.gzip = true; /* takes memory too */
    failed = true;
    for (unsigned nth = 1; failed; nth++) {
        otel_exporter *exporter = otel__otlp_http_create(&settings, NULL);
        failing_allocator_fail(nth, false);
        otel_status status = batch_double_export(exporter, scene.batch, 200, NULL);
        failed = failing_allocator_failures() > 0;
        failing_allocator_fail(0, false);
        assert_true(failed || status == OTEL_OK);
        assert_int_equal(batch_double_export(exporter, scene.batch, 20000, NULL), OTEL_OK);
        otel_exporter_destroy(exporter);
    }
    scene_end(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_holds_the_encoded_batch),
        cmocka_unit_test(user_headers_and_user_agent),
        cmocka_unit_test(one_connection_for_many_exports),
        cmocka_unit_test(no_spans_no_request),
        cmocka_unit_test(partial_success),
        cmocka_unit_test(a_success_of_another_kind_is_told_once),
        cmocka_unit_test(every_2xx_is_a_success),
        cmocka_unit_test(permanent_failures_are_not_retried),
        cmocka_unit_test(a_huge_answer_is_a_failure_whatever_its_status),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(recovery_is_reported_once),
        cmocka_unit_test(a_server_that_never_answers),
        cmocka_unit_test(cancel_returns_at_once),
        cmocka_unit_test(after_cancel_nothing_is_encoded),
        cmocka_unit_test(nothing_is_sent_after_shutdown),
        cmocka_unit_test(any_thread_may_flush_and_shut_down),
        cmocka_unit_test(a_forked_child_exports),
        cmocka_unit_test(unusable_settings),
        cmocka_unit_test(a_batch_that_cannot_be_encoded_is_lost_at_once),
        cmocka_unit_test(memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
