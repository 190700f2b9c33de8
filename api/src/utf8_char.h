/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utf8_char.h - one character of UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF; NUL is
 * allowed). Inline, since the libraries of the API and of the SDK both need it and neither exports it.
 */
#ifndef OTEL_API_UTF8_CHAR_H
#define OTEL_API_UTF8_CHAR_H

#include <stdbool.h>
#include <stddef.h>

static inline bool otel__utf8_in(unsigned char byte, unsigned char low, unsigned char high) {
    return byte >= low && byte <= high;
}

/* The length of the well-formed character at the start of `text`, 1 to 4; 0 when there is none. */
static inline size_t otel__utf8_char(const char *text, size_t len) {
    if (len == 0) {
        return 0;
    }
    const unsigned char *b = (const unsigned char *)text;
    if (b[0] < 0x80) {
        return 1;
    }
    /* The second byte's range is what shuts out overlong forms, surrogates and everything above U+10FFFF. */
    unsigned char low = 0x80, high = 0xbf;
    size_t size;
    if (otel__utf8_in(b[0], 0xc2, 0xdf)) {
        size = 2;
    } else if (otel__utf8_in(b[0], 0xe0, 0xef)) {
        size = 3;
        low = b[0] == 0xe0 ? 0xa0 : 0x80;
        high = b[0] == 0xed ? 0x9f : 0xbf;
    } else if (otel__utf8_in(b[0], 0xf0, 0xf4)) {
        size = 4;
        low = b[0] == 0xf0 ? 0x90 : 0x80;
        high = b[0] == 0xf4 ? 0x8f : 0xbf;
    } else {
        return 0;
    }
    if (len < size || !otel__utf8_in(b[1], low, high)) {
        return 0;
    }
    for (size_t i = 2; i < size; i++) {
        if (!otel__utf8_in(b[i], 0x80, 0xbf)) {
            return 0;
        }
    }
    return size;
}

#endif
