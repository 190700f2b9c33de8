/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_json.h - spans as OTLP JSON: ids in hex, 64-bit integers as text, enums as numbers (specification:
 * opentelemetry-proto, JSON Protobuf Encoding).
 */
#ifndef OTEL_OTLP_JSON_H
#define OTEL_OTLP_JSON_H

#include "otlp/otlp_encode.h"

/* As otel__otlp_encode(): an ExportTraceServiceRequest, which is a TracesData too, on one line without a line break. */
otel_status otel__otlp_encode_json(struct otel__otlp_encoder *encoder, otel_batch *batch, size_t first, size_t count,
                                   size_t limit);
/* The same into `out`, which is empty, as a format's encode() (http_exporter.h); `self` is a struct otel__scope_groups. */
otel_status otel__otlp_write_json(void *self, otel_batch *batch, size_t first, size_t count, struct otel__buffer *out);
/* As otel__otlp_encode_json(), with the line break that ends it. */
otel_status otel__otlp_encode_json_line(struct otel__otlp_encoder *encoder, otel_batch *batch, size_t first,
                                        size_t count, size_t limit);

#endif
