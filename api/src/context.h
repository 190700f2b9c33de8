/* SPDX-License-Identifier: Apache-2.0 */
/* context.h - how the parts of the API take contexts apart. Words: backend.h. */
#ifndef OTEL_API_CONTEXT_H
#define OTEL_API_CONTEXT_H

#include "thread.h"
#include "values.h"

#include <string.h>

#pragma GCC visibility push(hidden)
extern const otel_context otel__context_empty;
/* Takes the references of a copied context once more; those that are stale or damaged are left out of it. */
void otel__context_hold(otel_context *copy);
/* `base` (NULL: the current context) with `cell`, whose reference it takes over, under `key`; NULL: without `key`. */
otel_context otel__context_with_cell(const otel_context *base, uint64_t key, struct otel__cell *cell);
/* What is there under `key`, borrowed; NULL: nothing. `context` NULL: the current context. */
struct otel__cell *otel__context_cell(const otel_context *context, uint64_t key);
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

/* Word 7 without bit 0, which is clear in the product since the pointer is even. */
static inline uint64_t otel__values_seal(uint64_t values) { return values * UINT64_C(0x9e3779b97f4a7c15); }

/* NULL: none. The seal keeps a context that was never initialised from being taken for one with values. */
static inline struct otel__values *otel__context_values(const otel_context *context) {
    const uint64_t values = context->opaque_[OTEL__W_VALUES];
    const uint64_t seal = context->opaque_[OTEL__W_HOLDS] & ~OTEL__HOLDS_STATE;
    return seal == otel__values_seal(values) ? (struct otel__values *)(uintptr_t)values : NULL;
}

/* Puts a reference to `values` (NULL: none) into the context in place of what is there. */
static inline void otel__context_put_values(otel_context *context, const struct otel__values *values) {
    const uint64_t state = context->opaque_[OTEL__W_HOLDS] & OTEL__HOLDS_STATE;
    context->opaque_[OTEL__W_VALUES] = (uintptr_t)values;
    context->opaque_[OTEL__W_HOLDS] = otel__values_seal((uintptr_t)values) | state;
}

/* Puts `span` into a context of its own, which holds the tracestate strongly if that still exists. */
static inline void otel__context_set_span(otel_context *context, const otel_span *span) {
    memcpy(context, span, sizeof *span);
    context->opaque_[OTEL__W_VALUES] = 0;
    uint64_t state = span->opaque_[OTEL__W_STATE];
    bool holds = state != 0 && otel__tracestate_retain(state);
    context->opaque_[OTEL__W_STATE] = holds ? state : 0;
    context->opaque_[OTEL__W_HOLDS] = holds ? OTEL__HOLDS_STATE : 0;
}

/* Puts the values of `from` into a context that has none. */
static inline void otel__context_take_values(otel_context *context, const otel_context *from) {
    struct otel__values *values = otel__context_values(from);
    otel__values_retain(values);
    otel__context_put_values(context, values);
}

/* Copies a context and takes its references once more. */
static inline void otel__context_share(otel_context *copy, const otel_context *context) {
    *copy = *context;
    if (context->opaque_[OTEL__W_HOLDS] != 0) {
        otel__context_hold(copy);
    }
}

/* Gives the tracestate back and leaves the words as they are. */
static inline void otel__context_drop_state(const otel_context *context) {
    if ((context->opaque_[OTEL__W_HOLDS] & OTEL__HOLDS_STATE) != 0) {
        otel__tracestate_drop(context->opaque_[OTEL__W_STATE]);
    }
}

#endif
