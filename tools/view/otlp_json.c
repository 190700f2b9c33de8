/* SPDX-License-Identifier: Apache-2.0 */
/* OTLP's JSON, by the descriptors of its messages: each field has the member of the same name in lowerCamelCase. Ids are in
 * hexadecimal, other bytes in base64, 64-bit integers are text or numbers, enums are numbers, and null is no member.
 *
 * The messages are built in an arena, and texts point into the JSON. What has no place in a message is ignored; what is in
 * the wrong form makes the whole request malformed. */
#include "otlp_json.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct view_arena arena;
    const char *problem; /* the first one, a static text */
};

static bool refuse(struct reader *reader, const char *problem) {
    if (!reader->problem) {
        reader->problem = problem;
    }
    return false;
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

/* Of whatever length: those of spans are looked at when they are added to the store. */
static bool read_hex(struct reader *reader, const json_t *json, ProtobufCBinaryData *out) {
    const size_t len = json_string_length(json) / 2;
    *out = (ProtobufCBinaryData){ len, view_arena_zeros(&reader->arena, len + 1) };
    if (!out->data) {
        return false;
    }
    return view_parse_hex(json_string_value(json), out->data, len) || refuse(reader, "an id is not hexadecimal");
}

/* Both alphabets; -1: none of either. */
static int base64_digit(char digit) {
    if (digit >= 'A' && digit <= 'Z') {
        return digit - 'A';
    }
    if (digit >= 'a' && digit <= 'z') {
        return digit - 'a' + 26;
    }
    if (digit >= '0' && digit <= '9') {
        return digit - '0' + 52;
    }
    return digit == '+' || digit == '-' ? 62 : digit == '/' || digit == '_' ? 63 : -1;
}

static bool read_base64(struct reader *reader, const json_t *json, ProtobufCBinaryData *out) {
    const char *text = json_string_value(json);
    size_t digits = json_string_length(json);
    uint32_t bits = 0;
    while (digits > 0 && text[digits - 1] == '=') {
        digits--;
    }
    *out = (ProtobufCBinaryData){ 0, view_arena_zeros(&reader->arena, digits + 1) };
    for (size_t i = 0; out->data && i < digits; i++) {
        const int digit = base64_digit(text[i]);
        if (digit < 0) {
            return refuse(reader, "a value of bytes is no base64");
        }
        bits = bits << 6 | (uint32_t)digit;
        if (i % 4 != 0) { /* eight new bits are there */
            out->data[out->len++] = (uint8_t)(bits >> (6 - i % 4 * 2));
        }
    }
    return out->data != NULL;
}

static bool read_bytes(struct reader *reader, const json_t *json, const char *name, ProtobufCBinaryData *out) {
    if (!json_is_string(json)) {
        return refuse(reader, "a text is no string");
    }
    if (strcmp(name, "trace_id") == 0 || strcmp(name, "span_id") == 0 || strcmp(name, "parent_span_id") == 0) {
        return read_hex(reader, json, out);
    }
    if (strcmp(name, "bytes_value") == 0) {
        return read_base64(reader, json, out);
    }
    *out = (ProtobufCBinaryData){ json_string_length(json), (uint8_t *)(uintptr_t)json_string_value(json) };
    return true;
}

/* Unsigned ones above INT64_MAX are text, which is all that jansson reads; their bits go through `out` too. */
static bool read_integer(struct reader *reader, const json_t *json, int64_t *out) {
    const char *text = json_string_value(json);
    char *end = NULL;
    if (json_is_integer(json)) {
        *out = json_integer_value(json);
        return true;
    }
    if (text && (text[0] == '-' || (text[0] >= '0' && text[0] <= '9'))) {
        errno = 0;
        *out = text[0] == '-' ? strtoll(text, &end, 10) : (int64_t)strtoull(text, &end, 10);
    }
    return (end && *end == '\0' && errno == 0) || refuse(reader, "a number is no integer");
}

static bool read_double(struct reader *reader, const json_t *json, double *out) {
    const char *text = json_string_value(json);
    char *end = NULL;
    *out = json_number_value(json);
    if (text) { /* a number, or NaN, Infinity, -Infinity */
        *out = strtod(text, &end);
    }
    return json_is_number(json) || (end && end != text && *end == '\0') || refuse(reader, "a double is no number");
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static ProtobufCMessage *read_message(struct reader *reader, const json_t *json, const ProtobufCMessageDescriptor *type,
                                      unsigned levels);

/* One value of the field, which `out` has room for. `levels` more of messages may be in it. */
static bool read_value(struct reader *reader, const json_t *json, const ProtobufCFieldDescriptor *field,
                       unsigned levels, void *out) {
    int64_t number = 0;
    switch (field->type) {
    case PROTOBUF_C_TYPE_BYTES:
        return read_bytes(reader, json, field->name, out);
    case PROTOBUF_C_TYPE_BOOL:
        *(protobuf_c_boolean *)out = json_is_true(json);
        return json_is_boolean(json) || refuse(reader, "a boolean is neither true nor false");
    case PROTOBUF_C_TYPE_DOUBLE:
        return read_double(reader, json, out);
    case PROTOBUF_C_TYPE_INT64:
    case PROTOBUF_C_TYPE_FIXED64:
        return read_integer(reader, json, out);
    case PROTOBUF_C_TYPE_MESSAGE:
        *(ProtobufCMessage **)out = read_message(reader, json, field->descriptor, levels);
        return *(ProtobufCMessage **)out != NULL;
    default: /* 32 bits: counts, flags, enums */
        if (!read_integer(reader, json, &number)) {
            return false;
        }
        *(uint32_t *)out = (uint32_t)number;
        return (number >= INT32_MIN && number <= UINT32_MAX) || refuse(reader, "a number is too large");
    }
}

static bool read_list(struct reader *reader, const json_t *json, const ProtobufCFieldDescriptor *field, unsigned levels,
                      char *message) {
    const size_t size = field->type == PROTOBUF_C_TYPE_BYTES ? sizeof(ProtobufCBinaryData) : sizeof(void *);
    size_t *count = (size_t *)(void *)(message + field->quantifier_offset);
    char *items = view_arena_zeros(&reader->arena, (json_array_size(json) + 1) * size);
    *(char **)(void *)(message + field->offset) = items;
    if (!json_is_array(json)) {
        return refuse(reader, "a list is no array");
    }
    for (; items && *count < json_array_size(json); ++*count) {
        if (!read_value(reader, json_array_get(json, *count), field, levels, items + *count * size)) {
            return false;
        }
    }
    return items != NULL;
}

static bool read_field(struct reader *reader, const json_t *json, const ProtobufCFieldDescriptor *field,
                       unsigned levels, char *message) {
    if (field->label == PROTOBUF_C_LABEL_REPEATED) {
        return read_list(reader, json, field, levels, message);
    }
    if (field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) {
        *(uint32_t *)(void *)(message + field->quantifier_offset) = field->id;
    }
    return read_value(reader, json, field, levels, message + field->offset);
}

/* schema_url is schemaUrl. */
static void to_camel_case(const char *name, char out[64]) {
    size_t len = 0;
    for (; *name && len < 63; name++) {
        const bool upper = *name == '_' && name[1];
        name += upper;
        out[len++] = (char)(upper ? *name - 'a' + 'A' : *name);
    }
    out[len] = '\0';
}

/* Calls itself once per level. */
static ProtobufCMessage *read_message(struct reader *reader, const json_t *json, const ProtobufCMessageDescriptor *type,
                                      unsigned levels) {
    ProtobufCMessage *message = view_arena_message(&reader->arena, type);
    if (!json_is_object(json) || levels == 0) {
        refuse(reader, levels == 0 ? "values are nested too deep" : "a message is no object");
        return NULL;
    }
    for (unsigned i = 0; message && i < type->n_fields; i++) {
        char name[64];
        to_camel_case(type->fields[i].name, name);
        const json_t *member = json_object_get(json, name);
        if (member && !json_is_null(member) &&
            !read_field(reader, member, &type->fields[i], levels - 1, (char *)message)) {
            return NULL;
        }
    }
    return message;
}

struct view_decode_result view_decode_otlp_json(const uint8_t *bytes, size_t len, struct view_store *store,
                                                int64_t now) {
    struct view_decode_result result = { .status = VIEW_DECODE_MALFORMED, .reason = "the body is no JSON" };
    json_t *json = json_loadb((const char *)bytes, len, JSON_ALLOW_NUL, NULL);
    struct reader reader = { .problem = NULL };
    view_arena_init(&reader.arena, VIEW_MAX_DECODED);
    if (json) {
        const ProtobufCMessage *request =
            read_message(&reader, json, &otel__otlp__export_trace_service_request__descriptor, VIEW_MAX_NESTING + 1);
        if (reader.arena.exhausted) {
            result.status = VIEW_DECODE_TOO_LARGE;
            result.reason = "decoding the request takes too much memory";
        } else if (request) {
            result = view_add_request((const Otel__Otlp__ExportTraceServiceRequest *)request, store, now);
        } else {
            result.reason = reader.problem;
        }
    }
    view_arena_clear(&reader.arena);
    json_decref(json);
    return result;
}
