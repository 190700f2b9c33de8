/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/otlp.h - the OTLP exporters (specification: protocol/exporter.md, protocol/otlp.md).
 */
#ifndef OTEL_OTLP_H
#define OTEL_OTLP_H

#include <otel/metric_exporter.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** How spans are written. */
typedef enum otel_otlp_protocol {
    OTEL_OTLP_HTTP_PROTOBUF = 1, /**< http/protobuf */
    OTEL_OTLP_HTTP_JSON = 2,     /**< http/json: some three times as many bytes */
    OTEL_OTLP_GRPC = 3           /**< grpc: see otel/grpc.h */
} otel_otlp_protocol;

/** How requests are compressed. */
typedef enum otel_otlp_compression {
    OTEL_OTLP_COMPRESSION_NONE = 1, /**< none */
    OTEL_OTLP_COMPRESSION_GZIP = 2  /**< gzip: fewer bytes to send, for more work on the exporting thread */
} otel_otlp_compression;

/** Of metrics, what each value counts from (specification: metrics/sdk_exporters/otlp.md). */
typedef enum otel_otlp_temporality {
    OTEL_OTLP_TEMPORALITY_CUMULATIVE = 1, /**< cumulative: from the start */
    OTEL_OTLP_TEMPORALITY_DELTA = 2,      /**< delta: from the last export, for counters and histograms */
    OTEL_OTLP_TEMPORALITY_LOWMEMORY = 3   /**< lowmemory: the same, but not for observed counters */
} otel_otlp_temporality;

/**
 * Zero members take the environment's OTEL_EXPORTER_OTLP_* values, then the defaults. All text is copied. Refused is
 * what no server would take: a URL of more than 8,192 bytes, headers of more than 65,536, a user agent of more than
 * 1,024.
 */
typedef struct otel_otlp_options {
    size_t size OTEL__INIT(sizeof(otel_otlp_options));
    /**
     * Base URL: `v1/traces` is appended, or `v1/metrics`. Default http://localhost:4318. A Unix socket, which gets v1/traces whichever of
     * both members names it, and no proxy: `unix:///run/otel.sock`, or `unix-abstract:name`, percent-encoded.
     * For gRPC see otel/grpc.h.
     */
    const char *endpoint OTEL__INIT(nullptr);
    /** Complete URL of the traces request, used as it is; beats `endpoint`. Over gRPC they mean the same. */
    const char *traces_endpoint OTEL__INIT(nullptr);
    /** As in OTEL_EXPORTER_OTLP_HEADERS: "name=value,name=value", percent-encoded. */
    const char *headers OTEL__INIT(nullptr);
    /**
     * Bound of one export with all its attempts and waits; default 10000. OTEL_NO_TIMEOUT: none but the exporter's own
     * 60 s. A negative one is reported and ignored.
     */
    int timeout_ms OTEL__INIT(0);
    /** Put in front of the User-Agent, such as "MyDist/1.0". */
    const char *user_agent OTEL__INIT(nullptr);
    /** Receives the reason when the result is NULL. NULL: the diagnostics do. */
    otel_error *error OTEL__INIT(nullptr);
    /**
     * The wait before the second attempt of a request, default 500; it doubles with each further one, and is varied
     * at random between half and one and a half times. A negative one is refused, as is one above max_backoff_ms.
     */
    int initial_backoff_ms OTEL__INIT(0);
    /** The longest such wait, default 5000. What a server asks for (Retry-After) may be longer. Negative: refused. */
    int max_backoff_ms OTEL__INIT(0);
    /** A request that fails is not sent again: its spans are lost, and counted so, at once. */
    bool retry_disabled OTEL__INIT(false);
    /**
     * Files in PEM, for https. Trusted authorities, instead of the system's; and the key and certificate chain, always
     * both, by which a server that asks for them knows this client. A file that is missing, malformed or out of date
     * makes creation fail. A file that changes later is read again before the next request, and used if it is good.
     */
    const char *certificate_file OTEL__INIT(nullptr);
    const char *client_key_file OTEL__INIT(nullptr);
    const char *client_certificate_file OTEL__INIT(nullptr);
    /** An otel_otlp_protocol. Default http/protobuf. */
    int protocol OTEL__INIT(0);
    /** An otel_otlp_compression. Default none. */
    int compression OTEL__INIT(0);
    /**
     * Bytes that a request may take before compression; default 64 MiB. A batch that takes more is sent in parts, and a
     * single span that does is reported and lost.
     */
    size_t max_request_bytes OTEL__INIT(0);
    /**
     * Bytes that the body of an answer may take after decompression; default 4 MiB. The spans count as lost when it
     * takes more, whatever its status.
     */
    size_t max_response_bytes OTEL__INIT(0);
    /**
     * Requests that may be under way at once when a batch is sent in parts, each on a connection of its own, up to 16;
     * default 1. More make up for a server that is far away, at the price of memory for each.
     */
    unsigned max_concurrent_requests OTEL__INIT(0);
    /** gRPC only: plaintext to an endpoint that begins with neither http:// nor https://. Default: TLS. */
    bool insecure OTEL__INIT(false);
    /** Complete URL of the metrics request, used as it is; beats `endpoint`. Of metrics only, as what follows. */
    const char *metrics_endpoint OTEL__INIT(nullptr);
    /** An otel_otlp_temporality. Default cumulative. */
    int temporality OTEL__INIT(0);
} otel_otlp_options;

/**
 * An exporter that POSTs ExportTraceServiceRequest over HTTP, as protobuf or as JSON. NULL and a reason when an option
 * is unusable.
 *
 * It keeps its connections alive, and uses TLS 1.2 or later for https, with the system's trust or that of
 * `certificate_file`. It retries what is worth retrying (connections that fail or break, HTTP 429, 502, 503, 504)
 * within its time bound, with exponential back-off and jitter (initial_backoff_ms, max_backoff_ms); honours
 * Retry-After, also for later exports, which a 429 or 503 without one slows down as well; and follows no redirects.
 * Batches of more than 4 MiB are sent in parts. A proxy is taken from http_proxy (in lower case only), https_proxy or
 * HTTPS_PROXY, all_proxy or ALL_PROXY, exceptions from no_proxy or NO_PROXY, as they stand when the exporter is made.
 *
 * Threads: as every exporter (otel/exporter.h), called from one thread at a time; export blocks, and cancel, which may
 * come from any thread, ends that at once. The first failure is reported with its cause, then at most one line in 10 s.
 */
otel_exporter *otel_otlp_exporter(const otel_otlp_options *options) OTEL__OWNED;

/**
 * The same for metrics, to be given to otel_periodic_reader(): POSTs ExportMetricsServiceRequest over HTTP, as protobuf,
 * whichever protocol the environment asks for; another one in `protocol` is refused. What is said of batches and spans
 * holds for readings and metrics: a metric is sent whole. What the server refuses is counted in data points.
 */
otel_metric_exporter *otel_otlp_metric_exporter(const otel_otlp_options *options) OTEL__OWNED;

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
