/* SPDX-License-Identifier: Apache-2.0 */
/*
 * url.h - endpoint URLs: what is accepted, and what OTLP makes of them (specification: protocol/exporter.md, Endpoint
 * URLs).
 */
#ifndef OTEL_SDK_URL_H
#define OTEL_SDK_URL_H

#include <otel/types.h>

/* The parts of an http or https URL; they point into it. */
struct otel__url {
    bool https;
    otel_str user; /* before '@', without it; empty when there is none */
    otel_str host; /* an IPv6 address stands without its brackets */
    int port;      /* 80 or 443 when not given */
    otel_str path; /* up to the query; may be empty */
    otel_str tail; /* the query with its '?', and the fragment with its '#' */
};

/*
 * Takes `text` (may be NULL) apart. NULL: it is usable; otherwise the reason why not, a static phrase such as "it has
 * no host".
 */
const char *otel__url_parse(const char *text, struct otel__url *url);

/*
 * The URL of trace requests: `specific` as it is, with the path / when it has none; or else `base` with v1/traces
 * appended to its path. Either may be NULL, not both. The arguments must be usable URLs. The caller frees the result;
 * NULL: out of memory.
 */
char *otel__otlp_traces_url(const char *base, const char *specific);

/*
 * Writes the URL for a message into `out`: user and query left out, what cannot be printed escaped. Any text is
 * accepted.
 */
void otel__url_show(const char *text, char *out, size_t size);

#endif
