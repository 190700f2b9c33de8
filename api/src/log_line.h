/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_line.h - one line of the log as JSON, written forwards into a buffer of fixed size.
 *
 * The writer keeps room for what closes all that is open, so that a line which is cut is JSON nevertheless: `limit`
 * shrinks with each bracket that is opened.
 */
#ifndef OTEL_API_LOG_LINE_H
#define OTEL_API_LOG_LINE_H

#include <otel/log.h>

#include <limits.h>

/* A pipe takes PIPE_BUF bytes as a whole: the line, its newline, and the newline that may have to end another's rest. */
enum { OTEL__LOG_LINE_MAX = PIPE_BUF - 1 };

struct otel__log_line {
    size_t len, limit;
    bool cut;
    char text[OTEL__LOG_LINE_MAX + 1];
};

/* What stands before the fields. */
struct otel__log_head {
    uint64_t time; /* ns since 1970 */
    otel_severity severity;
    otel_str logger, message;
    otel_span span;
    uint64_t suppressed, dropped;
};

#pragma GCC visibility push(hidden)
/* Makes `line` the whole object, with a NUL behind it, which leaves room for a newline in its place. */
void otel__log_compose(struct otel__log_line *line, const struct otel__log_head *head, otel_attrs fields);
#pragma GCC visibility pop

#endif
