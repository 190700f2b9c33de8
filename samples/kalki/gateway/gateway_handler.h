/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway_handler.h - what kalki-gateway answers. `data` of each handler is a struct gateway.
 */
#ifndef KALKI_GATEWAY_HANDLER_H
#define KALKI_GATEWAY_HANDLER_H

#include "cache/cache.h"
#include "gateway/http_client.h"
#include "service/http_server.h"

struct gateway {
    struct http_client query;
    struct http_client llm; /* base_url NULL: there is none, and no summary is made */
    struct cache *cache;
    unsigned cache_seconds; /* how long an answer is kept; 0: none is */
};

/** GET /search?q=[&summary=1][&fail=] */
void gateway_search(void *data, const struct http_request *request, struct http_answer *answer);
/** POST /documents: goes on to kalki-query. */
void gateway_ingest(void *data, const struct http_request *request, struct http_answer *answer);
/** GET /documents/{id}: goes on to kalki-query. */
void gateway_document(void *data, const struct http_request *request, struct http_answer *answer);
/** GET /sessions: those seen last, at most 100; while the cache is away, those that this gateway has seen. */
void gateway_sessions(void *data, const struct http_request *request, struct http_answer *answer);

#endif
