/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jaeger_protobuf.c - one pass over the batch, back to front. Field numbers are those of
 * exporters/jaeger/idl/jaeger.proto. What has its default is left out.
 */
#include "jaeger/jaeger_protobuf.h"

#include "base/clock.h"
#include "common/protobuf_writer.h"
#include "common/service_name.h"
#include "jaeger/jaeger_span.h"

enum { REQUEST_BATCH = 1 };
enum { BATCH_SPANS = 1, BATCH_PROCESS = 2 };
enum { PROCESS_SERVICE_NAME = 1, PROCESS_TAGS = 2 };
enum {
    SPAN_TRACE_ID = 1,
    SPAN_ID = 2,
    SPAN_OPERATION_NAME = 3,
    SPAN_REFERENCES = 4,
    SPAN_FLAGS = 5,
    SPAN_START_TIME = 6,
    SPAN_DURATION = 7,
    SPAN_TAGS = 8,
    SPAN_LOGS = 9
};
enum { REF_TRACE_ID = 1, REF_SPAN_ID = 2, REF_TYPE = 3 };
enum { LOG_TIMESTAMP = 1, LOG_FIELDS = 2 };
enum { TAG_KEY = 1, TAG_TYPE = 2, TAG_STRING = 3, TAG_BOOL = 4, TAG_INT64 = 5, TAG_FLOAT64 = 6, TAG_BINARY = 7 };
enum { TIME_SECONDS = 1, TIME_NANOS = 2 };
/* Types of tags. */
enum { STRING, BOOL, INT64, FLOAT64, BINARY };

struct writer {
    struct otel__buffer *out;
    struct otel__line *text; /* scratch */
};

/* ---- tags -------------------------------------------------------------------------------------------------------- */

static void write_double(struct otel__buffer *out, double value) {
    if (otel__buffer_reserve(out, OTEL__PB_FIELD_MAX))
        out->cursor = otel__pb_put_double(out->cursor, TAG_FLOAT64, value);
}

/* The result is its type. */
static uint64_t write_value(struct writer *w, const otel_value *any) {
    struct otel__buffer *out = w->out;
    otel_value value;
    if (!otel__jaeger_value(any, w->text, &value))
        otel__buffer_fail(out, OTEL_ERR_MEMORY);
    switch (value.type) {
    case OTEL_TYPE_DOUBLE:
        write_double(out, value.u.d);
        return FLOAT64;
    case OTEL_TYPE_BOOL:
        otel__pb_uint(out, TAG_BOOL, value.u.i != 0);
        return BOOL;
    case OTEL_TYPE_INT:
        otel__pb_uint(out, TAG_INT64, (uint64_t)value.u.i);
        return INT64;
    case OTEL_TYPE_BYTES:
        otel__pb_text(out, TAG_BINARY, otel_strn(value.u.p, value.len));
        return BINARY;
    default:
        otel__pb_text(out, TAG_STRING, otel_strn(value.u.p, value.len));
        return STRING;
    }
}

static void write_tag(struct writer *w, uint32_t field, const otel_attr *tag) {
    struct otel__buffer *out = w->out;
    const size_t mark = otel__buffer_length(out);
    otel__pb_uint(out, TAG_TYPE, write_value(w, &tag->value));
    otel__pb_text(out, TAG_KEY, tag->key);
    otel__pb_message(out, field, mark);
}

static void write_tags(struct writer *w, uint32_t field, struct otel__tags *tags) {
    for (const otel_attr *tag; (tag = otel__tags_previous(tags)) != NULL;)
        write_tag(w, field, tag);
}

/* ---- times, references, logs ------------------------------------------------------------------------------------- */

/* google.protobuf.Timestamp and Duration are the same on the wire. */
static void write_time(struct otel__buffer *out, uint32_t field, uint64_t ns) {
    const size_t mark = otel__buffer_length(out);
    otel__pb_uint(out, TIME_NANOS, ns % OTEL__SECOND);
    otel__pb_uint(out, TIME_SECONDS, ns / OTEL__SECOND);
    otel__pb_message(out, field, mark);
}

static void write_reference(struct otel__buffer *out, const uint8_t trace_id[16], const uint8_t span_id[8], int type) {
    const size_t mark = otel__buffer_length(out);
    otel__pb_uint(out, REF_TYPE, (uint64_t)type);
    otel__pb_bytes(out, REF_SPAN_ID, span_id, 8);
    otel__pb_bytes(out, REF_TRACE_ID, trace_id, 16);
    otel__pb_message(out, SPAN_REFERENCES, mark);
}

/* Jaeger takes the first one into the span's own trace for the parent. */
static void write_references(struct otel__buffer *out, const otel_span_data *span) {
    for (size_t i = span->link_count; i-- > 0;) {
        const struct otel__jaeger_link link = otel__jaeger_link(span, &span->links[i]);
        if (link.is_reference)
            write_reference(out, link.trace_id, link.span_id, link.type);
    }
    if (span->parent_id)
        write_reference(out, span->trace_id, span->parent_id, OTEL__JAEGER_CHILD_OF);
}

static void write_log(struct writer *w, struct otel__jaeger_log *log, uint64_t time) {
    struct otel__buffer *out = w->out;
    const size_t mark = otel__buffer_length(out);
    write_tags(w, LOG_FIELDS, &log->fields);
    write_time(out, LOG_TIMESTAMP, time);
    otel__pb_message(out, SPAN_LOGS, mark);
}

static void write_logs(struct writer *w, const otel_span_data *span) {
    struct otel__jaeger_log log;
    for (size_t i = span->link_count; i-- > 0;)
        if (otel__jaeger_link(span, &span->links[i]).needs_log) {
            otel__jaeger_link_log(&span->links[i], &log);
            write_log(w, &log, span->start_time);
        }
    for (size_t i = span->event_count; i-- > 0;) {
        otel__jaeger_event_log(&span->events[i], &log);
        write_log(w, &log, span->events[i].time);
    }
}

/* ---- spans ------------------------------------------------------------------------------------------------------- */

/* Jaeger warns of a duration of 0 as if it were negative. */
static uint64_t duration(const otel_span_data *span) {
    return span->end_time > span->start_time ? span->end_time - span->start_time : 1;
}

static void write_span(struct writer *w, const otel_span_data *span) {
    struct otel__buffer *out = w->out;
    const size_t mark = otel__buffer_length(out);
    struct otel__tags tags;
    otel__jaeger_span_tags(span, &tags);
    write_logs(w, span);
    write_tags(w, SPAN_TAGS, &tags);
    write_time(out, SPAN_DURATION, duration(span));
    write_time(out, SPAN_START_TIME, span->start_time);
    otel__pb_uint(out, SPAN_FLAGS, span->flags & OTEL_FLAG_SAMPLED ? OTEL__JAEGER_SAMPLED : 0);
    write_references(out, span);
    otel__pb_text(out, SPAN_OPERATION_NAME, span->name);
    otel__pb_bytes(out, SPAN_ID, span->span_id, 8);
    otel__pb_bytes(out, SPAN_TRACE_ID, span->trace_id, 16);
    otel__pb_message(out, BATCH_SPANS, mark);
}

/* The service's name has a field of its own. */
static void write_process(struct writer *w, const otel_resource_data *resource) {
    struct otel__buffer *out = w->out;
    const size_t mark = otel__buffer_length(out);
    const size_t name_at = otel__service_name(resource, w->text);
    for (size_t i = resource->attributes.count; i-- > 0;)
        if (i != name_at)
            write_tag(w, PROCESS_TAGS, &resource->attributes.items[i]);
    otel__service_name(resource, w->text); /* which tags may have taken the place of */
    if (w->text->cut)
        otel__buffer_fail(out, OTEL_ERR_MEMORY);
    otel__pb_text(out, PROCESS_SERVICE_NAME, otel_strn(w->text->text, w->text->len));
    otel__pb_message(out, BATCH_PROCESS, mark);
}

otel_status otel__jaeger_write(void *self, otel_batch *batch, size_t first, size_t count, struct otel__buffer *out) {
    struct writer writer = { out, self };
    write_process(&writer, otel_batch_resource(batch));
    for (size_t i = first + count; i-- > first && out->status == OTEL_OK;) {
        const otel_span_data *span = otel_batch_span(batch, i);
        if (!span)
            return OTEL_ERR_MEMORY;
        write_span(&writer, span);
    }
    otel__pb_message(out, REQUEST_BATCH, 0);
    return out->status;
}
