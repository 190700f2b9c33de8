/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch_double.h - a batch for exporters, made of given spans instead of recorded ones. The view that exporters see
 * is the SDK's own; only the records under it are made by hand, so that they can hold anything.
 */
#ifndef BATCH_DOUBLE_H
#define BATCH_DOUBLE_H

#include <otel/exporter.h>

/*
 * `spans` and what they point to must live as long as the batch. Their members `span`, `size`, `ended` and `resource`
 * are not read: the span context is made of trace_id, span_id, flags and tracestate.
 */
otel_batch *batch_double_create(const otel_span_data *spans, size_t count, const otel_resource_data *resource);
void batch_double_free(otel_batch *batch);

/* The operations of an exporter, to be called without a processor. */
otel_status batch_double_export(otel_exporter *exporter, otel_batch *batch, int timeout_ms, uint64_t *rejected);
/* Of the last export: what reached the receiver. */
uint64_t batch_double_delivered(void);
/* And what no message could hold. */
uint64_t batch_double_too_large(void);
/*
 * Exports again and again until the exporter refuses, while other threads flush it and shut it down: the status of the
 * refusal. A thread sanitizer sees what is not safe about that.
 */
otel_status batch_double_export_while_shut_down(otel_exporter *exporter, otel_batch *batch);
const otel_exporter_ops *batch_double_ops(const otel_exporter *exporter);
void *batch_double_self(const otel_exporter *exporter);

#endif
