/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault_server.h - an HTTP server with one fault, which strikes every connection at the same point, for a while or for
 * ever, and is over then: what was stalled goes on, and what comes later is answered well.
 *
 * It runs on a thread of its own and listens on a free port of 127.0.0.1. All functions are for the starting thread.
 */
#ifndef FAULT_SERVER_H
#define FAULT_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum fault_act {
    FAULT_REFUSE, /* no connection comes about: nobody listens */
    FAULT_DEAF,   /* no connection comes about: the queue is full, so that the kernel drops SYNs */
    FAULT_RESET,
    FAULT_CLOSE,
    FAULT_STALL, /* nothing more is read or sent */
    FAULT_GONE,  /* and the kernel says nothing any more on this connection, also when the fault is over */
    FAULT_ANSWER /* `answer` instead of a good one, and the connection is closed */
};

/* Where it strikes; in the order in which a request comes there. */
enum fault_point {
    FAULT_AT_CONNECT, /* the connection is there, nothing has been read */
    FAULT_IN_HEAD,    /* of the request: some of it has come */
    FAULT_BEFORE_BODY,
    FAULT_IN_BODY, /* half of it has come */
    FAULT_BEFORE_ANSWER,
    FAULT_IN_ANSWER_HEAD, /* half of it is sent */
    FAULT_IN_ANSWER_BODY,
    FAULT_AFTER_ANSWER /* the request has been answered well */
};

struct fault {
    enum fault_act act;
    enum fault_point point;
    const char *answer;
    bool takes; /* with an answer: the request's body is taken all the same */
};

typedef struct fault_server fault_server;

/*
 * The fault lasts for `lasts_ms` (negative: for ever) from its first strike, or from now if it is one that keeps
 * connections from coming about. `take` gets the body of each request that has come whole and is not turned down, on
 * the server's thread.
 */
fault_server *fault_server_start(const struct fault *fault, int lasts_ms,
                                 void (*take)(void *data, const uint8_t *body, size_t len), void *data);
/* Returns how often the fault has struck a connection. */
unsigned fault_server_stop(fault_server *server);

int fault_server_port(const fault_server *server);

#endif
