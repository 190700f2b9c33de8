/* SPDX-License-Identifier: Apache-2.0 */
/*
 * thrift_writer.h - writes Thrift structs in either of its protocols, compact and binary, from their last byte to their
 * first.
 *
 * Fields, elements and the head of a message are written in the reverse of the order in which they are to stand: first a
 * struct's stop, then its fields, the last one first; first a list's elements, the last one first, then its head. A field
 * is its value and then its head, which names the field before it, since the compact protocol writes the difference of
 * the two:
 *
 *     otel__thrift_stop(w);
 *     otel__thrift_i64_field(w, 1, 2, value);          field 2, which follows field 1
 *     otel__thrift_string_field(w, 0, 1, text, len);   field 1, the first one
 *
 * Nothing is written past the limit of the buffer, whose status says so (buffer.h).
 */
#ifndef OTEL_EXPORTERS_THRIFT_WRITER_H
#define OTEL_EXPORTERS_THRIFT_WRITER_H

#include "common/buffer.h"

struct otel__thrift {
    struct otel__buffer *out;
    bool compact; /* rather than binary */
};

enum otel__thrift_type {
    OTEL__THRIFT_BOOL,
    OTEL__THRIFT_I32,
    OTEL__THRIFT_I64,
    OTEL__THRIFT_DOUBLE,
    OTEL__THRIFT_STRING, /* and binary */
    OTEL__THRIFT_STRUCT,
    OTEL__THRIFT_LIST
};

/* The kinds of messages. */
enum { OTEL__THRIFT_CALL = 1, OTEL__THRIFT_ONEWAY = 4 };

/* The end of a struct: written first. */
void otel__thrift_stop(struct otel__thrift *w);
/* In front of a value that was written just now: it becomes field `id`, which follows field `before` (0: none). */
void otel__thrift_field(struct otel__thrift *w, enum otel__thrift_type type, int before, int id);
/* In front of `count` elements. */
void otel__thrift_list(struct otel__thrift *w, enum otel__thrift_type type, size_t count);
/* In front of a message's struct of arguments. */
void otel__thrift_message(struct otel__thrift *w, int kind, const char *method, uint32_t sequence);

/* Whole fields. */
void otel__thrift_bool_field(struct otel__thrift *w, int before, int id, bool value);
void otel__thrift_i32_field(struct otel__thrift *w, int before, int id, int32_t value);
void otel__thrift_i64_field(struct otel__thrift *w, int before, int id, int64_t value);
void otel__thrift_double_field(struct otel__thrift *w, int before, int id, double value);
/* `bytes` may be NULL when `len` is 0. */
void otel__thrift_string_field(struct otel__thrift *w, int before, int id, const void *bytes, size_t len);

#endif
