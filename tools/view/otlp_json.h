/* SPDX-License-Identifier: Apache-2.0 */
/* OTLP's JSON. */
#ifndef VIEW_OTLP_JSON_H
#define VIEW_OTLP_JSON_H

#include "decode.h"

/* As view_decode(), of a request in JSON. What it doesn't know in it is ignored, as OTLP wants of receivers. */
struct view_decode_result view_decode_otlp_json(const uint8_t *bytes, size_t len, struct view_store *store,
                                                int64_t now);

#endif
