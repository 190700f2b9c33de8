/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strategy_protobuf.c - see strategy_protobuf.h.
 *
 * Read as it comes, since all that is kept of a message are a few numbers and the names of operations: what a hostile
 * server makes of its bytes thus cannot take more memory than they are worth.
 */
#include "jaeger/strategy_protobuf.h"

#include <stdlib.h>
#include <string.h>

enum { VARINT = 0, FIXED64 = 1, BYTES = 2, FIXED32 = 5 };
enum { VARINT_BYTES_MAX = 10 };

/* What is left of a message; `bad` once it is malformed. */
struct reader {
    const uint8_t *at, *end;
    bool bad;
};

/* One field. A number is in `number`, a double as its bits. */
struct field {
    unsigned id, type;
    uint64_t number;
    const uint8_t *bytes;
    size_t len;
};

static uint64_t read_varint(struct reader *reader) {
    uint64_t value = 0;
    for (unsigned i = 0; i < VARINT_BYTES_MAX && reader->at < reader->end; i++) {
        const uint8_t byte = *reader->at++;
        value |= (uint64_t)(byte & 0x7f) << 7 * i;
        if (byte < 0x80)
            return value;
    }
    reader->bad = true;
    return 0;
}

static const uint8_t *read_bytes(struct reader *reader, uint64_t len) {
    const uint8_t *bytes = reader->at;
    if (len > (uint64_t)(reader->end - reader->at)) {
        reader->bad = true;
        return NULL;
    }
    reader->at += len;
    return bytes;
}

static uint64_t read_fixed(struct reader *reader, unsigned size) {
    const uint8_t *bytes = read_bytes(reader, size);
    uint64_t value = 0;
    for (unsigned i = 0; bytes && i < size; i++)
        value |= (uint64_t)bytes[i] << 8 * i;
    return value;
}

/* False: there is no further one, or the message is malformed. */
static bool next_field(struct reader *reader, struct field *field) {
    if (reader->bad || reader->at == reader->end)
        return false;
    const uint64_t tag = read_varint(reader);
    *field = (struct field){ .id = (unsigned)(tag >> 3), .type = (unsigned)(tag & 7) };
    if (field->type == BYTES) {
        const uint64_t len = read_varint(reader);
        field->bytes = read_bytes(reader, len);
        field->len = (size_t)len;
    } else if (field->type == VARINT) {
        field->number = read_varint(reader);
    } else if (field->type == FIXED64 || field->type == FIXED32) {
        field->number = read_fixed(reader, field->type == FIXED64 ? 8 : 4);
    } else {
        reader->bad = true;
    }
    reader->bad |= tag >> 3 == 0 || tag > UINT32_MAX;
    return !reader->bad;
}

/* Whether the field is this one; of another type than that it must not be. */
static bool is(struct reader *reader, const struct field *field, unsigned id, unsigned type) {
    if (field->id != id)
        return false;
    if (field->type != type)
        reader->bad = true;
    return field->type == type;
}

static double to_double(uint64_t bits) {
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static struct reader inside(const struct field *field) {
    return (struct reader){ .at = field->bytes, .end = field->bytes + field->len };
}

/* ProbabilisticSamplingStrategy. What comes twice is merged, so a value that is not there stays. */
static bool read_probabilistic(const struct field *message, double *probability) {
    struct reader reader = inside(message);
    struct field field;
    while (next_field(&reader, &field))
        if (is(&reader, &field, 1, FIXED64))
            *probability = to_double(field.number);
    return !reader.bad;
}

static bool read_rate_limiting(const struct field *message, double *rate) {
    struct reader reader = inside(message);
    struct field field;
    while (next_field(&reader, &field))
        if (is(&reader, &field, 1, VARINT))
            *rate = (int32_t)(uint32_t)field.number;
    return !reader.bad;
}

static bool read_operation(const struct field *message, struct otel__strategy *strategy) {
    struct reader reader = inside(message);
    struct field field;
    otel_str name = { "", 0 };
    double probability = 0;
    bool has_probability = false;
    while (next_field(&reader, &field)) {
        if (is(&reader, &field, 1, BYTES))
            name = (otel_str){ (const char *)field.bytes, field.len };
        else if (is(&reader, &field, 2, BYTES))
            has_probability = read_probabilistic(&field, &probability);
    }
    return !reader.bad && has_probability && otel__strategy_add(strategy, name, probability);
}

static bool read_operations(const struct field *message, struct otel__strategy *strategy) {
    struct reader reader = inside(message);
    struct field field;
    bool fine = true;
    while (fine && next_field(&reader, &field)) {
        if (is(&reader, &field, 1, FIXED64))
            strategy->probability = to_double(field.number);
        else if (is(&reader, &field, 2, FIXED64))
            strategy->rate = to_double(field.number);
        else if (is(&reader, &field, 3, BYTES))
            fine = read_operation(&field, strategy);
    }
    return fine && !reader.bad;
}

static bool read_parts(const uint8_t *body, size_t len, struct otel__strategy_parts *parts) {
    struct reader reader = { .at = body, .end = body + len };
    struct field field;
    bool fine = len <= OTEL__STRATEGY_BYTES_MAX;
    while (fine && next_field(&reader, &field)) {
        if (is(&reader, &field, 2, BYTES)) {
            parts->has_probabilistic = true;
            fine = read_probabilistic(&field, &parts->probability);
        } else if (is(&reader, &field, 3, BYTES)) {
            parts->has_rate_limiting = true;
            fine = read_rate_limiting(&field, &parts->rate);
        } else if (is(&reader, &field, 4, BYTES)) {
            parts->has_operations = true;
            fine = read_operations(&field, &parts->per_operation);
        }
    }
    return fine && !reader.bad;
}

const char *otel__strategy_read_protobuf(const uint8_t *body, size_t len, struct otel__strategy *strategy) {
    struct otel__strategy_parts parts = { .has_operations = false };
    static const uint8_t empty;
    const char *problem = "it is no SamplingStrategyResponse";
    *strategy = (struct otel__strategy){ .kind = OTEL__STRATEGY_NONE };
    if (read_parts(len ? body : &empty, len, &parts))
        problem = otel__strategy_choose(&parts, strategy);
    otel__strategy_free(&parts.per_operation);
    return problem;
}

uint8_t *otel__strategy_ask_protobuf(otel_str service, size_t *len) {
    uint8_t *message = malloc(service.len + 1 + VARINT_BYTES_MAX);
    if (!message)
        return NULL;
    uint8_t *at = message;
    *at++ = 1 << 3 | BYTES;
    size_t left = service.len;
    for (; left >= 0x80; left >>= 7)
        *at++ = (uint8_t)(left | 0x80);
    *at++ = (uint8_t)left;
    if (service.len)
        memcpy(at, service.ptr, service.len);
    *len = (size_t)(at - message) + service.len;
    return message;
}
