/* SPDX-License-Identifier: Apache-2.0 */
/*
 * line.h - a line of text that grows as it is put together, and is kept for the next one.
 *
 * When memory is short or the line passes 16 MiB, what does not fit is left out and `cut` is set. One thread at a time.
 */
#ifndef OTEL_EXPORTERS_LINE_H
#define OTEL_EXPORTERS_LINE_H

#include <otel/types.h>

struct otel__line {
    char *text; /* not NUL-terminated */
    size_t len, capacity;
    bool cut;
};

/* Empties the line; keeps its memory unless that is unusually much. */
void otel__line_clear(struct otel__line *line);
void otel__line_free(struct otel__line *line);

void otel__line_add(struct otel__line *line, const char *text);
/* The result is cut to 255 bytes. */
void otel__line_format(struct otel__line *line, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Foreign text, escaped as by otel__escape_step(); `quote` 0: without quotes around it. */
void otel__line_escaped(struct otel__line *line, otel_str text, char quote);
/* Foreign text as a JSON string, fit for a terminal as well. */
void otel__line_json(struct otel__line *line, otel_str text);
/* As it is. */
void otel__line_bytes(struct otel__line *line, const void *bytes, size_t len);
void otel__line_hex(struct otel__line *line, const uint8_t *bytes, size_t len);
/* A number as a C program would write it, with a point in any locale. */
void otel__line_double(struct otel__line *line, double value);

#endif
