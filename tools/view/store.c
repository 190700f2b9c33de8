/* SPDX-License-Identifier: Apache-2.0 */
/* The newest traces, within a number of traces and a number of bytes.
 *
 * Traces and the spans of a trace are found through libc's balanced trees (tsearch), which no choice of ids can slow
 * down. */
#include "store.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

/* What a tree node and the allocator's headers take beside an object. */
enum { OVERHEAD = 64 };

struct view_store {
    size_t max_traces;
    size_t max_bytes;
    struct view_link traces;
    struct view_link pending;
    void *trace_ids;
    void (*evicting)(struct view_trace *trace, void *arg);
    void *evicting_arg;
    struct view_store_stats stats;
};

static void link_before(struct view_link *place, struct view_link *link) {
    link->prev = place->prev;
    link->next = place;
    place->prev->next = link;
    place->prev = link;
}

static void unlink_from_list(struct view_link *link) {
    link->prev->next = link->next;
    link->next->prev = link->prev;
}

static struct view_trace *trace_of(const struct view_link *link, const struct view_link *list) {
    return link == list ? NULL : (struct view_trace *)((char *)(uintptr_t)link - offsetof(struct view_trace, link));
}

static struct view_trace *trace_of_pending(const struct view_link *link, const struct view_link *list) {
    return link == list ? NULL : (struct view_trace *)((char *)(uintptr_t)link - offsetof(struct view_trace, pending));
}

static int compare_traces(const void *a, const void *b) {
    return memcmp(((const struct view_trace *)a)->id, ((const struct view_trace *)b)->id, VIEW_TRACE_ID_SIZE);
}

static int compare_spans(const void *a, const void *b) {
    return memcmp(((const struct view_span *)a)->id, ((const struct view_span *)b)->id, VIEW_SPAN_ID_SIZE);
}

struct view_store *view_store_new(size_t max_traces, size_t max_bytes) {
    struct view_store *store = calloc(1, sizeof *store);
    if (!store) {
        return NULL;
    }
    store->max_traces = max_traces;
    store->max_bytes = max_bytes;
    store->traces.prev = store->traces.next = &store->traces;
    store->pending.prev = store->pending.next = &store->pending;
    return store;
}

void view_store_on_evict(struct view_store *store, void (*evicting)(struct view_trace *trace, void *arg), void *arg) {
    store->evicting = evicting;
    store->evicting_arg = arg;
}

static size_t blob_size(const struct view_blob *blob) { return sizeof *blob + blob->len + OVERHEAD; }

struct view_blob *view_blob_new(struct view_store *store, size_t len) {
    struct view_blob *blob = malloc(sizeof *blob + len);
    if (blob) {
        blob->users = 1;
        blob->len = len;
        store->stats.bytes_kept += blob_size(blob);
    }
    return blob;
}

void view_blob_release(struct view_store *store, struct view_blob *blob) {
    if (blob && --blob->users == 0) {
        store->stats.bytes_kept -= blob_size(blob);
        free(blob);
    }
}

struct view_span *view_span_new(const struct view_origin *origin, size_t len) {
    struct view_span *span = calloc(1, sizeof *span + len);
    if (span) {
        span->origin = *origin;
        span->len = len;
        origin->service->users++;
        origin->resource->users++;
        origin->scope->users++;
    }
    return span;
}

static size_t span_size(const struct view_span *span) { return sizeof *span + span->len + OVERHEAD; }

static void free_span(struct view_store *store, struct view_span *span) {
    view_blob_release(store, span->origin.service);
    view_blob_release(store, span->origin.resource);
    view_blob_release(store, span->origin.scope);
    free(span);
}

/* tdestroy wants a function; the spans are freed along their list. */
static void keep_node(void *node) { (void)node; }

static void remove_trace(struct view_store *store, struct view_trace *trace) {
    unlink_from_list(&trace->link);
    if (trace->is_pending) {
        unlink_from_list(&trace->pending);
    }
    tdelete(trace, &store->trace_ids, compare_traces);
    tdestroy(trace->span_ids, keep_node);
    store->stats.traces_kept--;
    store->stats.spans_kept -= trace->span_count;
    store->stats.bytes_kept -= trace->size;
    for (struct view_span *span = trace->first, *next; span; span = next) {
        next = span->next;
        free_span(store, span);
    }
    free(trace);
}

void view_store_free(struct view_store *store) {
    struct view_trace *trace;
    if (!store) {
        return;
    }
    while ((trace = view_store_first(store))) {
        remove_trace(store, trace);
    }
    free(store);
}

/* False when there is no other trace than the one to spare. */
static bool evict_oldest(struct view_store *store, const struct view_trace *spared) {
    struct view_trace *oldest = view_store_first(store);
    if (oldest == spared) {
        oldest = view_store_next(store, oldest);
    }
    if (!oldest) {
        return false;
    }
    if (store->evicting) {
        store->evicting(oldest, store->evicting_arg);
    }
    store->stats.evicted_traces++;
    store->stats.evicted_spans += oldest->span_count;
    remove_trace(store, oldest);
    return true;
}

/* Evicts other traces until this one may grow by `size`; false when that isn't enough. */
static bool make_room(struct view_store *store, const struct view_trace *growing, size_t size) {
    while (size > store->max_bytes || store->stats.bytes_kept > store->max_bytes - size) {
        if (size > store->max_bytes || !evict_oldest(store, growing)) {
            return false;
        }
    }
    return true;
}

static struct view_trace *new_trace(struct view_store *store, const uint8_t id[VIEW_TRACE_ID_SIZE]) {
    struct view_trace *trace = calloc(1, sizeof *trace);
    if (!trace) {
        return NULL;
    }
    memcpy(trace->id, id, VIEW_TRACE_ID_SIZE);
    if (!tsearch(trace, &store->trace_ids, compare_traces)) {
        free(trace);
        return NULL;
    }
    trace->size = sizeof *trace + OVERHEAD;
    link_before(&store->traces, &trace->link);
    store->stats.bytes_kept += trace->size;
    store->stats.traces_kept++;
    store->stats.traces++;
    if (store->stats.traces_kept > store->max_traces) {
        evict_oldest(store, trace);
    }
    return trace;
}

/* `mine` tells a span that entered the tree from one that was there before. */
static bool enter_id(struct view_trace *trace, struct view_span *span, bool *mine) {
    struct view_span **node = tsearch(span, &trace->span_ids, compare_spans);
    *mine = node && *node == span;
    return node != NULL;
}

static void append(struct view_store *store, struct view_trace *trace, struct view_span *span, int64_t now) {
    *(trace->last ? &trace->last->next : &trace->first) = span;
    trace->last = span;
    trace->span_count++;
    trace->size += span_size(span);
    trace->last_arrival = now;
    trace->seen_incomplete = false;
    store->stats.bytes_kept += span_size(span);
    store->stats.spans_kept++;
    store->stats.spans++;
    if (!trace->is_pending) {
        trace->is_pending = true;
        link_before(&store->pending, &trace->pending);
    }
}

static enum view_added drop(struct view_store *store, struct view_trace *trace, struct view_span *span) {
    store->stats.dropped++;
    free_span(store, span);
    if (trace && trace->span_count == 0) {
        remove_trace(store, trace);
        store->stats.traces--;
    }
    return VIEW_DROPPED;
}

enum view_added view_store_add(struct view_store *store, struct view_span *span, int64_t now) {
    struct view_trace *trace = view_store_find(store, span->trace_id);
    if (!trace) {
        trace = new_trace(store, span->trace_id);
    }
    bool mine;
    if (!trace || !enter_id(trace, span, &mine)) {
        return drop(store, trace, span);
    }
    if (!mine) {
        store->stats.duplicates++;
        free_span(store, span);
        return VIEW_DUPLICATE;
    }
    if (!make_room(store, trace, span_size(span))) {
        tdelete(span, &trace->span_ids, compare_spans);
        return drop(store, trace, span);
    }
    append(store, trace, span, now);
    return VIEW_ADDED;
}

struct view_trace *view_store_find(const struct view_store *store, const uint8_t id[VIEW_TRACE_ID_SIZE]) {
    struct view_trace wanted;
    memcpy(wanted.id, id, VIEW_TRACE_ID_SIZE);
    struct view_trace **node = tfind(&wanted, &store->trace_ids, compare_traces);
    return node ? *node : NULL;
}

struct view_trace *view_store_first(const struct view_store *store) {
    return trace_of(store->traces.next, &store->traces);
}

struct view_trace *view_store_next(const struct view_store *store, const struct view_trace *trace) {
    return trace_of(trace->link.next, &store->traces);
}

struct view_trace *view_store_newest(const struct view_store *store) {
    return trace_of(store->traces.prev, &store->traces);
}

struct view_trace *view_store_previous(const struct view_store *store, const struct view_trace *trace) {
    return trace_of(trace->link.prev, &store->traces);
}

struct view_trace *view_store_first_pending(const struct view_store *store) {
    return trace_of_pending(store->pending.next, &store->pending);
}

struct view_trace *view_store_next_pending(const struct view_store *store, const struct view_trace *trace) {
    return trace_of_pending(trace->pending.next, &store->pending);
}

void view_store_mark_shown(struct view_trace *trace) {
    if (trace->is_pending) {
        unlink_from_list(&trace->pending);
        trace->is_pending = false;
    }
    trace->shown_count = trace->span_count;
}

struct view_store_stats view_store_stats(const struct view_store *store) {
    return store->stats;
}
