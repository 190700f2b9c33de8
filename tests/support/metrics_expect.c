/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_expect.c - see metrics_set.h: what a request decodes to, by protobuf-c, against the metrics expected in it. */
#include "metrics_set.h"
#include "otlp_expect.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static char difference[700];

static bool differ(const char *what) {
    if (!difference[0])
        snprintf(difference, sizeof difference, "%s", what);
    return false;
}

#define SAME(condition) ((condition) || differ(#condition))

static bool is_text(ProtobufCBinaryData got, otel_str want) {
    return got.len == want.len && (want.len == 0 || memcmp(got.data, want.ptr, want.len) == 0);
}

static bool is_double(double got, double want) { return memcmp(&got, &want, sizeof got) == 0; }

static bool is_known(const ProtobufCMessage *message) { return SAME(message->n_unknown_fields == 0); }

static bool same_attributes(Otel__Otlp__KeyValue *const *got, size_t count, otel_attrs want) {
    otlp_report report = { .path = "point" };
    return otlp_expect_attributes(&report, got, count, want) || differ(report.text);
}

static bool same_exemplar(const Otel__Otlp__Exemplar *got, const otel_exemplar_data *want, bool doubles) {
    static const uint8_t none[16] = { 0 };
    const bool traced = memcmp(want->trace_id, none, 16) != 0;
    return is_known(&got->base) && SAME(got->time_unix_nano == want->time) &&
           SAME(got->value_case ==
                (doubles ? OTEL__OTLP__EXEMPLAR__VALUE_AS_DOUBLE : OTEL__OTLP__EXEMPLAR__VALUE_AS_INT)) &&
           SAME(doubles ? is_double(got->as_double, want->value.d) : got->as_int == want->value.i) &&
           SAME(is_text(got->trace_id, otel_strn((const char *)want->trace_id, traced ? 16 : 0))) &&
           SAME(is_text(got->span_id, otel_strn((const char *)want->span_id, traced ? 8 : 0))) &&
           same_attributes(got->filtered_attributes, got->n_filtered_attributes, want->attributes);
}

static bool same_exemplars(Otel__Otlp__Exemplar *const *got, size_t count, const otel_point_data *want, bool doubles) {
    bool same = SAME(count == want->exemplar_count);
    for (size_t i = 0; same && i < count; i++)
        same = same_exemplar(got[i], &want->exemplars[i], doubles);
    return same;
}

static bool same_number_point(const Otel__Otlp__NumberDataPoint *got, const otel_metric_data *metric,
                              const otel_point_data *want) {
    const bool gauge = metric->type == OTEL_METRIC_GAUGE;
    return is_known(&got->base) && SAME(got->start_time_unix_nano == (gauge ? 0 : want->start_time)) &&
           SAME(got->time_unix_nano == want->time) && SAME(got->flags == 0) &&
           SAME(got->value_case == (metric->doubles ? OTEL__OTLP__NUMBER_DATA_POINT__VALUE_AS_DOUBLE
                                                    : OTEL__OTLP__NUMBER_DATA_POINT__VALUE_AS_INT)) &&
           SAME(metric->doubles ? is_double(got->as_double, want->value.d) : got->as_int == want->value.i) &&
           same_exemplars(got->exemplars, got->n_exemplars, want, metric->doubles) &&
           same_attributes(got->attributes, got->n_attributes, want->attributes);
}

static bool same_numbers(Otel__Otlp__NumberDataPoint *const *got, size_t count, const otel_metric_data *want) {
    bool same = SAME(count == want->point_count);
    for (size_t i = 0; same && i < count; i++)
        same = same_number_point(got[i], want, &want->points[i]);
    return same;
}

static bool same_histogram_point(const Otel__Otlp__HistogramDataPoint *got, const otel_metric_data *metric,
                                 const otel_point_data *want) {
    const bool extremes = want->count > 0 && !isnan(want->min);
    bool same = is_known(&got->base) && SAME(got->start_time_unix_nano == want->start_time) &&
                SAME(got->time_unix_nano == want->time) && SAME(got->count == want->count) &&
                SAME(got->sum_if_known_case && is_double(got->sum, want->sum)) &&
                SAME((got->min_if_known_case != 0) == extremes) && SAME((got->max_if_known_case != 0) == extremes) &&
                SAME(!extremes || (is_double(got->min, want->min) && is_double(got->max, want->max))) &&
                SAME(got->n_explicit_bounds == metric->bound_count) &&
                SAME(got->n_bucket_counts == metric->bound_count + 1);
    for (size_t i = 0; same && i < metric->bound_count; i++)
        same = SAME(is_double(got->explicit_bounds[i], metric->bounds[i]));
    for (size_t i = 0; same && i <= metric->bound_count; i++)
        same = SAME(got->bucket_counts[i] == want->buckets[i]);
    return same && same_exemplars(got->exemplars, got->n_exemplars, want, true) &&
           same_attributes(got->attributes, got->n_attributes, want->attributes);
}

static bool same_histogram(const Otel__Otlp__Histogram *got, const otel_metric_data *want) {
    bool same = is_known(&got->base) && SAME(got->n_data_points == want->point_count);
    for (size_t i = 0; same && i < want->point_count; i++)
        same = same_histogram_point(got->data_points[i], want, &want->points[i]);
    return same;
}

static bool same_temporality(Otel__Otlp__AggregationTemporality got, otel_temporality want) {
    return got == (want == OTEL_TEMPORALITY_DELTA
                       ? OTEL__OTLP__AGGREGATION_TEMPORALITY__AGGREGATION_TEMPORALITY_DELTA
                       : OTEL__OTLP__AGGREGATION_TEMPORALITY__AGGREGATION_TEMPORALITY_CUMULATIVE);
}

static bool same_data(const Otel__Otlp__Metric *got, const otel_metric_data *want) {
    switch (want->type) {
    case OTEL_METRIC_SUM:
        return SAME(got->data_case == OTEL__OTLP__METRIC__DATA_SUM) && is_known(&got->sum->base) &&
               SAME((bool)got->sum->is_monotonic == want->monotonic) &&
               SAME(same_temporality(got->sum->aggregation_temporality, want->temporality)) &&
               same_numbers(got->sum->data_points, got->sum->n_data_points, want);
    case OTEL_METRIC_HISTOGRAM:
        return SAME(got->data_case == OTEL__OTLP__METRIC__DATA_HISTOGRAM) &&
               SAME(same_temporality(got->histogram->aggregation_temporality, want->temporality)) &&
               same_histogram(got->histogram, want);
    case OTEL_METRIC_GAUGE:
        break;
    }
    return SAME(got->data_case == OTEL__OTLP__METRIC__DATA_GAUGE) && is_known(&got->gauge->base) &&
           same_numbers(got->gauge->data_points, got->gauge->n_data_points, want);
}

static bool same_metric(const Otel__Otlp__Metric *got, const otel_metric_data *want) {
    return is_known(&got->base) && SAME(got->n_metadata == 0) && SAME(is_text(got->name, want->name)) &&
           SAME(is_text(got->description, want->description)) && SAME(is_text(got->unit, want->unit)) &&
           same_data(got, want);
}

/* As many of the metrics as have the first one's scope; `left` is lowered by them. */
static bool same_scope(const Otel__Otlp__ScopeMetrics *got, const otel_metric_data *want, size_t *left) {
    otlp_report report = { .path = "scope" };
    bool same = is_known(&got->base) && SAME(got->n_metrics <= *left) && SAME(got->n_metrics > 0) &&
                (otlp_expect_scope(&report, got->scope, want->scope) || differ(report.text)) &&
                SAME(is_text(got->schema_url, want->scope->schema_url));
    for (size_t i = 0; same && i < got->n_metrics; i++)
        same = SAME(want[i].scope == want->scope) && same_metric(got->metrics[i], &want[i]);
    if (same)
        *left -= got->n_metrics;
    return same && SAME(*left == 0 || want[got->n_metrics].scope != want->scope);
}

static bool same_packed(const Otel__Otlp__ExportMetricsServiceRequest *request, const uint8_t *bytes, size_t len) {
    if (!SAME(otel__otlp__export_metrics_service_request__get_packed_size(request) == len))
        return false;
    uint8_t *packed = malloc(len + 1);
    otel__otlp__export_metrics_service_request__pack(request, packed);
    const bool same = SAME(memcmp(packed, bytes, len) == 0);
    free(packed);
    return same;
}

static bool same_request(const Otel__Otlp__ExportMetricsServiceRequest *request, const otel_metrics_data *want,
                         size_t first, size_t count) {
    if (!is_known(&request->base) || !SAME(request->n_resource_metrics == 1))
        return false;
    const Otel__Otlp__ResourceMetrics *got = request->resource_metrics[0];
    otlp_report report = { .path = "resource" };
    size_t left = count;
    bool same = is_known(&got->base) && SAME(is_text(got->schema_url, want->resource->schema_url)) &&
                (otlp_expect_resource(&report, got->resource, want->resource) || differ(report.text));
    for (size_t i = 0; same && i < got->n_scope_metrics; i++)
        same = same_scope(got->scope_metrics[i], want->metrics + first + (count - left), &left);
    return same && SAME(left == 0);
}

const char *metrics_difference(const uint8_t *bytes, size_t len, const otel_metrics_data *want, size_t first,
                               size_t count) {
    difference[0] = '\0';
    Otel__Otlp__ExportMetricsServiceRequest *request =
        otel__otlp__export_metrics_service_request__unpack(NULL, len, bytes);
    if (!request)
        return "no request";
    if (same_request(request, want, first, count))
        same_packed(request, bytes, len);
    otel__otlp__export_metrics_service_request__free_unpacked(request, NULL);
    return difference;
}
