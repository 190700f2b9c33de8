/* SPDX-License-Identifier: Apache-2.0 */
/* OTLP requests for the viewer's tests, described by plain tables and encoded by protobuf-c. */
#include "fixture.h"

#include "decode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Everything that a message points to lives in one arena until it is packed. */
struct maker {
    struct view_arena arena;
};

static void *make(struct maker *maker, size_t size) {
    void *piece = maker->arena.allocator.alloc(maker->arena.allocator.allocator_data, size);
    if (!piece) {
        abort();
    }
    memset(piece, 0, size);
    return piece;
}

static ProtobufCBinaryData make_bytes(struct maker *maker, const void *bytes, size_t len) {
    ProtobufCBinaryData data = { .len = len, .data = make(maker, len + 1) };
    memcpy(data.data, bytes, len);
    return data;
}

static ProtobufCBinaryData make_text(struct maker *maker, const char *text) {
    return make_bytes(maker, text, strlen(text));
}

static ProtobufCBinaryData make_id(struct maker *maker, uint64_t id) {
    uint8_t bytes[VIEW_SPAN_ID_SIZE];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (uint8_t)(id >> (56 - 8 * i));
    }
    return make_bytes(maker, bytes, sizeof bytes);
}

static ProtobufCBinaryData make_trace_id(struct maker *maker, uint8_t byte) {
    uint8_t bytes[VIEW_TRACE_ID_SIZE];
    memset(bytes, byte, sizeof bytes);
    return make_bytes(maker, bytes, sizeof bytes);
}

static Otel__Otlp__KeyValue *make_attribute(struct maker *maker, const struct fixture_attribute *attribute) {
    Otel__Otlp__KeyValue *pair = make(maker, sizeof *pair);
    otel__otlp__key_value__init(pair);
    pair->key = make_text(maker, attribute->key);
    pair->value = make(maker, sizeof *pair->value);
    otel__otlp__any_value__init(pair->value);
    if (attribute->text) {
        pair->value->value_case = OTEL__OTLP__ANY_VALUE__VALUE_STRING_VALUE;
        pair->value->string_value = make_text(maker, attribute->text);
    } else {
        pair->value->value_case = OTEL__OTLP__ANY_VALUE__VALUE_INT_VALUE;
        pair->value->int_value = attribute->number;
    }
    return pair;
}

static Otel__Otlp__KeyValue **make_attributes(struct maker *maker, const struct fixture_attribute *attributes,
                                              size_t *count) {
    Otel__Otlp__KeyValue **list = make(maker, FIXTURE_ATTRIBUTES * sizeof *list);
    for (*count = 0; *count < FIXTURE_ATTRIBUTES && attributes[*count].key; (*count)++) {
        list[*count] = make_attribute(maker, &attributes[*count]);
    }
    return list;
}

static Otel__Otlp__Span__Event *make_event(struct maker *maker, const struct fixture_event *event) {
    Otel__Otlp__Span__Event *message = make(maker, sizeof *message);
    otel__otlp__span__event__init(message);
    message->name = make_text(maker, event->name);
    message->time_unix_nano = FIXTURE_EPOCH + event->at_us * 1000;
    message->attributes = make_attributes(maker, event->attributes, &message->n_attributes);
    return message;
}

static void add_events(struct maker *maker, Otel__Otlp__Span *message, const struct fixture_span *span) {
    message->events = make(maker, FIXTURE_EVENTS * sizeof *message->events);
    for (size_t i = 0; i < FIXTURE_EVENTS && span->events[i].name; i++) {
        message->events[message->n_events++] = make_event(maker, &span->events[i]);
    }
}

static void add_link(struct maker *maker, Otel__Otlp__Span *message, uint8_t trace) {
    Otel__Otlp__Span__Link *link = make(maker, sizeof *link);
    otel__otlp__span__link__init(link);
    link->trace_id = make_trace_id(maker, trace);
    link->span_id = make_id(maker, 1);
    message->links = make(maker, sizeof *message->links);
    message->links[message->n_links++] = link;
}

static Otel__Otlp__Span *make_span(struct maker *maker, const struct fixture_span *span) {
    Otel__Otlp__Span *message = make(maker, sizeof *message);
    otel__otlp__span__init(message);
    message->trace_id = make_trace_id(maker, span->trace);
    message->span_id = make_id(maker, span->id);
    if (span->parent != 0) {
        message->parent_span_id = make_id(maker, span->parent);
    }
    message->name = make_text(maker, span->name);
    message->kind = span->kind;
    message->start_time_unix_nano = FIXTURE_EPOCH + span->start_us * 1000;
    message->end_time_unix_nano = message->start_time_unix_nano + span->duration_us * 1000;
    message->attributes = make_attributes(maker, span->attributes, &message->n_attributes);
    message->flags = 0x101;
    add_events(maker, message, span);
    if (span->link_trace != 0) {
        add_link(maker, message, span->link_trace);
    }
    if (span->error) {
        message->status = make(maker, sizeof *message->status);
        otel__otlp__status__init(message->status);
        message->status->code = OTEL__OTLP__STATUS__STATUS_CODE__STATUS_CODE_ERROR;
        message->status->message = make_text(maker, span->error);
    }
    return message;
}

static Otel__Otlp__ResourceSpans *make_resource(struct maker *maker, const char *service, size_t max_spans) {
    const struct fixture_attribute attribute = { .key = "service.name", .text = service };
    Otel__Otlp__ResourceSpans *resource_spans = make(maker, sizeof *resource_spans);
    otel__otlp__resource_spans__init(resource_spans);
    resource_spans->resource = make(maker, sizeof *resource_spans->resource);
    otel__otlp__resource__init(resource_spans->resource);
    resource_spans->resource->attributes = make(maker, sizeof *resource_spans->resource->attributes);
    if (service) {
        resource_spans->resource->attributes[0] = make_attribute(maker, &attribute);
        resource_spans->resource->n_attributes = 1;
    }
    Otel__Otlp__ScopeSpans *scope_spans = make(maker, sizeof *scope_spans);
    otel__otlp__scope_spans__init(scope_spans);
    scope_spans->scope = make(maker, sizeof *scope_spans->scope);
    otel__otlp__instrumentation_scope__init(scope_spans->scope);
    scope_spans->scope->name = make_text(maker, "fixture");
    scope_spans->scope->version = make_text(maker, "1.0");
    scope_spans->spans = make(maker, max_spans * sizeof *scope_spans->spans);
    resource_spans->n_scope_spans = 1;
    resource_spans->scope_spans = make(maker, sizeof *resource_spans->scope_spans);
    resource_spans->scope_spans[0] = scope_spans;
    return resource_spans;
}

static struct fixture_bytes pack(const Otel__Otlp__ExportTraceServiceRequest *request) {
    struct fixture_bytes packed = { .len = otel__otlp__export_trace_service_request__get_packed_size(request) };
    packed.bytes = malloc(packed.len + 1);
    if (!packed.bytes) {
        abort();
    }
    otel__otlp__export_trace_service_request__pack(request, packed.bytes);
    return packed;
}

static bool same_service(const char *a, const char *b) { return a == b || (a && b && strcmp(a, b) == 0); }

struct fixture_bytes fixture_request(const struct fixture_span *spans, size_t count) {
    struct maker maker;
    view_arena_init(&maker.arena, SIZE_MAX);
    Otel__Otlp__ExportTraceServiceRequest request = OTEL__OTLP__EXPORT_TRACE_SERVICE_REQUEST__INIT;
    request.resource_spans = make(&maker, (count + 1) * sizeof *request.resource_spans);
    Otel__Otlp__ScopeSpans *scope_spans = NULL;
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || !same_service(spans[i].service, spans[i - 1].service)) {
            Otel__Otlp__ResourceSpans *resource_spans = make_resource(&maker, spans[i].service, count - i);
            request.resource_spans[request.n_resource_spans++] = resource_spans;
            scope_spans = resource_spans->scope_spans[0];
        }
        scope_spans->spans[scope_spans->n_spans++] = make_span(&maker, &spans[i]);
    }
    struct fixture_bytes packed = pack(&request);
    view_arena_clear(&maker.arena);
    return packed;
}

void fixture_add(struct view_store *store, const struct fixture_span *spans, size_t count, int64_t now) {
    struct fixture_bytes request = fixture_request(spans, count);
    struct view_decode_result result = view_decode(request.bytes, request.len, store, now);
    free(request.bytes);
    assert_int_equal(result.status, VIEW_DECODE_OK);
    assert_int_equal(result.spans, count);
    assert_int_equal(result.rejected, 0);
}

struct view_trace *fixture_trace(const struct view_store *store, uint8_t byte) {
    uint8_t id[VIEW_TRACE_ID_SIZE];
    memset(id, byte, sizeof id);
    return view_store_find(store, id);
}

/* Bytes written from their end: each step puts a tag and the length of all that follows in front. */
struct backwards {
    uint8_t *bytes;
    size_t from;
    size_t end;
};

static void put_front(struct backwards *out, const void *bytes, size_t len) {
    out->from -= len;
    memcpy(out->bytes + out->from, bytes, len);
}

static void wrap(struct backwards *out, uint8_t tag) {
    uint8_t head[8] = { tag };
    size_t head_len = 1;
    size_t len = out->end - out->from;
    for (; len >= 0x80; len >>= 7) {
        head[head_len++] = (uint8_t)(len | 0x80);
    }
    head[head_len++] = (uint8_t)len;
    put_front(out, head, head_len);
}

static struct fixture_bytes nested(unsigned levels, bool maps) {
    static const uint8_t span_ids[] = { 0x0A, 16, 1, 1, 1,    1, 1, 1, 1, 1, 1, 1, 1, 1,
                                        1,    1,  1, 1, 0x12, 8, 1, 1, 1, 1, 1, 1, 1, 1 };
    size_t size = 256 + (size_t)levels * 18;
    struct backwards out = { malloc(size), size, size };
    if (!out.bytes) {
        abort();
    }
    for (unsigned i = 0; i < levels; i++) {
        if (maps) {
            wrap(&out, 0x12); /* KeyValue.value */
        }
        wrap(&out, 0x0A);               /* KeyValueList.values or ArrayValue.values */
        wrap(&out, maps ? 0x32 : 0x2A); /* AnyValue.kvlist_value or AnyValue.array_value */
    }
    wrap(&out, 0x12); /* KeyValue.value */
    wrap(&out, 0x4A); /* Span.attributes */
    put_front(&out, span_ids, sizeof span_ids);
    wrap(&out, 0x12); /* ScopeSpans.spans */
    wrap(&out, 0x12); /* ResourceSpans.scope_spans */
    wrap(&out, 0x0A); /* ExportTraceServiceRequest.resource_spans */
    struct fixture_bytes bytes = { malloc(out.end - out.from), out.end - out.from };
    if (!bytes.bytes) {
        abort();
    }
    memcpy(bytes.bytes, out.bytes + out.from, bytes.len);
    free(out.bytes);
    return bytes;
}

struct fixture_bytes fixture_nested(unsigned levels) {
    return nested(levels, false);
}

struct fixture_bytes fixture_nested_maps(unsigned levels) {
    return nested(levels, true);
}
