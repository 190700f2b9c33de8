/* SPDX-License-Identifier: Apache-2.0 */
/* Jaeger's Thrift as what would have been sent by OTLP, as far as that can be told.
 *
 * The messages are built in an arena, and texts point into the Thrift. Tags of OpenTelemetry's own go back to where they
 * came from: kind, status, scope, tracestate and counts. Field numbers are those of exporters/jaeger/idl. */
#include "jaeger.h"

#include "thrift.h"

#include <string.h>

static const char no_batch[] = "the bytes are no batch of Jaeger's";

struct reader {
    struct view_thrift thrift;
    struct view_arena arena;
};

typedef Otel__Otlp__KeyValue attribute;

struct attributes {
    attribute **items;
    size_t count;
};

/* ---- building ------------------------------------------------------------------------------------------------------ */

static void *make(struct reader *reader, size_t size) { return view_arena_zeros(&reader->arena, size); }

#define MAKE(reader, name) view_arena_message(&(reader)->arena, &otel__otlp__##name##__descriptor)

static ProtobufCBinaryData bytes_of(struct view_thrift_text text) {
    return (ProtobufCBinaryData){ text.len, (uint8_t *)(uintptr_t)text.ptr };
}

static bool is_text(const ProtobufCBinaryData *text, const char *expected) {
    return text->len == strlen(expected) && memcmp(text->data, expected, text->len) == 0;
}

/* A list of structs, each read by `read`, which appends it to what `into` is; a field of another type is skipped. */
static void read_list(struct reader *reader, enum view_thrift_type type,
                      void (*begin)(struct reader *, void *into, size_t count),
                      void (*read)(struct reader *, void *into), void *into) {
    enum view_thrift_type element = VIEW_THRIFT_NOTHING;
    if (type != VIEW_THRIFT_LIST) {
        reader->thrift.bad = true;
        return;
    }
    size_t count = view_thrift_list(&reader->thrift, &element);
    if (element != VIEW_THRIFT_STRUCT && count > 0) {
        reader->thrift.bad = true;
    }
    begin(reader, into, count);
    for (size_t i = 0; i < count && !reader->thrift.bad && !reader->arena.exhausted; i++) {
        read(reader, into);
    }
}

/* ---- tags ---------------------------------------------------------------------------------------------------------- */

static void read_tag_value(struct reader *reader, const struct view_thrift_field *field, Otel__Otlp__AnyValue *value) {
    if (field->id == 3 && field->type == VIEW_THRIFT_STRING) {
        value->value_case = OTEL__OTLP__ANY_VALUE__VALUE_STRING_VALUE;
        value->string_value = bytes_of(view_thrift_string(&reader->thrift));
    } else if (field->id == 4 && field->type == VIEW_THRIFT_DOUBLE) {
        value->value_case = OTEL__OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE;
        value->double_value = view_thrift_double(&reader->thrift);
    } else if (field->id == 5 && field->type == VIEW_THRIFT_BOOL) {
        value->value_case = OTEL__OTLP__ANY_VALUE__VALUE_BOOL_VALUE;
        value->bool_value = view_thrift_bool(&reader->thrift);
    } else if (field->id == 6 && field->type == VIEW_THRIFT_I64) {
        value->value_case = OTEL__OTLP__ANY_VALUE__VALUE_INT_VALUE;
        value->int_value = view_thrift_int(&reader->thrift, field->type);
    } else if (field->id == 7 && field->type == VIEW_THRIFT_STRING) {
        value->value_case = OTEL__OTLP__ANY_VALUE__VALUE_BYTES_VALUE;
        value->bytes_value = bytes_of(view_thrift_string(&reader->thrift));
    } else {
        view_thrift_skip(&reader->thrift, field->type);
    }
}

static void begin_tags(struct reader *reader, void *into, size_t count) {
    struct attributes *tags = into;
    tags->items = make(reader, (count + 1) * sizeof *tags->items);
    tags->count = 0;
}

static void read_tag(struct reader *reader, void *into) {
    struct attributes *tags = into;
    struct view_thrift_field field = { 0 };
    attribute *tag = MAKE(reader, key_value);
    if (!tag || !tags->items || !(tag->value = MAKE(reader, any_value))) {
        return;
    }
    while (view_thrift_next(&reader->thrift, &field)) {
        if (field.id == 1 && field.type == VIEW_THRIFT_STRING) {
            tag->key = bytes_of(view_thrift_string(&reader->thrift));
        } else {
            read_tag_value(reader, &field, tag->value);
        }
    }
    tags->items[tags->count++] = tag;
}

/* Takes the tag of this key out; NULL: there is none. */
static const Otel__Otlp__AnyValue *take_tag(struct attributes *tags, const char *key) {
    for (size_t i = 0; i < tags->count; i++) {
        attribute *tag = tags->items[i];
        if (is_text(&tag->key, key)) {
            tags->count--;
            memmove(&tags->items[i], &tags->items[i + 1], (tags->count - i) * sizeof(attribute *));
            return tag->value;
        }
    }
    return NULL;
}

/* Of a string; empty for anything else. */
static ProtobufCBinaryData take_text(struct attributes *tags, const char *key) {
    const Otel__Otlp__AnyValue *value = take_tag(tags, key);
    bool is_string = value && value->value_case == OTEL__OTLP__ANY_VALUE__VALUE_STRING_VALUE;
    return is_string ? value->string_value : (ProtobufCBinaryData){ 0, NULL };
}

static uint32_t take_count(struct attributes *tags, const char *key) {
    const Otel__Otlp__AnyValue *value = take_tag(tags, key);
    bool is_int = value && value->value_case == OTEL__OTLP__ANY_VALUE__VALUE_INT_VALUE;
    return is_int && value->int_value > 0 ? (uint32_t)value->int_value : 0;
}

/* ---- parts of a span ----------------------------------------------------------------------------------------------- */

/* Half of a trace id, or a span id. */
static void write_number(uint8_t *out, int64_t number) {
    for (int i = 0; i < 8; i++) {
        out[i] = (uint8_t)((uint64_t)number >> (8 * (7 - i)));
    }
}

static ProtobufCBinaryData make_id(struct reader *reader, size_t len) {
    return (ProtobufCBinaryData){ len, make(reader, len) };
}

static uint64_t nanoseconds(int64_t us) { return us > 0 && us < INT64_MAX / 1000 ? (uint64_t)us * 1000 : 0; }

static void begin_references(struct reader *reader, void *into, size_t count) {
    Otel__Otlp__Span *span = into;
    span->links = make(reader, (count + 1) * sizeof *span->links);
    span->n_links = 0;
}

static void read_reference(struct reader *reader, void *into) {
    Otel__Otlp__Span *span = into;
    struct view_thrift_field field = { 0 };
    Otel__Otlp__Span__Link *link = MAKE(reader, span__link);
    if (!link || !span->links || !(link->trace_id = make_id(reader, VIEW_TRACE_ID_SIZE)).data ||
        !(link->span_id = make_id(reader, VIEW_SPAN_ID_SIZE)).data) {
        return;
    }
    while (view_thrift_next(&reader->thrift, &field)) {
        if (field.type != VIEW_THRIFT_I64 || field.id < 2 || field.id > 4) {
            view_thrift_skip(&reader->thrift, field.type);
            continue;
        }
        int64_t number = view_thrift_int(&reader->thrift, field.type);
        write_number(field.id == 4   ? link->span_id.data
                     : field.id == 3 ? link->trace_id.data
                                     : link->trace_id.data + 8,
                     number);
    }
    span->links[span->n_links++] = link;
}

static void begin_logs(struct reader *reader, void *into, size_t count) {
    Otel__Otlp__Span *span = into;
    span->events = make(reader, (count + 1) * sizeof *span->events);
    span->n_events = 0;
}

static void read_log(struct reader *reader, void *into) {
    Otel__Otlp__Span *span = into;
    struct view_thrift_field field = { 0 };
    struct attributes fields = { NULL, 0 };
    Otel__Otlp__Span__Event *event = MAKE(reader, span__event);
    if (!event || !span->events) {
        return;
    }
    while (view_thrift_next(&reader->thrift, &field)) {
        if (field.id == 1 && field.type == VIEW_THRIFT_I64) {
            event->time_unix_nano = nanoseconds(view_thrift_int(&reader->thrift, field.type));
        } else if (field.id == 2) {
            read_list(reader, field.type, begin_tags, read_tag, &fields);
        } else {
            view_thrift_skip(&reader->thrift, field.type);
        }
    }
    event->name = take_text(&fields, "event");
    event->dropped_attributes_count = take_count(&fields, "otel.dropped_attributes_count");
    event->attributes = fields.items;
    event->n_attributes = fields.count;
    span->events[span->n_events++] = event;
}

static Otel__Otlp__Span__SpanKind kind_of(const ProtobufCBinaryData *text) {
    static const char *const names[] = { "", "internal", "server", "client", "producer", "consumer" };
    for (size_t i = 1; i < sizeof names / sizeof *names; i++) {
        if (is_text(text, names[i])) {
            return (Otel__Otlp__Span__SpanKind)i;
        }
    }
    return OTEL__OTLP__SPAN__SPAN_KIND__SPAN_KIND_INTERNAL;
}

/* The flag `error` alone is a failure as well. */
static void take_status(struct reader *reader, struct attributes *tags, Otel__Otlp__Span *span) {
    const ProtobufCBinaryData code = take_text(tags, "otel.status_code");
    const ProtobufCBinaryData message = take_text(tags, "otel.status_description");
    const Otel__Otlp__AnyValue *error = take_tag(tags, "error");
    bool flagged = error && error->value_case == OTEL__OTLP__ANY_VALUE__VALUE_BOOL_VALUE && error->bool_value;
    if (!flagged && code.len == 0) {
        return;
    }
    span->status = MAKE(reader, status);
    if (span->status) {
        span->status->code = is_text(&code, "OK") ? OTEL__OTLP__STATUS__STATUS_CODE__STATUS_CODE_OK
                                                  : OTEL__OTLP__STATUS__STATUS_CODE__STATUS_CODE_ERROR;
        span->status->message = message;
    }
}

static void take_scope(struct attributes *tags, Otel__Otlp__InstrumentationScope *scope) {
    scope->name = take_text(tags, "otel.scope.name");
    scope->version = take_text(tags, "otel.scope.version");
    take_tag(tags, "otel.library.name");
    take_tag(tags, "otel.library.version");
}

static void take_own_tags(struct reader *reader, struct attributes *tags, Otel__Otlp__Span *span) {
    const ProtobufCBinaryData kind = take_text(tags, "span.kind");
    span->kind = kind_of(&kind);
    span->trace_state = take_text(tags, "w3c.tracestate");
    span->dropped_attributes_count = take_count(tags, "otel.dropped_attributes_count");
    span->dropped_events_count = take_count(tags, "otel.dropped_events_count");
    span->dropped_links_count = take_count(tags, "otel.dropped_links_count");
    take_status(reader, tags, span);
    span->attributes = tags->items;
    span->n_attributes = tags->count;
}

/* ---- spans --------------------------------------------------------------------------------------------------------- */

static void read_number(struct reader *reader, int id, Otel__Otlp__Span *span) {
    int64_t number = view_thrift_int(&reader->thrift, VIEW_THRIFT_I64);
    switch (id) {
    case 1:
        write_number(span->trace_id.data + 8, number);
        break;
    case 2:
        write_number(span->trace_id.data, number);
        break;
    case 3:
        write_number(span->span_id.data, number);
        break;
    case 4:
        write_number(span->parent_span_id.data, number);
        span->parent_span_id.len = number ? VIEW_SPAN_ID_SIZE : 0;
        break;
    case 8:
        span->start_time_unix_nano = nanoseconds(number);
        break;
    case 9:
        span->end_time_unix_nano = nanoseconds(number); /* the duration, for now */
        break;
    default:
        break;
    }
}

static void read_span_fields(struct reader *reader, Otel__Otlp__Span *span, struct attributes *tags) {
    struct view_thrift_field field = { 0 };
    while (view_thrift_next(&reader->thrift, &field)) {
        if (field.type == VIEW_THRIFT_I64) {
            read_number(reader, field.id, span);
        } else if (field.id == 5 && field.type == VIEW_THRIFT_STRING) {
            span->name = bytes_of(view_thrift_string(&reader->thrift));
        } else if (field.id == 6) {
            read_list(reader, field.type, begin_references, read_reference, span);
        } else if (field.id == 7 && field.type == VIEW_THRIFT_I32) {
            span->flags = (uint32_t)view_thrift_int(&reader->thrift, field.type) & 1;
        } else if (field.id == 10) {
            read_list(reader, field.type, begin_tags, read_tag, tags);
        } else if (field.id == 11) {
            read_list(reader, field.type, begin_logs, read_log, span);
        } else {
            view_thrift_skip(&reader->thrift, field.type);
        }
    }
    span->end_time_unix_nano += span->start_time_unix_nano;
}

static void begin_spans(struct reader *reader, void *into, size_t count) {
    Otel__Otlp__ResourceSpans *out = into;
    out->scope_spans = make(reader, (count + 1) * sizeof *out->scope_spans);
    out->n_scope_spans = 0;
}

/* Each span has a scope of its own, as nothing tells which ones share it. */
static void read_span(struct reader *reader, void *into) {
    Otel__Otlp__ResourceSpans *out = into;
    struct attributes tags = { NULL, 0 };
    Otel__Otlp__ScopeSpans *scope_spans = MAKE(reader, scope_spans);
    Otel__Otlp__Span *span = MAKE(reader, span);
    if (!span || !scope_spans || !out->scope_spans || !(scope_spans->scope = MAKE(reader, instrumentation_scope)) ||
        !(scope_spans->spans = make(reader, sizeof *scope_spans->spans)) ||
        !(span->trace_id = make_id(reader, VIEW_TRACE_ID_SIZE)).data ||
        !(span->span_id = make_id(reader, VIEW_SPAN_ID_SIZE)).data ||
        !(span->parent_span_id = make_id(reader, VIEW_SPAN_ID_SIZE)).data) {
        return;
    }
    span->parent_span_id.len = 0;
    read_span_fields(reader, span, &tags);
    take_scope(&tags, scope_spans->scope);
    take_own_tags(reader, &tags, span);
    scope_spans->spans[0] = span;
    scope_spans->n_spans = 1;
    out->scope_spans[out->n_scope_spans++] = scope_spans;
}

/* ---- batches ------------------------------------------------------------------------------------------------------- */

/* In front of the tags, where there is room for one more. */
static void add_service(struct reader *reader, ProtobufCBinaryData name, struct attributes *tags) {
    attribute *service = MAKE(reader, key_value), **items = make(reader, (tags->count + 1) * sizeof *items);
    if (!service || !items || !(service->value = MAKE(reader, any_value))) {
        return;
    }
    service->key = bytes_of((struct view_thrift_text){ "service.name", strlen("service.name") });
    service->value->value_case = OTEL__OTLP__ANY_VALUE__VALUE_STRING_VALUE;
    service->value->string_value = name;
    items[0] = service;
    if (tags->count > 0) {
        memcpy(items + 1, tags->items, tags->count * sizeof *items);
    }
    *tags = (struct attributes){ items, tags->count + 1 };
}

static void read_process(struct reader *reader, Otel__Otlp__ResourceSpans *out) {
    struct view_thrift_field field = { 0 };
    struct attributes tags = { NULL, 0 };
    ProtobufCBinaryData name = { 0, NULL };
    while (view_thrift_next(&reader->thrift, &field)) {
        if (field.id == 1 && field.type == VIEW_THRIFT_STRING) {
            name = bytes_of(view_thrift_string(&reader->thrift));
        } else if (field.id == 2) {
            read_list(reader, field.type, begin_tags, read_tag, &tags);
        } else {
            view_thrift_skip(&reader->thrift, field.type);
        }
    }
    add_service(reader, name, &tags);
    out->resource = MAKE(reader, resource);
    if (out->resource) {
        out->resource->attributes = tags.items;
        out->resource->n_attributes = tags.count;
    }
}

static void read_batch(struct reader *reader, Otel__Otlp__ResourceSpans *out) {
    struct view_thrift_field field = { 0 };
    while (view_thrift_next(&reader->thrift, &field)) {
        if (field.id == 1 && field.type == VIEW_THRIFT_STRUCT) {
            read_process(reader, out);
        } else if (field.id == 2) {
            read_list(reader, field.type, begin_spans, read_span, out);
        } else {
            view_thrift_skip(&reader->thrift, field.type);
        }
    }
}

static struct view_decode_result finish(struct reader *reader, Otel__Otlp__ResourceSpans *spans,
                                        struct view_store *store, int64_t now) {
    struct view_decode_result result = { .status = VIEW_DECODE_MALFORMED, .reason = no_batch };
    if (reader->arena.exhausted || !spans) {
        result = (struct view_decode_result){ .status = VIEW_DECODE_TOO_LARGE,
                                              .reason = "decoding the request takes too much memory" };
    } else if (!reader->thrift.bad && reader->thrift.at == reader->thrift.end && spans->resource) {
        Otel__Otlp__ExportTraceServiceRequest request = OTEL__OTLP__EXPORT_TRACE_SERVICE_REQUEST__INIT;
        request.n_resource_spans = 1;
        request.resource_spans = &spans;
        result = view_add_request(&request, store, now);
    }
    view_arena_clear(&reader->arena);
    return result;
}

struct view_decode_result view_decode_jaeger(const uint8_t *bytes, size_t len, struct view_store *store, int64_t now) {
    struct reader reader = { .thrift = { .at = bytes, .end = bytes + len } };
    view_arena_init(&reader.arena, VIEW_MAX_DECODED);
    Otel__Otlp__ResourceSpans *spans = MAKE(&reader, resource_spans);
    if (spans) {
        read_batch(&reader, spans);
    }
    return finish(&reader, spans, store, now);
}

struct view_decode_result view_decode_jaeger_message(const uint8_t *bytes, size_t len, struct view_store *store,
                                                     int64_t now) {
    struct reader reader = { .arena = { .limit = 0 } };
    struct view_thrift_field field = { 0 };
    int kind;
    uint32_t sequence;
    view_arena_init(&reader.arena, VIEW_MAX_DECODED);
    Otel__Otlp__ResourceSpans *spans = MAKE(&reader, resource_spans);
    reader.thrift.bad = !view_thrift_begin(&reader.thrift, bytes, len);
    const ProtobufCBinaryData name = bytes_of(view_thrift_message(&reader.thrift, &kind, &sequence));
    reader.thrift.bad = reader.thrift.bad || !is_text(&name, "emitBatch");
    while (spans && view_thrift_next(&reader.thrift, &field)) {
        if (field.id == 1 && field.type == VIEW_THRIFT_STRUCT) {
            read_batch(&reader, spans);
        } else {
            view_thrift_skip(&reader.thrift, field.type);
        }
    }
    return finish(&reader, spans, store, now);
}
