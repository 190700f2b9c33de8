/* SPDX-License-Identifier: Apache-2.0 */
/* escape_test.c - foreign text made fit for one line of a terminal. */
#include "base/escape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void whole_texts(void **state) {
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        { "", "" },
        { "plain text, \"quotes\" and \\ stay", "plain text, \"quotes\" and \\ stay" },
        { "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x92\xa9", "caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x92\xa9" },
        { "a\nb\tc\rd", "a\\nb\\tc\\rd" },
        { "\x1b[31mred", "\\x1b[31mred" },
        { "\x7f", "\\x7f" },
        { "\xc2\x9b"
          "31m",
          "\\xc2\\x9b31m" }, /* C1: some terminals take it for ESC [ */
        { "\xe2\x80\xae"
          "gpj.exe",
          "\\xe2\\x80\\xaegpj.exe" },          /* right-to-left override */
        { "\xe2\x80\xa8", "\\xe2\\x80\\xa8" }, /* line separator */
        { "\xff\xfe", "\\xff\\xfe" },
        { "\xc3", "\\xc3" },                            /* cut short */
        { "\xc0\xaf", "\\xc0\\xaf" },                   /* overlong */
        { "\xed\xa0\x80", "\\xed\\xa0\\x80" },          /* surrogate */
        { "\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80" }, /* beyond U+10FFFF */
        { "\xe2\x82x", "\\xe2\\x82x" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char out[100];
        otel__escape(otel_cstr(cases[i].text), out, sizeof out);
        assert_string_equal(out, cases[i].expected);
    }
    char out[20];
    otel__escape(otel_strn("a\0b", 3), out, sizeof out);
    assert_string_equal(out, "a\\x00b");
}

static void quotes(void **state) {
    (void)state;
    char piece[OTEL__ESCAPE_MAX];
    size_t used;
    assert_int_equal(otel__escape_step(otel_cstr("\"x"), '"', piece, &used), 2);
    assert_memory_equal(piece, "\\\"", 2);
    assert_int_equal(used, 1);
    assert_int_equal(otel__escape_step(otel_cstr("\\"), '"', piece, &used), 2);
    assert_memory_equal(piece, "\\\\", 2);
    assert_int_equal(otel__escape_step(otel_cstr("\xc3\xa9z"), '"', piece, &used), 2);
    assert_int_equal(used, 2);
}

static void inside_of_json(void **state) {
    (void)state;
    static const struct {
        const char *text, *expected;
        size_t used;
    } cases[] = {
        { "a", "a", 1 },
        { "\"", "\\\"", 1 },
        { "\\", "\\\\", 1 },
        { "\n", "\\n", 1 },
        { "\t", "\\t", 1 },
        { "\r", "\\r", 1 },
        { "\x1b", "\\u001b", 1 },
        { "\x7f", "\\u007f", 1 },
        { "\xc2\x9b", "\\u009b", 2 },
        { "\xe2\x80\xae", "\\u202e", 3 },
        { "\xe2\x80\xa9", "\\u2029", 3 },
        { "\xff", "\\ufffd", 1 },
        { "\xe2\x82x", "\\ufffd", 1 },
        { "\xf0\x9f\x92\xa9", "\xf0\x9f\x92\xa9", 4 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char piece[OTEL__ESCAPE_MAX];
        size_t used;
        assert_int_equal(otel__escape_json_step(otel_cstr(cases[i].text), piece, &used), strlen(cases[i].expected));
        assert_memory_equal(piece, cases[i].expected, strlen(cases[i].expected));
        assert_int_equal(used, cases[i].used);
    }
    char piece[OTEL__ESCAPE_MAX];
    size_t used;
    assert_int_equal(otel__escape_json_step(otel_strn("\0", 1), piece, &used), 6);
    assert_memory_equal(piece, "\\u0000", 6);
}

/* At every size: NUL-terminated, a prefix of the whole plus "...", and never half a character. */
static void cutting(void **state) {
    (void)state;
    otel_str text = otel_cstr("ab\xc3\xa9\x1b\xe2\x82\xac"
                              "cd");
    char whole[100];
    otel__escape(text, whole, sizeof whole);
    for (size_t size = 1; size <= strlen(whole) + 2; size++) {
        char *out = malloc(size); /* exact, so that a sanitizer sees one byte too many */
        otel__escape(text, out, size);
        size_t len = strlen(out);
        assert_true(len < size);
        if (size > strlen(whole))
            assert_string_equal(out, whole);
        else if (size >= 4) {
            assert_string_equal(out + len - 3, "...");
            assert_memory_equal(out, whole, len - 3);
            assert_true(len == 3 || (out[len - 4] & 0x80) == 0 || (whole[len - 3] & 0xc0) != 0x80);
        }
        free(out);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(whole_texts), cmocka_unit_test(quotes),
                                        cmocka_unit_test(inside_of_json), cmocka_unit_test(cutting) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
