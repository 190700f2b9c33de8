/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_tracing.h - puts a SERVER span around each request of an HTTP server.
 */
#ifndef KALKI_SERVER_TRACING_H
#define KALKI_SERVER_TRACING_H

#include "service/http_server.h"

#include <otel/trace.h>

/**
 * What answers requests of one method for one path. A GET route answers HEAD too. The path's last segment may be a parameter,
 * as in "/documents/{id}": any word that is not empty and has no slash; the handler finds it in the request.
 */
struct traced_route {
    const char *method;
    const char *path;
    http_handler handler;
    void *service;
    bool untraced; /**< answered without a span, as checks of health are */
};

/** All that a server answers; methods of one path stand next to each other. */
struct traced_routes {
    otel_tracer *tracer;
    const struct traced_route *items;
    size_t count;
};

/**
 * The http_handler of a server; `data` is a struct traced_routes. The route's handler runs inside a SERVER span that
 * continues the caller's trace and is the thread's current span. Requests without a route are answered with 404 or 405
 * inside one. All are measured, and those with a span are logged.
 */
void traced_routes_answer(void *data, const struct http_request *request, struct http_answer *answer);

#endif
