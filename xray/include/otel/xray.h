/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/xray.h - AWS X-Ray's way of carrying a trace between processes. A library of its own, libotel-xray (otel::xray
 * in CMake, otel-xray in pkg-config): it is no part of the specification's core.
 *
 * A program that links it can name `xray` in OTEL_PROPAGATORS; otherwise put otel_propagator_xray into the list given to
 * otel_propagators_set() or otel_sdk_start().
 */
#ifndef OTEL_XRAY_H
#define OTEL_XRAY_H

#include <otel/propagation.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * Field `X-Amzn-Trace-Id`: `Root=1-<8 digits>-<24 digits>;Parent=<16 digits>;Sampled=<0 or 1>`, where both parts of Root
 * together are the trace id. Read in any order, with parts of other names among them; a decision left to the receiver
 * (`Sampled=?`, or none) is read as not sampled. A load balancer's header without Parent names no span, and is ignored
 * as are those that are malformed.
 */
extern const otel_propagator otel_propagator_xray;

/**
 * `base` (NULL: the current context) with the span that the variable `_X_AMZN_TRACE_ID` of `envp` (NULL: empty) names, in
 * which AWS Lambda tells a function of the request at hand; ask again for each. The caller owns the result. Nothing
 * there, or nothing valid: a copy of `base`. Nobody may change the environment meanwhile.
 */
otel_context otel_xray_extract_lambda(const otel_context *base, char *const *envp) OTEL__OWNED;

/**
 * Makes trace ids as X-Ray wants them: the first 4 bytes are the time in seconds since 1970, the others are random. For
 * the `trace_id` of an id generator (otel/extend.h), which may thus say that it is `random`; `self` is not used. Asks
 * the kernel for random bytes each time, and gives zeros, which is no id, if it has none. For any thread.
 */
void otel_xray_trace_id(void *self, uint8_t out[16]);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
