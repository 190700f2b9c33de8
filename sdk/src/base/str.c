/* SPDX-License-Identifier: Apache-2.0 */
/*
 * str.c - see str.h.
 */
#include "str.h"

#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static bool is_space(char c) { return c == ' ' || c == '\t'; }

otel_str otel__str_trim(otel_str text) {
    while (text.len && is_space(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    while (text.len && is_space(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

bool otel__str_next(otel_str *rest, char separator, otel_str *item) {
    if (!rest->ptr)
        return false;
    const char *end = rest->len ? memchr(rest->ptr, separator, rest->len) : NULL;
    if (!end) {
        *item = *rest;
        *rest = otel_strn(NULL, 0);
        return true;
    }
    size_t len = (size_t)(end - rest->ptr);
    *item = otel_strn(rest->ptr, len);
    *rest = otel_strn(end + 1, rest->len - len - 1);
    return true;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

bool otel__str_same(otel_str a, otel_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool otel__str_is(otel_str text, const char *word) {
    if (text.len != strlen(word))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (lower(text.ptr[i]) != word[i])
            return false;
    return true;
}

bool otel__str_char_in(char c, const char *characters) { return c != '\0' && strchr(characters, c); }

bool otel__str_all_in(otel_str text, const char *characters) {
    for (size_t i = 0; i < text.len; i++)
        if (!otel__str_char_in(text.ptr[i], characters))
            return false;
    return true;
}

bool otel__str_to_int(otel_str text, int64_t *out) {
    bool negative = text.len && text.ptr[0] == '-';
    size_t i = negative ? 1 : 0;
    if (i == text.len)
        return false;
    int64_t value = 0; /* kept negative, since the negative range is the larger one */
    for (; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9')
            return false;
        if (__builtin_mul_overflow(value, 10, &value) || __builtin_sub_overflow(value, text.ptr[i] - '0', &value))
            return false;
    }
    if (!negative && __builtin_sub_overflow(0, value, &value))
        return false;
    *out = value;
    return true;
}

bool otel__str_to_double(otel_str text, double *out) {
    char copy[128];
    if (!text.len || text.len >= sizeof copy)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (!text.ptr[i] || !strchr("0123456789.+-eE", text.ptr[i]))
            return false;
        copy[i] = text.ptr[i];
    }
    copy[text.len] = '\0';
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!c_locale)
        return false;
    char *end;
    double value = strtod_l(copy, &end, c_locale);
    freelocale(c_locale);
    if (*end || !isfinite(value))
        return false;
    *out = value;
    return true;
}

/* The least double is 4.9e-324, and none of its size needs more digits behind the point. */
enum { DECIMALS_MOST = 324 };

void otel__double_text(double value, char *out) {
    locale_t c_locale = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    locale_t saved = c_locale ? uselocale(c_locale) : (locale_t)0;
    snprintf(out, OTEL__DOUBLE_TEXT, "%.6f", value);
    for (int decimals = 7; decimals <= DECIMALS_MOST && strtod(out, NULL) != value; decimals++)
        snprintf(out, OTEL__DOUBLE_TEXT, "%.*f", decimals, value);
    if (c_locale) {
        uselocale(saved);
        freelocale(c_locale);
    }
}

static int hex_digit(char c) {
    if (c >= '0' && c <= '9')
        return c - '0';
    c = lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool otel__str_percent_decode(otel_str text, char *out, size_t *len) {
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] != '%') {
            out[n++] = text.ptr[i];
            continue;
        }
        if (text.len - i < 3)
            return false;
        int high = hex_digit(text.ptr[i + 1]), low = hex_digit(text.ptr[i + 2]);
        if (high < 0 || low < 0)
            return false;
        out[n++] = (char)(high << 4 | low);
        i += 2;
    }
    *len = n;
    return true;
}
