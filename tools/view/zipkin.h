/* SPDX-License-Identifier: Apache-2.0 */
/* Zipkin's JSON as what would have been sent by OTLP, as far as that can be told. */
#ifndef VIEW_ZIPKIN_H
#define VIEW_ZIPKIN_H

#include "decode.h"

/* Decodes a list of spans and adds them to the store: all of them, or, unless it is OK, none. */
struct view_decode_result view_decode_zipkin(const uint8_t *bytes, size_t len, struct view_store *store, int64_t now);

#endif
