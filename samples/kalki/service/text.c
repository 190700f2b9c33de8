/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.c - see text.h.
 */
#include "service/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool reserve(struct text *text, size_t more) {
    if (text->failed || more >= TEXT_MAX - text->length)
        return false;
    size_t needed = text->length + more + 1;
    if (needed <= text->capacity)
        return true;
    size_t capacity = needed < 256 ? 256 : 2 * needed;
    char *bytes = realloc(text->bytes, capacity);
    if (!bytes)
        return false;
    text->bytes = bytes;
    text->capacity = capacity;
    return true;
}

bool text_add(struct text *text, const char *bytes, size_t length) {
    if (length == 0)
        return !text->failed;
    if (!reserve(text, length)) {
        text->failed = true;
        return false;
    }
    memcpy(text->bytes + text->length, bytes, length);
    text->length += length;
    text->bytes[text->length] = '\0';
    return true;
}

bool text_addf(struct text *text, const char *format, ...) {
    char *bytes = NULL;
    va_list arguments;
    va_start(arguments, format);
    int length = vasprintf(&bytes, format, arguments);
    va_end(arguments);
    if (length < 0) {
        text->failed = true;
        return false;
    }
    bool added = text_add(text, bytes, (size_t)length);
    free(bytes);
    return added;
}

/* The length of the valid UTF-8 sequence at `s`, or 0: no overlong forms, no surrogates, nothing above U+10FFFF. */
static size_t utf8_length(const unsigned char *s, size_t available) {
    static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
    if (s[0] < 0x80)
        return 1;
    size_t length = (s[0] & 0xE0) == 0xC0 ? 2 : (s[0] & 0xF0) == 0xE0 ? 3 : (s[0] & 0xF8) == 0xF0 ? 4 : 0;
    if (length == 0 || length > available)
        return 0;
    uint32_t code = s[0] & (0x7Fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3Fu);
    }
    bool surrogate = code >= 0xD800 && code <= 0xDFFF;
    return code >= smallest[length] && code <= 0x10FFFF && !surrogate ? length : 0;
}

bool text_add_json(struct text *text, const char *bytes, size_t length) {
    text_add(text, "\"", 1);
    for (size_t i = 0; i < length;) {
        const unsigned char *s = (const unsigned char *)bytes + i;
        size_t whole = utf8_length(s, length - i);
        if (whole == 0)
            text_add(text, "\\ufffd", 6);
        else if (s[0] == '"' || s[0] == '\\')
            text_addf(text, "\\%c", s[0]);
        else if (s[0] < 0x20)
            text_addf(text, "\\u%04x", s[0]);
        else
            text_add(text, bytes + i, whole);
        i += whole ? whole : 1;
    }
    return text_add(text, "\"", 1);
}

void text_free(struct text *text) {
    free(text->bytes);
    *text = (struct text){ 0 };
}
