/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_connection.h - libcurl handles made ready for one URL, and the responses they receive. Private to the HTTP
 * client.
 *
 * All that requests change lies in one structure, so that a forked child can leave it behind as a whole. Each request
 * that may be under way at the same time as others has a lane, whose handle is made when it is needed first.
 */
#ifndef OTEL_EXPORTERS_HTTP_CONNECTION_H
#define OTEL_EXPORTERS_HTTP_CONNECTION_H

#include "base/url.h"
#include "common/http/http_client.h"
#include "common/inherited.h"

#include <curl/curl.h>
#include <sys/types.h>

/* What connections are made from; does not change, so every connection and every child can use it. */
struct otel__http_plan {
    char *url, *user_agent, *proxy, *no_proxy;
    char *requested;  /* the URL that libcurl gets: another one when `url` names a socket */
    char *shown_host; /* "host:port", or a socket, for messages */
    struct curl_slist *headers;
    struct otel__url parts; /* of `url` */
    size_t response_limit;
    unsigned lanes;
    bool get;
    int gone_after_ms;
    const char *absent_hint, *foreign_hint, *trust_hint;
};

enum { OTEL__HTTP_SOCKETS_MAX = 4 * OTEL__HTTP_LANES_MAX };

/* One request and its response. */
struct otel__http_lane {
    CURL *easy; /* NULL: not made yet */
    const void *body;
    size_t len;
    bool under_way; /* the multi handle has it */
    bool again;     /* on a second connection, since one kept from before was dead */
    struct otel__http_response response;
    size_t header_bytes, body_capacity, body_limit;
    bool head_ended; /* the empty line behind the headers has come */
    bool too_large;  /* the response passed a limit */
    char error[CURL_ERROR_SIZE];
    uint64_t tls_generation; /* of what TLS is set up from; 0: nothing */
};

struct otel__http_connection {
    struct otel__inherited inherited;
    const struct otel__http_plan *plan;
    CURLM *multi;
    curl_socket_t sockets[OTEL__HTTP_SOCKETS_MAX]; /* open ones, or CURL_SOCKET_BAD */
    int wakeup[2];                                 /* of the multi handle, or -1: see http_wakeup.h */
    int witness;                                   /* a socket that is not used: while it is there, so are the others */
    ino_t witness_inode;
    struct otel__http_lane lanes[]; /* as many as the plan says */
};

bool otel__http_plan_fill(struct otel__http_plan *plan, const struct otel__http_settings *settings);
void otel__http_plan_free(struct otel__http_plan *plan);

/* NULL: out of memory. The plan must outlive the connection. */
struct otel__http_connection *otel__http_connection_create(const struct otel__http_plan *plan);
void otel__http_connection_destroy(struct otel__http_connection *connection);
/* Whether a request is under way. */
bool otel__http_connection_busy(const struct otel__http_connection *connection);
/*
 * While requests are under way the kernel asks the other machine for a sign of life, and gives a connection up that lacks
 * one: a machine that has vanished says nothing of it. A server that is slow lives on a machine that answers.
 */
void otel__http_connection_watch(struct otel__http_connection *connection, bool under_way);
/* Makes the lane's handle if there is none yet. False: out of memory. */
bool otel__http_lane_open(struct otel__http_connection *connection, struct otel__http_lane *lane);
/* What its next TLS handshake is done with, unless it is set already. False: libcurl cannot take it. */
bool otel__http_lane_secure(struct otel__http_lane *lane, const struct otel__tls_content *content);
/* Forgets the last response. */
void otel__http_lane_clear(struct otel__http_lane *lane);
/*
 * A program that becomes a daemon may close all descriptors that it finds. Their numbers are soon those of its own
 * files, into which libcurl would write, so that such a connection must be left.
 */
bool otel__http_connection_lost(const struct otel__http_connection *connection);
/*
 * Never to touch it again: in a forked child, or when it is lost. Closes the descriptors if they are there, of which a
 * child's parent does not notice anything, and leaves the rest. Not known are those of a name look-up under way.
 */
void otel__http_connection_leave(struct otel__http_connection *connection);

/* What a finished transfer means; writes response.problem when it is not an answer. */
enum otel__http_result otel__http_judge(struct otel__http_lane *lane, const struct otel__http_plan *plan,
                                        CURLcode code);
/* Writes response.problem for a transfer that was given up: how far it had come. */
void otel__http_explain_timeout(struct otel__http_lane *lane, const struct otel__http_plan *plan);

#endif
