/* SPDX-License-Identifier: Apache-2.0 */
/* span_line.c - see span_line.h. */
#include "console/span_line.h"

#include "base/str.h"
#include "common/value_text.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

/* Key and number, where there is something to count. */
static void add_count(struct otel__line *line, const char *key, uint32_t count) {
    if (count > 0)
        otel__line_format(line, " %s=%" PRIu32, key, count);
}

static void add_attributes(struct otel__line *line, const char *before, otel_attrs attributes, uint32_t dropped) {
    if (attributes.count > 0) {
        otel__line_add(line, before);
        otel__attrs_json(line, attributes);
    }
    add_count(line, "otel.dropped_attributes_count", dropped);
}

/* ---- times ------------------------------------------------------------------------------------------------------- */

/* Three or four digits and a unit; made of integers, so that no locale matters. */
static void format_duration(char *out, size_t size, uint64_t ns) {
    static const struct {
        uint64_t unit;
        const char *name;
    } units[] = { { 1000000000, "s" }, { 1000000, "ms" }, { 1000, "us" } };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (ns >= units[i].unit) {
            snprintf(out, size, "%" PRIu64 ".%02" PRIu64 "%s", ns / units[i].unit,
                     ns % units[i].unit / (units[i].unit / 100), units[i].name);
            return;
        }
    snprintf(out, size, "%" PRIu64 "ns", ns);
}

void otel__time_line(struct otel__line *line, uint64_t time) {
    const time_t seconds = (time_t)(time / 1000000000);
    struct tm t;
    char day[32] = "";
    if (gmtime_r(&seconds, &t))
        strftime(day, sizeof day, "%Y-%m-%dT%H:%M:%S", &t);
    otel__line_format(line, "%s.%06" PRIu64 "Z", day, time % 1000000000 / 1000);
}

static void add_start(struct otel__line *line, const otel_span_data *span) {
    char duration[32];
    otel__time_line(line, span->start_time);
    format_duration(duration, sizeof duration,
                    span->end_time > span->start_time ? span->end_time - span->start_time : 0);
    otel__line_format(line, " %9s", duration);
}

/* ---- the parts of a span ----------------------------------------------------------------------------------------- */

static void add_ids(struct otel__line *line, const otel_span_data *span) {
    otel__line_add(line, "  trace=");
    otel__line_hex(line, span->trace_id, 16);
    otel__line_add(line, " span=");
    otel__line_hex(line, span->span_id, 8);
    otel__line_add(line, " parent=");
    if (span->parent_id)
        otel__line_hex(line, span->parent_id, 8);
    else
        otel__line_add(line, "none");
    if (span->parent && otel_span_remote(span->parent))
        otel__line_add(line, "(remote)");
    if (span->tracestate.len > 0) {
        otel__line_add(line, " tracestate=");
        otel__line_escaped(line, span->tracestate, '"');
    }
}

static void add_status(struct otel__line *line, const otel_span_data *span) {
    if (span->status == OTEL_CODE_UNSET)
        return;
    otel__line_add(line, span->status == OTEL_CODE_OK ? "  otel.status_code=OK" : "  otel.status_code=ERROR");
    if (span->status_text.len > 0) {
        otel__line_add(line, " otel.status_description=");
        otel__line_escaped(line, span->status_text, '"');
    }
}

static void add_event(struct otel__line *line, const otel_event_data *event, uint64_t start) {
    char offset[32];
    bool before = event->time < start;
    format_duration(offset, sizeof offset, before ? start - event->time : event->time - start);
    otel__line_format(line, "%s%s ", before ? "-" : "+", offset);
    otel__line_escaped(line, event->name, '"');
    add_attributes(line, " ", event->attributes, event->dropped_attributes);
}

static void add_events(struct otel__line *line, const otel_span_data *span) {
    for (size_t i = 0; i < span->event_count; i++) {
        otel__line_add(line, i > 0 ? ", " : "  events=[");
        add_event(line, &span->events[i], span->start_time);
    }
    if (span->event_count > 0)
        otel__line_add(line, "]");
    add_count(line, "otel.dropped_events_count", span->dropped_events);
}

static void add_link(struct otel__line *line, const otel_link_data *link) {
    char trace_id[33], span_id[17];
    otel_span_hex(link->span, trace_id, span_id);
    otel__line_format(line, "%s/%s", trace_id, span_id);
    if (link->tracestate.len > 0) {
        otel__line_add(line, " tracestate=");
        otel__line_escaped(line, link->tracestate, '"');
    }
    add_attributes(line, " ", link->attributes, link->dropped_attributes);
}

static void add_links(struct otel__line *line, const otel_span_data *span) {
    for (size_t i = 0; i < span->link_count; i++) {
        otel__line_add(line, i > 0 ? ", " : "  links=[");
        add_link(line, &span->links[i]);
    }
    if (span->link_count > 0)
        otel__line_add(line, "]");
    add_count(line, "otel.dropped_links_count", span->dropped_links);
}

static void add_scope(struct otel__line *line, const otel_scope_data *scope, const char *prefix) {
    otel__line_format(line, " %s.name=", prefix);
    otel__line_escaped(line, scope->name, '"');
    if (scope->version.len > 0) {
        otel__line_format(line, " %s.version=", prefix);
        otel__line_escaped(line, scope->version, '"');
    }
}

void otel__origin_line(struct otel__line *line, const otel_resource_data *resource, const otel_scope_data *scope) {
    for (size_t i = 0; i < resource->attributes.count; i++) {
        const otel_attr *attr = &resource->attributes.items[i];
        if (otel__str_same(attr->key, otel_cstr("service.name"))) {
            otel__line_add(line, "  service=");
            otel__value_json(line, &attr->value);
        }
    }
    add_scope(line, scope, "otel.scope");
    add_attributes(line, " ", scope->attributes, 0);
}

void otel__end_line(struct otel__line *line) {
    if (line->cut) {
        line->cut = false;
        line->len -= line->len > 16 ? 16 : line->len;
        otel__line_add(line, "... [cut]");
    }
    otel__line_add(line, "\n");
}

void otel__span_line(struct otel__line *line, const otel_span_data *span) {
    static const char *const kinds[] = { "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER" };
    add_start(line, span);
    otel__line_format(line, "  %-8s  ", (size_t)span->kind < 5 ? kinds[span->kind] : "?");
    otel__line_escaped(line, span->name, '"');
    add_status(line, span);
    add_attributes(line, "  ", span->attributes, span->dropped_attributes);
    add_events(line, span);
    add_links(line, span);
    add_ids(line, span);
    otel__origin_line(line, span->resource, span->scope);
    add_scope(line, span->scope, "otel.library"); /* what older tools call it */
    otel__end_line(line);
}
