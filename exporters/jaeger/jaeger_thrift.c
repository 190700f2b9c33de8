/* SPDX-License-Identifier: Apache-2.0 */
/* jaeger_thrift.c - see jaeger_thrift.h. Field numbers are those of exporters/jaeger/idl/jaeger.thrift. */
#include "jaeger/jaeger_thrift.h"

#include "base/str.h"
#include "common/service_name.h"
#include "common/tags.h"
#include "common/value_text.h"

#include <math.h>

enum { TAG_STRING, TAG_DOUBLE, TAG_BOOL, TAG_LONG, TAG_BINARY };
enum { CHILD_OF, FOLLOWS_FROM };
enum { FLAG_SAMPLED = 1 };

/* ---- tags -------------------------------------------------------------------------------------------------------- */

/* Arrays and maps are JSON; so is what is no number, of which one would make Jaeger's page fail for the whole trace. */
static int write_text(struct otel__jaeger_writer *w, const otel_value *value) {
    otel__line_clear(w->text);
    otel__value_text(w->text, value);
    if (w->text->cut)
        otel__buffer_fail(w->thrift.out, OTEL_ERR_MEMORY);
    otel__thrift_string_field(&w->thrift, 2, 3, w->text->text, w->text->len);
    return TAG_STRING;
}

/* The value, which follows field 2; the result is its type. */
static int write_value(struct otel__jaeger_writer *w, const otel_value *value) {
    struct otel__thrift *thrift = &w->thrift;
    switch (value->type) {
    case OTEL_TYPE_STRING:
        otel__thrift_string_field(thrift, 2, 3, value->u.p, value->len);
        return TAG_STRING;
    case OTEL_TYPE_DOUBLE:
        if (!isfinite(value->u.d))
            return write_text(w, value);
        otel__thrift_double_field(thrift, 2, 4, value->u.d);
        return TAG_DOUBLE;
    case OTEL_TYPE_BOOL:
        otel__thrift_bool_field(thrift, 2, 5, value->u.i != 0);
        return TAG_BOOL;
    case OTEL_TYPE_INT:
        otel__thrift_i64_field(thrift, 2, 6, value->u.i);
        return TAG_LONG;
    case OTEL_TYPE_BYTES:
        otel__thrift_string_field(thrift, 2, 7, value->u.p, value->len);
        return TAG_BINARY;
    default:
        return write_text(w, value);
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

struct ids {
    uint8_t trace_id[16], span_id[8];
};

static struct ids ids_of(const otel_span *span) {
    struct ids ids;
    otel_span_trace_id(span, ids.trace_id);
    otel_span_id(span, ids.span_id);
    return ids;
}

/* Jaeger would take such a reference instead of the parent. */
static bool links_to_parent(const otel_span_data *span, const struct ids *link) {
    return span->parent_id && memcmp(link->span_id, span->parent_id, 8) == 0 &&
           memcmp(link->trace_id, span->trace_id, 16) == 0;
}

/* What OpenTracing's shim says of a parent that is not the first one. */
static bool is_child_of(const otel_link_data *link) {
    for (size_t i = 0; i < link->attributes.count; i++) {
        const otel_attr *attr = &link->attributes.items[i];
        if (otel__str_same(attr->key, otel_cstr("opentracing.ref_type")))
            return attr->value.type == OTEL_TYPE_STRING &&
                   otel__str_same(otel_strn(attr->value.u.p, attr->value.len), otel_cstr("child_of"));
    }
    return false;
}

static void write_reference(struct otel__jaeger_writer *w, const otel_link_data *link, const struct ids *ids) {
    otel__thrift_stop(&w->thrift);
    otel__thrift_i64_field(&w->thrift, 3, 4, id_number(ids->span_id));
    otel__thrift_i64_field(&w->thrift, 2, 3, id_number(ids->trace_id));
    otel__thrift_i64_field(&w->thrift, 1, 2, id_number(ids->trace_id + 8));
    otel__thrift_i32_field(&w->thrift, 0, 1, is_child_of(link) ? CHILD_OF : FOLLOWS_FROM);
}

static size_t write_references(struct otel__jaeger_writer *w, const otel_span_data *span) {
    size_t count = 0;
    for (size_t i = span->link_count; i-- > 0;) {
        const struct ids ids = ids_of(span->links[i].span);
        if (links_to_parent(span, &ids))
            continue;
        write_reference(w, &span->links[i], &ids);
        count++;
    }
    return count;
}

static bool has_references(const otel_span_data *span) {
    for (size_t i = 0; i < span->link_count; i++) {
        const struct ids ids = ids_of(span->links[i].span);
        if (!links_to_parent(span, &ids))
            return true;
    }
    return false;
}

/* ---- logs -------------------------------------------------------------------------------------------------------- */

static void write_log(struct otel__jaeger_writer *w, struct otel__tags *fields, uint64_t time) {
    otel__thrift_stop(&w->thrift);
    end_list(w, 1, 2, write_tags(w, fields));
    otel__thrift_i64_field(&w->thrift, 0, 1, microseconds(time));
}

/* An attribute named event is stronger than the event's name. */
static void write_event(struct otel__jaeger_writer *w, const otel_event_data *event) {
    const otel_attr name = otel__attr("event", otel_stringn(event->name.ptr, event->name.len));
    struct otel__tags fields;
    otel__tags_of_attributes(&fields, event->attributes, event->dropped_attributes);
    otel__tags_add_list(&fields, (otel_attrs){ &name, 1 });
    write_log(w, &fields, event->time);
}

/* Whether a link says more than its reference does. */
static bool needs_log(const otel_span_data *span, const otel_link_data *link, const struct ids *ids) {
    return link->attributes.count > 0 || link->dropped_attributes > 0 || link->tracestate.len > 0 ||
           links_to_parent(span, ids);
}

static void write_link(struct otel__jaeger_writer *w, const otel_link_data *link, uint64_t time) {
    char trace_id[33], span_id[17];
    struct otel__tags fields;
    otel_span_hex(link->span, trace_id, span_id);
    otel__tags_of_attributes(&fields, link->attributes, link->dropped_attributes);
    otel__tags_add(&fields, "event", otel_string("link"));
    otel__tags_add(&fields, "trace_id", otel_string(trace_id));
    otel__tags_add(&fields, "span_id", otel_string(span_id));
    if (link->tracestate.len > 0)
        otel__tags_add(&fields, "w3c.tracestate", otel_stringn(link->tracestate.ptr, link->tracestate.len));
    write_log(w, &fields, time);
}

static size_t write_logs(struct otel__jaeger_writer *w, const otel_span_data *span) {
    size_t count = span->event_count;
    for (size_t i = span->link_count; i-- > 0;) {
        const otel_link_data *link = &span->links[i];
        const struct ids ids = ids_of(link->span);
        if (!needs_log(span, link, &ids))
            continue;
        write_link(w, link, span->start_time);
        count++;
    }
    for (size_t i = span->event_count; i-- > 0;)
        write_event(w, &span->events[i]);
    return count;
}

/* ---- spans ------------------------------------------------------------------------------------------------------- */

static const char *kind_name(otel_kind kind) {
    static const char *const names[] = {
        [OTEL_INTERNAL] = "internal", [OTEL_SERVER] = "server",     [OTEL_CLIENT] = "client",
        [OTEL_PRODUCER] = "producer", [OTEL_CONSUMER] = "consumer",
    };
    return (size_t)kind < sizeof names / sizeof *names ? names[kind] : names[OTEL_INTERNAL];
}

static size_t write_span_tags(struct otel__jaeger_writer *w, const otel_span_data *span) {
    struct otel__tags tags;
    otel__tags_of_span(&tags, span, OTEL__TAGS_WITH_DESCRIPTION);
    otel__tags_add(&tags, "span.kind", otel_string(kind_name(span->kind)));
    if (span->status == OTEL_CODE_ERROR)
        otel__tags_add(&tags, "error", otel_bool(true));
    if (span->tracestate.len > 0)
        otel__tags_add(&tags, "w3c.tracestate", otel_stringn(span->tracestate.ptr, span->tracestate.len));
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
    otel__thrift_i32_field(thrift, references ? 6 : 5, 7, span->flags & OTEL_FLAG_SAMPLED ? FLAG_SAMPLED : 0);
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
