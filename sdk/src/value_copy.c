/* SPDX-License-Identifier: Apache-2.0 */
/* value_copy.c - see value_copy.h. */
#include "value_copy.h"

#include "base/utf8.h"
#include "text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 8, DIGITS = 24 };
/* Keys that are compared one by one; more are found by their hashes. */
enum { FEW = 16 };
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
        return otel_strn(text.ptr ? "" : NULL, 0);
    const size_t len = otel__utf8_repair(text.ptr, text.len, *room, SIZE_MAX);
    return otel_strn(reserve(room, len), len);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* Resources and scopes have no limits but that of depth. */
static const struct otel__value_limits unlimited = { SIZE_MAX, OTEL__DEPTH_MAX };

/* Looks at no more than may be kept, since a wrong length may be any. */
size_t otel__value_cut(otel_type type, const void *bytes, size_t len, size_t limit) {
    if (len <= limit)
        return len;
    const size_t prefix = type == OTEL_TYPE_STRING ? otel__utf8_prefix(bytes, len, limit) : limit;
    return prefix > limit && !otel__utf8_valid(bytes, prefix) ? limit : prefix;
}

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
    case OTEL_TYPE_ARRAY:
        return sizeof(otel_value);
    case OTEL_TYPE_MAP:
        return sizeof(otel_attr);
    default:
        return 0;
    }
}

static bool is_nested(otel_type type) { return type == OTEL_TYPE_ARRAY || type == OTEL_TYPE_MAP; }

static bool is_list(otel_type type) { return type >= OTEL_TYPE_STRINGS && type <= OTEL_TYPE_MAP; }

static bool is_cut(otel_type type) { return type == OTEL_TYPE_STRING || type == OTEL_TYPE_BYTES; }

/* Of a type with elements: whether it has those that it claims to have. */
static bool has_elements(const otel_value *value, const struct otel__value_limits *limits) {
    const size_t element = element_size(value->type);
    if (element == 0 || (!value->u.p && value->len))
        return false;
    const size_t len = is_cut(value->type) && value->len > limits->length ? limits->length : value->len;
    return len <= LONGEST / element;
}

/* Empty: that has no elements, or lies too deep. */
static bool is_empty(const otel_value *value, const struct otel__value_limits *limits, unsigned depth) {
    return !has_elements(value, limits) || (is_list(value->type) && depth > limits->depth);
}

/* An element of an array of strings. */
static otel_str cut_text(otel_str text, const struct otel__value_limits *limits) {
    if (text.ptr && text.len > limits->length)
        text.len = otel__utf8_prefix(text.ptr, text.len, limits->length);
    return text;
}

/* `*total` is how many bytes the copy takes so far; false when they are too many. */
static bool take_bytes(size_t *total, size_t size) {
    *total += aligned(size);
    return *total <= LONGEST;
}

/* Of the table that finds the keys of a list of so many entries. */
static size_t table_size(size_t count) { return count > FEW ? 2 * count * sizeof(uint32_t) : 0; }

static bool measure(const otel_value *value, const struct otel__value_limits *limits, unsigned depth, size_t *total);

static bool measure_strings(const otel_value *value, const struct otel__value_limits *limits, size_t *total) {
    const otel_str *strings = value->u.p;
    for (size_t i = 0; i < value->len; i++)
        if (!take_bytes(total, otel__str_copy_size(cut_text(strings[i], limits))))
            return false;
    return true;
}

/* Lists that hold themselves, or claim to be large, end at the first of the two bounds. */
static bool measure_nested(const otel_value *list, const struct otel__value_limits *limits, unsigned depth,
                           size_t *total) {
    const bool map = list->type == OTEL_TYPE_MAP;
    for (size_t i = 0; i < list->len; i++) {
        const otel_attr *attr = map ? &((const otel_attr *)list->u.p)[i] : NULL;
        const otel_value *value = map ? &attr->value : &((const otel_value *)list->u.p)[i];
        if ((map && !take_bytes(total, otel__str_copy_size(attr->key))) || !measure(value, limits, depth + 1, total))
            return false;
    }
    return true;
}

static bool measure(const otel_value *value, const struct otel__value_limits *limits, unsigned depth, size_t *total) {
    if (value->type == OTEL_TYPE_UINT)
        return take_bytes(total, DIGITS);
    if (is_empty(value, limits, depth))
        return true;
    const size_t kept =
        is_cut(value->type) ? otel__value_cut(value->type, value->u.p, value->len, limits->length) : value->len;
    const size_t table = value->type == OTEL_TYPE_MAP ? table_size(value->len) : 0;
    if (!take_bytes(total, kept * element_size(value->type) + table))
        return false;
    if (value->type == OTEL_TYPE_STRINGS)
        return measure_strings(value, limits, total);
    return !is_nested(value->type) || measure_nested(value, limits, depth, total);
}

static size_t value_size(const otel_value *value) {
    size_t size = 0;
    return measure(value, &unlimited, 1, &size) ? size : 0;
}

static bool is_small(const otel_value *value, const struct otel__value_limits *limits) {
    size_t size = 0;
    return measure(value, limits, 1, &size);
}

static otel_value copy_strings(const otel_value *value, const struct otel__value_limits *limits, char **room) {
    const otel_str *from = value->u.p;
    otel_str *to = reserve(room, value->len * sizeof *to);
    for (size_t i = 0; i < value->len; i++)
        to[i] = otel__str_copy(cut_text(from[i], limits), room);
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

/* Strings, byte arrays and numbers, as they lie there. */
static otel_value copy_flat(const otel_value *value, const struct otel__value_limits *limits, char **room) {
    otel_value copy = *value;
    if (is_cut(value->type))
        copy.len = otel__value_cut(value->type, value->u.p, value->len, limits->length);
    if (value->type == OTEL_TYPE_STRING && !otel__utf8_valid(value->u.p, copy.len))
        copy.type = OTEL_TYPE_BYTES;
    if (copy.len) {
        const size_t size = copy.len * element_size(value->type);
        copy.u.p = memcpy(reserve(room, size), value->u.p, size);
    }
    return copy;
}

static otel_value copy_nested(const otel_value *list, const struct otel__value_limits *limits, unsigned depth,
                              char **room);

/* Of a value that measure() found to be small enough. */
static otel_value copy_value(const otel_value *value, const struct otel__value_limits *limits, unsigned depth,
                             char **room) {
    if (value->type == OTEL_TYPE_UINT)
        return copy_digits(value, room);
    if (value->type == OTEL_TYPE_BOOL)
        return otel_bool(value->u.i != 0);
    if (value->type == OTEL_TYPE_INT || value->type == OTEL_TYPE_DOUBLE)
        return *value;
    if (is_empty(value, limits, depth))
        return otel_none();
    if (value->type == OTEL_TYPE_STRINGS)
        return copy_strings(value, limits, room);
    if (value->type == OTEL_TYPE_BOOLS)
        return copy_bools(value, room);
    return is_nested(value->type) ? copy_nested(value, limits, depth, room) : copy_flat(value, limits, room);
}

/* ---- lists ------------------------------------------------------------------------------------------------------- */

size_t otel__attrs_copy_size(otel_attrs attrs) {
    if (!attrs.items)
        return 0;
    size_t size = attrs.count * sizeof(otel_attr) + table_size(attrs.count);
    for (size_t i = 0; i < attrs.count; i++)
        size += otel__str_copy_size(attrs.items[i].key) + value_size(&attrs.items[i].value);
    return size;
}

static bool same_bytes(const void *a, const void *b, size_t size) { return size == 0 || memcmp(a, b, size) == 0; }

static const otel_attr *find(const otel_attr *items, size_t count, otel_str key) {
    for (size_t i = 0; i < count; i++)
        if (otel__same_text(items[i].key, key))
            return &items[i];
    return NULL;
}

/* A list of different keys as it grows. Its table, if it has one, holds places in it, counted from 1. */
struct keys {
    otel_attr *items;
    size_t count;
    uint32_t *table;
    size_t table_count;
};

static struct keys make_keys(size_t most, char **room) {
    struct keys keys = { .items = reserve(room, most * sizeof *keys.items) };
    keys.table_count = table_size(most) / sizeof *keys.table;
    if (keys.table_count)
        keys.table = memset(reserve(room, table_size(most)), 0, table_size(most));
    return keys;
}

static uint32_t hash(otel_str key) {
    uint32_t hash = UINT32_C(2166136261);
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.ptr[i]) * UINT32_C(16777619);
    return hash;
}

static otel_attr *append(struct keys *keys, otel_str key) {
    keys->items[keys->count].key = key;
    return &keys->items[keys->count++];
}

/* The attribute of this key, which may be new. Half of the table stays free, so that searches are short. */
static otel_attr *enter(struct keys *keys, otel_str key) {
    if (!keys->table) {
        const otel_attr *same = find(keys->items, keys->count, key);
        return same ? &keys->items[same - keys->items] : append(keys, key);
    }
    size_t i = (size_t)((uint64_t)hash(key) * keys->table_count >> 32);
    for (; keys->table[i]; i = (i + 1) % keys->table_count)
        if (otel__same_text(keys->items[keys->table[i] - 1].key, key))
            return &keys->items[keys->table[i] - 1];
    otel_attr *added = append(keys, key);
    keys->table[i] = (uint32_t)keys->count;
    return added;
}

static otel_attrs copy_attrs(otel_attrs attrs, const struct otel__value_limits *limits, unsigned depth, char **room) {
    if (!attrs.items || attrs.count == 0)
        return (otel_attrs){ .items = NULL, .count = 0 };
    struct keys keys = make_keys(attrs.count, room);
    for (size_t i = 0; i < attrs.count; i++) {
        const otel_str key = otel__str_copy(attrs.items[i].key, room);
        if (key.len == 0)
            continue;
        otel_attr *attr = enter(&keys, key);
        /* A list of attributes has not been measured as a whole. */
        const bool fits = depth > 1 || is_small(&attrs.items[i].value, limits);
        attr->value = fits ? copy_value(&attrs.items[i].value, limits, depth, room) : otel_none();
    }
    return (otel_attrs){ .items = keys.items, .count = keys.count };
}

static otel_value copy_nested(const otel_value *list, const struct otel__value_limits *limits, unsigned depth,
                              char **room) {
    if (list->type == OTEL_TYPE_MAP)
        return otel_map(copy_attrs((otel_attrs){ list->u.p, list->len }, limits, depth + 1, room));
    const otel_value *from = list->u.p;
    otel_value *to = reserve(room, list->len * sizeof *to);
    for (size_t i = 0; i < list->len; i++)
        to[i] = copy_value(&from[i], limits, depth + 1, room);
    return otel_array(to, list->len);
}

size_t otel__list_copy_size(const otel_value *list, const struct otel__value_limits *limits) {
    size_t size = 0;
    return measure(list, limits, 1, &size) ? size : SIZE_MAX;
}

otel_value otel__list_copy(const otel_value *list, const struct otel__value_limits *limits, char **room) {
    return copy_value(list, limits, 1, room);
}

otel_attrs otel__attrs_copy(otel_attrs attrs, char **room) { return copy_attrs(attrs, &unlimited, 1, room); }

uint32_t otel__attrs_copy_drops(otel_attrs attrs) {
    uint32_t drops = 0;
    for (size_t i = 0; attrs.items && i < attrs.count; i++)
        drops += !is_text(attrs.items[i].key);
    return drops;
}

static bool same_sets(otel_attrs a, otel_attrs b);

static bool same_value(const otel_value *a, const otel_value *b) {
    if (a->type != b->type || a->len != b->len)
        return false;
    const size_t element = element_size(a->type);
    if (element == 0)
        return a->type == OTEL_TYPE_NONE || a->u.i == b->u.i;
    if (a->type == OTEL_TYPE_MAP)
        return same_sets((otel_attrs){ a->u.p, a->len }, (otel_attrs){ b->u.p, b->len });
    if (a->type != OTEL_TYPE_STRINGS && a->type != OTEL_TYPE_ARRAY)
        return same_bytes(a->u.p, b->u.p, a->len * element);
    for (size_t i = 0; i < a->len; i++)
        if (a->type == OTEL_TYPE_ARRAY ? !same_value(&((const otel_value *)a->u.p)[i], &((const otel_value *)b->u.p)[i])
                                       : !otel__same_text(((const otel_str *)a->u.p)[i], ((const otel_str *)b->u.p)[i]))
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
