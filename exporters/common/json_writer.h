/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json_writer.h - writes JSON (RFC 8259) in one pass, from its last byte to its first, like protobuf_writer.h.
 *
 * An object is written as its end, then its members, the last one first, each as its value and then its key, and then
 * its beginning; an array likewise, of elements:
 *
 *     otel__json_end(out, '}');
 *     otel__json_string(out, text);
 *     otel__json_key(out, "name");
 *     otel__json_begin(out, '{');
 *
 * Commas come by themselves: a value gets one behind it unless an end stands there. Text is repaired where it is not
 * UTF-8, and what could move a terminal's cursor is escaped too. No locale matters.
 */
#ifndef OTEL_EXPORTERS_JSON_WRITER_H
#define OTEL_EXPORTERS_JSON_WRITER_H

#include "common/buffer.h"

#include <otel/types.h>

/* `}` or `]`, and what goes with it. */
void otel__json_end(struct otel__buffer *out, char end);
void otel__json_begin(struct otel__buffer *out, char begin);
/* The end of a line, to be written before the value that stands on it. */
void otel__json_line_end(struct otel__buffer *out);
/* The key of the value that was written last; as it is, or text that comes from somewhere. */
void otel__json_key(struct otel__buffer *out, const char *key);
void otel__json_key_text(struct otel__buffer *out, otel_str key);

/* What is JSON already, such as `true`. */
void otel__json_literal(struct otel__buffer *out, const char *text);
void otel__json_uint(struct otel__buffer *out, uint64_t number);
/* 64 bits, which not every reader's numbers can hold: in quotes. */
void otel__json_uint64(struct otel__buffer *out, uint64_t number);
void otel__json_int64(struct otel__buffer *out, int64_t number);
/* With as many digits as it takes to read the same number back; "NaN", "Infinity" and "-Infinity" in quotes. */
void otel__json_double(struct otel__buffer *out, double number);
void otel__json_string(struct otel__buffer *out, otel_str text);
void otel__json_hex(struct otel__buffer *out, const uint8_t *bytes, size_t len);
void otel__json_base64(struct otel__buffer *out, const void *bytes, size_t len);

#endif
