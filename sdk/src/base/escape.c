/* SPDX-License-Identifier: Apache-2.0 */
/* escape.c - see escape.h. */
#include "base/escape.h"

#include <stdint.h>

/* The code point at the start of `text` and its length; 0: not UTF-8. */
static size_t decode(otel_str text, uint32_t *point) {
    const unsigned char *s = (const unsigned char *)text.ptr;
    if (s[0] < 0x80) {
        *point = s[0];
        return 1;
    }
    size_t len = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : 2;
    if (s[0] < 0xc2 || s[0] > 0xf4 || len > text.len)
        return 0;
    uint32_t value = s[0] & (0xffu >> (len + 1));
    for (size_t i = 1; i < len; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (s[i] & 0x3fu);
    }
    static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
    *point = value;
    bool surrogate = value >= 0xd800 && value <= 0xdfff;
    return value >= least[len] && value <= 0x10ffff && !surrogate ? len : 0;
}

static bool is_plain(uint32_t point) {
    if (point < 0x20 || (point >= 0x7f && point < 0xa0))
        return false;
    bool separator = point == 0x2028 || point == 0x2029;
    bool direction = (point >= 0x202a && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069);
    return !separator && !direction;
}

static const char digits[] = "0123456789abcdef";

static size_t escape_byte(unsigned char byte, char out[OTEL__ESCAPE_MAX]) {
    out[0] = '\\';
    out[1] = byte == '\n' ? 'n' : byte == '\t' ? 't' : byte == '\r' ? 'r' : 'x';
    if (out[1] != 'x')
        return 2;
    out[2] = digits[byte >> 4];
    out[3] = digits[byte & 15];
    return 4;
}

/* All that are not plain have four digits. */
static size_t escape_point(uint32_t point, char out[OTEL__ESCAPE_MAX]) {
    if (point == '\n' || point == '\t' || point == '\r')
        return escape_byte((unsigned char)point, out);
    out[0] = '\\';
    out[1] = 'u';
    for (int i = 0; i < 4; i++)
        out[2 + i] = digits[point >> (12 - 4 * i) & 15];
    return 6;
}

size_t otel__escape_json_step(otel_str text, char out[OTEL__ESCAPE_MAX], size_t *used) {
    uint32_t point = 0;
    const size_t len = decode(text, &point);
    if (len != 0 && is_plain(point))
        return otel__escape_step(text, '"', out, used);
    *used = len != 0 ? len : 1;
    return escape_point(len != 0 ? point : 0xfffd, out);
}

size_t otel__escape_step(otel_str text, char quote, char out[OTEL__ESCAPE_MAX], size_t *used) {
    uint32_t point = 0;
    size_t len = decode(text, &point);
    *used = 1;
    if (len == 0 || !is_plain(point))
        return escape_byte((unsigned char)text.ptr[0], out);
    if (quote && (point == (unsigned char)quote || point == '\\')) {
        out[0] = '\\';
        out[1] = (char)point;
        return 2;
    }
    *used = len;
    for (size_t i = 0; i < len; i++)
        out[i] = text.ptr[i];
    return len;
}

void otel__escape(otel_str text, char *out, size_t size) {
    size_t at = 0, whole = 0; /* whole: what stays when the rest is cut */
    if (size < 4) {
        if (size > 0)
            out[0] = '\0';
        return;
    }
    while (text.len > 0) {
        char piece[OTEL__ESCAPE_MAX];
        size_t used, len = otel__escape_step(text, 0, piece, &used);
        if (at + len >= size) {
            memcpy(out + whole, "...", 4);
            return;
        }
        memcpy(out + at, piece, len);
        at += len;
        if (at + 4 <= size)
            whole = at;
        text.ptr += used;
        text.len -= used;
    }
    out[at] = '\0';
}
