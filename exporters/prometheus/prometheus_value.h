/* SPDX-License-Identifier: Apache-2.0 */
/* prometheus_value.h - numbers and exemplars in the text that Prometheus reads. */
#ifndef OTEL_PROMETHEUS_VALUE_H
#define OTEL_PROMETHEUS_VALUE_H

#include "prometheus/prometheus_labels.h"

#include <otel/metric_exporter.h>

/* As many digits as it takes to read the same number back; NaN, +Inf, -Inf. */
void otel__prometheus_double(struct otel__page *page, double value);
void otel__prometheus_count(struct otel__page *page, uint64_t value);
void otel__prometheus_number(struct otel__page *page, otel_number value, bool is_double);
/*
 * A bucket's bound as OpenMetrics writes it (Considerations: Canonical Numbers), which Prometheus compares as text: 1.0,
 * 100000.0, 1e+06, +Inf.
 */
void otel__prometheus_bound(struct otel__page *page, double bound);

/* ` # {trace_id="...",span_id="..."} value time`; attributes as far as OpenMetrics' 128 characters go. */
void otel__prometheus_exemplar(struct otel__page *page, struct otel__labels *labels, const otel_exemplar_data *exemplar,
                               bool is_double);
/* The last one of a counter's; NULL: there is none. */
const otel_exemplar_data *otel__exemplar_of_counter(const otel_point_data *point);
/* The largest of a histogram's that lies in this bucket; NULL: none does. */
const otel_exemplar_data *otel__exemplar_of_bucket(const otel_metric_data *metric, const otel_point_data *point,
                                                   size_t bucket);

#endif
