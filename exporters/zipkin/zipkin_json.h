/* SPDX-License-Identifier: Apache-2.0 */
/* zipkin_json.h - spans as Zipkin's JSON v2: an array of objects (zipkin-api: zipkin2-api.yaml, ListOfSpans). */
#ifndef OTEL_ZIPKIN_JSON_H
#define OTEL_ZIPKIN_JSON_H

#include "common/buffer.h"

#include <otel/exporter.h>

/* See otel__http_format.encode; `self` is a struct otel__zipkin_encoder. */
otel_status otel__zipkin_encode_json(void *self, otel_batch *batch, size_t first, size_t count,
                                     struct otel__buffer *out);

#endif
