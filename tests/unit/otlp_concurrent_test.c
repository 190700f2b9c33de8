/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_concurrent_test.c - batches whose parts are under way at once: each is judged, counted and tried again by itself. */
#include "base/clock.h"
#include "otel/otlp.h"
#include "otlp/otlp_http.h"
#include "otlp_scene.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PARTS = 8, SPAN = 40000 };

/* A batch of one span for each part, and an exporter that sends so many at once. */
struct parts {
    struct scene scene;
    otel_span_data spans[PARTS];
    otel_attr attr;
    char text[SPAN];
    otel_batch *batch;
};

static void begin_with(struct parts *parts, struct otel__retry_policy retry, unsigned concurrent, int timeout_ms,
                       const struct http_step *steps, size_t count) {
    parts->scene = scene_begin(steps, count);
    const struct otel__otlp_http_settings settings = { .url = http_double_url(parts->scene.server, "/"),
                                                       .request_max = SPAN + 20000,
                                                       .timeout_ms = timeout_ms,
                                                       .concurrent = concurrent,
                                                       .retry = retry };
    otel_exporter_destroy(parts->scene.exporter);
    parts->scene.exporter = otel__otlp_http_create(&settings, NULL);
    memset(parts->text, 'x', sizeof parts->text);
    parts->attr = (otel_attr){ otel_cstr("blob"), otel_stringn(parts->text, sizeof parts->text) };
    for (size_t i = 0; i < PARTS; i++) {
        parts->spans[i] = span_set_spans(parts->scene.spans)[i];
        parts->spans[i].attributes = (otel_attrs){ &parts->attr, 1 };
        parts->spans[i].event_count = parts->spans[i].link_count = 0;
    }
    parts->batch = batch_double_create(parts->spans, PARTS, span_set_resource(parts->scene.spans));
}

static void begin(struct parts *parts, unsigned concurrent, int timeout_ms, const struct http_step *steps,
                  size_t count) {
    begin_with(parts, (struct otel__retry_policy){ .initial_ms = 20, .max_ms = 50 }, concurrent, timeout_ms, steps,
               count);
}

static void end(struct parts *parts) {
    batch_double_free(parts->batch);
    scene_end(&parts->scene);
}

static otel_status export_parts(struct parts *parts, uint64_t *rejected) {
    return batch_double_export(parts->scene.exporter, parts->batch, 0, rejected);
}

/* How often the requests held the span. */
static unsigned times_sent(struct parts *parts, size_t span) {
    unsigned times = 0;
    for (size_t i = 0; i < http_double_requests(parts->scene.server); i++) {
        size_t len;
        const uint8_t *body = http_double_body(parts->scene.server, i, &len);
        times += memmem(body, len, parts->spans[span].span_id, 8) != NULL;
    }
    return times;
}

static uint64_t now_ms(void) { return otel__clock_monotonic() / OTEL__MILLISECOND; }

/* ---- at once ----------------------------------------------------------------------------------------------------- */

/* A server that takes 300 ms for each answer: one after the other they cannot take less than their sum. */
static void round_trips_overlap(void **state) {
    (void)state;
    static const unsigned concurrent[] = { 0, 1, 4, 8 };
    for (size_t i = 0; i < 4; i++) {
        struct parts parts;
        begin(&parts, concurrent[i], 30000, STEPS({ .delay_ms = 300 }));
        const uint64_t from = now_ms();
        assert_int_equal(export_parts(&parts, NULL), OTEL_OK);
        const uint64_t took = now_ms() - from;
        printf("measured: otlp: %d requests, %u at once, 300 ms each: %u ms\n", (int)PARTS, concurrent[i],
               (unsigned)took);
        assert_int_equal(batch_double_delivered(), PARTS);
        assert_int_equal(http_double_requests(parts.scene.server), PARTS);
        assert_int_equal(http_double_connections(parts.scene.server), concurrent[i] > 1 ? concurrent[i] : 1);
        assert_true(concurrent[i] > 1 ? took < PARTS * 300 : took >= PARTS * 300);
        assert_int_equal(export_parts(&parts, NULL), OTEL_OK); /* over the same connections */
        assert_int_equal(http_double_connections(parts.scene.server), concurrent[i] > 1 ? concurrent[i] : 1);
        for (size_t span = 0; span < PARTS; span++)
            assert_int_equal(times_sent(&parts, span), 2);
        end(&parts);
    }
}

/* ---- each by itself ---------------------------------------------------------------------------------------------- */

/* Lost are those that were refused, whichever they were; what is rejected is counted of each. */
static void each_is_counted(void **state) {
    (void)state;
    struct parts parts;
    begin(&parts, 4, 20000,
          STEPS({ .status = 200, .delay_ms = 100 }, { .status = 400, .delay_ms = 50 },
                { .headers = PROTOBUF, .body = "\x0a\x02\x08\x01", .body_len = 4 }, { .status = 404 },
                { .status = 200 }, { .headers = PROTOBUF, .body = "\x0a\x02\x08\x01", .body_len = 4 },
                { .status = 200 }));
    uint64_t rejected = 0;
    assert_int_equal(export_parts(&parts, &rejected), OTEL_ERR_EXPORT);
    assert_int_equal(rejected, 2);
    assert_int_equal(batch_double_delivered(), PARTS - 2); /* of which two were rejected */
    assert_int_equal(http_double_requests(parts.scene.server), PARTS);
    end(&parts);
}

/* Those that fail are tried again while the others go on; the same bytes come again. */
static void each_is_tried_again(void **state) {
    (void)state;
    struct parts parts;
    begin(&parts, 3, 20000,
          STEPS({ .status = 502 }, { .action = HTTP_RESET }, { .status = 200 }, { .status = 504 },
                { .action = HTTP_CLOSE }, { .status = 200 }));
    assert_int_equal(export_parts(&parts, NULL), OTEL_OK);
    assert_int_equal(batch_double_delivered(), PARTS);
    unsigned sent = 0;
    for (size_t span = 0; span < PARTS; span++) {
        assert_in_range(times_sent(&parts, span), 1, 5);
        sent += times_sent(&parts, span);
    }
    assert_int_equal(sent, http_double_requests(parts.scene.server));
    end(&parts);
}

/* A kept connection of which the server takes its leave just then makes no request fail, nor wait. */
static void a_kept_connection_that_is_gone(void **state) {
    (void)state;
    struct parts parts;
    struct http_step steps[PARTS + 2] = { { .status = 200 } };
    steps[PARTS].action = HTTP_RESET;
    begin(&parts, 4, 20000, steps, PARTS + 2);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(export_parts(&parts, NULL), OTEL_OK);
        assert_int_equal(batch_double_delivered(), PARTS);
    }
    assert_int_equal(http_double_requests(parts.scene.server), 2 * PARTS + 1);
    assert_false(scene_reported(OTEL_LOG_DEBUG, "trying again"));
    end(&parts);
}

static void a_server_that_names_a_time(void **state) {
    (void)state;
    struct parts parts;
    begin(&parts, 4, 30000,
          STEPS({ .status = 429, .headers = "Retry-After: 1\r\n" }, { .status = 200, .delay_ms = 50 }));
    const uint64_t from = now_ms();
    assert_int_equal(export_parts(&parts, NULL), OTEL_OK);
    assert_true(now_ms() - from >= 1000);
    assert_int_equal(batch_double_delivered(), PARTS);
    end(&parts);
}

/* Counts the requests that have come a while after the fifth, which is still being answered then. */
static void *count_later(void *argument) {
    http_double *server = argument;
    http_double_await(server, 5);
    usleep(300 * 1000);
    return (void *)(intptr_t)http_double_requests(server);
}

/* While the server asks for fewer there is one request at a time: the first of those that had begun goes on. */
static void a_throttled_server_gets_one_at_a_time(void **state) {
    (void)state;
    struct parts parts;
    pthread_t thread;
    void *count = NULL;
    begin(&parts, 4, 60000,
          STEPS({ .status = 503, .delay_ms = 500 }, { .status = 503, .delay_ms = 500 },
                { .status = 503, .delay_ms = 500 }, { .status = 503, .delay_ms = 500 },
                { .status = 200, .delay_ms = 1000 }, { .status = 200 }));
    assert_int_equal(pthread_create(&thread, NULL, count_later, parts.scene.server), 0);
    assert_int_equal(export_parts(&parts, NULL), OTEL_OK);
    pthread_join(thread, &count);
    assert_int_equal((intptr_t)count, 5);
    assert_int_equal(batch_double_delivered(), PARTS);
    assert_int_equal(http_double_requests(parts.scene.server), PARTS + 4);
    end(&parts);
}

/* Whichever of the two answers comes last. */
static void the_longest_named_time_stands(void **state) {
    (void)state;
    struct parts parts;
    begin_with(&parts, (struct otel__retry_policy){ .disabled = true }, 2, 60000,
               STEPS({ .status = 503, .headers = "Retry-After: 3\r\n" },
                     { .status = 503, .headers = "Retry-After: 1\r\n", .delay_ms = 300 }, { .status = 200 }));
    const uint64_t from = now_ms();
    assert_int_equal(export_parts(&parts, NULL), OTEL_ERR_EXPORT);
    assert_true(now_ms() - from >= 3000);
    assert_int_equal(batch_double_delivered(), PARTS - 2);
    end(&parts);
}

/*
 * Eight answers at once ask once. So the wait behind the ninth, in which the next export's first part is lost, is the
 * second one, 0.3 s at the most. Behind eight wishes it would be the ninth one, 13 s at the least.
 */
static void answers_at_once_slow_down_once(void **state) {
    (void)state;
    struct parts parts;
    struct http_step steps[PARTS + 2] = { { 0 } };
    for (size_t i = 0; i < PARTS + 1; i++)
        steps[i] = (struct http_step){ .status = 503, .delay_ms = i < PARTS ? 500 : 0 };
    begin_with(&parts, (struct otel__retry_policy){ .initial_ms = 100, .max_ms = 100000, .disabled = true }, PARTS,
               60000, steps, PARTS + 2);
    assert_int_equal(export_parts(&parts, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(http_double_requests(parts.scene.server), PARTS);
    const uint64_t from = now_ms();
    assert_int_equal(export_parts(&parts, NULL), OTEL_ERR_EXPORT);
    assert_true(now_ms() - from < 10000);
    assert_int_equal(batch_double_delivered(), PARTS - 1);
    end(&parts);
}

/* ---- ends -------------------------------------------------------------------------------------------------------- */

/* Some are answered, some stall: the deadline ends those, and the others count as delivered. */
static void a_deadline_ends_all(void **state) {
    (void)state;
    struct parts parts;
    begin(&parts, 3, 1500,
          STEPS({ .status = 200 }, { .action = HTTP_STALL }, { .status = 200 }, { .action = HTTP_STALL }));
    const uint64_t from = now_ms();
    assert_int_equal(export_parts(&parts, NULL), OTEL_ERR_TIMEOUT);
    assert_true(now_ms() - from >= 1500);
    assert_int_equal(batch_double_delivered(), 2);
    assert_int_equal(http_double_requests(parts.scene.server), 5); /* three stalled, and nothing else was begun */
    end(&parts);
}

static void *cancel_later(void *argument) {
    struct parts *parts = argument;
    http_double_await(parts->scene.server, 5);
    batch_double_ops(parts->scene.exporter)->cancel(batch_double_self(parts->scene.exporter));
    return NULL;
}

static void a_cancel_ends_all(void **state) {
    (void)state;
    struct parts parts;
    pthread_t thread;
    begin(&parts, 4, 60000, STEPS({ .status = 200 }, { .action = HTTP_STALL }));
    assert_int_equal(pthread_create(&thread, NULL, cancel_later, &parts), 0);
    const uint64_t from = now_ms();
    assert_int_equal(export_parts(&parts, NULL), OTEL_ERR_CANCELLED);
    assert_true(now_ms() - from < 30000);
    pthread_join(thread, NULL);
    assert_int_equal(batch_double_delivered(), 1);
    assert_int_equal(http_double_requests(parts.scene.server), 5);
    end(&parts);
}

/* A request of a size that the server refuses is lost by itself; others have begun already, later ones get smaller. */
static void a_413_for_one_of_several(void **state) {
    (void)state;
    struct parts parts;
    begin(&parts, 4, 20000, STEPS({ .status = 413 }, { .status = 200, .delay_ms = 20 }));
    assert_int_equal(export_parts(&parts, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(batch_double_delivered(), PARTS - 1);
    assert_true(scene_reported(OTEL_LOG_WARN, "alone takes"));
    assert_int_equal(export_parts(&parts, NULL), OTEL_OK);
    end(&parts);
}

/* Two requests of eight spans are refused, which had both begun: later ones have half of their size, not a quarter. */
static void a_413_for_all_of_several_halves_once(void **state) {
    (void)state;
    enum { SPANS = 16, TEXT = 4000 };
    struct parts parts;
    otel_span_data spans[SPANS];
    begin(&parts, 2, 20000,
          STEPS({ .status = 413, .delay_ms = 500 }, { .status = 413, .delay_ms = 500 }, { .status = 200 }));
    parts.attr.value = otel_stringn(parts.text, TEXT);
    for (size_t i = 0; i < SPANS; i++)
        spans[i] = parts.spans[i % PARTS];
    batch_double_free(parts.batch);
    parts.batch = batch_double_create(spans, SPANS, span_set_resource(parts.scene.spans));
    assert_int_equal(export_parts(&parts, NULL), OTEL_ERR_EXPORT);
    assert_int_equal(http_double_requests(parts.scene.server), 2);
    assert_int_equal(export_parts(&parts, NULL), OTEL_OK);
    assert_int_equal(http_double_requests(parts.scene.server), 2 + SPANS / 2);
    end(&parts);
}

/* ---- fork -------------------------------------------------------------------------------------------------------- */

static void *export_in_thread(void *argument) {
    struct parts *parts = argument;
    return (void *)(intptr_t)export_parts(parts, NULL);
}

/* A child that is born while requests are under way exports by itself, and its parent goes on. */
static void a_child_born_in_the_middle(void **state) {
    (void)state;
    struct parts parts;
    pthread_t thread;
    void *status = NULL;
    begin(&parts, 4, 60000,
          STEPS({ .delay_ms = 500 }, { .delay_ms = 500 }, { .delay_ms = 500 }, { .delay_ms = 500 }, { .status = 200 }));
    const otel_exporter_ops *ops = batch_double_ops(parts.scene.exporter);
    void *self = batch_double_self(parts.scene.exporter);
    assert_int_equal(pthread_create(&thread, NULL, export_in_thread, &parts), 0);
    assert_true(http_double_await(parts.scene.server, 4));
    ops->before_fork(self);
    while (!ops->at_rest(self))
        usleep(1000);
    const pid_t pid = fork();
    ops->after_fork(self, pid == 0);
    if (pid == 0)
        _exit(export_parts(&parts, NULL) == OTEL_OK && batch_double_delivered() == PARTS ? 0 : 1);
    int child = -1;
    assert_int_equal(waitpid(pid, &child, 0), pid);
    pthread_join(thread, &status);
    assert_int_equal(child, 0);
    assert_int_equal((intptr_t)status, OTEL_OK);
    for (size_t span = 0; span < PARTS; span++)
        assert_int_equal(times_sent(&parts, span), 2);
    end(&parts);
}

static void as_many_as_the_options_say(void **state) {
    (void)state;
    struct parts parts;
    begin(&parts, 1, 0, STEPS({ .status = 200, .delay_ms = 100 }));
    otel_exporter_destroy(parts.scene.exporter);
    const otel_otlp_options options = { .size = sizeof options,
                                        .endpoint = http_double_url(parts.scene.server, ""),
                                        .max_request_bytes = SPAN + 20000,
                                        .max_concurrent_requests = 4 };
    parts.scene.exporter = otel_otlp_exporter(&options);
    assert_int_equal(export_parts(&parts, NULL), OTEL_OK);
    assert_int_equal(http_double_connections(parts.scene.server), 4);
    end(&parts);
}

static void more_than_there_are_lanes(void **state) {
    (void)state;
    otel_error error = { "" };
    otel_otlp_options options = { .size = sizeof options, .error = &error, .max_concurrent_requests = 17 };
    assert_null(otel_otlp_exporter(&options));
    assert_string_equal(error.text, "otel_otlp_options.max_concurrent_requests: it is more than 16");
    options.max_concurrent_requests = 16;
    otel_exporter *exporter = otel_otlp_exporter(&options);
    assert_non_null(exporter);
    otel_exporter_destroy(exporter);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(round_trips_overlap),
        cmocka_unit_test(each_is_counted),
        cmocka_unit_test(each_is_tried_again),
        cmocka_unit_test(a_kept_connection_that_is_gone),
        cmocka_unit_test(a_server_that_names_a_time),
        cmocka_unit_test(a_throttled_server_gets_one_at_a_time),
        cmocka_unit_test(the_longest_named_time_stands),
        cmocka_unit_test(answers_at_once_slow_down_once),
        cmocka_unit_test(a_deadline_ends_all),
        cmocka_unit_test(a_cancel_ends_all),
        cmocka_unit_test(a_413_for_one_of_several),
        cmocka_unit_test(a_child_born_in_the_middle),
        cmocka_unit_test(a_413_for_all_of_several_halves_once),
        cmocka_unit_test(as_many_as_the_options_say),
        cmocka_unit_test(more_than_there_are_lanes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
