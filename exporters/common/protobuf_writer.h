/* SPDX-License-Identifier: Apache-2.0 */
/*
 * protobuf_writer.h - writes protobuf messages in one pass, from their last byte to their first.
 *
 * Within a message the fields are written in the reverse of the order in which they are to stand, and within a field
 * first the content, then its length, then its tag. A submessage is written by remembering the length before its
 * content:
 *
 *     size_t mark = otel__buffer_length(out);
 *     ... the submessage's fields, the last one first ...
 *     otel__pb_message(out, FIELD, mark);
 *
 * Two layers: otel__pb_put_*() write below a bare pointer, into room that the caller has reserved, and return the new
 * pointer; otel__pb_*() reserve first. Field numbers are constants, so the tags fold to constants. All is inline:
 * this is where the exporter's time goes.
 */
#ifndef OTEL_EXPORTERS_PROTOBUF_WRITER_H
#define OTEL_EXPORTERS_PROTOBUF_WRITER_H

#include "common/buffer.h"

#include <otel/types.h>

enum { OTEL__PB_VARINT = 0, OTEL__PB_FIXED64 = 1, OTEL__PB_LENGTH = 2, OTEL__PB_FIXED32 = 5 };
/* The longest varint; the longest tag of a field below 2048; room for everything about a field but its content. */
enum { OTEL__PB_VARINT_MAX = 10, OTEL__PB_TAG_MAX = 2, OTEL__PB_FIELD_MAX = OTEL__PB_TAG_MAX + OTEL__PB_VARINT_MAX };

/* Bytes of `value` as a varint. */
static inline unsigned otel__pb_varint_size(uint64_t value) {
    unsigned bits = 64u - (unsigned)__builtin_clzll(value | 1);
    return (bits + 6) / 7;
}

static inline uint8_t *otel__pb_put_varint(uint8_t *p, uint64_t value) {
    if (value < 0x80) {
        *--p = (uint8_t)value;
        return p;
    }
    uint8_t *start = p - otel__pb_varint_size(value);
    uint8_t *at = start;
    for (; value >= 0x80; value >>= 7)
        *at++ = (uint8_t)(value | 0x80);
    *at = (uint8_t)value;
    return start;
}

static inline uint8_t *otel__pb_put_tag(uint8_t *p, uint32_t field, uint32_t wire_type) {
    return otel__pb_put_varint(p, field << 3 | wire_type);
}

static inline uint8_t *otel__pb_put_uint(uint8_t *p, uint32_t field, uint64_t value) {
    return otel__pb_put_tag(otel__pb_put_varint(p, value), field, OTEL__PB_VARINT);
}

/* Without a tag, as in a packed field. */
static inline uint8_t *otel__pb_put_bits64(uint8_t *p, uint64_t bits) {
    for (int i = 0; i < 8; i++)
        p[i - 8] = (uint8_t)(bits >> (8 * i));
    return p - 8;
}

static inline uint8_t *otel__pb_put_fixed64(uint8_t *p, uint32_t field, uint64_t value) {
    return otel__pb_put_tag(otel__pb_put_bits64(p, value), field, OTEL__PB_FIXED64);
}

static inline uint8_t *otel__pb_put_fixed32(uint8_t *p, uint32_t field, uint32_t value) {
    for (int i = 0; i < 4; i++)
        p[i - 4] = (uint8_t)(value >> (8 * i));
    return otel__pb_put_tag(p - 4, field, OTEL__PB_FIXED32);
}

static inline uint8_t *otel__pb_put_double(uint8_t *p, uint32_t field, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return otel__pb_put_fixed64(p, field, bits);
}

/*
 * memcpy(), whose call is a good part of an attribute's cost, avoided for the usual lengths of keys and values: two
 * moves that overlap copy any length between one and two of them. (Measured: a quarter off a span with 10 string
 * attributes.)
 */
static inline void otel__pb_copy(uint8_t *to, const void *data, size_t len) {
    const uint8_t *from = data;
    if (len >= 16 && len <= 32) {
        memcpy(to, from, 16);
        memcpy(to + len - 16, from + len - 16, 16);
    } else if (len >= 8 && len < 16) {
        memcpy(to, from, 8);
        memcpy(to + len - 8, from + len - 8, 8);
    } else {
        memcpy(to, from, len);
    }
}

/* Writes the field also when it is empty. `data` may be NULL when `len` is 0. */
static inline uint8_t *otel__pb_put_bytes(uint8_t *p, uint32_t field, const void *data, size_t len) {
    if (len > 0) {
        p -= len;
        otel__pb_copy(p, data, len);
    }
    return otel__pb_put_tag(otel__pb_put_varint(p, len), field, OTEL__PB_LENGTH);
}

/* The length and the tag in front of a content of `len` bytes, which begins at `p`. */
static inline uint8_t *otel__pb_put_head(uint8_t *p, uint32_t field, size_t len) {
    return otel__pb_put_tag(otel__pb_put_varint(p, len), field, OTEL__PB_LENGTH);
}

/* Ends the submessage whose content was written since the buffer's length was `mark`. */
static inline void otel__pb_message(struct otel__buffer *out, uint32_t field, size_t mark) {
    size_t len = otel__buffer_length(out) - mark;
    if (otel__buffer_reserve(out, OTEL__PB_FIELD_MAX))
        out->cursor = otel__pb_put_head(out->cursor, field, len);
}

static inline void otel__pb_bytes(struct otel__buffer *out, uint32_t field, const void *data, size_t len) {
    if (otel__buffer_reserve(out, len + OTEL__PB_FIELD_MAX))
        out->cursor = otel__pb_put_bytes(out->cursor, field, data, len);
}

/* Text that is left out when empty, as proto3 does with fields that have their default. */
static inline void otel__pb_text(struct otel__buffer *out, uint32_t field, otel_str text) {
    if (text.len > 0)
        otel__pb_bytes(out, field, text.ptr, text.len);
}

/* A number that is left out when zero. */
static inline void otel__pb_uint(struct otel__buffer *out, uint32_t field, uint64_t value) {
    if (value != 0 && otel__buffer_reserve(out, OTEL__PB_FIELD_MAX))
        out->cursor = otel__pb_put_uint(out->cursor, field, value);
}

static inline void otel__pb_fixed64(struct otel__buffer *out, uint32_t field, uint64_t value) {
    if (value != 0 && otel__buffer_reserve(out, OTEL__PB_FIELD_MAX))
        out->cursor = otel__pb_put_fixed64(out->cursor, field, value);
}

static inline void otel__pb_fixed32(struct otel__buffer *out, uint32_t field, uint32_t value) {
    if (value != 0 && otel__buffer_reserve(out, OTEL__PB_FIELD_MAX))
        out->cursor = otel__pb_put_fixed32(out->cursor, field, value);
}

#endif
