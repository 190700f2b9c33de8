/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utf8.c - see utf8.h. Nearly all text is ASCII, so that is skipped eight bytes at a time.
 */
#include "utf8.h"

#include <stdint.h>
#include <string.h>

static size_t ascii_prefix(const char *text, size_t len) {
    size_t i = 0;
    for (; len - i >= 8; i += 8) {
        uint64_t word;
        memcpy(&word, text + i, 8);
        if (word & UINT64_C(0x8080808080808080))
            break;
    }
    while (i < len && (unsigned char)text[i] < 0x80)
        i++;
    return i;
}

/* The last word overlaps the one before, so that no odd bytes are left over. */
static bool is_ascii(const char *text, size_t len) {
    uint64_t all = 0;
    uint64_t word;
    if (len < sizeof word)
        return ascii_prefix(text, len) == len;
    for (size_t i = 0; i + sizeof word < len; i += sizeof word) {
        memcpy(&word, text + i, sizeof word);
        all |= word;
    }
    memcpy(&word, text + len - sizeof word, sizeof word);
    return ((all | word) & UINT64_C(0x8080808080808080)) == 0;
}

bool otel__utf8_valid(const char *text, size_t len) {
    if (is_ascii(text, len))
        return true;
    for (size_t i = 0; i < len;) {
        i += ascii_prefix(text + i, len - i);
        if (i == len)
            break;
        size_t size = otel__utf8_char(text + i, len - i);
        if (!size)
            return false;
        i += size;
    }
    return true;
}

size_t otel__utf8_prefix(const char *text, size_t len, size_t characters) {
    size_t used = 0;
    for (; characters > 0 && used < len; characters--) {
        const size_t size = otel__utf8_char(text + used, len - used);
        used += size ? size : 1;
    }
    return used;
}

size_t otel__utf8_repair(const char *in, size_t len, char *out, size_t cap) {
    size_t needed = 0;
    bool fits = true;
    for (size_t i = 0; i < len;) {
        size_t size = otel__utf8_char(in + i, len - i);
        const char *from = size ? in + i : "\xef\xbf\xbd";
        size_t bytes = size ? size : 3;
        fits = fits && bytes <= cap - needed;
        if (fits)
            memcpy(out + needed, from, bytes);
        needed += bytes;
        i += size ? size : 1;
    }
    return needed;
}
