/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/grpc.h - the OTLP exporter over gRPC (specification: protocol/exporter.md, protocol/otlp.md). In a library of its
 * own, libotel-grpc, so that only who wants it needs gRPC core.
 */
#ifndef OTEL_GRPC_H
#define OTEL_GRPC_H

#include <otel/exporter.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** Zero members take the defaults; the environment is not read. All text is copied. */
typedef struct otel_otlp_grpc_options {
    size_t size OTEL__INIT(sizeof(otel_otlp_grpc_options));
    /**
     * Where to send to: a URL with http (plaintext) or https (TLS), or what gRPC core calls a target, such as host:port,
     * dns:///host:port or unix:path. The port of a URL, and of a bare host name, is 4317 when not given; a path is
     * ignored, and reported. Default http://localhost:4317.
     */
    const char *endpoint OTEL__INIT(nullptr);
    /** Plaintext where the endpoint is no URL that says so or otherwise. */
    bool insecure OTEL__INIT(false);
    /** Bound of one export with all its attempts and waits; default 10000. OTEL_NO_TIMEOUT: 60 s. Negative: refused. */
    int timeout_ms OTEL__INIT(0);
    /** Receives the reason when the result is NULL. */
    otel_error *error OTEL__INIT(nullptr);
} otel_otlp_grpc_options;

/**
 * An exporter that calls TraceService/Export, over one connection that is made by the first export. It tries again what
 * OTLP says is worth it, with back-off, for as long as its time bound allows; RESOURCE_EXHAUSTED only where the server
 * says when. NULL and a reason when an option is unusable.
 *
 * gRPC core's threads do not survive fork(). A child of a process that has not exported over gRPC exports as usual. In a
 * child of one that has, exports fail, which is reported once, and their spans count as lost.
 */
otel_exporter *otel_otlp_grpc_exporter(const otel_otlp_grpc_options *options) OTEL__OWNED;

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
