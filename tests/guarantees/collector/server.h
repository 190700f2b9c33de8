/* SPDX-License-Identifier: Apache-2.0 */
/* server.h - the collector's HTTP side, on libmicrohttpd driven from outside: everything runs on the thread that calls. */
#ifndef OTEL_TEST_COLLECTOR_SERVER_H
#define OTEL_TEST_COLLECTOR_SERVER_H

#include "counts.h"

struct MHD_Daemon;
struct request;

struct server {
    struct MHD_Daemon *daemon;
    unsigned port;
    struct counts counts;
    uint64_t delay_ms;       /* before each answer */
    bool closes;             /* ends the connection with each answer */
    uint64_t holds;          /* how many of the next requests are not answered until they are released */
    struct request *waiting; /* whose answers are not due yet */
};

/* On a free port of the loopback; HTTPS when a certificate and its key are given, as PEM. False: it cannot be had. */
bool server_start(struct server *server, const char *certificate, const char *key);
void server_stop(struct server *server);

/* To be polled for reading. */
int server_descriptor(const struct server *server);
/* In how many ms there will be something to do even so; -1: never. */
int server_patience(const struct server *server);
/* Does what there is to do. */
void server_run(struct server *server);
/* Answers what is held, and holds nothing more. */
void server_release(struct server *server);

#endif
