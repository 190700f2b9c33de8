/* SPDX-License-Identifier: Apache-2.0 */
/*
 * probe.h - how detectors look at the machine: through a root folder and an environment, which tests replace.
 *
 * Only regular files are read, without ever waiting for one, and no more than OTEL__PROBE_MAX bytes of each.
 */
#ifndef OTEL_SDK_PROBE_H
#define OTEL_SDK_PROBE_H

#include "resource_builder.h"

enum { OTEL__PROBE_MAX = 256 * 1024 };

struct otel__probe {
    const char *root; /* "" is the machine's own */
    const char *(*get)(const char *variable);
};
extern const struct otel__probe otel__probe_system;

/* One detector at work. */
struct otel__detection {
    const struct otel__probe *probe;
    struct otel__builder *found;
    const char *detector; /* its name, static, for reports */
};

/*
 * The file's content, in the builder's room. ptr is NULL when there is no such file, which is not worth a word, and when
 * reading failed, which is reported.
 */
otel_str otel__probe_read(const struct otel__detection *detection, const char *path);
/* Where the symbolic link leads, in the same way. */
otel_str otel__probe_link(const struct otel__detection *detection, const char *path);
/* The variable's value; empty when it is not set. */
otel_str otel__probe_variable(const struct otel__detection *detection, const char *variable);

/* Cuts the next line off the front; false when there is none. */
bool otel__probe_line(otel_str *rest, otel_str *line);
/* Cuts so many fields off the front; false when nothing follows them. */
bool otel__probe_skip(otel_str *line, char separator, int fields);
/* The text without white space, line ends included, around it. */
otel_str otel__probe_trim(otel_str text);

#endif
