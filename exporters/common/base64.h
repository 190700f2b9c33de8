/* SPDX-License-Identifier: Apache-2.0 */
/* base64.h - bytes as text (RFC 4648, section 4: the usual alphabet, with padding). */
#ifndef OTEL_EXPORTERS_BASE64_H
#define OTEL_EXPORTERS_BASE64_H

#include <stddef.h>

static inline size_t otel__base64_size(size_t len) { return len / 3 * 4 + (len % 3 ? 4 : 0); }

/* The four characters for the next three bytes, of which `left`, at least one, are there. */
static inline void otel__base64_four(const unsigned char *bytes, size_t left, char out[4]) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned bits =
        (unsigned)bytes[0] << 16 | (left > 1 ? (unsigned)bytes[1] << 8 : 0u) | (left > 2 ? (unsigned)bytes[2] : 0u);
    out[0] = digits[bits >> 18];
    out[1] = digits[bits >> 12 & 63];
    out[2] = left > 1 ? digits[bits >> 6 & 63] : '=';
    out[3] = left > 2 ? digits[bits & 63] : '=';
}

#endif
