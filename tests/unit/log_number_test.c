/* SPDX-License-Identifier: Apache-2.0 */
/* log_number_test.c - numbers and times of log lines, beside what the C library makes of them. */
#include "log_number.h"

#include <float.h>
#include <locale.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

static char out[OTEL__LOG_NUMBER + 1];

static const char *uint_text(uint64_t number) {
    out[otel__log_uint(out, number)] = '\0';
    return out;
}

static const char *double_text(double number) {
    out[otel__log_double(out, number)] = '\0';
    return out;
}

static void whole_numbers_have_all_their_digits(void **state) {
    (void)state;
    assert_string_equal(uint_text(0), "0");
    assert_string_equal(uint_text(10), "10");
    assert_string_equal(uint_text(UINT64_MAX), "18446744073709551615");
}

static void doubles_are_read_back_as_they_were(void **state) {
    (void)state;
    const double numbers[] = { 0.1, 1.0 / 3, -2.5e-300, DBL_MAX, DBL_TRUE_MIN, 0.0, 12345678.875 };
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        assert_true(strtod(double_text(numbers[i]), NULL) == numbers[i]);
    }
    assert_string_equal(double_text(0.1), "0.1");
    assert_string_equal(double_text((double)NAN), "\"NaN\"");
    assert_string_equal(double_text((double)INFINITY), "\"Infinity\"");
    assert_string_equal(double_text(-(double)INFINITY), "\"-Infinity\"");
}

static void doubles_have_a_point_in_any_locale(void **state) {
    (void)state;
    if (setlocale(LC_NUMERIC, "de_DE.UTF-8") == NULL && setlocale(LC_NUMERIC, "fr_FR.UTF-8") == NULL) {
        print_message("    skipped: no locale with a decimal comma\n");
        skip();
    }
    char text[64];
    strcpy(text, double_text(1.5));
    setlocale(LC_NUMERIC, "C");
    assert_string_equal(text, "1.5");
}

/* What gmtime_r() and strftime() say, of moments all over the time that there is. */
static void times_are_those_of_the_calendar(void **state) {
    (void)state;
    uint64_t moment = 0;
    for (unsigned i = 0; i < 200000; i++) {
        const time_t seconds = (time_t)(moment / 1000000000u);
        struct tm parts;
        char expected[64], text[OTEL__LOG_TIME + 1];
        const size_t len = strftime(expected, sizeof expected, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &parts));
        snprintf(expected + len, sizeof expected - len, ".%06uZ", (unsigned)(moment % 1000000000u / 1000));
        text[otel__log_time(text, moment)] = '\0';
        assert_string_equal(text, expected);
        moment += UINT64_C(90071992547409) - 86400 * UINT64_C(7); /* about 25 hours, until 2540 */
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_numbers_have_all_their_digits),
        cmocka_unit_test(doubles_are_read_back_as_they_were),
        cmocka_unit_test(doubles_have_a_point_in_any_locale),
        cmocka_unit_test(times_are_those_of_the_calendar),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
