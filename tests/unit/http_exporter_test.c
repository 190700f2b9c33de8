/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_exporter_test.c - the exporter of formats that are POSTed, against a server that answers, refuses, breaks off and
 * stalls; in Zipkin's formats.
 */
#include "common/http/http_exporter.h"

#include "base/clock.h"
#include "batch_double.h"
#include "failing_allocator.h"
#include "otlp_scene.h"
#include "reports.h"
#include "zipkin/zipkin_http.h"
#include "zipkin_read.h"

#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <cmocka.h>

static void use(struct scene *scene, struct otel__http_exporter_settings settings) {
    otel_error error;
    if (!settings.format)
        settings.format = &otel__zipkin_json_format;
    if (!settings.url)
        settings.url = http_double_url(scene->server, "/api/v2/spans");
    settings.user_agent = "agent/1";
    if (settings.retry.initial_ms == 0)
        settings.retry.initial_ms = settings.retry.max_ms = 10;
    otel_exporter_destroy(scene->exporter);
    scene->exporter = otel__http_exporter_create(&settings, &error);
    if (!scene->exporter)
        fail_msg("%s", error.text);
}

/* A server that does the steps, and the exporter to it. */
static struct scene begin(const struct http_step *steps, size_t count) {
    struct scene scene = scene_begin(steps, count);
    use(&scene, (struct otel__http_exporter_settings){ .timeout_ms = 20000 });
    return scene;
}

static void assert_header(struct scene *scene, size_t index, const char *name, const char *expected) {
    char *value = http_double_header(scene->server, index, name);
    assert_string_equal(value ? value : "(absent)", expected);
    free(value);
}

static size_t spans_in(struct scene *scene, size_t request) {
    size_t len;
    const uint8_t *body = http_double_body(scene->server, request, &len);
    json_t *read = zipkin_read(false, body, len);
    const size_t count = json_array_size(read);
    json_decref(read);
    return count;
}

/* ---- success ----------------------------------------------------------------------------------------------------- */

static void a_request_holds_the_batch(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 202 }));
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_int_equal(batch_double_delivered(), 20);
    use(&scene, (struct otel__http_exporter_settings){ .format = &otel__zipkin_protobuf_format });
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_non_null(strstr(http_double_head(scene.server, 0), "POST /api/v2/spans HTTP/1.1\r\n"));
    assert_header(&scene, 0, "Content-Type", "application/json");
    assert_header(&scene, 1, "Content-Type", "application/x-protobuf");
    assert_header(&scene, 0, "User-Agent", "agent/1");
    size_t json_len, protobuf_len;
    const uint8_t *json = http_double_body(scene.server, 0, &json_len);
    const uint8_t *protobuf = http_double_body(scene.server, 1, &protobuf_len);
    zipkin_assert_equal(zipkin_read(false, json, json_len), zipkin_read(true, protobuf, protobuf_len));
    assert_int_equal(reports_count(), 0);
    scene_end(&scene);
}

static void every_2xx_is_a_success(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 202 }, { .status = 200, .body = "fine" }, { .status = 204 }));
    for (int i = 0; i < 3; i++)
        assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_int_equal(http_double_connections(scene.server), 1);
    assert_int_equal(reports_count(), 0);
    scene_end(&scene);
}

static void requests_can_be_compressed(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 202 }));
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    use(&scene, (struct otel__http_exporter_settings){ .gzip = true });
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    size_t len, packed_len;
    const uint8_t *plain = http_double_body(scene.server, 0, &len);
    const uint8_t *packed = http_double_body(scene.server, 1, &packed_len);
    assert_header(&scene, 0, "Content-Encoding", "(absent)");
    assert_header(&scene, 1, "Content-Encoding", "gzip");
    uint8_t *unpacked = malloc(len + 1);
    z_stream stream = { .next_in = (Bytef *)(uintptr_t)packed, .avail_in = (uInt)packed_len };
    stream.next_out = unpacked;
    stream.avail_out = (uInt)len + 1;
    assert_int_equal(inflateInit2(&stream, 31), Z_OK);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.total_out, len);
    assert_memory_equal(unpacked, plain, len);
    inflateEnd(&stream);
    free(unpacked);
    scene_end(&scene);
}

static void headers_are_sent(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 202 }));
    const struct otel__http_header header = { { "api-key", 7 }, { "k", 1 } };
    use(&scene, (struct otel__http_exporter_settings){ .headers = &header, .header_count = 1 });
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_header(&scene, 0, "api-key", "k");
    scene_end(&scene);
}

static void a_socket_gets_the_usual_path(void **state) {
    (void)state;
    static const struct http_step step = { .status = 202 };
    struct scene scene = begin(&step, 1);
    char name[64], url[128];
    snprintf(name, sizeof name, "@http_exporter_test.%ld", (long)getpid());
    snprintf(url, sizeof url, "unix-abstract:%s", name + 1);
    http_double_stop(scene.server);
    scene.server = http_double_start_unix(name, &step, 1);
    use(&scene, (struct otel__http_exporter_settings){ .url = url });
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_non_null(strstr(http_double_head(scene.server, 0), "POST /api/v2/spans HTTP/1.1\r\n"));
    scene_end(&scene);
}

/* ---- failures ---------------------------------------------------------------------------------------------------- */

static void other_statuses_are_failures(void **state) {
    (void)state;
    static const int statuses[] = { 300, 302, 400, 401, 404, 405, 413, 500 };
    for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
        const struct http_step step = { .status = statuses[i], .body = "no \x1b such\n" };
        struct scene scene = begin(&step, 1);
        char text[32];
        snprintf(text, sizeof text, "HTTP %d", statuses[i]);
        assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_EXPORT);
        assert_int_equal(batch_double_delivered(), 0);
        assert_int_equal(http_double_requests(scene.server), 1);
        assert_true(scene_reported(OTEL_LOG_WARN, text));
        assert_true(scene_reported(OTEL_LOG_WARN, ": no \\x1b such"));
        scene_end(&scene);
    }
}

static void a_failure_tells_what_to_look_at(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 404 }, { .status = 302, .headers = "Location: /elsewhere\r\n" }));
    assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_EXPORT);
    assert_true(scene_reported(OTEL_LOG_WARN, "20 spans could not be sent to http://127.0.0.1:"));
    assert_true(scene_reported(OTEL_LOG_WARN, "HTTP 404 Not Found. Is the URL right? Zipkin"));
    reports_stop();
    reports_start(OTEL_LOG_DEBUG);
    assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_EXPORT);
    assert_true(scene_reported(OTEL_LOG_WARN, "HTTP 302 Found to /elsewhere"));
    scene_end(&scene);
}

static void another_protocol_tells_what_to_look_at(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .action = HTTP_RAW, .body = "\x15\x03 no HTTP\r\n\r\n" }));
    assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_EXPORT);
    assert_true(scene_reported(OTEL_LOG_WARN, "does not answer in HTTP. Is the URL right? Zipkin"));
    scene_end(&scene);
}

static void failures_that_may_pass_are_tried_again(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 503 }, { .status = 429 }, { .action = HTTP_RESET }, { .status = 502 },
                                     { .status = 504 }, { .status = 202 }));
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_int_equal(http_double_requests(scene.server), 6);
    size_t first_len, last_len;
    const uint8_t *first = http_double_body(scene.server, 0, &first_len);
    const uint8_t *last = http_double_body(scene.server, 5, &last_len);
    assert_int_equal(first_len, last_len);
    assert_memory_equal(first, last, last_len);
    assert_true(scene_reported(OTEL_LOG_DEBUG, "attempt 1 to send to"));
    scene_end(&scene);
}

/* Not even when it comes with another export: the server has asked for a pause. */
static void a_pause_holds_for_the_next_export(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 503, .headers = "Retry-After: 1\r\n" }, { .status = 202 }));
    use(&scene, (struct otel__http_exporter_settings){ .timeout_ms = 20000, .retry = { .disabled = true } });
    const uint64_t before = otel__clock_monotonic();
    assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_true(otel__clock_monotonic() - before >= OTEL__SECOND);
    scene_end(&scene);
}

static void a_retry_after_is_a_floor(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 503, .headers = "Retry-After: 1\r\n" }, { .status = 202 }));
    const uint64_t before = otel__clock_monotonic();
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_true(otel__clock_monotonic() - before >= OTEL__SECOND);
    scene_end(&scene);
}

static void nothing_is_tried_again_against_the_policy(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 503 }));
    use(&scene, (struct otel__http_exporter_settings){ .retry = { .disabled = true } });
    assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(http_double_requests(scene.server), 1);
    scene_end(&scene);
}

static void the_timeout_bounds_an_export(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .action = HTTP_STALL }));
    use(&scene, (struct otel__http_exporter_settings){ .timeout_ms = 300 });
    uint64_t before = otel__clock_monotonic();
    assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_TIMEOUT);
    assert_true(otel__clock_monotonic() - before >= 300 * OTEL__MILLISECOND);
    assert_true(scene_reported(OTEL_LOG_WARN, "did not answer in time"));
    use(&scene, (struct otel__http_exporter_settings){ .timeout_ms = 0 });
    before = otel__clock_monotonic();
    assert_int_equal(batch_double_export(scene.exporter, scene.batch, 300, NULL), OTEL_ERR_TIMEOUT);
    assert_true(otel__clock_monotonic() - before < 30 * OTEL__SECOND);
    scene_end(&scene);
}

/* Where its bound leaves time for that: without it the first attempt would have all of it. */
static void a_machine_that_vanishes_is_left_for_a_new_connection(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .action = HTTP_GONE }, { .status = 202 }));
    use(&scene, (struct otel__http_exporter_settings){ .timeout_ms = 6000 });
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_int_equal(http_double_requests(scene.server), 2);
    assert_int_equal(http_double_connections(scene.server), 2);
    assert_true(scene_reported(OTEL_LOG_DEBUG, "Connection timed out"));
    scene_end(&scene);
}

static void a_kept_connection_whose_machine_has_vanished(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 202, .then_gone = true }, { .status = 202 }));
    use(&scene, (struct otel__http_exporter_settings){ .timeout_ms = 6000 });
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    usleep(300 * 1000); /* until it has */
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_int_equal(http_double_connections(scene.server), 2);
    assert_false(scene_reported(OTEL_LOG_DEBUG, "trying again"));
    scene_end(&scene);
}

/* Whether the kernel goes on asking the server's machine for a sign of life, which nobody needs between exports. */
static bool is_watched(struct scene *scene) {
    bool watched = false;
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_in peer = { .sin_port = 0 };
        int on = 0;
        if (getpeername(fd, (struct sockaddr *)&peer, &(socklen_t){ sizeof peer }) == 0 &&
            ntohs(peer.sin_port) == http_double_port(scene->server) &&
            getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, &(socklen_t){ sizeof on }) == 0)
            watched |= on;
    }
    return watched;
}

/* Longer than what is given to a machine that says nothing. */
static void a_slow_server_is_waited_for(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 202, .delay_ms = 4500 }));
    use(&scene, (struct otel__http_exporter_settings){ .timeout_ms = 6000 });
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_int_equal(http_double_requests(scene.server), 1);
    assert_int_equal(http_double_open(scene.server), 1);
    assert_false(is_watched(&scene));
    scene_end(&scene);
}

static void recovery_is_reported_once(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 400 }, { .status = 202 }));
    assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_true(scene_reported(OTEL_LOG_INFO, "works again"));
    reports_stop();
    reports_start(OTEL_LOG_DEBUG);
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_int_equal(reports_count(), 0);
    scene_end(&scene);
}

/* ---- sizes ------------------------------------------------------------------------------------------------------- */

/* `count` spans with a name of `len` bytes each. */
static otel_status export_large(struct scene *scene, size_t count, size_t len) {
    static const uint8_t id[16] = { 1 };
    static const otel_scope_data scope;
    char *name = malloc(len);
    memset(name, 'n', len);
    otel_span_data *spans = calloc(count, sizeof *spans);
    for (size_t i = 0; i < count; i++)
        spans[i] = (otel_span_data){ .trace_id = id, .span_id = id, .name = { name, len }, .scope = &scope };
    otel_batch *batch = batch_double_create(spans, count, span_set_resource(scene->spans));
    const otel_status status = batch_double_export(scene->exporter, batch, 0, NULL);
    batch_double_free(batch);
    free(spans);
    free(name);
    return status;
}

static void large_batches_are_sent_in_parts(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 202 }, { .status = 400 }, { .status = 202 }));
    assert_int_equal(export_large(&scene, 5, 3 * 1024 * 1024 / 2), OTEL_ERR_EXPORT);
    assert_int_equal(http_double_requests(scene.server), 3);
    assert_int_equal(spans_in(&scene, 0), 2);
    assert_int_equal(spans_in(&scene, 1), 1);
    assert_int_equal(spans_in(&scene, 2), 2);
    assert_int_equal(batch_double_delivered(), 4);
    assert_true(scene_reported(OTEL_LOG_WARN, "1 spans could not be sent"));
    scene_end(&scene);
}

static void what_no_request_can_take_is_lost(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 202 }));
    assert_int_equal(export_large(&scene, 1, 65 * 1024 * 1024), OTEL_ERR_EXPORT);
    assert_int_equal(http_double_requests(scene.server), 0);
    assert_true(scene_reported(OTEL_LOG_WARN, "takes more than 64 MiB"));
    scene_end(&scene);
}

static void a_server_with_a_lower_limit_gets_smaller_requests(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 413 }, { .status = 202 }));
    assert_int_equal(export_large(&scene, 4, 100 * 1024), OTEL_ERR_EXPORT);
    assert_true(scene_reported(OTEL_LOG_WARN, "Later requests will be smaller."));
    assert_int_equal(export_large(&scene, 4, 100 * 1024), OTEL_OK);
    assert_int_equal(http_double_requests(scene.server), 5);
    scene_end(&scene);
}

/* Down to a span alone, which nothing makes smaller: it is named. */
static void a_server_that_takes_very_little_gets_single_spans(void **state) {
    (void)state;
    struct scene scene =
        begin(STEPS({ .status = 413 }, { .status = 413 }, { .status = 413 }, { .status = 413 }, { .status = 202 }));
    assert_int_equal(export_large(&scene, 4, 10 * 1024), OTEL_ERR_EXPORT); /* four in one */
    assert_int_equal(export_large(&scene, 4, 10 * 1024), OTEL_ERR_EXPORT); /* each alone */
    assert_int_equal(http_double_requests(scene.server), 5);
    assert_int_equal(batch_double_delivered(), 1);
    assert_true(scene_reported(OTEL_LOG_WARN, "4 spans could not be sent"));
    assert_int_equal(export_large(&scene, 4, 1024), OTEL_OK);
    assert_int_equal(http_double_requests(scene.server), 6);
    scene_end(&scene);
}

/* ---- life -------------------------------------------------------------------------------------------------------- */

static void *cancel_soon(void *exporter) {
    usleep(100 * 1000);
    batch_double_ops(exporter)->cancel(batch_double_self(exporter));
    return NULL;
}

static void cancel_returns_at_once(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .action = HTTP_STALL }));
    pthread_t thread;
    pthread_create(&thread, NULL, cancel_soon, scene.exporter);
    assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_CANCELLED);
    pthread_join(thread, NULL);
    assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_CANCELLED);
    assert_true(scene_reported(OTEL_LOG_WARN, ": stopped before the server answered"));
    scene_end(&scene);
}

static void any_thread_may_flush_and_shut_down(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 202 }));
    assert_int_equal(batch_double_export_while_shut_down(scene.exporter, scene.batch), OTEL_ERR_STATE);
    scene_end(&scene);
}

static void a_forked_child_exports(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 202 }));
    const otel_exporter_ops *ops = batch_double_ops(scene.exporter);
    void *self = batch_double_self(scene.exporter);
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    ops->before_fork(self);
    assert_true(ops->at_rest(self));
    const pid_t child = fork();
    ops->after_fork(self, child == 0);
    if (child == 0)
        _exit(scene_export(&scene, NULL) == OTEL_OK ? 0 : 1);
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_int_equal(http_double_requests(scene.server), 3);
    assert_int_equal(http_double_connections(scene.server), 2);
    scene_end(&scene);
}

/* The URL up to its query is shown, never what may be a secret. */
static void a_fragment_is_told(void **state) {
    (void)state;
    struct scene scene = begin(STEPS({ .status = 202 }));
    use(&scene, (struct otel__http_exporter_settings){ .url = http_double_url(scene.server, "/a?b#secret") });
    assert_true(scene_reported(OTEL_LOG_WARN, "/a: what follows the '#' in this URL is never sent"));
    assert_false(scene_reported(OTEL_LOG_WARN, "secret"));
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_non_null(strstr(http_double_head(scene.server, 0), "POST /a?b HTTP/1.1\r\n"));
    scene_end(&scene);
}

static void unusable_settings(void **state) {
    (void)state;
    otel_error error = { "" };
    const struct otel__http_exporter_settings settings = { .format = &otel__zipkin_json_format, .url = "ftp://x" };
    assert_null(otel__http_exporter_create(&settings, &error));
    assert_non_null(strstr(error.text, "ftp://x"));
}

/* Whichever allocation fails: nothing breaks, and what is not sent is lost. */
static void memory_is_short(void **state) {
    (void)state;
    if (!failing_allocator_works())
        skip();
    for (int gzip = 0; gzip < 2; gzip++) {
        bool failed = true;
        for (unsigned nth = 1; failed && nth < 30; nth++) {
            struct scene scene = begin(STEPS({ .status = 202 }));
            use(&scene, (struct otel__http_exporter_settings){ .gzip = gzip, .retry = { .disabled = true } });
            failing_allocator_fail(nth, false);
            const otel_status status = scene_export(&scene, NULL);
            failed = failing_allocator_failures() > 0;
            failing_allocator_fail(0, false);
            assert_true(failed || status == OTEL_OK);
            assert_int_equal(status == OTEL_OK ? 20 : 0, batch_double_delivered());
            assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
            scene_end(&scene);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_holds_the_batch),
        cmocka_unit_test(every_2xx_is_a_success),
        cmocka_unit_test(requests_can_be_compressed),
        cmocka_unit_test(headers_are_sent),
        cmocka_unit_test(a_socket_gets_the_usual_path),
        cmocka_unit_test(other_statuses_are_failures),
        cmocka_unit_test(a_failure_tells_what_to_look_at),
        cmocka_unit_test(another_protocol_tells_what_to_look_at),
        cmocka_unit_test(failures_that_may_pass_are_tried_again),
        cmocka_unit_test(a_retry_after_is_a_floor),
        cmocka_unit_test(a_pause_holds_for_the_next_export),
        cmocka_unit_test(nothing_is_tried_again_against_the_policy),
        cmocka_unit_test(the_timeout_bounds_an_export),
        cmocka_unit_test(a_machine_that_vanishes_is_left_for_a_new_connection),
        cmocka_unit_test(a_kept_connection_whose_machine_has_vanished),
        cmocka_unit_test(a_slow_server_is_waited_for),
        cmocka_unit_test(recovery_is_reported_once),
        cmocka_unit_test(large_batches_are_sent_in_parts),
        cmocka_unit_test(what_no_request_can_take_is_lost),
        cmocka_unit_test(a_server_with_a_lower_limit_gets_smaller_requests),
        cmocka_unit_test(a_server_that_takes_very_little_gets_single_spans),
        cmocka_unit_test(cancel_returns_at_once),
        cmocka_unit_test(any_thread_may_flush_and_shut_down),
        cmocka_unit_test(a_forked_child_exports),
        cmocka_unit_test(a_fragment_is_told),
        cmocka_unit_test(unusable_settings),
        cmocka_unit_test(memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
