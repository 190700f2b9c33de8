/* SPDX-License-Identifier: Apache-2.0 */
/* attributes.c - see attributes.h. */
#include "attributes.h"

#include "base/utf8.h"
#include "options.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* ---- text -------------------------------------------------------------------------------------------------------- */

struct otel__text *otel__record_text(struct otel__record *record, otel_str text) {
    if (!text.ptr)
        text.len = 0;
    if (text.len > OTEL__SPAN_BYTES_MAX)
        return NULL;
    const bool valid = otel__utf8_valid(text.ptr, text.len);
    const size_t len = valid ? text.len : otel__utf8_repair(text.ptr, text.len, NULL, 0);
    struct otel__text *copy = otel__record_alloc(record, sizeof *copy + len);
    if (!copy)
        return NULL;
    copy->len = (uint32_t)len;
    if (!valid)
        otel__utf8_repair(text.ptr, text.len, copy->bytes, len);
    else if (len)
        memcpy(copy->bytes, text.ptr, len);
    return copy;
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

#define HASH_FACTOR UINT64_C(0x9E3779B97F4A7C15) /* 2^64 over the golden ratio */
#define HIGH_BITS UINT64_C(0x8080808080808080)

static uint64_t load64(const char *p) {
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static uint64_t load32(const char *p) {
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

/* All bytes of a text shorter than a word, the middle ones perhaps twice. */
static uint64_t load_short(const char *p, size_t len) {
    if (len >= sizeof(uint32_t))
        return load32(p) << 32 | load32(p + len - sizeof(uint32_t));
    return len ? (uint64_t)(unsigned char)p[0] << 16 | (uint64_t)(unsigned char)p[len / 2] << 8 |
                     (unsigned char)p[len - 1]
               : 0;
}

static uint64_t mix(uint64_t hash, uint64_t word) {
    hash = (hash ^ word) * HASH_FACTOR;
    return hash ^ hash >> 32;
}

/*
 * A hash that tells keys apart cheaply: whole words, the last of them overlapping the one before. `*high` gathers the
 * top bits of all bytes: zero means ASCII.
 */
static inline __attribute__((always_inline)) uint32_t hash_key(const char *key, size_t len, uint64_t *high) {
    uint64_t hash = len * HASH_FACTOR;
    uint64_t word = 0;
    if (len < sizeof word) {
        word = load_short(key, len);
    } else {
        for (size_t i = 0; i + sizeof word < len; i += sizeof word) {
            word = load64(key + i);
            *high |= word;
            hash = mix(hash, word);
        }
        word = load64(key + len - sizeof word);
    }
    *high |= word;
    return (uint32_t)mix(hash, word);
}

/* Most texts have some 10 to 30 bytes, for which a call of memcpy() costs more than the copying. */
static inline __attribute__((always_inline)) void copy_bytes(char *to, const char *from, size_t len) {
    if (len > 32 || len < 8) {
        memcpy(to, from, len);
    } else if (len > 16) {
        memcpy(to, from, 16);
        memcpy(to + len - 16, from + len - 16, 16);
    } else {
        memcpy(to, from, 8);
        memcpy(to + len - 8, from + len - 8, 8);
    }
}

static uint64_t seen_bit(uint32_t hash) { return UINT64_C(1) << (hash >> 26); }

static struct otel__attr *find(const struct otel__attrs *attrs, otel_str key, uint32_t hash) {
    if (!(attrs->seen & seen_bit(hash)))
        return NULL;
    for (struct otel__attr *attr = attrs->newest; attr; attr = attr->older)
        if (attr->hash == hash && attr->key_len == key.len && memcmp(attr->key, key.ptr, key.len) == 0)
            return attr;
    return NULL;
}

bool otel__attrs_has(const struct otel__attrs *attrs, const char *key) {
    const otel_str text = { key, strlen(key) };
    uint64_t high = 0;
    return find(attrs, text, hash_key(text.ptr, text.len, &high)) != NULL;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* What is stored of a value: scalars in the attribute itself, all else as a payload of so many bytes. */
struct payload {
    otel_type type;
    uint32_t len;
    size_t size; /* 0 for scalars */
    char digits[24];
};

/* The bytes of an element that are kept. */
static size_t kept(otel_str text) {
    if (!text.ptr || text.len <= otel__limits.values.length)
        return text.ptr ? text.len : 0;
    return otel__utf8_prefix(text.ptr, text.len, otel__limits.values.length);
}

static bool measure_strings(const otel_value *value, struct payload *out) {
    const otel_str *strings = value->u.p;
    size_t size = value->len * sizeof *strings;
    for (size_t i = 0; i < value->len; i++) {
        const size_t len = kept(strings[i]);
        if (len > OTEL__SPAN_BYTES_MAX)
            return false;
        size += otel__utf8_repair(strings[i].ptr, len, NULL, 0);
        if (size > OTEL__SPAN_BYTES_MAX)
            return false;
    }
    out->size = size;
    return true;
}

static bool measure_elements(const otel_value *value, size_t element, struct payload *out) {
    if (value->len > OTEL__SPAN_BYTES_MAX / element)
        return false;
    out->size = value->len * element;
    return value->type != OTEL_TYPE_STRINGS || measure_strings(value, out);
}

static bool measure_nested(const otel_value *value, struct payload *out) {
    out->size = otel__list_copy_size(value, &otel__limits.values);
    return out->size <= OTEL__SPAN_BYTES_MAX;
}

static bool measure_array(const otel_value *value, struct payload *out) {
    switch (value->type) {
    case OTEL_TYPE_BYTES:
        out->size = out->len;
        return true;
    case OTEL_TYPE_BOOLS:
        return measure_elements(value, 1, out);
    case OTEL_TYPE_INTS:
    case OTEL_TYPE_DOUBLES:
        return measure_elements(value, sizeof(int64_t), out);
    case OTEL_TYPE_STRINGS:
        return measure_elements(value, sizeof(otel_str), out);
    case OTEL_TYPE_ARRAY:
    case OTEL_TYPE_MAP:
        return measure_nested(value, out);
    default:
        return false;
    }
}

static bool measure_rare(const otel_value *value, struct payload *out) {
    if (value->type == OTEL_TYPE_UINT) {
        out->type = OTEL_TYPE_STRING;
        out->size = out->len = (uint32_t)snprintf(out->digits, sizeof out->digits, "%" PRIu64, (uint64_t)value->u.i);
        return true;
    }
    if (!value->u.p && value->len)
        return false;
    if (value->type == OTEL_TYPE_NONE || (value->type > OTEL_TYPE_BYTES && otel__limits.values.depth == 0)) {
        out->type = OTEL_TYPE_NONE;
        return value->type <= OTEL_TYPE_MAP;
    }
    const size_t len = value->type == OTEL_TYPE_BYTES && value->len > otel__limits.values.length
                           ? otel__limits.values.length
                           : value->len;
    if (len > OTEL__SPAN_BYTES_MAX)
        return false;
    out->len = (uint32_t)len;
    return measure_array(value, out);
}

/* False for an unknown type or a value beyond what a span may hold. */
static bool measure(const otel_value *value, struct payload *out) {
    out->type = value->type;
    out->len = 0;
    out->size = 0;
    if (value->type == OTEL_TYPE_STRING) {
        if (!value->u.p && value->len)
            return false;
        const size_t len = otel__value_cut(OTEL_TYPE_STRING, value->u.p, value->len, otel__limits.values.length);
        out->size = out->len = (uint32_t)len;
        return len <= OTEL__SPAN_BYTES_MAX;
    }
    if (value->type == OTEL_TYPE_INT || value->type == OTEL_TYPE_BOOL || value->type == OTEL_TYPE_DOUBLE)
        return true;
    return measure_rare(value, out);
}

static void store_strings(char *place, const otel_value *value) {
    const otel_str *from = value->u.p;
    otel_str *to = (void *)place;
    char *bytes = place + value->len * sizeof *to;
    for (size_t i = 0; i < value->len; i++) {
        to[i].ptr = from[i].ptr ? bytes : NULL;
        to[i].len = otel__utf8_repair(from[i].ptr, kept(from[i]), bytes, SIZE_MAX);
        bytes += to[i].len;
    }
}

/* A bool that is neither 0 nor 1, which a wrong pointer may lead to, must not be read as one. */
static void store_bools(char *place, const otel_value *value) {
    const char *from = value->u.p;
    for (size_t i = 0; i < value->len; i++)
        place[i] = from[i] != 0;
}

/* Maps lose entries that have no key, or the key of a later one. */
static void store_nested(struct otel__attr *attr, const otel_value *value, char *place) {
    const otel_value copy = otel__list_copy(value, &otel__limits.values, &place);
    attr->len = (uint32_t)copy.len;
}

/* `place` holds payload->size bytes, unless that is 0. */
static void store(struct otel__attr *attr, const otel_value *value, const struct payload *payload, char *place) {
    attr->type = (uint8_t)payload->type;
    attr->len = payload->len;
    if (payload->type == OTEL_TYPE_STRING || payload->type > OTEL_TYPE_DOUBLE) {
        attr->value.p = place;
        if (payload->size == 0)
            return; /* then there may be no place */
        if (payload->type == OTEL_TYPE_STRINGS)
            store_strings(place, value);
        else if (payload->type == OTEL_TYPE_BOOLS)
            store_bools(place, value);
        else if (payload->type == OTEL_TYPE_ARRAY || payload->type == OTEL_TYPE_MAP)
            store_nested(attr, value, place);
        else
            copy_bytes(place, value->type == OTEL_TYPE_UINT ? payload->digits : value->u.p, payload->size);
    } else if (payload->type == OTEL_TYPE_DOUBLE) {
        attr->value.d = value->u.d;
    } else {
        attr->value.i = payload->type == OTEL_TYPE_BOOL ? value->u.i != 0 : value->u.i;
    }
}

static bool is_pointed(uint8_t type) { return type == OTEL_TYPE_STRING || type > OTEL_TYPE_DOUBLE; }

/* Text lies wherever its key ends, which is no place for the elements of an array. */
static bool may_lie_at(const char *place, otel_type type) {
    return type == OTEL_TYPE_STRING || type == OTEL_TYPE_BYTES || (uintptr_t)place % 8 == 0;
}

static bool replace(struct otel__record *record, struct otel__attr *attr, const otel_value *value,
                    const struct payload *payload) {
    const uint32_t capacity = is_pointed(attr->type) ? attr->capacity : 0;
    char *place = capacity ? attr->value.p : NULL;
    attr->capacity = capacity;
    if (payload->size > capacity || !may_lie_at(place, payload->type)) {
        place = otel__record_alloc(record, payload->size);
        if (!place)
            return false;
        attr->capacity = (uint32_t)payload->size;
    }
    store(attr, value, payload, place);
    return true;
}

/* Arrays want alignment, so their payload starts at a multiple of 8 behind the key. */
static size_t head_size(size_t key_len) { return (sizeof(struct otel__attr) + key_len + 7) & ~(size_t)7; }

static void link_in(struct otel__attrs *attrs, struct otel__attr *attr, otel_str key, uint32_t hash) {
    attr->hash = hash;
    attr->key_len = (uint16_t)key.len;
    copy_bytes(attr->key, key.ptr, key.len);
    attr->older = attrs->newest;
    attrs->newest = attr;
    attrs->seen |= seen_bit(hash);
    attrs->count++;
}

static bool append(struct otel__record *record, struct otel__attrs *attrs, otel_str key, uint32_t hash,
                   const otel_value *value, const struct payload *payload) {
    const bool text = payload->type == OTEL_TYPE_STRING || payload->type == OTEL_TYPE_BYTES;
    const size_t head = text ? sizeof(struct otel__attr) + key.len : head_size(key.len);
    const bool together = head + payload->size <= OTEL__IN_BLOCK_MAX;
    struct otel__attr *attr = otel__record_alloc(record, together ? head + payload->size : head);
    if (!attr)
        return false;
    char *place = together ? (char *)attr + head : otel__record_alloc(record, payload->size);
    if (!place)
        return false;
    attr->capacity = (uint32_t)payload->size;
    store(attr, value, payload, place);
    link_in(attrs, attr, key, hash);
    return true;
}

static bool set_checked(struct otel__record *record, struct otel__attrs *attrs, otel_str key, uint32_t hash,
                        const otel_value *value) {
    struct payload payload;
    if (!measure(value, &payload))
        return false;
    struct otel__attr *same = find(attrs, key, hash);
    if (same)
        return replace(record, same, value, &payload);
    return attrs->count < attrs->most && append(record, attrs, key, hash, value, &payload);
}

/*
 * The common case without the general one's detours: a string or a scalar under a key that the list does not have yet,
 * for which the record's current block has room. False: it is not that case, and nothing was done.
 */
static inline bool append_common(struct otel__record *record, struct otel__attrs *attrs, otel_str key, uint32_t hash,
                                 const otel_value *value) {
    const bool text = value->type == OTEL_TYPE_STRING;
    const bool flag = value->type == OTEL_TYPE_BOOL;
    if (!text && !flag && value->type != OTEL_TYPE_INT && value->type != OTEL_TYPE_DOUBLE)
        return false;
    const size_t len = text ? value->len : 0;
    if ((attrs->seen & seen_bit(hash)) || attrs->count >= attrs->most || len > otel__limits.short_text ||
        (text && !value->u.p))
        return false;
    const size_t size = (sizeof(struct otel__attr) + key.len + len + 7) & ~(size_t)7;
    if (size > (size_t)(record->limit - record->free))
        return false;
    struct otel__attr *attr = (void *)record->free;
    record->free += size;
    attr->type = (uint8_t)value->type;
    attr->len = (uint32_t)len;
    attr->capacity = (uint32_t)len;
    if (text) {
        attr->value.p = attr->key + key.len;
        copy_bytes(attr->value.p, value->u.p, len);
    } else {
        attr->value.i = flag ? value->u.i != 0 : value->u.i; /* or the bits of a double */
    }
    link_in(attrs, attr, key, hash);
    return true;
}

static bool is_key(otel_str key) { return key.ptr && key.len > 0 && key.len <= UINT16_MAX; }

/* As it is compared and stored; of no length when it is none. */
static otel_str mend_key(struct otel__record *record, otel_str key) {
    if (is_key(key) && !otel__utf8_valid(key.ptr, key.len))
        key = otel__text_str(otel__record_text(record, key));
    return is_key(key) ? key : otel_strn(NULL, 0);
}

static bool set_rare(struct otel__record *record, struct otel__attrs *attrs, otel_str key, const otel_value *value) {
    uint64_t high = 0;
    key = mend_key(record, key);
    if (key.len == 0 || !value)
        return false;
    return set_checked(record, attrs, key, hash_key(key.ptr, key.len, &high), value);
}

/* An attribute, or a list that no program means, which counts as one. */
static void drop(struct otel__record *record, struct otel__attrs *attrs) {
    if (attrs->dropped != UINT32_MAX)
        attrs->dropped++;
    record->discarded = true;
}

bool otel__attrs_set(struct otel__record *record, struct otel__attrs *attrs, otel_str key, const otel_value *value) {
    if (key.ptr && key.len - 1 < OTEL__IN_BLOCK_MAX && value) {
        uint64_t high = 0;
        const uint32_t hash = hash_key(key.ptr, key.len, &high);
        if (!(high & HIGH_BITS) && append_common(record, attrs, key, hash, value))
            return true;
    }
    if (set_rare(record, attrs, key, value))
        return true;
    drop(record, attrs);
    return false;
}

uint32_t otel__attrs_set_all(struct otel__record *record, struct otel__attrs *attrs, otel_attrs list) {
    uint32_t dropped = 0;
    const size_t count = list.items ? list.count : 0;
    if (count > OTEL__LIST_MAX) {
        drop(record, attrs);
        return 1;
    }
    for (size_t i = 0; i < count; i++)
        dropped += !otel__attrs_set(record, attrs, list.items[i].key, &list.items[i].value);
    return dropped;
}

static bool add(struct otel__record *record, struct otel__attrs *attrs, const otel_attr *attr) {
    uint64_t high = 0;
    const otel_str key = mend_key(record, attr->key);
    if (key.len && find(attrs, key, hash_key(key.ptr, key.len, &high)))
        return true;
    return otel__attrs_set(record, attrs, key, &attr->value);
}

uint32_t otel__attrs_add_all(struct otel__record *record, struct otel__attrs *attrs, otel_attrs list) {
    uint32_t dropped = 0;
    const size_t count = list.items ? list.count : 0;
    if (count > OTEL__LIST_MAX) {
        drop(record, attrs);
        return 1;
    }
    for (size_t i = count; i-- > 0;)
        dropped += !add(record, attrs, &list.items[i]);
    return dropped;
}
