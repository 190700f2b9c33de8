/* SPDX-License-Identifier: Apache-2.0 */
/* batch.c - see batch.h. */
#include "batch.h"

#include "attributes.h"
#include "base/utf8.h"
#include "tracer.h"

#include <stdlib.h>

struct otel_batch *otel__batch_create(size_t capacity, const otel_resource_data *resource) {
    struct otel_batch *batch = calloc(1, sizeof *batch);
    if (!batch)
        return NULL;
    batch->resource = resource;
    batch->capacity = capacity;
    batch->records = calloc(capacity, sizeof(struct otel__record *));
    if (!batch->records) {
        free(batch);
        return NULL;
    }
    return batch;
}

void otel__batch_free(struct otel_batch *batch) {
    if (!batch)
        return;
    free(batch->records);
    free(batch->attrs);
    free(batch->events);
    free(batch->links);
    free(batch);
}

size_t otel_batch_count(const otel_batch *batch) { return batch ? batch->count : 0; }

const otel_resource_data *otel_batch_resource(const otel_batch *batch) { return batch ? batch->resource : NULL; }

const otel_scope_data *otel_batch_scope(const otel_batch *batch, size_t index) {
    return batch && index < batch->count ? &batch->records[index]->scope->data : NULL;
}

/* ---- one span ---------------------------------------------------------------------------------------------------- */

/* `array` with room for `need`; as it was, `*capacity` included, when memory is short. */
static void *grown(void *array, size_t *capacity, size_t need, size_t size) {
    if (need <= *capacity)
        return array;
    const size_t now = need + need / 2 + 16;
    void *larger = realloc(array, now * size);
    if (larger)
        *capacity = now;
    return larger ? larger : array;
}

/* Makes room for the views of the span's attributes (those of events and links included), events and links. */
static bool make_room(otel_batch *batch, const struct otel__record *record) {
    const size_t attrs = record->attrs.count + record->nested_attrs;
    batch->attrs = grown(batch->attrs, &batch->attr_capacity, attrs, sizeof *batch->attrs);
    batch->events = grown(batch->events, &batch->event_capacity, record->event_count, sizeof *batch->events);
    batch->links = grown(batch->links, &batch->link_capacity, record->link_count, sizeof *batch->links);
    return batch->attr_capacity >= attrs && batch->event_capacity >= record->event_count &&
           batch->link_capacity >= record->link_count;
}

static otel_value value_of(const struct otel__attr *attr) {
    otel_value value = { .type = (otel_type)attr->type, .len = attr->len };
    if (attr->type == OTEL_TYPE_DOUBLE)
        value.u.d = attr->value.d;
    else if (attr->type == OTEL_TYPE_STRING || attr->type > OTEL_TYPE_DOUBLE)
        value.u.p = attr->value.p;
    else
        value.u.i = attr->value.i;
    if (attr->type == OTEL_TYPE_STRING && !otel__utf8_valid(value.u.p, value.len))
        value.type = OTEL_TYPE_BYTES;
    return value;
}

/* Fills `out`, oldest first, and returns the list; `*out` moves behind it. */
static otel_attrs attrs_of(const struct otel__attrs *attrs, otel_attr **out) {
    otel_attr *items = *out;
    size_t i = attrs->count;
    if (i == 0) /* there may be no room at all, and a null pointer must not move */
        return (otel_attrs){ .items = NULL, .count = 0 };
    for (const struct otel__attr *attr = attrs->newest; attr; attr = attr->older) {
        i--;
        items[i].key = otel_strn(attr->key, attr->key_len);
        items[i].value = value_of(attr);
    }
    *out += attrs->count;
    return (otel_attrs){ .items = items, .count = attrs->count };
}

static void fill_events(otel_batch *batch, const struct otel__record *record, otel_attr **room) {
    size_t i = record->event_count;
    for (const struct otel__event *event = record->newest_event; event; event = event->older)
        batch->events[--i] = (otel_event_data){ .name = otel__text_str(event->name),
                                                .time = event->time,
                                                .attributes = attrs_of(&event->attrs, room),
                                                .dropped_attributes = event->attrs.dropped };
}

static otel_str state_text(const otel_span *span, bool held) {
    return held ? otel__tracestate_text(span->opaque_[OTEL__W_STATE]) : otel_strn(NULL, 0);
}

static void fill_links(otel_batch *batch, const struct otel__record *record, otel_attr **room) {
    size_t i = record->link_count;
    for (const struct otel__link *link = record->newest_link; link; link = link->older)
        batch->links[--i] = (otel_link_data){ .span = &link->span,
                                              .tracestate = state_text(&link->span, link->holds_state),
                                              .attributes = attrs_of(&link->attrs, room),
                                              .dropped_attributes = link->attrs.dropped };
}

static const otel_span *fill_parent(otel_batch *batch, const struct otel__record *record) {
    if (record->parent_id == 0)
        return NULL;
    batch->parent = record->span;
    batch->parent.opaque_[OTEL__W_SPAN] = record->parent_id;
    batch->parent.opaque_[OTEL__W_META] = record->parent_meta;
    batch->parent.opaque_[OTEL__W_BIRTH] = 0;
    batch->parent.opaque_[OTEL__W_STATE] = record->parent_state;
    return &batch->parent;
}

static void fill(otel_batch *batch, const struct otel__record *record) {
    otel_attr *room = batch->attrs;
    const otel_attrs attributes = attrs_of(&record->attrs, &room);
    fill_events(batch, record, &room);
    fill_links(batch, record, &room);
    batch->span = (otel_span_data){ .size = sizeof batch->span,
                                    .span = &record->span,
                                    .parent = fill_parent(batch, record),
                                    .trace_id = (const uint8_t *)&record->span.opaque_[OTEL__W_TRACE],
                                    .span_id = (const uint8_t *)&record->span.opaque_[OTEL__W_SPAN],
                                    .parent_id = record->parent_id ? (const uint8_t *)&record->parent_id : NULL,
                                    .tracestate = state_text(&record->span, record->holds_state),
                                    .name = otel__text_str(record->name),
                                    .start_time = record->start,
                                    .end_time = record->end,
                                    .ended = atomic_load_explicit(&record->birth, memory_order_relaxed) == 0,
                                    .flags = (uint8_t)(record->span.opaque_[OTEL__W_META] & OTEL__META_FLAGS),
                                    .kind = (otel_kind)record->kind,
                                    .status = (otel_code)record->status,
                                    .status_text = otel__text_str(record->status_text),
                                    .attributes = attributes,
                                    .events = batch->events,
                                    .event_count = record->event_count,
                                    .links = batch->links,
                                    .link_count = record->link_count,
                                    .dropped_attributes = record->attrs.dropped,
                                    .dropped_events = record->dropped_events,
                                    .dropped_links = record->dropped_links,
                                    .scope = &record->scope->data,
                                    .resource = batch->resource };
}

const otel_span_data *otel_batch_span(otel_batch *batch, size_t index) {
    if (!batch || index >= batch->count)
        return NULL;
    const struct otel__record *record = batch->records[index];
    if (!make_room(batch, record))
        return NULL;
    fill(batch, record);
    return &batch->span;
}
