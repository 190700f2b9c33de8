/* SPDX-License-Identifier: Apache-2.0 */
/*
 * span_copy.c - the same code runs twice: first without memory, to learn how much is needed, then to copy. What
 * place() returns is NULL in the first run.
 */
#include "memory/span_copy.h"

#include <stdalign.h>
#include <stdlib.h>

enum { DEPTH_MAX = 64 };

struct room {
    char *memory; /* NULL: only measuring */
    size_t used;
};

static void *place(struct room *room, const void *from, size_t size) {
    size_t at = (room->used + alignof(max_align_t) - 1) / alignof(max_align_t) * alignof(max_align_t);
    room->used = at + size;
    if (!room->memory)
        return NULL;
    if (size > 0)
        memcpy(room->memory + at, from, size);
    return room->memory + at;
}

static const char *place_bytes(struct room *room, const void *from, size_t len) {
    size_t at = room->used;
    room->used += len + 1;
    if (!room->memory)
        return NULL;
    if (len > 0)
        memcpy(room->memory + at, from, len);
    room->memory[at + len] = '\0';
    return room->memory + at;
}

static otel_str place_text(struct room *room, otel_str text) {
    return (otel_str){ place_bytes(room, text.ptr, text.len), text.len };
}

static otel_attrs place_attributes(struct room *room, otel_attrs from, int depth);
static otel_value place_value(struct room *room, otel_value from, int depth);

static const void *place_values(struct room *room, const otel_value *from, size_t count, int depth) {
    otel_value *to = place(room, from, count * sizeof *from);
    for (size_t i = 0; i < count; i++) {
        otel_value value = place_value(room, from[i], depth);
        if (to)
            to[i] = value;
    }
    return to;
}

/* The elements that are null stay so. */
static const void *place_texts(struct room *room, const otel_str *from, size_t count) {
    otel_str *to = place(room, from, count * sizeof *from);
    for (size_t i = 0; i < count; i++) {
        otel_str text = from[i].ptr ? place_text(room, from[i]) : from[i];
        if (to)
            to[i] = text;
    }
    return to;
}

static otel_value place_value(struct room *room, otel_value from, int depth) {
    otel_value to = from;
    switch (from.type) {
    case OTEL_TYPE_STRING:
    case OTEL_TYPE_BYTES:
        to.u.p = place_bytes(room, from.u.p, from.len);
        break;
    case OTEL_TYPE_STRINGS:
        to.u.p = place_texts(room, from.u.p, from.len);
        break;
    case OTEL_TYPE_BOOLS:
        to.u.p = place(room, from.u.p, from.len * sizeof(bool));
        break;
    case OTEL_TYPE_INTS:
    case OTEL_TYPE_DOUBLES:
        to.u.p = place(room, from.u.p, from.len * sizeof(int64_t));
        break;
    case OTEL_TYPE_ARRAY:
        to = depth < DEPTH_MAX ? to : otel_none();
        if (to.type == OTEL_TYPE_ARRAY)
            to.u.p = place_values(room, from.u.p, from.len, depth + 1);
        break;
    case OTEL_TYPE_MAP:
        to = depth < DEPTH_MAX ? to : otel_none();
        if (to.type == OTEL_TYPE_MAP)
            to.u.p = place_attributes(room, (otel_attrs){ from.u.p, from.len }, depth + 1).items;
        break;
    default:
        break;
    }
    return to;
}

static otel_attrs place_attributes(struct room *room, otel_attrs from, int depth) {
    otel_attr *to = place(room, from.items, from.count * sizeof *from.items);
    for (size_t i = 0; i < from.count; i++) {
        otel_attr attr = { place_text(room, from.items[i].key), place_value(room, from.items[i].value, depth) };
        if (to)
            to[i] = attr;
    }
    return (otel_attrs){ to, from.count };
}

static const otel_event_data *place_events(struct room *room, const otel_event_data *from, size_t count) {
    otel_event_data *to = place(room, from, count * sizeof *from);
    for (size_t i = 0; i < count; i++) {
        otel_event_data event = from[i];
        event.name = place_text(room, from[i].name);
        event.attributes = place_attributes(room, from[i].attributes, 0);
        if (to)
            to[i] = event;
    }
    return to;
}

static const otel_link_data *place_links(struct room *room, const otel_link_data *from, size_t count) {
    otel_link_data *to = place(room, from, count * sizeof *from);
    for (size_t i = 0; i < count; i++) {
        otel_link_data link = from[i];
        link.span = place(room, from[i].span, sizeof *from[i].span);
        link.tracestate = place_text(room, from[i].tracestate);
        link.attributes = place_attributes(room, from[i].attributes, 0);
        if (to)
            to[i] = link;
    }
    return to;
}

static const otel_scope_data *place_scope(struct room *room, const otel_scope_data *from) {
    otel_scope_data scope = *from;
    scope.name = place_text(room, from->name);
    scope.version = place_text(room, from->version);
    scope.schema_url = place_text(room, from->schema_url);
    scope.attributes = place_attributes(room, from->attributes, 0);
    return place(room, &scope, sizeof scope);
}

static const otel_resource_data *place_resource(struct room *room, const otel_resource_data *from) {
    otel_resource_data resource = *from;
    resource.schema_url = place_text(room, from->schema_url);
    resource.attributes = place_attributes(room, from->attributes, 0);
    return place(room, &resource, sizeof resource);
}

/* Everything that `from` points to; returns the struct that points to the copies. */
static otel_span_data place_span(struct room *room, const otel_span_data *from) {
    otel_span_data to = *from;
    to.size = sizeof to;
    to.span = place(room, from->span, sizeof *from->span);
    to.parent = from->parent ? place(room, from->parent, sizeof *from->parent) : NULL;
    to.trace_id = place(room, from->trace_id, 16);
    to.span_id = place(room, from->span_id, 8);
    to.parent_id = from->parent_id ? place(room, from->parent_id, 8) : NULL;
    to.tracestate = place_text(room, from->tracestate);
    to.name = place_text(room, from->name);
    to.status_text = place_text(room, from->status_text);
    to.attributes = place_attributes(room, from->attributes, 0);
    to.events = place_events(room, from->events, from->event_count);
    to.links = place_links(room, from->links, from->link_count);
    to.scope = place_scope(room, from->scope);
    to.resource = place_resource(room, from->resource);
    return to;
}

struct otel__span_copy *otel__span_copy_create(const otel_span_data *span) {
    struct room room = { NULL, sizeof(struct otel__span_copy) };
    place_span(&room, span);
    struct otel__span_copy *copy = malloc(room.used);
    if (!copy)
        return NULL;
    room = (struct room){ (char *)copy, sizeof *copy };
    copy->span = place_span(&room, span);
    atomic_init(&copy->references, 1);
    return copy;
}

void otel__span_copy_release(struct otel__span_copy *copy) {
    if (copy && atomic_fetch_sub(&copy->references, 1) == 1)
        free(copy);
}
