/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_data.h - what both of OTLP's encodings have in common (specification: opentelemetry-proto, trace.proto). */
#ifndef OTEL_OTLP_DATA_H
#define OTEL_OTLP_DATA_H

#include <otel/exporter.h>

/* Values nested deeper are written as empty; the SDK records nothing that deep. */
enum { OTEL__OTLP_DEPTH_MAX = 64 };

/* The W3C trace flags of a context; above them bit 8, since it is known whether that is remote, and bit 9 if it is. */
static inline uint32_t otel__otlp_flags(uint8_t trace_flags, const otel_span *remote_or_not) {
    const bool remote = remote_or_not && otel_span_remote(remote_or_not);
    return trace_flags | (remote ? 0x300u : 0x100u);
}

/* otel_type lists the scalars first. The SDK presents OTEL_TYPE_UINT as text. */
static inline bool otel__otlp_is_scalar(otel_type type) { return type <= OTEL_TYPE_BYTES && type != OTEL_TYPE_UINT; }

static inline bool otel__otlp_is_list(otel_type type) { return type >= OTEL_TYPE_STRINGS && type <= OTEL_TYPE_MAP; }

#endif
