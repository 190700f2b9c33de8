/* SPDX-License-Identifier: Apache-2.0 */
/* strategy_protobuf.h - Jaeger's SamplingManager: what is asked and answered over gRPC (jaeger-idl, sampling.proto). */
#ifndef OTEL_JAEGER_STRATEGY_PROTOBUF_H
#define OTEL_JAEGER_STRATEGY_PROTOBUF_H

#include "base/strategy.h"

#define OTEL__STRATEGY_METHOD "/jaeger.api_v2.SamplingManager/GetSamplingStrategy"

/* The SamplingStrategyParameters with this service's name, to be freed. NULL: out of memory. */
uint8_t *otel__strategy_ask_protobuf(otel_str service, size_t *len);
/* See otel__strategy_source_ops.read. */
const char *otel__strategy_read_protobuf(const uint8_t *body, size_t len, struct otel__strategy *strategy);

#endif
