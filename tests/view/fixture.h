/* SPDX-License-Identifier: Apache-2.0 */
/* OTLP requests for the viewer's tests, described by plain tables and encoded by protobuf-c. */
#ifndef VIEW_TEST_FIXTURE_H
#define VIEW_TEST_FIXTURE_H

#include "store.h"
#include "trace_request.pb-c.h"

#include <stddef.h>
#include <stdint.h>

enum { FIXTURE_ATTRIBUTES = 6, FIXTURE_EVENTS = 3 };

/* Times count from here: 2023-11-14 22:13:20 UTC. */
#define FIXTURE_EPOCH UINT64_C(1700000000000000000)

struct fixture_attribute {
    const char *key; /* NULL ends the list */
    const char *text;
    int64_t number; /* the value when text is NULL */
};

struct fixture_event {
    const char *name; /* NULL ends the list */
    uint64_t at_us;   /* after FIXTURE_EPOCH */
    struct fixture_attribute attributes[FIXTURE_ATTRIBUTES];
};

struct fixture_span {
    const char *service;
    uint8_t trace; /* every byte of the trace id */
    uint64_t id;
    uint64_t parent; /* 0 for none */
    const char *name;
    Otel__Otlp__Span__SpanKind kind;
    uint64_t start_us;
    uint64_t duration_us;
    const char *error; /* the description; NULL for no error */
    struct fixture_attribute attributes[FIXTURE_ATTRIBUTES];
    struct fixture_event events[FIXTURE_EVENTS];
    uint8_t link_trace; /* not 0: a link to span 1 of that trace */
};

struct fixture_bytes {
    uint8_t *bytes; /* malloc'd */
    size_t len;
};

/* The request with these spans, a new ResourceSpans wherever the service changes. */
struct fixture_bytes fixture_request(const struct fixture_span *spans, size_t count);

/* Decodes that request into the store and asserts that all spans were taken. */
void fixture_add(struct view_store *store, const struct fixture_span *spans, size_t count, int64_t now);

/* The trace whose id repeats this byte; NULL when the store has none. */
struct view_trace *fixture_trace(const struct view_store *store, uint8_t byte);

/* A search over two services with one failing call: 15 spans. */
extern const struct fixture_span fixture_search[];
extern const size_t fixture_search_count;

/* An AnyValue list nested this deep, as the attribute of a span in a request. */
struct fixture_bytes fixture_nested(unsigned levels);
/* Maps instead of lists. */
struct fixture_bytes fixture_nested_maps(unsigned levels);

#endif
