/* SPDX-License-Identifier: Apache-2.0 */
/* Received text on its way to the terminal and into JSON, and small values as text. */
#include "format.h"
#include "text.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_shown(const char *text, size_t len, size_t max_columns, bool utf8, const char *expected,
                         size_t expected_columns) {
    char *shown = NULL;
    size_t shown_len = 0;
    FILE *out = open_memstream(&shown, &shown_len);
    assert_non_null(out);
    size_t columns = view_text_put(out, (const uint8_t *)text, len, max_columns, utf8);
    fclose(out);
    assert_string_equal(shown, expected);
    assert_int_equal(columns, expected_columns);
    assert_int_equal(view_text_columns((const uint8_t *)text, len, max_columns, utf8), expected_columns);
    free(shown);
}

#define assert_shows(text, max_columns, utf8, expected, columns)                                                       \
    assert_shown(text, sizeof(text) - 1, max_columns, utf8, expected, columns)

static void test_plain_text_stays(void **state) {
    (void)state;
    assert_shows("GET /search", 80, true, "GET /search", 11);
    assert_shows("", 80, true, "", 0);
    assert_shows("grün 検索", 80, true, "grün 検索", 9);
}

static void test_nothing_reaches_the_terminal_that_drives_it(void **state) {
    (void)state;
    assert_shows("\033[2J\033]0;x\a", 80, true, "\\x1b[2J\\x1b]0;x\\x07", 19);
    assert_shows("a\nb\rc\td", 80, true, "a\\nb\\rc\\td", 10);
    assert_shows("a\0b", 80, true, "a\\x00b", 6);
    assert_shows("\x7f", 80, true, "\\x7f", 4);
    assert_shows("\xc2\x9b"
                 "31m",
                 80, true, "\\u{9b}31m", 9); /* an 8-bit CSI */
    assert_shows("\xe2\x80\xae"
                 "abc",
                 80, true, "\\u{202e}abc", 11); /* right-to-left override */
}

static void test_ill_formed_utf8_is_shown_as_bytes(void **state) {
    (void)state;
    assert_shows("a\xff"
                 "b",
                 80, true, "a\\xffb", 6);
    assert_shows("\xc0\xaf", 80, true, "\\xc0\\xaf", 8); /* overlong */
    assert_shows("\xe0\x80\xaf", 80, true, "\\xe0\\x80\\xaf", 12);
    assert_shows("\xf0\x80\x80\xaf", 80, true, "\\xf0\\x80\\x80\\xaf", 16);
    assert_shows("\xed\xa0\x80", 80, true, "\\xed\\xa0\\x80", 12); /* surrogate */
    assert_shows("\xe6\xa4", 80, true, "\\xe6\\xa4", 8);           /* cut short */
    assert_shows("\xf4\x90\x80\x80", 80, true, "\\xf4\\x90\\x80\\x80", 16);
}

static void test_without_utf8_all_is_ascii(void **state) {
    (void)state;
    assert_shows("grün", 80, false, "gr\\u{fc}n", 9);
}

static void test_what_does_not_fit_is_cut(void **state) {
    (void)state;
    assert_shows("abcdef", 6, true, "abcdef", 6);
    assert_shows("abcdefg", 6, true, "abcde…", 6);
    assert_shows("abcdefg", 6, false, "abcd..", 6);
    assert_shows("abc", 0, true, "", 0);
}

static void test_characters_without_width_are_bounded(void **state) {
    (void)state;
    char text[4001] = "a";
    for (size_t i = 1; i + 1 < sizeof text; i += 2) {
        memcpy(text + i, "\xcc\x81", 2);
    }
    char *shown = NULL;
    size_t shown_len = 0;
    FILE *out = open_memstream(&shown, &shown_len);
    view_text_put(out, (const uint8_t *)text, sizeof text - 1, 10, true);
    fclose(out);
    assert_true(shown_len <= 10 * 8 + 3);
    free(shown);
}

static void test_repair_replaces_each_bad_byte(void **state) {
    (void)state;
    size_t len = 0;
    char *repaired = view_utf8_repair((const uint8_t *)"a\xff\xfe\0z\xef\xbf\xbd", 8, &len);
    assert_int_equal(len, 12);
    assert_memory_equal(repaired, "a\xef\xbf\xbd\xef\xbf\xbd\0z\xef\xbf\xbd", 12);
    free(repaired);
}

static void test_durations(void **state) {
    static const struct {
        uint64_t nanoseconds;
        const char *expected;
    } cases[] = {
        { 0, "0ns" },
        { 999, "999ns" },
        { 1000, "1.00us" },
        { 9994, "9.99us" },
        { 9996, "10.0us" },
        { 99960, "100us" },
        { 999400, "999us" },
        { 999600, "1.00ms" },
        { 43210000, "43.2ms" },
        { 59990000000, "60.0s" },
        { 60000000000, "1m00s" },
        { 123000000000, "2m03s" },
        { 18720000000000, "5h12m" },
        { 270000000000000, "3d03h" },
        { UINT64_MAX, "213503d23h" },
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(view_format_duration(cases[i].nanoseconds, false).text, cases[i].expected);
    }
    assert_string_equal(view_format_duration(1000, true).text, "1.00µs");
}

static void test_ids(void **state) {
    uint8_t id[2] = { 0 };
    (void)state;
    assert_true(view_parse_hex("aF09", id, 2));
    assert_string_equal(view_format_hex(id, 2).text, "af09");
    assert_false(view_parse_hex("af0", id, 2));
    assert_false(view_parse_hex("af091", id, 2));
    assert_false(view_parse_hex("af0g", id, 2));
    assert_false(view_parse_hex("", id, 2));
}

static void test_names_of_numbers(void **state) {
    (void)state;
    assert_string_equal(view_format_kind(2).text, "SERVER");
    assert_string_equal(view_format_kind(6).text, "6");
    assert_string_equal(view_format_kind(-1).text, "-1");
    assert_string_equal(view_format_status(2).text, "ERROR");
    assert_string_equal(view_format_time(1700000000123456789u).text, "2023-11-14 22:13:20.123");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_plain_text_stays),
        cmocka_unit_test(test_nothing_reaches_the_terminal_that_drives_it),
        cmocka_unit_test(test_ill_formed_utf8_is_shown_as_bytes),
        cmocka_unit_test(test_without_utf8_all_is_ascii),
        cmocka_unit_test(test_what_does_not_fit_is_cut),
        cmocka_unit_test(test_characters_without_width_are_bounded),
        cmocka_unit_test(test_repair_replaces_each_bad_byte),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_names_of_numbers),
    };
    setlocale(LC_CTYPE, "C.UTF-8");
    setenv("TZ", "UTC", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
