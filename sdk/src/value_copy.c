/* SPDX-License-Identifier: Apache-2.0 */
/* value_copy.c - see value_copy.h. */
#include "value_copy.h"

#include "base/utf8.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 8, DIGITS = 24 };
/*
 * Bytes of one text or value; what claims to have more is a mistake, and its size might not even be a number that
 * exists.
 */
#define LONGEST (UINT32_C(4) << 20)

static size_t aligned(size_t size) { return (size + ALIGN - 1) & ~(size_t)(ALIGN - 1); }

static void *reserve(char **room, size_t size) {
    char *p = *room;
    *room += aligned(size);
    return p;
}

static bool is_text(otel_str text) { return text.ptr && text.len != 0 && text.len <= LONGEST; }

size_t otel__str_copy_size(otel_str text) {
    return is_text(text) ? aligned(otel__utf8_repair(text.ptr, text.len, NULL, 0)) : 0;
}

otel_str otel__str_copy(otel_str text, char **room) {
    if (!is_text(text))
        return otel_strn(NULL, 0);
    const size_t len = otel__utf8_repair(text.ptr, text.len, *room, SIZE_MAX);
    return otel_strn(reserve(room, len), len);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static size_t element_size(otel_type type) {
    switch (type) {
    case OTEL_TYPE_STRING:
    case OTEL_TYPE_BYTES:
    case OTEL_TYPE_BOOLS:
        return 1;
    case OTEL_TYPE_INTS:
    case OTEL_TYPE_DOUBLES:
        return sizeof(int64_t);
    case OTEL_TYPE_STRINGS:
        return sizeof(otel_str);
    default:
        return 0;
    }
}

/* Of a type with elements: whether it has those that it claims to have. */
static bool has_elements(const otel_value *value) {
    const size_t element = element_size(value->type);
    return element != 0 && value->len <= LONGEST / element && (value->u.p || value->len == 0);
}

static size_t value_size(const otel_value *value) {
    if (value->type == OTEL_TYPE_UINT)
        return DIGITS;
    if (!has_elements(value))
        return 0;
    size_t size = aligned(value->len * element_size(value->type));
    if (value->type == OTEL_TYPE_STRINGS)
        for (size_t i = 0; i < value->len; i++)
            size += otel__str_copy_size(((const otel_str *)value->u.p)[i]);
    return size;
}

static otel_value copy_strings(const otel_value *value, char **room) {
    const otel_str *from = value->u.p;
    otel_str *to = reserve(room, value->len * sizeof *to);
    for (size_t i = 0; i < value->len; i++)
        to[i] = otel__str_copy(from[i], room);
    return otel_strings(to, value->len);
}

/* Whatever bytes the caller's pointer led to: 0 or 1. */
static otel_value copy_bools(const otel_value *value, char **room) {
    const char *from = value->u.p;
    char *to = reserve(room, value->len);
    for (size_t i = 0; i < value->len; i++)
        to[i] = from[i] != 0;
    return otel__pointed(OTEL_TYPE_BOOLS, to, value->len);
}

static otel_value copy_digits(const otel_value *value, char **room) {
    char *digits = reserve(room, DIGITS);
    const int len = snprintf(digits, DIGITS, "%" PRIu64, (uint64_t)value->u.i);
    return otel_stringn(digits, (size_t)len);
}

static otel_value copy_value(const otel_value *value, char **room) {
    const size_t element = element_size(value->type);
    if (value->type == OTEL_TYPE_UINT)
        return copy_digits(value, room);
    if (value->type == OTEL_TYPE_BOOL)
        return otel_bool(value->u.i != 0);
    if (value->type == OTEL_TYPE_INT || value->type == OTEL_TYPE_DOUBLE)
        return *value;
    if (!has_elements(value))
        return otel_none();
    if (value->type == OTEL_TYPE_STRINGS)
        return copy_strings(value, room);
    if (value->type == OTEL_TYPE_BOOLS)
        return copy_bools(value, room);
    otel_value copy = *value;
    if (value->type == OTEL_TYPE_STRING && !otel__utf8_valid(value->u.p, value->len))
        copy.type = OTEL_TYPE_BYTES;
    if (value->len) {
        void *bytes = reserve(room, value->len * element);
        memcpy(bytes, value->u.p, value->len * element);
        copy.u.p = bytes;
    }
    return copy;
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

size_t otel__attrs_copy_size(otel_attrs attrs) {
    if (!attrs.items)
        return 0;
    size_t size = attrs.count * sizeof(otel_attr);
    for (size_t i = 0; i < attrs.count; i++)
        size += otel__str_copy_size(attrs.items[i].key) + value_size(&attrs.items[i].value);
    return size;
}

static bool same_bytes(const void *a, const void *b, size_t size) { return size == 0 || memcmp(a, b, size) == 0; }

static bool same_str(otel_str a, otel_str b) { return a.len == b.len && same_bytes(a.ptr, b.ptr, a.len); }

static const otel_attr *find(const otel_attr *items, size_t count, otel_str key) {
    for (size_t i = 0; i < count; i++)
        if (same_str(items[i].key, key))
            return &items[i];
    return NULL;
}

otel_attrs otel__attrs_copy(otel_attrs attrs, char **room) {
    otel_attrs copy = { .items = NULL, .count = 0 };
    if (!attrs.items || attrs.count == 0)
        return copy;
    otel_attr *items = reserve(room, attrs.count * sizeof *items);
    for (size_t i = 0; i < attrs.count; i++) {
        const otel_str key = otel__str_copy(attrs.items[i].key, room);
        if (key.len == 0)
            continue;
        const otel_attr *same = find(items, copy.count, key);
        otel_attr *attr = &items[same ? (size_t)(same - items) : copy.count++];
        attr->key = key;
        attr->value = copy_value(&attrs.items[i].value, room);
    }
    copy.items = items;
    return copy;
}

uint32_t otel__attrs_copy_drops(otel_attrs attrs) {
    uint32_t drops = 0;
    for (size_t i = 0; attrs.items && i < attrs.count; i++)
        drops += !is_text(attrs.items[i].key);
    return drops;
}

static bool same_value(const otel_value *a, const otel_value *b) {
    if (a->type != b->type || a->len != b->len)
        return false;
    const size_t element = element_size(a->type);
    if (element == 0)
        return a->type == OTEL_TYPE_NONE || a->u.i == b->u.i;
    if (a->type != OTEL_TYPE_STRINGS)
        return same_bytes(a->u.p, b->u.p, a->len * element);
    const otel_str *x = a->u.p;
    const otel_str *y = b->u.p;
    for (size_t i = 0; i < a->len; i++)
        if (!same_str(x[i], y[i]))
            return false;
    return true;
}

/* Both are copies, so keys are unique: equal counts and every item of one in the other mean equal sets. */
static bool same_sets(otel_attrs a, otel_attrs b) {
    if (a.count != b.count)
        return false;
    for (size_t i = 0; i < a.count; i++) {
        const otel_attr *other = find(b.items, b.count, a.items[i].key);
        if (!other || !same_value(&a.items[i].value, &other->value))
            return false;
    }
    return true;
}

bool otel__attrs_equal(otel_attrs copy, otel_attrs attrs) {
    const size_t size = otel__attrs_copy_size(attrs);
    if (size == 0)
        return copy.count == 0;
    char *block = malloc(size);
    if (!block)
        return false;
    char *room = block;
    const bool equal = same_sets(copy, otel__attrs_copy(attrs, &room));
    free(block);
    return equal;
}
