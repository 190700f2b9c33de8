/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/zipkin.h - the Zipkin exporter (specification: trace/sdk_exporters/zipkin.md, which deprecates it: prefer OTLP,
 * which Zipkin's server takes through its OpenTelemetry module or a collector).
 */
#ifndef OTEL_ZIPKIN_H
#define OTEL_ZIPKIN_H

#include <otel/exporter.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** How spans are written. */
typedef enum otel_zipkin_format {
    OTEL_ZIPKIN_JSON = 1,    /**< JSON v2, as Zipkin's own clients send it */
    OTEL_ZIPKIN_PROTOBUF = 2 /**< the same as zipkin.proto3.ListOfSpans: some 20 % fewer bytes */
} otel_zipkin_format;

/**
 * Zero members take the environment's OTEL_EXPORTER_ZIPKIN_* values, where there are such, then the defaults. All text
 * is copied.
 */
typedef struct otel_zipkin_options {
    size_t size OTEL__INIT(sizeof(otel_zipkin_options));
    /**
     * The whole URL, used as it is. Default http://localhost:9411/api/v2/spans. Or a Unix socket, unix:///path, whose
     * requests go to /api/v2/spans.
     */
    const char *endpoint OTEL__INIT(nullptr);
    /**
     * Bound of one export with all its attempts and waits; default 10000. OTEL_NO_TIMEOUT: none but the exporter's own
     * 60 s. A negative one is reported and ignored.
     */
    int timeout_ms OTEL__INIT(0);
    /** An otel_zipkin_format. Default JSON, also for OTEL_TRACES_EXPORTER=zipkin. */
    int format OTEL__INIT(0);
    /** Compresses requests with gzip. */
    bool gzip OTEL__INIT(false);
    /** A request that fails is not sent again: its spans are lost, and counted so, at once. */
    bool retry_disabled OTEL__INIT(false);
    /** Files in PEM, for https: see otel_otlp_options. */
    const char *certificate_file OTEL__INIT(nullptr);
    const char *client_key_file OTEL__INIT(nullptr);
    const char *client_certificate_file OTEL__INIT(nullptr);
    /** Receives the reason when the result is NULL. NULL: the diagnostics do. */
    otel_error *error OTEL__INIT(nullptr);
    /** Further headers of requests, for a proxy that wants a key: "name=value,name=value", percent-encoded. */
    const char *headers OTEL__INIT(nullptr);
} otel_zipkin_options;

/**
 * An exporter that POSTs spans to Zipkin, or to what takes Zipkin's format. NULL and a reason when an option is
 * unusable; `options` NULL: all defaults.
 *
 * Zipkin knows less of a span than OpenTelemetry (docs/zipkin.md has the mapping): links, tracestate and flags are left
 * out, attributes of span, scope and resource become tags, all of them text.
 *
 * Any status of 2xx is success. What is worth retrying (connections that fail or break, HTTP 429, 502, 503, 504) is
 * retried within the time bound, with exponential back-off and jitter, no sooner than Retry-After asks for. Redirects are
 * not followed. Batches of more than 4 MiB are sent in parts. A proxy is taken from the environment, as by the OTLP
 * exporter.
 *
 * Threads: as every exporter (otel/exporter.h), called from one thread at a time; export blocks, and cancel, which may
 * come from any thread, ends that at once. The first failure is reported with its cause, then at most one line in 10 s.
 */
otel_exporter *otel_zipkin_exporter(const otel_zipkin_options *options) OTEL__OWNED;

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
