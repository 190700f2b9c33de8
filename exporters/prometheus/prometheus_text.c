/* SPDX-License-Identifier: Apache-2.0 */
/* prometheus_text.c - see prometheus_text.h. */
#include "prometheus/prometheus_text.h"

#include "base/str.h"
#include "prometheus/prometheus_family.h"
#include "prometheus/prometheus_labels.h"
#include "prometheus/prometheus_value.h"

#include <math.h>
#include <stdlib.h>

struct writer {
    struct otel__page *page;
    const struct otel__prometheus_form *form;
    const otel_metrics_data *metrics;
    struct otel__families families;
    struct otel__labels labels, exemplar_labels;
    uint64_t *seen; /* hashes of the labels of this family's series; 0: the place is free */
    size_t seen_mask;
};

/* ---- what is reported -------------------------------------------------------------------------------------------- */

static uint64_t hash_of(uint64_t seed, otel_str text) {
    uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ seed;
    for (size_t i = 0; i < text.len; i++)
        hash = (hash ^ (unsigned char)text.ptr[i]) * UINT64_C(0x100000001b3);
    return (hash ^ hash >> 32) | 1;
}

/* Whether this has not been reported of the metric yet; from now on it has been. */
static bool is_news(struct otel__prometheus_reported *reported, const otel_metric_data *metric, uint64_t what) {
    const uint64_t hash = hash_of(hash_of(what, metric->scope->name), metric->name);
    for (size_t i = 0; i < reported->count; i++) {
        if (reported->hashes[i] == hash)
            return false;
    }
    if (reported->count == sizeof reported->hashes / sizeof *reported->hashes)
        return false;
    reported->hashes[reported->count++] = hash;
    return true;
}

#define NAMES(metric)                                                                                                  \
    (int)((metric)->name.len < 100 ? (metric)->name.len : 100), (metric)->name.ptr,                                    \
        (int)((metric)->scope->name.len < 100 ? (metric)->scope->name.len : 100), (metric)->scope->name.ptr

static void report_family(void *data, const otel_metric_data *metric, enum otel__family_problem problem) {
    const struct writer *writer = data;
    if (!is_news(writer->form->reported, metric, (uint64_t)problem))
        return;
    if (problem == OTEL__FAMILY_NAME_TAKEN)
        otel_report(
            OTEL_LOG_WARN, "prometheus.name",
            "the metric %.*s of the meter \"%.*s\" is not shown to Prometheus: in its form of names another metric of "
            "another type has that name, or one of its samples has",
            NAMES(metric));
    else
        otel_report(
            OTEL_LOG_WARN, "prometheus.help",
            "the description of the metric %.*s of the meter \"%.*s\" is not shown to Prometheus: another metric that "
            "has the same name there has another one",
            NAMES(metric));
}

static void report_series(const struct writer *writer, const otel_metric_data *metric) {
    if (is_news(writer->form->reported, metric, UINT64_C(1) << 8))
        otel_report(
            OTEL_LOG_WARN, "prometheus.series",
            "a series of the metric %.*s of the meter \"%.*s\" is not shown to Prometheus: in its form of names "
            "another one has the same name and labels",
            NAMES(metric));
}

/* ---- samples ----------------------------------------------------------------------------------------------------- */

static void begin_sample(const struct writer *writer, const struct otel__family *family, const char *suffix) {
    otel__page_str(writer->page, family->name);
    otel__page_text(writer->page, suffix);
}

static void add_labels(const struct writer *writer, otel_str labels) {
    if (labels.len == 0)
        return;
    otel__page_text(writer->page, "{");
    otel__page_str(writer->page, labels);
    otel__page_text(writer->page, "}");
}

static void add_exemplar(struct writer *writer, const otel_metric_data *metric, const otel_exemplar_data *exemplar) {
    if (exemplar && writer->form->openmetrics)
        otel__prometheus_exemplar(writer->page, &writer->exemplar_labels, exemplar, metric->doubles);
}

static void write_number(struct writer *writer, const struct otel__family *family, const otel_metric_data *metric,
                         const otel_point_data *point, otel_str labels) {
    const bool counter = family->type == OTEL__PROMETHEUS_COUNTER;
    begin_sample(writer, family, counter ? "_total" : "");
    add_labels(writer, labels);
    otel__page_text(writer->page, " ");
    otel__prometheus_number(writer->page, point->value, metric->doubles);
    if (counter)
        add_exemplar(writer, metric, otel__exemplar_of_counter(point));
    otel__page_text(writer->page, "\n");
}

static void write_bucket(struct writer *writer, const struct otel__family *family, const otel_metric_data *metric,
                         const otel_point_data *point, otel_str labels, size_t bucket, uint64_t count) {
    const double bound = bucket < metric->bound_count ? metric->bounds[bucket] : (double)INFINITY;
    begin_sample(writer, family, "_bucket{");
    otel__page_str(writer->page, labels);
    otel__page_text(writer->page, labels.len > 0 ? ",le=\"" : "le=\"");
    otel__prometheus_bound(writer->page, bound);
    otel__page_text(writer->page, "\"} ");
    otel__prometheus_count(writer->page, count);
    add_exemplar(writer, metric, otel__exemplar_of_bucket(metric, point, bucket));
    otel__page_text(writer->page, "\n");
}

/* Buckets hold what is up to their bound, those below included. */
static void write_histogram(struct writer *writer, const struct otel__family *family, const otel_metric_data *metric,
                            const otel_point_data *point, otel_str labels) {
    uint64_t count = 0;
    for (size_t i = 0; i <= metric->bound_count; i++) {
        count += point->buckets[i];
        write_bucket(writer, family, metric, point, labels, i, count);
    }
    begin_sample(writer, family, "_sum");
    add_labels(writer, labels);
    otel__page_text(writer->page, " ");
    otel__prometheus_double(writer->page, point->sum);
    otel__page_text(writer->page, "\n");
    begin_sample(writer, family, "_count");
    add_labels(writer, labels);
    otel__page_text(writer->page, " ");
    otel__prometheus_count(writer->page, count); /* as the last bucket, whatever the counts were read at */
    otel__page_text(writer->page, "\n");
}

/* ---- series ------------------------------------------------------------------------------------------------------ */

/* Attributes of the scope that would become one of its other labels don't count. */
static void add_scope(struct otel__labels *labels, const otel_scope_data *scope) {
    static const char prefix[] = "otel_scope_";
    const otel_attr own[] = { { otel_cstr("name"), otel_stringn(scope->name.ptr, scope->name.len) },
                              { otel_cstr("version"), otel_stringn(scope->version.ptr, scope->version.len) },
                              { otel_cstr("schema_url"), otel_stringn(scope->schema_url.ptr, scope->schema_url.len) } };
    otel__labels_add_all(labels, prefix, (otel_attrs){ own, sizeof own / sizeof *own });
    for (size_t i = 0; i < scope->attributes.count; i++) {
        const otel_attr *attribute = &scope->attributes.items[i];
        bool taken = false;
        for (size_t j = 0; j < sizeof own / sizeof *own; j++)
            taken = taken || otel__str_same(attribute->key, own[j].key);
        if (!taken)
            otel__labels_add(labels, prefix, attribute->key, attribute->value);
    }
}

static otel_str labels_of(struct writer *writer, const struct otel__family *family, const otel_metric_data *metric,
                          const otel_point_data *point) {
    writer->labels.reserved = family->type == OTEL__PROMETHEUS_HISTOGRAM ? "le" : NULL;
    otel__labels_begin(&writer->labels);
    otel__labels_add_all(&writer->labels, "", point->attributes);
    if (!writer->form->without_scope_labels)
        add_scope(&writer->labels, metric->scope);
    return otel__labels_text(&writer->labels);
}

/* Whether the family has no series with these labels yet; from now on it has. Two of 2^64 may be taken for one. */
static bool is_new(struct writer *writer, otel_str labels) {
    const uint64_t hash = hash_of(0, labels);
    size_t i = hash & writer->seen_mask;
    while (writer->seen[i] && writer->seen[i] != hash)
        i = (i + 1) & writer->seen_mask;
    const bool new = !writer->seen[i];
    writer->seen[i] = hash;
    return new;
}

static void write_point(struct writer *writer, const struct otel__family *family, const otel_metric_data *metric,
                        const otel_point_data *point) {
    const otel_str labels = labels_of(writer, family, metric, point);
    if (!is_new(writer, labels))
        report_series(writer, metric);
    else if (family->type == OTEL__PROMETHEUS_HISTOGRAM)
        write_histogram(writer, family, metric, point, labels);
    else
        write_number(writer, family, metric, point, labels);
}

/* ---- families ---------------------------------------------------------------------------------------------------- */

static bool forget_series(struct writer *writer, const struct otel__family *family) {
    size_t series = 0, places = 16;
    for (size_t i = family->first; i != SIZE_MAX; i = writer->families.next[i])
        series += writer->metrics->metrics[i].point_count;
    while (places < 2 * series)
        places *= 2;
    free(writer->seen);
    writer->seen = calloc(places, sizeof *writer->seen);
    writer->seen_mask = places - 1;
    return writer->seen;
}

static void write_comment(const struct writer *writer, const char *what, otel_str name, const char *suffix,
                          otel_str text) {
    if (text.len == 0)
        return;
    otel__page_text(writer->page, what);
    otel__page_str(writer->page, name);
    otel__page_text(writer->page, suffix);
    otel__page_text(writer->page, " ");
    otel__page_escaped(writer->page, text, writer->form->openmetrics ? "\"" : "");
    otel__page_text(writer->page, "\n");
}

/* In the format 0.0.4 comments name the samples, in OpenMetrics the family. */
static void write_comments(const struct writer *writer, const struct otel__family *family) {
    static const char *const types[] = { "counter", "gauge", "histogram" };
    const bool open = writer->form->openmetrics;
    const char *suffix = !open && family->type == OTEL__PROMETHEUS_COUNTER ? "_total" : "";
    write_comment(writer, "# HELP ", family->name, suffix, family->help);
    write_comment(writer, "# TYPE ", family->name, suffix, otel_cstr(types[family->type]));
    if (open)
        write_comment(writer, "# UNIT ", family->name, suffix, family->unit);
}

static void write_family(struct writer *writer, const struct otel__family *family) {
    if (!forget_series(writer, family)) {
        writer->page->failed = true;
        return;
    }
    write_comments(writer, family);
    for (size_t i = family->first; i != SIZE_MAX; i = writer->families.next[i]) {
        const otel_metric_data *metric = &writer->metrics->metrics[i];
        for (size_t j = 0; j < metric->point_count && !writer->page->failed; j++)
            write_point(writer, family, metric, &metric->points[j]);
    }
}

static void write_target(struct writer *writer) {
    const bool open = writer->form->openmetrics;
    const otel_str name = otel_cstr(open ? "target" : "target_info");
    write_comment(writer, "# HELP ", name, "", otel_cstr("What produces these metrics."));
    write_comment(writer, "# TYPE ", name, "", otel_cstr(open ? "info" : "gauge"));
    writer->labels.reserved = NULL;
    otel__labels_begin(&writer->labels);
    otel__labels_add_all(&writer->labels, "", writer->metrics->resource->attributes);
    otel__page_text(writer->page, "target_info");
    add_labels(writer, otel__labels_text(&writer->labels));
    otel__page_text(writer->page, " 1\n");
}

static void write_all(struct writer *writer, bool target_info) {
    if (target_info)
        write_target(writer);
    for (size_t i = 0; i < writer->families.count && !writer->page->failed; i++) {
        if (writer->families.items[i].first != SIZE_MAX)
            write_family(writer, &writer->families.items[i]);
    }
    if (writer->form->openmetrics)
        otel__page_text(writer->page, "# EOF\n");
}

void otel__prometheus_write(struct otel__page *page, const otel_metrics_data *metrics,
                            const struct otel__prometheus_form *form) {
    struct writer writer = { .page = page, .form = form, .metrics = metrics };
    const bool target_info = !form->without_target_info && metrics->resource && metrics->resource->attributes.count > 0;
    if (otel__families_make(&writer.families, metrics, target_info, report_family, &writer))
        write_all(&writer, target_info);
    else
        page->failed = true;
    page->failed = page->failed || writer.labels.failed || writer.exemplar_labels.failed;
    otel__families_free(&writer.families);
    otel__labels_free(&writer.labels);
    otel__labels_free(&writer.exemplar_labels);
    free(writer.seen);
}
