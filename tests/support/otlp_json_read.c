/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_json_read.c - see otlp_json_read.h: walks protobuf-c's descriptors, so that it knows no message by itself. */
#include "otlp_json_read.h"

#include "trace_request.pb-c.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    char *problem;
};

static bool refuse(const struct reader *reader, const char *member, const char *why) {
    if (!reader->problem[0])
        snprintf(reader->problem, 256, "%s: %s", member, why);
    return false;
}

/* trace_state -> traceState */
static void camel(const char *snake, char *out) {
    for (; *snake; snake++)
        *out++ = (char)(*snake == '_' ? toupper((unsigned char)*++snake) : *snake);
    *out = '\0';
}

/* ---- scalars ----------------------------------------------------------------------------------------------------- */

static bool read_hex(const char *text, size_t digits, ProtobufCBinaryData *out) {
    if (strlen(text) != digits || strspn(text, "0123456789abcdef") != digits)
        return false;
    out->len = digits / 2;
    out->data = malloc(out->len);
    for (size_t i = 0; i < out->len; i++)
        if (sscanf(text + 2 * i, "%2hhx", &out->data[i]) != 1)
            return false;
    return true;
}

static bool read_base64(const char *text, ProtobufCBinaryData *out) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const size_t len = strlen(text);
    if (len % 4 != 0)
        return false;
    out->data = malloc(len + 1);
    for (size_t i = 0; i < len; i += 4) {
        uint32_t bits = 0;
        size_t some = 0;
        for (size_t j = 0; j < 4; j++) {
            const char *digit = text[i + j] == '=' ? NULL : strchr(digits, text[i + j]);
            if (!digit && (text[i + j] != '=' || j < 2 || i + 4 != len))
                return false;
            bits = bits << 6 | (digit ? (uint32_t)(digit - digits) : 0);
            some += digit != NULL;
        }
        for (size_t j = 0; j + 1 < some; j++)
            out->data[out->len++] = (uint8_t)(bits >> (16 - 8 * j));
    }
    return true;
}

static bool read_bytes(const json_t *json, const char *member, ProtobufCBinaryData *out) {
    if (!json_is_string(json))
        return false;
    if (strcmp(member, "trace_id") == 0)
        return read_hex(json_string_value(json), 32, out);
    if (strcmp(member, "span_id") == 0 || strcmp(member, "parent_span_id") == 0)
        return read_hex(json_string_value(json), 16, out);
    if (strcmp(member, "bytes_value") == 0)
        return read_base64(json_string_value(json), out);
    out->len = json_string_length(json);
    out->data = malloc(out->len + 1);
    memcpy(out->data, json_string_value(json), out->len);
    return true;
}

/* 64 bits are text, in decimal without a detour. */
static bool read_wide(const json_t *json, bool is_signed, void *out) {
    char again[32];
    if (!json_is_string(json))
        return false;
    const char *text = json_string_value(json);
    errno = 0;
    if (is_signed) {
        const int64_t number = strtoll(text, NULL, 10);
        snprintf(again, sizeof again, "%" PRId64, number);
        memcpy(out, &number, sizeof number);
    } else {
        const uint64_t number = strtoull(text, NULL, 10);
        snprintf(again, sizeof again, "%" PRIu64, number);
        memcpy(out, &number, sizeof number);
    }
    return errno == 0 && strcmp(again, text) == 0;
}

static bool read_narrow(const json_t *json, void *out) {
    const json_int_t number = json_integer_value(json);
    const uint32_t narrow = (uint32_t)number;
    memcpy(out, &narrow, sizeof narrow);
    return json_is_integer(json) && number >= 0 && number <= UINT32_MAX;
}

static bool read_double(const json_t *json, void *out) {
    double number = json_number_value(json);
    bool known = json_is_real(json);
    if (json_is_string(json)) {
        const char *text = json_string_value(json);
        known = strcmp(text, "NaN") == 0 || strcmp(text, "Infinity") == 0 || strcmp(text, "-Infinity") == 0;
        number = text[0] == 'N' ? (double)NAN : text[0] == '-' ? -(double)INFINITY : (double)INFINITY;
    }
    memcpy(out, &number, sizeof number);
    return known;
}

static bool read_bool(const json_t *json, void *out) {
    const protobuf_c_boolean value = json_is_true(json);
    memcpy(out, &value, sizeof value);
    return json_is_boolean(json);
}

/* ---- messages ---------------------------------------------------------------------------------------------------- */

static ProtobufCMessage *read_message(const struct reader *reader, const json_t *json,
                                      const ProtobufCMessageDescriptor *descriptor);

static bool read_value(const struct reader *reader, const json_t *json, const ProtobufCFieldDescriptor *field,
                       void *out) {
    ProtobufCMessage *message;
    switch (field->type) {
    case PROTOBUF_C_TYPE_BYTES:
        return read_bytes(json, field->name, out);
    case PROTOBUF_C_TYPE_BOOL:
        return read_bool(json, out);
    case PROTOBUF_C_TYPE_INT64:
        return read_wide(json, true, out);
    case PROTOBUF_C_TYPE_FIXED64:
        return read_wide(json, false, out);
    case PROTOBUF_C_TYPE_DOUBLE:
        return read_double(json, out);
    case PROTOBUF_C_TYPE_MESSAGE:
        message = read_message(reader, json, field->descriptor);
        memcpy(out, &message, sizeof message);
        return message != NULL;
    default: /* uint32, fixed32, enums */
        return read_narrow(json, out);
    }
}

static size_t element_size(const ProtobufCFieldDescriptor *field) {
    return field->type == PROTOBUF_C_TYPE_BYTES ? sizeof(ProtobufCBinaryData) : sizeof(void *);
}

static bool read_repeated(const struct reader *reader, const json_t *json, const ProtobufCFieldDescriptor *field,
                          char *message) {
    const size_t count = json_array_size(json), size = element_size(field);
    size_t *filled = (void *)(message + field->quantifier_offset);
    char *elements = calloc(count + 1, size);
    memcpy(message + field->offset, &elements, sizeof elements);
    for (size_t i = 0; i < count; i++) {
        if (!read_value(reader, json_array_get(json, i), field, elements + i * size))
            return false;
        *filled = i + 1;
    }
    return json_is_array(json);
}

/* A default that stands there all the same. An empty list in an AnyValue is its value. */
static bool is_default(const json_t *json, const char *member) {
    const bool list = strcmp(member, "values") == 0;
    return (json_is_integer(json) && json_integer_value(json) == 0) ||
           (json_is_string(json) && json_string_length(json) == 0) ||
           (!list && json_is_array(json) && json_array_size(json) == 0);
}

static bool read_field(const struct reader *reader, const json_t *json, const ProtobufCFieldDescriptor *field,
                       char *message) {
    const bool chosen = field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF;
    if (!chosen && strcmp(field->name, "key") != 0 && is_default(json, field->name))
        return refuse(reader, field->name, "stands there at its default");
    if (chosen) {
        uint32_t *choice = (void *)(message + field->quantifier_offset);
        if (*choice)
            return refuse(reader, field->name, "is a second choice");
        *choice = field->id;
    }
    const bool good = field->label == PROTOBUF_C_LABEL_REPEATED
                          ? read_repeated(reader, json, field, message)
                          : read_value(reader, json, field, message + field->offset);
    return good || refuse(reader, field->name, "has the wrong form");
}

static ProtobufCMessage *read_message(const struct reader *reader, const json_t *json,
                                      const ProtobufCMessageDescriptor *descriptor) {
    size_t known = 0;
    bool good = json_is_object(json);
    ProtobufCMessage *message = calloc(1, descriptor->sizeof_message);
    descriptor->message_init(message);
    for (unsigned i = 0; i < descriptor->n_fields && good; i++) {
        char name[64];
        camel(descriptor->fields[i].name, name);
        const json_t *member = json_object_get(json, name);
        known += member != NULL;
        if (member)
            good = read_field(reader, member, &descriptor->fields[i], (char *)message);
    }
    if (good && known == json_object_size(json))
        return message;
    refuse(reader, descriptor->name, good ? "has an unknown member" : "is no such object");
    protobuf_c_message_free_unpacked(message, NULL);
    return NULL;
}

bool otlp_json_read(const char *text, size_t len, uint8_t **bytes, size_t *size, char problem[256]) {
    const struct reader reader = { problem };
    json_error_t error;
    problem[0] = '\0';
    json_t *json = json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
    if (!json)
        return refuse(&reader, "JSON", error.text);
    ProtobufCMessage *request = read_message(&reader, json, &otel__otlp__traces_data__descriptor);
    json_decref(json);
    if (!request)
        return false;
    *size = protobuf_c_message_get_packed_size(request);
    *bytes = malloc(*size + 1);
    protobuf_c_message_pack(request, *bytes);
    protobuf_c_message_free_unpacked(request, NULL);
    return true;
}
