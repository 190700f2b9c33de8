/* SPDX-License-Identifier: Apache-2.0 */
/* Reads Thrift messages and structs in the compact and the binary protocol.
 *
 * The reader walks over bytes that may be hostile: what does not fit, or is no Thrift, makes it bad for good, and a bad
 * reader yields zeros, empty texts and the ends of structs, so that callers look at `bad` once, at their end. Nothing is
 * copied or allocated. */
#ifndef VIEW_THRIFT_H
#define VIEW_THRIFT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { VIEW_THRIFT_DEPTH = 32 }; /* of what is skipped */

enum view_thrift_type {
    VIEW_THRIFT_NOTHING,
    VIEW_THRIFT_BOOL,
    VIEW_THRIFT_BYTE,
    VIEW_THRIFT_DOUBLE,
    VIEW_THRIFT_I16,
    VIEW_THRIFT_I32,
    VIEW_THRIFT_I64,
    VIEW_THRIFT_STRING,
    VIEW_THRIFT_STRUCT,
    VIEW_THRIFT_LIST,
    VIEW_THRIFT_SET,
    VIEW_THRIFT_MAP
};

struct view_thrift {
    const uint8_t *at;
    const uint8_t *end;
    bool compact;
    bool bad;
    bool field_bool; /* compact: the value of a bool, which its field's head holds */
};

struct view_thrift_text {
    const char *ptr;
    size_t len;
};

/* A field of the struct that is being read; zeroed before its first one. */
struct view_thrift_field {
    enum view_thrift_type type;
    int id;
};

/* The protocol of a message, by its first byte; false when it is none of the two. */
bool view_thrift_begin(struct view_thrift *reader, const uint8_t *bytes, size_t len);
/* A message's head. */
struct view_thrift_text view_thrift_message(struct view_thrift *reader, int *kind, uint32_t *sequence);

/* The next field; false at the struct's end. Its value must be read, or skipped, before the next. */
bool view_thrift_next(struct view_thrift *reader, struct view_thrift_field *field);
void view_thrift_skip(struct view_thrift *reader, enum view_thrift_type type);

bool view_thrift_bool(struct view_thrift *reader);
int64_t view_thrift_int(struct view_thrift *reader, enum view_thrift_type type);
double view_thrift_double(struct view_thrift *reader);
struct view_thrift_text view_thrift_string(struct view_thrift *reader);
/* How many elements follow, and of which type: no more than there are bytes. */
size_t view_thrift_list(struct view_thrift *reader, enum view_thrift_type *type);

#endif
