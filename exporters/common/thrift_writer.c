/* SPDX-License-Identifier: Apache-2.0 */
/* thrift_writer.c - see thrift_writer.h. */
#include "common/thrift_writer.h"

enum {
    VARINT_MAX = 10,
    COMPACT_ID = 0x82,      /* the protocol's first byte */
    COMPACT_VERSION = 1,    /* the low bits of its second, below the kind of the message */
    COMPACT_SHORT_LIST = 15 /* from here on a list's size does not fit beside the type */
};

static const uint8_t binary_types[] = {
    [OTEL__THRIFT_BOOL] = 2,    [OTEL__THRIFT_I32] = 8,     [OTEL__THRIFT_I64] = 10,  [OTEL__THRIFT_DOUBLE] = 4,
    [OTEL__THRIFT_STRING] = 11, [OTEL__THRIFT_STRUCT] = 12, [OTEL__THRIFT_LIST] = 15,
};

/* A bool in a struct is its type: 1 is true, 2 is false. */
static const uint8_t compact_types[] = {
    [OTEL__THRIFT_BOOL] = 1,   [OTEL__THRIFT_I32] = 5,     [OTEL__THRIFT_I64] = 6,  [OTEL__THRIFT_DOUBLE] = 7,
    [OTEL__THRIFT_STRING] = 8, [OTEL__THRIFT_STRUCT] = 12, [OTEL__THRIFT_LIST] = 9,
};

static void put_bytes(struct otel__buffer *out, const void *bytes, size_t len) {
    if (len == 0 || !otel__buffer_reserve(out, len))
        return;
    out->cursor -= len;
    memcpy(out->cursor, bytes, len);
}

static void put_byte(struct otel__buffer *out, unsigned byte) {
    if (otel__buffer_reserve(out, 1))
        *--out->cursor = (uint8_t)byte;
}

/* `size` bytes, the most significant first. */
static void put_big_endian(struct otel__buffer *out, uint64_t value, unsigned size) {
    uint8_t bytes[8];
    for (unsigned i = 0; i < size; i++)
        bytes[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    put_bytes(out, bytes, size);
}

static void put_varint(struct otel__buffer *out, uint64_t value) {
    uint8_t bytes[VARINT_MAX];
    size_t len = 0;
    for (; value >= 0x80; value >>= 7)
        bytes[len++] = (uint8_t)(value | 0x80);
    bytes[len++] = (uint8_t)value;
    put_bytes(out, bytes, len);
}

/* Small numbers of either sign become short ones: 0, -1, 1, -2, ... are 0, 1, 2, 3, ... */
static void put_zigzag(struct otel__buffer *out, int64_t value) {
    put_varint(out, (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0));
}

static void put_length(struct otel__thrift *w, size_t len) {
    if (w->compact)
        put_varint(w->out, len);
    else
        put_big_endian(w->out, len, 4);
}

static void put_string(struct otel__thrift *w, const void *bytes, size_t len) {
    put_bytes(w->out, bytes, len);
    put_length(w, len);
}

static void put_compact_field(struct otel__thrift *w, unsigned type, int before, int id) {
    const int delta = id - before;
    if (delta > 0 && delta < 16) {
        put_byte(w->out, (unsigned)delta << 4 | type);
    } else {
        put_zigzag(w->out, id);
        put_byte(w->out, type);
    }
}

void otel__thrift_stop(struct otel__thrift *w) { put_byte(w->out, 0); }

void otel__thrift_field(struct otel__thrift *w, enum otel__thrift_type type, int before, int id) {
    if (w->compact) {
        put_compact_field(w, compact_types[type], before, id);
    } else {
        put_big_endian(w->out, (uint64_t)id, 2);
        put_byte(w->out, binary_types[type]);
    }
}

void otel__thrift_list(struct otel__thrift *w, enum otel__thrift_type type, size_t count) {
    if (!w->compact) {
        put_big_endian(w->out, count, 4);
        put_byte(w->out, binary_types[type]);
    } else if (count < COMPACT_SHORT_LIST) {
        put_byte(w->out, (unsigned)count << 4 | compact_types[type]);
    } else {
        put_varint(w->out, count);
        put_byte(w->out, (unsigned)COMPACT_SHORT_LIST << 4 | compact_types[type]);
    }
}

void otel__thrift_message(struct otel__thrift *w, int kind, const char *method, uint32_t sequence) {
    if (w->compact) {
        put_string(w, method, strlen(method));
        put_varint(w->out, sequence);
        put_byte(w->out, (unsigned)kind << 5 | COMPACT_VERSION);
        put_byte(w->out, COMPACT_ID);
    } else {
        put_big_endian(w->out, sequence, 4);
        put_string(w, method, strlen(method));
        put_big_endian(w->out, 0x80010000u | (unsigned)kind, 4);
    }
}

void otel__thrift_bool_field(struct otel__thrift *w, int before, int id, bool value) {
    if (w->compact) {
        put_compact_field(w, value ? 1 : 2, before, id);
        return;
    }
    put_byte(w->out, value);
    otel__thrift_field(w, OTEL__THRIFT_BOOL, before, id);
}

void otel__thrift_i32_field(struct otel__thrift *w, int before, int id, int32_t value) {
    if (w->compact)
        put_zigzag(w->out, value);
    else
        put_big_endian(w->out, (uint32_t)value, 4);
    otel__thrift_field(w, OTEL__THRIFT_I32, before, id);
}

void otel__thrift_i64_field(struct otel__thrift *w, int before, int id, int64_t value) {
    if (w->compact)
        put_zigzag(w->out, value);
    else
        put_big_endian(w->out, (uint64_t)value, 8);
    otel__thrift_field(w, OTEL__THRIFT_I64, before, id);
}

/* The compact protocol has the least significant byte first, unlike the binary one. */
void otel__thrift_double_field(struct otel__thrift *w, int before, int id, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_big_endian(w->out, w->compact ? __builtin_bswap64(bits) : bits, 8);
    otel__thrift_field(w, OTEL__THRIFT_DOUBLE, before, id);
}

void otel__thrift_string_field(struct otel__thrift *w, int before, int id, const void *bytes, size_t len) {
    put_string(w, bytes, len);
    otel__thrift_field(w, OTEL__THRIFT_STRING, before, id);
}
