/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/jaeger_remote.h - the sampler whose strategy Jaeger decides (specification: trace/sdk.md, JaegerRemoteSampler).
 *
 *     otel_sdk_start(OTEL_SDK(.service_name = "shop", .sampler = otel_sampler_parent_based_root(
 *         otel_sampler_jaeger_remote(OTEL_JAEGER_REMOTE(.endpoint = "http://jaeger:5778/sampling")))));
 */
#ifndef OTEL_JAEGER_REMOTE_H
#define OTEL_JAEGER_REMOTE_H

#include <otel/sampler.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** How Jaeger is asked. */
typedef enum otel_jaeger_remote_protocol {
    OTEL_JAEGER_REMOTE_HTTP = 1, /**< GET endpoint?service=name, which answers JSON */
    OTEL_JAEGER_REMOTE_GRPC = 2  /**< jaeger.api_v2.SamplingManager; needs libotel-grpc, as otel/grpc.h says */
} otel_jaeger_remote_protocol;

/** Zero members take the defaults; nothing comes from the environment but proxies. All text is copied. */
typedef struct otel_jaeger_remote_options {
    size_t size OTEL__INIT(sizeof(otel_jaeger_remote_options));
    /**
     * Default http://localhost:5778/sampling. A URL whose path is more than / is asked over HTTP, and used as it is; a
     * URL without, such as http://localhost:5779, is a server for gRPC, over TLS where it begins with https, and so are
     * gRPC's own targets (host:port, unix:path, dns:///host:port). Jaeger has 5778 for HTTP and 5779 for gRPC, version
     * 1 14250 for gRPC.
     */
    const char *endpoint OTEL__INIT(nullptr);
    /** An otel_jaeger_remote_protocol, where the endpoint doesn't say it, such as http://localhost:5778/ of an agent. */
    int protocol OTEL__INIT(0);
    /** From one beginning of a fetch to the next; default 60000. */
    int polling_interval_ms OTEL__INIT(0);
    /** Decides until something has been fetched (consumed). Default otel_sampler_trace_id_ratio(0.001). */
    otel_sampler *initial OTEL__INIT(nullptr);
    /**
     * So many span names have a lower bound of their own; others are sampled with the default probability only.
     * Default 256, at most 65536; a negative one means 2000.
     */
    int max_operations OTEL__INIT(0);
    /** Bound of one fetch; default 10000. */
    int timeout_ms OTEL__INIT(0);
    /** More headers, "name=value,name=value", as otel_otlp_options.headers; over gRPC metadata. */
    const char *headers OTEL__INIT(nullptr);
    /** No TLS for a target of gRPC that is no URL. */
    bool insecure OTEL__INIT(false);
    /** Files in PEM, for TLS: see otel_otlp_options. */
    const char *certificate_file OTEL__INIT(nullptr);
    const char *client_key_file OTEL__INIT(nullptr);
    const char *client_certificate_file OTEL__INIT(nullptr);
    /** Receives the reason when an option is unusable. */
    otel_error *error OTEL__INIT(nullptr);
} otel_jaeger_remote_options;

/**
 * A sampler that asks Jaeger for the strategy of this service (its resource's service.name), in the background: when the
 * SDK starts, over gRPC with the first span that is to be sampled, since a process that has used gRPC core may not fork;
 * then once per interval. It does not heed what a parent decided: make it the root of a parent-based sampler, as
 * OTEL_TRACES_SAMPLER=parentbased_jaeger_remote does.
 *
 * Strategies are a probability, which decides as otel_sampler_trace_id_ratio() does; so many traces a second, of which
 * one second's worth may come at once; and a probability for each span name, with so many spans a second of each name at
 * least. What was fetched last stays in force, also when later fetches fail or bring nothing usable, which is reported.
 * Balances of limits outlast a change of the strategy.
 *
 * A fetch runs on a worker of the SDK's, between exports, which it doesn't hold up; where no processor has a worker it
 * has a thread of its own. Deciding takes no lock and waits for nobody. A forked child goes on with the strategy that it
 * inherits and fetches with its first span to be sampled; over gRPC it can't, where its parent had.
 *
 * NULL is never returned: where an option is unusable that is reported, `error` says why, and nothing is sampled.
 */
otel_sampler *otel_sampler_jaeger_remote(const otel_jaeger_remote_options *options) OTEL__OWNED;

#if defined(__cplusplus) && __cplusplus < 202002L
#define OTEL_JAEGER_REMOTE(...) OTEL__REF(otel_jaeger_remote_options, sizeof(otel_jaeger_remote_options), __VA_ARGS__)
#else
/** A pointer to options: OTEL_JAEGER_REMOTE(.endpoint = "http://jaeger:5778/sampling"). */
#define OTEL_JAEGER_REMOTE(...)                                                                                        \
    OTEL__REF(otel_jaeger_remote_options, .size = sizeof(otel_jaeger_remote_options), __VA_ARGS__)
#endif

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
