/* SPDX-License-Identifier: Apache-2.0 */
/* What must be known of protobuf bytes before protobuf-c unpacks them: a walk over tags and lengths that follows the
 * fields which the descriptor declares as messages. It calls itself once per level, at most `limit` times. */
#include "precheck.h"

#include <stdbool.h>

enum { MAX_FIELD_NUMBER = 0x1FFFFFFF };

enum { WIRE_VARINT = 0, WIRE_FIXED64 = 1, WIRE_BYTES = 2, WIRE_FIXED32 = 5 };

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
};

static bool read_varint(struct cursor *cursor, uint64_t *value) {
    *value = 0;
    for (unsigned shift = 0; shift < 70 && cursor->at < cursor->end; shift += 7) {
        uint8_t byte = *cursor->at++;
        if (shift < 64) {
            *value |= (uint64_t)(byte & 0x7f) << shift;
        }
        if (byte < 0x80) {
            return true;
        }
    }
    return false;
}

static bool skip(struct cursor *cursor, uint64_t count) {
    if (count > (uint64_t)(cursor->end - cursor->at)) {
        return false;
    }
    cursor->at += count;
    return true;
}

/* Passes one field value; false when it is cut short. A length-delimited value is reported in `inner`. */
static bool next_value(struct cursor *cursor, unsigned wire_type, struct cursor *inner) {
    uint64_t number;
    switch (wire_type) {
    case WIRE_VARINT:
        return read_varint(cursor, &number);
    case WIRE_FIXED64:
        return skip(cursor, 8);
    case WIRE_FIXED32:
        return skip(cursor, 4);
    case WIRE_BYTES:
        if (!read_varint(cursor, &number)) {
            return false;
        }
        inner->at = cursor->at;
        if (!skip(cursor, number)) {
            return false;
        }
        inner->end = cursor->at;
        return true;
    default:
        return false;
    }
}

const char *view_precheck(const ProtobufCMessageDescriptor *type, const uint8_t *bytes, size_t len, unsigned limit) {
    if (len == 0) {
        return NULL;
    }
    struct cursor cursor = { bytes, bytes + len };
    uint64_t tag;
    while (cursor.at < cursor.end && read_varint(&cursor, &tag)) {
        unsigned wire_type = (unsigned)(tag & 7);
        uint64_t number = tag >> 3;
        struct cursor inner = { NULL, NULL };
        if (number == 0 || number > MAX_FIELD_NUMBER) {
            return "a field number is out of range";
        }
        if (!next_value(&cursor, wire_type, &inner)) {
            return NULL;
        }
        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(type, (unsigned)number);
        if (wire_type != WIRE_BYTES || !field || field->type != PROTOBUF_C_TYPE_MESSAGE) {
            continue;
        }
        if (limit == 0) {
            return "values are nested too deep";
        }
        const char *problem = view_precheck(field->descriptor, inner.at, (size_t)(inner.end - inner.at), limit - 1);
        if (problem) {
            return problem;
        }
    }
    return NULL;
}
