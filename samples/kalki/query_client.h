/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query_client.h - asks the query service over HTTP. Each thread keeps a connection of its own.
 */
#ifndef KALKI_QUERY_CLIENT_H
#define KALKI_QUERY_CLIENT_H

#include "text.h"

struct query_client {
    char *base_url;
    char *host;
    long port;
};

/**
 * Takes the service's URL, such as "http://127.0.0.1:8081"; false when it is not one. Call it before any thread is
 * started.
 */
bool query_client_open(struct query_client *client, const char *url);
/** After the last thread that used the client has ended. */
void query_client_close(struct query_client *client);

/** What came back. Zero-initialised before the call; free the body. */
struct query_reply {
    unsigned status; /* of the service's answer; 0: there was none */
    bool timed_out;  /* instead of an answer */
    struct text body;
};

/** Borrowed bytes; `bytes` NULL: not given. */
struct query_argument {
    const char *bytes;
    size_t length;
};

/** One search, inside a CLIENT span. */
void query_client_search(const struct query_client *client, struct query_argument q, struct query_argument fail,
                         struct query_reply *reply);

#endif
