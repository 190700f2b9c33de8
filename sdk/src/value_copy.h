/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_copy.h - copies of strings and attributes that outlive the caller's, in one block: measure, allocate, copy.
 *
 * The copies are what exporters may see: text is repaired to valid UTF-8, a string value that is not UTF-8 becomes
 * bytes, unsigned integers become decimal text, keys are unique (the last value wins) and non-empty.
 */
#ifndef OTEL_SDK_VALUE_COPY_H
#define OTEL_SDK_VALUE_COPY_H

#include <otel/types.h>

/* Bytes that the copy takes at most, and the copy, placed at `*room`, which moves behind it. */
size_t otel__str_copy_size(otel_str text);
otel_str otel__str_copy(otel_str text, char **room);
size_t otel__attrs_copy_size(otel_attrs attrs);
otel_attrs otel__attrs_copy(otel_attrs attrs, char **room);
/* How many attributes the copy leaves out, since they have no key that can be. */
uint32_t otel__attrs_copy_drops(otel_attrs attrs);

/* Of strings and byte arrays, also inside of arrays and maps: characters or bytes; depth of arrays and maps. */
struct otel__value_limits {
    size_t length;
    unsigned depth;
};
/* How deep arrays and maps may be in each other: the exporters follow no further. */
enum { OTEL__DEPTH_MAX = 64 };

/* How many bytes of a string or byte array there may be: a character is never split. */
size_t otel__value_cut(otel_type type, const void *bytes, size_t len, size_t limit);
/* Bytes of the copy of an array or map, at most; SIZE_MAX: more than may be. */
size_t otel__list_copy_size(const otel_value *list, const struct otel__value_limits *limits);
/* The copy, cut where it passes the limits: what is too deep is empty. */
otel_value otel__list_copy(const otel_value *list, const struct otel__value_limits *limits, char **room);

/* Whether `copy`, made by otel__attrs_copy(), is what a copy of `attrs` would be. */
bool otel__attrs_equal(otel_attrs copy, otel_attrs attrs);

#endif
