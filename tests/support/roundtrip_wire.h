/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roundtrip_wire.h - OTLP as the specification's tables have it, and a reader of bytes that knows nothing else. It
 * stands beside protobuf-c and our proto files, which could share a mistake with the writer.
 */
#ifndef ROUNDTRIP_WIRE_H
#define ROUNDTRIP_WIRE_H

#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum roundtrip_type {
    ROUNDTRIP_BYTES,
    ROUNDTRIP_STRING,
    ROUNDTRIP_MESSAGE,
    ROUNDTRIP_BOOL,
    ROUNDTRIP_INT32,
    ROUNDTRIP_INT64,
    ROUNDTRIP_UINT32,
    ROUNDTRIP_ENUM,
    ROUNDTRIP_FIXED32,
    ROUNDTRIP_FIXED64,
    ROUNDTRIP_DOUBLE
};

enum roundtrip_label {
    ROUNDTRIP_SINGULAR, /* at most once; a scalar only if it is not its default */
    ROUNDTRIP_REPEATED,
    ROUNDTRIP_ONEOF, /* one member of the message at most, also at its default */
    ROUNDTRIP_NEVER  /* defined, but not sent in traces */
};

struct roundtrip_field {
    uint32_t number;
    const char *name;
    enum roundtrip_type type;
    enum roundtrip_label label;
    uint32_t tag; /* the tag's bytes as they stand on the wire, read as one big-endian number */
    const struct roundtrip_message *message;
    uint32_t most; /* of an enum */
};

struct roundtrip_message {
    const char *name;
    size_t field_count;
    struct roundtrip_field fields[16];
};

/* ExportTraceServiceRequest; all others hang below it. */
extern const struct roundtrip_message roundtrip_request;

/* The first thing that was wrong. */
struct roundtrip_problem {
    char text[512];
};

/*
 * Whether what protobuf-c was generated from agrees with the table: the same fields, numbers, types and labels, from
 * `message` downwards.
 */
bool roundtrip_same_schema(const struct roundtrip_message *message, const ProtobufCMessageDescriptor *descriptor,
                           struct roundtrip_problem *problem);

/*
 * Reads `bytes` by the table alone and compares each value that it finds with what protobuf-c decoded there. Strict:
 * unknown fields, wrong wire types, defaults that are written, padded varints, text that is not UTF-8 are wrong.
 */
bool roundtrip_same_bytes(const struct roundtrip_message *message, const uint8_t *bytes, size_t len,
                          const ProtobufCMessage *decoded, struct roundtrip_problem *problem);

/* Fields in `message` and all below it that protobuf-c did not know. */
size_t roundtrip_unknown_fields(const ProtobufCMessage *message);

#endif
