/* SPDX-License-Identifier: Apache-2.0 */
/* metric_line.h - one series of a metric as one line for people. */
#ifndef OTEL_CONSOLE_METRIC_LINE_H
#define OTEL_CONSOLE_METRIC_LINE_H

#include "common/line.h"

#include <otel/metric_exporter.h>

/* Appends the series and a newline to `line`. */
void otel__metric_line(struct otel__line *line, const otel_resource_data *resource, const otel_metric_data *metric,
                       const otel_point_data *point);

#endif
