/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_metrics_encode.h - metrics as the bytes of an OTLP ExportMetricsServiceRequest (specification:
 * opentelemetry-proto, metrics.proto).
 */
#ifndef OTEL_OTLP_METRICS_ENCODE_H
#define OTEL_OTLP_METRICS_ENCODE_H

#include "common/buffer.h"

#include <otel/metric_exporter.h>

/*
 * Writes the metrics [first, first + count), at least one, into `out`, which is empty, as a format's encode_metrics()
 * (http_exporter.h). OTEL_ERR_EXPORT: they take more than its limit; OTEL_ERR_MEMORY.
 */
otel_status otel__otlp_write_metrics(const otel_metrics_data *metrics, size_t first, size_t count,
                                     struct otel__buffer *out);

#endif
