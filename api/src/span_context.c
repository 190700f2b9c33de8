/* SPDX-License-Identifier: Apache-2.0 */
/* span_context.c - what a span carries besides its record: ids, flags, tracestate. Needs no SDK. Words: backend.h. */
#include "backend.h"
#include "hex.h"
#include "options.h"

static const otel_span invalid_span;

static const otel_span *given(const otel_span *span) { return span != NULL ? span : &invalid_span; }

/* Ids are stored as their bytes in order. */
static const uint8_t *id_bytes(const otel_span *span, int word) { return (const uint8_t *)&span->opaque_[word]; }

bool otel_span_valid(const otel_span *span) {
    return span != NULL && (span->opaque_[OTEL__W_TRACE] | span->opaque_[OTEL__W_TRACE + 1]) != 0 &&
           span->opaque_[OTEL__W_SPAN] != 0;
}

bool otel_span_remote(const otel_span *span) { return (given(span)->opaque_[OTEL__W_META] & OTEL__META_REMOTE) != 0; }

uint8_t otel_span_flags(const otel_span *span) {
    return (uint8_t)(given(span)->opaque_[OTEL__W_META] & OTEL__META_FLAGS);
}

void otel_span_trace_id(const otel_span *span, uint8_t out[16]) {
    if (out != NULL) {
        memcpy(out, id_bytes(given(span), OTEL__W_TRACE), 16);
    }
}

void otel_span_id(const otel_span *span, uint8_t out[8]) {
    if (out != NULL) {
        memcpy(out, id_bytes(given(span), OTEL__W_SPAN), 8);
    }
}

bool otel_span_hex(const otel_span *span, char trace_id[33], char span_id[17]) {
    if (trace_id != NULL) {
        otel__hex_write(trace_id, id_bytes(given(span), OTEL__W_TRACE), 16);
        trace_id[32] = '\0';
    }
    if (span_id != NULL) {
        otel__hex_write(span_id, id_bytes(given(span), OTEL__W_SPAN), 8);
        span_id[16] = '\0';
    }
    return otel_span_valid(span);
}

otel_span otel_span_wrap(const otel_span_context *context) {
    otel_span span = { { 0 } };
    if (context == NULL) {
        return span;
    }
    otel_span_context copy;
    const otel_span_context *from = otel__options_fit(context, sizeof copy, &copy);
    memcpy(&span.opaque_[OTEL__W_TRACE], from->trace_id, 16);
    memcpy(&span.opaque_[OTEL__W_SPAN], from->span_id, 8);
    span.opaque_[OTEL__W_META] = from->flags | (from->remote ? OTEL__META_REMOTE : 0u);
    span.opaque_[OTEL__W_STATE] = from->tracestate != NULL ? from->tracestate->opaque_[0] : 0;
    return span;
}
