/* SPDX-License-Identifier: Apache-2.0 */
/* noop.h - what starting a span means without an SDK. */
#ifndef OTEL_API_NOOP_H
#define OTEL_API_NOOP_H

#include "backend.h"

/*
 * The parent's span context flows on, so that what is injected passes straight through; no ids are made. `current` is
 * the parent where the options name none. By value, since a span that is filled in through a pointer is copied once
 * more.
 */
static inline otel_span otel__noop_start(const otel_span_options *options, const otel_context *current) {
    const otel_context *parent = options->parent != NULL ? options->parent : current;
    const uint64_t *words = parent->opaque_;
    otel_span span = { { 0 } };
    if (!options->root) {
        span.opaque_[OTEL__W_TRACE] = words[OTEL__W_TRACE];
        span.opaque_[OTEL__W_TRACE + 1] = words[OTEL__W_TRACE + 1];
        span.opaque_[OTEL__W_SPAN] = words[OTEL__W_SPAN];
        span.opaque_[OTEL__W_META] = words[OTEL__W_META] & (OTEL__META_FLAGS | OTEL__META_REMOTE);
        span.opaque_[OTEL__W_STATE] = words[OTEL__W_STATE];
    }
    return span;
}

#endif
