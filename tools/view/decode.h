/* SPDX-License-Identifier: Apache-2.0 */
/* From the bytes of an OTLP request to spans in the store, and from a stored span back to its message. */
#ifndef VIEW_DECODE_H
#define VIEW_DECODE_H

#include "arena.h"
#include "store.h"

#include "trace_request.pb-c.h"

enum {
    /* Levels of messages. An event's attribute with 64 maps in each other, which SDKs allow by default, takes 198. */
    VIEW_MAX_NESTING = 200,
    VIEW_MAX_DECODED = 512 * 1024 * 1024,
};

enum view_decode_status {
    VIEW_DECODE_OK,
    VIEW_DECODE_MALFORMED, /* no ExportTraceServiceRequest, or one nested too deep */
    VIEW_DECODE_TOO_LARGE, /* would take more than VIEW_MAX_DECODED bytes of memory */
};

struct view_decode_result {
    enum view_decode_status status;
    const char *reason; /* a static text; NULL when all went well */
    uint64_t spans;     /* in the request */
    uint64_t rejected;  /* of them: without valid ids, or dropped by the store */
};

/* Decodes the request and adds its spans to the store: all that have valid ids, or, unless it is OK, none. */
struct view_decode_result view_decode(const uint8_t *bytes, size_t len, struct view_store *store, int64_t now);
/* The same for a request that has been decoded already, in whichever way. */
struct view_decode_result view_add_request(const Otel__Otlp__ExportTraceServiceRequest *message,
                                           struct view_store *store, int64_t now);

/* The messages of a stored span; NULL when out of memory. They live in the arena. */
Otel__Otlp__Span *view_unpack_span(const struct view_span *span, struct view_arena *arena);
Otel__Otlp__ResourceSpans *view_unpack_resource(const struct view_span *span, struct view_arena *arena);
Otel__Otlp__ScopeSpans *view_unpack_scope(const struct view_span *span, struct view_arena *arena);

#endif
