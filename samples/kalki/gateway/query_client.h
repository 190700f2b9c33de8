/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query_client.h - what the gateway asks of kalki-query.
 */
#ifndef KALKI_QUERY_CLIENT_H
#define KALKI_QUERY_CLIENT_H

#include "gateway/http_client.h"

/** Borrowed bytes; `bytes` NULL: not given. */
struct query_argument {
    const char *bytes;
    size_t length;
};

/** One search. */
void query_client_search(const struct http_client *client, struct query_argument q, struct query_argument fail,
                         struct http_reply *reply);
/** Adds documents: the body of a request, as it came. */
void query_client_ingest(const struct http_client *client, const char *body, size_t length, struct http_reply *reply);
/** One document; its id goes into the URL as it is. */
void query_client_document(const struct http_client *client, const char *id, struct http_reply *reply);
/** How the service is. */
void query_client_health(const struct http_client *client, long timeout_ms, struct http_reply *reply);

#endif
