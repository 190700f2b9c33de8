/* SPDX-License-Identifier: Apache-2.0 */
/* See thrift.h. */
#include "thrift.h"

#include <string.h>

enum { COMPACT_FIRST = 0x82, BINARY_FIRST = 0x80 };

static const enum view_thrift_type binary_types[16] = {
    [2] = VIEW_THRIFT_BOOL, [3] = VIEW_THRIFT_BYTE, [4] = VIEW_THRIFT_DOUBLE,  [6] = VIEW_THRIFT_I16,
    [8] = VIEW_THRIFT_I32,  [10] = VIEW_THRIFT_I64, [11] = VIEW_THRIFT_STRING, [12] = VIEW_THRIFT_STRUCT,
    [13] = VIEW_THRIFT_MAP, [14] = VIEW_THRIFT_SET, [15] = VIEW_THRIFT_LIST,
};

static const enum view_thrift_type compact_types[16] = {
    [1] = VIEW_THRIFT_BOOL, [2] = VIEW_THRIFT_BOOL, [3] = VIEW_THRIFT_BYTE,   [4] = VIEW_THRIFT_I16,
    [5] = VIEW_THRIFT_I32,  [6] = VIEW_THRIFT_I64,  [7] = VIEW_THRIFT_DOUBLE, [8] = VIEW_THRIFT_STRING,
    [9] = VIEW_THRIFT_LIST, [10] = VIEW_THRIFT_SET, [11] = VIEW_THRIFT_MAP,   [12] = VIEW_THRIFT_STRUCT,
};

static void give_up(struct view_thrift *reader) {
    reader->bad = true;
    reader->at = reader->end;
}

static const uint8_t *take(struct view_thrift *reader, size_t len) {
    if (reader->bad || (size_t)(reader->end - reader->at) < len) {
        give_up(reader);
        return NULL;
    }
    const uint8_t *bytes = reader->at;
    reader->at += len;
    return bytes;
}

static unsigned take_byte(struct view_thrift *reader) {
    const uint8_t *byte = take(reader, 1);
    return byte ? *byte : 0;
}

static uint64_t take_big_endian(struct view_thrift *reader, size_t size) {
    const uint8_t *bytes = take(reader, size);
    uint64_t value = 0;
    for (size_t i = 0; bytes && i < size; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static uint64_t take_varint(struct view_thrift *reader) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        unsigned byte = take_byte(reader);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80) {
            return value;
        }
    }
    give_up(reader);
    return 0;
}

static int64_t take_zigzag(struct view_thrift *reader) {
    uint64_t value = take_varint(reader);
    return (int64_t)(value >> 1 ^ (value & 1 ? UINT64_MAX : 0));
}

static enum view_thrift_type known_type(struct view_thrift *reader, const enum view_thrift_type types[16],
                                        unsigned code) {
    enum view_thrift_type type = code < 16 ? types[code] : VIEW_THRIFT_NOTHING;
    if (type == VIEW_THRIFT_NOTHING) {
        give_up(reader);
    }
    return type;
}

/* ---- messages and structs ------------------------------------------------------------------------------------------ */

bool view_thrift_begin(struct view_thrift *reader, const uint8_t *bytes, size_t len) {
    *reader = (struct view_thrift){ .at = bytes, .end = bytes + len };
    reader->compact = len > 0 && bytes[0] == COMPACT_FIRST;
    return reader->compact || (len > 0 && bytes[0] == BINARY_FIRST);
}

struct view_thrift_text view_thrift_message(struct view_thrift *reader, int *kind, uint32_t *sequence) {
    struct view_thrift_text name;
    if (reader->compact) {
        unsigned head = (take_byte(reader) << 8) + take_byte(reader);
        *kind = (int)(head >> 5 & 7);
        *sequence = (uint32_t)take_varint(reader);
        name = view_thrift_string(reader);
        if (head >> 8 != COMPACT_FIRST || (head & 31) != 1) {
            give_up(reader);
        }
    } else {
        uint64_t head = take_big_endian(reader, 4);
        *kind = (int)(head & 0xff);
        name = view_thrift_string(reader);
        *sequence = (uint32_t)take_big_endian(reader, 4);
        if (head >> 16 != 0x8001) {
            give_up(reader);
        }
    }
    return name;
}

static bool next_compact(struct view_thrift *reader, struct view_thrift_field *field) {
    unsigned head = take_byte(reader);
    if (head == 0) {
        return false;
    }
    field->id = head >> 4 ? field->id + (int)(head >> 4) : (int)(int16_t)take_zigzag(reader);
    field->type = known_type(reader, compact_types, head & 15);
    reader->field_bool = (head & 15) == 1;
    return !reader->bad;
}

bool view_thrift_next(struct view_thrift *reader, struct view_thrift_field *field) {
    if (reader->compact) {
        return next_compact(reader, field);
    }
    unsigned code = take_byte(reader);
    if (code == 0) {
        return false;
    }
    field->type = known_type(reader, binary_types, code);
    field->id = (int16_t)take_big_endian(reader, 2);
    return !reader->bad;
}

/* ---- values -------------------------------------------------------------------------------------------------------- */

bool view_thrift_bool(struct view_thrift *reader) {
    return reader->compact ? reader->field_bool && !reader->bad : take_byte(reader) != 0;
}

int64_t view_thrift_int(struct view_thrift *reader, enum view_thrift_type type) {
    switch (type) {
    case VIEW_THRIFT_BYTE:
        return (int8_t)take_byte(reader);
    case VIEW_THRIFT_I16:
        return reader->compact ? take_zigzag(reader) : (int16_t)take_big_endian(reader, 2);
    case VIEW_THRIFT_I32:
        return reader->compact ? take_zigzag(reader) : (int32_t)take_big_endian(reader, 4);
    case VIEW_THRIFT_I64:
        return reader->compact ? take_zigzag(reader) : (int64_t)take_big_endian(reader, 8);
    default:
        give_up(reader);
        return 0;
    }
}

double view_thrift_double(struct view_thrift *reader) {
    uint64_t bits = take_big_endian(reader, 8);
    double value;
    if (reader->compact) {
        bits = __builtin_bswap64(bits);
    }
    memcpy(&value, &bits, sizeof value);
    return value;
}

struct view_thrift_text view_thrift_string(struct view_thrift *reader) {
    uint64_t len = reader->compact ? take_varint(reader) : take_big_endian(reader, 4);
    const uint8_t *bytes = take(reader, len < SIZE_MAX ? (size_t)len : SIZE_MAX);
    return (struct view_thrift_text){ (const char *)bytes, bytes ? (size_t)len : 0 };
}

/* Each element takes a byte at least. */
static size_t believable(struct view_thrift *reader, uint64_t count) {
    if (count > (size_t)(reader->end - reader->at)) {
        give_up(reader);
        return 0;
    }
    return (size_t)count;
}

size_t view_thrift_list(struct view_thrift *reader, enum view_thrift_type *type) {
    unsigned head = take_byte(reader);
    *type = known_type(reader, reader->compact ? compact_types : binary_types, reader->compact ? head & 15 : head);
    if (!reader->compact) {
        return believable(reader, take_big_endian(reader, 4));
    }
    return believable(reader, head >> 4 < 15 ? head >> 4 : take_varint(reader));
}

/* ---- what is not wanted -------------------------------------------------------------------------------------------- */

static void skip(struct view_thrift *reader, enum view_thrift_type type, bool in_field, int depth);

static void skip_struct(struct view_thrift *reader, int depth) {
    struct view_thrift_field field = { 0 };
    while (view_thrift_next(reader, &field)) {
        skip(reader, field.type, true, depth);
    }
}

static void skip_list(struct view_thrift *reader, int depth) {
    enum view_thrift_type type;
    for (size_t left = view_thrift_list(reader, &type); left > 0 && !reader->bad; left--) {
        skip(reader, type, false, depth);
    }
}

static void skip_map(struct view_thrift *reader, int depth) {
    uint64_t count = reader->compact ? take_varint(reader) : 0;
    unsigned types = reader->compact && count == 0 ? 0 : take_byte(reader);
    unsigned key = reader->compact ? types >> 4 : types, value = reader->compact ? types & 15 : take_byte(reader);
    if (!reader->compact) {
        count = take_big_endian(reader, 4);
    }
    const enum view_thrift_type *known = reader->compact ? compact_types : binary_types;
    for (size_t left = believable(reader, count); left > 0 && !reader->bad; left--) {
        skip(reader, known_type(reader, known, key), false, depth);
        skip(reader, known_type(reader, known, value), false, depth);
    }
}

/* A bool has a byte of its own unless the head of a compact field holds it. */
static void skip(struct view_thrift *reader, enum view_thrift_type type, bool in_field, int depth) {
    if (depth >= VIEW_THRIFT_DEPTH) {
        give_up(reader);
        return;
    }
    switch (type) {
    case VIEW_THRIFT_BOOL:
        take(reader, reader->compact && in_field ? 0 : 1);
        break;
    case VIEW_THRIFT_DOUBLE:
        take(reader, 8);
        break;
    case VIEW_THRIFT_STRING:
        view_thrift_string(reader);
        break;
    case VIEW_THRIFT_STRUCT:
        skip_struct(reader, depth + 1);
        break;
    case VIEW_THRIFT_LIST:
    case VIEW_THRIFT_SET:
        skip_list(reader, depth + 1);
        break;
    case VIEW_THRIFT_MAP:
        skip_map(reader, depth + 1);
        break;
    default:
        view_thrift_int(reader, type);
    }
}

void view_thrift_skip(struct view_thrift *reader, enum view_thrift_type type) { skip(reader, type, true, 0); }
