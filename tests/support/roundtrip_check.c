/* SPDX-License-Identifier: Apache-2.0 */
/* roundtrip_check.c - see roundtrip_check.h. */
#include "roundtrip_check.h"

#include "otlp_expect.h"
#include "roundtrip_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* How far the library's reading of the clocks may be off from ours. */
enum { SLACK_NS = 1000000 };

/* ---- differences ------------------------------------------------------------------------------------------------- */

static bool differ(struct roundtrip_check *check, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool differ(struct roundtrip_check *check, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (!check->problem.text[0])
        vsnprintf(check->problem.text, sizeof check->problem.text, format, arguments);
    va_end(arguments);
    return false;
}

static bool same_number(struct roundtrip_check *check, const char *what, uint64_t got, uint64_t want) {
    return got == want || differ(check, "%s is %" PRIu64 ", should be %" PRIu64, what, got, want);
}

static bool same_bytes(struct roundtrip_check *check, const char *what, ProtobufCBinaryData got, const void *want,
                       size_t len) {
    if (got.len == len && (len == 0 || memcmp(got.data, want, len) == 0))
        return true;
    size_t at = 0;
    while (at < got.len && at < len && got.data[at] == ((const uint8_t *)want)[at])
        at++;
    return differ(check, "%s has %zu bytes, should have %zu; they differ from byte %zu on", what, got.len, len, at);
}

static bool same_text(struct roundtrip_check *check, const char *what, ProtobufCBinaryData got, otel_str want) {
    return same_bytes(check, what, got, want.ptr, want.len);
}

static bool same_attributes(struct roundtrip_check *check, const char *what, Otel__Otlp__KeyValue *const *got,
                            size_t count, uint32_t dropped, const struct roundtrip_list *want) {
    otlp_report report = { .text = "" };
    if (!otlp_expect_attributes(&report, got, count, (otel_attrs){ want->items, want->count }))
        return differ(check, "%s%s", what, report.text);
    return dropped == want->dropped ||
           differ(check, "%s: %u dropped attributes, should be %u", what, dropped, want->dropped);
}

static int by_key(const void *a, const void *b) {
    const Otel__Otlp__KeyValue *const *x = a, *const *y = b;
    size_t len = (*x)->key.len < (*y)->key.len ? (*x)->key.len : (*y)->key.len;
    int order = len > 0 ? memcmp((*x)->key.data, (*y)->key.data, len) : 0;
    return order ? order : ((*x)->key.len > (*y)->key.len) - ((*x)->key.len < (*y)->key.len);
}

static int by_wanted_key(const void *a, const void *b) {
    const otel_attr *x = a, *y = b;
    size_t len = x->key.len < y->key.len ? x->key.len : y->key.len;
    int order = len > 0 ? memcmp(x->key.ptr, y->key.ptr, len) : 0;
    return order ? order : (x->key.len > y->key.len) - (x->key.len < y->key.len);
}

/* Attributes of which nobody promises an order. Brings both into the same one. */
static bool same_set(struct roundtrip_check *check, const char *what, Otel__Otlp__KeyValue **got, size_t count,
                     uint32_t dropped, const struct roundtrip_list *want) {
    if (count > 0)
        qsort(got, count, sizeof(Otel__Otlp__KeyValue *), by_key);
    if (want->count > 0)
        qsort(want->items, want->count, sizeof *want->items, by_wanted_key);
    return same_attributes(check, what, got, count, dropped, want);
}

/* ---- time -------------------------------------------------------------------------------------------------------- */

/*
 * All times that the library finds out for one span are readings of the steady clock plus one offset, so that each of
 * them narrows down the offset; in the end some offset must be left.
 */
struct offset {
    int64_t least, most;
};

static bool narrow(struct roundtrip_check *check, const char *what, struct offset *offset, uint64_t time,
                   struct roundtrip_when when) {
    int64_t least = (int64_t)(time - when.after), most = (int64_t)(time - when.before);
    if (least > offset->most || most < offset->least)
        return differ(check, "%s is %" PRIu64 ", off by %" PRId64 " ns", what, time,
                      least > offset->most ? least - offset->most : most - offset->least);
    offset->least = least > offset->least ? least : offset->least;
    offset->most = most < offset->most ? most : offset->most;
    return true;
}

static bool same_time(struct roundtrip_check *check, const char *what, struct offset *offset, uint64_t got,
                      uint64_t want, struct roundtrip_when when) {
    return want ? same_number(check, what, got, want) : narrow(check, what, offset, got, when);
}

/* An end before the start is moved to the start. */
static bool same_end(struct roundtrip_check *check, struct offset *offset, const Otel__Otlp__Span *got,
                     const struct roundtrip_wanted *want) {
    uint64_t start = got->start_time_unix_nano, end = got->end_time_unix_nano;
    if (want->end_time)
        return same_number(check, "end", end, want->end_time > start ? want->end_time : start);
    if (end != start)
        return end > start ? narrow(check, "end", offset, end, want->end_when)
                           : differ(check, "the end is before the start");
    int64_t earliest = (int64_t)want->end_when.before + offset->least;
    return (uint64_t)earliest <= start || differ(check, "the end is the start");
}

/* ---- spans ------------------------------------------------------------------------------------------------------- */

static bool same_event(struct roundtrip_check *check, struct offset *offset, const Otel__Otlp__Span__Event *got,
                       const struct roundtrip_wanted_event *want) {
    return same_time(check, "time of an event", offset, got->time_unix_nano, want->time, want->when) &&
           same_text(check, "name of an event", got->name, want->name) &&
           same_attributes(check, "event", got->attributes, got->n_attributes, got->dropped_attributes_count,
                           &want->attributes);
}

static bool same_link(struct roundtrip_check *check, const Otel__Otlp__Span__Link *got,
                      const struct roundtrip_wanted_link *want) {
    return same_bytes(check, "trace id of a link", got->trace_id, want->trace_id, 16) &&
           same_bytes(check, "span id of a link", got->span_id, want->span_id, 8) &&
           same_text(check, "tracestate of a link", got->trace_state, want->tracestate) &&
           same_number(check, "flags of a link", got->flags, want->flags) &&
           same_attributes(check, "link", got->attributes, got->n_attributes, got->dropped_attributes_count,
                           &want->attributes);
}

static bool same_lists(struct roundtrip_check *check, struct offset *offset, const Otel__Otlp__Span *got,
                       const struct roundtrip_wanted *want) {
    bool same = same_number(check, "number of events", got->n_events, want->event_count) &&
                same_number(check, "number of links", got->n_links, want->link_count) &&
                same_number(check, "dropped events", got->dropped_events_count, want->dropped_events) &&
                same_number(check, "dropped links", got->dropped_links_count, want->dropped_links);
    for (size_t i = 0; same && i < want->event_count; i++)
        same = same_event(check, offset, got->events[i], &want->events[i]);
    for (size_t i = 0; same && i < want->link_count; i++)
        same = same_link(check, got->links[i], &want->links[i]);
    return same;
}

static bool same_status(struct roundtrip_check *check, const Otel__Otlp__Status *got,
                        const struct roundtrip_wanted *want) {
    if (want->status == OTEL_CODE_UNSET)
        return !got || differ(check, "there is a status");
    if (!got)
        return differ(check, "there is no status");
    return same_number(check, "status", (uint64_t)got->code, want->status) &&
           same_text(check, "status text", got->message, want->status_text);
}

static bool same_identity(struct roundtrip_check *check, const Otel__Otlp__Span *got,
                          const struct roundtrip_wanted_context *want) {
    uint32_t flags = want->flags | 0x100u | (want->remote_parent ? 0x200u : 0u);
    return same_bytes(check, "trace id", got->trace_id, want->trace_id, 16) &&
           same_bytes(check, "parent", got->parent_span_id, want->parent_id, want->has_parent ? 8 : 0) &&
           same_text(check, "tracestate", got->trace_state, otel_cstr(want->tracestate)) &&
           same_number(check, "flags", got->flags, flags);
}

static bool same_span(struct roundtrip_check *check, const Otel__Otlp__Span *got, const struct roundtrip_wanted *want) {
    struct offset offset = { check->clock.least - SLACK_NS, check->clock.most + SLACK_NS };
    return same_identity(check, got, &want->context) && same_text(check, "name", got->name, want->name) &&
           same_number(check, "kind", (uint64_t)got->kind, want->kind) &&
           same_time(check, "start", &offset, got->start_time_unix_nano, want->start_time, want->start_when) &&
           same_lists(check, &offset, got, want) && same_end(check, &offset, got, want) &&
           same_attributes(check, "span", got->attributes, got->n_attributes, got->dropped_attributes_count,
                           &want->attributes) &&
           same_status(check, got->status, want);
}

/* ---- finding the plan's span ------------------------------------------------------------------------------------- */

static int by_id(const void *a, const void *b) {
    const struct roundtrip_span *const *x = a, *const *y = b;
    return memcmp((*x)->span_id, (*y)->span_id, 8);
}

static struct roundtrip_span *find(const struct roundtrip_check *check, ProtobufCBinaryData id) {
    struct roundtrip_span key, *pointer = &key;
    if (id.len != 8)
        return NULL;
    memcpy(key.span_id, id.data, 8);
    struct roundtrip_span **found =
        bsearch(&pointer, check->index, check->count, sizeof(struct roundtrip_span *), by_id);
    return found ? *found : NULL;
}

/* The next span of a request, by whose plan everything about it is known. */
static struct roundtrip_span *take(struct roundtrip_check *check, const Otel__Otlp__Span *got) {
    struct roundtrip_span *span = find(check, got->span_id);
    if (!span) {
        differ(check, "a span that nobody made");
        return NULL;
    }
    if (span->received) {
        differ(check, "a span came twice");
        return NULL;
    }
    struct roundtrip_pool pool = { NULL };
    struct roundtrip_wanted want = roundtrip_expect(span, check->roots, &pool);
    bool same = (want.context.sampled || differ(check, "a span that was not sampled")) &&
                (want.ended || differ(check, "a span that has not ended")) && same_span(check, got, &want);
    roundtrip_pool_free(&pool);
    if (!same)
        return NULL;
    span->received = true;
    check->received++;
    roundtrip_note_features(check->features, span, got);
    return span;
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

/* The spans of one thread stand in the order in which they ended, across requests as well. */
struct order {
    size_t in_scope[ROUNDTRIP_THREADS], in_request[ROUNDTRIP_THREADS];
};

static bool in_order(struct roundtrip_check *check, struct order *order, const struct roundtrip_span *span) {
    unsigned thread = span->ended_by;
    size_t number = span->end_order + 1;
    if (number <= order->in_scope[thread] || number <= check->ended_before[thread])
        return differ(check, "spans are not in the order in which they ended");
    order->in_scope[thread] = number;
    if (number > order->in_request[thread])
        order->in_request[thread] = number;
    return true;
}

static bool same_scope(struct roundtrip_check *check, const Otel__Otlp__ScopeSpans *got, const otel_tracer *tracer) {
    const Otel__Otlp__InstrumentationScope *scope = got->scope;
    if (!scope)
        return differ(check, "there is no scope");
    struct roundtrip_pool pool = { NULL };
    struct roundtrip_list attributes = roundtrip_expect_list(tracer->attributes, &pool);
    bool same =
        same_text(check, "name of a scope", scope->name, roundtrip_repaired(&pool, otel_cstr(tracer->name))) &&
        same_text(check, "version", scope->version, roundtrip_repaired(&pool, otel_cstr(tracer->version))) &&
        same_text(check, "URL of a scope", got->schema_url, roundtrip_repaired(&pool, otel_cstr(tracer->schema_url))) &&
        same_set(check, "scope", scope->attributes, scope->n_attributes, scope->dropped_attributes_count, &attributes);
    roundtrip_pool_free(&pool);
    return same;
}

/* Which scope it is follows from its first span; `seen` has those of the request so far. */
static bool same_scope_spans(struct roundtrip_check *check, const Otel__Otlp__ScopeSpans *got, struct order *order,
                             bool seen[ROUNDTRIP_SCOPES]) {
    const struct roundtrip_tracer *tracer = NULL;
    memset(order->in_scope, 0, sizeof order->in_scope);
    for (size_t i = 0; i < got->n_spans; i++) {
        const struct roundtrip_span *span = take(check, got->spans[i]);
        if (!span || !in_order(check, order, span))
            return false;
        if (!tracer)
            tracer = span->tracer;
        if (span->tracer->scope != tracer->scope)
            return differ(check, "a span stands under the scope of another one");
    }
    if (!tracer || seen[tracer->scope])
        return differ(check, tracer ? "a scope is there twice" : "a scope without spans");
    seen[tracer->scope] = true;
    return same_scope(check, got, &tracer->tracer);
}

static bool same_resource(struct roundtrip_check *check, const Otel__Otlp__ResourceSpans *got) {
    const Otel__Otlp__Resource *resource = got->resource;
    if (!resource)
        return differ(check, "there is no resource");
    return same_set(check, "resource", resource->attributes, resource->n_attributes, resource->dropped_attributes_count,
                    &check->resource) &&
           same_text(check, "URL of the resource", got->schema_url, check->schema_url);
}

static bool same_packed(struct roundtrip_check *check, const ProtobufCMessage *request, const uint8_t *bytes,
                        size_t len) {
    size_t size = protobuf_c_message_get_packed_size(request);
    uint8_t *packed = malloc(size + 1);
    if (!packed)
        abort();
    protobuf_c_message_pack(request, packed);
    bool same = size == len && memcmp(packed, bytes, len) == 0;
    free(packed);
    return same || differ(check, "protobuf-c writes the same content differently");
}

/* As bytes, whatever they mean. */
static bool well_written(struct roundtrip_check *check, const ProtobufCMessage *request, const uint8_t *bytes,
                         size_t len) {
    return roundtrip_same_bytes(&roundtrip_request, bytes, len, request, &check->problem) &&
           same_number(check, "number of unknown fields", roundtrip_unknown_fields(request), 0) &&
           same_packed(check, request, bytes, len);
}

static bool same_resource_spans(struct roundtrip_check *check, const Otel__Otlp__ResourceSpans *got) {
    struct order order = { .in_request = { 0 } };
    bool seen[ROUNDTRIP_SCOPES] = { false };
    bool same = same_resource(check, got) && (got->n_scope_spans > 0 || differ(check, "a request without spans"));
    for (size_t i = 0; same && i < got->n_scope_spans; i++)
        same = same_scope_spans(check, got->scope_spans[i], &order, seen);
    for (size_t i = 0; i < ROUNDTRIP_THREADS; i++)
        if (order.in_request[i] > check->ended_before[i])
            check->ended_before[i] = order.in_request[i];
    return same;
}

bool roundtrip_check_request(struct roundtrip_check *check, const uint8_t *bytes, size_t len) {
    Otel__Otlp__ExportTraceServiceRequest *request = otel__otlp__export_trace_service_request__unpack(NULL, len, bytes);
    if (!request)
        return differ(check, "%zu bytes that are no request", len);
    bool same = well_written(check, &request->base, bytes, len) &&
                same_number(check, "number of resources", request->n_resource_spans, 1) &&
                same_resource_spans(check, request->resource_spans[0]);
    otel__otlp__export_trace_service_request__free_unpacked(request, NULL);
    return same;
}

/* ---- plans ------------------------------------------------------------------------------------------------------- */

void roundtrip_check_begin(struct roundtrip_check *check, struct roundtrip_plan *plan) {
    check->count = 0;
    check->index = roundtrip_make(&check->pool, plan->spans * sizeof *check->index);
    memset(check->ended_before, 0, sizeof check->ended_before);
    for (size_t f = 0; f < plan->count; f++)
        for (size_t i = 0; i < plan->families[f].count; i++)
            check->index[check->count++] = &plan->families[f].spans[i];
    qsort(check->index, check->count, sizeof *check->index, by_id);
}

static void add_up(struct roundtrip_check *check, const struct roundtrip_wanted *want) {
    if (!want->context.sampled) {
        check->unsampled++;
        return;
    }
    check->recorded++;
    check->abandoned += !want->ended;
    check->dropped_attributes += want->attributes.dropped;
    for (size_t i = 0; i < want->event_count; i++)
        check->dropped_attributes += want->events[i].attributes.dropped;
    for (size_t i = 0; i < want->link_count; i++)
        check->dropped_attributes += want->links[i].attributes.dropped;
    check->dropped_events += want->dropped_events;
    check->dropped_links += want->dropped_links;
}

/* What can be seen of a span without any export, and that it arrived if it had to. */
static bool span_is_complete(struct roundtrip_check *check, const struct roundtrip_span *span,
                             const struct roundtrip_wanted *want) {
    static const uint8_t zero[16];
    if (memcmp(span->trace_id, want->context.trace_id, 16) != 0 || memcmp(span->trace_id, zero, 16) == 0)
        return differ(check, "a span has another trace id than its parent, or none");
    if (!want->context.has_parent && span->parent_is == ROUNDTRIP_FOREIGN &&
        memcmp(span->trace_id, span->context.trace_id, 16) == 0)
        return differ(check, "a root span has its context's trace id");
    return same_number(check, "flags as the program sees them", span->flags, want->context.flags) &&
           same_number(check, "recording", span->recording, want->context.sampled) &&
           (span->received == (want->context.sampled && want->ended) || differ(check, "a span is missing"));
}

bool roundtrip_check_end(struct roundtrip_check *check) {
    bool same = true;
    for (size_t i = 0; i < check->count; i++) {
        struct roundtrip_pool pool = { NULL };
        struct roundtrip_wanted want = roundtrip_expect(check->index[i], check->roots, &pool);
        add_up(check, &want);
        same = span_is_complete(check, check->index[i], &want) && same;
        if (i > 0 && memcmp(check->index[i]->span_id, check->index[i - 1]->span_id, 8) == 0)
            same = differ(check, "two spans have the same id");
        roundtrip_pool_free(&pool);
    }
    roundtrip_pool_free(&check->pool);
    return same;
}
