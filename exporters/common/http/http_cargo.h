/* SPDX-License-Identifier: Apache-2.0 */
/* http_cargo.h - what one export sends: the spans of a batch, or metrics. */
#ifndef OTEL_EXPORTERS_HTTP_CARGO_H
#define OTEL_EXPORTERS_HTTP_CARGO_H

#include <otel/metric_exporter.h>

/* One of both, which a request may hold a part of: whole spans, or whole metrics. */
struct otel__http_cargo {
    otel_batch *batch; /* NULL: metrics */
    const otel_metrics_data *metrics;
};

/* Spans or metrics that lie next to each other. */
struct otel__http_range {
    size_t first, count;
};

/* How many spans or metrics there are. */
size_t otel__http_cargo_count(const struct otel__http_cargo *cargo);
/* How many of what is counted, when some are lost: spans, or the data points of metrics. */
size_t otel__http_cargo_units(const struct otel__http_cargo *cargo, struct otel__http_range range);
otel_str otel__http_cargo_name(const struct otel__http_cargo *cargo, size_t index);

#endif
