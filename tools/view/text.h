/* SPDX-License-Identifier: Apache-2.0 */
/* Received text, made safe to show. What arrives may hold any bytes; what leaves here moves no terminal's cursor, is
 * valid UTF-8 (or ASCII), and keeps to the columns it was given. */
#ifndef VIEW_TEXT_H
#define VIEW_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The code point at the front of the text and the length of its encoding; U+FFFD and 1 for a byte that begins no
 * well-formed sequence. `len` is at least 1. */
size_t view_utf8_next(const uint8_t *text, size_t len, uint32_t *code_point);

/* A malloc'd copy with U+FFFD for each ill-formed byte; NULL when out of memory. */
char *view_utf8_repair(const uint8_t *text, size_t len, size_t *repaired_len);

/* Writes the text in at most `max_columns` columns and returns how many it took. Control and direction characters are
 * written as escapes, and without `utf8` everything outside ASCII; what doesn't fit is cut and ends with an ellipsis.
 */
size_t view_text_put(FILE *out, const uint8_t *text, size_t len, size_t max_columns, bool utf8);

/* The columns view_text_put would take. */
size_t view_text_columns(const uint8_t *text, size_t len, size_t max_columns, bool utf8);

#endif
