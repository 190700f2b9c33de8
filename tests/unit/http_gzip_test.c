/* SPDX-License-Identifier: Apache-2.0 */
/* http_gzip_test.c - what zlib makes of the stream again. */
#include "common/http/http_gzip.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The stream is exactly what was put in, and nothing stands behind it. */
static void assert_holds(const struct otel__gzip *gzip, const uint8_t *expected, size_t len) {
    uint8_t *out = malloc(len + 1);
    z_stream stream = { .next_in = gzip->data, .avail_in = (uInt)gzip->len };
    assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
    stream.next_out = out;
    stream.avail_out = (uInt)(len + 1);
    assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
    assert_int_equal(stream.avail_in, 0);
    assert_int_equal(stream.total_out, len);
    assert_memory_equal(out, expected, len);
    inflateEnd(&stream);
    free(out);
}

/* `noise`: which does not get shorter; otherwise text that repeats. */
static uint8_t *make(size_t len, bool noise) {
    uint8_t *data = malloc(len + 1);
    uint32_t random = 1;
    for (size_t i = 0; i < len; i++) {
        random = random * 1664525u + 1013904223u;
        data[i] = noise ? (uint8_t)(random >> 24) : (uint8_t) "span "[i % 5];
    }
    return data;
}

static void compress_in_steps(struct otel__gzip *gzip, const uint8_t *data, size_t len, size_t step) {
    assert_true(otel__gzip_begin(gzip));
    for (size_t at = 0; at < len; at += step) {
        size_t piece = len - at < step ? len - at : step;
        assert_true(otel__gzip_add(gzip, data + at, piece, at + piece == len));
    }
}

static void bodies_come_back_one_after_the_other(void **state) {
    (void)state;
    static const size_t sizes[] = { 1, 5, 1000, 3 << 20, 70000, 2 };
    struct otel__gzip gzip = { .ready = false };
    for (size_t i = 0; i < 2 * sizeof sizes / sizeof *sizes; i++) {
        const size_t len = sizes[i / 2];
        uint8_t *data = make(len, i % 2);
        compress_in_steps(&gzip, data, len, 256 * 1024);
        assert_holds(&gzip, data, len);
        compress_in_steps(&gzip, data, len, 1 + len / 3);
        assert_holds(&gzip, data, len);
        free(data);
    }
    otel__gzip_free(&gzip);
}

static void text_gets_shorter(void **state) {
    (void)state;
    struct otel__gzip gzip = { .ready = false };
    uint8_t *data = make(100000, false);
    compress_in_steps(&gzip, data, 100000, 100000);
    assert_true(gzip.len < 1000);
    free(data);
    otel__gzip_free(&gzip);
}

/* A stream that was begun and left, as an export that was cancelled leaves it. */
static void a_stream_that_was_left_disturbs_no_other(void **state) {
    (void)state;
    struct otel__gzip gzip = { .ready = false };
    uint8_t *noise = make(300000, true);
    assert_true(otel__gzip_begin(&gzip));
    assert_true(otel__gzip_add(&gzip, noise, 300000, false));
    compress_in_steps(&gzip, (const uint8_t *)"abc", 3, 3);
    assert_holds(&gzip, (const uint8_t *)"abc", 3);
    free(noise);
    otel__gzip_free(&gzip);
}

static void much_room_is_not_kept(void **state) {
    (void)state;
    struct otel__gzip gzip = { .ready = false };
    uint8_t *noise = make(3 << 20, true);
    compress_in_steps(&gzip, noise, 3 << 20, 256 * 1024);
    assert_true(gzip.capacity >= 3 << 20);
    compress_in_steps(&gzip, noise, 10, 10);
    assert_true(gzip.capacity <= 1 << 20);
    free(noise);
    otel__gzip_free(&gzip);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_come_back_one_after_the_other),
        cmocka_unit_test(text_gets_shorter),
        cmocka_unit_test(a_stream_that_was_left_disturbs_no_other),
        cmocka_unit_test(much_room_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
