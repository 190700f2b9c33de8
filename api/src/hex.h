/* SPDX-License-Identifier: Apache-2.0 */
/* hex.h - lowercase hexadecimal text, both ways. */
#ifndef OTEL_API_HEX_H
#define OTEL_API_HEX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The value of a lowercase digit; 16: none. */
static inline unsigned otel__hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10u : 16u;
}

#pragma GCC visibility push(hidden)
/* Writes 2 * `count` digits and no NUL. */
void otel__hex_write(char *text, const uint8_t *bytes, size_t count);
/* Reads 2 * `count` digits; false when one is no digit or uppercase. */
bool otel__hex_read(uint8_t *bytes, const char *text, size_t count);
#pragma GCC visibility pop

#endif
