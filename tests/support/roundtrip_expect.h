/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roundtrip_expect.h - what has to arrive of a planned span. It follows from the plan and the specification; of the run
 * it takes only what the library chooses: ids, and the time where none is given.
 */
#ifndef ROUNDTRIP_EXPECT_H
#define ROUNDTRIP_EXPECT_H

#include "roundtrip_plan.h"

/* How root spans are sampled; other spans follow their parent. */
enum roundtrip_roots { ROUNDTRIP_ALL_ROOTS, ROUNDTRIP_HALF_OF_ROOTS };

/* Strings are valid UTF-8, other text is bytes, keys are unique: as it goes on the wire. */
struct roundtrip_list {
    otel_attr *items;
    size_t count;
    uint32_t dropped;
};

struct roundtrip_wanted_event {
    otel_str name;
    uint64_t time; /* 0: within `when` */
    struct roundtrip_when when;
    struct roundtrip_list attributes;
};

struct roundtrip_wanted_link {
    uint8_t trace_id[16], span_id[8];
    otel_str tracestate;
    uint32_t flags; /* on the wire */
    struct roundtrip_list attributes;
};

/* Identity, and where it comes from. */
struct roundtrip_wanted_context {
    uint8_t trace_id[16], parent_id[8];
    bool has_parent, remote_parent, sampled;
    uint8_t flags; /* W3C */
    const char *tracestate;
};

struct roundtrip_wanted {
    struct roundtrip_wanted_context context;
    otel_str name;
    uint32_t kind;                 /* on the wire */
    uint64_t start_time, end_time; /* 0: within `..._when` */
    struct roundtrip_when start_when, end_when;
    bool ended;
    struct roundtrip_list attributes;
    struct roundtrip_wanted_event *events;
    size_t event_count;
    struct roundtrip_wanted_link *links;
    size_t link_count;
    uint32_t dropped_events, dropped_links;
    uint32_t status; /* on the wire */
    otel_str status_text;
};

struct roundtrip_wanted_context roundtrip_expect_context(const struct roundtrip_span *span, enum roundtrip_roots roots);
struct roundtrip_wanted roundtrip_expect(const struct roundtrip_span *span, enum roundtrip_roots roots,
                                         struct roundtrip_pool *pool);
/* What becomes of attributes that no limit applies to. */
struct roundtrip_list roundtrip_expect_list(otel_attrs attributes, struct roundtrip_pool *pool);

#endif
