/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_http_test.c - the OTLP exporter against a server that answers, refuses, breaks off and stalls. */
#include "otlp/otlp_http.h"

#include "batch_double.h"
#include "common/clock.h"
#include "failing_allocator.h"
#include "http_double.h"
#include "otlp/otlp_encode.h"
#include "reports.h"
#include "span_generator.h"

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

#define STEPS(...)                                                                                                     \
    (const struct http_step[]){ __VA_ARGS__ },                                                                         \
        sizeof((const struct http_step[]){ __VA_ARGS__ }) / sizeof(struct http_step)

/* Whether a report of this level holds `text`. */
static bool reported(otel_log_level level, const char *text) {
    for (size_t i = 0; i < reports_count(); i++)
        if (reports_level(i) == level && strstr(reports_text(i), text))
            return true;
    return false;
}

/* ---- a server, an exporter and a batch --------------------------------------------------------------------------- */

struct scene {
    http_double *server;
    otel_exporter *exporter;
    span_set *spans;
    otel_batch *batch;
};

static otel_exporter *exporter_for(const char *url, int timeout_ms) {
    struct otel__otlp_http_settings settings = { .url = url, .timeout_ms = timeout_ms };
    otel_error error;
    otel_exporter *exporter = otel__otlp_http_create(&settings, &error);
    if (!exporter)
        fail_msg("%s", error.text);
    return exporter;
}

static struct scene begin(const struct http_step *steps, size_t count) {
    reports_start(OTEL_LOG_DEBUG);
    struct scene scene = { .server = http_double_start(steps, count), .spans = span_set_create(11, 20) };
    scene.exporter = exporter_for(http_double_url(scene.server, "/v1/traces"), 20000);
    scene.batch = batch_double_create(span_set_spans(scene.spans), 20, span_set_resource(scene.spans));
    return scene;
}

static void end(struct scene *scene) {
    otel_exporter_destroy(scene->exporter);
    batch_double_free(scene->batch);
    span_set_free(scene->spans);
    http_double_stop(scene->server);
    reports_stop();
}

static otel_status export_to(struct scene *scene, uint64_t *rejected) {
    return batch_double_export(scene->exporter, scene->batch, 0, rejected);
}

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
    struct scene scene = begin(STEPS({ .status = 200 }));
    assert_int_equal(export_to(&scene, NULL), OTEL_OK);
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
    end(&scene);
}

static void user_headers_and_user_agent(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 200 }));
    const struct otel__http_header headers[] = { { { "api-key", 7 }, { "k=1, x", 6 } },
                                                 { { "content-type", 12 }, { "text/evil", 9 } } };
    struct otel__otlp_http_settings settings = { .url = http_double_url(scene.server, "/in/"),
                                                 .headers = headers,
                                                 .header_count = 2,
                                                 .user_agent_prefix = "MyDist/1.0" };
    otel_exporter_destroy(scene.exporter);
    scene.exporter = otel__otlp_http_create(&settings, NULL);
    assert_int_equal(export_to(&scene, NULL), OTEL_OK);
    assert_non_null(strstr(http_double_head(scene.server, 0), "POST /in/ HTTP/1.1\r\n"));
    assert_header(&scene, 0, "api-key", "k=1, x");
    assert_header(&scene, 0, "Content-Type", "application/x-protobuf");
    assert_user_agent(&scene, "MyDist/1.0 ");
    end(&scene);
}

static void one_connection_for_many_exports(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 200 }));
    for (int i = 0; i < 10; i++)
        assert_int_equal(export_to(&scene, NULL), OTEL_OK);
    assert_int_equal(http_double_connections(scene.server), 1);
    end(&scene);
}

static void no_spans_no_request(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 200 }));
    otel_batch *empty = batch_double_create(NULL, 0, span_set_resource(scene.spans));
    assert_int_equal(batch_double_export(scene.exporter, empty, 0, NULL), OTEL_OK);
    assert_int_equal(http_double_requests(scene.server), 0);
    batch_double_free(empty);
    end(&scene);
}

#define PROTOBUF "Content-Type: application/x-protobuf\r\n"

static void partial_success(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .headers = PROTOBUF,
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
    assert_int_equal(export_to(&scene, &rejected), OTEL_OK);
    assert_int_equal(rejected, 3);
    assert_true(reported(OTEL_LOG_WARN, "refused 3 of 20 spans: bad\\x1b!"));
    assert_int_equal(export_to(&scene, &rejected), OTEL_OK);
    assert_int_equal(rejected, 20); /* 1000 of 20: no more than there were */
    assert_int_equal(export_to(&scene, &rejected), OTEL_OK);
    assert_int_equal(rejected, 0);
    assert_true(reported(OTEL_LOG_WARN, "took all spans and says: hm"));
    size_t reports = reports_count();
    for (int i = 0; i < 2; i++)
        assert_int_equal(export_to(&scene, &rejected), OTEL_OK);
    assert_int_equal(reports_count(), reports);
    assert_int_equal(http_double_requests(scene.server), 5); /* nothing was sent twice */
    end(&scene);
}

/* ---- failures that pass ------------------------------------------------------------------------------------------ */

static void transient_failures_are_retried_with_the_same_bytes(void **state) {
    (void)state;
    static const struct http_step steps[][2] = {
        { { .status = 503 }, { .status = 200 } },
        { { .status = 429, .headers = "Retry-After: nonsense\r\n" }, { .status = 200 } },
        { { .status = 502, .headers = "Content-Type: text/html\r\n", .body = "<html>" }, { .status = 200 } },
        { { .status = 504 }, { .status = 200 } },
        { { .action = HTTP_RESET_ON_CONNECT }, { .status = 200 } },
        { { .action = HTTP_RESET }, { .status = 200 } },
        { { .action = HTTP_CLOSE }, { .status = 200 } },
        { { .action = HTTP_RESET_INSIDE_ANSWER, .body = "a longer answer" }, { .status = 200 } },
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct scene scene = begin(steps[i], 2);
        assert_int_equal(export_to(&scene, NULL), OTEL_OK);
        assert_int_equal(http_double_requests(scene.server), 2);
        assert_true(reported(OTEL_LOG_DEBUG, "attempt 1 "));
        assert_int_equal(reports_count(), 1);
        size_t first_len, len;
        const uint8_t *first = http_double_body(scene.server, 0, &first_len);
        const uint8_t *second = http_double_body(scene.server, 1, &len);
        assert_true(len > 0);
        if (steps[i][0].action != HTTP_RESET_ON_CONNECT) {
            assert_int_equal(len, first_len);
            assert_memory_equal(first, second, len);
        }
        end(&scene);
    }
}

static void retry_after_is_a_floor(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 429, .headers = "Retry-After: 1\r\n" }, { .status = 200 }));
    uint64_t before = otel__steady_now();
    assert_int_equal(export_to(&scene, NULL), OTEL_OK);
    assert_true(otel__steady_now() - before >= OTEL__NS_PER_S);
    end(&scene);
}

/* Neither waited for nor forgotten: the next export sends nothing either. */
static void a_retry_after_beyond_the_bound(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 503, .headers = "Retry-After: 3600\r\n" }, { .status = 200 }));
    assert_int_equal(export_to(&scene, NULL), OTEL_ERR_EXPORT);
    assert_true(reported(OTEL_LOG_WARN, "HTTP 503 Service Unavailable"));
    reports_start(OTEL_LOG_DEBUG);
    assert_int_equal(export_to(&scene, NULL), OTEL_ERR_EXPORT);
    assert_true(reported(OTEL_LOG_WARN, "the server asked for a pause, of which "));
    assert_int_equal(http_double_requests(scene.server), 1);
    end(&scene);
}

static void a_short_pause_holds_for_the_next_export(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 503, .headers = "Retry-After: 3\r\n" }, { .status = 200 }));
    uint64_t before = otel__steady_now();
    assert_int_equal(batch_double_export(scene.exporter, scene.batch, 2900, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(export_to(&scene, NULL), OTEL_OK);
    assert_true(otel__steady_now() - before >= 3 * OTEL__NS_PER_S);
    end(&scene);
}

/* Whether it ends in a wait or in an attempt, the report names what the server said. */
static void the_bound_ends_the_attempts(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 503 }));
    assert_int_not_equal(batch_double_export(scene.exporter, scene.batch, 4000, NULL), OTEL_OK);
    assert_true(http_double_requests(scene.server) >= 2);
    assert_true(reported(OTEL_LOG_WARN, "20 spans could not be sent to http://127.0.0.1:"));
    assert_true(reported(OTEL_LOG_WARN, "HTTP 503 Service Unavailable ("));
    assert_true(reported(OTEL_LOG_WARN, " attempts)"));
    end(&scene);
}

static void time_is_up_in_a_later_attempt(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 503 }, { .action = HTTP_STALL }));
    assert_int_equal(batch_double_export(scene.exporter, scene.batch, 4000, NULL), OTEL_ERR_TIMEOUT);
    assert_true(reported(OTEL_LOG_WARN, "HTTP 503 Service Unavailable (2 attempts)"));
    end(&scene);
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
        struct scene scene = begin(&cases[i].step, 1);
        assert_int_equal(export_to(&scene, NULL), OTEL_ERR_EXPORT);
        assert_int_equal(http_double_requests(scene.server), 1);
        assert_int_equal(reports_count(), 1);
        if (!reported(OTEL_LOG_WARN, cases[i].report))
            fail_msg("\"%s\" does not say \"%s\"", reports_text(0), cases[i].report);
        end(&scene);
    }
}

static void a_huge_answer_is_a_failure_whatever_its_status(void **state) {
    (void)state;
    size_t len = 5 * 1024 * 1024;
    char *huge = calloc(1, len);
    for (int i = 0; i < 2; i++) {
        struct scene scene = begin(STEPS({ .status = i ? 503 : 200, .body = huge, .body_len = len }));
        assert_int_equal(export_to(&scene, NULL), OTEL_ERR_EXPORT);
        assert_int_equal(http_double_requests(scene.server), 1);
        assert_true(reported(OTEL_LOG_WARN, "larger than 4194304 bytes"));
        end(&scene);
    }
    free(huge);
}

static void nobody_listens(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 200 }));
    int socket;
    char url[64], expected[256];
    int port = http_refused_port(&socket);
    snprintf(url, sizeof url, "http://127.0.0.1:%d/v1/traces", port);
    otel_exporter_destroy(scene.exporter);
    scene.exporter = exporter_for(url, 240); /* no time for a second attempt */
    assert_int_equal(export_to(&scene, NULL), OTEL_ERR_EXPORT);
    snprintf(expected, sizeof expected,
             "20 spans could not be sent to %s: cannot connect to 127.0.0.1:%d: Connection refused. Is a collector "
             "running there?",
             url, port);
    assert_string_equal(reports_text(0), expected);
    assert_int_equal(reports_level(0), OTEL_LOG_WARN);
    for (int i = 0; i < 5; i++)
        assert_int_equal(export_to(&scene, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(reports_count(), 1); /* said once, not once per batch */
    close(socket);
    end(&scene);
}

static void recovery_is_reported_once(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 400 }, { .status = 200 }));
    assert_int_equal(export_to(&scene, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(export_to(&scene, NULL), OTEL_OK);
    assert_true(reported(OTEL_LOG_INFO, "works again"));
    assert_int_equal(export_to(&scene, NULL), OTEL_OK);
    assert_int_equal(reports_count(), 2);
    end(&scene);
}

static void a_server_that_never_answers(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .action = HTTP_STALL }));
    assert_int_equal(batch_double_export(scene.exporter, scene.batch, 1500, NULL), OTEL_ERR_TIMEOUT);
    assert_true(reported(OTEL_LOG_WARN, "did not answer in time"));
    otel_exporter_destroy(scene.exporter);
    scene.exporter = exporter_for(http_double_url(scene.server, "/"), 100); /* its own bound, the processor sets none */
    assert_int_equal(export_to(&scene, NULL), OTEL_ERR_TIMEOUT);
    end(&scene);
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
        struct scene scene = begin(&steps[i], 1);
        pthread_t thread;
        pthread_create(&thread, NULL, cancel_after_request, &scene);
        assert_int_equal(export_to(&scene, NULL), OTEL_ERR_CANCELLED);
        pthread_join(thread, NULL);
        assert_true(reported(OTEL_LOG_WARN, i == 0 ? ": stopped" : ": stopped after: HTTP 503"));
        assert_int_equal(export_to(&scene, NULL), OTEL_ERR_CANCELLED);
        assert_int_equal(http_double_requests(scene.server), 1);
        end(&scene);
    }
}

static void nothing_is_sent_after_shutdown(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 200 }));
    const otel_exporter_ops *ops = batch_double_ops(scene.exporter);
    void *self = batch_double_self(scene.exporter);
    assert_int_equal(ops->force_flush(self, 100), OTEL_OK);
    assert_int_equal(ops->shutdown(self, 100), OTEL_OK);
    assert_int_equal(ops->shutdown(self, 100), OTEL_OK);
    assert_int_equal(ops->force_flush(self, 100), OTEL_OK);
    assert_int_equal(export_to(&scene, NULL), OTEL_ERR_STATE);
    assert_int_equal(http_double_requests(scene.server), 0);
    end(&scene);
}

static void a_forked_child_exports(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 200 }));
    const otel_exporter_ops *ops = batch_double_ops(scene.exporter);
    void *self = batch_double_self(scene.exporter);
    assert_int_equal(export_to(&scene, NULL), OTEL_OK);
    ops->before_fork(self);
    pid_t child = fork();
    ops->after_fork(self, child == 0);
    if (child == 0) {
        bool sent = export_to(&scene, NULL) == OTEL_OK && export_to(&scene, NULL) == OTEL_OK;
        otel_exporter_destroy(scene.exporter);
        _exit(sent ? 0 : 1);
    }
    int result = -1;
    assert_int_equal(waitpid(child, &result, 0), child);
    assert_int_equal(result, 0);
    assert_int_equal(export_to(&scene, NULL), OTEL_OK);
    assert_int_equal(http_double_connections(scene.server), 2);
    assert_int_equal(http_double_requests(scene.server), 4);
    end(&scene);
}

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

/* Spans that take `size` bytes each and a little. */
static otel_batch *heavy_batch(struct scene *scene, otel_span_data *spans, size_t count, size_t size, char **text,
                               otel_attr *attr) {
    *text = calloc(1, size + 1);
    *attr = (otel_attr){ otel_cstr("blob"), otel_stringn(*text, size) };
    memset(*text, 'x', size);
    for (size_t i = 0; i < count; i++) {
        spans[i] = span_set_spans(scene->spans)[i];
        spans[i].attributes = (otel_attrs){ attr, 1 };
        spans[i].event_count = spans[i].link_count = 0;
    }
    return batch_double_create(spans, count, span_set_resource(scene->spans));
}

static void large_batches_are_sent_in_parts(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .headers = PROTOBUF, .body = "\x0a\x02\x08\x01", .body_len = 4 }));
    otel_span_data spans[10];
    otel_attr attr;
    char *text;
    otel_batch *batch = heavy_batch(&scene, spans, 10, 1 << 20, &text, &attr);
    uint64_t rejected = 0;
    assert_int_equal(batch_double_export(scene.exporter, batch, 0, &rejected), OTEL_OK);
    size_t requests = http_double_requests(scene.server), at = 0;
    assert_in_range(requests, 3, 10);
    assert_int_equal(rejected, requests); /* one of each part */
    for (size_t i = 0; i < requests; i++) {
        size_t len;
        const uint8_t *body = http_double_body(scene.server, i, &len);
        assert_true(len <= 4 * 1024 * 1024);
        for (; at < 10 && memmem(body, len, spans[at].span_id, 8); at++) {}
    }
    assert_int_equal(at, 10); /* every span, in order */
    batch_double_free(batch);
    free(text);
    end(&scene);
}

/* The other parts are sent all the same, and the export counts as failed. */
static void a_lost_part(void **state) {
    (void)state;
    for (size_t lost = 0; lost < 2; lost++) {
        struct http_step steps[2] = { { .status = 200 }, { .status = 200 } };
        steps[lost].status = 400;
        struct scene scene = begin(steps, 2);
        otel_span_data spans[2];
        otel_attr attr;
        char *text;
        otel_batch *batch = heavy_batch(&scene, spans, 2, 3 << 20, &text, &attr);
        assert_int_equal(batch_double_export(scene.exporter, batch, 0, NULL), OTEL_ERR_EXPORT);
        assert_int_equal(http_double_requests(scene.server), 2);
        assert_int_equal(batch_double_delivered(), 1);
        assert_true(reported(OTEL_LOG_WARN, "1 spans could not be sent"));
        batch_double_free(batch);
        free(text);
        end(&scene);
    }
}

static void one_large_span_is_sent_alone(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 200 }));
    otel_span_data spans[2];
    otel_attr attr;
    char *text;
    otel_batch *batch = heavy_batch(&scene, spans, 2, 5 << 20, &text, &attr);
    assert_int_equal(batch_double_export(scene.exporter, batch, 0, NULL), OTEL_OK);
    assert_int_equal(http_double_requests(scene.server), 2);
    batch_double_free(batch);
    free(text);
    end(&scene);
}

static void nothing_above_64_mib_is_sent(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 200 }));
    otel_span_data span;
    otel_attr attr;
    char *text;
    otel_batch *batch = heavy_batch(&scene, &span, 1, 64 << 20, &text, &attr);
    assert_int_equal(batch_double_export(scene.exporter, batch, 0, NULL), OTEL_ERR_EXPORT);
    assert_true(reported(OTEL_LOG_WARN, "more than 64 MiB"));
    assert_int_equal(http_double_requests(scene.server), 0);
    assert_int_equal(export_to(&scene, NULL), OTEL_OK); /* and the exporter works on */
    batch_double_free(batch);
    free(text);
    end(&scene);
}

/*
 * 4 spans of 100 KiB are too much for the server: dropped, as OTLP demands, and the next batches come in smaller
 * parts.
 */
static void a_server_with_a_lower_limit(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 413 }, { .status = 200 }));
    otel_span_data spans[4];
    otel_attr attr;
    char *text;
    otel_batch *batch = heavy_batch(&scene, spans, 4, 100 * 1024, &text, &attr);
    assert_int_equal(batch_double_export(scene.exporter, batch, 0, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(http_double_requests(scene.server), 1);
    assert_true(reported(OTEL_LOG_WARN, "HTTP 413 Content Too Large"));
    size_t refused, len;
    http_double_body(scene.server, 0, &refused);
    assert_int_equal(batch_double_export(scene.exporter, batch, 0, NULL), OTEL_OK);
    assert_true(http_double_requests(scene.server) > 2);
    for (size_t i = 1; i < http_double_requests(scene.server); i++) {
        http_double_body(scene.server, i, &len);
        assert_true(len <= refused / 2);
    }
    batch_double_free(batch);
    free(text);
    end(&scene);
}

static void a_server_that_refuses_every_size(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 413 }));
    for (int i = 0; i < 30; i++)
        assert_int_equal(export_to(&scene, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(http_double_requests(scene.server), 30); /* one for each batch: parts do not get ever smaller */
    end(&scene);
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
          "the URL \"localhost:4318\" cannot be used: it begins with neither http:// nor https://" },
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

/* Whichever allocation fails while an exporter is made, or while it exports: no crash, and it works again afterwards. */
static void memory_is_short(void **state) {
    (void)state;
    if (!failing_allocator_works())
        skip();
    struct scene scene = begin(STEPS({ .status = 200 }));
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
    end(&scene);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_holds_the_encoded_batch),
        cmocka_unit_test(user_headers_and_user_agent),
        cmocka_unit_test(one_connection_for_many_exports),
        cmocka_unit_test(no_spans_no_request),
        cmocka_unit_test(partial_success),
        cmocka_unit_test(transient_failures_are_retried_with_the_same_bytes),
        cmocka_unit_test(retry_after_is_a_floor),
        cmocka_unit_test(a_retry_after_beyond_the_bound),
        cmocka_unit_test(a_short_pause_holds_for_the_next_export),
        cmocka_unit_test(the_bound_ends_the_attempts),
        cmocka_unit_test(time_is_up_in_a_later_attempt),
        cmocka_unit_test(permanent_failures_are_not_retried),
        cmocka_unit_test(a_huge_answer_is_a_failure_whatever_its_status),
        cmocka_unit_test(nobody_listens),
        cmocka_unit_test(recovery_is_reported_once),
        cmocka_unit_test(a_server_that_never_answers),
        cmocka_unit_test(cancel_returns_at_once),
        cmocka_unit_test(nothing_is_sent_after_shutdown),
        cmocka_unit_test(a_forked_child_exports),
        cmocka_unit_test(large_batches_are_sent_in_parts),
        cmocka_unit_test(a_lost_part),
        cmocka_unit_test(one_large_span_is_sent_alone),
        cmocka_unit_test(nothing_above_64_mib_is_sent),
        cmocka_unit_test(a_server_with_a_lower_limit),
        cmocka_unit_test(a_server_that_refuses_every_size),
        cmocka_unit_test(unusable_settings),
        cmocka_unit_test(memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
