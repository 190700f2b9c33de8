/* SPDX-License-Identifier: Apache-2.0 */
/* line_test.c - a line of text that grows. */
#include "common/line.h"

#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_line(struct otel__line *line, const char *expected) {
    assert_int_equal(line->len, strlen(expected));
    assert_memory_equal(line->text, expected, line->len);
    otel__line_clear(line);
}

static void pieces(void **state) {
    (void)state;
    struct otel__line line = { 0 };
    otel__line_add(&line, "");
    assert_int_equal(line.len, 0);
    otel__line_add(&line, "a");
    otel__line_format(&line, "[%d]", 42);
    otel__line_escaped(&line, otel_cstr("q\"\n"), '"');
    otel__line_escaped(&line, otel_cstr("k\""), 0);
    otel__line_hex(&line, (const uint8_t[]){ 0, 0xab, 0xff }, 3);
    otel__line_json(&line, otel_strn("j\"\x1b\xff", 4));
    otel__line_bytes(&line, "\n\"", 2);
    otel__line_bytes(&line, NULL, 0);
    assert_line(&line, "a[42]\"q\\\"\\n\"k\"00abff\"j\\\"\\u001b\\ufffd\"\n\"");
    otel__line_free(&line);
}

static void doubles(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *expected;
    } cases[] = {
        { 0, "0.0" },
        { -0.0, "-0.0" },
        { 1, "1.0" },
        { 1.5, "1.5" },
        { 0.1, "0.1" },
        { -2.25, "-2.25" },
        { 1e300, "1e+300" },
        { 5e-324, "4.94065645841247e-324" },
        { 1.0 / 3, "0.3333333333333333" },
        { NAN, "NaN" },
        { INFINITY, "Infinity" },
        { -INFINITY, "-Infinity" },
    };
    struct otel__line line = { 0 };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        otel__line_double(&line, cases[i].value);
        assert_line(&line, cases[i].expected);
    }
    otel__line_free(&line);
}

/* Where the machine has a locale with a decimal comma, it makes no difference. */
static void doubles_in_a_foreign_locale(void **state) {
    (void)state;
    static const char *const names[] = { "de_DE.UTF-8", "fr_FR.UTF-8", "de_DE", "ps_AF.UTF-8" };
    size_t tried = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (setlocale(LC_ALL, names[i])) {
            struct otel__line line = { 0 };
            otel__line_double(&line, -1234.5);
            assert_line(&line, "-1234.5");
            otel__line_free(&line);
            tried++;
        }
    setlocale(LC_ALL, "C");
    if (tried == 0)
        skip();
}

static void long_lines_are_cut(void **state) {
    (void)state;
    struct otel__line line = { 0 };
    size_t len = 20 * 1024 * 1024;
    char *text = malloc(len);
    memset(text, 'x', len);
    otel__line_add(&line, "begin ");
    otel__line_escaped(&line, otel_strn(text, len), '"');
    assert_true(line.cut);
    assert_true(line.len <= 16 * 1024 * 1024);
    otel__line_add(&line, "more");
    assert_true(line.cut);
    otel__line_clear(&line);
    assert_false(line.cut);
    assert_int_equal(line.capacity, 0); /* given back */
    otel__line_add(&line, "fine");
    assert_line(&line, "fine");
    otel__line_free(&line);
    free(text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces),
        cmocka_unit_test(doubles),
        cmocka_unit_test(doubles_in_a_foreign_locale),
        cmocka_unit_test(long_lines_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
