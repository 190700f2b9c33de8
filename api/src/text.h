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

static inline bool otel__same_text(otel_str a, otel_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

#endif
