/* SPDX-License-Identifier: Apache-2.0 */
/* Zipkin's JSON as what would have been sent by OTLP, as far as that can be told.
 *
 * The messages are built in an arena; names point into the JSON, attributes are copied. Tags of OpenTelemetry's own go back to
 * where they came from: scope and status. */
#include "zipkin.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char no_span[] = "an element is no span: it needs traceId and id, 16 or 32 and 16 hexadecimal digits";

struct reader {
    struct view_arena arena;
    const char *problem; /* the first one, a static text */
};

/* ---- building ---------------------------------------------------------------------------------------------------- */

static void *make(struct reader *reader, size_t size) { return view_arena_zeros(&reader->arena, size); }

#define MAKE(reader, name) view_arena_message(&(reader)->arena, &otel__otlp__##name##__descriptor)

static ProtobufCBinaryData bytes_of(const char *text, size_t len) {
    return (ProtobufCBinaryData){ len, (uint8_t *)(uintptr_t)text };
}

/* Of a string; empty for anything else. */
static ProtobufCBinaryData text_of(const json_t *value) {
    return bytes_of(json_string_value(value), json_string_length(value));
}

static ProtobufCBinaryData copy_of(struct reader *reader, const char *text, size_t len) {
    char *copy = len > 0 ? make(reader, len) : NULL;
    if (copy) {
        memcpy(copy, text, len);
    }
    return bytes_of(copy, copy ? len : 0);
}

static void set_value(struct reader *reader, Otel__Otlp__AnyValue *value, const json_t *json) {
    value->value_case = OTEL__OTLP__ANY_VALUE__VALUE_STRING_VALUE;
    if (json_is_string(json)) {
        value->string_value = copy_of(reader, json_string_value(json), json_string_length(json));
    } else if (json_is_integer(json)) {
        value->value_case = OTEL__OTLP__ANY_VALUE__VALUE_INT_VALUE;
        value->int_value = json_integer_value(json);
    } else if (json_is_boolean(json)) {
        value->value_case = OTEL__OTLP__ANY_VALUE__VALUE_BOOL_VALUE;
        value->bool_value = json_is_true(json);
    } else if (json_is_real(json)) {
        value->value_case = OTEL__OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE;
        value->double_value = json_real_value(json);
    } else {
        char *text = json_dumps(json, JSON_COMPACT | JSON_ENCODE_ANY);
        value->string_value = copy_of(reader, text, text ? strlen(text) : 0);
        free(text);
    }
}

static Otel__Otlp__KeyValue *make_attribute(struct reader *reader, const char *key, const json_t *json) {
    Otel__Otlp__KeyValue *attribute = MAKE(reader, key_value);
    if (!attribute || !(attribute->value = MAKE(reader, any_value))) {
        return NULL;
    }
    attribute->key = copy_of(reader, key, strlen(key));
    set_value(reader, attribute->value, json);
    return attribute;
}

/* The members of an object that are not `taken`; how many they are is returned. */
static size_t make_attributes(struct reader *reader, json_t *object, Otel__Otlp__KeyValue ***out,
                              bool (*taken)(const char *key)) {
    const char *key;
    json_t *value;
    size_t count = 0;
    *out = make(reader, (json_object_size(object) + 1) * sizeof **out);
    json_object_foreach(object, key, value) {
        Otel__Otlp__KeyValue *attribute = *out && !(taken && taken(key)) ? make_attribute(reader, key, value) : NULL;
        if (attribute) {
            (*out)[count++] = attribute;
        }
    }
    return count;
}

/* ---- parts of a span --------------------------------------------------------------------------------------------- */

/* Of `len` bytes; shorter ones are filled up with zeros in front. */
static bool read_id(struct reader *reader, const json_t *json, size_t len, ProtobufCBinaryData *out) {
    const char *text = json_string_value(json);
    size_t digits = text ? strlen(text) : 0;
    *out = (ProtobufCBinaryData){ len, make(reader, len) };
    if (!out->data || (digits != 2 * len && !(len == VIEW_TRACE_ID_SIZE && digits == len))) {
        return false;
    }
    return view_parse_hex(text, out->data + len - digits / 2, digits / 2);
}

static uint64_t read_us(const json_t *json) {
    json_int_t us = json_integer_value(json);
    return us > 0 && (uint64_t)us <= UINT64_MAX / 2000 ? (uint64_t)us * 1000 : 0;
}

static Otel__Otlp__Span__SpanKind read_kind(const json_t *json) {
    static const char *const names[] = { "", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER" };
    const char *text = json_string_value(json);
    for (size_t i = 1; text && i < sizeof names / sizeof *names; i++) {
        if (strcmp(text, names[i]) == 0) {
            return (Otel__Otlp__Span__SpanKind)i;
        }
    }
    return OTEL__OTLP__SPAN__SPAN_KIND__SPAN_KIND_INTERNAL;
}

/* `"name": {attributes}` is a member of an object without its braces. NULL: it is nothing of the kind. */
static json_t *read_event_object(const json_t *value) {
    const char *text = json_string_value(value);
    size_t len = json_string_length(value);
    if (!text || len < 2 || text[0] != '"' || text[len - 1] != '}') {
        return NULL;
    }
    char *object = malloc(len + 2);
    json_t *read = NULL;
    if (object) {
        object[0] = '{';
        memcpy(object + 1, text, len);
        object[len + 1] = '}';
        read = json_loadb(object, len + 2, 0, NULL);
    }
    free(object);
    return read;
}

static Otel__Otlp__Span__Event *make_event(struct reader *reader, const json_t *annotation) {
    Otel__Otlp__Span__Event *event = MAKE(reader, span__event);
    if (!event) {
        return NULL;
    }
    event->time_unix_nano = read_us(json_object_get(annotation, "timestamp"));
    event->name = text_of(json_object_get(annotation, "value"));
    json_t *object = read_event_object(json_object_get(annotation, "value"));
    void *member = json_object_iter(object);
    if (member && json_object_size(object) == 1 && json_is_object(json_object_iter_value(member))) {
        const char *name = json_object_iter_key(member);
        event->name = copy_of(reader, name, strlen(name));
        event->n_attributes = make_attributes(reader, json_object_iter_value(member), &event->attributes, NULL);
    }
    json_decref(object);
    return event;
}

static void read_events(struct reader *reader, const json_t *annotations, Otel__Otlp__Span *span) {
    size_t count = json_array_size(annotations);
    span->events = count > 0 ? make(reader, count * sizeof(Otel__Otlp__Span__Event *)) : NULL;
    for (size_t i = 0; span->events && i < count; i++) {
        Otel__Otlp__Span__Event *event = make_event(reader, json_array_get(annotations, i));
        if (event) {
            span->events[span->n_events++] = event;
        }
    }
}

/* A tag `error` is a failure, whatever it says. */
static void read_status(struct reader *reader, const json_t *tags, Otel__Otlp__Span *span) {
    const char *code = json_string_value(json_object_get(tags, "otel.status_code"));
    const json_t *error = json_object_get(tags, "error");
    bool failed = error || (code && strcmp(code, "ERROR") == 0);
    if (!failed && !(code && strcmp(code, "OK") == 0)) {
        return;
    }
    span->status = MAKE(reader, status);
    if (span->status) {
        span->status->code = failed ? OTEL__OTLP__STATUS__STATUS_CODE__STATUS_CODE_ERROR
                                    : OTEL__OTLP__STATUS__STATUS_CODE__STATUS_CODE_OK;
        span->status->message = text_of(error);
    }
}

/* Tags that are told in another way. */
static bool is_own_tag(const char *key) {
    return strcmp(key, "error") == 0 || strcmp(key, "otel.status_code") == 0 ||
           strncmp(key, "otel.scope.", strlen("otel.scope.")) == 0 ||
           strncmp(key, "otel.library.", strlen("otel.library.")) == 0;
}

/* ---- spans ------------------------------------------------------------------------------------------------------- */

static Otel__Otlp__Span *read_span(struct reader *reader, const json_t *json) {
    Otel__Otlp__Span *span = MAKE(reader, span);
    json_t *tags = json_object_get(json, "tags"), *parent = json_object_get(json, "parentId");
    if (!span || !read_id(reader, json_object_get(json, "traceId"), VIEW_TRACE_ID_SIZE, &span->trace_id) ||
        !read_id(reader, json_object_get(json, "id"), VIEW_SPAN_ID_SIZE, &span->span_id) ||
        (parent && !read_id(reader, parent, VIEW_SPAN_ID_SIZE, &span->parent_span_id))) {
        reader->problem = no_span;
        return NULL;
    }
    span->name = text_of(json_object_get(json, "name"));
    span->kind = read_kind(json_object_get(json, "kind"));
    span->start_time_unix_nano = read_us(json_object_get(json, "timestamp"));
    span->end_time_unix_nano = span->start_time_unix_nano + read_us(json_object_get(json, "duration"));
    span->n_attributes = make_attributes(reader, tags, &span->attributes, is_own_tag);
    read_events(reader, json_object_get(json, "annotations"), span);
    read_status(reader, tags, span);
    return span;
}

static bool add_service(struct reader *reader, const json_t *json, Otel__Otlp__ResourceSpans *out) {
    const json_t *service = json_object_get(json_object_get(json, "localEndpoint"), "serviceName");
    Otel__Otlp__Resource *resource = out->resource = MAKE(reader, resource);
    if (!resource || !service) {
        return resource != NULL;
    }
    resource->attributes = make(reader, sizeof(Otel__Otlp__KeyValue *));
    if (!resource->attributes) {
        return false;
    }
    resource->attributes[0] = make_attribute(reader, "service.name", service);
    resource->n_attributes = resource->attributes[0] ? 1 : 0;
    return resource->n_attributes > 0;
}

/* The span with its scope; each has its own, as nothing tells which ones share it. */
static bool add_scope_spans(struct reader *reader, const json_t *json, Otel__Otlp__ResourceSpans *out) {
    const json_t *tags = json_object_get(json, "tags");
    Otel__Otlp__ScopeSpans *scope_spans = MAKE(reader, scope_spans);
    out->scope_spans = make(reader, sizeof(Otel__Otlp__ScopeSpans *));
    if (!scope_spans || !out->scope_spans || !(scope_spans->scope = MAKE(reader, instrumentation_scope)) ||
        !(scope_spans->spans = make(reader, sizeof(Otel__Otlp__Span *))) ||
        !(scope_spans->spans[0] = read_span(reader, json))) {
        return false;
    }
    scope_spans->n_spans = 1;
    scope_spans->scope->name = text_of(json_object_get(tags, "otel.scope.name"));
    scope_spans->scope->version = text_of(json_object_get(tags, "otel.scope.version"));
    out->scope_spans[0] = scope_spans;
    out->n_scope_spans = 1;
    return true;
}

/* NULL: the reader has a problem, or no more memory. */
static Otel__Otlp__ExportTraceServiceRequest *read_list(struct reader *reader, const json_t *list) {
    Otel__Otlp__ExportTraceServiceRequest *request = MAKE(reader, export_trace_service_request);
    size_t count = json_array_size(list);
    if (!request || !(request->resource_spans = make(reader, (count + 1) * sizeof *request->resource_spans))) {
        return NULL;
    }
    for (size_t i = 0; i < count; i++) {
        Otel__Otlp__ResourceSpans *spans = MAKE(reader, resource_spans);
        if (!spans || !add_service(reader, json_array_get(list, i), spans) ||
            !add_scope_spans(reader, json_array_get(list, i), spans)) {
            return NULL;
        }
        request->resource_spans[request->n_resource_spans++] = spans;
    }
    return request;
}

struct view_decode_result view_decode_zipkin(const uint8_t *bytes, size_t len, struct view_store *store, int64_t now) {
    struct view_decode_result result = { .status = VIEW_DECODE_MALFORMED, .reason = "the body is no list of spans" };
    json_t *list = json_loadb((const char *)bytes, len, JSON_ALLOW_NUL, NULL);
    struct reader reader = { .problem = NULL };
    view_arena_init(&reader.arena, VIEW_MAX_DECODED);
    if (json_is_array(list)) {
        const Otel__Otlp__ExportTraceServiceRequest *request = read_list(&reader, list);
        if (reader.arena.exhausted) {
            result.status = VIEW_DECODE_TOO_LARGE;
            result.reason = "decoding the request takes too much memory";
        } else if (request) {
            result = view_add_request(request, store, now);
        } else {
            result.reason = reader.problem;
        }
    }
    view_arena_clear(&reader.arena);
    json_decref(list);
    return result;
}
