/* SPDX-License-Identifier: Apache-2.0 */
/* batch_double.c - see batch_double.h. */
#include "batch_double.h"

#include "backend.h"
#include "batch.h"
#include "processor.h"
#include "tracer.h"

#include <pthread.h>
#include <stdlib.h>

/* Everything made for one batch, to be freed together. */
struct chunk {
    struct chunk *next;
    _Alignas(max_align_t) char bytes[];
};

struct owner {
    otel_batch *batch;
    struct chunk *chunks;
    struct owner *next;
};

static struct owner *owners;

static void *make(struct owner *owner, size_t size) {
    struct chunk *chunk = calloc(1, sizeof *chunk + size);
    if (!chunk)
        abort();
    chunk->next = owner->chunks;
    owner->chunks = chunk;
    return chunk->bytes;
}

static struct otel__text *make_text(struct owner *owner, otel_str text) {
    if (text.len == 0)
        return NULL;
    struct otel__text *copy = make(owner, sizeof *copy + text.len);
    copy->len = (uint32_t)text.len;
    memcpy(copy->bytes, text.ptr, text.len);
    return copy;
}

static void make_attrs(struct owner *owner, struct otel__attrs *out, otel_attrs from, uint32_t dropped) {
    out->count = (uint32_t)from.count;
    out->dropped = dropped;
    for (size_t i = 0; i < from.count; i++) {
        const otel_attr *attr = &from.items[i];
        struct otel__attr *copy = make(owner, sizeof *copy + attr->key.len);
        copy->older = out->newest;
        copy->key_len = (uint16_t)attr->key.len;
        copy->type = (uint8_t)attr->value.type;
        copy->len = (uint32_t)attr->value.len;
        memcpy(&copy->value, &attr->value.u, sizeof copy->value);
        if (attr->key.len > 0)
            memcpy(copy->key, attr->key.ptr, attr->key.len);
        out->newest = copy;
    }
}

static void make_events(struct owner *owner, struct otel__record *record, const otel_span_data *span) {
    record->event_count = (uint32_t)span->event_count;
    for (size_t i = 0; i < span->event_count; i++) {
        const otel_event_data *event = &span->events[i];
        struct otel__event *copy = make(owner, sizeof *copy);
        copy->older = record->newest_event;
        copy->time = event->time;
        copy->name = make_text(owner, event->name);
        make_attrs(owner, &copy->attrs, event->attributes, event->dropped_attributes);
        record->nested_attrs += copy->attrs.count;
        record->newest_event = copy;
    }
}

/* Stores a strong reference to the tracestate `text` in `span`; it is never dropped, which tests can afford. */
static bool set_state(otel_span *span, otel_str text) {
    span->opaque_[OTEL__W_STATE] = text.len > 0 ? otel__tracestate_intern(text) : 0;
    return span->opaque_[OTEL__W_STATE] != 0;
}

static void make_links(struct owner *owner, struct otel__record *record, const otel_span_data *span) {
    record->link_count = (uint32_t)span->link_count;
    for (size_t i = 0; i < span->link_count; i++) {
        const otel_link_data *link = &span->links[i];
        struct otel__link *copy = make(owner, sizeof *copy);
        copy->older = record->newest_link;
        copy->span = *link->span;
        copy->holds_state = set_state(&copy->span, link->tracestate);
        make_attrs(owner, &copy->attrs, link->attributes, link->dropped_attributes);
        record->nested_attrs += copy->attrs.count;
        record->newest_link = copy;
    }
}

static struct otel__record *make_record(struct owner *owner, const otel_span_data *span) {
    struct otel__record *record = make(owner, sizeof *record);
    memcpy(&record->span.opaque_[OTEL__W_TRACE], span->trace_id, 16);
    memcpy(&record->span.opaque_[OTEL__W_SPAN], span->span_id, 8);
    record->span.opaque_[OTEL__W_META] = span->flags;
    record->holds_state = set_state(&record->span, span->tracestate);
    if (span->parent) {
        record->parent_id = span->parent->opaque_[OTEL__W_SPAN];
        record->parent_meta = (uint32_t)span->parent->opaque_[OTEL__W_META];
    }
    record->start = span->start_time;
    record->end = span->end_time;
    record->kind = (uint8_t)span->kind;
    record->status = (uint8_t)span->status;
    record->name = make_text(owner, span->name);
    record->status_text = make_text(owner, span->status_text);
    record->scope = (const struct otel__scope *)(const void *)span->scope; /* `data` is its first member */
    record->dropped_events = span->dropped_events;
    record->dropped_links = span->dropped_links;
    make_attrs(owner, &record->attrs, span->attributes, span->dropped_attributes);
    make_events(owner, record, span);
    make_links(owner, record, span);
    return record;
}

otel_batch *batch_double_create(const otel_span_data *spans, size_t count, const otel_resource_data *resource) {
    struct owner *owner = calloc(1, sizeof *owner);
    otel_batch *batch = otel__batch_create(count > 0 ? count : 1, resource);
    if (!owner || !batch)
        abort();
    for (size_t i = 0; i < count; i++)
        batch->records[i] = make_record(owner, &spans[i]);
    batch->count = count;
    owner->batch = batch;
    owner->next = owners;
    owners = owner;
    return batch;
}

void batch_double_free(otel_batch *batch) {
    struct owner **at = &owners;
    while (*at && (*at)->batch != batch)
        at = &(*at)->next;
    struct owner *owner = *at;
    if (!owner)
        return;
    *at = owner->next;
    for (struct chunk *chunk = owner->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free(chunk);
    }
    otel__batch_free(batch);
    free(owner);
}

const otel_exporter_ops *batch_double_ops(const otel_exporter *exporter) { return &exporter->ops; }
void *batch_double_self(const otel_exporter *exporter) { return exporter->self; }

static uint64_t last_delivered, last_too_large;

uint64_t batch_double_delivered(void) { return last_delivered; }
uint64_t batch_double_too_large(void) { return last_too_large; }

otel_status batch_double_export(otel_exporter *exporter, otel_batch *batch, int timeout_ms, uint64_t *rejected) {
    otel_export_outcome outcome = { .size = sizeof outcome };
    otel_status status = exporter->ops.export_batch(exporter->self, batch, timeout_ms, &outcome);
    if (rejected)
        *rejected = outcome.rejected;
    last_delivered = outcome.delivered;
    last_too_large = outcome.too_large;
    return status;
}

static void *flush_and_shut_down(void *argument) {
    const otel_exporter *exporter = argument;
    for (int i = 0; i < 20; i++) {
        exporter->ops.force_flush(exporter->self, 1000);
        exporter->ops.shutdown(exporter->self, 1000);
    }
    return NULL;
}

otel_status batch_double_export_while_shut_down(otel_exporter *exporter, otel_batch *batch) {
    enum { THREADS = 3 };
    pthread_t threads[THREADS];
    otel_status status = OTEL_OK;
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, flush_and_shut_down, exporter) != 0)
            abort();
    while (status == OTEL_OK)
        status = batch_double_export(exporter, batch, 0, NULL);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    return status;
}
