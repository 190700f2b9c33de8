/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_expect.c - see otlp_expect.h. */
#include "otlp_expect.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- differences ------------------------------------------------------------------------------------------------- */

static bool differ(otlp_report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool differ(otlp_report *report, const char *format, ...) {
    char what[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(what, sizeof what, format, arguments);
    va_end(arguments);
    if (!report->text[0])
        snprintf(report->text, sizeof report->text, "%s: %s", report->path, what);
    return false;
}

/* Goes one step deeper in the path; returns what leave() needs. */
static size_t enter(otlp_report *report, const char *what, size_t index) {
    size_t len = strlen(report->path);
    snprintf(report->path + len, sizeof report->path - len, "/%s %zu", what, index);
    return len;
}

static void leave(otlp_report *report, size_t len) { report->path[len] = '\0'; }

static bool same_number(otlp_report *report, const char *what, uint64_t got, uint64_t want) {
    return got == want || differ(report, "%s is %" PRIu64 ", should be %" PRIu64, what, got, want);
}

static bool same_bytes(otlp_report *report, const char *what, ProtobufCBinaryData got, const void *want, size_t len) {
    if (got.len == len && (len == 0 || memcmp(got.data, want, len) == 0))
        return true;
    return differ(report, "%s is \"%.*s\" (%zu bytes), should be \"%.*s\" (%zu bytes)", what, (int)(got.len & 0x3f),
                  (const char *)got.data, got.len, (int)(len & 0x3f), len > 0 ? (const char *)want : "", len);
}

static bool same_text(otlp_report *report, const char *what, ProtobufCBinaryData got, otel_str want) {
    return same_bytes(report, what, got, want.ptr, want.len);
}

static bool nothing_else(otlp_report *report, const ProtobufCMessage *message) {
    return message->n_unknown_fields == 0 ||
           differ(report, "unknown field %u", (unsigned)message->unknown_fields[0].tag);
}

/* ---- attributes -------------------------------------------------------------------------------------------------- */

static bool same_value(otlp_report *report, const Otel__Otlp__AnyValue *got, const otel_value *want);

static otel_value element(const otel_value *list, size_t i) {
    switch (list->type) {
    case OTEL_TYPE_STRINGS:
        return ((const otel_str *)list->u.p)[i].ptr ? otel__str(((const otel_str *)list->u.p)[i]) : otel_none();
    case OTEL_TYPE_BOOLS:
        return otel_bool(((const bool *)list->u.p)[i]);
    case OTEL_TYPE_INTS:
        return otel_int(((const int64_t *)list->u.p)[i]);
    case OTEL_TYPE_DOUBLES:
        return otel_double(((const double *)list->u.p)[i]);
    default:
        return ((const otel_value *)list->u.p)[i];
    }
}

static bool same_array(otlp_report *report, const Otel__Otlp__ArrayValue *got, const otel_value *want) {
    bool same = same_number(report, "number of elements", got->n_values, want->len) && nothing_else(report, &got->base);
    for (size_t i = 0; same && i < want->len; i++) {
        size_t at = enter(report, "element", i);
        otel_value item = element(want, i);
        same = same_value(report, got->values[i], &item);
        leave(report, at);
    }
    return same;
}

static Otel__Otlp__AnyValue__ValueCase expected_case(otel_type type) {
    switch (type) {
    case OTEL_TYPE_NONE:
        return OTEL__OTLP__ANY_VALUE__VALUE__NOT_SET;
    case OTEL_TYPE_STRING:
        return OTEL__OTLP__ANY_VALUE__VALUE_STRING_VALUE;
    case OTEL_TYPE_BYTES:
        return OTEL__OTLP__ANY_VALUE__VALUE_BYTES_VALUE;
    case OTEL_TYPE_BOOL:
        return OTEL__OTLP__ANY_VALUE__VALUE_BOOL_VALUE;
    case OTEL_TYPE_INT:
        return OTEL__OTLP__ANY_VALUE__VALUE_INT_VALUE;
    case OTEL_TYPE_DOUBLE:
        return OTEL__OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE;
    case OTEL_TYPE_MAP:
        return OTEL__OTLP__ANY_VALUE__VALUE_KVLIST_VALUE;
    default:
        return OTEL__OTLP__ANY_VALUE__VALUE_ARRAY_VALUE;
    }
}

static bool same_value(otlp_report *report, const Otel__Otlp__AnyValue *got, const otel_value *want) {
    if (!got)
        return differ(report, "there is no value");
    if (!same_number(report, "member of AnyValue", got->value_case, expected_case(want->type)) ||
        !nothing_else(report, &got->base))
        return false;
    switch (want->type) {
    case OTEL_TYPE_NONE:
        return true;
    case OTEL_TYPE_STRING:
        return same_bytes(report, "string", got->string_value, want->u.p, want->len);
    case OTEL_TYPE_BYTES:
        return same_bytes(report, "bytes", got->bytes_value, want->u.p, want->len);
    case OTEL_TYPE_BOOL:
        return same_number(report, "bool", got->bool_value ? 1 : 0, (uint64_t)want->u.i);
    case OTEL_TYPE_INT:
        return same_number(report, "int", (uint64_t)got->int_value, (uint64_t)want->u.i);
    case OTEL_TYPE_DOUBLE: /* bit by bit, for NaN and -0.0 */
        return memcmp(&got->double_value, &want->u.d, sizeof(double)) == 0 ||
               differ(report, "double is %a, should be %a", got->double_value, want->u.d);
    case OTEL_TYPE_MAP:
        return nothing_else(report, &got->kvlist_value->base) &&
               otlp_expect_attributes(report, got->kvlist_value->values, got->kvlist_value->n_values,
                                      (otel_attrs){ want->u.p, want->len });
    default:
        return same_array(report, got->array_value, want);
    }
}

bool otlp_expect_attributes(otlp_report *report, Otel__Otlp__KeyValue *const *got, size_t count, otel_attrs want) {
    bool same = same_number(report, "number of attributes", count, want.count);
    for (size_t i = 0; same && i < want.count; i++) {
        size_t at = enter(report, "attribute", i);
        same = same_text(report, "key", got[i]->key, want.items[i].key) &&
               same_value(report, got[i]->value, &want.items[i].value) && nothing_else(report, &got[i]->base);
        leave(report, at);
    }
    return same;
}

/* ---- spans ------------------------------------------------------------------------------------------------------- */

/* Bit 8 says that bit 9 means something; bit 9, that the context came from elsewhere. */
static uint64_t wire_flags(uint8_t flags, const otel_span *context) {
    return flags | 0x100u | (context && otel_span_remote(context) ? 0x200u : 0u);
}

static bool same_event(otlp_report *report, const Otel__Otlp__Span__Event *got, const otel_event_data *want) {
    return same_number(report, "time", got->time_unix_nano, want->time) &&
           same_text(report, "name", got->name, want->name) &&
           otlp_expect_attributes(report, got->attributes, got->n_attributes, want->attributes) &&
           same_number(report, "dropped attributes", got->dropped_attributes_count, want->dropped_attributes) &&
           nothing_else(report, &got->base);
}

static bool same_link(otlp_report *report, const Otel__Otlp__Span__Link *got, const otel_link_data *want) {
    uint8_t trace_id[16], span_id[8];
    otel_span_trace_id(want->span, trace_id);
    otel_span_id(want->span, span_id);
    return same_bytes(report, "trace id", got->trace_id, trace_id, 16) &&
           same_bytes(report, "span id", got->span_id, span_id, 8) &&
           same_text(report, "tracestate", got->trace_state, want->tracestate) &&
           otlp_expect_attributes(report, got->attributes, got->n_attributes, want->attributes) &&
           same_number(report, "dropped attributes", got->dropped_attributes_count, want->dropped_attributes) &&
           same_number(report, "flags", got->flags, wire_flags(otel_span_flags(want->span), want->span)) &&
           nothing_else(report, &got->base);
}

static bool same_events(otlp_report *report, const Otel__Otlp__Span *got, const otel_span_data *want) {
    bool same = same_number(report, "number of events", got->n_events, want->event_count);
    for (size_t i = 0; same && i < want->event_count; i++) {
        size_t at = enter(report, "event", i);
        same = same_event(report, got->events[i], &want->events[i]);
        leave(report, at);
    }
    return same;
}

static bool same_links(otlp_report *report, const Otel__Otlp__Span *got, const otel_span_data *want) {
    bool same = same_number(report, "number of links", got->n_links, want->link_count);
    for (size_t i = 0; same && i < want->link_count; i++) {
        size_t at = enter(report, "link", i);
        same = same_link(report, got->links[i], &want->links[i]);
        leave(report, at);
    }
    return same;
}

static bool same_status(otlp_report *report, const Otel__Otlp__Status *got, const otel_span_data *want) {
    if (want->status == OTEL_CODE_UNSET)
        return !got || differ(report, "there is a status, should be none");
    if (!got)
        return differ(report, "there is no status");
    return same_number(report, "status", (uint64_t)got->code, want->status == OTEL_CODE_OK ? 1 : 2) &&
           same_text(report, "status text", got->message, want->status_text) && nothing_else(report, &got->base);
}

static uint64_t expected_kind(otel_kind kind) {
    switch (kind) {
    case OTEL_SERVER:
        return 2;
    case OTEL_CLIENT:
        return 3;
    case OTEL_PRODUCER:
        return 4;
    case OTEL_CONSUMER:
        return 5;
    default:
        return 1;
    }
}

bool otlp_expect_span(otlp_report *report, const Otel__Otlp__Span *got, const otel_span_data *want) {
    return same_bytes(report, "trace id", got->trace_id, want->trace_id, 16) &&
           same_bytes(report, "span id", got->span_id, want->span_id, 8) &&
           same_text(report, "tracestate", got->trace_state, want->tracestate) &&
           same_bytes(report, "parent id", got->parent_span_id, want->parent_id, want->parent_id ? 8 : 0) &&
           same_text(report, "name", got->name, want->name) &&
           same_number(report, "kind", (uint64_t)got->kind, expected_kind(want->kind)) &&
           same_number(report, "start", got->start_time_unix_nano, want->start_time) &&
           same_number(report, "end", got->end_time_unix_nano, want->end_time) &&
           otlp_expect_attributes(report, got->attributes, got->n_attributes, want->attributes) &&
           same_number(report, "dropped attributes", got->dropped_attributes_count, want->dropped_attributes) &&
           same_events(report, got, want) &&
           same_number(report, "dropped events", got->dropped_events_count, want->dropped_events) &&
           same_links(report, got, want) &&
           same_number(report, "dropped links", got->dropped_links_count, want->dropped_links) &&
           same_status(report, got->status, want) &&
           same_number(report, "flags", got->flags, wire_flags(want->flags, want->parent)) &&
           nothing_else(report, &got->base);
}

bool otlp_expect_scope(otlp_report *report, const Otel__Otlp__InstrumentationScope *got, const otel_scope_data *want) {
    if (!got)
        return differ(report, "there is no scope");
    return same_text(report, "scope name", got->name, want->name) &&
           same_text(report, "scope version", got->version, want->version) &&
           otlp_expect_attributes(report, got->attributes, got->n_attributes, want->attributes) &&
           same_number(report, "dropped attributes", got->dropped_attributes_count, want->dropped_attributes) &&
           nothing_else(report, &got->base);
}

bool otlp_expect_resource(otlp_report *report, const Otel__Otlp__Resource *got, const otel_resource_data *want) {
    if (!got)
        return differ(report, "there is no resource");
    return otlp_expect_attributes(report, got->attributes, got->n_attributes, want->attributes) &&
           same_number(report, "dropped attributes", got->dropped_attributes_count, want->dropped_attributes) &&
           same_number(report, "number of entities", got->n_entity_refs, 0) && nothing_else(report, &got->base);
}

/* ---- the request ------------------------------------------------------------------------------------------------- */

static bool is_first_of_scope(const otel_span_data *spans, size_t index) {
    for (size_t i = 0; i < index; i++)
        if (spans[i].scope == spans[index].scope)
            return false;
    return true;
}

static bool same_scope_spans(otlp_report *report, const Otel__Otlp__ScopeSpans *got, const otel_span_data *spans,
                             size_t count, size_t first) {
    const otel_scope_data *scope = spans[first].scope;
    size_t seen = 0;
    bool same = otlp_expect_scope(report, got->scope, scope) &&
                same_text(report, "schema URL", got->schema_url, scope->schema_url) && nothing_else(report, &got->base);
    for (size_t i = first; same && i < count; i++) {
        if (spans[i].scope != scope)
            continue;
        size_t at = enter(report, "span", i);
        same =
            seen < got->n_spans ? otlp_expect_span(report, got->spans[seen], &spans[i]) : differ(report, "is missing");
        seen++;
        leave(report, at);
    }
    return same && same_number(report, "number of spans", got->n_spans, seen);
}

static bool same_resource_spans(otlp_report *report, const Otel__Otlp__ResourceSpans *got, const otel_span_data *spans,
                                size_t count, const otel_resource_data *resource) {
    size_t scopes = 0;
    bool same = otlp_expect_resource(report, got->resource, resource) &&
                same_text(report, "schema URL", got->schema_url, resource->schema_url) &&
                nothing_else(report, &got->base);
    for (size_t i = 0; same && i < count; i++) {
        if (!is_first_of_scope(spans, i))
            continue;
        size_t at = enter(report, "scope", scopes);
        same = scopes < got->n_scope_spans ? same_scope_spans(report, got->scope_spans[scopes], spans, count, i)
                                           : differ(report, "is missing");
        scopes++;
        leave(report, at);
    }
    return same && same_number(report, "number of scopes", got->n_scope_spans, scopes);
}

static bool same_packed(otlp_report *report, const Otel__Otlp__ExportTraceServiceRequest *request, const uint8_t *bytes,
                        size_t len) {
    size_t size = otel__otlp__export_trace_service_request__get_packed_size(request);
    if (!same_number(report, "number of bytes", len, size))
        return false;
    uint8_t *packed = malloc(size > 0 ? size : 1);
    if (!packed)
        abort();
    otel__otlp__export_trace_service_request__pack(request, packed);
    bool same = size == 0 || memcmp(packed, bytes, size) == 0;
    free(packed);
    return same || differ(report, "protobuf-c writes the same content differently");
}

bool otlp_expect_request(otlp_report *report, const uint8_t *bytes, size_t len, const otel_span_data *spans,
                         size_t count, const otel_resource_data *resource) {
    *report = (otlp_report){ .path = "request" };
    Otel__Otlp__ExportTraceServiceRequest *request = otel__otlp__export_trace_service_request__unpack(NULL, len, bytes);
    if (!request)
        return differ(report, "%zu bytes that are no request", len);
    bool same = same_number(report, "number of resources", request->n_resource_spans, 1) &&
                nothing_else(report, &request->base) &&
                same_resource_spans(report, request->resource_spans[0], spans, count, resource) &&
                same_packed(report, request, bytes, len);
    otel__otlp__export_trace_service_request__free_unpacked(request, NULL);
    return same;
}
