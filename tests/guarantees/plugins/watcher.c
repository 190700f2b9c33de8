/* SPDX-License-Identifier: Apache-2.0 */
/* watcher.c - see watcher.h. */
#include "watcher.h"

#include "load.h"

static void look_at(struct watcher *watcher, const void *pointer) {
    if (!pointer)
        return;
    atomic_fetch_add(&watcher->pointers, 1);
    if (points_into_plugin(pointer))
        atomic_fetch_add(&watcher->dangling, 1);
}

static void look_at_str(struct watcher *watcher, otel_str text) { look_at(watcher, text.ptr); }

static void look_at_value(struct watcher *watcher, const otel_value *value) {
    if (value->type < OTEL_TYPE_STRING || value->len == 0)
        return;
    look_at(watcher, value->u.p);
    const otel_str *strings = value->u.p;
    for (size_t i = 0; value->type == OTEL_TYPE_STRINGS && i < value->len; i++)
        look_at_str(watcher, strings[i]);
}

static void look_at_attrs(struct watcher *watcher, otel_attrs attributes) {
    look_at(watcher, attributes.items);
    for (size_t i = 0; i < attributes.count; i++) {
        look_at_str(watcher, attributes.items[i].key);
        look_at_value(watcher, &attributes.items[i].value);
    }
}

static void look_at_scope(struct watcher *watcher, const otel_scope_data *scope) {
    look_at(watcher, scope);
    look_at_str(watcher, scope->name);
    look_at_str(watcher, scope->version);
    look_at_str(watcher, scope->schema_url);
    look_at_attrs(watcher, scope->attributes);
    const unsigned count = atomic_load(&watcher->scope_count);
    for (unsigned i = 0; i < count; i++)
        if (watcher->scopes[i] == scope)
            return;
    if (count == WATCHER_SCOPES)
        return;
    watcher->scopes[count] = scope;
    atomic_store(&watcher->scope_count, count + 1);
}

static void look_at_span(struct watcher *watcher, const otel_span_data *span) {
    look_at_str(watcher, span->name);
    look_at_str(watcher, span->tracestate);
    look_at_str(watcher, span->status_text);
    look_at_attrs(watcher, span->attributes);
    for (size_t i = 0; i < span->event_count; i++) {
        look_at_str(watcher, span->events[i].name);
        look_at_attrs(watcher, span->events[i].attributes);
    }
    for (size_t i = 0; i < span->link_count; i++) {
        look_at(watcher, span->links[i].span);
        look_at_str(watcher, span->links[i].tracestate);
        look_at_attrs(watcher, span->links[i].attributes);
    }
    look_at_scope(watcher, span->scope);
    look_at_attrs(watcher, span->resource->attributes);
}

static otel_status export_batch(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    struct watcher *watcher = self;
    (void)timeout_ms, (void)outcome;
    for (size_t i = 0; i < otel_batch_count(batch); i++) {
        look_at_span(watcher, otel_batch_span(batch, i));
        atomic_fetch_add(&watcher->spans, 1);
    }
    return OTEL_OK;
}

otel_exporter *watcher_exporter(struct watcher *watcher) {
    static const otel_exporter_ops ops = { .size = sizeof ops, .name = "watcher", .export_batch = export_batch };
    return otel_exporter_create(&ops, watcher);
}
