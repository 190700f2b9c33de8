/* SPDX-License-Identifier: Apache-2.0 */
/* context.c - contexts as values: making, copying, releasing; what is current is scope.c's. */
#include "context.h"

const otel_context otel__context_empty;

void otel__context_hold(otel_context *copy) {
    if ((copy->opaque_[OTEL__W_HOLDS] & OTEL__HOLDS_STATE) != 0 &&
        !otel__tracestate_retain(copy->opaque_[OTEL__W_STATE])) {
        copy->opaque_[OTEL__W_STATE] = 0;
        copy->opaque_[OTEL__W_HOLDS] &= ~OTEL__HOLDS_STATE;
    }
    struct otel__values *values = otel__context_values(copy);
    otel__values_retain(values);
    otel__context_put_values(copy, values);
}

otel_context otel_context_current(void) {
    otel_context copy = { { 0 } };
    struct otel__call call;
    if (otel__enter(&call)) {
        otel__context_share(&copy, otel__context_top(call.thread));
        otel__leave(&call);
    }
    return copy;
}

otel_context otel_context_retain(const otel_context *context) {
    if (context == NULL) {
        return otel_context_current();
    }
    otel_context copy;
    otel__context_share(&copy, context);
    return copy;
}

static __attribute__((noinline)) otel_context derive(const otel_span *span, const otel_context *base) {
    otel_context made;
    struct otel__call call;
    otel__context_set_span(&made, span);
    if (base != NULL) {
        otel__context_take_values(&made, base);
    } else if (otel__enter(&call)) {
        otel__context_take_values(&made, otel__context_top(call.thread));
        otel__leave(&call);
    }
    return made;
}

/* What derive() does, where nothing is to be held. */
otel_context otel_context_with_span(const otel_context *base, const otel_span *span) {
    static const otel_span invalid;
    span = span != NULL ? span : &invalid;
    const uint64_t values = base != NULL ? base->opaque_[OTEL__W_VALUES] : otel__self->valued;
    if ((values | span->opaque_[OTEL__W_STATE]) != 0) {
        return derive(span, base);
    }
    otel_context made = { { 0 } };
    otel__span_copy(made.opaque_, span);
    return made;
}

/* The context is empty already when code of the user's runs. */
static __attribute__((noinline)) void release_held(otel_context *context) {
    struct otel__values *values = otel__context_values(context);
    otel__context_drop_state(context);
    *context = otel__context_empty;
    otel__values_drop(values);
}

void otel_context_release(otel_context *context) {
    if (context == NULL) {
        return;
    }
    if (context->opaque_[OTEL__W_HOLDS] != 0) {
        release_held(context);
        return;
    }
    *context = otel__context_empty;
}

otel_span otel_context_span(const otel_context *context) {
    otel_span span = { { 0 } };
    struct otel__call call;
    if (context != NULL) {
        otel__context_get_span(context, &span);
    } else if (otel__enter(&call)) {
        otel__context_get_span(otel__context_top(call.thread), &span);
        otel__leave(&call);
    }
    return span;
}
