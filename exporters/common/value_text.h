/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_text.h - attribute values as text, for formats that have no types of their own (specification: common/README.md,
 * AnyValue representation for non-OTLP protocols).
 */
#ifndef OTEL_EXPORTERS_VALUE_TEXT_H
#define OTEL_EXPORTERS_VALUE_TEXT_H

#include "common/line.h"

/*
 * A value that is all the text there is: a string as it is, not escaped; bytes in base64; the empty value as nothing;
 * arrays and maps as JSON.
 */
void otel__value_text(struct otel__line *line, const otel_value *value);
/*
 * A value inside of JSON: strings and base64 quoted, what is no number "NaN", "Infinity" or "-Infinity", the empty value
 * null. Nothing in it moves a terminal's cursor.
 */
void otel__value_json(struct otel__line *line, const otel_value *value);
/* A collection of attributes: one JSON object. */
void otel__attrs_json(struct otel__line *line, otel_attrs attributes);

#endif
