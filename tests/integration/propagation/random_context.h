/* SPDX-License-Identifier: Apache-2.0 */
/* random_context.h - what a context of a random program holds: a span or none, a tracestate, and baggage of any bytes. */
#ifndef RANDOM_CONTEXT_H
#define RANDOM_CONTEXT_H

#include "roundtrip_random.h"

#include <otel/baggage.h>
#include <otel/trace.h>

enum { RANDOM_ENTRIES = 6, RANDOM_MEMBERS = 32 };

struct random_context {
    otel_span_context span; /* not valid: there is none */
    otel_str tracestate;    /* valid, of level 2 */
    size_t count;
    otel_baggage_entry entries[RANDOM_ENTRIES]; /* their names differ, even without case */
};

/* In the memory of the source. */
struct random_context random_context(struct roundtrip_source *source);
/* The context itself. The caller owns it. */
otel_context random_context_make(const struct random_context *plan) OTEL__OWNED;

#endif
