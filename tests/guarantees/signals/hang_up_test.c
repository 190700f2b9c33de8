/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hang_up_test.c - peers that reset the connection in the middle of a request, or after one, while SIGPIPE would end the
 * program: it goes on, and the export is tried again or counted as lost.
 */
#include "../tls_double.h"
#include "exporter_double.h"
#include "http_double.h"
#include "otlp_scene.h"
#include "span_assert.h"

#include <errno.h>
#include <inttypes.h>
#include <otel/otlp.h>
#include <otel/sdk.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <cmocka.h>

/* Much more than sockets buffer, so that the client is writing when the connection breaks; not more than one request. */
enum { SPANS = 100, TEXT = 30000, LONG_MS = 60000, SHORT_MS = 700 };

OTEL_TRACER(tracer, "hang_up_test");

/* Older versions of libraries do not ask the kernel to send no signal: here none of them does. */
#pragma GCC visibility push(default)
ssize_t send(int fd, const void *bytes, size_t size, int flags) {
    return sendto(fd, bytes, size, flags & ~MSG_NOSIGNAL, NULL, 0);
}
#pragma GCC visibility pop

/* Where no thread can be had, a flush exports on the thread that calls it. */
static bool short_of_threads;
int __real_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *data);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *data);
int __wrap_pthread_create(pthread_t *thread, const pthread_attr_t *attributes, void *(*start)(void *), void *data) {
    return short_of_threads ? EAGAIN : __real_pthread_create(thread, attributes, start, data);
}

static void start_sdk(const char *url, int timeout_ms) {
    const otel_otlp_options options = { .size = sizeof options, .endpoint = url, .timeout_ms = timeout_ms };
    signal(SIGPIPE, SIG_DFL);
    assert_int_equal(
        otel_sdk_start(
            OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(), .log_level = OTEL_LOG_NONE,
                     .processors = OTEL_PROCESSORS(otel_batch_processor(NULL, otel_otlp_exporter(&options))))),
        OTEL_OK);
}

static void make_spans(void) {
    static char text[TEXT + 1];
    memset(text, 'x', TEXT);
    for (unsigned i = 0; i < SPANS; i++) {
        const otel_span span = otel_span_start(tracer, OTEL_START("span"));
        otel_set(&span, "text", (const char *)text);
        otel_span_end(&span);
    }
}

/* None is pending either, for the program to find later. */
static void assert_no_signal(void) {
    sigset_t pending;
    struct sigaction action;
    sigpending(&pending);
    assert_false(sigismember(&pending, SIGPIPE));
    sigaction(SIGPIPE, NULL, &action);
    assert_ptr_equal(action.sa_handler, SIG_DFL);
}

/* `how` to be printed, if it is not NULL. */
static void stop_sdk(otel_status status, uint64_t exported, uint64_t failed, const char *how) {
    otel_ledger ledger;
    assert_int_equal(otel_sdk_stop(LONG_MS), status);
    assert_ledger(&ledger);
    if (how)
        printf("measured: connections that are reset, %s: %" PRIu64 " spans delivered, %" PRIu64 " counted as lost\n",
               how, ledger.processors[0].exported, ledger.processors[0].dropped_failed);
    assert_int_equal(ledger.processors[0].exported, exported);
    assert_int_equal(ledger.processors[0].dropped_failed, failed);
    assert_no_signal();
}

/* The server's own thread sends too, and is not what is tested. */
static http_double *start_server(const struct http_step *steps, size_t count) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    http_double *server = http_double_start(steps, count);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return server;
}

/* ---- plain ------------------------------------------------------------------------------------------------------- */

static void a_reset_inside_a_request_is_tried_again(void **state) {
    (void)state;
    http_double *server = start_server(
        STEPS({ .action = HTTP_RESET_INSIDE_REQUEST }, { .action = HTTP_RESET_INSIDE_REQUEST }, { .status = 200 }));
    start_sdk(http_double_url(server, ""), LONG_MS);
    make_spans();
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(http_double_requests(server), 3);
    stop_sdk(OTEL_OK, SPANS, 0, "plain, twice");
    http_double_stop(server);
}

static void resets_without_end_are_counted(void **state) {
    (void)state;
    http_double *server = start_server(STEPS({ .action = HTTP_RESET_INSIDE_REQUEST }));
    start_sdk(http_double_url(server, ""), SHORT_MS);
    make_spans();
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_ERR_EXPORT);
    make_spans();
    stop_sdk(OTEL_ERR_EXPORT, 0, 2 * SPANS, "plain, always");
    http_double_stop(server);
}

/* ---- TLS --------------------------------------------------------------------------------------------------------- */

static void a_reset_inside_a_request_over_tls_is_tried_again(void **state) {
    (void)state;
    const enum tls_action actions[] = { TLS_RESET_INSIDE_REQUEST, TLS_RESET_INSIDE_REQUEST, TLS_ANSWER };
    tls_double *server = tls_double_start(actions, 3);
    start_sdk(tls_double_url(server), LONG_MS);
    make_spans();
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(tls_double_resets(server), 2);
    stop_sdk(OTEL_OK, SPANS, 0, "TLS, twice");
    tls_double_stop(server);
}

static void resets_over_tls_without_end_are_counted(void **state) {
    (void)state;
    const enum tls_action actions[] = { TLS_RESET_INSIDE_REQUEST };
    tls_double *server = tls_double_start(actions, 1);
    start_sdk(tls_double_url(server), SHORT_MS);
    make_spans();
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_ERR_EXPORT);
    make_spans();
    stop_sdk(OTEL_ERR_EXPORT, 0, 2 * SPANS, "TLS, always");
    tls_double_stop(server);
}

/* The stop says goodbye over a connection that is dead, on the program's own thread. */
static void a_connection_that_died_after_its_answer_is_closed(void **state) {
    (void)state;
    const enum tls_action actions[] = { TLS_ANSWER_THEN_RESET };
    for (unsigned i = 0; i < 20; i++) {
        tls_double *server = tls_double_start(actions, 1);
        start_sdk(tls_double_url(server), LONG_MS);
        make_spans();
        assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
        assert_soon(tls_double_resets(server) == 1);
        stop_sdk(OTEL_OK, SPANS, 0, i == 0 ? "TLS, after the answer" : NULL);
        tls_double_stop(server);
    }
}

/* Which blocks no signal, as a thread of the SDK's does. */
static void a_reset_on_the_program_s_own_thread_is_tried_again(void **state) {
    (void)state;
    const enum tls_action actions[] = { TLS_RESET_INSIDE_REQUEST, TLS_RESET_INSIDE_REQUEST, TLS_ANSWER };
    tls_double *server = tls_double_start(actions, 3);
    short_of_threads = true;
    start_sdk(tls_double_url(server), LONG_MS);
    make_spans();
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(tls_double_resets(server), 2);
    stop_sdk(OTEL_OK, SPANS, 0, "TLS, twice, without a thread of the SDK's");
    short_of_threads = false;
    tls_double_stop(server);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_reset_inside_a_request_is_tried_again),
        cmocka_unit_test(resets_without_end_are_counted),
        cmocka_unit_test(a_reset_inside_a_request_over_tls_is_tried_again),
        cmocka_unit_test(resets_over_tls_without_end_are_counted),
        cmocka_unit_test(a_connection_that_died_after_its_answer_is_closed),
        cmocka_unit_test(a_reset_on_the_program_s_own_thread_is_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
