/* SPDX-License-Identifier: Apache-2.0 */
/* context.h - how the parts of the API take contexts apart. Words: backend.h. */
#ifndef OTEL_API_CONTEXT_H
#define OTEL_API_CONTEXT_H

#include "thread.h"

#include <string.h>

#pragma GCC visibility push(hidden)
extern const otel_context otel__context_empty;
#pragma GCC visibility pop

/* The thread's current context, borrowed: it stays until a scope is opened or closed. Inside the bracket only. */
static inline const otel_context *otel__context_top(const struct otel__thread *thread) {
    uint32_t depth = atomic_load_explicit(&thread->depth, memory_order_relaxed);
    return depth != 0 ? &thread->entries[depth - 1].context : &otel__context_empty;
}

/*
 * Copies a span word by word. It was often written so a moment ago, and then a vector load, which spans several stores
 * that are still on their way to the cache, waits for them (measured: a third of attaching and closing a scope).
 */
static inline void otel__span_copy(uint64_t *to, const otel_span *span) {
    const volatile uint64_t *from = span->opaque_;
    for (int word = 0; word <= OTEL__W_STATE; word++) {
        to[word] = from[word];
    }
}

static inline void otel__context_get_span(const otel_context *context, otel_span *span) {
    memcpy(span, context, sizeof *span);
}

/* Puts `span` into a context of its own, which holds the tracestate strongly if that still exists. */
static inline void otel__context_set_span(otel_context *context, const otel_span *span) {
    memcpy(context, span, sizeof *span);
    context->opaque_[OTEL__W_VALUES] = 0;
    uint64_t state = span->opaque_[OTEL__W_STATE];
    bool holds = state != 0 && otel__tracestate_retain(state);
    context->opaque_[OTEL__W_STATE] = holds ? state : 0;
    context->opaque_[OTEL__W_HOLDS_STATE] = holds ? 1 : 0;
}

/* Copies a context and takes its references once more. */
static inline void otel__context_share(otel_context *copy, const otel_context *context) {
    *copy = *context;
    if (context->opaque_[OTEL__W_HOLDS_STATE] != 0 && !otel__tracestate_retain(context->opaque_[OTEL__W_STATE])) {
        copy->opaque_[OTEL__W_STATE] = 0;
        copy->opaque_[OTEL__W_HOLDS_STATE] = 0;
    }
}

/* Gives the references back and leaves the words as they are. */
static inline void otel__context_drop(const otel_context *context) {
    if (context->opaque_[OTEL__W_HOLDS_STATE] != 0) {
        otel__tracestate_drop(context->opaque_[OTEL__W_STATE]);
    }
}

#endif
