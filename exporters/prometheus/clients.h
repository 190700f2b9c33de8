/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clients.h - the open connections of a server, and how long each may take. Trickling a byte now and then keeps
 * libmicrohttpd's own timeout away, but not these.
 */
#ifndef OTEL_PROMETHEUS_CLIENTS_H
#define OTEL_PROMETHEUS_CLIENTS_H

#include "base/sync.h"

#include <stddef.h>
#include <sys/socket.h>

enum {
    OTEL__CLIENTS_MAX = 64,
    OTEL__REQUEST_MS = 10 * 1000, /* from a connection's or a request's begin until the request is there */
    OTEL__ANSWER_MS = 30 * 1000,  /* until the answer has been taken */
    OTEL__IDLE_MS = 75 * 1000     /* until the next request begins; Prometheus asks every 15 to 60 s */
};

struct otel__client {
    struct otel__client *prev, *next;
    int socket;
    bool idle;  /* between two requests */
    bool ended; /* its end has been announced */
    uint64_t deadline;
};

/* Times are ns of CLOCK_MONOTONIC. */
struct otel__clients {
    struct otel__client *first;
    size_t count;
    int arriving;    /* a connection that has been taken and is not among them yet; -1: none */
    otel__lock lock; /* held while any of this changes: see server.h */
};

/* As accept4(), which must not wait, for a socket that is arriving until the next call, or until none arrives any more. */
int otel__clients_accept(struct otel__clients *clients, int listener, struct sockaddr *peer, socklen_t *len);
void otel__clients_arrived(struct otel__clients *clients);

/* NULL: memory is short. */
struct otel__client *otel__clients_add(struct otel__clients *clients, int socket, uint64_t now);
/* `client` may be NULL, here and below. */
void otel__clients_remove(struct otel__clients *clients, struct otel__client *client);
/* In a forked child, which has copies of their sockets. */
void otel__clients_close(const struct otel__clients *clients);
/* From now on the client is in this phase, for which it has that time. */
void otel__client_enter(struct otel__client *client, bool idle, uint64_t now, int ms);

/* Whether there is a place for another one, maybe by sending somebody away. */
bool otel__clients_have_place(const struct otel__clients *clients);
/* Sends away who has been idle longest, where no place is free. */
void otel__clients_make_place(struct otel__clients *clients);
/* Sends away whose time is over. libmicrohttpd notices the end of the connection and cleans up behind it. */
void otel__clients_end_late(struct otel__clients *clients, uint64_t now);
/*
 * Once the server has read all it could: libmicrohttpd takes a short read for "nothing more until epoll says so". Where
 * the last bytes and the end came together epoll has nothing more to say, and the place would be taken until its time
 * is over. Shutting down the reading side makes epoll speak once more.
 */
void otel__clients_announce_ends(struct otel__clients *clients);
/* The next deadline; UINT64_MAX: there is none. */
uint64_t otel__clients_deadline(const struct otel__clients *clients);

#endif
