/* SPDX-License-Identifier: Apache-2.0 */
/* The command line of otel-view. */
#ifndef VIEW_OPTIONS_H
#define VIEW_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum view_when { VIEW_AUTO, VIEW_ALWAYS, VIEW_NEVER };

struct view_options {
    const char *host;
    uint16_t port;
    size_t max_traces;
    size_t max_bytes;
    int64_t settle_ms;
    int64_t patience_ms;
    enum view_when color;
    bool quiet;
    const char *ready_file; /* NULL for none */
};

enum view_parsed { VIEW_RUN, VIEW_HELP, VIEW_USAGE_ERROR };

/* What is wrong is told on `errors`, one line. */
enum view_parsed view_options_parse(struct view_options *options, int argc, char **argv, FILE *errors);

void view_options_help(FILE *out);

#endif
