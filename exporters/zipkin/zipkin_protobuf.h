/* SPDX-License-Identifier: Apache-2.0 */
/* zipkin_protobuf.h - spans as the bytes of a ListOfSpans (zipkin-api: zipkin.proto). */
#ifndef OTEL_ZIPKIN_PROTOBUF_H
#define OTEL_ZIPKIN_PROTOBUF_H

#include "common/buffer.h"

#include <otel/exporter.h>

/* See otel__http_format.encode; `self` is a struct otel__zipkin_encoder. */
otel_status otel__zipkin_encode_protobuf(void *self, otel_batch *batch, size_t first, size_t count,
                                         struct otel__buffer *out);

#endif
