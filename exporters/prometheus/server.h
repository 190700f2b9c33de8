/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - the HTTP server that shows one page.
 *
 * DESIGN. One thread, "otel-prometheus", does everything: it takes connections from the listeners, hands them to
 * libmicrohttpd, which it drives, and makes the page. So a slow client holds up nobody, since nothing waits for one, and
 * pages are made one after the other, as readings are taken anyway. Everything is bounded: connections (who waits in
 * between requests gives way to who wants to come in), the time of each request and answer, and the bytes of answers.
 *
 * A fork must not find the list of clients half changed, since the child closes its copies of their sockets: with them
 * open, a client of a parent that dies would wait for ever. So connections are taken, and the list is changed, under a
 * lock, which forks take. The
 * child leaves the rest, which is memory.
 */
#ifndef OTEL_PROMETHEUS_SERVER_H
#define OTEL_PROMETHEUS_SERVER_H

#include "prometheus/listener.h"
#include "prometheus/page.h"

#include <otel/status.h>

struct otel__server_settings {
    const char *path; /* copied */
    /* On the server's thread: the page into `page`, which is empty. What isn't OTEL_OK becomes the answer 503. */
    otel_status (*write)(void *data, bool openmetrics, struct otel__page *page);
    void *data;
};

struct otel__server;

/* Takes the listeners over, whatever comes of it. NULL: no memory, or no thread can be had. */
struct otel__server *otel__server_start(struct otel__listeners *listeners,
                                        const struct otel__server_settings *settings);
/* Closes all connections and ends the thread, for which it waits: for a page that is being made, but for no client. */
void otel__server_stop(struct otel__server *server);

/* Around a fork. In the child the server is no more: it has been closed, and must not be used. */
void otel__server_before_fork(struct otel__server *server);
void otel__server_after_fork(struct otel__server *server, bool in_child);

#endif
