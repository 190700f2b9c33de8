/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_metrics_encode.c - one pass over the metrics, back to front, as otlp_encode.c does with spans. The tests decode the
 * result with protobuf-c and compare it field by field.
 */
#include "otlp/otlp_metrics_encode.h"

#include "otlp/otlp_values.h"

#include <math.h>

/* Field numbers (opentelemetry-proto); one enum per message. */
enum { REQUEST_RESOURCE_METRICS = 1 };
enum { RESOURCE_METRICS_SCOPE_METRICS = 2, RESOURCE_METRICS_SCHEMA_URL = 3 };
enum { SCOPE_METRICS_METRICS = 2, SCOPE_METRICS_SCHEMA_URL = 3 };
enum {
    METRIC_NAME = 1,
    METRIC_DESCRIPTION = 2,
    METRIC_UNIT = 3,
    METRIC_GAUGE = 5,
    METRIC_SUM = 7,
    METRIC_HISTOGRAM = 9
};
enum { DATA_POINTS = 1, DATA_TEMPORALITY = 2, DATA_MONOTONIC = 3 }; /* of gauges, sums and histograms alike */
enum { TEMPORALITY_DELTA = 1, TEMPORALITY_CUMULATIVE = 2 };
enum { POINT_START_TIME = 2, POINT_TIME = 3 }; /* of all points */
enum { NUMBER_DOUBLE = 4, NUMBER_EXEMPLARS = 5, NUMBER_INT = 6, NUMBER_ATTRIBUTES = 7 };
enum {
    HISTOGRAM_COUNT = 4,
    HISTOGRAM_SUM = 5,
    HISTOGRAM_BUCKETS = 6,
    HISTOGRAM_BOUNDS = 7,
    HISTOGRAM_EXEMPLARS = 8,
    HISTOGRAM_ATTRIBUTES = 9,
    HISTOGRAM_MIN = 11,
    HISTOGRAM_MAX = 12
};
enum {
    EXEMPLAR_TIME = 2,
    EXEMPLAR_DOUBLE = 3,
    EXEMPLAR_SPAN_ID = 4,
    EXEMPLAR_TRACE_ID = 5,
    EXEMPLAR_INT = 6,
    EXEMPLAR_ATTRIBUTES = 7
};

/* Numbers that are written even if they are zero. */
static void write_double(struct otel__buffer *out, uint32_t field, double value) {
    if (otel__buffer_reserve(out, OTEL__PB_FIELD_MAX))
        out->cursor = otel__pb_put_double(out->cursor, field, value);
}

static void write_int(struct otel__buffer *out, uint32_t field, int64_t value) {
    if (otel__buffer_reserve(out, OTEL__PB_FIELD_MAX))
        out->cursor = otel__pb_put_fixed64(out->cursor, field, (uint64_t)value);
}

/* 64 bits each, packed; none: no field. */
static void write_packed(struct otel__buffer *out, uint32_t field, const void *items, size_t count) {
    if (count == 0 || !otel__buffer_reserve(out, count * sizeof(uint64_t) + OTEL__PB_FIELD_MAX))
        return;
    const size_t mark = otel__buffer_length(out);
    for (size_t i = count; i-- > 0;) {
        uint64_t bits;
        memcpy(&bits, (const char *)items + i * sizeof bits, sizeof bits);
        out->cursor = otel__pb_put_bits64(out->cursor, bits);
    }
    otel__pb_message(out, field, mark);
}

static bool is_zero(const uint8_t *id, size_t len) {
    while (len > 0 && id[len - 1] == 0)
        len--;
    return len == 0;
}

static void write_exemplar(struct otel__buffer *out, uint32_t field, const otel_exemplar_data *exemplar,
                           bool is_double) {
    const size_t mark = otel__buffer_length(out);
    otel__otlp_write_attributes(out, EXEMPLAR_ATTRIBUTES, exemplar->attributes, 0);
    if (!is_double)
        write_int(out, EXEMPLAR_INT, exemplar->value.i);
    if (!is_zero(exemplar->trace_id, sizeof exemplar->trace_id)) {
        otel__pb_bytes(out, EXEMPLAR_TRACE_ID, exemplar->trace_id, sizeof exemplar->trace_id);
        otel__pb_bytes(out, EXEMPLAR_SPAN_ID, exemplar->span_id, sizeof exemplar->span_id);
    }
    if (is_double)
        write_double(out, EXEMPLAR_DOUBLE, exemplar->value.d);
    otel__pb_fixed64(out, EXEMPLAR_TIME, exemplar->time);
    otel__pb_message(out, field, mark);
}

static void write_exemplars(struct otel__buffer *out, uint32_t field, const otel_point_data *point, bool is_double) {
    for (size_t i = point->exemplar_count; i-- > 0;)
        write_exemplar(out, field, &point->exemplars[i], is_double);
}

/* A gauge has no start: it is the value of one moment. */
static void write_number_point(struct otel__buffer *out, const otel_metric_data *metric, const otel_point_data *point) {
    const size_t mark = otel__buffer_length(out);
    otel__otlp_write_attributes(out, NUMBER_ATTRIBUTES, point->attributes, 0);
    if (!metric->doubles)
        write_int(out, NUMBER_INT, point->value.i);
    write_exemplars(out, NUMBER_EXEMPLARS, point, metric->doubles);
    if (metric->doubles)
        write_double(out, NUMBER_DOUBLE, point->value.d);
    otel__pb_fixed64(out, POINT_TIME, point->time);
    if (metric->type == OTEL_METRIC_SUM)
        otel__pb_fixed64(out, POINT_START_TIME, point->start_time);
    otel__pb_message(out, DATA_POINTS, mark);
}

/* Without measurements there is no least one, and where a view keeps none it is no number. */
static void write_extreme(struct otel__buffer *out, uint32_t field, const otel_point_data *point, double value) {
    if (point->count > 0 && !isnan(value))
        write_double(out, field, value);
}

static void write_histogram_point(struct otel__buffer *out, const otel_metric_data *metric,
                                  const otel_point_data *point) {
    const size_t mark = otel__buffer_length(out);
    write_extreme(out, HISTOGRAM_MAX, point, point->max);
    write_extreme(out, HISTOGRAM_MIN, point, point->min);
    otel__otlp_write_attributes(out, HISTOGRAM_ATTRIBUTES, point->attributes, 0);
    write_exemplars(out, HISTOGRAM_EXEMPLARS, point, true);
    write_packed(out, HISTOGRAM_BOUNDS, metric->bounds, metric->bound_count);
    write_packed(out, HISTOGRAM_BUCKETS, point->buckets, metric->bound_count + 1);
    write_double(out, HISTOGRAM_SUM, point->sum);
    otel__pb_fixed64(out, HISTOGRAM_COUNT, point->count);
    otel__pb_fixed64(out, POINT_TIME, point->time);
    otel__pb_fixed64(out, POINT_START_TIME, point->start_time);
    otel__pb_message(out, DATA_POINTS, mark);
}

/* The content of a Gauge, Sum or Histogram. */
static void write_data(struct otel__buffer *out, const otel_metric_data *metric) {
    const bool delta = metric->temporality == OTEL_TEMPORALITY_DELTA;
    otel__pb_uint(out, DATA_MONOTONIC, metric->type == OTEL_METRIC_SUM && metric->monotonic);
    if (metric->type != OTEL_METRIC_GAUGE)
        otel__pb_uint(out, DATA_TEMPORALITY, delta ? TEMPORALITY_DELTA : TEMPORALITY_CUMULATIVE);
    for (size_t i = metric->point_count; i-- > 0 && out->status == OTEL_OK;)
        if (metric->type == OTEL_METRIC_HISTOGRAM)
            write_histogram_point(out, metric, &metric->points[i]);
        else
            write_number_point(out, metric, &metric->points[i]);
}

static void write_metric(struct otel__buffer *out, const otel_metric_data *metric) {
    static const uint32_t fields[] = {
        [OTEL_METRIC_SUM] = METRIC_SUM, [OTEL_METRIC_GAUGE] = METRIC_GAUGE, [OTEL_METRIC_HISTOGRAM] = METRIC_HISTOGRAM
    };
    const size_t mark = otel__buffer_length(out);
    write_data(out, metric);
    otel__pb_message(out, fields[metric->type], mark);
    otel__pb_text(out, METRIC_UNIT, metric->unit);
    otel__pb_text(out, METRIC_DESCRIPTION, metric->description);
    otel__pb_text(out, METRIC_NAME, metric->name);
    otel__pb_message(out, SCOPE_METRICS_METRICS, mark);
}

/* The metrics before `end` that have the last one's scope; returns how many are left before them. */
static size_t write_scope_metrics(struct otel__buffer *out, const otel_metrics_data *metrics, size_t first,
                                  size_t end) {
    const otel_scope_data *scope = metrics->metrics[end - 1].scope;
    const size_t mark = otel__buffer_length(out);
    otel__pb_text(out, SCOPE_METRICS_SCHEMA_URL, scope->schema_url);
    for (; end > first && metrics->metrics[end - 1].scope == scope; end--)
        write_metric(out, &metrics->metrics[end - 1]);
    otel__otlp_write_scope(out, scope);
    otel__pb_message(out, RESOURCE_METRICS_SCOPE_METRICS, mark);
    return end;
}

otel_status otel__otlp_write_metrics(const otel_metrics_data *metrics, size_t first, size_t count,
                                     struct otel__buffer *out) {
    const size_t mark = otel__buffer_length(out);
    otel__pb_text(out, RESOURCE_METRICS_SCHEMA_URL, metrics->resource->schema_url);
    for (size_t end = first + count; end > first && out->status == OTEL_OK;)
        end = write_scope_metrics(out, metrics, first, end);
    otel__otlp_write_resource(out, metrics->resource);
    otel__pb_message(out, REQUEST_RESOURCE_METRICS, mark);
    return out->status;
}
