/* SPDX-License-Identifier: Apache-2.0 */
/* attribute_set.c - see attribute_set.h. */
#include "metrics/attribute_set.h"

#include "options.h"

#include <string.h>

/* Longer ones become empty where they are copied. */
#define LONGEST (UINT32_C(4) << 20)

/* So that nobody can choose values that fall together. */
static uint64_t seed;

void otel__set_seed(uint64_t value) { seed = value; }

/* ---- hashes ------------------------------------------------------------------------------------------------------- */

static inline uint64_t mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    return hash ^ hash >> 32;
}

static inline uint64_t load(const char *bytes, size_t len) {
    uint64_t word = 0;
    if (len >= 4) { /* two that overlap */
        uint32_t first, last;
        memcpy(&first, bytes, 4);
        memcpy(&last, bytes + len - 4, 4);
        return (uint64_t)first << 32 | last;
    }
    for (size_t i = 0; i < len; i++)
        word = word << 8 | (unsigned char)bytes[i];
    return word;
}

static inline uint64_t hash_bytes(uint64_t hash, const char *bytes, size_t len) {
    hash = mix(hash, len);
    for (; len >= 8; bytes += 8, len -= 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        hash = mix(hash, word);
    }
    return len ? mix(hash, load(bytes, len)) : hash;
}

static bool has_bytes(const otel_value *value) {
    return value->type == OTEL_TYPE_STRING || value->type == OTEL_TYPE_BYTES;
}

static bool is_plain(const otel_value *value) {
    if (has_bytes(value))
        return value->u.p ? value->len <= LONGEST : value->len == 0;
    return value->type == OTEL_TYPE_INT || value->type == OTEL_TYPE_DOUBLE ||
           (value->type == OTEL_TYPE_BOOL && (value->u.i == 0 || value->u.i == 1));
}

static inline uint64_t hash_attribute(uint64_t hash, const otel_attr *attribute) {
    const otel_value *value = &attribute->value;
    hash = mix(hash_bytes(hash, attribute->key.ptr, attribute->key.len), value->type);
    if (!is_plain(value))
        return mix(hash, value->len);
    return has_bytes(value) ? hash_bytes(hash, value->u.p, value->len) : mix(hash, (uint64_t)value->u.i);
}

/* ---- making ------------------------------------------------------------------------------------------------------- */

int otel__key_compare(otel_str a, otel_str b) {
    const int order = memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len);
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

/* Of equal keys the last one stays. */
static void insert(struct otel__set *set, const otel_attr *attribute) {
    size_t at = set->count;
    int order = 1;
    while (at && (order = otel__key_compare(attribute->key, set->items[at - 1]->key)) < 0)
        at--;
    if (at && order == 0) {
        set->items[at - 1] = attribute;
        return;
    }
    if (set->count == OTEL__SET_MAX) {
        set->cut = true;
        return;
    }
    for (size_t i = set->count; i > at; i--)
        set->items[i] = set->items[i - 1];
    set->items[at] = attribute;
    set->count++;
}

size_t otel__set_given(otel_attrs attributes) {
    return attributes.items && attributes.count <= OTEL__LIST_MAX ? attributes.count : 0;
}

bool otel__set_takes(const otel_attr *attribute) {
    return attribute->key.ptr && attribute->key.len != 0 && attribute->key.len <= LONGEST;
}

void otel__set_make(struct otel__set *set, otel_attrs attributes, const struct otel__view *view) {
    set->count = 0;
    set->plain = true;
    set->reduced = set->cut = false;
    set->hash = seed;
    const size_t count = otel__set_given(attributes);
    for (size_t i = 0; i < count; i++) {
        const otel_attr *attribute = &attributes.items[i];
        if (!otel__set_takes(attribute))
            continue;
        if (otel__view_keeps(view, attribute->key))
            insert(set, attribute);
        else
            set->reduced = true;
    }
    for (size_t i = 0; i < set->count; i++) {
        set->plain = set->plain && is_plain(&set->items[i]->value);
        set->hash = hash_attribute(set->hash, set->items[i]);
    }
}

/* ---- comparing ---------------------------------------------------------------------------------------------------- */

static bool same_value(const otel_value *a, const otel_value *b) {
    if (a->type != b->type)
        return false;
    return has_bytes(a) ? a->len == b->len && (a->len == 0 || memcmp(a->u.p, b->u.p, a->len) == 0) : a->u.i == b->u.i;
}

bool otel__set_equals(const struct otel__set *set, otel_attrs sorted) {
    if (set->count != sorted.count)
        return false;
    for (size_t i = 0; i < set->count; i++) {
        const otel_attr *a = set->items[i], *b = &sorted.items[i];
        if (a->key.len != b->key.len || memcmp(a->key.ptr, b->key.ptr, a->key.len) != 0 ||
            !same_value(&a->value, &b->value))
            return false;
    }
    return true;
}
