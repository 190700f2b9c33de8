/* SPDX-License-Identifier: Apache-2.0 */
/* canonical.c - see canonical.h: walks protobuf-c's descriptors, so that it knows no message by itself. */
#include "canonical.h"

#include <inttypes.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

static void write_fields(FILE *out, const ProtobufCMessage *message, int depth);

static const void *member_at(const ProtobufCMessage *message, size_t offset) { return (const char *)message + offset; }

/* How many of a repeated field there are; which member of a oneof is set. */
static size_t quantifier(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field) {
    const void *at = member_at(message, field->quantifier_offset);
    return field->label == PROTOBUF_C_LABEL_REPEATED ? *(const size_t *)at : *(const uint32_t *)at;
}

static size_t size_of(ProtobufCType type) {
    switch (type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        return sizeof(ProtobufCMessage *);
    case PROTOBUF_C_TYPE_BYTES:
        return sizeof(ProtobufCBinaryData);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_FIXED64:
    case PROTOBUF_C_TYPE_SFIXED64:
    case PROTOBUF_C_TYPE_DOUBLE:
        return 8;
    default:
        return 4;
    }
}

static bool is_default(const ProtobufCFieldDescriptor *field, const void *value) {
    static const char zeros[8];
    if (field->type == PROTOBUF_C_TYPE_BYTES)
        return ((const ProtobufCBinaryData *)value)->len == 0;
    return memcmp(value, zeros, size_of(field->type)) == 0; /* a message is a pointer */
}

static void write_bytes(FILE *out, const ProtobufCBinaryData *bytes) {
    fputs("bytes ", out);
    for (size_t i = 0; i < bytes->len; i++)
        fprintf(out, "%02x", bytes->data[i]);
}

static void write_double(FILE *out, const double *value) {
    uint64_t bits;
    memcpy(&bits, value, sizeof bits);
    if (isnan(*value)) /* one of many */
        fputs("double nan", out);
    else
        fprintf(out, "double %016" PRIx64, bits);
}

static void write_value(FILE *out, const ProtobufCFieldDescriptor *field, const void *value, int depth) {
    switch (field->type) {
    case PROTOBUF_C_TYPE_MESSAGE:
        fputs("{\n", out);
        write_fields(out, *(ProtobufCMessage *const *)value, depth + 1);
        fprintf(out, "%*s}", depth, "");
        break;
    case PROTOBUF_C_TYPE_BYTES:
        write_bytes(out, value);
        break;
    case PROTOBUF_C_TYPE_DOUBLE:
        write_double(out, value);
        break;
    case PROTOBUF_C_TYPE_BOOL:
        fprintf(out, "bool %s", *(const protobuf_c_boolean *)value ? "true" : "false");
        break;
    case PROTOBUF_C_TYPE_INT64:
        fprintf(out, "int64 %" PRId64, *(const int64_t *)value);
        break;
    case PROTOBUF_C_TYPE_FIXED64:
        fprintf(out, "fixed64 %" PRIu64, *(const uint64_t *)value);
        break;
    case PROTOBUF_C_TYPE_SFIXED64:
        fprintf(out, "sfixed64 %" PRId64, *(const int64_t *)value);
        break;
    case PROTOBUF_C_TYPE_FIXED32:
        fprintf(out, "fixed32 %" PRIu32, *(const uint32_t *)value);
        break;
    case PROTOBUF_C_TYPE_UINT32:
        fprintf(out, "uint32 %" PRIu32, *(const uint32_t *)value);
        break;
    case PROTOBUF_C_TYPE_INT32:
        fprintf(out, "int32 %" PRId32, *(const int32_t *)value);
        break;
    case PROTOBUF_C_TYPE_ENUM:
        fprintf(out, "enum %" PRId32, *(const int32_t *)value);
        break;
    default:
        fputs("a kind that OTLP does not have", out);
    }
}

static void write_field(FILE *out, const ProtobufCFieldDescriptor *field, const void *value, int depth) {
    fprintf(out, "%*s%" PRIu32 " %s ", depth, "", field->id, field->name);
    write_value(out, field, value, depth);
    fputc('\n', out);
}

static void write_fields(FILE *out, const ProtobufCMessage *message, int depth) {
    for (unsigned f = 0; f < message->descriptor->n_fields; f++) {
        const ProtobufCFieldDescriptor *field = &message->descriptor->fields[f];
        const void *member = member_at(message, field->offset);
        if (field->label == PROTOBUF_C_LABEL_REPEATED) {
            for (size_t i = 0; i < quantifier(message, field); i++)
                write_field(out, field, *(const char *const *)member + i * size_of(field->type), depth);
        } else if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF ? quantifier(message, field) == field->id
                                                              : !is_default(field, member)) {
            write_field(out, field, member, depth);
        }
    }
    if (message->n_unknown_fields > 0)
        fprintf(out, "%*sand unknown fields\n", depth, "");
}

void canonical_write(FILE *out, const ProtobufCMessage *message) { write_fields(out, message, 0); }
