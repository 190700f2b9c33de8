/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_server.c - see http_server.h.
 *
 * libmicrohttpd calls us at these points of a request, always on the thread of its connection: request_begins() when
 * the request line is in, request_goes_on() when the headers are, again for each piece of the body and once more after
 * the last, request_ends() when the answer is out or the connection is gone. Between the first and the last the request
 * counts as running, which is what http_server_stop() waits for.
 *
 * A body that is too large is read to its end and thrown away, since a caller that is still sending might not see the
 * answer. One that says to be beyond DISCARDED_MAX is answered at once; when it turns out so, or takes longer than
 * BODY_SECONDS, the connection is closed. libmicrohttpd itself answers a
 * Content-Length that is none with 400, and a body that ends early never reaches a handler.
 */
#include "service/http_server.h"

#include "service/connections.h"
#include "service/moment.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS_MAX 256u
#define CONNECTION_TIMEOUT_SECONDS 10u
#define CONNECTION_MEMORY                                                                                              \
    ((size_t)32 << 10) /* request line and headers; libmicrohttpd answers what is larger with 414 or 431 */
#define DISCARDED_MAX (8 * HTTP_BODY_MAX)
#define BODY_SECONDS 30

struct http_server {
    struct MHD_Daemon *daemon;
    http_handler handler;
    void *service;
    struct connections *connections;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t idle;
    size_t running;
    bool stopping;
};

/* ---- connections ---- */

static void note_connection(void *data, struct MHD_Connection *connection, void **state,
                            enum MHD_ConnectionNotificationCode what) {
    struct http_server *server = data;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        *state = info ? connections_add(server->connections, info->connect_fd) : NULL;
    } else {
        connections_remove(server->connections, *state);
        *state = NULL;
    }
}

static void set_busy(struct http_server *server, struct MHD_Connection *connection, bool busy) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    connections_set_busy(server->connections, info ? info->socket_context : NULL, busy);
}

/* ---- requests and answers ---- */

bool http_request_argument(const struct http_request *request, const char *name, const char **value, size_t *length) {
    *value = NULL;
    return MHD_lookup_connection_value_n(request->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name), value,
                                         length) == MHD_YES &&
           *value;
}

struct header_search {
    const char *name; /* NULL: any */
    size_t skip;
    const char *found_name, *found_value;
};

static enum MHD_Result look_at_header(void *data, enum MHD_ValueKind kind, const char *name, const char *value) {
    struct header_search *search = data;
    (void)kind;
    if (search->name && strcasecmp(search->name, name) != 0)
        return MHD_YES;
    if (search->skip-- > 0)
        return MHD_YES;
    search->found_name = name;
    search->found_value = value;
    return MHD_NO;
}

static struct header_search find_header(const struct http_request *request, const char *name, size_t index) {
    struct header_search search = { .name = name, .skip = index };
    MHD_get_connection_values(request->connection, MHD_HEADER_KIND, look_at_header, &search);
    return search;
}

const char *http_request_header(const struct http_request *request, const char *name, size_t index) {
    return find_header(request, name, index).found_value;
}

const char *http_request_header_name(const struct http_request *request, size_t index) {
    return find_header(request, NULL, index).found_name;
}

static socklen_t address_size(const struct sockaddr *address) {
    return address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

void http_request_client(const struct http_request *request, char address[INET6_ADDRSTRLEN]) {
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(request->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    address[0] = '\0';
    if (info && info->client_addr)
        getnameinfo(info->client_addr, address_size(info->client_addr), address, INET6_ADDRSTRLEN, NULL, 0,
                    NI_NUMERICHOST);
}

void http_answer_error(struct http_answer *answer, unsigned status, const char *reason) {
    answer->status = status;
    text_addf(&answer->body, "{\"error\":");
    text_add_json(&answer->body, reason, strlen(reason));
    text_addf(&answer->body, "}\n");
}

/* Hands the body over to libmicrohttpd. Out of memory, the connection is closed instead. */
static enum MHD_Result send_answer(struct MHD_Connection *connection, struct http_answer *answer, bool last) {
    struct MHD_Response *response =
        MHD_create_response_from_buffer(answer->body.length, answer->body.bytes, MHD_RESPMEM_MUST_FREE);
    if (!response) {
        text_free(&answer->body);
        return MHD_NO;
    }
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
    if (answer->trace_id[0])
        MHD_add_response_header(response, "X-Trace-Id", answer->trace_id);
    if (answer->status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, answer->allow ? answer->allow : "GET, HEAD");
    if (last)
        MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
    enum MHD_Result result = MHD_queue_response(connection, answer->status, response);
    MHD_destroy_response(response);
    return result;
}

/* ---- a request's life ---- */

/* A request while it comes in. libmicrohttpd shows the request line once, as it came. */
struct running_request {
    bool has_headers;
    struct text body;
    size_t body_length; /* received; may be more than is kept */
    time_t deadline;    /* for the body, on the monotonic clock */
    char target[];      /* path and query */
};

static time_t monotonic_seconds(void) { return moment_now().tv_sec; }

static void count_running(struct http_server *server, bool more) {
    pthread_mutex_lock(&server->lock);
    server->running = more ? server->running + 1 : server->running - 1;
    if (server->running == 0)
        pthread_cond_signal(&server->idle);
    pthread_mutex_unlock(&server->lock);
}

static void *request_begins(void *data, const char *target, struct MHD_Connection *connection) {
    size_t size = strlen(target) + 1;
    struct running_request *running = calloc(1, sizeof *running + size);
    (void)connection;
    if (!running)
        return NULL;
    running->deadline = monotonic_seconds() + BODY_SECONDS;
    memcpy(running->target, target, size);
    count_running(data, true);
    return running;
}

static bool is_stopping(struct http_server *server) {
    pthread_mutex_lock(&server->lock);
    bool stopping = server->stopping;
    pthread_mutex_unlock(&server->lock);
    return stopping;
}

/* Keeps a piece of the body; false when the caller has sent too much, or for too long. */
static bool take_piece(struct running_request *running, const char *piece, size_t length) {
    running->body_length += length;
    if (running->body_length > DISCARDED_MAX || monotonic_seconds() > running->deadline)
        return false;
    if (running->body_length > HTTP_BODY_MAX) {
        text_free(&running->body);
        return true;
    }
    return text_add(&running->body, piece, length);
}

/* What the caller says; libmicrohttpd has refused what is not a number. */
static size_t announced_length(const struct http_request *request) {
    const char *length = http_request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH, 0);
    return length ? strtoul(length, NULL, 10) : 0;
}

/* Two lengths of one body, which servers on the way may not have read alike. libmicrohttpd would take the first. */
static bool is_ambiguous(const struct http_request *request) {
    const char *first = http_request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH, 0);
    return first && (http_request_header(request, MHD_HTTP_HEADER_CONTENT_LENGTH, 1) ||
                     http_request_header(request, MHD_HTTP_HEADER_TRANSFER_ENCODING, 0));
}

static enum MHD_Result answer_ambiguous(struct MHD_Connection *connection) {
    struct http_answer answer = { .status = MHD_HTTP_BAD_REQUEST };
    http_answer_error(&answer, MHD_HTTP_BAD_REQUEST, "the length of the body is given twice");
    return send_answer(connection, &answer, true);
}

static enum MHD_Result answer_request(struct http_server *server, struct running_request *running,
                                      struct http_request *request) {
    struct http_answer answer = { .status = MHD_HTTP_INTERNAL_SERVER_ERROR };
    const char *query = strchr(running->target, '?');
    request->query = query ? query + 1 : NULL;
    request->body = running->body.bytes;
    request->body_length = running->body.length;
    request->too_large = running->body_length > HTTP_BODY_MAX;
    server->handler(server->service, request, &answer);
    return send_answer(request->connection, &answer, is_stopping(server));
}

static enum MHD_Result request_goes_on(void *data, struct MHD_Connection *connection, const char *path,
                                       const char *method, const char *version, const char *piece, size_t *length,
                                       void **state) {
    struct running_request *running = *state;
    if (!running)
        return MHD_NO;
    struct http_request request = { .method = method, .path = path, .version = version, .connection = connection };
    /* An answer to the first call makes libmicrohttpd close the connection of a request with a body. */
    if (!running->has_headers) {
        running->has_headers = true;
        set_busy(data, connection, true);
        if (is_ambiguous(&request))
            return answer_ambiguous(connection);
        running->body_length = announced_length(&request);
        if (running->body_length > DISCARDED_MAX)
            return answer_request(data, running, &request);
        running->body_length = 0;
        return MHD_YES;
    }
    if (*length > 0) {
        bool taken = take_piece(running, piece, *length);
        *length = 0;
        return taken ? MHD_YES : MHD_NO;
    }
    return answer_request(data, running, &request);
}

static void request_ends(void *data, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode reason) {
    (void)reason;
    set_busy(data, connection, false);
    struct running_request *running = *state;
    if (!running)
        return;
    text_free(&running->body);
    free(running);
    *state = NULL;
    count_running(data, false);
}

/* ---- the server ---- */

static bool read_address(const char *text, unsigned short port, struct sockaddr_storage *address) {
    struct sockaddr_in *v4 = (struct sockaddr_in *)address;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)address;
    memset(address, 0, sizeof *address);
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(port);
        return true;
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    return inet_pton(AF_INET6, text, &v6->sin6_addr) == 1;
}

static struct MHD_Daemon *listen_on(struct http_server *server, const char *text, unsigned short port) {
    struct sockaddr_storage address;
    if (!read_address(text, port, &address)) {
        errno = EINVAL;
        return NULL;
    }
    /* A thread for each connection: who waits for a slow dependency keeps no other connection waiting. */
    unsigned flags = MHD_USE_AUTO_INTERNAL_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_ITC;
    if (address.ss_family == AF_INET6)
        flags |= MHD_USE_IPv6;
    return MHD_start_daemon(flags, port, NULL, NULL, request_goes_on, server, MHD_OPTION_SOCK_ADDR,
                            (struct sockaddr *)&address, MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_MAX,
                            MHD_OPTION_CONNECTION_TIMEOUT, CONNECTION_TIMEOUT_SECONDS,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, CONNECTION_MEMORY, MHD_OPTION_URI_LOG_CALLBACK,
                            request_begins, server, MHD_OPTION_NOTIFY_COMPLETED, request_ends, server,
                            MHD_OPTION_NOTIFY_CONNECTION, note_connection, server, MHD_OPTION_END);
}

struct http_server *http_server_start(const char *address, unsigned short port, http_handler handler, void *service) {
    struct http_server *server = calloc(1, sizeof *server);
    if (!server)
        return NULL;
    server->handler = handler;
    server->service = service;
    pthread_mutex_init(&server->lock, NULL);
    moment_condition(&server->idle);
    server->connections = connections_open();
    server->daemon = server->connections ? listen_on(server, address, port) : NULL;
    if (!server->daemon) {
        const int error = errno;
        if (server->connections)
            connections_close(server->connections);
        free(server);
        errno = error;
        return NULL;
    }
    return server;
}

unsigned short http_server_port(const struct http_server *server) {
    return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

static void wait_until_idle(struct http_server *server, int timeout_ms) {
    struct timespec deadline = moment_in(timeout_ms);
    pthread_mutex_lock(&server->lock);
    server->stopping =
        true; /* connections are kept open no longer, or a busy caller would keep us from ever being idle */
    while (server->running > 0 && pthread_cond_timedwait(&server->idle, &server->lock, &deadline) == 0)
        continue;
    pthread_mutex_unlock(&server->lock);
}

void http_server_stop(struct http_server *server, int timeout_ms) {
    MHD_socket listening = MHD_quiesce_daemon(server->daemon);
    /* Refuses callers from now on; libmicrohttpd's threads may look at the socket until they have ended. */
    if (listening != MHD_INVALID_SOCKET)
        shutdown(listening, SHUT_RDWR);
    wait_until_idle(server, timeout_ms);
    MHD_stop_daemon(server->daemon);
    connections_close(server->connections);
    if (listening != MHD_INVALID_SOCKET)
        close(listening);
    pthread_cond_destroy(&server->idle);
    pthread_mutex_destroy(&server->lock);
    free(server);
}
