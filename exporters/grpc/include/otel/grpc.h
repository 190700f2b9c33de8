/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/grpc.h - the OTLP exporter over gRPC (specification: protocol/exporter.md, protocol/otlp.md). In a library of its
 * own, libotel-grpc, so that only who wants it needs gRPC core. Jaeger's own protocol over gRPC is in there as well: see
 * otel/jaeger.h.
 */
#ifndef OTEL_GRPC_H
#define OTEL_GRPC_H

#include <otel/otlp.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * The exporter of otel/otlp.h with the protocol gRPC: the same options, environment and defaults. Programs that call it,
 * or just link libotel-grpc, have the library for certain; others have it loaded by otel_sdk_start() or
 * otel_otlp_exporter() when OTEL_EXPORTER_OTLP_PROTOCOL, or otel_otlp_options.protocol, says grpc. NULL and a reason when
 * an option is unusable.
 *
 * What is different from HTTP:
 * - The endpoint is a URL with http (plaintext) or https (TLS), or what gRPC calls a target, such as host:port,
 *   dns:///host:port, ipv6:[::1]:port or unix:path, to which otel_otlp_options.insecure applies. The port of a URL, and of
 *   a bare host name, is 4317 when not given; a path is ignored, and reported. Default http://localhost:4317.
 * - Headers are sent as metadata, their names in lower case. Names hold letters, digits, '_', '-' and '.', values printable
 *   ASCII, or any bytes where the name ends in -bin.
 * - Tried again are connections that fail or break, and the statuses CANCELLED, DEADLINE_EXCEEDED, ABORTED, OUT_OF_RANGE,
 *   UNAVAILABLE and DATA_LOSS; RESOURCE_EXHAUSTED only where the server says when (RetryInfo), which is honoured as
 *   Retry-After is over HTTP.
 * - Proxies and name resolution are gRPC core's: see its documentation of http_proxy, no_proxy and GRPC_DNS_RESOLVER.
 * - gRPC core is started by the first export. Its threads do not survive fork(): a child of a process that has not
 *   exported over gRPC exports as usual; in a child of one that has, exports fail, which is reported once, and their
 *   spans count as lost.
 * - What gRPC core has to say goes to the diagnostics of this SDK, unless GRPC_VERBOSITY is set or the program uses gRPC
 *   core before.
 */
otel_exporter *otel_otlp_grpc_exporter(const otel_otlp_options *options) OTEL__OWNED;

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
