/* SPDX-License-Identifier: Apache-2.0 */
/* The attributes worth a line under a span or event. */
#ifndef VIEW_ATTRIBUTES_H
#define VIEW_ATTRIBUTES_H

#include "trace_request.pb-c.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* Writes "key=value key=value +2" in at most `columns` columns, the most telling attributes first; the number at the
 * end counts those left out. Returns the columns taken. */
size_t view_attributes_put(FILE *out, Otel__Otlp__KeyValue *const *attributes, size_t count, size_t columns, bool utf8);

/* The text of a string attribute, NULL when there is none of that key and type. */
const ProtobufCBinaryData *view_attribute_text(Otel__Otlp__KeyValue *const *attributes, size_t count, const char *key);

#endif
