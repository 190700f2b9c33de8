/* SPDX-License-Identifier: Apache-2.0 */
/*
 * prometheus_name.h - names of metrics, labels and units as Prometheus wants them (specification:
 * compatibility/prometheus_and_openmetrics.md, Metric Metadata and Metric Attributes).
 */
#ifndef OTEL_PROMETHEUS_NAME_H
#define OTEL_PROMETHEUS_NAME_H

#include "common/line.h"

/*
 * Adds the name of a label: `prefix`, which is such a name itself, and `key`, as letters, digits and single underscores,
 * not beginning with a digit.
 */
void otel__prometheus_label_name(struct otel__line *out, const char *prefix, otel_str key);

/*
 * Adds the words for a unit of UCUM: "s" is seconds, "By/s" bytes_per_second, "%" percent; nothing for "{request}", and
 * for "1", which of a `gauge` is ratio. What it doesn't know stays as it is, sanitised.
 */
void otel__prometheus_unit(struct otel__line *out, otel_str unit, bool gauge);

/*
 * Adds the name of a family: `name` sanitised, and `unit` (in words) behind it unless its words stand in it already. Of a
 * `counter` without "_total", which its samples get.
 */
void otel__prometheus_family_name(struct otel__line *out, otel_str name, otel_str unit, bool counter);

#endif
