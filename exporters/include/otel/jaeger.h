/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/jaeger.h - the exporter of Jaeger's own protocols (specification: trace/sdk_exporters/jaeger.md, until 2024).
 *
 * Jaeger takes OTLP on ports 4317 and 4318, and the specification no longer has these protocols: prefer OTLP (otel/otlp.h).
 * This exporter is for agents and collectors that know nothing else.
 */
#ifndef OTEL_JAEGER_H
#define OTEL_JAEGER_H

#include <otel/exporter.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** How spans reach Jaeger. */
typedef enum otel_jaeger_protocol {
    OTEL_JAEGER_HTTP_THRIFT_BINARY = 1, /**< http/thrift.binary: to a collector, which answers */
    OTEL_JAEGER_GRPC = 2,               /**< grpc: to a collector, by libotel-grpc */
    OTEL_JAEGER_UDP_THRIFT_COMPACT = 3, /**< udp/thrift.compact: to an agent, which does not answer */
    OTEL_JAEGER_UDP_THRIFT_BINARY = 4   /**< udp/thrift.binary: the same in another encoding */
} otel_jaeger_protocol;

/**
 * Zero members take the environment's OTEL_EXPORTER_JAEGER_* values, then the defaults. All text is copied. What cannot
 * be used makes creation fail.
 */
typedef struct otel_jaeger_options {
    size_t size OTEL__INIT(sizeof(otel_jaeger_options));
    /** An otel_jaeger_protocol. Default http/thrift.binary. */
    int protocol OTEL__INIT(0);
    /**
     * The collector's whole URL, used as it is. Default http://localhost:14268/api/traces. For grpc, an endpoint as in
     * otel/grpc.h: its port is 14250 when not given. Default http://localhost:14250.
     */
    const char *endpoint OTEL__INIT(nullptr);
    /** For basic authentication, when both are there; over gRPC in the metadata `authorization`. */
    const char *user OTEL__INIT(nullptr);
    const char *password OTEL__INIT(nullptr);
    /** The agent's host, a name or an address. Default localhost. */
    const char *agent_host OTEL__INIT(nullptr);
    /** Its port. Default 6831 for udp/thrift.compact, 6832 for udp/thrift.binary. */
    int agent_port OTEL__INIT(0);
    /** Bytes of the largest datagram, 1,000 to 65,000. Default 65,000, which is what agents take. */
    int max_packet_bytes OTEL__INIT(0);
    /**
     * Bound of one export; default 10000. OTEL_NO_TIMEOUT: none but the exporter's own 60 s. A negative one is reported
     * and ignored.
     */
    int timeout_ms OTEL__INIT(0);
    /** Receives the reason when the result is NULL. NULL: the diagnostics do. */
    otel_error *error OTEL__INIT(nullptr);
    /** HTTP only: compresses requests with gzip. Jaeger takes that since version 2. */
    bool gzip OTEL__INIT(false);
    /** Files in PEM, for https, over HTTP and gRPC: see otel_otlp_options. */
    const char *certificate_file OTEL__INIT(nullptr);
    const char *client_key_file OTEL__INIT(nullptr);
    const char *client_certificate_file OTEL__INIT(nullptr);
} otel_jaeger_options;

/**
 * An exporter that sends spans as Jaeger's Thrift structs, or, over gRPC, as its api_v2 messages. NULL and a reason when
 * an option is unusable.
 *
 * Over HTTP a batch is one request, in parts if it takes more than 4 MiB; any answer of 200 to 299 is success, and failures that
 * may pass are tried again within the time. A proxy is taken from the environment, as by otel_otlp_exporter().
 *
 * Over gRPC a batch is one call of jaeger.api_v2.CollectorService/PostSpans, in parts like over HTTP. What otel/grpc.h says
 * of statuses, proxies and forks is true here as well, but that RESOURCE_EXHAUSTED, a collector's full queue, is always
 * tried again. The exporter is in libotel-grpc: programs that link it have it for certain, others have it loaded here.
 * Where that fails and the environment asked for grpc, one line says so, and http/thrift.binary is used.
 *
 * Over UDP a batch is as many datagrams as it takes, each with the resource. A span that fits into none is left out,
 * reported, and counted as otel_ledger_processor.dropped_too_large. Nobody answers: a span counts as exported when this
 * machine has sent it and has not heard that nobody listens, which on the same machine it does at once. The agent's name
 * is looked up again every 30 s, in the background.
 *
 * Attributes keep their types; arrays, maps, and doubles that are no number become text. What Jaeger has no place for
 * becomes tags by the specification's names (common/mapping-to-non-otlp.md), w3c.tracestate, and span.kind, `internal`
 * too. A link is a reference, and a log where it has more to tell than ids. Times are whole microseconds, over
 * gRPC nanoseconds, durations one at least.
 *
 * Threads: as every exporter (otel/exporter.h), called from one thread at a time; export blocks, and cancel, which may
 * come from any thread, ends that. The first failure is reported with its cause, then at most one line in 10 s.
 */
otel_exporter *otel_jaeger_exporter(const otel_jaeger_options *options) OTEL__OWNED;

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
