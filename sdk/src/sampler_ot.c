/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sampler_ot.c - see sampler_ot.h.
 */
#include "sampler_ot.h"

#include "base/str.h"

#include <math.h>

/* ---- thresholds ------------------------------------------------------------------------------------------------- */

/*
 * T = 2^56 - p * 2^56 in units of u = 16^(14 - digits). Since 2^56 is a multiple of u, rounding T half up is rounding
 * p * 2^56 / u half down, and that is the 53-bit significand of p shifted to the right: no step is inexact.
 */
uint64_t otel__threshold_of(double probability, int precision) {
    if (!(probability > 0))
        return OTEL__THRESHOLD_NEVER;
    if (probability >= 1)
        return 0;
    int exponent;
    uint64_t significand = (uint64_t)ldexp(frexp(probability, &exponent), 53);
    int digits = precision - exponent / 4;
    if (digits > OTEL__THRESHOLD_DIGITS)
        digits = OTEL__THRESHOLD_DIGITS;
    int shift = 53 - exponent - 4 * digits; /* at least 1, as digits are at most 13 - exponent / 4 */
    if (shift > 53)
        return OTEL__THRESHOLD_NEVER; /* less than half a unit */
    uint64_t rest = significand & ((UINT64_C(1) << shift) - 1);
    uint64_t units = (significand >> shift) + (rest > UINT64_C(1) << (shift - 1) ? 1 : 0);
    return OTEL__THRESHOLD_NEVER - (units << 4 * (OTEL__THRESHOLD_DIGITS - digits));
}

void otel__threshold_text(uint64_t threshold, char out[OTEL__THRESHOLD_DIGITS + 1]) {
    int len = OTEL__THRESHOLD_DIGITS;
    for (int i = 0; i < len; i++)
        out[i] = "0123456789abcdef"[threshold >> 4 * (OTEL__THRESHOLD_DIGITS - 1 - i) & 15];
    while (len > 1 && out[len - 1] == '0')
        len--;
    out[len] = '\0';
}

static bool parse_hex(otel_str text, uint64_t *value) {
    *value = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        bool digit = c >= '0' && c <= '9';
        if (!digit && (c < 'a' || c > 'f'))
            return false;
        *value = *value << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
    }
    return true;
}

bool otel__threshold_parse(otel_str th, uint64_t *threshold) {
    if (th.len < 1 || th.len > OTEL__THRESHOLD_DIGITS || !parse_hex(th, threshold))
        return false;
    *threshold <<= 4 * (OTEL__THRESHOLD_DIGITS - th.len);
    return true;
}

bool otel__randomness_parse(otel_str rv, uint64_t *randomness) {
    return rv.len == OTEL__THRESHOLD_DIGITS && parse_hex(rv, randomness);
}

uint64_t otel__randomness_of(const uint8_t trace_id[16]) {
    uint64_t randomness = 0;
    for (int i = 9; i < 16; i++)
        randomness = randomness << 8 | trace_id[i];
    return randomness;
}

/* ---- the member ------------------------------------------------------------------------------------------------- */

otel_str otel__ot_find(otel_str tracestate) {
    otel_str member;
    while (otel__str_next(&tracestate, ',', &member))
        if (member.len >= 3 && memcmp(member.ptr, "ot=", 3) == 0)
            return otel_strn(member.ptr + 3, member.len - 3);
    return otel_strn(NULL, 0);
}

/* Whether `item` is "key:..."; then `value` is what follows. */
static bool has_key(otel_str item, const char *key, otel_str *value) {
    size_t len = strlen(key);
    if (item.len <= len || memcmp(item.ptr, key, len) != 0 || item.ptr[len] != ':')
        return false;
    *value = otel_strn(item.ptr + len + 1, item.len - len - 1);
    return true;
}

/* Takes `rest` as far as the value, or to its end. */
static otel_str next_value(otel_str *rest, const char *key) {
    otel_str item, value;
    while (otel__str_next(rest, ';', &item))
        if (has_key(otel__str_trim(item), key, &value))
            return value;
    return otel_strn(NULL, 0);
}

otel_str otel__ot_get(otel_str ot, const char *key) { return next_value(&ot, key); }

otel_str otel__ot_threshold(otel_str ot) {
    otel_str th = next_value(&ot, "th");
    if (th.ptr && next_value(&ot, "th").ptr)
        th.len = 0;
    return th;
}

static bool is_lower(char c) { return c >= 'a' && c <= 'z'; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

static bool good_key(const char *key) {
    if (!is_lower(*key))
        return false;
    while (is_lower(*key) || is_digit(*key))
        key++;
    return !*key;
}

static bool good_value(otel_str value) {
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (!is_lower(c) && !is_digit(c) && !(c >= 'A' && c <= 'Z') && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

/* Appends to `out`, of which `*len` is the length of the whole, written or not. */
static void append(char *out, size_t *len, otel_str text) {
    if (text.len && *len + text.len <= OTEL__OT_LONGEST)
        memcpy(out + *len, text.ptr, text.len);
    *len += text.len;
}

bool otel__ot_set(otel_str ot, const char *key, otel_str value, char out[OTEL__OT_LONGEST], size_t *len) {
    if (!good_key(key) || !good_value(value))
        return false;
    *len = 0;
    if (value.ptr) {
        append(out, len, otel_cstr(key));
        append(out, len, otel_cstr(":"));
        append(out, len, value);
    }
    otel_str item, former;
    while (otel__str_next(&ot, ';', &item)) {
        item = otel__str_trim(item); /* a member's value may not end in a space */
        if (!item.len || has_key(item, key, &former))
            continue;
        if (*len)
            append(out, len, otel_cstr(";"));
        append(out, len, item);
    }
    return *len <= OTEL__OT_LONGEST;
}
