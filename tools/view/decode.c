/* SPDX-License-Identifier: Apache-2.0 */
/* From the bytes of an OTLP request to spans in the store, and from a stored span back to its message. */
#include "decode.h"

#include "precheck.h"

#include <stdlib.h>
#include <string.h>

static const char unknown_service[] = "unknown_service";

static bool has_prefix(const ProtobufCBinaryData *text, const char *prefix) {
    size_t len = strlen(prefix);
    return text->len >= len && memcmp(text->data, prefix, len) == 0;
}

static bool is_text(const ProtobufCBinaryData *text, const char *expected) {
    return text->len == strlen(expected) && has_prefix(text, expected);
}

static bool is_valid_id(const ProtobufCBinaryData *id, size_t len) {
    if (id->len != len) {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        if (id->data[i] != 0) {
            return true;
        }
    }
    return false;
}

static struct view_blob *copy(struct view_store *store, const void *bytes, size_t len) {
    struct view_blob *blob = view_blob_new(store, len);
    if (blob) {
        memcpy(blob->bytes, bytes, len);
    }
    return blob;
}

static struct view_blob *pack(struct view_store *store, const ProtobufCMessage *message) {
    struct view_blob *blob = view_blob_new(store, protobuf_c_message_get_packed_size(message));
    if (blob) {
        protobuf_c_message_pack(message, blob->bytes);
    }
    return blob;
}

static struct view_blob *service_name(struct view_store *store, const Otel__Otlp__Resource *resource) {
    for (size_t i = 0; resource && i < resource->n_attributes; i++) {
        const Otel__Otlp__KeyValue *attribute = resource->attributes[i];
        if (is_text(&attribute->key, "service.name") && attribute->value &&
            attribute->value->value_case == OTEL__OTLP__ANY_VALUE__VALUE_STRING_VALUE &&
            attribute->value->string_value.len > 0) {
            return copy(store, attribute->value->string_value.data, attribute->value->string_value.len);
        }
    }
    return copy(store, unknown_service, strlen(unknown_service));
}

/* The resource is packed without the spans below it, in the message that holds its schema URL too. */
static struct view_blob *pack_resource(struct view_store *store, const Otel__Otlp__ResourceSpans *resource_spans) {
    Otel__Otlp__ResourceSpans resource = *resource_spans;
    resource.n_scope_spans = 0;
    resource.scope_spans = NULL;
    return pack(store, &resource.base);
}

static struct view_blob *pack_scope(struct view_store *store, const Otel__Otlp__ScopeSpans *scope_spans) {
    Otel__Otlp__ScopeSpans scope = *scope_spans;
    scope.n_spans = 0;
    scope.spans = NULL;
    return pack(store, &scope.base);
}

static bool calls_service(const Otel__Otlp__Span *span) {
    if (span->kind != OTEL__OTLP__SPAN__SPAN_KIND__SPAN_KIND_CLIENT) {
        return false;
    }
    for (size_t i = 0; i < span->n_attributes; i++) {
        if (has_prefix(&span->attributes[i]->key, "db.")) {
            return false;
        }
    }
    return true;
}

static struct view_span *make_span(const struct view_origin *origin, const Otel__Otlp__Span *message) {
    struct view_span *span = view_span_new(origin, otel__otlp__span__get_packed_size(message));
    if (!span) {
        return NULL;
    }
    otel__otlp__span__pack(message, span->bytes);
    memcpy(span->trace_id, message->trace_id.data, VIEW_TRACE_ID_SIZE);
    memcpy(span->id, message->span_id.data, VIEW_SPAN_ID_SIZE);
    span->has_parent =
        message->parent_span_id.len == VIEW_SPAN_ID_SIZE && is_valid_id(&message->parent_span_id, VIEW_SPAN_ID_SIZE);
    if (span->has_parent) {
        memcpy(span->parent_id, message->parent_span_id.data, VIEW_SPAN_ID_SIZE);
    }
    span->start = message->start_time_unix_nano;
    span->end = message->end_time_unix_nano;
    span->kind = (int)message->kind;
    span->status = message->status ? (int)message->status->code : 0;
    span->calls_service = calls_service(message);
    return span;
}

/* A request on its way into the store. */
struct request {
    struct view_store *store;
    int64_t now;
    struct view_origin origin; /* of the spans at hand */
    struct view_decode_result result;
};

static void reject(struct request *request, uint64_t spans, const char *reason) {
    request->result.rejected += spans;
    request->result.reason = reason;
}

static void add_span(struct request *request, const Otel__Otlp__Span *message) {
    size_t parent_len = message->parent_span_id.len;
    if (!is_valid_id(&message->trace_id, VIEW_TRACE_ID_SIZE) || !is_valid_id(&message->span_id, VIEW_SPAN_ID_SIZE) ||
        (parent_len != 0 && parent_len != VIEW_SPAN_ID_SIZE)) {
        reject(request, 1, "an id has a wrong length or is all zero");
        return;
    }
    struct view_span *span = make_span(&request->origin, message);
    if (!span) {
        reject(request, 1, "out of memory");
    } else if (view_store_add(request->store, span, request->now) == VIEW_DROPPED) {
        reject(request, 1, "a trace is larger than the viewer's store");
    }
}

static void add_scope_spans(struct request *request, const Otel__Otlp__ScopeSpans *scope_spans) {
    request->origin.scope = pack_scope(request->store, scope_spans);
    if (!request->origin.scope) {
        reject(request, scope_spans->n_spans, "out of memory");
        return;
    }
    for (size_t i = 0; i < scope_spans->n_spans; i++) {
        add_span(request, scope_spans->spans[i]);
    }
    view_blob_release(request->store, request->origin.scope);
}

static void add_resource_spans(struct request *request, const Otel__Otlp__ResourceSpans *resource_spans) {
    request->origin.service = service_name(request->store, resource_spans->resource);
    request->origin.resource = pack_resource(request->store, resource_spans);
    bool complete = request->origin.service && request->origin.resource;
    for (size_t i = 0; i < resource_spans->n_scope_spans; i++) {
        const Otel__Otlp__ScopeSpans *scope_spans = resource_spans->scope_spans[i];
        request->result.spans += scope_spans->n_spans;
        if (complete) {
            add_scope_spans(request, scope_spans);
        } else {
            reject(request, scope_spans->n_spans, "out of memory");
        }
    }
    view_blob_release(request->store, request->origin.service);
    view_blob_release(request->store, request->origin.resource);
}

static struct view_decode_result failure(enum view_decode_status status, const char *reason) {
    return (struct view_decode_result){ .status = status, .reason = reason };
}

struct view_decode_result view_add_request(const Otel__Otlp__ExportTraceServiceRequest *message,
                                           struct view_store *store, int64_t now) {
    struct request request = { .store = store, .now = now };
    for (size_t i = 0; i < message->n_resource_spans; i++) {
        add_resource_spans(&request, message->resource_spans[i]);
    }
    return request.result;
}

struct view_decode_result view_decode(const uint8_t *bytes, size_t len, struct view_store *store, int64_t now) {
    const ProtobufCMessageDescriptor *type = &otel__otlp__export_trace_service_request__descriptor;
    const char *problem = view_precheck(type, bytes, len, VIEW_MAX_NESTING);
    if (problem) {
        return failure(VIEW_DECODE_MALFORMED, problem);
    }
    struct view_arena arena;
    view_arena_init(&arena, VIEW_MAX_DECODED);
    struct view_decode_result result;
    const Otel__Otlp__ExportTraceServiceRequest *message =
        otel__otlp__export_trace_service_request__unpack(&arena.allocator, len, bytes);
    if (message) {
        result = view_add_request(message, store, now);
    } else if (arena.exhausted) {
        result = failure(VIEW_DECODE_TOO_LARGE, "decoding the request takes too much memory");
    } else {
        result = failure(VIEW_DECODE_MALFORMED, "the body is no ExportTraceServiceRequest");
    }
    view_arena_clear(&arena);
    return result;
}

Otel__Otlp__Span *view_unpack_span(const struct view_span *span, struct view_arena *arena) {
    return otel__otlp__span__unpack(&arena->allocator, span->len, span->bytes);
}

Otel__Otlp__ResourceSpans *view_unpack_resource(const struct view_span *span, struct view_arena *arena) {
    const struct view_blob *packed = span->origin.resource;
    return otel__otlp__resource_spans__unpack(&arena->allocator, packed->len, packed->bytes);
}

Otel__Otlp__ScopeSpans *view_unpack_scope(const struct view_span *span, struct view_arena *arena) {
    const struct view_blob *packed = span->origin.scope;
    return otel__otlp__scope_spans__unpack(&arena->allocator, packed->len, packed->bytes);
}
