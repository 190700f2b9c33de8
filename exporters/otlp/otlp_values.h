/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_values.h - what spans and metrics have in common in OTLP's protobuf: attributes, scopes, resources
 * (specification: opentelemetry-proto, common.proto, resource.proto). Inline, as protobuf_writer.h is, and for its reason.
 */
#ifndef OTEL_OTLP_VALUES_H
#define OTEL_OTLP_VALUES_H

#include "common/protobuf_writer.h"
#include "common/value_element.h"
#include "otlp/otlp_data.h"

/* Field numbers; one enum per message. The first is that of ResourceSpans, ScopeSpans and their like. */
enum { OTEL__OTLP_ITS_RESOURCE = 1, OTEL__OTLP_ITS_SCOPE = 1 };
enum { OTEL__OTLP_RESOURCE_ATTRIBUTES = 1, OTEL__OTLP_RESOURCE_DROPPED_ATTRIBUTES = 2 };
enum {
    OTEL__OTLP_SCOPE_NAME = 1,
    OTEL__OTLP_SCOPE_VERSION = 2,
    OTEL__OTLP_SCOPE_ATTRIBUTES = 3,
    OTEL__OTLP_SCOPE_DROPPED_ATTRIBUTES = 4
};
enum { OTEL__OTLP_KEY_VALUE_KEY = 1, OTEL__OTLP_KEY_VALUE_VALUE = 2 };
enum {
    OTEL__OTLP_ANY_STRING = 1,
    OTEL__OTLP_ANY_BOOL = 2,
    OTEL__OTLP_ANY_INT = 3,
    OTEL__OTLP_ANY_DOUBLE = 4,
    OTEL__OTLP_ANY_ARRAY = 5,
    OTEL__OTLP_ANY_MAP = 6,
    OTEL__OTLP_ANY_BYTES = 7
};
enum { OTEL__OTLP_LIST_VALUES = 1 };

/* Those that write are not inline, which would cost a small span a tenth more: the compiler knows better which to inline. */
static __attribute__((unused)) void otel__otlp_write_attribute(struct otel__buffer *out, uint32_t field,
                                                               const otel_attr *attr, int depth);

static __attribute__((unused)) void otel__otlp_write_attributes(struct otel__buffer *out, uint32_t field,
                                                                otel_attrs attributes, int depth) {
    for (size_t i = attributes.count; i-- > 0;)
        otel__otlp_write_attribute(out, field, &attributes.items[i], depth);
}

/* Room that otel__otlp_put_scalar() needs. */
static inline size_t otel__otlp_scalar_size(const otel_value *value) { return value->len + OTEL__PB_FIELD_MAX; }

/* The content of an AnyValue. A chosen member is written even if it is zero or empty: only the empty value has none. */
static inline uint8_t *otel__otlp_put_scalar(uint8_t *p, const otel_value *value) {
    switch (value->type) {
    case OTEL_TYPE_STRING:
        return otel__pb_put_bytes(p, OTEL__OTLP_ANY_STRING, value->u.p, value->len);
    case OTEL_TYPE_BYTES:
        return otel__pb_put_bytes(p, OTEL__OTLP_ANY_BYTES, value->u.p, value->len);
    case OTEL_TYPE_BOOL:
        return otel__pb_put_uint(p, OTEL__OTLP_ANY_BOOL, value->u.i != 0);
    case OTEL_TYPE_INT:
        return otel__pb_put_uint(p, OTEL__OTLP_ANY_INT, (uint64_t)value->u.i);
    case OTEL_TYPE_DOUBLE:
        return otel__pb_put_double(p, OTEL__OTLP_ANY_DOUBLE, value->u.d);
    default:
        return p;
    }
}

static __attribute__((unused)) void otel__otlp_write_value(struct otel__buffer *out, uint32_t field,
                                                           const otel_value *value, int depth);

/* The content of an AnyValue that is a list. */
static __attribute__((unused)) void otel__otlp_write_list(struct otel__buffer *out, const otel_value *value,
                                                          int depth) {
    size_t mark = otel__buffer_length(out);
    if (value->type == OTEL_TYPE_MAP) {
        otel__otlp_write_attributes(out, OTEL__OTLP_LIST_VALUES, (otel_attrs){ value->u.p, value->len }, depth);
        otel__pb_message(out, OTEL__OTLP_ANY_MAP, mark);
        return;
    }
    for (size_t i = value->len; i-- > 0;) {
        otel_value item = otel__value_element(value, i);
        otel__otlp_write_value(out, OTEL__OTLP_LIST_VALUES, &item, depth);
    }
    otel__pb_message(out, OTEL__OTLP_ANY_ARRAY, mark);
}

/* An AnyValue. */
static __attribute__((unused)) void otel__otlp_write_value(struct otel__buffer *out, uint32_t field,
                                                           const otel_value *value, int depth) {
    size_t mark = otel__buffer_length(out);
    if (otel__otlp_is_scalar(value->type)) {
        if (otel__buffer_reserve(out, otel__otlp_scalar_size(value)))
            out->cursor = otel__otlp_put_scalar(out->cursor, value);
    } else if (otel__otlp_is_list(value->type) && depth < OTEL__OTLP_DEPTH_MAX) {
        otel__otlp_write_list(out, value, depth + 1);
    }
    otel__pb_message(out, field, mark);
}

/* A KeyValue. Nearly every attribute is a scalar, whose size is known well enough to ask for room once. */
static __attribute__((unused)) void otel__otlp_write_attribute(struct otel__buffer *out, uint32_t field,
                                                               const otel_attr *attr, int depth) {
    if (otel__otlp_is_scalar(attr->value.type)) {
        if (!otel__buffer_reserve(out, otel__otlp_scalar_size(&attr->value) + attr->key.len + 3 * OTEL__PB_FIELD_MAX))
            return;
        uint8_t *end = out->cursor;
        uint8_t *p = otel__otlp_put_scalar(end, &attr->value);
        p = otel__pb_put_head(p, OTEL__OTLP_KEY_VALUE_VALUE, (size_t)(end - p));
        p = otel__pb_put_bytes(p, OTEL__OTLP_KEY_VALUE_KEY, attr->key.ptr, attr->key.len);
        out->cursor = otel__pb_put_head(p, field, (size_t)(end - p));
        return;
    }
    size_t mark = otel__buffer_length(out);
    otel__otlp_write_value(out, OTEL__OTLP_KEY_VALUE_VALUE, &attr->value, depth);
    otel__pb_text(out, OTEL__OTLP_KEY_VALUE_KEY, attr->key);
    otel__pb_message(out, field, mark);
}

static __attribute__((unused)) void otel__otlp_write_scope(struct otel__buffer *out, const otel_scope_data *scope) {
    size_t mark = otel__buffer_length(out);
    otel__pb_uint(out, OTEL__OTLP_SCOPE_DROPPED_ATTRIBUTES, scope->dropped_attributes);
    otel__otlp_write_attributes(out, OTEL__OTLP_SCOPE_ATTRIBUTES, scope->attributes, 0);
    otel__pb_text(out, OTEL__OTLP_SCOPE_VERSION, scope->version);
    otel__pb_text(out, OTEL__OTLP_SCOPE_NAME, scope->name);
    otel__pb_message(out, OTEL__OTLP_ITS_SCOPE, mark);
}

static __attribute__((unused)) void otel__otlp_write_resource(struct otel__buffer *out,
                                                              const otel_resource_data *resource) {
    size_t mark = otel__buffer_length(out);
    otel__pb_uint(out, OTEL__OTLP_RESOURCE_DROPPED_ATTRIBUTES, resource->dropped_attributes);
    otel__otlp_write_attributes(out, OTEL__OTLP_RESOURCE_ATTRIBUTES, resource->attributes, 0);
    otel__pb_message(out, OTEL__OTLP_ITS_RESOURCE, mark);
}

#endif
