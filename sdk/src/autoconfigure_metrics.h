/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_metrics.h - what the environment says of metrics, where code says nothing. */
#ifndef OTEL_SDK_AUTOCONFIGURE_METRICS_H
#define OTEL_SDK_AUTOCONFIGURE_METRICS_H

#include "config.h"

#include <otel/sdk.h>

/*
 * Makes the readers that the environment asks for, at most OTEL_MAX_READERS; returns how many. What cannot be had is
 * reported.
 */
size_t otel__metrics_autoconfigure(const struct otel__config *config, otel_metric_reader **readers);
/* Fills in the members that are 0. Called whenever a periodic reader is made, also before an SDK starts. */
void otel__periodic_defaults(otel_periodic_options *options);

#endif
