/* SPDX-License-Identifier: Apache-2.0 */
/* roundtrip_wire.c - see roundtrip_wire.h. */
#include "roundtrip_wire.h"

#include "roundtrip_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { FIELDS_MAX = 16, SCHEMA_DEPTH = 8 };
enum wire_type { VARINT = 0, WIRE_64 = 1, LENGTH = 2, WIRE_32 = 5 };

static bool wrong(struct roundtrip_problem *problem, const struct roundtrip_message *message, const char *field,
                  const char *format, ...) __attribute__((format(printf, 4, 5)));

static bool wrong(struct roundtrip_problem *problem, const struct roundtrip_message *message, const char *field,
                  const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int len = snprintf(problem->text, sizeof problem->text, "%s.%s: ", message->name, field);
    vsnprintf(problem->text + len, sizeof problem->text - (size_t)len, format, arguments);
    va_end(arguments);
    return false;
}

static enum wire_type wire_type_of(enum roundtrip_type type) {
    switch (type) {
    case ROUNDTRIP_BOOL:
    case ROUNDTRIP_INT32:
    case ROUNDTRIP_INT64:
    case ROUNDTRIP_UINT32:
    case ROUNDTRIP_ENUM:
        return VARINT;
    case ROUNDTRIP_FIXED64:
    case ROUNDTRIP_DOUBLE:
        return WIRE_64;
    case ROUNDTRIP_FIXED32:
        return WIRE_32;
    default:
        return LENGTH;
    }
}

/* ---- the schema -------------------------------------------------------------------------------------------------- */

static ProtobufCType decoded_type(enum roundtrip_type type) {
    static const ProtobufCType types[] = {
        [ROUNDTRIP_BYTES] = PROTOBUF_C_TYPE_BYTES,
        [ROUNDTRIP_STRING] = PROTOBUF_C_TYPE_BYTES, /* on purpose: see the proto file */
        [ROUNDTRIP_MESSAGE] = PROTOBUF_C_TYPE_MESSAGE,
        [ROUNDTRIP_BOOL] = PROTOBUF_C_TYPE_BOOL,
        [ROUNDTRIP_INT32] = PROTOBUF_C_TYPE_INT32,
        [ROUNDTRIP_INT64] = PROTOBUF_C_TYPE_INT64,
        [ROUNDTRIP_UINT32] = PROTOBUF_C_TYPE_UINT32,
        [ROUNDTRIP_ENUM] = PROTOBUF_C_TYPE_ENUM,
        [ROUNDTRIP_FIXED32] = PROTOBUF_C_TYPE_FIXED32,
        [ROUNDTRIP_FIXED64] = PROTOBUF_C_TYPE_FIXED64,
        [ROUNDTRIP_DOUBLE] = PROTOBUF_C_TYPE_DOUBLE,
    };
    return types[type];
}

/* The tag's bytes, read as one big-endian number. */
static uint32_t tag_of(const struct roundtrip_field *field) {
    uint32_t key = field->number << 3 | wire_type_of(field->type);
    return key < 0x80 ? key : ((key & 0x7f) | 0x80) << 8 | key >> 7;
}

static bool same_label(const struct roundtrip_field *field, const ProtobufCFieldDescriptor *descriptor) {
    bool oneof = (descriptor->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) != 0;
    switch (field->label) {
    case ROUNDTRIP_REPEATED:
        return descriptor->label == PROTOBUF_C_LABEL_REPEATED;
    case ROUNDTRIP_ONEOF:
        return oneof;
    case ROUNDTRIP_SINGULAR:
        return !oneof && descriptor->label != PROTOBUF_C_LABEL_REPEATED;
    default:
        return true;
    }
}

static bool same_message(const struct roundtrip_message *message, const ProtobufCMessageDescriptor *descriptor,
                         struct roundtrip_problem *problem, int depth);

static bool same_field(const struct roundtrip_message *message, const struct roundtrip_field *field,
                       const ProtobufCMessageDescriptor *descriptor, struct roundtrip_problem *problem, int depth) {
    const ProtobufCFieldDescriptor *found = protobuf_c_message_descriptor_get_field_by_name(descriptor, field->name);
    if (!found)
        return wrong(problem, message, field->name, "is missing");
    if (found->id != field->number)
        return wrong(problem, message, field->name, "has number %u, should have %u", found->id, field->number);
    if (found->type != decoded_type(field->type) || !same_label(field, found))
        return wrong(problem, message, field->name, "has another type or label");
    if (tag_of(field) != field->tag)
        return wrong(problem, message, field->name, "the table's tag %x is not of its number", field->tag);
    if (field->type == ROUNDTRIP_ENUM &&
        ((const ProtobufCEnumDescriptor *)found->descriptor)->n_values != field->most + 1)
        return wrong(problem, message, field->name, "has other values");
    return !field->message || same_message(field->message, found->descriptor, problem, depth + 1);
}

static bool same_message(const struct roundtrip_message *message, const ProtobufCMessageDescriptor *descriptor,
                         struct roundtrip_problem *problem, int depth) {
    if (depth > SCHEMA_DEPTH) /* values nest in values: all of it has been seen */
        return true;
    if (descriptor->n_fields != message->field_count)
        return wrong(problem, message, "*", "%u fields, should be %zu", descriptor->n_fields, message->field_count);
    for (size_t i = 0; i < message->field_count; i++)
        if (!same_field(message, &message->fields[i], descriptor, problem, depth))
            return false;
    return true;
}

bool roundtrip_same_schema(const struct roundtrip_message *message, const ProtobufCMessageDescriptor *descriptor,
                           struct roundtrip_problem *problem) {
    return same_message(message, descriptor, problem, 0);
}

/* ---- reading ----------------------------------------------------------------------------------------------------- */

struct reader {
    const uint8_t *at, *end;
};

/* What stands behind a tag: a number, or bytes. */
struct content {
    uint64_t number;
    const uint8_t *bytes;
    size_t len;
};

/* `raw` also receives the bytes themselves as one big-endian number. False: cut off, too long, or padded with zeros. */
static bool read_varint(struct reader *in, uint64_t *value, uint64_t *raw) {
    *value = *raw = 0;
    for (unsigned shift = 0; shift < 64 && in->at < in->end; shift += 7) {
        uint8_t byte = *in->at++;
        *value |= (uint64_t)(byte & 0x7f) << shift;
        *raw = *raw << 8 | byte;
        if (!(byte & 0x80))
            return (byte != 0 || shift == 0) && (shift < 63 || byte == 1);
    }
    return false;
}

static bool read_fixed(struct reader *in, size_t size, uint64_t *value) {
    *value = 0;
    if ((size_t)(in->end - in->at) < size)
        return false;
    for (size_t i = 0; i < size; i++)
        *value |= (uint64_t)*in->at++ << (8 * i);
    return true;
}

static bool read_content(struct reader *in, enum roundtrip_type type, struct content *out) {
    uint64_t raw;
    switch (wire_type_of(type)) {
    case VARINT:
        return read_varint(in, &out->number, &raw);
    case WIRE_64:
        return read_fixed(in, 8, &out->number);
    case WIRE_32:
        return read_fixed(in, 4, &out->number);
    default:
        if (!read_varint(in, &out->number, &raw) || out->number > (uint64_t)(in->end - in->at))
            return false;
        out->bytes = in->at;
        out->len = (size_t)out->number;
        in->at += out->len;
        return true;
    }
}

static const struct roundtrip_field *field_of(const struct roundtrip_message *message, uint64_t tag) {
    for (size_t i = 0; i < message->field_count; i++)
        if (message->fields[i].tag == tag)
            return &message->fields[i];
    return NULL;
}

/* Whether a number is one that the type can have. */
static bool in_range(const struct roundtrip_field *field, uint64_t number) {
    switch (field->type) {
    case ROUNDTRIP_BOOL:
        return number <= 1;
    case ROUNDTRIP_ENUM:
        return number <= field->most;
    case ROUNDTRIP_UINT32:
        return number <= UINT32_MAX;
    default:
        return true;
    }
}

/* ---- comparing with what was decoded ----------------------------------------------------------------------------- */

/* By number, which is quick; that the names agree with the numbers is for roundtrip_same_schema() to say. */
static const ProtobufCFieldDescriptor *descriptor_of(const struct roundtrip_field *field,
                                                     const ProtobufCMessage *decoded) {
    return protobuf_c_message_descriptor_get_field(decoded->descriptor, field->number);
}

static const void *member_at(const ProtobufCMessage *decoded, unsigned offset) {
    return (const char *)decoded + offset;
}

static uint64_t decoded_number(const struct roundtrip_field *field, const void *member) {
    uint64_t wide = 0;
    uint32_t narrow = 0;
    switch (field->type) {
    case ROUNDTRIP_INT64:
    case ROUNDTRIP_FIXED64:
    case ROUNDTRIP_DOUBLE:
        memcpy(&wide, member, sizeof wide);
        return wide;
    default:
        memcpy(&narrow, member, sizeof narrow);
        return narrow;
    }
}

static size_t decoded_count(const ProtobufCMessage *decoded, const ProtobufCFieldDescriptor *descriptor) {
    size_t count;
    memcpy(&count, member_at(decoded, descriptor->quantifier_offset), sizeof count);
    return count;
}

static uint32_t decoded_case(const ProtobufCMessage *decoded, const ProtobufCFieldDescriptor *descriptor) {
    uint32_t which;
    memcpy(&which, member_at(decoded, descriptor->quantifier_offset), sizeof which);
    return which;
}

/* The submessage: the `index`-th of a repeated field, or the only one. NULL: there is none. */
static const ProtobufCMessage *decoded_message(const struct roundtrip_field *field, const ProtobufCMessage *decoded,
                                               const ProtobufCFieldDescriptor *descriptor, size_t index) {
    const void *member = member_at(decoded, descriptor->offset);
    if (field->label != ROUNDTRIP_REPEATED)
        return *(ProtobufCMessage *const *)member;
    return index < decoded_count(decoded, descriptor) ? (*(ProtobufCMessage *const *const *)member)[index] : NULL;
}

static bool same_data(const struct content *content, const void *member) {
    const ProtobufCBinaryData *data = member;
    return data->len == content->len && (data->len == 0 || memcmp(data->data, content->bytes, data->len) == 0);
}

static bool same_content(const struct roundtrip_message *message, const struct roundtrip_field *field,
                         const struct content *content, const ProtobufCMessage *decoded, size_t index,
                         struct roundtrip_problem *problem) {
    const ProtobufCFieldDescriptor *descriptor = descriptor_of(field, decoded);
    if (!descriptor)
        return wrong(problem, message, field->name, "is not known to protobuf-c");
    if (field->label == ROUNDTRIP_ONEOF && decoded_case(decoded, descriptor) != field->number)
        return wrong(problem, message, field->name, "another member was decoded");
    const void *member = member_at(decoded, descriptor->offset);
    if (field->type == ROUNDTRIP_MESSAGE) {
        const ProtobufCMessage *inner = decoded_message(field, decoded, descriptor, index);
        return inner ? roundtrip_same_bytes(field->message, content->bytes, content->len, inner, problem)
                     : wrong(problem, message, field->name, "was not decoded");
    }
    if (wire_type_of(field->type) == LENGTH)
        return same_data(content, member) || wrong(problem, message, field->name, "was decoded to other bytes");
    return decoded_number(field, member) == content->number ||
           wrong(problem, message, field->name, "%" PRIu64 " was decoded to something else", content->number);
}

static bool is_default(const struct roundtrip_field *field, const struct content *content) {
    if (field->label != ROUNDTRIP_SINGULAR || field->type == ROUNDTRIP_MESSAGE)
        return false;
    return wire_type_of(field->type) == LENGTH ? content->len == 0 : content->number == 0;
}

/* What is wrong with a field by itself; NULL: nothing. */
static const char *fault_of(const struct roundtrip_field *field, const struct content *content, size_t seen) {
    if (field->label == ROUNDTRIP_NEVER)
        return "does not belong into traces";
    if (field->label != ROUNDTRIP_REPEATED && seen > 0)
        return "is there twice";
    if (is_default(field, content))
        return "is written although it has its default";
    if (!in_range(field, content->number) && wire_type_of(field->type) == VARINT)
        return "is out of range";
    if (field->type == ROUNDTRIP_STRING && !roundtrip_is_utf8(otel_strn((const char *)content->bytes, content->len)))
        return "is not UTF-8";
    return NULL;
}

/* What is not in the bytes must not have been decoded either. */
static bool nothing_else(const struct roundtrip_message *message, const size_t *seen, const ProtobufCMessage *decoded,
                         struct roundtrip_problem *problem) {
    size_t chosen = 0;
    for (size_t i = 0; i < message->field_count; i++) {
        const struct roundtrip_field *field = &message->fields[i];
        const ProtobufCFieldDescriptor *descriptor = descriptor_of(field, decoded);
        if (!descriptor)
            return wrong(problem, message, field->name, "is not known to protobuf-c");
        const void *member = member_at(decoded, descriptor->offset);
        bool same = true;
        if (field->label == ROUNDTRIP_ONEOF)
            chosen += seen[i];
        else if (field->label == ROUNDTRIP_REPEATED)
            same = decoded_count(decoded, descriptor) == seen[i];
        else if (field->label == ROUNDTRIP_SINGULAR && field->type == ROUNDTRIP_MESSAGE)
            same = (decoded_message(field, decoded, descriptor, 0) != NULL) == (seen[i] > 0);
        else if (field->label == ROUNDTRIP_SINGULAR && seen[i] == 0)
            same = wire_type_of(field->type) == LENGTH ? ((const ProtobufCBinaryData *)member)->len == 0
                                                       : decoded_number(field, member) == 0;
        if (!same)
            return wrong(problem, message, field->name, "was decoded from nothing");
    }
    return chosen <= 1 || wrong(problem, message, "*", "%zu members of a oneof", chosen);
}

bool roundtrip_same_bytes(const struct roundtrip_message *message, const uint8_t *bytes, size_t len,
                          const ProtobufCMessage *decoded, struct roundtrip_problem *problem) {
    struct reader in = { bytes, bytes + len };
    size_t seen[FIELDS_MAX] = { 0 };
    while (in.at < in.end) {
        uint64_t key, tag;
        const struct roundtrip_field *field = read_varint(&in, &key, &tag) ? field_of(message, tag) : NULL;
        if (!field)
            return wrong(problem, message, "?", "there is no field with the tag %" PRIx64, tag);
        struct content content = { 0, NULL, 0 };
        if (!read_content(&in, field->type, &content))
            return wrong(problem, message, field->name, "is cut off or badly written");
        size_t *count = &seen[field - message->fields];
        const char *fault = fault_of(field, &content, *count);
        if (fault)
            return wrong(problem, message, field->name, "%s", fault);
        if (!same_content(message, field, &content, decoded, *count, problem))
            return false;
        ++*count;
    }
    return nothing_else(message, seen, decoded, problem);
}

/* ---- unknown fields ---------------------------------------------------------------------------------------------- */

static size_t unknown_below(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field) {
    const void *member = member_at(message, field->offset);
    if (field->type != PROTOBUF_C_TYPE_MESSAGE)
        return 0;
    if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) && decoded_case(message, field) != field->id)
        return 0;
    if (field->label != PROTOBUF_C_LABEL_REPEATED) {
        const ProtobufCMessage *inner = *(ProtobufCMessage *const *)member;
        return inner ? roundtrip_unknown_fields(inner) : 0;
    }
    size_t sum = 0;
    for (size_t i = 0; i < decoded_count(message, field); i++)
        sum += roundtrip_unknown_fields((*(ProtobufCMessage *const *const *)member)[i]);
    return sum;
}

size_t roundtrip_unknown_fields(const ProtobufCMessage *message) {
    size_t sum = message->n_unknown_fields;
    for (unsigned i = 0; i < message->descriptor->n_fields; i++)
        sum += unknown_below(message, &message->descriptor->fields[i]);
    return sum;
}
