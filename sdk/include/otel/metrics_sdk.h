/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/metrics_sdk.h - how an application turns metrics on, and shapes them (specification: metrics/sdk.md).
 *
 *     otel_sdk_start(OTEL_SDK(.service_name = "cart", .metrics = OTEL_METRICS(
 *         .readers = OTEL_READERS(otel_prometheus_reader(NULL)),
 *         .views = OTEL_VIEWS(OTEL_VIEW("http.server.*", .attribute_keys = keys, .attribute_key_count = 1)))));
 *
 * Without readers in code, OTEL_METRICS_EXPORTER says where metrics go (docs/configuration.md); no thread is started and
 * nothing is sent before an instrument is used.
 */
#ifndef OTEL_METRICS_SDK_H
#define OTEL_METRICS_SDK_H

#include <otel/metric_exporter.h>

#ifdef __cplusplus
extern "C" {
#endif

#define OTEL_MAX_READERS 4
typedef struct otel_metric_readers {
    otel_metric_reader *const *items OTEL__INIT(nullptr);
    size_t count OTEL__INIT(0);
} otel_metric_readers;

/**
 * What is different for the instruments that it selects. Of several views that fit each makes a metric of its own; an
 * instrument that none selects is as it says itself. Zero members select everything, and change nothing. Text is copied.
 */
typedef struct otel_view {
    /* Which instruments. */
    const char *instrument OTEL__INIT(nullptr); /**< name; `*` stands for any text, `?` for one character; any case */
    const char *unit OTEL__INIT(nullptr);
    const char *meter_name OTEL__INIT(nullptr), *meter_version OTEL__INIT(nullptr),
        *meter_schema_url OTEL__INIT(nullptr);
    int kinds OTEL__INIT(0); /**< 1 << otel_instrument_kind, or-ed; 0: all */
    /* What they become. */
    const char *name OTEL__INIT(nullptr); /**< only where `instrument` names one, without `*` and `?` */
    const char *description OTEL__INIT(nullptr);
    bool drop OTEL__INIT(false); /**< nothing is kept of them */
    /** Only these attributes are kept; NULL: all but the excluded ones. With a count of 0 and not NULL: none. */
    const char *const *attribute_keys OTEL__INIT(nullptr);
    size_t attribute_key_count OTEL__INIT(0);
    const char *const *excluded_keys OTEL__INIT(nullptr);
    size_t excluded_key_count OTEL__INIT(0);
    const double *bounds OTEL__INIT(nullptr); /**< of histograms; rising */
    size_t bound_count OTEL__INIT(0);
    bool no_min_max OTEL__INIT(false);   /**< of histograms: they are NaN then */
    int cardinality_limit OTEL__INIT(0); /**< series, the one for what is beyond included; 0: as in the options */
    uint64_t reserved_[4] OTEL__INIT({});
} otel_view;

typedef struct otel_views {
    const otel_view *items OTEL__INIT(nullptr);
    size_t count OTEL__INIT(0);
} otel_views;

typedef enum otel_exemplar_filter {
    OTEL_EXEMPLARS_DEFAULT, /**< OTEL_METRICS_EXEMPLAR_FILTER, or of measurements in sampled spans */
    OTEL_EXEMPLARS_TRACE_BASED,
    OTEL_EXEMPLARS_ALWAYS_OFF
} otel_exemplar_filter;

/** Of metrics; a part of otel_sdk_options. Zero members mean: the environment's value, or the default. */
typedef struct otel_metrics_options {
    otel_metric_readers readers OTEL__INIT({}); /**< consumed; no items: by OTEL_METRICS_EXPORTER */
    otel_views views OTEL__INIT({});
    int cardinality_limit OTEL__INIT(0); /**< series of each metric; default 2000 */
    otel_exemplar_filter exemplars OTEL__INIT(OTEL_EXEMPLARS_DEFAULT);
    /** The SDK's own metrics, otel.sdk.*: as OTEL_C_SELF_METRICS=true (specification: self-observability.md). */
    bool self OTEL__INIT(false);
    uint64_t reserved_[6] OTEL__INIT({});
} otel_metrics_options;

#ifdef __cplusplus
} /* extern "C" */

namespace otel {
template <size_t N> inline otel_metric_readers readers(otel_metric_reader *const (&a)[N]) {
    return otel_metric_readers{ a, N };
}
inline otel_metric_readers no_readers() {
    static otel_metric_reader *const none[] = { nullptr };
    return otel_metric_readers{ none, 0 };
}
template <size_t N> inline otel_views views(const otel_view (&a)[N]) { return otel_views{ a, N }; }
} // namespace otel
#define OTEL_READERS(...) ::otel::readers({ __VA_ARGS__ })
#define OTEL_NO_READERS ::otel::no_readers()
#define OTEL_VIEWS(...) ::otel::views({ __VA_ARGS__ })
#if __cplusplus >= 202002L
#define OTEL_VIEW(...) (otel_view{ .instrument = __VA_ARGS__ })
#else
#define OTEL_VIEW(...) (otel_view{ __VA_ARGS__ })
#endif
#define OTEL_METRICS(...) (otel_metrics_options{ __VA_ARGS__ })
#else
/* clang-format off */
#define OTEL_READERS(...)                                                                                              \
    ((otel_metric_readers){ (otel_metric_reader *const[]){ __VA_ARGS__ },                                              \
                            sizeof((otel_metric_reader *const[]){ __VA_ARGS__ }) / sizeof(otel_metric_reader *) })
/** For otel_metrics_options.readers: nobody reads, whatever the environment says. */
#define OTEL_NO_READERS ((otel_metric_readers){ (otel_metric_reader *const[]){ NULL }, 0 })
#define OTEL_VIEWS(...)                                                                                                \
    ((otel_views){ (const otel_view[]){ __VA_ARGS__ }, sizeof((const otel_view[]){ __VA_ARGS__ }) / sizeof(otel_view) })
/** One view: its pattern, then what else is to be said: OTEL_VIEW("http.*", .drop = true). */
#define OTEL_VIEW(...) ((otel_view){ .instrument = __VA_ARGS__ })
#define OTEL_METRICS(...) ((otel_metrics_options){ __VA_ARGS__ })
/* clang-format on */
#endif
#endif
