/* SPDX-License-Identifier: Apache-2.0 */
/* Small values as text: ids, durations, times, kinds. */
#ifndef VIEW_FORMAT_H
#define VIEW_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VIEW_TRACE_ID_SIZE = 16, VIEW_SPAN_ID_SIZE = 8 };

struct view_short_text {
    char text[40];
};

/* Lower-case hexadecimal; at most 16 bytes. */
struct view_short_text view_format_hex(const uint8_t *bytes, size_t len);

/* Reads exactly `len` bytes of hexadecimal in either case; false for anything else. */
bool view_parse_hex(const char *text, uint8_t *bytes, size_t len);

/* Three digits and a unit ("43.2ms", "1.20s"), from a minute on "2m03s", "5h12m", "3d04h". */
struct view_short_text view_format_duration(uint64_t nanoseconds, bool utf8);

/* Local date and time of day with milliseconds. */
struct view_short_text view_format_time(uint64_t unix_nanoseconds);

/* "SERVER"; the number when it is no kind of span. */
struct view_short_text view_format_kind(int kind);

/* "UNSET", "OK", "ERROR"; the number when it is no status code. */
struct view_short_text view_format_status(int code);

#endif
