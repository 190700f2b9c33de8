/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server_tracing.c - see server_tracing.h. The attributes follow OpenTelemetry's semantic conventions for HTTP servers.
 */
#include "service/server_tracing.h"

#include "service/http_outcome.h"
#include "service/measures.h"
#include "service/moment.h"

#include <otel/baggage.h>
#include <otel/log.h>
#include <otel/propagation.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

OTEL_LOGGER(logger, "kalki.request");

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

/* ---- finding the route ---- */

/* What is known of a request's path and method. */
struct found_route {
    const struct traced_route *path;  /* the first with this path; NULL: 404 */
    const struct traced_route *exact; /* the one with this method too; NULL: 405 */
    const char *parameter;
};

static bool path_fits(const char *pattern, const char *path, const char **parameter) {
    const char *brace = strchr(pattern, '{');
    *parameter = NULL;
    if (!brace)
        return strcmp(pattern, path) == 0;
    size_t fixed = (size_t)(brace - pattern);
    if (strncmp(pattern, path, fixed) != 0 || path[fixed] == '\0' || strchr(path + fixed, '/'))
        return false;
    *parameter = path + fixed;
    return true;
}

static bool method_fits(const char *wanted, const char *method) {
    return strcmp(wanted, method) == 0 || (strcmp(wanted, "GET") == 0 && strcmp(method, "HEAD") == 0);
}

static struct found_route find_route(const struct traced_routes *routes, const struct http_request *request) {
    struct found_route found = { NULL, NULL, NULL };
    const char *parameter;
    for (size_t i = 0; i < routes->count && !found.exact; i++) {
        const struct traced_route *route = &routes->items[i];
        if (!path_fits(route->path, request->path, &parameter))
            continue;
        if (!found.path)
            found = (struct found_route){ .path = route, .parameter = parameter };
        if (method_fits(route->method, request->method))
            found.exact = route;
    }
    return found;
}

/* The methods of a path, for the Allow header. */
static const char *methods_of(const struct traced_routes *routes, const struct traced_route *path) {
    bool get = false, post = false;
    for (size_t i = 0; i < routes->count; i++) {
        if (strcmp(routes->items[i].path, path->path) == 0) {
            get = get || strcmp(routes->items[i].method, "GET") == 0;
            post = post || strcmp(routes->items[i].method, "POST") == 0;
        }
    }
    return get && post ? "GET, HEAD, POST" : post ? "POST" : "GET, HEAD";
}

/* ---- answering ---- */

static void answer_not_allowed(const struct traced_routes *routes, const struct traced_route *path,
                               struct http_answer *answer) {
    char reason[64];
    answer->allow = methods_of(routes, path);
    snprintf(reason, sizeof reason, "only %s is answered here",
             strcmp(answer->allow, "GET, HEAD") == 0 ? "GET" : answer->allow);
    http_answer_error(answer, 405, reason);
}

static void answer_route(const struct traced_routes *routes, const struct found_route *found,
                         const struct http_request *request, struct http_answer *answer) {
    struct http_request with_parameter = *request;
    with_parameter.parameter = found->parameter;
    if (!found->path)
        http_answer_error(answer, 404, "no such path");
    else if (!found->exact)
        answer_not_allowed(routes, found->path, answer);
    else if (request->too_large)
        http_answer_error(answer, 413, "the body is larger than 1 MiB");
    else
        found->exact->handler(found->exact->service, &with_parameter, answer);
}

/* A line of its severity: each has a bound of its own, so that no rush of requests hides a failure. */
static void write_line(otel_severity severity, const otel_attr *fields, size_t count) {
    static otel_log_place well, troubled, failed;
    otel_log_place *place = severity == OTEL_SEVERITY_INFO      ? &well
                            : severity == OTEL_SEVERITY_WARNING ? &troubled
                                                                : &failed;
    otel_log_write(logger, severity, OTEL_LOG_LINE("request answered", .fields = { fields, count }, .place = place));
}

/* Whose ids the line carries is the current span. A 500 is ours; the other failures have a cause that has its own line. */
static void log_answer(const char *operation, const char *method, const char *route, unsigned status, double seconds) {
    otel_severity severity = status < 500    ? OTEL_SEVERITY_INFO
                             : status == 500 ? OTEL_SEVERITY_ERROR
                                             : OTEL_SEVERITY_WARNING;
    if (!otel_log_enabled(severity))
        return;
    char type[16];
    snprintf(type, sizeof type, "%u", status);
    struct attributes fields = { .count = 0 };
    add(&fields, OTEL_ATTR("operation", operation));
    add(&fields, OTEL_ATTR("http.request.method", method));
    if (route)
        add(&fields, OTEL_ATTR("http.route", route));
    add(&fields, OTEL_ATTR("http.response.status_code", status));
    add(&fields, OTEL_ATTR("duration_ms", seconds * 1e3));
    if (status >= 500)
        add(&fields, OTEL_ATTR("error_type", type));
    write_line(severity, fields.items, fields.count);
}

static void measure_answer(const struct found_route *found, const struct http_request *request,
                           const struct http_answer *answer, const struct timespec *begin) {
    const char *method = known_method(request->method);
    measure_request(found->path ? found->path->path : "", method ? method : "_OTHER", answer->status,
                    moment_seconds_since(begin));
}

/* Measured while the span is current, so that the measurement can be an example that leads to the trace. */
static void answer_traced(const struct traced_routes *routes, const struct found_route *found,
                          const struct http_request *request, struct http_answer *answer,
                          const struct timespec *begin) {
    const char *method = known_method(request->method), *route = found->path ? found->path->path : NULL;
    char name[64], client[INET6_ADDRSTRLEN];
    snprintf(name, sizeof name, "%s%s%s", method ? method : "HTTP", route ? " " : "", route ? route : "");
    http_request_client(request, client);
    struct attributes attributes = { .count = 0 };
    add_request(&attributes, request, client);
    if (route)
        add(&attributes, OTEL_ATTR("http.route", route));

    otel_context caller = otel_extract(NULL, &request_getter, request);
    add_session(&attributes, &caller);
    OTEL_SPAN(span, routes->tracer, name, .kind = OTEL_SERVER, .parent = &caller,
              .attributes = { attributes.items, attributes.count });
    otel_context_release(&caller);

    answer_route(routes, found, request, answer);
    http_outcome_set(&span, answer->status, 500); /* the rest of the errors are the caller's */
    measure_answer(found, request, answer, begin);
    log_answer(name, method ? method : "_OTHER", route, answer->status, moment_seconds_since(begin));
    if (!otel_span_hex(&span, answer->trace_id, NULL))
        answer->trace_id[0] = '\0';
}

void traced_routes_answer(void *data, const struct http_request *request, struct http_answer *answer) {
    const struct traced_routes *routes = data;
    struct found_route found = find_route(routes, request);
    struct timespec begin = moment_now();
    measure_active_connections(1);
    if (found.exact && found.exact->untraced) {
        answer_route(routes, &found, request, answer);
        measure_answer(&found, request, answer, &begin);
    } else {
        answer_traced(routes, &found, request, answer, &begin);
    }
    measure_active_connections(-1);
}
