/* SPDX-License-Identifier: Apache-2.0 */
/* The newest traces, within a number of traces and a number of bytes.
 *
 * A span is kept as the bytes of its OTLP message beside the few fields that ordering and counting need; whoever shows
 * it decodes it again. Resource and scope are kept once for all spans of a request that share them. When a bound is
 * reached, the trace that began to arrive first goes; a span that its own trace has no more room for is dropped.
 *
 * One thread. Times of arrival are milliseconds of any clock that doesn't go backwards. */
#ifndef VIEW_STORE_H
#define VIEW_STORE_H

#include "format.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct view_link {
    struct view_link *prev;
    struct view_link *next;
};

/* Bytes that several spans use. */
struct view_blob {
    size_t users;
    size_t len;
    uint8_t bytes[];
};

/* Where spans come from. */
struct view_origin {
    struct view_blob *service;  /* service.name, or "unknown_service" */
    struct view_blob *resource; /* a packed ResourceSpans without scope_spans */
    struct view_blob *scope;    /* a packed ScopeSpans without spans */
};

struct view_span {
    struct view_span *next; /* of its trace, as they arrived */
    struct view_origin origin;
    uint64_t start;
    uint64_t end;
    int kind;
    int status;
    bool has_parent;
    bool calls_service; /* a CLIENT span of a call whose far side may be traced as well (not a database) */
    uint8_t trace_id[VIEW_TRACE_ID_SIZE];
    uint8_t id[VIEW_SPAN_ID_SIZE];
    uint8_t parent_id[VIEW_SPAN_ID_SIZE];
    size_t len;
    uint8_t bytes[]; /* a packed Span */
};

struct view_trace {
    struct view_link link;    /* all traces, oldest first */
    struct view_link pending; /* traces with spans that are not shown yet */
    bool is_pending;
    bool seen_incomplete; /* looked at since the last arrival, and found to lack spans */
    uint8_t id[VIEW_TRACE_ID_SIZE];
    struct view_span *first;
    struct view_span *last;
    size_t span_count;
    size_t shown_count; /* spans it had when it was shown last */
    size_t size;
    int64_t last_arrival;
    void *span_ids;
};

struct view_store_stats {
    uint64_t spans;      /* kept now or once */
    uint64_t duplicates; /* already there */
    uint64_t dropped;    /* no room for them */
    uint64_t traces;     /* began to arrive */
    uint64_t evicted_traces;
    uint64_t evicted_spans;
    size_t traces_kept;
    size_t spans_kept;
    size_t bytes_kept;
};

enum view_added { VIEW_ADDED, VIEW_DUPLICATE, VIEW_DROPPED };

struct view_store;

/* NULL when out of memory. */
struct view_store *view_store_new(size_t max_traces, size_t max_bytes);
void view_store_free(struct view_store *store);

/* Called with each trace that is about to go. */
void view_store_on_evict(struct view_store *store, void (*evicting)(struct view_trace *trace, void *arg), void *arg);

/* A blob of `len` bytes to be filled, with one use that the caller holds; NULL when out of memory. */
struct view_blob *view_blob_new(struct view_store *store, size_t len);
/* Gives one use back; NULL is allowed. */
void view_blob_release(struct view_store *store, struct view_blob *blob);

/* A span with room for `len` bytes and a use of each blob, all other fields zero; NULL when out of memory. */
struct view_span *view_span_new(const struct view_origin *origin, size_t len);

/* Takes the span over, whatever happens. */
enum view_added view_store_add(struct view_store *store, struct view_span *span, int64_t now);

struct view_trace *view_store_find(const struct view_store *store, const uint8_t id[VIEW_TRACE_ID_SIZE]);

/* Oldest first; NULL after the last. */
struct view_trace *view_store_first(const struct view_store *store);
struct view_trace *view_store_next(const struct view_store *store, const struct view_trace *trace);
struct view_trace *view_store_newest(const struct view_store *store);
struct view_trace *view_store_previous(const struct view_store *store, const struct view_trace *trace);

/* The traces with spans that are not shown yet, in the order in which they became so. */
struct view_trace *view_store_first_pending(const struct view_store *store);
struct view_trace *view_store_next_pending(const struct view_store *store, const struct view_trace *trace);
void view_store_mark_shown(struct view_trace *trace);

struct view_store_stats view_store_stats(const struct view_store *store);

#endif
