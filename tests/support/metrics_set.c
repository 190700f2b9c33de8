/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_set.c - see metrics_set.h. */
#include "metrics_set.h"

#include "otlp_expect.h"
#include "span_generator.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum { SPANS = 32, POINTS_MAX = 5, BOUNDS_MAX = 12, EXEMPLARS_MAX = 3, SCOPE_LENGTH = 4 };

struct metrics_set {
    otel_metrics_data data;
    span_set *spans; /* whose attributes, scopes and resource are used */
    uint64_t random;
    size_t next_span;
    void **kept; /* of malloc(): what the metrics point to */
    size_t kept_count;
};

static uint64_t next(metrics_set *set) {
    set->random ^= set->random << 13;
    set->random ^= set->random >> 7;
    set->random ^= set->random << 17;
    return set->random;
}

static void *keep(metrics_set *set, size_t count, size_t size) {
    set->kept = realloc(set->kept, (set->kept_count + 1) * sizeof *set->kept);
    void *memory = calloc(count + 1, size);
    set->kept[set->kept_count++] = memory;
    return memory;
}

static otel_str text(metrics_set *set, const char *format) {
    char *out = keep(set, 64, 1);
    snprintf(out, 64, format, (unsigned)(next(set) % 1000));
    return otel_cstr(out);
}

static const otel_span_data *a_span(metrics_set *set) { return &span_set_spans(set->spans)[set->next_span++ % SPANS]; }

/* Of any size, and now and then a special one. */
static double a_double(metrics_set *set) {
    static const double special[] = { 0, -0.0, INFINITY, -INFINITY, 1e300, 5e-324 };
    const uint64_t random = next(set);
    return random % 8 == 0 ? special[random / 8 % 6] : (double)(int64_t)random / 1e12;
}

static otel_number a_number(metrics_set *set, bool is_double) {
    static const int64_t special[] = { 0, -1, INT64_MAX, INT64_MIN };
    const uint64_t random = next(set);
    if (is_double)
        return (otel_number){ .d = a_double(set) };
    return (otel_number){ .i = random % 4 == 0 ? special[random / 4 % 4] : (int64_t)(random >> 40) };
}

static void fill_exemplars(metrics_set *set, otel_point_data *point, bool doubles) {
    otel_exemplar_data *exemplars = keep(set, EXEMPLARS_MAX, sizeof *exemplars);
    point->exemplars = exemplars;
    point->exemplar_count = next(set) % (EXEMPLARS_MAX + 1);
    for (size_t i = 0; i < point->exemplar_count; i++) {
        const otel_span_data *span = a_span(set);
        exemplars[i] = (otel_exemplar_data){ .value = a_number(set, doubles), .time = next(set) };
        if (next(set) % 4 == 0) /* outside of a span */
            continue;
        memcpy(exemplars[i].trace_id, span->trace_id, 16);
        memcpy(exemplars[i].span_id, span->span_id, 8);
        exemplars[i].attributes = span->attributes;
    }
}

static void fill_histogram(metrics_set *set, const otel_metric_data *metric, otel_point_data *point) {
    uint64_t *buckets = keep(set, metric->bound_count + 1, sizeof *buckets);
    const bool some = next(set) % 4 > 0, extremes = next(set) % 4 > 0;
    for (size_t i = 0; some && i <= metric->bound_count; i++)
        point->count += buckets[i] = next(set) % 100;
    point->buckets = buckets;
    point->sum = some ? a_double(set) : 0;
    point->min = extremes ? a_double(set) : NAN;
    point->max = extremes ? a_double(set) : NAN;
}

static void fill_metric(metrics_set *set, otel_metric_data *metric) {
    double *bounds = keep(set, BOUNDS_MAX, sizeof *bounds);
    otel_point_data *points = keep(set, POINTS_MAX, sizeof *points);
    metric->name = text(set, "metric.%u");
    metric->description = next(set) % 2 ? text(set, "What metric %u is.") : otel_cstr("");
    metric->unit = next(set) % 2 ? otel_cstr("By") : otel_cstr("");
    metric->type = (otel_metric_type)(next(set) % 3);
    metric->temporality = (otel_temporality)(next(set) % 2);
    metric->monotonic = metric->type == OTEL_METRIC_SUM && next(set) % 2;
    metric->doubles = metric->type == OTEL_METRIC_HISTOGRAM || next(set) % 2;
    metric->bound_count = metric->type == OTEL_METRIC_HISTOGRAM ? next(set) % (BOUNDS_MAX + 1) : 0;
    for (size_t i = 0; i < metric->bound_count; i++)
        bounds[i] = (double)i * 2.5 - 5;
    metric->bounds = bounds;
    metric->points = points;
    metric->point_count = 1 + next(set) % POINTS_MAX;
    for (size_t i = 0; i < metric->point_count; i++) {
        points[i] = (otel_point_data){ .attributes = a_span(set)->attributes,
                                       .start_time = next(set),
                                       .time = next(set),
                                       .value = a_number(set, metric->doubles) };
        fill_exemplars(set, &points[i], metric->doubles);
        if (metric->type == OTEL_METRIC_HISTOGRAM)
            fill_histogram(set, metric, &points[i]);
    }
}

metrics_set *metrics_set_create(uint64_t seed, size_t count) {
    metrics_set *set = calloc(1, sizeof *set);
    set->spans = span_set_create(seed, SPANS);
    set->random = seed * 0x9e3779b97f4a7c15 + 1;
    otel_metric_data *metrics = keep(set, count, sizeof *metrics);
    for (size_t i = 0; i < count; i++) {
        fill_metric(set, &metrics[i]);
        metrics[i].scope = i % SCOPE_LENGTH ? metrics[i - 1].scope : a_span(set)->scope;
    }
    set->data = (otel_metrics_data){
        .size = sizeof set->data, .resource = span_set_resource(set->spans), .metrics = metrics, .metric_count = count
    };
    return set;
}

void metrics_set_free(metrics_set *set) {
    for (size_t i = 0; i < set->kept_count; i++)
        free(set->kept[i]);
    free(set->kept);
    span_set_free(set->spans);
    free(set);
}

const otel_metrics_data *metrics_set_data(const metrics_set *set) { return &set->data; }
