/* SPDX-License-Identifier: Apache-2.0 */
/* roundtrip_text.c - see roundtrip_text.h. */
#include "roundtrip_text.h"

/* Bytes of the character at the start of `text`; 0: there is none. */
static size_t character(const unsigned char *text, size_t len) {
    static const uint32_t smallest[] = { 0, 0, 0x80, 0x800, 0x10000 };
    size_t size = text[0] < 0x80 ? 1 : text[0] >> 5 == 6 ? 2 : text[0] >> 4 == 14 ? 3 : text[0] >> 3 == 30 ? 4 : 0;
    if (size < 2 || size > len)
        return size > len ? 0 : size;
    uint32_t code = text[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if (text[i] >> 6 != 2)
            return 0;
        code = code << 6 | (text[i] & 0x3fu);
    }
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    return code < smallest[size] || surrogate || code > 0x10ffff ? 0 : size;
}

bool roundtrip_is_utf8(otel_str text) {
    for (size_t i = 0; i < text.len;) {
        size_t size = character((const unsigned char *)text.ptr + i, text.len - i);
        if (size == 0)
            return false;
        i += size;
    }
    return true;
}

otel_str roundtrip_repaired(struct roundtrip_pool *pool, otel_str text) {
    if (!text.ptr || roundtrip_is_utf8(text))
        return otel_strn(text.ptr, text.len);
    size_t filled = 0;
    char *out = roundtrip_make(pool, 3 * text.len);
    for (size_t i = 0; i < text.len;) {
        size_t size = character((const unsigned char *)text.ptr + i, text.len - i);
        memcpy(out + filled, size > 0 ? text.ptr + i : "\xef\xbf\xbd", size > 0 ? size : 3);
        filled += size > 0 ? size : 3;
        i += size > 0 ? size : 1;
    }
    return otel_strn(out, filled);
}
