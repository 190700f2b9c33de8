/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_response_test.c - what servers answer, well and badly. */
#include "otlp/otlp_response.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct otel__otlp_answer read_bytes(int status, const char *type, const void *body, size_t len) {
    struct otel__http_response response = { .status = status, .body_len = len };
    snprintf(response.content_type, sizeof response.content_type, "%s", type);
    response.body = malloc(len > 0 ? len : 1); /* exact, so that a sanitizer sees a read past the end */
    memcpy(response.body, body, len);
    struct otel__otlp_answer answer;
    otel__otlp_read_answer(&response, &answer);
    free(response.body);
    return answer;
}

#define READ(status, type, ...)                                                                                        \
    read_bytes(status, type, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static const char protobuf[] = "application/x-protobuf";

static void assert_silent(struct otel__otlp_answer answer) {
    assert_int_equal(answer.rejected, 0);
    assert_string_equal(answer.message, "");
}

static void full_success(void **state) {
    (void)state;
    assert_silent(read_bytes(200, protobuf, "", 0));
    assert_silent(READ(200, protobuf, 0x0a, 0x00)); /* a present and empty partial_success */
    assert_silent(READ(200, protobuf, 0x0a, 0x02, 0x08, 0x00));
    assert_silent(READ(200, protobuf, 0x50, 0x01)); /* an unknown field */
}

static void partial_success(void **state) {
    (void)state;
    struct otel__otlp_answer answer = READ(200, protobuf, 0x0a, 7, 0x08, 3, 0x12, 3, 'w', 0x1b, 'y');
    assert_int_equal(answer.rejected, 3);
    assert_string_equal(answer.message, "w\\x1by");
    answer = READ(202, "APPLICATION/X-PROTOBUF; charset=x", 0x0a, 4, 0x12, 2, 'h', 'i');
    assert_int_equal(answer.rejected, 0);
    assert_string_equal(answer.message, "hi");
    answer = READ(200, protobuf, 0x0a, 5, 0x08, 3, 0x98, 0x06, 1); /* with an unknown field inside */
    assert_int_equal(answer.rejected, 3);
    answer = READ(200, protobuf, 0x0a, 11, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01); /* -1 */
    assert_int_equal(answer.rejected, 0);
}

#define READ_JSON(status, text) read_bytes(status, "application/json", text, sizeof(text) - 1)

static void success_in_json(void **state) {
    (void)state;
    assert_silent(READ_JSON(200, "{}"));
    assert_silent(READ_JSON(200, "{\"partialSuccess\":{}}"));
    assert_silent(READ_JSON(200, "{\"partial_success\":{\"rejected_spans\":3},\"unknown\":[{\"a\":null}]}"));
    struct otel__otlp_answer answer =
        READ_JSON(200, "{\"partialSuccess\":{\"rejectedSpans\":\"3\",\"errorMessage\":\"w\\u001by\",\"new\":1}}");
    assert_int_equal(answer.rejected, 3);
    assert_string_equal(answer.message, "w\\x1by");
    assert_false(answer.foreign);
    assert_int_equal(READ_JSON(200, "{\"partialSuccess\":{\"rejectedSpans\":4}}").rejected, 4);
    assert_int_equal(READ_JSON(200, "{\"partialSuccess\":{\"rejectedSpans\":-4}}").rejected, 0);
    assert_int_equal(READ_JSON(200, "{\"partialSuccess\":{\"rejectedSpans\":{}}}").rejected, 0);
    assert_int_equal(READ_JSON(200, "{\"partialSuccess\":{\"rejectedSpans\":\"3x\"}}").rejected, 0);
    assert_int_equal(READ_JSON(200, "{\"partialSuccess\":7}").rejected, 0);
}

static void assert_foreign(struct otel__otlp_answer answer) {
    assert_silent(answer);
    assert_true(answer.foreign);
}

static void json_that_no_server_sends(void **state) {
    (void)state;
    enum { DEEP = 40000 };
    static char deep[DEEP + 1], large[70000];
    memset(deep, '[', DEEP);
    memset(large, ' ', sizeof large);
    large[0] = '{';
    large[sizeof large - 1] = '}';
    assert_true(read_bytes(200, "application/json", deep, DEEP).foreign);
    assert_true(read_bytes(200, "application/json", large, sizeof large).foreign);
    snprintf(deep, sizeof deep, "{\"a\":%0*d%0*d}", 1000, 0, 1000, 0); /* jansson itself would read this many levels */
    memset(deep + 5, '[', 1000);
    memset(deep + 1005, ']', 1000);
    assert_true(read_bytes(200, "application/json", deep, strlen(deep)).foreign);
    assert_true(READ_JSON(200, "[]").foreign);
    assert_true(READ_JSON(200, "{\"partialSuccess\"").foreign);
    assert_true(READ_JSON(200, "<html>").foreign);
    /* Brackets in text are no nesting. */
    assert_false(READ_JSON(200, "{\"a\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"}").foreign);
}

static void unreadable_success(void **state) {
    (void)state;
    assert_foreign(READ(200, protobuf, 0xff, 0xff, 0xff));
    assert_foreign(READ(200, protobuf, 0x0a, 0x7f, 0x08)); /* longer than there is */
    assert_foreign(READ(200, "text/html", '<', 'h', 'i', '>'));
    assert_foreign(READ(200, "", 0x0a, 2, 0x08, 3)); /* no type: not read */
    assert_foreign(READ(200, "application/x-protobuf2", 0x0a, 2, 0x08, 3));
}

static void what_is_not_foreign(void **state) {
    (void)state;
    assert_false(read_bytes(200, protobuf, "", 0).foreign);
    assert_false(read_bytes(200, "text/html", "", 0).foreign);
    assert_false(READ(200, protobuf, 0x0a, 5, 0x08, 3, 0x98, 0x06, 1).foreign);
    assert_false(READ(200, "application/json", '{', '}').foreign);
    assert_false(READ(404, "text/html", '<', 'h', 'i', '>').foreign);
    assert_false(READ(400, protobuf, 0xff).foreign);
}

static void failures(void **state) {
    (void)state;
    struct otel__otlp_answer answer = READ(400, protobuf, 0x08, 3, 0x12, 5, 'b', 'a', 'd', '\n', '!');
    assert_string_equal(answer.message, "bad\\n!");
    answer = READ(503, protobuf, 0x12, 2, 'n', 'o', 0x1a, 4, 0x0a, 0, 0x12, 0); /* with details */
    assert_string_equal(answer.message, "no");
    assert_silent(READ(400, protobuf, 0x12, 0x7f, 'x'));
    assert_string_equal(read_bytes(404, "text/plain; charset=utf-8", "404 page not found\n", 19).message,
                        "404 page not found");
    assert_string_equal(read_bytes(400, "application/json", "{\"code\":3}", 10).message, "{\"code\":3}");
    assert_string_equal(READ_JSON(400, "{\"code\":3,\"message\":\"no\\tspans\"}").message, "no\\tspans");
    assert_string_equal(read_bytes(500, "text/html", "<b>\x1b[2J</b>", 11).message, "<b>\\x1b[2J</b>");
    assert_silent(READ(500, "application/octet-stream", 1, 2, 3));
    assert_silent(read_bytes(500, "text/plain", "", 0));
}

static void long_texts_are_cut(void **state) {
    (void)state;
    char text[5000];
    memset(text, 'x', sizeof text);
    struct otel__otlp_answer answer = read_bytes(500, "text/plain", text, sizeof text);
    assert_int_equal(strlen(answer.message), sizeof answer.message - 1);
    assert_string_equal(answer.message + strlen(answer.message) - 3, "...");
}

/* Longer than what is read without the heap, by one byte and by much. */
static void long_messages_are_read(void **state) {
    (void)state;
    for (size_t len = 1900; len <= 16000; len = len < 2100 ? len + 1 : len + 5000) {
        uint8_t body[16100] = { 0x12, (uint8_t)(len | 0x80), (uint8_t)(len >> 7) };
        memset(body + 3, 'x', len);
        struct otel__otlp_answer answer = read_bytes(400, protobuf, body, 3 + len);
        assert_int_equal(strlen(answer.message), sizeof answer.message - 1);
        assert_int_equal(answer.message[0], 'x');
    }
}

/* Bytes chosen to take as much memory as possible when unpacked: refused, not served. */
static void bombs(void **state) {
    (void)state;
    size_t len = 4 * 1024 * 1024;
    uint8_t *body = malloc(len);
    for (size_t i = 0; i < len; i += 2) {
        body[i] = 0x1a; /* an empty detail */
        body[i + 1] = 0;
    }
    assert_foreign(read_bytes(200, protobuf, body, len)); /* there it is an unknown field */
    memcpy(body, "\x12\x02no", 4);                        /* a message that is to be had at that price only */
    assert_silent(read_bytes(400, protobuf, body, len));
    free(body);
}

/* Any bytes at all: no crash, and text fit for a log. */
static void random_bytes(void **state) {
    (void)state;
    unsigned seed = 1;
    for (int round = 0; round < 20000; round++) {
        uint8_t body[40];
        size_t len = (size_t)(round % 40);
        for (size_t i = 0; i < len; i++)
            body[i] = (uint8_t)(rand_r(&seed) % (i % 2 ? 256 : 32));
        struct otel__otlp_answer answer = read_bytes(round % 3 ? 200 : 400, protobuf, body, len);
        for (const char *c = answer.message; *c; c++)
            assert_true((unsigned char)*c >= 0x20 && *c != 0x7f);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(full_success),
        cmocka_unit_test(partial_success),
        cmocka_unit_test(success_in_json),
        cmocka_unit_test(json_that_no_server_sends),
        cmocka_unit_test(unreadable_success),
        cmocka_unit_test(what_is_not_foreign),
        cmocka_unit_test(failures),
        cmocka_unit_test(long_texts_are_cut),
        cmocka_unit_test(long_messages_are_read),
        cmocka_unit_test(bombs),
        cmocka_unit_test(random_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
