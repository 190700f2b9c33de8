/* SPDX-License-Identifier: Apache-2.0 */
/* metric_line.c - see metric_line.h. */
#include "console/metric_line.h"

#include "common/value_text.h"
#include "console/span_line.h"

#include <inttypes.h>
#include <math.h>

static void add_number(struct otel__line *line, otel_number number, bool is_double) {
    if (is_double)
        otel__line_double(line, number.d);
    else
        otel__line_format(line, "%" PRId64, number.i);
}

static void add_double(struct otel__line *line, const char *before, double value) {
    otel__line_add(line, before);
    otel__line_double(line, value);
}

static void add_unit(struct otel__line *line, otel_str unit) {
    if (unit.len == 0)
        return;
    otel__line_add(line, " ");
    otel__line_escaped(line, unit, 0);
}

/* Only those that hold something: `0.1..0.25: 3` are measurements above 0.1, up to and with 0.25. */
static void add_buckets(struct otel__line *line, const otel_metric_data *metric, const otel_point_data *point) {
    const char *before = "  [";
    for (size_t i = 0; i <= metric->bound_count; i++) {
        if (point->buckets[i] == 0)
            continue;
        otel__line_add(line, before);
        if (i > 0)
            otel__line_double(line, metric->bounds[i - 1]);
        otel__line_add(line, "..");
        if (i < metric->bound_count)
            otel__line_double(line, metric->bounds[i]);
        otel__line_format(line, ": %" PRIu64, point->buckets[i]);
        before = ", ";
    }
    if (point->count > 0)
        otel__line_add(line, "]");
}

static void add_histogram(struct otel__line *line, const otel_metric_data *metric, const otel_point_data *point) {
    otel__line_format(line, "  count=%" PRIu64, point->count);
    add_double(line, " sum=", point->sum);
    if (point->count > 0 && !isnan(point->min))
        add_double(line, " min=", point->min);
    if (point->count > 0 && !isnan(point->max))
        add_double(line, " max=", point->max);
    add_unit(line, metric->unit);
    add_buckets(line, metric, point);
}

static void add_value(struct otel__line *line, const otel_metric_data *metric, const otel_point_data *point) {
    if (metric->type == OTEL_METRIC_HISTOGRAM) {
        add_histogram(line, metric, point);
        return;
    }
    otel__line_add(line, "  ");
    add_number(line, point->value, metric->doubles);
    add_unit(line, metric->unit);
}

static void add_span_since(struct otel__line *line, const otel_metric_data *metric, const otel_point_data *point) {
    if (metric->type == OTEL_METRIC_GAUGE)
        return;
    otel__line_add(line, metric->temporality == OTEL_TEMPORALITY_DELTA ? "  delta since " : "  since ");
    otel__time_line(line, point->start_time);
}

static void add_exemplars(struct otel__line *line, const otel_metric_data *metric, const otel_point_data *point) {
    for (size_t i = 0; i < point->exemplar_count; i++) {
        const otel_exemplar_data *exemplar = &point->exemplars[i];
        otel__line_add(line, i > 0 ? ", " : "  exemplars=[");
        add_number(line, exemplar->value, metric->doubles);
        otel__line_add(line, " trace=");
        otel__line_hex(line, exemplar->trace_id, sizeof exemplar->trace_id);
        otel__line_add(line, " span=");
        otel__line_hex(line, exemplar->span_id, sizeof exemplar->span_id);
    }
    if (point->exemplar_count > 0)
        otel__line_add(line, "]");
}

void otel__metric_line(struct otel__line *line, const otel_resource_data *resource, const otel_metric_data *metric,
                       const otel_point_data *point) {
    static const char *const types[] = { "SUM", "GAUGE", "HISTOGRAM" };
    otel__time_line(line, point->time);
    otel__line_format(line, "  %-9s  ", (size_t)metric->type < 3 ? types[metric->type] : "?");
    otel__line_escaped(line, metric->name, '"');
    add_value(line, metric, point);
    if (point->attributes.count > 0)
        otel__line_add(line, "  ");
    if (point->attributes.count > 0)
        otel__attrs_json(line, point->attributes);
    add_span_since(line, metric, point);
    add_exemplars(line, metric, point);
    otel__origin_line(line, resource, metric->scope);
    otel__end_line(line);
}
