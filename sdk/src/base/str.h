/* SPDX-License-Identifier: Apache-2.0 */
/*
 * str.h - reading text that people wrote: ASCII only, and the same in every locale of the process.
 */
#ifndef OTEL_SDK_STR_H
#define OTEL_SDK_STR_H

#include <otel/types.h>

/* Without the spaces and tabs around it. */
otel_str otel__str_trim(otel_str text);
/*
 * Cuts the text up to `separator` off the front of `*rest` into `*item`; false when `*rest` is used up: its ptr NULL.
 */
bool otel__str_next(otel_str *rest, char separator, otel_str *item);
/* Whether both are the same, byte by byte. */
bool otel__str_same(otel_str a, otel_str b);
/* Whether `text` is `word`, which is lowercase, in any case. */
bool otel__str_is(otel_str text, const char *word);
/* Whether `c` is among `characters`, or each character of the text is; NUL never is. */
bool otel__str_char_in(char c, const char *characters);
bool otel__str_all_in(otel_str text, const char *characters);

/* The whole of `text` as a decimal whole number; false when it is not one or does not fit. */
bool otel__str_to_int(otel_str text, int64_t *out);
/* The whole of `text` as a decimal number, such as 0.25 or 1e-3; false for anything else, infinities and NaN, too. */
bool otel__str_to_double(otel_str text, double *out);
/*
 * Writes `value`, which is finite, without an exponent, with at least six decimals and as many as it takes to read the
 * same value back. `out` has room for OTEL__DOUBLE_TEXT bytes.
 */
#define OTEL__DOUBLE_TEXT 352
void otel__double_text(double value, char *out);

/* Decodes %XX into `out`, which has room for text.len bytes; false when an escape is incomplete or not hexadecimal. */
bool otel__str_percent_decode(otel_str text, char *out, size_t *len);

#endif
