/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_client.h - calls other services over HTTP, inside CLIENT spans. Each thread keeps connections of its own.
 */
#ifndef KALKI_HTTP_CLIENT_H
#define KALKI_HTTP_CLIENT_H

#include "service/text.h"

/** Before the first client is opened and before any thread is started; false: out of memory. */
bool http_clients_begin(void);
/** After the last client is closed and the last thread that used one has ended. */
void http_clients_end(void);

struct http_client {
    const char *api; /* for the metrics */
    char *base_url;
    char *host;
    long port;
};

/** Takes the service's URL, such as "http://127.0.0.1:8081"; false when it is not one. */
bool http_client_open(struct http_client *client, const char *api, const char *url);
void http_client_close(struct http_client *client);

struct http_call {
    const char *method;
    const char *target; /* behind the service's URL: path and query, escaped */
    const char *body;   /* JSON; NULL: none */
    size_t body_length;
    long timeout_ms;
    const char *gen_ai_operation; /* for gen_ai.operation.name; NULL: it is none of these */
    bool aside;                   /* nobody's request, such as a look at /health: neither traced nor measured */
};

/** What came back. Zero-initialised before the call; free the body. */
struct http_reply {
    unsigned status;   /* of the service's answer; 0: there was none */
    const char *error; /* instead of an answer, for error.type */
    bool timed_out;    /* which error it was */
    struct text body;
};

void http_client_call(const struct http_client *client, const struct http_call *call, struct http_reply *reply);

/** Appends bytes in the form that they have in a URL. */
void http_client_escape(struct text *target, const char *bytes, size_t length);

#endif
