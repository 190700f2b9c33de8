/* SPDX-License-Identifier: Apache-2.0 */
/*
 * span_line.h - a span as one line for people.
 */
#ifndef OTEL_CONSOLE_SPAN_LINE_H
#define OTEL_CONSOLE_SPAN_LINE_H

#include "common/line.h"

#include <otel/exporter.h>

/* A time in UTC, to the microsecond. */
void otel__time_line(struct otel__line *line, uint64_t time);
/* What a span or metric is from: the service, and the scope with its attributes. */
void otel__origin_line(struct otel__line *line, const otel_resource_data *resource, const otel_scope_data *scope);
/* Ends a line, and says so if something was left out. */
void otel__end_line(struct otel__line *line);

/* Appends the span and a newline to `line`. */
void otel__span_line(struct otel__line *line, const otel_span_data *span);

#endif
