/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that no client should send: random, cut, changed, nested. Whatever is kept of them is shown and served. */
#include "decode.h"
#include "fixture.h"
#include "json_api.h"
#include "mutate.h"
#include "program.h"
#include "render.h"

#include <fcntl.h>
#include <locale.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { CAPACITY = 8192, MUTATIONS = 20000, RANDOMS = 20000, LIVE = 300 };

static void assert_safe(const char *text, size_t len) {
    for (size_t i = 0; i < len; i++) {
        assert_true((unsigned char)text[i] >= 0x20 || text[i] == '\n');
    }
}

static void show_all(const struct view_store *store) {
    const struct view_style style = { .width = 90, .utf8 = true };
    for (const struct view_trace *trace = view_store_first(store); trace; trace = view_store_next(store, trace)) {
        char *text = NULL;
        size_t len = 0;
        FILE *out = open_memstream(&text, &len);
        view_render_trace(out, &style, trace);
        fclose(out);
        assert_safe(text, len);
        free(text);
        text = view_json_trace(trace, &len);
        json_t *json = json_loadb(text, len, JSON_ALLOW_NUL, NULL);
        assert_non_null(json);
        assert_int_equal(json_array_size(json_object_get(json, "spans")), trace->span_count);
        json_decref(json);
        free(text);
    }
}

/* Requests that were refused leave nothing; returns whether this one was taken. */
static bool try_request(const uint8_t *bytes, size_t len) {
    struct view_store *store = view_store_new(4, 1 << 16);
    struct view_decode_result result = view_decode(bytes, len, store, 0);
    struct view_store_stats stats = view_store_stats(store);
    if (result.status != VIEW_DECODE_OK) {
        assert_int_equal(stats.spans, 0);
        assert_int_equal(stats.bytes_kept, 0);
    }
    assert_int_equal(stats.spans + stats.duplicates + result.rejected, result.spans);
    show_all(store);
    view_store_free(store);
    return result.status == VIEW_DECODE_OK;
}

static void test_changed_requests(void **state) {
    (void)state;
    struct mutate_random random = { 1 };
    struct fixture_bytes request = fixture_request(fixture_search, fixture_search_count);
    uint8_t bytes[CAPACITY];
    size_t taken = 0;
    for (unsigned i = 0; i < MUTATIONS; i++) {
        memcpy(bytes, request.bytes, request.len);
        taken += try_request(bytes, mutate_bytes(&random, bytes, request.len, sizeof bytes));
    }
    /* Both ways have been gone often. */
    assert_in_range(taken, MUTATIONS / 20, MUTATIONS * 19 / 20);
    free(request.bytes);
}

static void test_every_cut_of_a_request(void **state) {
    (void)state;
    struct fixture_bytes request = fixture_request(fixture_search, fixture_search_count);
    for (size_t len = 0; len < request.len; len++) {
        /* A copy of that length, so that reading on would be noticed. */
        uint8_t *cut = malloc(len + 1);
        memcpy(cut, request.bytes, len);
        cut = realloc(cut, len > 0 ? len : 1);
        try_request(cut, len);
        free(cut);
    }
    free(request.bytes);
}

static void test_random_bytes(void **state) {
    (void)state;
    struct mutate_random random = { 2 };
    uint8_t bytes[256];
    for (unsigned i = 0; i < RANDOMS; i++) {
        size_t len = (size_t)(mutate_next(&random) % sizeof bytes);
        mutate_fill(&random, bytes, len);
        try_request(bytes, len);
    }
}

/* Spans made of attributes alone, nested as deep as allowed, shown and written. */
static void test_nested_values(void **state) {
    (void)state;
    size_t taken = 0;
    for (unsigned levels = 0; levels < 110; levels++) {
        struct fixture_bytes nested = levels % 2 ? fixture_nested(levels) : fixture_nested_maps(levels);
        taken += try_request(nested.bytes, nested.len);
        free(nested.bytes);
    }
    assert_int_equal(taken, 49 + 33); /* arrays up to 97 deep, maps up to 65 */
}

static void test_the_program_lives_through_it(void **state) {
    (void)state;
    const char *const arguments[] = { "--settle", "0", "--patience", "0", NULL };
    struct mutate_random random = { 3 };
    struct program program;
    program_start(&program, arguments);
    struct fixture_bytes request = fixture_request(fixture_search, fixture_search_count);
    uint8_t bytes[CAPACITY];
    for (unsigned i = 0; i < LIVE; i++) {
        memcpy(bytes, request.bytes, request.len);
        size_t len = mutate_bytes(&random, bytes, request.len, sizeof bytes);
        struct reply reply = program_post_traces(&program, bytes, len);
        assert_true(reply.status == 200 || reply.status == 400);
        reply_clear(&reply);
    }
    struct fixture_bytes nested = fixture_nested(1000000);
    struct reply reply = program_post_traces(&program, nested.bytes, nested.len);
    assert_int_equal(reply.status, 400);
    reply_clear(&reply);
    free(nested.bytes);
    free(request.bytes);
    assert_int_equal(program_stat(&program, "requests", "received"), LIVE + 1);
    assert_int_equal(program_stop(&program, SIGTERM), 0);
    assert_safe(program.output, strlen(program.output));
    program_clear(&program);
}

/* Whatever a socket says that is no HTTP, or stops saying half-way. */
static void test_broken_http(void **state) {
    static const char *const beginnings[] = {
        "",
        "\r\n\r\n",
        "GET",
        "GET / HTTP/9.9\r\n\r\n",
        "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc",
        "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "POST /v1/traces HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        "POST /v1/traces HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    };
    (void)state;
    struct mutate_random random = { 4 };
    struct program program;
    program_start(&program, NULL);
    for (size_t i = 0; i < 200; i++) {
        const char *beginning = beginnings[i % (sizeof beginnings / sizeof *beginnings)];
        uint8_t noise[512];
        mutate_fill(&random, noise, sizeof noise);
        int fd = program_connect(&program);
        send(fd, beginning, strlen(beginning), MSG_NOSIGNAL);
        if (i % 2 == 0) {
            send(fd, noise, sizeof noise, MSG_NOSIGNAL);
        }
        if (i % 3 == 0) {
            shutdown(fd, SHUT_WR);
        }
        close(fd);
    }
    struct reply reply = program_get(&program, "/health");
    assert_int_equal(reply.status, 200);
    reply_clear(&reply);
    assert_int_equal(program_stop(&program, SIGTERM), 0);
    program_clear(&program);
}

/* More connections than it takes, all silent: the others wait, and are served when one of them goes. */
static void test_many_silent_connections(void **state) {
    enum { COUNT = 100 };
    (void)state;
    int fds[COUNT];
    struct program program;
    program_start(&program, NULL);
    for (size_t i = 0; i < COUNT; i++) {
        fds[i] = program_connect(&program);
    }
    for (size_t i = 0; i < COUNT; i++) {
        close(fds[i]);
    }
    struct reply reply = program_get(&program, "/health");
    assert_int_equal(reply.status, 200);
    reply_clear(&reply);
    assert_int_equal(program_stop(&program, SIGTERM), 0);
    program_clear(&program);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changed_requests),
        cmocka_unit_test(test_every_cut_of_a_request),
        cmocka_unit_test(test_random_bytes),
        cmocka_unit_test(test_nested_values),
        cmocka_unit_test(test_the_program_lives_through_it),
        cmocka_unit_test(test_broken_http),
        cmocka_unit_test(test_many_silent_connections),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
