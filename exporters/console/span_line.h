/* SPDX-License-Identifier: Apache-2.0 */
/*
 * span_line.h - a span as one line for people.
 */
#ifndef OTEL_CONSOLE_SPAN_LINE_H
#define OTEL_CONSOLE_SPAN_LINE_H

#include "common/line.h"

#include <otel/exporter.h>

/* Appends the span and a newline to `line`. */
void otel__span_line(struct otel__line *line, const otel_span_data *span);

#endif
