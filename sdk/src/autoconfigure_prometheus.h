/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_prometheus.h - finds libotel-prometheus. OTEL_METRICS_EXPORTER=prometheus is otel_prometheus_reader(). */
#ifndef OTEL_SDK_AUTOCONFIGURE_PROMETHEUS_H
#define OTEL_SDK_AUTOCONFIGURE_PROMETHEUS_H

#include "prometheus/prometheus_library.h"

/* The library that is part of the program, or else is loaded now. NULL: `error` says why, and what to install. */
const struct otel__prometheus_library *otel__prometheus_library_find(otel_error *error);
/* NULL: the library fits this SDK; otherwise why not. */
const char *otel__prometheus_library_problem(const struct otel__prometheus_library *library);
/* As otel_prometheus_reader(), but the reason for NULL goes to `error`. `options` may be NULL. */
otel_metric_reader *otel__prometheus_reader(const otel_prometheus_options *options, otel_error *error);

#endif
