/* SPDX-License-Identifier: Apache-2.0 */
/*
 * url.h - endpoint URLs: what is accepted, and what OTLP makes of them (specification: protocol/exporter.md, Endpoint
 * URLs).
 */
#ifndef OTEL_SDK_URL_H
#define OTEL_SDK_URL_H

#include <otel/types.h>

/* What an address of a Unix socket holds, with a NUL: at its end, or of an abstract one at its beginning. */
enum { OTEL__URL_SOCKET_MAX = 108 };

/* The parts of an http or https URL; they point into it. Or a socket: unix:///path, unix:/path, unix-abstract:name. */
struct otel__url {
    bool https;
    otel_str user; /* before '@', without it; empty when there is none */
    otel_str host; /* an IPv6 address stands without its brackets */
    int port;      /* 80 or 443 when not given */
    otel_str path; /* up to the query; may be empty */
    otel_str tail; /* the query with its '?', and the fragment with its '#' */
    /* Percent-encoded; empty but for a socket, whose requests go to localhost, port 80, with nothing said of a path. */
    otel_str socket;
    bool abstract; /* the socket has a name instead of a path */
};

/*
 * Takes `text` (may be NULL) apart. NULL: it is usable; otherwise the reason why not, a static phrase such as "it has
 * no host".
 */
const char *otel__url_parse(const char *text, struct otel__url *url);

/* The path or name of the URL's socket, decoded. */
void otel__url_socket(const struct otel__url *url, char out[OTEL__URL_SOCKET_MAX]);

/*
 * The URL of requests: `specific` as it is, with the path / when it has none; or else `base` with `path` ("/v1/traces")
 * appended to its path. That of a socket stays as it is. Either may be NULL, not both. The caller frees the result; NULL:
 * out of memory, or no usable URL.
 */
char *otel__otlp_url(const char *base, const char *specific, const char *path);

/*
 * Writes the URL for a message into `out`: user and query left out, what cannot be printed escaped. Any text is
 * accepted.
 */
void otel__url_show(const char *text, char *out, size_t size);

#endif
