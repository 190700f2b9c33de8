/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prometheus_text.h - metrics as the text that Prometheus reads: its own format 0.0.4, or OpenMetrics 1.0.0, which also has
 * units and exemplars.
 */
#ifndef OTEL_PROMETHEUS_TEXT_H
#define OTEL_PROMETHEUS_TEXT_H

#include "prometheus/page.h"

#include <otel/metric_exporter.h>

/* What has been reported of a reader's metrics: each thing once, for the first hundred of them. */
struct otel__prometheus_reported {
    uint64_t hashes[100];
    size_t count;
};

struct otel__prometheus_form {
    bool openmetrics, without_target_info, without_scope_labels;
    struct otel__prometheus_reported *reported;
};

/* Adds all of the text to `page`, which fails when memory is short. One thread at a time for the same `reported`. */
void otel__prometheus_write(struct otel__page *page, const otel_metrics_data *metrics,
                            const struct otel__prometheus_form *form);

#endif
