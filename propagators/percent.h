/* SPDX-License-Identifier: Apache-2.0 */
/* percent.h - names and percent-encoded values in headers, both ways. */
#ifndef OTEL_PROPAGATORS_PERCENT_H
#define OTEL_PROPAGATORS_PERCENT_H

#include <otel/types.h>

/* A header's value as it grows. `length` goes on counting where the text no longer fits. */
enum { OTEL__HEADER_MOST = 8192 };
struct otel__header_text {
    size_t length;
    char text[OTEL__HEADER_MOST + 1];
};

#pragma GCC visibility push(hidden)
/* What the names of headers and of baggage members are made of; never empty. */
bool otel__is_token(otel_str text);
/* What the value of a baggage member may hold as it is; `%` is among it, since it begins an escape. */
bool otel__is_plain(char c);
/* Nothing but plain characters and whole escapes. */
bool otel__is_percent_coded(otel_str text);
/* The value of a hexadecimal digit of either case; 16: none. */
unsigned otel__percent_digit(char c);

void otel__header_put(struct otel__header_text *line, const char *bytes, size_t count);
/* Writes what is plain as it is, and the rest in escapes. */
void otel__header_encode(struct otel__header_text *line, otel_str text, bool (*plain)(char c));
#pragma GCC visibility pop

#endif
