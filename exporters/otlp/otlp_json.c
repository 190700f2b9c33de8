/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_json.c - one pass over the batch, back to front, in the same order as otlp_encode.c. Members at their default
 * are left out, as in protobuf; the chosen member of an AnyValue is not.
 */
#include "otlp/otlp_json.h"

#include "common/json_writer.h"
#include "common/value_element.h"
#include "otlp/otlp_data.h"

/* ---- members ----------------------------------------------------------------------------------------------------- */

static void write_text(struct otel__buffer *out, const char *key, otel_str text) {
    if (text.len == 0)
        return;
    otel__json_string(out, text);
    otel__json_key(out, key);
}

static void write_count(struct otel__buffer *out, const char *key, uint32_t count) {
    if (count == 0)
        return;
    otel__json_uint(out, count);
    otel__json_key(out, key);
}

static void write_number(struct otel__buffer *out, const char *key, uint32_t number) {
    otel__json_uint(out, number);
    otel__json_key(out, key);
}

static void write_time(struct otel__buffer *out, const char *key, uint64_t ns) {
    otel__json_uint64(out, ns);
    otel__json_key(out, key);
}

static void write_id(struct otel__buffer *out, const char *key, const uint8_t *id, size_t len) {
    otel__json_hex(out, id, len);
    otel__json_key(out, key);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static void write_value(struct otel__buffer *out, const otel_value *value, int depth);

/* The elements of an array of KeyValue. */
static void write_pairs(struct otel__buffer *out, otel_attrs attributes, int depth) {
    otel__json_end(out, ']');
    for (size_t i = attributes.count; i-- > 0 && out->status == OTEL_OK;) {
        otel__json_end(out, '}');
        write_value(out, &attributes.items[i].value, depth);
        otel__json_key(out, "value");
        otel__json_string(out, attributes.items[i].key);
        otel__json_key(out, "key");
        otel__json_begin(out, '{');
    }
    otel__json_begin(out, '[');
}

static void write_attributes(struct otel__buffer *out, otel_attrs attributes) {
    if (attributes.count == 0)
        return;
    write_pairs(out, attributes, 0);
    otel__json_key(out, "attributes");
}

static void write_elements(struct otel__buffer *out, const otel_value *array, int depth) {
    otel__json_end(out, ']');
    for (size_t i = array->len; i-- > 0 && out->status == OTEL_OK;) {
        const otel_value item = otel__value_element(array, i);
        write_value(out, &item, depth);
    }
    otel__json_begin(out, '[');
}

/* An ArrayValue or a KeyValueList. */
static void write_list(struct otel__buffer *out, const otel_value *value, int depth) {
    const bool map = value->type == OTEL_TYPE_MAP;
    otel__json_end(out, '}');
    if (map)
        write_pairs(out, (otel_attrs){ value->u.p, value->len }, depth);
    else
        write_elements(out, value, depth);
    otel__json_key(out, "values");
    otel__json_begin(out, '{');
    otel__json_key(out, map ? "kvlistValue" : "arrayValue");
}

/* The member of an AnyValue. */
static void write_choice(struct otel__buffer *out, const otel_value *value, int depth) {
    switch (value->type) {
    case OTEL_TYPE_STRING:
        otel__json_string(out, otel_strn(value->u.p, value->len));
        otel__json_key(out, "stringValue");
        break;
    case OTEL_TYPE_BYTES:
        otel__json_base64(out, value->u.p, value->len);
        otel__json_key(out, "bytesValue");
        break;
    case OTEL_TYPE_BOOL:
        otel__json_literal(out, value->u.i ? "true" : "false");
        otel__json_key(out, "boolValue");
        break;
    case OTEL_TYPE_INT:
        otel__json_int64(out, value->u.i);
        otel__json_key(out, "intValue");
        break;
    case OTEL_TYPE_DOUBLE:
        otel__json_double(out, value->u.d);
        otel__json_key(out, "doubleValue");
        break;
    default:
        if (otel__otlp_is_list(value->type) && depth < OTEL__OTLP_DEPTH_MAX)
            write_list(out, value, depth + 1);
    }
}

static void write_value(struct otel__buffer *out, const otel_value *value, int depth) {
    otel__json_end(out, '}');
    write_choice(out, value, depth);
    otel__json_begin(out, '{');
}

/* ---- spans ------------------------------------------------------------------------------------------------------- */

static void write_event(struct otel__buffer *out, const otel_event_data *event) {
    otel__json_end(out, '}');
    write_count(out, "droppedAttributesCount", event->dropped_attributes);
    write_attributes(out, event->attributes);
    write_text(out, "name", event->name);
    write_time(out, "timeUnixNano", event->time);
    otel__json_begin(out, '{');
}

static void write_link(struct otel__buffer *out, const otel_link_data *link) {
    uint8_t trace_id[16], span_id[8];
    otel_span_trace_id(link->span, trace_id);
    otel_span_id(link->span, span_id);
    otel__json_end(out, '}');
    write_number(out, "flags", otel__otlp_flags(otel_span_flags(link->span), link->span));
    write_count(out, "droppedAttributesCount", link->dropped_attributes);
    write_attributes(out, link->attributes);
    write_text(out, "traceState", link->tracestate);
    write_id(out, "spanId", span_id, sizeof span_id);
    write_id(out, "traceId", trace_id, sizeof trace_id);
    otel__json_begin(out, '{');
}

static void write_status(struct otel__buffer *out, otel_code code, otel_str text) {
    if (code == OTEL_CODE_UNSET)
        return;
    otel__json_end(out, '}');
    write_number(out, "code", (uint32_t)code);
    if (code == OTEL_CODE_ERROR)
        write_text(out, "message", text);
    otel__json_begin(out, '{');
    otel__json_key(out, "status");
}

static void write_events(struct otel__buffer *out, const otel_span_data *span) {
    if (span->event_count == 0)
        return;
    otel__json_end(out, ']');
    for (size_t i = span->event_count; i-- > 0;)
        write_event(out, &span->events[i]);
    otel__json_begin(out, '[');
    otel__json_key(out, "events");
}

static void write_links(struct otel__buffer *out, const otel_span_data *span) {
    if (span->link_count == 0)
        return;
    otel__json_end(out, ']');
    for (size_t i = span->link_count; i-- > 0;)
        write_link(out, &span->links[i]);
    otel__json_begin(out, '[');
    otel__json_key(out, "links");
}

/* The members after the attributes. */
static void write_span_tail(struct otel__buffer *out, const otel_span_data *span) {
    write_number(out, "flags", otel__otlp_flags(span->flags, span->parent));
    write_status(out, span->status, span->status_text);
    write_count(out, "droppedLinksCount", span->dropped_links);
    write_links(out, span);
    write_count(out, "droppedEventsCount", span->dropped_events);
    write_events(out, span);
    write_count(out, "droppedAttributesCount", span->dropped_attributes);
}

static void write_span(struct otel__buffer *out, const otel_span_data *span) {
    otel__json_end(out, '}');
    write_span_tail(out, span);
    write_attributes(out, span->attributes);
    write_time(out, "endTimeUnixNano", span->end_time);
    write_time(out, "startTimeUnixNano", span->start_time);
    write_number(out, "kind", (uint32_t)span->kind + 1); /* 0 is "unspecified" on the wire */
    write_text(out, "name", span->name);
    if (span->parent_id)
        write_id(out, "parentSpanId", span->parent_id, 8);
    write_text(out, "traceState", span->tracestate);
    write_id(out, "spanId", span->span_id, 8);
    write_id(out, "traceId", span->trace_id, 16);
    otel__json_begin(out, '{');
}

/* ---- what holds them --------------------------------------------------------------------------------------------- */

static void write_scope(struct otel__buffer *out, const otel_scope_data *scope) {
    otel__json_end(out, '}');
    write_count(out, "droppedAttributesCount", scope->dropped_attributes);
    write_attributes(out, scope->attributes);
    write_text(out, "version", scope->version);
    write_text(out, "name", scope->name);
    otel__json_begin(out, '{');
    otel__json_key(out, "scope");
}

/* False: the SDK is short of memory for a span's view. */
static bool write_scope_spans(struct otel__buffer *out, otel_batch *batch, const struct otel__scope_groups *groups,
                              const struct otel__scope_group *group) {
    otel__json_end(out, '}');
    write_text(out, "schemaUrl", group->scope->schema_url);
    otel__json_end(out, ']');
    for (size_t i = group->last; i != OTEL__NO_SPAN && out->status == OTEL_OK;
         i = otel__scope_groups_previous(groups, i)) {
        const otel_span_data *span = otel_batch_span(batch, i);
        if (!span)
            return false;
        write_span(out, span);
    }
    otel__json_begin(out, '[');
    otel__json_key(out, "spans");
    write_scope(out, group->scope);
    otel__json_begin(out, '{');
    return true;
}

static void write_resource(struct otel__buffer *out, const otel_resource_data *resource) {
    otel__json_end(out, '}');
    write_count(out, "droppedAttributesCount", resource->dropped_attributes);
    write_attributes(out, resource->attributes);
    otel__json_begin(out, '{');
    otel__json_key(out, "resource");
}

/* The one ResourceSpans. */
static bool write_resource_spans(struct otel__buffer *out, otel_batch *batch, const struct otel__scope_groups *groups) {
    const otel_resource_data *resource = otel_batch_resource(batch);
    otel__json_end(out, '}');
    write_text(out, "schemaUrl", resource->schema_url);
    otel__json_end(out, ']');
    for (size_t i = groups->count; i-- > 0;)
        if (!write_scope_spans(out, batch, groups, &groups->items[i]))
            return false;
    otel__json_begin(out, '[');
    otel__json_key(out, "scopeSpans");
    write_resource(out, resource);
    otel__json_begin(out, '{');
    return true;
}

otel_status otel__otlp_write_json(void *self, otel_batch *batch, size_t first, size_t count, struct otel__buffer *out) {
    struct otel__scope_groups *groups = self;
    if (!otel__scope_groups_build(groups, batch, first, count))
        return OTEL_ERR_MEMORY;
    otel__json_end(out, '}');
    otel__json_end(out, ']');
    if (!write_resource_spans(out, batch, groups))
        return OTEL_ERR_MEMORY;
    otel__json_begin(out, '[');
    otel__json_key(out, "resourceSpans");
    otel__json_begin(out, '{');
    return out->status;
}

otel_status otel__otlp_encode_json(struct otel__otlp_encoder *encoder, otel_batch *batch, size_t first, size_t count,
                                   size_t limit) {
    otel__buffer_reset(&encoder->body, limit);
    return otel__otlp_write_json(&encoder->groups, batch, first, count, &encoder->body);
}

otel_status otel__otlp_encode_json_line(struct otel__otlp_encoder *encoder, otel_batch *batch, size_t first,
                                        size_t count, size_t limit) {
    otel__buffer_reset(&encoder->body, limit);
    otel__json_line_end(&encoder->body);
    return otel__otlp_write_json(&encoder->groups, batch, first, count, &encoder->body);
}
