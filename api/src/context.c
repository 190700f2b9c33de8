/* SPDX-License-Identifier: Apache-2.0 */
/* context.c - contexts as values: making, copying, releasing; what is current is scope.c's. */
#include "context.h"

const otel_context otel__context_empty;

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

otel_context otel_context_with_span(const otel_context *base, const otel_span *span) {
    static const otel_span invalid;
    otel_context made;
    (void)base; /* a context holds nothing yet beside the span that is replaced here */
    otel__context_set_span(&made, span != NULL ? span : &invalid);
    return made;
}

void otel_context_release(otel_context *context) {
    if (context != NULL) {
        otel__context_drop(context);
        *context = otel__context_empty;
    }
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
