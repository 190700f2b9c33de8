/* SPDX-License-Identifier: Apache-2.0 */
/* jaeger_span.c - see jaeger_span.h. */
#include "jaeger/jaeger_span.h"

#include "base/str.h"
#include "common/value_text.h"

#include <math.h>

/* ---- tags -------------------------------------------------------------------------------------------------------- */

static const char *kind_name(otel_kind kind) {
    static const char *const names[] = {
        [OTEL_INTERNAL] = "internal", [OTEL_SERVER] = "server",     [OTEL_CLIENT] = "client",
        [OTEL_PRODUCER] = "producer", [OTEL_CONSUMER] = "consumer",
    };
    return (size_t)kind < sizeof names / sizeof *names ? names[kind] : names[OTEL_INTERNAL];
}

void otel__jaeger_span_tags(const otel_span_data *span, struct otel__tags *tags) {
    otel__tags_of_span(tags, span, OTEL__TAGS_WITH_DESCRIPTION);
    otel__tags_add(tags, "span.kind", otel_string(kind_name(span->kind)));
    if (span->status == OTEL_CODE_ERROR)
        otel__tags_add(tags, "error", otel_bool(true));
    if (span->tracestate.len > 0)
        otel__tags_add(tags, "w3c.tracestate", otel_stringn(span->tracestate.ptr, span->tracestate.len));
}

/* Arrays and maps become JSON; so does what is no number, of which one would make Jaeger's page fail for the whole trace. */
static bool needs_text(const otel_value *value) {
    switch (value->type) {
    case OTEL_TYPE_STRING:
    case OTEL_TYPE_BOOL:
    case OTEL_TYPE_INT:
    case OTEL_TYPE_BYTES:
        return false;
    case OTEL_TYPE_DOUBLE:
        return !isfinite(value->u.d);
    default:
        return true;
    }
}

bool otel__jaeger_value(const otel_value *value, struct otel__line *text, otel_value *out) {
    *out = *value;
    if (!needs_text(value))
        return true;
    otel__line_clear(text);
    otel__value_text(text, value);
    *out = otel_stringn(text->text, text->len);
    return !text->cut;
}

/* ---- links ------------------------------------------------------------------------------------------------------- */

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

static bool is_to_parent(const otel_span_data *span, const struct otel__jaeger_link *link) {
    return span->parent_id && memcmp(link->span_id, span->parent_id, 8) == 0 &&
           memcmp(link->trace_id, span->trace_id, 16) == 0;
}

struct otel__jaeger_link otel__jaeger_link(const otel_span_data *span, const otel_link_data *data) {
    struct otel__jaeger_link link = { .type = is_child_of(data) ? OTEL__JAEGER_CHILD_OF : OTEL__JAEGER_FOLLOWS_FROM };
    otel_span_trace_id(data->span, link.trace_id);
    otel_span_id(data->span, link.span_id);
    link.is_reference = !is_to_parent(span, &link);
    link.needs_log =
        data->attributes.count > 0 || data->dropped_attributes > 0 || data->tracestate.len > 0 || !link.is_reference;
    return link;
}

/* ---- logs -------------------------------------------------------------------------------------------------------- */

/* An attribute named event is stronger than the event's name. */
void otel__jaeger_event_log(const otel_event_data *event, struct otel__jaeger_log *log) {
    log->name = otel__attr("event", otel_stringn(event->name.ptr, event->name.len));
    otel__tags_of_attributes(&log->fields, event->attributes, event->dropped_attributes);
    otel__tags_add_list(&log->fields, (otel_attrs){ &log->name, 1 });
}

void otel__jaeger_link_log(const otel_link_data *link, struct otel__jaeger_log *log) {
    otel__tags_of_attributes(&log->fields, link->attributes, link->dropped_attributes);
    otel_span_hex(link->span, log->trace_id, log->span_id);
    otel__tags_add(&log->fields, "event", otel_string("link"));
    otel__tags_add(&log->fields, "trace_id", otel_string(log->trace_id));
    otel__tags_add(&log->fields, "span_id", otel_string(log->span_id));
    if (link->tracestate.len > 0)
        otel__tags_add(&log->fields, "w3c.tracestate", otel_stringn(link->tracestate.ptr, link->tracestate.len));
}
