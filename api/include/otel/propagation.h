/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/propagation.h - carrying a context across a process border (specification: context/api-propagators.md).
 *
 * A carrier is anything that holds named text values, most often the headers of a request. The application describes
 * it with a getter (to extract) or a setter (to inject): const tables of functions without state. All functions work
 * without an SDK.
 */
#ifndef OTEL_PROPAGATION_H
#define OTEL_PROPAGATION_H

#include <otel/types.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/** How to read a carrier. The functions are called on the thread that extracts, under no lock of the library. */
typedef struct otel_getter {
    size_t size; /**< sizeof(otel_getter) */
    /**
     * Finds the `index`-th value (from 0, in the order received) of the field `key`; carriers of HTTP headers ignore
     * ASCII case. Returns false when there is none. `*value` stays valid until the extraction returns.
     */
    bool (*get)(const void *carrier, const char *key, size_t index, otel_str *value);
    /**
     * Names the `index`-th field of the carrier; false past the last. `*key` stays valid until the extraction returns.
     * May be NULL: formats with a field for each entry of baggage (jaeger, ottrace) then find no baggage.
     */
    bool (*key)(const void *carrier, size_t index, otel_str *key);
} otel_getter;

/** How to write a carrier. */
typedef struct otel_setter {
    size_t size; /**< sizeof(otel_setter) */
    /**
     * Sets field `key` to `value`, replacing an earlier value (a carrier made for this injection has none). Both are
     * ASCII, valid as HTTP field name and value; `value` is NUL-terminated as well. Keep the case of `key`.
     */
    void (*set)(void *carrier, const char *key, const char *value, size_t value_len);
} otel_setter;

/**
 * A propagator: a const table. The built-in ones are below; applications may write their own. All functions may be
 * called from several threads at once and must not block.
 */
typedef struct otel_propagator {
    size_t size;      /**< sizeof(otel_propagator) */
    const char *name; /**< as in OTEL_PROPAGATORS */
    /** The `index`-th field name that inject may write; NULL past the last. Lets users clear reused carriers. */
    const char *(*field)(size_t index);
    void (*inject)(const otel_context *context, const otel_setter *setter, void *carrier);
    /**
     * Derives a context from `base` with what the carrier holds. A missing or bad value leaves `base` as it is. The
     * caller owns the result.
     */
    otel_context (*extract)(const otel_context *base, const otel_getter *getter, const void *carrier);
} otel_propagator;

/**
 * W3C Trace Context level 2: fields `traceparent` and `tracestate`. A tracestate is sent on whole, whatever its length.
 * Refused as garbage: a traceparent of more than 1,024 bytes, and a tracestate of more than 32,768 bytes or 64 fields.
 */
extern const otel_propagator otel_propagator_tracecontext;

/**
 * W3C Baggage: field `baggage`. Received baggage replaces that of the base context; members that break the rules of the
 * format are left out, and of more than 64 members or 8,192 bytes the first whole members are taken. The same limits
 * hold for what is sent. Names that the format cannot express (a space, non-ASCII) are not sent; values may be
 * anything.
 */
extern const otel_propagator otel_propagator_baggage;

/**
 * Zipkin's B3, which Envoy and Istio speak: `b3` writes the single field `b3`; `b3multi` writes `x-b3-traceid`,
 * `x-b3-spanid`, and `x-b3-sampled` or `x-b3-flags`. Both read both; the single field comes first, the others when it
 * names no valid span. A debug flag stays with the trace, and a decision that nobody has made yet is sent on unmade. A
 * decision without ids is not looked at. (specification: context/api-propagators.md, B3 Requirements)
 */
extern const otel_propagator otel_propagator_b3;
extern const otel_propagator otel_propagator_b3multi;

/**
 * Jaeger's own clients: field `uber-trace-id`, and `uberctx-<name>` for each entry of baggage; `jaeger-baggage` is read
 * too. What is received in place of the base context's baggage has the bounds of otel_propagator_baggage, and so has
 * what is sent. Deprecated in favour of otel_propagator_tracecontext: for peers that speak nothing else.
 */
extern const otel_propagator otel_propagator_jaeger;

/**
 * Basic tracers of former days: fields `ot-tracer-traceid`, `ot-tracer-spanid`, `ot-tracer-sampled`, and
 * `ot-baggage-<name>` for each entry of baggage, whose value is sent as it is; those that a header cannot hold are left
 * out. Only the right half of the trace id is sent. Deprecated in favour of otel_propagator_tracecontext: for peers
 * that speak nothing else.
 */
extern const otel_propagator otel_propagator_ottrace;

/**
 * Carries `x-request-id`, by which service meshes and proxies recognise a request in their logs, from what a service
 * receives to what it sends. No part of OpenTelemetry, and thus unknown to OTEL_PROPAGATORS: name it in the list given
 * to otel_propagators_set() or otel_sdk_start(). Ids of more than 256 bytes, or with other than visible ASCII, are left
 * out. Spans don't record it.
 */
extern const otel_propagator otel_propagator_request_id;

/** At most this many propagators take part; the rest of a longer list is ignored. */
#define OTEL_MAX_PROPAGATORS 8

/**
 * Sets the process-wide propagators, called in list order. The tables must live for ever (they are normally static).
 * An empty list makes inject and extract do nothing, which is also the state until this function or otel_sdk_start()
 * is called. Thread-safe; a concurrent inject sees the old or the new list. The SDK calls this at start with what
 * OTEL_PROPAGATORS names.
 */
void otel_propagators_set(const otel_propagator *const *propagators, size_t count);

/** The `index`-th propagator in use; NULL past the last. */
const otel_propagator *otel_propagators_get(size_t index);

/** Writes `context` (NULL: the current one) into the carrier with every propagator in turn. */
void otel_inject(const otel_context *context, const otel_setter *setter, void *carrier);

/**
 * Tells the caller of a service which span served it: writes the field `Server-Timing` of a response,
 * `trace;desc=00-<trace id>-<span id>-<flags>`, for the span of `context` (NULL: the current one). No propagator does
 * so by itself: the format is a draft (W3C Trace Context, editor's draft), and not every caller should know. A server
 * with timings of its own has a setter that adds a field rather than to replace it.
 */
void otel_inject_server_timing(const otel_context *context, const otel_setter *setter, void *carrier);

/**
 * Derives a context from `base` (NULL: the current one) with what the propagators find in the carrier. The caller owns
 * the result. Nothing found, or nothing valid: a copy of `base`.
 */
otel_context otel_extract(const otel_context *base, const otel_getter *getter, const void *carrier) OTEL__OWNED;

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
