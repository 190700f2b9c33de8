/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_lines.h - files of OTLP JSON lines, as a reader of logs that knows JSON (jansson) finds them. */
#ifndef OTLP_LINES_H
#define OTLP_LINES_H

#include <stdbool.h>
#include <stddef.h>

struct otlp_lines {
    size_t lines;      /* that end in a line break */
    size_t unreadable; /* of these: no TracesData */
    size_t spans;      /* on the readable lines */
    size_t rest;       /* bytes behind the last line break */
    size_t longest;    /* bytes of a line, its line break included */
};

/* Adds what `text` holds. */
void otlp_lines_add(struct otlp_lines *sum, const char *text, size_t len);
/* The same of a file; false: it cannot be read. */
bool otlp_lines_add_file(struct otlp_lines *sum, const char *path);
/* The content of a file, NUL-terminated, to be freed; NULL: it cannot be read. */
char *otlp_lines_content(const char *path, size_t *len);

#endif
