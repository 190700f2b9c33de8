/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_double.h - an HTTP server that does what a test tells it to, and remembers what it was asked.
 *
 * It runs on a thread of its own and listens on a free port of 127.0.0.1. All functions may be called from any thread.
 */
#ifndef HTTP_DOUBLE_H
#define HTTP_DOUBLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum http_action {
    HTTP_ANSWER,               /* status, headers and body */
    HTTP_RAW,                  /* `body` as it is, instead of an answer, and the connection is closed */
    HTTP_CLOSE,                /* the connection is closed without an answer */
    HTTP_RESET,                /* the connection is reset without an answer */
    HTTP_RESET_ON_CONNECT,     /* a connection is reset before it can be used: the step counts as a request */
    HTTP_RESET_INSIDE_REQUEST, /* as soon as a request begins to arrive */
    HTTP_RESET_INSIDE_ANSWER,  /* half of the answer, then a reset */
    HTTP_GONE,                 /* the machine is gone: its kernel says nothing any more on this connection */
    HTTP_STALL                 /* nothing at all */
};

/* What becomes of one request. */
struct http_step {
    enum http_action action;
    int status;          /* 0: 200 */
    const char *headers; /* more lines, each with \r\n; NULL: none. Content-Length is added. */
    const void *body;
    size_t body_len; /* 0 with a body: it is a string */
    int delay_ms;    /* before the answer */
    bool then_close; /* closes the connection after the answer, unannounced */
    bool then_gone;  /* the machine is gone after the answer */
};

typedef struct http_double http_double;

/* The n-th request gets the n-th step, later ones the last. The steps must live until the stop. */
http_double *http_double_start(const struct http_step *steps, size_t count);
/*
 * The same at a Unix socket: `path`, where nothing may be yet, or @name for an abstract one. The path stays behind, and
 * port and URL mean nothing.
 */
http_double *http_double_start_unix(const char *path, const struct http_step *steps, size_t count);
void http_double_stop(http_double *server);

int http_double_port(const http_double *server);
/* "http://127.0.0.1:PORT" and `path`; valid until the next call. */
const char *http_double_url(http_double *server, const char *path);

/* So far. */
size_t http_double_requests(http_double *server);
size_t http_double_connections(http_double *server);
/* Connections that are open now. */
size_t http_double_open(http_double *server);
/* Waits until so many requests have come whole; false: they did not within 10 s. */
bool http_double_await(http_double *server, size_t requests);

/* Of the n-th request, from 0; valid until the stop. */
const char *http_double_head(http_double *server,
                             size_t index); /* request line and headers, as text; NULL: no such request */
const uint8_t *http_double_body(http_double *server, size_t index, size_t *len);
/* The value of a header; NULL: absent. To be freed. */
char *http_double_header(http_double *server, size_t index, const char *name);

/* A port of 127.0.0.1 on which connections are refused, for as long as `*socket` stays open. */
int http_refused_port(int *socket);
/* From now on the kernel drops what comes for the connected socket, as if its machine had vanished. */
void http_vanish(int fd);
/* A connection to a port of 127.0.0.1; -1 when none comes about within 200 ms, since nobody accepts. */
int http_connect_soon(int port);

#endif
