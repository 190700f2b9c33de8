/* SPDX-License-Identifier: Apache-2.0 */
/* text.h - what the formats of headers share: borrowed strings, and the white space around them. */
#ifndef OTEL_API_TEXT_H
#define OTEL_API_TEXT_H

#include <otel/types.h>

static inline bool otel__is_space(char c) { return c == ' ' || c == '\t'; }

/* `text` without spaces and tabs at its ends. */
static inline otel_str otel__trimmed(otel_str text) {
    while (text.len > 0 && otel__is_space(text.ptr[text.len - 1])) {
        text.len--;
    }
    while (text.len > 0 && otel__is_space(text.ptr[0])) {
        text.ptr++;
        text.len--;
    }
    return text;
}

/* `text` up to the first `c`, which is taken off with it; the whole when there is none, and then no `ptr` is left. */
static inline otel_str otel__split(otel_str *text, char c) {
    const char *at = text->len > 0 ? (const char *)memchr(text->ptr, c, text->len) : NULL;
    const size_t length = at != NULL ? (size_t)(at - text->ptr) : text->len;
    const otel_str first = { text->ptr, length };
    *text = otel_strn(at != NULL ? at + 1 : NULL, text->len - length - (at != NULL));
    return first;
}

static inline bool otel__same_text(otel_str a, otel_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline char otel__lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c; }

/* Whether both are the same but for the case of ASCII letters. */
static inline bool otel__same_name(otel_str a, otel_str b) {
    for (size_t i = 0; i < a.len && i < b.len; i++) {
        if (otel__lower(a.ptr[i]) != otel__lower(b.ptr[i])) {
            return false;
        }
    }
    return a.len == b.len;
}

#endif
