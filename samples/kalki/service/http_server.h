/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_server.h - a small HTTP server: a thread for each connection, bounded connections and bodies, a clean end.
 * Knows nothing of tracing.
 */
#ifndef KALKI_HTTP_SERVER_H
#define KALKI_HTTP_SERVER_H

#include "service/text.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>

/** A larger body is not kept: the http_handler sees `too_large` instead. */
#define HTTP_BODY_MAX ((size_t)1 << 20)

/** A request; everything in it lives until the handler returns. */
struct http_request {
    const char *method;
    const char *path;    /**< decoded, without the query */
    const char *query;   /**< as it was sent; NULL when there is none */
    const char *version; /**< such as "HTTP/1.1" */
    const char *body;    /**< whole, with a NUL behind it; NULL when there is none */
    size_t body_length;
    bool too_large;
    const char *parameter; /**< the path's last segment where the route has one, such as "/documents/{id}"; else NULL */
    struct MHD_Connection *connection;
};

/** What a handler answers: JSON. Zero-initialised before the handler is called; the server frees the body. */
struct http_answer {
    unsigned status;
    struct text body;
    char trace_id[33]; /**< for the X-Trace-Id header; "": none */
    const char *allow; /**< with 405: the methods that the path knows; NULL for GET and HEAD */
};

/** Answers one request, on one of the server's threads, several at once. */
typedef void (*http_handler)(void *service, const struct http_request *request, struct http_answer *answer);

/** Finds an argument of the query, decoded: it may hold any bytes. */
bool http_request_argument(const struct http_request *request, const char *name, const char **value, size_t *length);
/** The `index`-th value of a header, in the order received, ignoring the case of the name; NULL when there is none. */
const char *http_request_header(const struct http_request *request, const char *name, size_t index);
/** The name of the `index`-th header; NULL past the last. */
const char *http_request_header_name(const struct http_request *request, size_t index);
/** The caller's address as text; "" when it is not known. */
void http_request_client(const struct http_request *request, char address[INET6_ADDRSTRLEN]);

/** Answers `{"error": reason}`. */
void http_answer_error(struct http_answer *answer, unsigned status, const char *reason);

struct http_server;

/**
 * Listens on an address (a number, IPv4 or IPv6) and a port (0: any free one) and answers with `handler`. NULL when it
 * cannot; errno says why.
 */
struct http_server *http_server_start(const char *address, unsigned short port, http_handler handler, void *service);
unsigned short http_server_port(const struct http_server *server);
/** Accepts no more, lets the requests that are running finish within `timeout_ms`, and frees the server. */
void http_server_stop(struct http_server *server, int timeout_ms);

#endif
