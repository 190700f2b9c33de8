/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_metrics.h - the readers of metrics that the environment asks for. */
#ifndef OTEL_SDK_AUTOCONFIGURE_METRICS_H
#define OTEL_SDK_AUTOCONFIGURE_METRICS_H

#include "config.h"

#include <otel/metrics_sdk.h>

/*
 * Makes the readers that OTEL_METRICS_EXPORTER asks for; returns how many. What cannot be had is reported and left out. The
 * environment is read now, but nothing is opened, and no file looked at, before metrics are exported.
 */
size_t otel__metrics_autoconfigure(const struct otel__config *config, otel_metric_reader *readers[OTEL_MAX_READERS]);
/* Fills in the members that are 0. Called whenever a periodic reader is made, also before an SDK starts. */
void otel__periodic_defaults(otel_periodic_options *options);

/*
 * What `ops`, which it fills, are to be called with: an OTLP exporter that is made when the first metrics are to be
 * exported, of the environment as it is now. NULL: out of memory. Most programs measure nothing: they shall not pay for it, nor be told what is wrong with it.
 */
void *otel__otlp_metrics_later(otel_metric_exporter_ops *ops);

/* The operation `temporality` that an otel_otlp_temporality asks for; NULL: cumulative for all. */
otel_temporality (*otel__otlp_temporality(int preference))(void *self, otel_instrument_kind kind);

#endif
