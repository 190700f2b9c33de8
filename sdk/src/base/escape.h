/* SPDX-License-Identifier: Apache-2.0 */
/*
 * escape.h - foreign text made fit for a terminal or a log: one line, no control characters, valid UTF-8.
 */
#ifndef OTEL_SDK_ESCAPE_H
#define OTEL_SDK_ESCAPE_H

#include <otel/types.h>

/* What one step may write. */
enum { OTEL__ESCAPE_MAX = 6 };

/*
 * Writes the first character of `text`, which is not empty, to `out`, and returns how many bytes that took; `*used`
 * becomes the number of bytes of `text` it stands for. Control characters (C0, DEL, C1), line and paragraph
 * separators, characters that turn the direction of text, and bytes that are not UTF-8 become \n, \t, \xNN and so on,
 * one byte at a time; `quote` and the backslash get a backslash. `quote` 0: neither does.
 */
size_t otel__escape_step(otel_str text, char quote, char out[OTEL__ESCAPE_MAX], size_t *used);

/*
 * The same for the inside of a JSON string: what does not stay as it is becomes \n, \u001b and so on, a character at a
 * time; a byte that is not UTF-8 becomes \ufffd.
 */
size_t otel__escape_json_step(otel_str text, char out[OTEL__ESCAPE_MAX], size_t *used);

/* The whole text into `out`, NUL-terminated; text that does not fit ends in "...". */
void otel__escape(otel_str text, char *out, size_t size);

#endif
