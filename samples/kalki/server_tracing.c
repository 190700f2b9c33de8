/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_tracing.c - see server_tracing.h. The attributes follow OpenTelemetry's semantic conventions for HTTP servers.
 */
#include "server_tracing.h"

#include <otel/baggage.h>
#include <otel/propagation.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- extracting the caller's context ---- */

static bool get_header(const void *request, const char *key, size_t index, otel_str *value) {
    *value = otel_cstr(http_request_header(request, key, index));
    return value->ptr != NULL;
}

static bool get_header_name(const void *request, size_t index, otel_str *key) {
    *key = otel_cstr(http_request_header_name(request, index));
    return key->ptr != NULL;
}

static const otel_getter request_getter = { .size = sizeof request_getter, .get = get_header, .key = get_header_name };

/* ---- attributes ---- */

#define ATTRIBUTES_MAX 13

struct attributes {
    otel_attr items[ATTRIBUTES_MAX];
    size_t count;
};

static void add(struct attributes *attributes, otel_attr attribute) {
    if (attributes->count < ATTRIBUTES_MAX)
        attributes->items[attributes->count++] = attribute;
}

/* Callers may send any word as a method, but span names and this attribute must have few distinct values. */
static const char *known_method(const char *method) {
    static const char *const known[] = {
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(method, known[i]) == 0)
            return known[i];
    }
    return NULL;
}

static void add_method(struct attributes *attributes, const char *method) {
    const char *known = known_method(method);
    add(attributes, OTEL_ATTR("http.request.method", known ? known : "_OTHER"));
    if (!known)
        add(attributes, OTEL_ATTR("http.request.method_original", method));
}

/* The Host header, "name:port", "[::1]:port" or only the name. */
static void add_server(struct attributes *attributes, const char *host) {
    if (!host)
        return;
    const char *colon = strrchr(host, ':'), *bracket = strrchr(host, ']');
    bool has_port = colon && (!bracket || bracket < colon);
    add(attributes, OTEL_ATTR("server.address", otel_strn(host, has_port ? (size_t)(colon - host) : strlen(host))));
    long port = has_port ? strtol(colon + 1, NULL, 10) : 0;
    if (port > 0 && port <= 65535)
        add(attributes, OTEL_ATTR("server.port", port));
}

/* All that is known before the request is answered, which is what a sampler may decide by. */
static void add_request(struct attributes *attributes, const struct http_request *request, const char *client) {
    add_method(attributes, request->method);
    add(attributes, OTEL_ATTR("url.scheme", "http"));
    add(attributes, OTEL_ATTR("url.path", request->path));
    if (request->query)
        add(attributes, OTEL_ATTR("url.query", request->query));
    add_server(attributes, http_request_header(request, "Host", 0));
    if (client[0])
        add(attributes, OTEL_ATTR("client.address", client));
    if (strncmp(request->version, "HTTP/", 5) == 0)
        add(attributes, OTEL_ATTR("network.protocol.version", request->version + 5));
    const char *agent = http_request_header(request, "User-Agent", 0);
    if (agent)
        add(attributes, OTEL_ATTR("user_agent.original", agent));
}

/* What callers sent along as baggage is recorded where that is said, and nowhere else. */
static void add_session(struct attributes *attributes, const otel_context *caller) {
    otel_str session = otel_context_baggage_value(caller, "session.id");
    if (session.ptr)
        add(attributes, OTEL_ATTR("session.id", session));
}

/* ---- answering ---- */

static bool is_get(const struct http_request *request) {
    return strcmp(request->method, "GET") == 0 || strcmp(request->method, "HEAD") == 0;
}

static void answer_health(struct http_answer *answer) {
    answer->status = 200;
    text_addf(&answer->body, "{\"status\":\"ok\"}\n");
}

static void answer_route(const struct traced_route *route, bool found, const struct http_request *request,
                         struct http_answer *answer) {
    if (!found)
        http_answer_error(answer, 404, "no such path");
    else if (!is_get(request))
        http_answer_error(answer, 405, "only GET is answered here");
    else
        route->handler(route->service, request, answer);
}

/* A server's span is an error for a status of 5xx only: the rest of the errors are the caller's. */
static void set_outcome(const otel_span *span, unsigned status) {
    otel_set(span, "http.response.status_code", status);
    if (status < 500)
        return;
    char type[16];
    snprintf(type, sizeof type, "%u", status);
    otel_span_fail(span, type, NULL);
}

void traced_route_answer(void *data, const struct http_request *request, struct http_answer *answer) {
    const struct traced_route *route = data;
    if (strcmp(request->path, "/health") == 0 && is_get(request)) {
        answer_health(answer);
        return;
    }
    bool found = strcmp(request->path, route->path) == 0;
    const char *method = known_method(request->method);
    char name[64], client[INET6_ADDRSTRLEN];
    snprintf(name, sizeof name, "%s%s%s", method ? method : "HTTP", found ? " " : "", found ? route->path : "");
    http_request_client(request, client);
    struct attributes attributes = { .count = 0 };
    add_request(&attributes, request, client);
    if (found)
        add(&attributes, OTEL_ATTR("http.route", route->path));

    otel_context caller = otel_extract(NULL, &request_getter, request);
    add_session(&attributes, &caller);
    OTEL_SPAN(span, route->tracer, name, .kind = OTEL_SERVER, .parent = &caller,
              .attributes = { attributes.items, attributes.count });
    otel_context_release(&caller);

    answer_route(route, found, request, answer);
    set_outcome(&span, answer->status);
    if (!otel_span_hex(&span, answer->trace_id, NULL))
        answer->trace_id[0] = '\0';
}
