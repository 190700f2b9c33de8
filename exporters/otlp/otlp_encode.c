/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_encode.c - one pass over the batch, back to front: every function here writes the last field of its message
 * first. The tests decode the result with protobuf-c and compare it field by field.
 */
#include "otlp/otlp_encode.h"

#include "otlp/otlp_data.h"
#include "otlp/otlp_values.h"

/* Field numbers (opentelemetry-proto); one enum per message. */
enum { REQUEST_RESOURCE_SPANS = 1 };
enum { RESOURCE_SPANS_SCOPE_SPANS = 2, RESOURCE_SPANS_SCHEMA_URL = 3 };
enum { SCOPE_SPANS_SPANS = 2, SCOPE_SPANS_SCHEMA_URL = 3 };
enum {
    SPAN_TRACE_ID = 1,
    SPAN_SPAN_ID = 2,
    SPAN_TRACE_STATE = 3,
    SPAN_PARENT_SPAN_ID = 4,
    SPAN_NAME = 5,
    SPAN_KIND = 6,
    SPAN_START_TIME = 7,
    SPAN_END_TIME = 8,
    SPAN_ATTRIBUTES = 9,
    SPAN_DROPPED_ATTRIBUTES = 10,
    SPAN_EVENTS = 11,
    SPAN_DROPPED_EVENTS = 12,
    SPAN_LINKS = 13,
    SPAN_DROPPED_LINKS = 14,
    SPAN_STATUS = 15,
    SPAN_FLAGS = 16
};
enum { STATUS_MESSAGE = 2, STATUS_CODE = 3 };
enum { EVENT_TIME = 1, EVENT_NAME = 2, EVENT_ATTRIBUTES = 3, EVENT_DROPPED_ATTRIBUTES = 4 };
enum {
    LINK_TRACE_ID = 1,
    LINK_SPAN_ID = 2,
    LINK_TRACE_STATE = 3,
    LINK_ATTRIBUTES = 4,
    LINK_DROPPED_ATTRIBUTES = 5,
    LINK_FLAGS = 6
};

static void write_event(struct otel__buffer *out, const otel_event_data *event) {
    size_t mark = otel__buffer_length(out);
    otel__pb_uint(out, EVENT_DROPPED_ATTRIBUTES, event->dropped_attributes);
    otel__otlp_write_attributes(out, EVENT_ATTRIBUTES, event->attributes, 0);
    otel__pb_text(out, EVENT_NAME, event->name);
    otel__pb_fixed64(out, EVENT_TIME, event->time);
    otel__pb_message(out, SPAN_EVENTS, mark);
}

static void write_link(struct otel__buffer *out, const otel_link_data *link) {
    size_t mark = otel__buffer_length(out);
    uint8_t trace_id[16], span_id[8];
    otel_span_trace_id(link->span, trace_id);
    otel_span_id(link->span, span_id);
    otel__pb_fixed32(out, LINK_FLAGS, otel__otlp_flags(otel_span_flags(link->span), link->span));
    otel__pb_uint(out, LINK_DROPPED_ATTRIBUTES, link->dropped_attributes);
    otel__otlp_write_attributes(out, LINK_ATTRIBUTES, link->attributes, 0);
    otel__pb_text(out, LINK_TRACE_STATE, link->tracestate);
    otel__pb_bytes(out, LINK_SPAN_ID, span_id, sizeof span_id);
    otel__pb_bytes(out, LINK_TRACE_ID, trace_id, sizeof trace_id);
    otel__pb_message(out, SPAN_LINKS, mark);
}

/* An unset status is no message at all. */
static void write_status(struct otel__buffer *out, otel_code code, otel_str text) {
    if (code == OTEL_CODE_UNSET)
        return;
    size_t mark = otel__buffer_length(out);
    otel__pb_uint(out, STATUS_CODE, (uint64_t)code);
    if (code == OTEL_CODE_ERROR)
        otel__pb_text(out, STATUS_MESSAGE, text);
    otel__pb_message(out, SPAN_STATUS, mark);
}

/* The fields after the attributes. */
static void write_span_tail(struct otel__buffer *out, const otel_span_data *span) {
    otel__pb_fixed32(out, SPAN_FLAGS, otel__otlp_flags(span->flags, span->parent));
    write_status(out, span->status, span->status_text);
    otel__pb_uint(out, SPAN_DROPPED_LINKS, span->dropped_links);
    for (size_t i = span->link_count; i-- > 0;)
        write_link(out, &span->links[i]);
    otel__pb_uint(out, SPAN_DROPPED_EVENTS, span->dropped_events);
    for (size_t i = span->event_count; i-- > 0;)
        write_event(out, &span->events[i]);
    otel__pb_uint(out, SPAN_DROPPED_ATTRIBUTES, span->dropped_attributes);
}

static void write_span(struct otel__buffer *out, const otel_span_data *span) {
    size_t mark = otel__buffer_length(out);
    write_span_tail(out, span);
    otel__otlp_write_attributes(out, SPAN_ATTRIBUTES, span->attributes, 0);
    otel__pb_fixed64(out, SPAN_END_TIME, span->end_time);
    otel__pb_fixed64(out, SPAN_START_TIME, span->start_time);
    otel__pb_uint(out, SPAN_KIND, (uint64_t)span->kind + 1); /* 0 is "unspecified" on the wire */
    otel__pb_text(out, SPAN_NAME, span->name);
    if (span->parent_id)
        otel__pb_bytes(out, SPAN_PARENT_SPAN_ID, span->parent_id, 8);
    otel__pb_text(out, SPAN_TRACE_STATE, span->tracestate);
    otel__pb_bytes(out, SPAN_SPAN_ID, span->span_id, 8);
    otel__pb_bytes(out, SPAN_TRACE_ID, span->trace_id, 16);
    otel__pb_message(out, SCOPE_SPANS_SPANS, mark);
}

/* False: the SDK is short of memory for a span's view. */
static bool write_scope_spans(struct otel__buffer *out, otel_batch *batch, const struct otel__scope_groups *groups,
                              const struct otel__scope_group *group) {
    size_t mark = otel__buffer_length(out);
    otel__pb_text(out, SCOPE_SPANS_SCHEMA_URL, group->scope->schema_url);
    for (size_t i = group->last; i != OTEL__NO_SPAN && out->status == OTEL_OK;
         i = otel__scope_groups_previous(groups, i)) {
        const otel_span_data *span = otel_batch_span(batch, i);
        if (!span)
            return false;
        write_span(out, span);
    }
    otel__otlp_write_scope(out, group->scope);
    otel__pb_message(out, RESOURCE_SPANS_SCOPE_SPANS, mark);
    return true;
}

otel_status otel__otlp_write(void *self, otel_batch *batch, size_t first, size_t count, struct otel__buffer *out) {
    struct otel__scope_groups *groups = self;
    if (!otel__scope_groups_build(groups, batch, first, count))
        return OTEL_ERR_MEMORY;
    const otel_resource_data *resource = otel_batch_resource(batch);
    size_t mark = otel__buffer_length(out);
    otel__pb_text(out, RESOURCE_SPANS_SCHEMA_URL, resource->schema_url);
    for (size_t i = groups->count; i-- > 0;)
        if (!write_scope_spans(out, batch, groups, &groups->items[i]))
            return OTEL_ERR_MEMORY;
    otel__otlp_write_resource(out, resource);
    otel__pb_message(out, REQUEST_RESOURCE_SPANS, mark);
    return out->status;
}

otel_status otel__otlp_encode(struct otel__otlp_encoder *encoder, otel_batch *batch, size_t first, size_t count,
                              size_t limit) {
    otel__buffer_reset(&encoder->body, limit);
    return otel__otlp_write(&encoder->groups, batch, first, count, &encoder->body);
}

void otel__otlp_encoder_free(struct otel__otlp_encoder *encoder) {
    otel__buffer_free(&encoder->body);
    otel__scope_groups_free(&encoder->groups);
}
