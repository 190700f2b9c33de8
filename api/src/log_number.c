/* SPDX-License-Identifier: Apache-2.0 */
/* log_number.c - see log_number.h. Times are computed here, since gmtime_r() takes a lock that a fork may leave held. */
#include "log_number.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t otel__log_uint(char out[OTEL__LOG_NUMBER], uint64_t number) {
    char reversed[OTEL__LOG_NUMBER];
    size_t len = 0;
    do {
        reversed[len++] = (char)('0' + number % 10);
        number /= 10;
    } while (number > 0);
    for (size_t i = 0; i < len; i++) {
        out[i] = reversed[len - 1 - i];
    }
    return len;
}

/* ---- doubles ----------------------------------------------------------------------------------------------------- */

/* Whatever the locale puts between the digits, of one byte or several, becomes a point. */
static size_t with_point(char *text) {
    size_t len = 0;
    for (const char *in = text; *in != '\0'; in++) {
        if (strchr("0123456789+-e", *in) != NULL) {
            text[len++] = *in;
        } else if (len == 0 || text[len - 1] != '.') {
            text[len++] = '.';
        }
    }
    return len;
}

static size_t put(char *out, const char *text) { return (size_t)(stpcpy(out, text) - out); }

size_t otel__log_double(char out[OTEL__LOG_NUMBER], double number) {
    if (!isfinite(number)) {
        return put(out, isnan(number) ? "\"NaN\"" : number > 0 ? "\"Infinity\"" : "\"-Infinity\"");
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(out, OTEL__LOG_NUMBER, "%.*g", digits, number);
        if (strtod(out, NULL) == number) {
            break;
        }
    }
    return with_point(out);
}

/* ---- times ------------------------------------------------------------------------------------------------------- */

struct date {
    unsigned year, month, day;
};

/*
 * The day so many days after 1 January 1970, by the Gregorian calendar. Years begin in March here, so that the day that
 * some have more is their last, and are counted in rounds of 400, of 146,097 days each.
 */
static struct date date_of(uint64_t days) {
    enum { ROUND = 146097, MARCH_0000 = 719468 };
    const uint64_t since = days + MARCH_0000;
    const unsigned in_round = (unsigned)(since % ROUND);
    const unsigned year = (in_round - in_round / 1460 + in_round / 36524 - in_round / (ROUND - 1)) / 365;
    const unsigned in_year = in_round - (365 * year + year / 4 - year / 100);
    const unsigned month = (5 * in_year + 2) / 153; /* 0: March */
    const bool next_year = month >= 10;
    return (struct date){ .year = (unsigned)(since / ROUND) * 400 + year + next_year,
                          .month = next_year ? month - 9 : month + 3,
                          .day = in_year - (153 * month + 2) / 5 + 1 };
}

/* `number` with `width` digits and what follows it. */
static char *put_digits(char *out, unsigned number, unsigned width, char after) {
    for (unsigned i = width; i > 0; i--) {
        out[i - 1] = (char)('0' + number % 10);
        number /= 10;
    }
    out[width] = after;
    return out + width + 1;
}

size_t otel__log_time(char out[OTEL__LOG_TIME], uint64_t ns) {
    const uint64_t seconds = ns / 1000000000u;
    const unsigned in_day = (unsigned)(seconds % 86400);
    const struct date date = date_of(seconds / 86400);
    char *at = put_digits(out, date.year, 4, '-');
    at = put_digits(at, date.month, 2, '-');
    at = put_digits(at, date.day, 2, 'T');
    at = put_digits(at, in_day / 3600, 2, ':');
    at = put_digits(at, in_day / 60 % 60, 2, ':');
    at = put_digits(at, in_day % 60, 2, '.');
    at = put_digits(at, (unsigned)(ns % 1000000000u / 1000), 6, 'Z');
    return (size_t)(at - out);
}
