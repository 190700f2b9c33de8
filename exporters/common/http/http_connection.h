/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_connection.h - a libcurl handle made ready for one URL, and the response it receives. Private to the HTTP
 * client.
 *
 * All that a request changes lies in one structure, so that a forked child can leave it behind as a whole.
 */
#ifndef OTEL_EXPORTERS_HTTP_CONNECTION_H
#define OTEL_EXPORTERS_HTTP_CONNECTION_H

#include "base/url.h"
#include "common/http/http_client.h"
#include "common/inherited.h"

#include <curl/curl.h>

/* What connections are made from; does not change, so every connection and every child can use it. */
struct otel__http_plan {
    char *url, *user_agent, *proxy, *no_proxy;
    char *shown_host; /* "host:port", for messages */
    struct curl_slist *headers;
    struct otel__url parts; /* of `url` */
    size_t response_limit;
};

struct otel__http_connection {
    struct otel__inherited inherited;
    CURLM *multi;
    CURL *easy;
    curl_socket_t sockets[8]; /* open ones, or CURL_SOCKET_BAD */
    struct otel__http_response response;
    size_t header_bytes, body_capacity, body_limit;
    bool too_large; /* the response passed a limit */
    char error[CURL_ERROR_SIZE];
};

bool otel__http_plan_fill(struct otel__http_plan *plan, const struct otel__http_settings *settings);
void otel__http_plan_free(struct otel__http_plan *plan);

/* NULL: out of memory. The plan must outlive the connection. */
struct otel__http_connection *otel__http_connection_create(const struct otel__http_plan *plan);
void otel__http_connection_destroy(struct otel__http_connection *connection);
/* Forgets the last response. */
void otel__http_connection_clear(struct otel__http_connection *connection);
/* In a forked child: closes its copies of the sockets, which the parent does not notice, and leaves the rest. */
void otel__http_connection_leave(struct otel__http_connection *connection);

/* What a finished transfer means; writes response.problem when it is not an answer. */
enum otel__http_result otel__http_judge(struct otel__http_connection *connection, const struct otel__http_plan *plan,
                                        CURLcode code);
/* Writes response.problem for a transfer that was given up: how far it had come. */
void otel__http_explain_timeout(struct otel__http_connection *connection, const struct otel__http_plan *plan);

#endif
