/* SPDX-License-Identifier: Apache-2.0 */
/* utf8_test.c - what counts as UTF-8, and what bad bytes become. */
#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define BAD "\xef\xbf\xbd"

/* Text, whether it is valid, and its repaired form. */
static const struct {
    const char *text;
    size_t len;
    bool valid;
    const char *repaired;
} cases[] = {
    { "", 0, true, "" },
    { "plain", 5, true, "plain" },
    { "longer than eight bytes", 23, true, "longer than eight bytes" },
    { "a\0b", 3, true, "a" }, /* compared up to the NUL; the length is compared as a whole */
    { "\x7f", 1, true, "\x7f" },
    { "\xc2\x80", 2, true, "\xc2\x80" },
    { "\xdf\xbf", 2, true, "\xdf\xbf" },
    { "\xe0\xa0\x80", 3, true, "\xe0\xa0\x80" },
    { "\xed\x9f\xbf", 3, true, "\xed\x9f\xbf" },
    { "\xee\x80\x80", 3, true, "\xee\x80\x80" },
    { "\xf0\x90\x80\x80", 4, true, "\xf0\x90\x80\x80" },
    { "\xf4\x8f\xbf\xbf", 4, true, "\xf4\x8f\xbf\xbf" },
    { "\x80", 1, false, BAD },
    { "\xbf", 1, false, BAD },
    { "\xc0\x80", 2, false, BAD BAD },         /* overlong NUL */
    { "\xc1\xbf", 2, false, BAD BAD },         /* overlong */
    { "\xe0\x9f\xbf", 3, false, BAD BAD BAD }, /* overlong */
    { "\xed\xa0\x80", 3, false, BAD BAD BAD }, /* surrogate */
    { "\xf0\x8f\xbf\xbf", 4, false, BAD BAD BAD BAD },
    { "\xf4\x90\x80\x80", 4, false, BAD BAD BAD BAD }, /* above U+10FFFF */
    { "\xf5\x80\x80\x80", 4, false, BAD BAD BAD BAD },
    { "\xff", 1, false, BAD },
    { "\xe2\x82", 2, false, BAD BAD }, /* cut off */
    { "\xe2\x82z", 3, false, BAD BAD "z" },
    { "\xc3\xc3\xa9", 3, false, BAD "\xc3\xa9" },
    { "eight...\xff", 9, false, "eight..." BAD },
    { "seven..\xc3\xa9 and on", 16, true, "seven..\xc3\xa9 and on" },
};

static void valid_or_not(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("    case %zu\n", i);
        assert_int_equal(otel__utf8_valid(cases[i].text, cases[i].len), cases[i].valid);
    }
}

static void bad_bytes_are_replaced(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("    case %zu\n", i);
        char out[64] = "";
        size_t len = otel__utf8_repair(cases[i].text, cases[i].len, out, sizeof out - 1);
        assert_true(otel__utf8_valid(out, len));
        assert_string_equal(out, cases[i].repaired);
        assert_int_equal(len, cases[i].valid ? cases[i].len : strlen(cases[i].repaired));
        assert_int_equal(otel__utf8_repair(cases[i].text, cases[i].len, NULL, 0), len);
    }
}

static void too_little_room_keeps_whole_characters(void **state) {
    (void)state;
    const char text[] = "a\xc3\xa9\xe2\x82\xac"
                        "b";
    for (size_t cap = 0; cap < sizeof text; cap++) {
        char out[sizeof text + 1];
        memset(out, '#', sizeof out);
        assert_int_equal(otel__utf8_repair(text, sizeof text - 1, out, cap), sizeof text - 1);
        size_t written = strcspn(out, "#");
        assert_true(written <= cap);
        assert_true(otel__utf8_valid(out, written));
        assert_memory_equal(out, text, written);
        assert_int_equal(written, cap < 1 ? 0 : cap < 3 ? 1 : cap < 6 ? 3 : cap < 7 ? 6 : 7);
    }
}

/* Every length and every place of a bad byte, so that the eight-byte steps and their rest are all walked. */
static void one_bad_byte_anywhere_is_found(void **state) {
    (void)state;
    for (size_t len = 0; len <= 40; len++) {
        char *text = malloc(len ? len : 1); /* exactly as long, for the sanitizer */
        memset(text, 'x', len);
        assert_true(otel__utf8_valid(text, len));
        for (size_t i = 0; i < len; i++) {
            text[i] = (char)0xfe;
            assert_false(otel__utf8_valid(text, len));
            text[i] = 'x';
        }
        free(text);
    }
}

/* All code points, encoded here by the textbook. */
static void every_code_point(void **state) {
    (void)state;
    for (uint32_t point = 0; point <= 0x110000; point++) {
        char text[4];
        size_t len = point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x10000 ? 3 : 4;
        static const unsigned char lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
        for (size_t i = len; i-- > 1;)
            text[i] = (char)(0x80 | (point >> 6 * (len - 1 - i) & 0x3f));
        text[0] = (char)(lead[len] | point >> 6 * (len - 1));
        bool expected = point <= 0x10ffff && (point < 0xd800 || point > 0xdfff);
        if ((otel__utf8_char(text, len) == len) != expected)
            fail_msg("U+%04X is %s", (unsigned)point, expected ? "refused" : "accepted");
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(valid_or_not),
        cmocka_unit_test(bad_bytes_are_replaced),
        cmocka_unit_test(too_little_room_keeps_whole_characters),
        cmocka_unit_test(one_bad_byte_anywhere_is_found),
        cmocka_unit_test(every_code_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
