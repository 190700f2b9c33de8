/* SPDX-License-Identifier: Apache-2.0 */
/* json_writer.c - see json_writer.h. */
#include "common/json_writer.h"

#include "base/escape.h"
#include "common/base64.h"
#include "common/number_text.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>

/* Room below what has been written, of which the caller fills all; NULL: there is none, and the buffer has failed. */
static char *take(struct otel__buffer *out, size_t size) {
    if (!otel__buffer_reserve(out, size))
        return NULL;
    out->cursor -= size;
    return (char *)out->cursor;
}

static void put(struct otel__buffer *out, const char *text, size_t len) {
    char *p = take(out, len);
    if (p)
        memcpy(p, text, len);
}

static void put_char(struct otel__buffer *out, char c) { put(out, &c, 1); }

/* Between what is written next and what stands behind it. */
static void separate(struct otel__buffer *out) {
    if (out->status == OTEL_OK && otel__buffer_length(out) > 0 && *out->cursor != '}' && *out->cursor != ']' &&
        *out->cursor != '\n')
        put_char(out, ',');
}

void otel__json_end(struct otel__buffer *out, char end) {
    separate(out);
    put_char(out, end);
}

void otel__json_begin(struct otel__buffer *out, char begin) { put_char(out, begin); }

void otel__json_line_end(struct otel__buffer *out) { put_char(out, '\n'); }

void otel__json_key(struct otel__buffer *out, const char *key) {
    put(out, "\":", 2);
    put(out, key, strlen(key));
    put_char(out, '"');
}

void otel__json_literal(struct otel__buffer *out, const char *text) {
    separate(out);
    put(out, text, strlen(text));
}

void otel__json_uint(struct otel__buffer *out, uint64_t number) {
    char text[32];
    snprintf(text, sizeof text, "%" PRIu64, number);
    otel__json_literal(out, text);
}

void otel__json_uint64(struct otel__buffer *out, uint64_t number) {
    char text[32];
    snprintf(text, sizeof text, "\"%" PRIu64 "\"", number);
    otel__json_literal(out, text);
}

void otel__json_int64(struct otel__buffer *out, int64_t number) {
    char text[32];
    snprintf(text, sizeof text, "\"%" PRId64 "\"", number);
    otel__json_literal(out, text);
}

void otel__json_double(struct otel__buffer *out, double number) {
    char text[OTEL__NUMBER_TEXT];
    otel__number_text(number, text);
    if (isfinite(number))
        otel__json_literal(out, text);
    else
        otel__json_string(out, otel_cstr(text));
}

/* What the text takes between its quotes. */
static size_t escaped_size(otel_str text) {
    char piece[OTEL__ESCAPE_MAX];
    size_t size = 0;
    for (size_t used; text.len > 0; text.ptr += used, text.len -= used)
        size += otel__escape_json_step(text, piece, &used);
    return size;
}

static void put_string(struct otel__buffer *out, otel_str text) {
    char *p = take(out, escaped_size(text) + 2);
    if (!p)
        return;
    *p++ = '"';
    for (size_t used; text.len > 0; text.ptr += used, text.len -= used) {
        char piece[OTEL__ESCAPE_MAX]; /* the step may write more than it says */
        const size_t len = otel__escape_json_step(text, piece, &used);
        memcpy(p, piece, len);
        p += len;
    }
    *p = '"';
}

void otel__json_string(struct otel__buffer *out, otel_str text) {
    separate(out);
    put_string(out, text);
}

void otel__json_key_text(struct otel__buffer *out, otel_str key) {
    put_char(out, ':');
    put_string(out, key);
}

void otel__json_hex(struct otel__buffer *out, const uint8_t *bytes, size_t len) {
    static const char digits[] = "0123456789abcdef";
    separate(out);
    char *p = take(out, 2 * len + 2);
    if (!p)
        return;
    *p++ = '"';
    for (size_t i = 0; i < len; i++) {
        *p++ = digits[bytes[i] >> 4];
        *p++ = digits[bytes[i] & 15];
    }
    *p = '"';
}

void otel__json_base64(struct otel__buffer *out, const void *bytes, size_t len) {
    const unsigned char *from = bytes;
    separate(out);
    char *p = take(out, otel__base64_size(len) + 2);
    if (!p)
        return;
    *p++ = '"';
    for (size_t i = 0; i < len; i += 3, p += 4)
        otel__base64_four(from + i, len - i, p);
    *p = '"';
}
