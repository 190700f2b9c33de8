/* SPDX-License-Identifier: Apache-2.0 */
/* strategy_json.h - Jaeger's answer about a sampling strategy over HTTP. */
#ifndef OTEL_JAEGER_STRATEGY_JSON_H
#define OTEL_JAEGER_STRATEGY_JSON_H

#include "base/strategy.h"

/* See otel__strategy_source_ops.read. Members that are null or unknown are as good as absent. */
const char *otel__strategy_read_json(const uint8_t *body, size_t len, struct otel__strategy *strategy);

#endif
