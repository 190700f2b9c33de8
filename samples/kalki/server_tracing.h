/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_tracing.h - puts a SERVER span around each request of an HTTP server.
 */
#ifndef KALKI_SERVER_TRACING_H
#define KALKI_SERVER_TRACING_H

#include "http_server.h"

#include <otel/trace.h>

/** One path and what answers GET requests for it. */
struct traced_route {
    otel_tracer *tracer;
    const char *path;
    http_handler handler;
    void *service;
};

/**
 * The http_handler of a server; `data` is a struct traced_route. The route's handler runs inside a SERVER span that
 * continues the caller's trace and is the thread's current span. GET /health is answered without a span, other
 * requests with 404 or 405 inside one.
 */
void traced_route_answer(void *data, const struct http_request *request, struct http_answer *answer);

#endif
