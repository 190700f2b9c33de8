/* SPDX-License-Identifier: Apache-2.0 */
/* line.c - see line.h. */
#include "common/line.h"

#include "base/escape.h"
#include "common/number_text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST = 1024, KEEP = 64 * 1024, MOST = 16 * 1024 * 1024 };

void otel__line_clear(struct otel__line *line) {
    if (line->capacity > KEEP)
        otel__line_free(line);
    line->len = 0;
    line->cut = false;
}

void otel__line_free(struct otel__line *line) {
    free(line->text);
    *line = (struct otel__line){ 0 };
}

static bool grow(struct otel__line *line, size_t size) {
    size_t capacity = line->capacity > 0 ? line->capacity : FIRST;
    while (capacity - line->len < size)
        capacity *= 2;
    char *text = capacity <= MOST ? realloc(line->text, capacity) : NULL;
    if (!text)
        return false;
    line->text = text;
    line->capacity = capacity;
    return true;
}

static void add(struct otel__line *line, const char *text, size_t len) {
    if (line->cut || (line->capacity - line->len < len && (len > MOST || !grow(line, len)))) {
        line->cut = true;
        return;
    }
    memcpy(line->text + line->len, text, len);
    line->len += len;
}

void otel__line_add(struct otel__line *line, const char *text) {
    if (*text)
        add(line, text, strlen(text));
}

void otel__line_format(struct otel__line *line, const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    /* NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized): false where two libraries compile a file, the second time */
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    otel__line_add(line, text);
}

void otel__line_escaped(struct otel__line *line, otel_str text, char quote) {
    const char quotes[2] = { quote, '\0' };
    otel__line_add(line, quotes);
    while (text.len > 0 && !line->cut) {
        char piece[OTEL__ESCAPE_MAX];
        size_t used, len = otel__escape_step(text, quote, piece, &used);
        add(line, piece, len);
        text.ptr += used;
        text.len -= used;
    }
    otel__line_add(line, quotes);
}

void otel__line_json(struct otel__line *line, otel_str text) {
    otel__line_add(line, "\"");
    while (text.len > 0 && !line->cut) {
        char piece[OTEL__ESCAPE_MAX];
        size_t used, len = otel__escape_json_step(text, piece, &used);
        add(line, piece, len);
        text.ptr += used;
        text.len -= used;
    }
    otel__line_add(line, "\"");
}

void otel__line_bytes(struct otel__line *line, const void *bytes, size_t len) {
    if (len > 0)
        add(line, bytes, len);
}

void otel__line_hex(struct otel__line *line, const uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len; i++)
        otel__line_format(line, "%02x", bytes[i]);
}

void otel__line_double(struct otel__line *line, double value) {
    char text[OTEL__NUMBER_TEXT];
    otel__number_text(value, text);
    otel__line_add(line, text);
}
