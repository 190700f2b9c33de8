/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_text.h - attribute values as text, for formats that have text only (specification: common/README.md, mapping of
 * AnyValue to strings).
 *
 * Lists nested deeper than 64 are left empty. The output is UTF-8 if the values are, and fit for a terminal except for what
 * strings hold that stand alone.
 */
#ifndef OTEL_EXPORTERS_VALUE_TEXT_H
#define OTEL_EXPORTERS_VALUE_TEXT_H

#include "common/line.h"

/* A value that stands alone: a string as it is, bytes as base64, nothing for the empty value, lists as JSON. */
void otel__line_value(struct otel__line *line, const otel_value *value);
/* A value as JSON: strings and bytes in quotes, NaN and the infinities too, null for the empty value. */
void otel__line_json(struct otel__line *line, const otel_value *value);
/* Attributes as a JSON object. */
void otel__line_json_object(struct otel__line *line, otel_attrs attributes);

#endif
