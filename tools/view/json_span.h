/* SPDX-License-Identifier: Apache-2.0 */
/* A stored span as JSON, whole. 64-bit integers are decimal strings, as in OTLP's own JSON; bytes are base64; doubles
 * that JSON has no number for are "NaN", "Infinity" and "-Infinity"; ill-formed UTF-8 is replaced by U+FFFD. */
#ifndef VIEW_JSON_SPAN_H
#define VIEW_JSON_SPAN_H

#include "store.h"

#include <jansson.h>

/* A new reference; NULL when out of memory. */
json_t *view_json_span(const struct view_span *span);

json_t *view_json_text(const uint8_t *text, size_t len);
json_t *view_json_nanoseconds(uint64_t value);

#endif
