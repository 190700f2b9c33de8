/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/prometheus.h - metrics for Prometheus, which comes and asks for them (specification:
 * metrics/sdk_exporters/prometheus.md, compatibility/prometheus_and_openmetrics.md; docs/prometheus.md).
 *
 * What serves them is in a library of its own, libotel-prometheus, so that only who wants it needs libmicrohttpd.
 */
#ifndef OTEL_PROMETHEUS_H
#define OTEL_PROMETHEUS_H

#include <otel/metric_exporter.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** As otel_prometheus_options.port: any port that is free. In the environment that is 0. */
#define OTEL_PROMETHEUS_ANY_PORT (-1)

/** Zero members take the environment's OTEL_EXPORTER_PROMETHEUS_* values, then the defaults. All text is copied. */
typedef struct otel_prometheus_options {
    size_t size OTEL__INIT(sizeof(otel_prometheus_options));
    /**
     * Where it listens: a name or an address. Default localhost, which is 127.0.0.1 and ::1, so that nobody outside of
     * this machine can ask. 0.0.0.0 or :: for all of the machine's addresses.
     */
    const char *host OTEL__INIT(nullptr);
    int port OTEL__INIT(0);                      /**< default 9464 */
    const char *path OTEL__INIT(nullptr);        /**< default /metrics */
    bool without_target_info OTEL__INIT(false);  /**< no metric target_info, which holds the resource's attributes */
    bool without_scope_labels OTEL__INIT(false); /**< no labels otel_scope_* */
    /** Receives the reason when the result is NULL. NULL: the diagnostics do. */
    otel_error *error OTEL__INIT(nullptr);
} otel_prometheus_options;

/**
 * A reader for otel_sdk_start() that answers GET and HEAD of http://host:port/path, from otel_sdk_start() to
 * otel_sdk_stop(). `options` may be NULL. NULL and a reason when an option is unusable, or libotel-prometheus is not to
 * be had: programs that link it have it for certain, others have it loaded here.
 *
 * The answer is in the text format 0.0.4 of Prometheus or in OpenMetrics 1.0.0, as the request's Accept says, and
 * compressed with gzip where Accept-Encoding allows it. docs/prometheus.md says how names, units and attributes become
 * Prometheus' names and labels.
 *
 * Who serves is one thread, "otel-prometheus", which blocks all signals, and holds 64 connections at most; a request has
 * 10 s to come in, and 30 s to be answered. A port that is in use, or a host that is none of this machine's, is reported
 * when the SDK starts, and nothing is served; all else runs on. A forked child does not serve: its parent goes on to.
 */
otel_metric_reader *otel_prometheus_reader(const otel_prometheus_options *options) OTEL__OWNED;

/** The port on which it answers; 0: it doesn't. Only while the SDK that the reader was given to has not stopped. */
int otel_prometheus_port(const otel_metric_reader *reader);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
