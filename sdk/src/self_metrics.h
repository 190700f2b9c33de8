/* SPDX-License-Identifier: Apache-2.0 */
/*
 * self_metrics.h - the SDK's own metrics, otel.sdk.* (semantic conventions: otel/sdk-metrics.md), where they are wanted.
 *
 * DESIGN. What the ledger counts anyhow is observed when metrics are read, so that a span pays nothing for it, but for
 * its parent's origin (span.c, start_with_extras). What an export was like is measured by the thread that exported, once
 * for each batch. Metrics make no spans, so nothing is fed back.
 */
#ifndef OTEL_SDK_SELF_METRICS_H
#define OTEL_SDK_SELF_METRICS_H

#include "local.h"
#include "provider.h"

/* Before it runs: begins to observe the provider, which wants that. What memory is too short for is left out. */
void otel__self_metrics_begin(struct otel__provider *provider);
/* Before the provider is freed; also of one that was never observed. */
void otel__self_metrics_end(struct otel__provider *provider);

/* A span has started, or come to be without recording: counts it by where its parent, that of the context, is from. */
void otel__self_metrics_started(struct otel__local *local, const otel_span_options *options,
                                const otel_context *context, const otel_span *span);

/* An export of `spans` has ended that had begun at `began` (ns of CLOCK_MONOTONIC). On the thread that exported. */
void otel__self_metrics_exported(const otel_processor *processor, otel_status status, uint64_t spans,
                                 const otel_export_outcome *outcome, uint64_t began);

#endif
