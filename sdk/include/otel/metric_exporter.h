/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/metric_exporter.h - writing an exporter of metrics (specification: metrics/sdk.md, MetricReader, MetricExporter;
 * metrics/data-model.md).
 *
 * What a reading found is presented as plain structs, which the exporter borrows for the duration of the call only.
 */
#ifndef OTEL_METRIC_EXPORTER_H
#define OTEL_METRIC_EXPORTER_H

#include <otel/exporter.h>
#include <otel/metrics.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* ---- the read-only view of metrics ------------------------------------------------------------------------------- */
/* These structs stand in arrays, and never change. */

typedef enum otel_metric_type { OTEL_METRIC_SUM, OTEL_METRIC_GAUGE, OTEL_METRIC_HISTOGRAM } otel_metric_type;

typedef enum otel_temporality {
    OTEL_TEMPORALITY_CUMULATIVE, /**< since the start */
    OTEL_TEMPORALITY_DELTA       /**< since the last reading by the same reader */
} otel_temporality;

/** A number: which member holds is said by otel_metric_data.doubles. */
typedef union otel_number {
    int64_t i;
    double d;
} otel_number;

/** A measurement that was made within a sampled span (specification: metrics/sdk.md, Exemplar). */
typedef struct otel_exemplar_data {
    otel_number value;
    uint64_t time; /**< ns since 1970 */
    uint8_t trace_id[16], span_id[8];
    otel_attrs attributes; /**< of the measurement, those that a view took from the series */
} otel_exemplar_data;

/** One series at one moment. Attribute keys are unique and sorted by their bytes. */
typedef struct otel_point_data {
    otel_attrs attributes;
    uint64_t start_time, time; /**< ns since 1970; of a gauge only `time` counts */
    otel_number value;         /**< of a sum or gauge */
    uint64_t count;            /**< of a histogram, as all that follow: measurements */
    double sum, min, max;      /**< min and max: of a cumulative one since its start; NaN where a view wants none */
    const uint64_t *buckets;   /**< bound_count + 1 of them; not cumulated */
    const otel_exemplar_data *exemplars;
    size_t exemplar_count;
} otel_point_data;

typedef struct otel_metric_data {
    otel_str name, description, unit;
    const otel_scope_data *scope; /**< metrics of one scope follow each other, and share the pointer */
    otel_metric_type type;
    otel_temporality temporality; /**< of sums and histograms */
    bool monotonic;               /**< of sums */
    bool doubles;                 /**< numbers are doubles; else integers */
    const double *bounds;         /**< of histograms */
    size_t bound_count;
    const otel_point_data *points;
    size_t point_count; /**< at least one */
} otel_metric_data;

/** What one reading found. */
typedef struct otel_metrics_data {
    size_t size; /**< sizeof(otel_metrics_data) in the SDK that fills it: later versions append members */
    const otel_resource_data *resource;
    const otel_metric_data *metrics;
    size_t metric_count;
} otel_metrics_data;

/* ---- pushing: the SDK reads at an interval ----------------------------------------------------------------------- */

/** What is true of otel_exporter_ops holds here too: no two calls overlap, all but `cancel` from one thread at a time. */
typedef struct otel_metric_exporter_ops {
    size_t size;      /**< sizeof(otel_metric_exporter_ops) */
    const char *name; /**< for diagnostics, such as "otlp" */
    /** Which temporality it wants of an instrument; NULL: cumulative for all. */
    otel_temporality (*temporality)(void *self, otel_instrument_kind kind);
    otel_status (*export_metrics)(void *self, const otel_metrics_data *metrics, int timeout_ms);
    otel_status (*force_flush)(void *self, int timeout_ms); /**< may be NULL, as all that follow */
    otel_status (*shutdown)(void *self, int timeout_ms);
    void (*cancel)(void *self);
    void (*before_fork)(void *self);
    bool (*at_rest)(void *self);
    void (*after_fork)(void *self, bool in_child);
    void (*destroy)(void *self);
} otel_metric_exporter_ops;

typedef struct otel_metric_exporter otel_metric_exporter;
/** As otel_exporter_create(): owns `self` from here on. */
otel_metric_exporter *otel_metric_exporter_create(const otel_metric_exporter_ops *ops, void *self) OTEL__OWNED;
void otel_metric_exporter_destroy(otel_metric_exporter *exporter);

/* ---- pulling: somebody asks -------------------------------------------------------------------------------------- */

/** Where a reader that is asked gets the metrics from; valid from `start` until `stop` returns. */
typedef struct otel_metric_source otel_metric_source;

/**
 * Reads all metrics, cumulative, and shows them to `visit`, on the calling thread, which must not be inside of another
 * reading. OTEL_ERR_STATE: the SDK is stopping. OTEL_ERR_MEMORY. Readings take turns.
 */
otel_status otel_metric_source_read(otel_metric_source *source, void (*visit)(void *data, const otel_metrics_data *),
                                    void *data);

typedef struct otel_pull_reader_ops {
    size_t size;
    const char *name; /**< such as "prometheus" */
    /** The SDK has started: begin to answer. What it returns but OTEL_OK is reported, and the SDK runs on. */
    otel_status (*start)(void *self, otel_metric_source *source);
    /** Answer no more, and return when no reading is running. */
    void (*stop)(void *self);
    void (*before_fork)(void *self);               /**< may be NULL */
    void (*after_fork)(void *self, bool in_child); /**< in the child there is no thread of the parent's; may be NULL */
    void (*destroy)(void *self);
} otel_pull_reader_ops;

/* ---- readers ----------------------------------------------------------------------------------------------------- */

/** Reads metrics; given to otel_sdk_start(), which consumes it. */
typedef struct otel_metric_reader otel_metric_reader;

/** One that is asked. Owns `self` from here on; NULL when memory is short. */
otel_metric_reader *otel_pull_reader_create(const otel_pull_reader_ops *ops, void *self) OTEL__OWNED;

typedef struct otel_periodic_options {
    size_t size OTEL__INIT(sizeof(otel_periodic_options));
    int interval_ms OTEL__INIT(0); /**< else OTEL_METRIC_EXPORT_INTERVAL; default 60000 */
    int timeout_ms OTEL__INIT(0);  /**< of one export; else OTEL_METRIC_EXPORT_TIMEOUT; default 30000 */
} otel_periodic_options;

/**
 * One that reads at an interval and hands what it found to `exporter`, which it consumes, on a thread of its own
 * ("otel-metrics"), which begins when an instrument is first used. A flush and a stop read once more. `options` may be
 * NULL. A NULL `exporter` is reported by otel_sdk_start().
 */
otel_metric_reader *otel_periodic_reader(const otel_periodic_options *options,
                                         otel_metric_exporter *exporter) OTEL__OWNED;
/** One that was never given to an SDK. */
void otel_metric_reader_destroy(otel_metric_reader *reader);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
