/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query_client.c - see query_client.h.
 */
#include "gateway/query_client.h"

#define TIMEOUT_MS 2000L
#define INGEST_TIMEOUT_MS 10000L /* many documents at once take their time */

static void add_argument(struct text *target, const char *separator, struct query_argument argument) {
    if (!argument.bytes)
        return;
    text_addf(target, "%s", separator);
    http_client_escape(target, argument.bytes, argument.length);
}

/* Frees the target. */
static void get(const struct http_client *client, struct text *target, struct http_reply *reply) {
    if (target->failed)
        reply->error = "out_of_memory";
    else
        http_client_call(
            client, &(struct http_call){ .method = "GET", .target = target->bytes, .timeout_ms = TIMEOUT_MS }, reply);
    text_free(target);
}

void query_client_search(const struct http_client *client, struct query_argument q, struct query_argument fail,
                         struct http_reply *reply) {
    struct text target = { 0 };
    text_addf(&target, "/query");
    add_argument(&target, "?q=", q);
    add_argument(&target, "&fail=", fail);
    get(client, &target, reply);
}

void query_client_ingest(const struct http_client *client, const char *body, size_t length, struct http_reply *reply) {
    http_client_call(client,
                     &(struct http_call){ .method = "POST",
                                          .target = "/documents",
                                          .body = body,
                                          .body_length = length,
                                          .timeout_ms = INGEST_TIMEOUT_MS },
                     reply);
}

void query_client_document(const struct http_client *client, const char *id, struct http_reply *reply) {
    struct text target = { 0 };
    text_addf(&target, "/documents/%s", id);
    get(client, &target, reply);
}

void query_client_health(const struct http_client *client, long timeout_ms, struct http_reply *reply) {
    http_client_call(
        client, &(struct http_call){ .method = "GET", .target = "/health", .timeout_ms = timeout_ms, .aside = true },
        reply);
}
