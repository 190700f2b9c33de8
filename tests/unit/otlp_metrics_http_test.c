/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_metrics_http_test.c - the OTLP exporter of metrics against servers that answer, refuse, break off and stall. */
#include "otlp/otlp_http.h"

#include "base/clock.h"
#include "metrics_set.h"
#include "otlp_scene.h"
#include "reports.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

enum { METRICS = 12, ROOM = 4 << 20 };

/* An exporter of metrics, and the server that it sends to. */
struct sending {
    http_double *server;
    metrics_set *set;
    otel_metric_exporter_ops ops;
    void *exporter;
};

static void make(struct sending *sending, struct otel__otlp_http_settings settings) {
    otel_error error;
    settings.url = http_double_url(sending->server, "/v1/metrics");
    settings.retry = (struct otel__retry_policy){ .initial_ms = 20, .max_ms = 50 };
    sending->exporter = otel__otlp_http_metrics_create(&settings, &sending->ops, &error);
    if (!sending->exporter)
        fail_msg("%s", error.text);
}

static struct sending begin_with(struct otel__otlp_http_settings settings, const struct http_step *steps,
                                 size_t count) {
    struct sending sending = { .server = http_double_start(steps, count), .set = metrics_set_create(3, METRICS) };
    reports_start(OTEL_LOG_DEBUG);
    make(&sending, settings);
    return sending;
}

static struct sending begin(const struct http_step *steps, size_t count) {
    return begin_with((struct otel__otlp_http_settings){ .timeout_ms = 20000 }, steps, count);
}

static otel_status export_all(struct sending *sending) {
    return sending->ops.export_metrics(sending->exporter, metrics_set_data(sending->set), 0);
}

static void end(struct sending *sending) {
    sending->ops.destroy(sending->exporter);
    http_double_stop(sending->server);
    metrics_set_free(sending->set);
    reports_stop();
}

static size_t points(const otel_metrics_data *data) {
    size_t count = 0;
    for (size_t i = 0; i < data->metric_count; i++)
        count += data->metrics[i].point_count;
    return count;
}

static void assert_holds(const uint8_t *body, size_t len, const otel_metrics_data *data, size_t first, size_t count) {
    const char *difference = metrics_difference(body, len, data, first, count);
    if (difference[0])
        fail_msg("%s", difference);
}

static void assert_header(struct sending *sending, const char *name, const char *expected) {
    char *value = http_double_header(sending->server, 0, name);
    assert_string_equal(value ? value : "(absent)", expected);
    free(value);
}

/* ---- success ----------------------------------------------------------------------------------------------------- */

static void a_request_holds_the_metrics(void **state) {
    (void)state;
    struct sending sending = begin(STEPS({ .status = 200, .headers = PROTOBUF }));
    assert_int_equal(export_all(&sending), OTEL_OK);
    assert_int_equal(export_all(&sending), OTEL_OK);
    size_t len;
    const uint8_t *body = http_double_body(sending.server, 0, &len);
    assert_holds(body, len, metrics_set_data(sending.set), 0, METRICS);
    assert_non_null(strstr(http_double_head(sending.server, 0), "POST /v1/metrics HTTP/1.1\r\n"));
    assert_header(&sending, "Content-Type", "application/x-protobuf");
    assert_int_equal(http_double_requests(sending.server), 2);
    assert_int_equal(http_double_connections(sending.server), 1);
    assert_int_equal(reports_count(), 0);
    end(&sending);
}

static void nothing_is_sent_of_no_metrics(void **state) {
    (void)state;
    struct sending sending = begin(STEPS({ .status = 200 }));
    const otel_metrics_data none = { .size = sizeof none, .resource = metrics_set_data(sending.set)->resource };
    assert_int_equal(sending.ops.export_metrics(sending.exporter, &none, 0), OTEL_OK);
    assert_int_equal(http_double_requests(sending.server), 0);
    end(&sending);
}

static void requests_are_compressed(void **state) {
    (void)state;
    struct sending sending =
        begin_with((struct otel__otlp_http_settings){ .gzip = true, .timeout_ms = 20000 }, STEPS({ .status = 200 }));
    static uint8_t plain[ROOM];
    assert_int_equal(export_all(&sending), OTEL_OK);
    assert_header(&sending, "Content-Encoding", "gzip");
    size_t len;
    z_stream stream = { .next_out = plain, .avail_out = ROOM };
    stream.next_in = (Bytef *)(uintptr_t)http_double_body(sending.server, 0, &len);
    stream.avail_in = (uInt)len;
    assert_int_equal(inflateInit2(&stream, 16 + MAX_WBITS), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_holds(plain, stream.total_out, metrics_set_data(sending.set), 0, METRICS);
    inflateEnd(&stream);
    end(&sending);
}

/* ---- failures ---------------------------------------------------------------------------------------------------- */

static void transient_failures_are_retried_with_the_same_bytes(void **state) {
    (void)state;
    static const struct http_step steps[][2] = {
        { { .status = 503 }, { .status = 200 } },
        { { .status = 429 }, { .status = 200 } },
        { { .action = HTTP_CLOSE }, { .status = 200 } },
    };
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        struct sending sending = begin(steps[i], 2);
        assert_int_equal(export_all(&sending), OTEL_OK);
        assert_int_equal(http_double_requests(sending.server), 2);
        size_t first, second;
        const uint8_t *before = http_double_body(sending.server, 0, &first);
        const uint8_t *after = http_double_body(sending.server, 1, &second);
        assert_int_equal(first, second);
        assert_memory_equal(before, after, first);
        end(&sending);
    }
}

static void retry_after_is_a_floor(void **state) {
    (void)state;
    struct sending sending = begin(STEPS({ .status = 503, .headers = "Retry-After: 1\r\n" }, { .status = 200 }));
    const uint64_t before = otel__clock_monotonic();
    assert_int_equal(export_all(&sending), OTEL_OK);
    assert_true(otel__clock_monotonic() - before >= OTEL__SECOND);
    end(&sending);
}

/* A 500 is not tried again, but the next export is none the worse for it. */
static void a_loss_is_reported_in_data_points(void **state) {
    (void)state;
    struct sending sending = begin(STEPS({ .status = 500 }, { .status = 200 }));
    char expected[128];
    snprintf(expected, sizeof expected, "%zu data points could not be sent to %s: HTTP 500",
             points(metrics_set_data(sending.set)), http_double_url(sending.server, "/v1/metrics"));
    assert_int_equal(export_all(&sending), OTEL_ERR_EXPORT);
    assert_true(scene_reported(OTEL_LOG_WARN, expected));
    assert_int_equal(http_double_requests(sending.server), 1);
    assert_int_equal(export_all(&sending), OTEL_OK);
    assert_true(scene_reported(OTEL_LOG_INFO, "sending data points to "));
    end(&sending);
}

static void a_server_of_traces_only_is_explained(void **state) {
    (void)state;
    struct sending sending = begin(STEPS({ .status = 404 }));
    assert_int_equal(export_all(&sending), OTEL_ERR_EXPORT);
    assert_true(scene_reported(OTEL_LOG_WARN, "HTTP 404 Not Found. Does the server take metrics"));
    assert_true(scene_reported(OTEL_LOG_WARN, "see OTEL_METRICS_EXPORTER."));
    end(&sending);
}

static void what_the_server_refuses_is_reported(void **state) {
    (void)state;
    static const char partial[] = "\x0a\x0a\x08\x03\x12\x06"
                                  "stale!";
    struct sending sending =
        begin(STEPS({ .status = 200, .headers = PROTOBUF, .body = partial, .body_len = sizeof partial - 1 }));
    char expected[128];
    snprintf(expected, sizeof expected, "refused 3 of %zu data points: stale!", points(metrics_set_data(sending.set)));
    assert_int_equal(export_all(&sending), OTEL_OK);
    assert_true(scene_reported(OTEL_LOG_WARN, expected));
    end(&sending);
}

/* In JSON the member has another name than that of spans. */
static void a_refusal_in_json_is_understood(void **state) {
    (void)state;
    struct sending sending =
        begin(STEPS({ .status = 200,
                      .headers = "Content-Type: application/json\r\n",
                      .body = "{\"partialSuccess\":{\"rejectedDataPoints\":\"2\",\"errorMessage\":\"no\"}}" }));
    assert_int_equal(export_all(&sending), OTEL_OK);
    assert_true(scene_reported(OTEL_LOG_WARN, "refused 2 of "));
    end(&sending);
}

/* Whoever finds the request too large gets the metrics in parts, of which each has whole metrics. */
static void a_413_makes_later_requests_smaller(void **state) {
    (void)state;
    struct sending sending = begin(STEPS({ .status = 413 }, { .status = 200 }));
    assert_int_equal(export_all(&sending), OTEL_ERR_EXPORT);
    assert_int_equal(export_all(&sending), OTEL_OK);
    const size_t requests = http_double_requests(sending.server);
    assert_true(requests > 2);
    size_t first = 0;
    for (size_t i = 1; i < requests; i++) {
        size_t len, count = 1;
        const uint8_t *body = http_double_body(sending.server, i, &len);
        while (count <= METRICS - first &&
               metrics_difference(body, len, metrics_set_data(sending.set), first, count)[0])
            count++;
        first += count;
    }
    assert_int_equal(first, METRICS);
    end(&sending);
}

static void a_metric_that_is_too_large_is_named(void **state) {
    (void)state;
    struct sending sending = begin_with((struct otel__otlp_http_settings){ .request_max = 300, .timeout_ms = 20000 },
                                        STEPS({ .status = 200 }));
    assert_int_equal(export_all(&sending), OTEL_ERR_EXPORT);
    assert_true(scene_reported(OTEL_LOG_WARN, "the metric \"metric."));
    assert_true(scene_reported(OTEL_LOG_WARN, "takes more than 300 bytes"));
    end(&sending);
}

static void a_stall_ends_in_time(void **state) {
    (void)state;
    struct sending sending = begin(STEPS({ .action = HTTP_STALL }));
    assert_int_equal(sending.ops.export_metrics(sending.exporter, metrics_set_data(sending.set), 200),
                     OTEL_ERR_TIMEOUT);
    end(&sending);
}

static void *cancel_soon(void *data) {
    struct sending *sending = data;
    http_double_await(sending->server, 1);
    sending->ops.cancel(sending->exporter);
    return NULL;
}

static void cancel_ends_an_export(void **state) {
    (void)state;
    struct sending sending = begin(STEPS({ .action = HTTP_STALL }));
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &sending), 0);
    assert_int_equal(export_all(&sending), OTEL_ERR_CANCELLED);
    pthread_join(thread, NULL);
    end(&sending);
}

static void nothing_is_sent_after_shutdown(void **state) {
    (void)state;
    struct sending sending = begin(STEPS({ .status = 200 }));
    assert_int_equal(sending.ops.shutdown(sending.exporter, 0), OTEL_OK);
    assert_int_equal(export_all(&sending), OTEL_ERR_STATE);
    assert_int_equal(http_double_requests(sending.server), 0);
    end(&sending);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_holds_the_metrics),
        cmocka_unit_test(nothing_is_sent_of_no_metrics),
        cmocka_unit_test(requests_are_compressed),
        cmocka_unit_test(transient_failures_are_retried_with_the_same_bytes),
        cmocka_unit_test(retry_after_is_a_floor),
        cmocka_unit_test(a_loss_is_reported_in_data_points),
        cmocka_unit_test(a_server_of_traces_only_is_explained),
        cmocka_unit_test(what_the_server_refuses_is_reported),
        cmocka_unit_test(a_refusal_in_json_is_understood),
        cmocka_unit_test(a_413_makes_later_requests_smaller),
        cmocka_unit_test(a_metric_that_is_too_large_is_named),
        cmocka_unit_test(a_stall_ends_in_time),
        cmocka_unit_test(cancel_ends_an_export),
        cmocka_unit_test(nothing_is_sent_after_shutdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
