/* SPDX-License-Identifier: Apache-2.0 */
/* jaeger_thrift.c - see jaeger_thrift.h. Field numbers are those of exporters/jaeger/idl/jaeger.thrift. */
#include "jaeger/jaeger_thrift.h"

#include "common/service_name.h"
#include "jaeger/jaeger_span.h"

enum { TAG_STRING, TAG_DOUBLE, TAG_BOOL, TAG_LONG, TAG_BINARY };

/* ---- tags -------------------------------------------------------------------------------------------------------- */

/* The value, which follows field 2; the result is its type. */
static int write_value(struct otel__jaeger_writer *w, const otel_value *any) {
    struct otel__thrift *thrift = &w->thrift;
    otel_value value;
    if (!otel__jaeger_value(any, w->text, &value))
        otel__buffer_fail(thrift->out, OTEL_ERR_MEMORY);
    switch (value.type) {
    case OTEL_TYPE_DOUBLE:
        otel__thrift_double_field(thrift, 2, 4, value.u.d);
        return TAG_DOUBLE;
    case OTEL_TYPE_BOOL:
        otel__thrift_bool_field(thrift, 2, 5, value.u.i != 0);
        return TAG_BOOL;
    case OTEL_TYPE_INT:
        otel__thrift_i64_field(thrift, 2, 6, value.u.i);
        return TAG_LONG;
    case OTEL_TYPE_BYTES:
        otel__thrift_string_field(thrift, 2, 7, value.u.p, value.len);
        return TAG_BINARY;
    default:
        otel__thrift_string_field(thrift, 2, 3, value.u.p, value.len);
        return TAG_STRING;
    }
}

static void write_tag(struct otel__jaeger_writer *w, const otel_attr *tag) {
    otel__thrift_stop(&w->thrift);
    const int type = write_value(w, &tag->value);
    otel__thrift_i32_field(&w->thrift, 1, 2, type);
    otel__thrift_string_field(&w->thrift, 0, 1, tag->key.ptr, tag->key.len);
}

static size_t write_tags(struct otel__jaeger_writer *w, struct otel__tags *tags) {
    size_t count = 0;
    for (const otel_attr *tag; (tag = otel__tags_previous(tags)) != NULL; count++)
        write_tag(w, tag);
    return count;
}

/* A list field whose elements have just been written. */
static void end_list(struct otel__jaeger_writer *w, int before, int id, size_t count) {
    otel__thrift_list(&w->thrift, OTEL__THRIFT_STRUCT, count);
    otel__thrift_field(&w->thrift, OTEL__THRIFT_LIST, before, id);
}

static int64_t microseconds(uint64_t ns) { return (int64_t)(ns / 1000); }

/* ---- references -------------------------------------------------------------------------------------------------- */

/* Ids are numbers here: the bytes with the most significant first. */
static int64_t id_number(const uint8_t *bytes) {
    uint64_t number = 0;
    for (int i = 0; i < 8; i++)
        number = number << 8 | bytes[i];
    return (int64_t)number;
}

static void write_reference(struct otel__jaeger_writer *w, const struct otel__jaeger_link *link) {
    otel__thrift_stop(&w->thrift);
    otel__thrift_i64_field(&w->thrift, 3, 4, id_number(link->span_id));
    otel__thrift_i64_field(&w->thrift, 2, 3, id_number(link->trace_id));
    otel__thrift_i64_field(&w->thrift, 1, 2, id_number(link->trace_id + 8));
    otel__thrift_i32_field(&w->thrift, 0, 1, link->type);
}

static size_t write_references(struct otel__jaeger_writer *w, const otel_span_data *span) {
    size_t count = 0;
    for (size_t i = span->link_count; i-- > 0;) {
        const struct otel__jaeger_link link = otel__jaeger_link(span, &span->links[i]);
        if (!link.is_reference)
            continue;
        write_reference(w, &link);
        count++;
    }
    return count;
}

static bool has_references(const otel_span_data *span) {
    for (size_t i = 0; i < span->link_count; i++)
        if (otel__jaeger_link(span, &span->links[i]).is_reference)
            return true;
    return false;
}

/* ---- logs -------------------------------------------------------------------------------------------------------- */

static void write_log(struct otel__jaeger_writer *w, struct otel__tags *fields, uint64_t time) {
    otel__thrift_stop(&w->thrift);
    end_list(w, 1, 2, write_tags(w, fields));
    otel__thrift_i64_field(&w->thrift, 0, 1, microseconds(time));
}

static size_t write_logs(struct otel__jaeger_writer *w, const otel_span_data *span) {
    struct otel__jaeger_log log;
    size_t count = span->event_count;
    for (size_t i = span->link_count; i-- > 0;) {
        if (!otel__jaeger_link(span, &span->links[i]).needs_log)
            continue;
        otel__jaeger_link_log(&span->links[i], &log);
        write_log(w, &log.fields, span->start_time);
        count++;
    }
    for (size_t i = span->event_count; i-- > 0;) {
        otel__jaeger_event_log(&span->events[i], &log);
        write_log(w, &log.fields, span->events[i].time);
    }
    return count;
}

/* ---- spans ------------------------------------------------------------------------------------------------------- */

static size_t write_span_tags(struct otel__jaeger_writer *w, const otel_span_data *span) {
    struct otel__tags tags;
    otel__jaeger_span_tags(span, &tags);
    return write_tags(w, &tags);
}

/* Jaeger warns of a duration of 0 as if it were negative: what is shorter than a microsecond takes one. */
static int64_t duration(const otel_span_data *span) {
    const int64_t whole = microseconds(span->end_time - span->start_time);
    return whole > 0 ? whole : 1;
}

void otel__jaeger_span(struct otel__jaeger_writer *w, const otel_span_data *span) {
    struct otel__thrift *thrift = &w->thrift;
    otel__thrift_stop(thrift);
    const size_t logs = write_logs(w, span);
    if (logs > 0)
        end_list(w, 10, 11, logs);
    end_list(w, 9, 10, write_span_tags(w, span));
    otel__thrift_i64_field(thrift, 8, 9, duration(span));
    otel__thrift_i64_field(thrift, 7, 8, microseconds(span->start_time));
    const bool references = has_references(span);
    otel__thrift_i32_field(thrift, references ? 6 : 5, 7, span->flags & OTEL_FLAG_SAMPLED ? OTEL__JAEGER_SAMPLED : 0);
    if (references)
        end_list(w, 5, 6, write_references(w, span));
    otel__thrift_string_field(thrift, 4, 5, span->name.ptr, span->name.len);
    otel__thrift_i64_field(thrift, 3, 4, span->parent_id ? id_number(span->parent_id) : 0);
    otel__thrift_i64_field(thrift, 2, 3, id_number(span->span_id));
    otel__thrift_i64_field(thrift, 1, 2, id_number(span->trace_id));
    otel__thrift_i64_field(thrift, 0, 1, id_number(span->trace_id + 8));
}

/* ---- batches ----------------------------------------------------------------------------------------------------- */

void otel__jaeger_batch_tail(struct otel__jaeger_writer *w, uint64_t number, bool in_message) {
    if (in_message)
        otel__thrift_stop(&w->thrift); /* of the arguments */
    otel__thrift_stop(&w->thrift);
    otel__thrift_i64_field(&w->thrift, 2, 3, (int64_t)number);
}

/* The service's name has a field of its own. */
static void write_process(struct otel__jaeger_writer *w, const otel_resource_data *resource) {
    const otel_attrs attributes = resource->attributes;
    const size_t name_at = otel__service_name(resource, w->text);
    size_t count = 0;
    otel__thrift_stop(&w->thrift);
    for (size_t i = attributes.count; i-- > 0;)
        if (i != name_at) {
            write_tag(w, &attributes.items[i]);
            count++;
        }
    if (count > 0)
        end_list(w, 1, 2, count);
    otel__service_name(resource, w->text);
    otel__thrift_string_field(&w->thrift, 0, 1, w->text->text, w->text->len);
}

void otel__jaeger_batch_head(struct otel__jaeger_writer *w, const otel_resource_data *resource, size_t count,
                             bool in_message) {
    end_list(w, 1, 2, count);
    write_process(w, resource);
    otel__thrift_field(&w->thrift, OTEL__THRIFT_STRUCT, 0, 1);
    if (!in_message)
        return;
    otel__thrift_field(&w->thrift, OTEL__THRIFT_STRUCT, 0, 1);
    otel__thrift_message(&w->thrift, OTEL__THRIFT_ONEWAY, "emitBatch", 0);
}
