/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_encode.h - spans as the bytes of an OTLP ExportTraceServiceRequest (specification: opentelemetry-proto,
 * trace.proto).
 */
#ifndef OTEL_OTLP_ENCODE_H
#define OTEL_OTLP_ENCODE_H

#include "common/buffer.h"
#include "common/scope_groups.h"

/* What is kept from one encoding to the next. Zero-initialised: empty. */
struct otel__otlp_encoder {
    struct otel__buffer body; /* the request, in [cursor, end) */
    struct otel__scope_groups groups;
};

/*
 * Writes the spans [first, first + count) of `batch`, at least one, into the encoder's body. OTEL_ERR_EXPORT: they
 * take more than `limit` bytes (the last few bytes below the limit may not be usable); OTEL_ERR_MEMORY.
 */
otel_status otel__otlp_encode(struct otel__otlp_encoder *encoder, otel_batch *batch, size_t first, size_t count,
                              size_t limit);
/* The same into `out`, which is empty, as a format's encode() (http_exporter.h); `self` is a struct otel__scope_groups. */
otel_status otel__otlp_write(void *self, otel_batch *batch, size_t first, size_t count, struct otel__buffer *out);
void otel__otlp_encoder_free(struct otel__otlp_encoder *encoder);

#endif
