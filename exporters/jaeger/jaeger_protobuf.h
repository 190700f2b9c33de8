/* SPDX-License-Identifier: Apache-2.0 */
/* jaeger_protobuf.h - spans as the bytes of a PostSpansRequest (exporters/jaeger/idl/jaeger.proto). */
#ifndef OTEL_JAEGER_PROTOBUF_H
#define OTEL_JAEGER_PROTOBUF_H

#include "common/buffer.h"
#include "common/line.h"

#include <otel/exporter.h>

/*
 * Writes the spans [first, first + count) of `batch` into `out`, which is empty, as a format's encode()
 * (grpc_exporter.h); `self` is a struct otel__line, which is kept from one request to the next.
 */
otel_status otel__jaeger_write(void *self, otel_batch *batch, size_t first, size_t count, struct otel__buffer *out);

#endif
