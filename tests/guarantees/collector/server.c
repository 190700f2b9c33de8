/* SPDX-License-Identifier: Apache-2.0 */
/* server.c - see server.h. */
#include "server.h"

#include "base/clock.h"

#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_FIRST = 64 * 1024, CONNECTIONS = 1000 };
static const uint64_t HELD = UINT64_MAX;

struct request {
    struct MHD_Connection *connection;
    uint8_t *body;
    size_t len, capacity;
    bool counted, good;
    uint64_t due; /* when the answer is: ns, or HELD */
    struct request *next;
};

static bool append(struct request *request, const char *data, size_t len) {
    size_t capacity = request->capacity ? request->capacity : BODY_FIRST;
    while (capacity < request->len + len)
        capacity *= 2;
    uint8_t *body = capacity > request->capacity ? realloc(request->body, capacity) : request->body;
    if (!body)
        return false;
    request->body = body;
    request->capacity = capacity;
    memcpy(body + request->len, data, len);
    request->len += len;
    return true;
}

static enum MHD_Result answer(const struct server *server, struct MHD_Connection *connection, unsigned status) {
    static char empty[1];
    struct MHD_Response *response = MHD_create_response_from_buffer(0, empty, MHD_RESPMEM_PERSISTENT);
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/x-protobuf");
    if (server->closes)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    const enum MHD_Result queued = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return queued;
}

static uint64_t due_at(struct server *server) {
    if (server->holds > 0) {
        server->holds--;
        server->counts.held++;
        return HELD;
    }
    return server->delay_ms ? otel__clock_monotonic() + server->delay_ms * OTEL__MILLISECOND : 0;
}

/* The body is complete: counts it, and puts the answer off if it is not due at once. */
static bool take(struct server *server, struct request *request) {
    request->counted = true;
    request->good = counts_add(&server->counts, request->body, request->len);
    request->due = due_at(server);
    if (request->due == 0)
        return true;
    request->next = server->waiting;
    server->waiting = request;
    MHD_suspend_connection(request->connection);
    return false;
}

static enum MHD_Result on_request(void *self, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *data, size_t *len, void **state) {
    struct server *server = self;
    struct request *request = *state;
    (void)version;
    if (!request) {
        request = *state = calloc(1, sizeof *request);
        if (!request)
            return MHD_NO;
        request->connection = connection;
        return MHD_YES;
    }
    if (*len > 0) {
        const bool room = append(request, data, *len);
        *len = 0;
        return room ? MHD_YES : MHD_NO;
    }
    if (strcmp(url, "/v1/traces") != 0 || strcmp(method, MHD_HTTP_METHOD_POST) != 0)
        return answer(server, connection, MHD_HTTP_NOT_FOUND);
    if (!request->counted && !take(server, request))
        return MHD_YES;
    return answer(server, connection, request->good ? MHD_HTTP_OK : MHD_HTTP_BAD_REQUEST);
}

static void on_end(void *self, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode reason) {
    struct request *request = *state;
    (void)self;
    (void)connection;
    (void)reason;
    if (request)
        free(request->body);
    free(request);
    *state = NULL;
}

static void on_connection(void *self, struct MHD_Connection *connection, void **state,
                          enum MHD_ConnectionNotificationCode what) {
    struct server *server = self;
    (void)connection;
    (void)state;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        server->counts.connections++;
        server->counts.open++;
    } else {
        server->counts.open--;
    }
}

static struct MHD_Daemon *start(struct server *server, unsigned flags, const char *certificate, const char *key) {
    struct sockaddr_in address = { .sin_family = AF_INET };
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const struct MHD_OptionItem tls[] = {
        { MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)certificate },
        { MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key },
        { MHD_OPTION_END, 0, NULL },
    };
    return MHD_start_daemon(flags | MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, server,
                            MHD_OPTION_SOCK_ADDR, (struct sockaddr *)&address, MHD_OPTION_NOTIFY_COMPLETED, on_end,
                            NULL, MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_CONNECTION_LIMIT,
                            (unsigned)CONNECTIONS, MHD_OPTION_LISTEN_BACKLOG_SIZE, 1024U,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)BODY_FIRST, MHD_OPTION_ARRAY,
                            certificate ? tls : tls + 2, MHD_OPTION_END);
}

bool server_start(struct server *server, const char *certificate, const char *key) {
    server->daemon = start(server, certificate ? MHD_USE_TLS : 0U, certificate, key);
    if (!server->daemon)
        return false;
    server->port = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    return true;
}

/* The next run answers it. */
void server_release(struct server *server) {
    server->holds = 0;
    server->counts.held = 0;
    for (struct request *request = server->waiting; request; request = request->next)
        request->due = 0;
}

static void resume_due(struct server *server) {
    const uint64_t now = otel__clock_monotonic();
    for (struct request **link = &server->waiting; *link;) {
        struct request *request = *link;
        if (request->due > now) {
            link = &request->next;
            continue;
        }
        *link = request->next;
        MHD_resume_connection(request->connection);
    }
}

void server_run(struct server *server) {
    resume_due(server);
    MHD_run(server->daemon);
}

int server_descriptor(const struct server *server) {
    return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int server_patience(const struct server *server) {
    MHD_UNSIGNED_LONG_LONG wanted = 0;
    uint64_t least = MHD_get_timeout(server->daemon, &wanted) == MHD_YES ? wanted : HELD;
    const uint64_t now = otel__clock_monotonic();
    for (const struct request *request = server->waiting; request; request = request->next) {
        if (request->due == HELD)
            continue;
        const uint64_t left = request->due > now ? (request->due - now + OTEL__MILLISECOND - 1) / OTEL__MILLISECOND : 0;
        least = left < least ? left : least;
    }
    return least > 60000 ? -1 : (int)least;
}

void server_stop(struct server *server) {
    server_release(server);
    server_run(server);
    MHD_stop_daemon(server->daemon);
    counts_free(&server->counts);
}
