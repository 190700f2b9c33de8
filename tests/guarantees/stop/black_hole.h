/* SPDX-License-Identifier: Apache-2.0 */
/*
 * black_hole.h - endpoints that let an export come to one stage and no further.
 */
#ifndef STOP_BLACK_HOLE_H
#define STOP_BLACK_HOLE_H

#include "http_double.h"

#include <otel/status.h>

enum { HOLE_FILLERS = 64, HOLE_PEERS = 64 };

struct black_hole {
    const char *stage; /* as the figures name it */
    void (*open)(struct black_hole *hole);
    void (*close)(struct black_hole *hole);
    /* Grows when an export has come to the stage; NULL: an export is there as soon as it has begun. */
    unsigned (*reached)(struct black_hole *hole);
    unsigned arrival_ms; /* how long it takes from there until nothing moves any more; 0: 20 ms */
    /* Ends what an export has to leave behind there when it is given up; NULL: nothing. */
    void (*settle)(struct black_hole *hole);
    bool leaves_threads; /* of libcurl's, which nobody can end */
    bool computes;       /* a stop needs the processor for long there */
    /* What a stop says whose own export comes there: one that gives up early has failed, not run out of time. */
    otel_status own;
    unsigned batch; /* spans of one export */
    unsigned text;  /* bytes that each carries */

    char url[128];
    http_double *server;
    int listener, port, others[HOLE_FILLERS];
    int peers[HOLE_PEERS]; /* connections that nobody reads from */
    unsigned peer_count;
};

/* TCP: the listener's queue is full, so the kernel drops SYNs. */
extern const struct black_hole hole_connect;
/* TLS: a server that takes the ClientHello and says nothing. */
extern const struct black_hole hole_tls;
/* The request is read to its end, the answer never comes. */
extern const struct black_hole hole_answer;
/* Half of the answer, and no more. */
extern const struct black_hole hole_half_answer;
/* The server stops reading in the middle of a large request. */
extern const struct black_hole hole_body;
/* The pause that a 503 with Retry-After asked for. */
extern const struct black_hole hole_retry_after;
/* The back-off after a refused connection. */
extern const struct black_hole hole_back_off;
/* A proxy that takes the CONNECT and says nothing. */
extern const struct black_hole hole_proxy;

/* Bytes that hole_body received of its last request: to be called when the client has closed the connection. */
size_t hole_body_received(struct black_hole *hole);

#endif
