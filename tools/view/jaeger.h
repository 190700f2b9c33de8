/* SPDX-License-Identifier: Apache-2.0 */
/* Jaeger's Thrift, from HTTP or a datagram, as what would have been sent by OTLP, as far as that can be told. */
#ifndef VIEW_JAEGER_H
#define VIEW_JAEGER_H

#include "decode.h"

/* Decodes a bare Batch in the binary protocol, the body of a request, and adds its spans to the store: all that have
 * valid ids, or, unless it is OK, none. */
struct view_decode_result view_decode_jaeger(const uint8_t *bytes, size_t len, struct view_store *store, int64_t now);
/* The same with a message emitBatch in either protocol: a datagram. */
struct view_decode_result view_decode_jaeger_message(const uint8_t *bytes, size_t len, struct view_store *store,
                                                     int64_t now);

#endif
