/* SPDX-License-Identifier: Apache-2.0 */
/* str_test.c - reading text that people wrote. */
#include "base/str.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static void assert_str(otel_str text, const char *expected) {
    assert_int_equal(text.len, strlen(expected));
    if (text.len)
        assert_memory_equal(text.ptr, expected, text.len);
}

static void trimming(void **state) {
    (void)state;
    assert_str(otel__str_trim(otel_cstr(" \t a b\t ")), "a b");
    assert_str(otel__str_trim(otel_cstr("a")), "a");
    assert_str(otel__str_trim(otel_cstr(" \t ")), "");
    assert_str(otel__str_trim(otel_cstr("")), "");
    assert_str(otel__str_trim(otel_cstr(NULL)), "");
}

static void splitting(void **state) {
    (void)state;
    otel_str rest = otel_cstr("a,,b,"), item;
    static const char *const items[] = { "a", "", "b", "" };
    for (size_t i = 0; i < 4; i++) {
        assert_true(otel__str_next(&rest, ',', &item));
        assert_str(item, items[i]);
    }
    assert_false(otel__str_next(&rest, ',', &item));
    rest = otel_cstr("");
    assert_true(otel__str_next(&rest, ',', &item));
    assert_false(otel__str_next(&rest, ',', &item));
    rest = otel_cstr(NULL);
    assert_false(otel__str_next(&rest, ',', &item));
}

static void the_same_bytes(void **state) {
    (void)state;
    assert_true(otel__str_same(otel_cstr("a"), otel_strn("ab", 1)));
    assert_true(otel__str_same(otel_cstr(""), otel_strn(NULL, 0)));
    assert_true(otel__str_same(otel_strn("a\0b", 3), otel_strn("a\0b", 3)));
    assert_false(otel__str_same(otel_strn("a\0b", 3), otel_strn("a\0c", 3)));
    assert_false(otel__str_same(otel_cstr("a"), otel_cstr("A")));
    assert_false(otel__str_same(otel_cstr("a"), otel_cstr("ab")));
}

static void words_in_any_case(void **state) {
    (void)state;
    assert_true(otel__str_is(otel_cstr("TraceIdRatio"), "traceidratio"));
    assert_true(otel__str_is(otel_cstr("a_1/b"), "a_1/b"));
    assert_false(otel__str_is(otel_cstr("traceidrati"), "traceidratio"));
    assert_false(otel__str_is(otel_cstr("traceidratio2"), "traceidratio"));
    assert_false(otel__str_is(otel_cstr("none\xc3\xa9"), "none"));
    assert_false(otel__str_is(otel_strn("none\0", 5), "none"));
}

static void whole_numbers(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool good;
        int64_t value;
    } cases[] = {
        { "0", true, 0 },
        { "007", true, 7 },
        { "-5", true, -5 },
        { "9223372036854775807", true, INT64_MAX },
        { "-9223372036854775808", true, INT64_MIN },
        { "9223372036854775808", false, 0 },
        { "-9223372036854775809", false, 0 },
        { "99999999999999999999999", false, 0 },
        { "", false, 0 },
        { "-", false, 0 },
        { "+5", false, 0 },
        { " 5", false, 0 },
        { "5 ", false, 0 },
        { "5ms", false, 0 },
        { "1.5", false, 0 },
        { "1e3", false, 0 },
        { "0x10", false, 0 },
        { "many", false, 0 },
        { "\xd9\xa3", false, 0 }, /* an Arabic 3 */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("    '%s'\n", cases[i].text);
        int64_t value = 0;
        assert_int_equal(otel__str_to_int(otel_cstr(cases[i].text), &value), cases[i].good);
        assert_true(value == cases[i].value);
    }
}

static void numbers(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool good;
        double value;
    } cases[] = {
        { "0.25", true, 0.25 }, { "1", true, 1 },           { "1.", true, 1 },     { ".5", true, 0.5 },
        { "1e-3", true, 1e-3 }, { "-1", true, -1 },         { "+1", true, 1 },     { "0.1", true, 0.1 },
        { "nan", false, 0 },    { "inf", false, 0 },        { "1e999", false, 0 }, { "0x1p-1", false, 0 },
        { "", false, 0 },       { ".", false, 0 },          { "1e", false, 0 },    { "0,5", false, 0 },
        { "abc", false, 0 },    { "0.5 apples", false, 0 }, { "1.5.2", false, 0 }, { "--1", false, 0 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("    '%s'\n", cases[i].text);
        double value = 0;
        assert_int_equal(otel__str_to_double(otel_cstr(cases[i].text), &value), cases[i].good);
        assert_true(value == cases[i].value);
    }
    char zeros[200];
    double value;
    memset(zeros, '0', sizeof zeros);
    assert_false(otel__str_to_double(otel_strn(zeros, sizeof zeros), &value)); /* longer than anyone means */
    assert_false(otel__str_to_double(otel_strn("1\0", 2), &value));
}

static void number_texts_lead_back(void **state) {
    (void)state;
    char text[OTEL__DOUBLE_TEXT];
    otel__double_text(0.0001, text);
    assert_string_equal(text, "0.000100");
    otel__double_text(1, text);
    assert_string_equal(text, "1.000000");
    otel__double_text(0, text);
    assert_string_equal(text, "0.000000");
    otel__double_text(0.00000012, text);
    assert_string_equal(text, "0.00000012");
    otel__double_text(1e-7, text);
    assert_string_equal(text, "0.0000001");
    otel__double_text(0x1p-56, text);
    assert_string_equal(text, "0.000000000000000013877787807814457");
    otel__double_text(4294967296.25, text);
    assert_string_equal(text, "4294967296.250000");
    static const double least[] = { 4.9406564584124654e-324, 2.2250738585072009e-308, 2.2250738585072014e-308,
                                    1.7976931348623157e-300 };
    for (size_t i = 0; i < sizeof least / sizeof *least; i++) {
        double back;
        otel__double_text(least[i], text);
        assert_true(strlen(text) < OTEL__DOUBLE_TEXT - 1 && !strchr(text, 'e'));
        back = strtod(text, NULL);
        assert_true(back == least[i]);
    }
    for (int i = 0; i < 1000; i++) {
        double value = ldexp((double)rand(), -(rand() % 80)), back;
        otel__double_text(value, text);
        assert_true(otel__str_to_double(otel_cstr(text), &back));
        assert_true(back == value);
    }
}

/* A program may have set a locale that writes 0,5. */
static void locales_change_nothing(void **state) {
    (void)state;
    static const char *const candidates[] = { "de_DE.UTF-8", "de_DE.utf8", "fr_FR.UTF-8", "nl_NL.UTF-8" };
    bool found = false;
    for (size_t i = 0; !found && i < sizeof candidates / sizeof *candidates; i++)
        found = setlocale(LC_ALL, candidates[i]) != NULL;
    if (!found)
        skip();
    double value = 0;
    char text[OTEL__DOUBLE_TEXT];
    bool good = otel__str_to_double(otel_cstr("0.5"), &value);
    otel__double_text(0.5, text);
    setlocale(LC_ALL, "C");
    assert_true(good);
    assert_true(value == 0.5);
    assert_string_equal(text, "0.500000");
}

static void percent_escapes(void **state) {
    (void)state;
    static const struct {
        const char *text;
        const char *decoded; /* NULL: refused */
    } cases[] = {
        { "a%2Cb%3dc", "a,b=c" }, { "%41", "A" }, { "", "" },           { "a+b", "a+b" }, { "%zz", NULL },
        { "%4", NULL },           { "%", NULL },  { "a%2", NULL },      { "%2g", NULL },  { "%%41", NULL },
        { "%C3%A9", "\xc3\xa9" }, { "%", NULL },  { "100%25", "100%" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("    '%s'\n", cases[i].text);
        char out[32];
        size_t len = 0;
        assert_int_equal(otel__str_percent_decode(otel_cstr(cases[i].text), out, &len), cases[i].decoded != NULL);
        if (cases[i].decoded)
            assert_str(otel_strn(out, len), cases[i].decoded);
    }
    char nul[3];
    size_t len = 0;
    assert_true(otel__str_percent_decode(otel_cstr("%00"), nul, &len));
    assert_int_equal(len, 1);
    assert_int_equal(nul[0], 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(trimming),
        cmocka_unit_test(splitting),
        cmocka_unit_test(the_same_bytes),
        cmocka_unit_test(words_in_any_case),
        cmocka_unit_test(whole_numbers),
        cmocka_unit_test(numbers),
        cmocka_unit_test(number_texts_lead_back),
        cmocka_unit_test(locales_change_nothing),
        cmocka_unit_test(percent_escapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
