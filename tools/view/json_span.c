/* SPDX-License-Identifier: Apache-2.0 */
/* A stored span as JSON. Every json_*_new function takes its values over and passes a NULL on, so that running out of
 * memory anywhere gives NULL at the end. */
#include "json_span.h"

#include "decode.h"
#include "text.h"
#include "tree.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

json_t *view_json_text(const uint8_t *text, size_t len) {
    size_t repaired_len = 0;
    char *repaired = view_utf8_repair(text, len, &repaired_len);
    json_t *json = repaired ? json_stringn(repaired, repaired_len) : NULL;
    free(repaired);
    return json;
}

static json_t *text_of(const ProtobufCBinaryData *text) { return view_json_text(text->data, text->len); }

json_t *view_json_nanoseconds(uint64_t value) { return json_sprintf("%" PRIu64, value); }

/* At most 16 bytes are ids; longer ones, which only links can carry, are cut. */
static json_t *hex_of(const uint8_t *bytes, size_t len) { return json_string(view_format_hex(bytes, len).text); }

static json_t *base64_of(const ProtobufCBinaryData *data) {
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = (data->len + 2) / 3 * 4;
    char *text = malloc(len + 1);
    if (!text) {
        return NULL;
    }
    for (size_t from = 0, to = 0; from < data->len; from += 3, to += 4) {
        size_t left = data->len - from;
        uint32_t group = (uint32_t)data->data[from] << 16;
        group |= left > 1 ? (uint32_t)data->data[from + 1] << 8 : 0;
        group |= left > 2 ? data->data[from + 2] : 0;
        text[to] = digits[group >> 18];
        text[to + 1] = digits[group >> 12 & 63];
        text[to + 2] = left > 1 ? digits[group >> 6 & 63] : '=';
        text[to + 3] = left > 2 ? digits[group & 63] : '=';
    }
    json_t *json = json_stringn(text, len);
    free(text);
    return json;
}

static json_t *double_of(double value) {
    if (isnan(value)) {
        return json_string("NaN");
    }
    if (isinf(value)) {
        return json_string(value > 0 ? "Infinity" : "-Infinity");
    }
    return json_real(value);
}

static json_t *attributes_of(Otel__Otlp__KeyValue *const *attributes, size_t count);
static json_t *value_of(const Otel__Otlp__AnyValue *value);

static json_t *array_of(const Otel__Otlp__ArrayValue *array) {
    json_t *list = json_array();
    for (size_t i = 0; i < array->n_values; i++) {
        if (json_array_append_new(list, value_of(array->values[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

/* {"type": ..., "value": ...}; calls itself as deep as the value is nested, which VIEW_MAX_NESTING bounds. */
static json_t *value_of(const Otel__Otlp__AnyValue *value) {
    switch (value ? value->value_case : OTEL__OTLP__ANY_VALUE__VALUE__NOT_SET) {
    case OTEL__OTLP__ANY_VALUE__VALUE_STRING_VALUE:
        return json_pack("{ss so}", "type", "string", "value", text_of(&value->string_value));
    case OTEL__OTLP__ANY_VALUE__VALUE_BOOL_VALUE:
        return json_pack("{ss sb}", "type", "bool", "value", value->bool_value);
    case OTEL__OTLP__ANY_VALUE__VALUE_INT_VALUE:
        return json_pack("{ss so}", "type", "int", "value", json_sprintf("%" PRId64, value->int_value));
    case OTEL__OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE:
        return json_pack("{ss so}", "type", "double", "value", double_of(value->double_value));
    case OTEL__OTLP__ANY_VALUE__VALUE_ARRAY_VALUE:
        return json_pack("{ss so}", "type", "array", "value", array_of(value->array_value));
    case OTEL__OTLP__ANY_VALUE__VALUE_KVLIST_VALUE:
        return json_pack("{ss so}", "type", "map", "value",
                         attributes_of(value->kvlist_value->values, value->kvlist_value->n_values));
    case OTEL__OTLP__ANY_VALUE__VALUE_BYTES_VALUE:
        return json_pack("{ss so}", "type", "bytes", "value", base64_of(&value->bytes_value));
    case OTEL__OTLP__ANY_VALUE__VALUE_STRING_VALUE_STRINDEX:
        return json_pack("{ss si}", "type", "string_index", "value", (int)value->string_value_strindex);
    default:
        return json_pack("{ss sn}", "type", "empty", "value");
    }
}

static json_t *attributes_of(Otel__Otlp__KeyValue *const *attributes, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        json_t *attribute = value_of(attributes[i]->value);
        if (json_object_set_new(attribute, "key", text_of(&attributes[i]->key)) != 0 ||
            json_array_append_new(list, json_incref(attribute)) != 0) {
            json_decref(attribute);
            json_decref(list);
            return NULL;
        }
        json_decref(attribute);
    }
    return list;
}

static json_t *event_of(const Otel__Otlp__Span__Event *event) {
    return json_pack("{so so so sI}", "name", text_of(&event->name), "time_unix_nano",
                     view_json_nanoseconds(event->time_unix_nano), "attributes",
                     attributes_of(event->attributes, event->n_attributes), "dropped_attributes_count",
                     (json_int_t)event->dropped_attributes_count);
}

static json_t *events_of(const Otel__Otlp__Span *span) {
    json_t *list = json_array();
    for (size_t i = 0; i < span->n_events; i++) {
        if (json_array_append_new(list, event_of(span->events[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *link_of(const Otel__Otlp__Span__Link *link) {
    return json_pack("{so so so sI so sI}", "trace_id", hex_of(link->trace_id.data, link->trace_id.len), "span_id",
                     hex_of(link->span_id.data, link->span_id.len), "trace_state", text_of(&link->trace_state), "flags",
                     (json_int_t)link->flags, "attributes", attributes_of(link->attributes, link->n_attributes),
                     "dropped_attributes_count", (json_int_t)link->dropped_attributes_count);
}

static json_t *links_of(const Otel__Otlp__Span *span) {
    json_t *list = json_array();
    for (size_t i = 0; i < span->n_links; i++) {
        if (json_array_append_new(list, link_of(span->links[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    }
    return list;
}

static json_t *status_of(const Otel__Otlp__Status *status) {
    const Otel__Otlp__Status unset = OTEL__OTLP__STATUS__INIT;
    const Otel__Otlp__Status *known = status ? status : &unset;
    return json_pack("{ss so}", "code", view_format_status((int)known->code).text, "message", text_of(&known->message));
}

static json_t *resource_of(const struct view_span *span, struct view_arena *arena) {
    const Otel__Otlp__ResourceSpans *message = view_unpack_resource(span, arena);
    if (!message) {
        return NULL;
    }
    const Otel__Otlp__Resource none = OTEL__OTLP__RESOURCE__INIT;
    const Otel__Otlp__Resource *resource = message->resource ? message->resource : &none;
    return json_pack("{so sI so}", "attributes", attributes_of(resource->attributes, resource->n_attributes),
                     "dropped_attributes_count", (json_int_t)resource->dropped_attributes_count, "schema_url",
                     text_of(&message->schema_url));
}

static json_t *scope_of(const struct view_span *span, struct view_arena *arena) {
    const Otel__Otlp__ScopeSpans *message = view_unpack_scope(span, arena);
    if (!message) {
        return NULL;
    }
    const Otel__Otlp__InstrumentationScope none = OTEL__OTLP__INSTRUMENTATION_SCOPE__INIT;
    const Otel__Otlp__InstrumentationScope *scope = message->scope ? message->scope : &none;
    return json_pack("{so so so sI so}", "name", text_of(&scope->name), "version", text_of(&scope->version),
                     "attributes", attributes_of(scope->attributes, scope->n_attributes), "dropped_attributes_count",
                     (json_int_t)scope->dropped_attributes_count, "schema_url", text_of(&message->schema_url));
}

static json_t *identity_of(const struct view_span *span, const Otel__Otlp__Span *message) {
    json_t *parent = span->has_parent ? hex_of(span->parent_id, VIEW_SPAN_ID_SIZE) : json_null();
    return json_pack("{so so so so sI so ss}", "trace_id", hex_of(span->trace_id, VIEW_TRACE_ID_SIZE), "span_id",
                     hex_of(span->id, VIEW_SPAN_ID_SIZE), "parent_span_id", parent, "trace_state",
                     text_of(&message->trace_state), "flags", (json_int_t)message->flags, "name",
                     text_of(&message->name), "kind", view_format_kind(span->kind).text);
}

static json_t *measures_of(const struct view_span *span) {
    return json_pack("{so so so so}", "start_time_unix_nano", view_json_nanoseconds(span->start), "end_time_unix_nano",
                     view_json_nanoseconds(span->end), "duration_nano", view_json_nanoseconds(view_span_duration(span)),
                     "service", view_json_text(span->origin.service->bytes, span->origin.service->len));
}

static json_t *contents_of(const Otel__Otlp__Span *message) {
    return json_pack("{so so sI so sI so sI}", "status", status_of(message->status), "attributes",
                     attributes_of(message->attributes, message->n_attributes), "dropped_attributes_count",
                     (json_int_t)message->dropped_attributes_count, "events", events_of(message),
                     "dropped_events_count", (json_int_t)message->dropped_events_count, "links", links_of(message),
                     "dropped_links_count", (json_int_t)message->dropped_links_count);
}

/* Moves the members of the second object into the first; one NULL makes the result NULL. */
static json_t *join(json_t *object, json_t *members) {
    if (json_object_update(object, members) != 0) {
        json_decref(object);
        object = NULL;
    }
    json_decref(members);
    return object;
}

json_t *view_json_span(const struct view_span *span) {
    struct view_arena arena;
    view_arena_init(&arena, VIEW_MAX_DECODED);
    const Otel__Otlp__Span *message = view_unpack_span(span, &arena);
    json_t *json = NULL;
    if (message) {
        json = join(join(identity_of(span, message), measures_of(span)), contents_of(message));
        json = join(json, json_pack("{so so}", "resource", resource_of(span, &arena), "scope", scope_of(span, &arena)));
    }
    view_arena_clear(&arena);
    return json;
}
