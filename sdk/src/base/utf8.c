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

/* What is repaired so far: `needed` bytes, of which those that fit are in [out, out + cap). */
struct repaired {
    char *out;
    size_t cap, needed;
    bool full;
};

static void append(struct repaired *r, const char *bytes, size_t count, bool whole) {
    const size_t room = r->full ? 0 : r->cap - r->needed;
    const size_t fits = count <= room ? count : whole ? 0 : room;
    if (fits)
        memcpy(r->out + r->needed, bytes, fits);
    r->full = r->full || fits < count;
    r->needed += count;
}

size_t otel__utf8_repair(const char *in, size_t len, char *out, size_t cap) {
    struct repaired repaired = { .out = out, .cap = cap };
    for (size_t i = 0; i < len;) {
        const size_t plain = ascii_prefix(in + i, len - i);
        append(&repaired, in + i, plain, false);
        i += plain;
        if (i == len)
            break;
        const size_t size = otel__utf8_char(in + i, len - i);
        append(&repaired, size ? in + i : "\xef\xbf\xbd", size ? size : 3, true);
        i += size ? size : 1;
    }
    return repaired.needed;
}
