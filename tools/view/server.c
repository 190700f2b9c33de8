/* SPDX-License-Identifier: Apache-2.0 */
/* The viewer's HTTP side, on libmicrohttpd driven from outside: everything here runs on the thread that calls. */
#include "server.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

enum {
    MAX_CONNECTIONS = 256,
    SILENCE_SECONDS = 30,
    REQUEST_MS = 60 * 1000, /* from a connection's begin, or its last answer, to the next answer */
    RETRY_MS = 1000,        /* to look again at a connection that was shut down */
    MAX_ANSWERS_IN_FLIGHT = 512 * 1024 * 1024,
};

static const char traces_url[] = "/v1/traces", metrics_url[] = "/v1/metrics", zipkin_url[] = "/api/v2/spans",
                  jaeger_url[] = "/api/traces";

/* One per open connection: trickling a byte now and then keeps libmicrohttpd's own timeout away, but not this one. */
struct client {
    struct client *prev;
    struct client *next;
    int socket;
    bool ended; /* its end has been announced */
    int64_t deadline;
};

struct view_server {
    struct MHD_Daemon *daemon;
    struct view_ingest *ingest;
    struct client clients; /* head of the list */
    size_t connections;
    int64_t now;
    size_t answers_in_flight;
};

/* The text of an answer until it has been sent. */
struct answer_text {
    struct view_server *server;
    void *bytes;
    size_t len;
};

static void answer_sent(void *cls) {
    struct answer_text *text = cls;
    text->server->answers_in_flight -= text->len;
    free(text->bytes);
    free(text);
}

/* Takes the bytes over. MHD_NO closes the connection, which is what is left when memory has run out. */
static enum MHD_Result respond(struct view_server *server, struct MHD_Connection *connection, struct view_answer answer,
                               const char *extra_header, const char *extra_value) {
    struct answer_text *text = malloc(sizeof *text);
    if (!text || !answer.bytes || answer.len > MAX_ANSWERS_IN_FLIGHT - server->answers_in_flight) {
        free(text);
        free(answer.bytes);
        return MHD_NO;
    }
    *text = (struct answer_text){ server, answer.bytes, answer.len };
    struct MHD_Response *response =
        MHD_create_response_from_buffer_with_free_callback_cls(answer.len, answer.bytes, answer_sent, text);
    if (!response) {
        free(text);
        free(answer.bytes);
        return MHD_NO;
    }
    server->answers_in_flight += answer.len;
    MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, answer.content_type);
    if (extra_header) {
        MHD_add_response_header(response, extra_header, extra_value);
    }
    enum MHD_Result queued = MHD_queue_response(connection, answer.http_status, response);
    MHD_destroy_response(response);
    return queued;
}

static enum MHD_Result respond_text(struct view_server *server, struct MHD_Connection *connection, unsigned status,
                                    const char *text) {
    struct view_answer answer = { status, "text/plain; charset=utf-8", strdup(text), strlen(text) };
    return respond(server, connection, answer, NULL, NULL);
}

static enum MHD_Result refuse_method(struct view_server *server, struct MHD_Connection *connection,
                                     const char *allowed) {
    struct view_answer answer = { MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain; charset=utf-8", strdup(allowed),
                                  strlen(allowed) };
    return respond(server, connection, answer, MHD_HTTP_HEADER_ALLOW, allowed);
}

static enum MHD_Result respond_json(struct view_server *server, struct MHD_Connection *connection, char *json,
                                    size_t len) {
    struct view_answer answer = { MHD_HTTP_OK, "application/json", json, len };
    return respond(server, connection, answer, NULL, NULL);
}

static enum MHD_Result serve_trace(struct view_server *server, struct MHD_Connection *connection, const char *id_text) {
    uint8_t id[VIEW_TRACE_ID_SIZE];
    if (!view_parse_hex(id_text, id, sizeof id)) {
        return respond_text(server, connection, MHD_HTTP_BAD_REQUEST, "a trace id has 32 hexadecimal digits\n");
    }
    const struct view_trace *trace = view_store_find(server->ingest->store, id);
    if (!trace) {
        return respond_text(server, connection, MHD_HTTP_NOT_FOUND, "no such trace\n");
    }
    size_t len = 0;
    char *json = view_json_trace(trace, &len);
    return respond_json(server, connection, json, len);
}

static enum MHD_Result serve_get(struct view_server *server, struct MHD_Connection *connection, const char *url) {
    static const char trace_prefix[] = "/api/traces/";
    size_t len = 0;
    char *json;
    if (strcmp(url, "/api/traces") == 0) {
        json = view_json_traces(server->ingest->store, &len);
    } else if (strncmp(url, trace_prefix, sizeof trace_prefix - 1) == 0) {
        return serve_trace(server, connection, url + sizeof trace_prefix - 1);
    } else if (strcmp(url, "/api/stats") == 0) {
        json = view_json_stats(server->ingest->store, &server->ingest->requests, &len);
    } else if (strcmp(url, "/health") == 0) {
        json = strdup("{\"status\":\"ok\"}\n");
        len = json ? strlen(json) : 0;
    } else {
        return respond_text(server, connection, MHD_HTTP_NOT_FOUND,
                            "try /api/traces, /api/traces/{trace_id}, /api/stats or /health\n");
    }
    return respond_json(server, connection, json, len);
}

static enum MHD_Result answer_upload(struct view_server *server, struct MHD_Connection *connection,
                                     struct view_upload *upload) {
    struct view_answer answer = view_upload_finish(upload, server->now);
    bool retry = answer.http_status == MHD_HTTP_SERVICE_UNAVAILABLE;
    return respond(server, connection, answer, retry ? MHD_HTTP_HEADER_RETRY_AFTER : NULL, "1");
}

static const char *header(struct MHD_Connection *connection, const char *name) {
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

static bool takes_spans(const char *url) { return strcmp(url, traces_url) == 0 || strcmp(url, zipkin_url) == 0; }

/* A request between its head and its end. An answer given right after the head would close the connection. */
struct request {
    struct view_upload *upload; /* NULL unless it is a POST of spans */
};

static enum MHD_Result begin_upload(struct view_server *server, struct MHD_Connection *connection, const char *url,
                                    struct request *request) {
    enum view_format format = strcmp(url, zipkin_url) == 0   ? VIEW_ZIPKIN
                              : strcmp(url, jaeger_url) == 0 ? VIEW_JAEGER
                                                             : VIEW_OTLP;
    request->upload = view_upload_begin(server->ingest, format, header(connection, MHD_HTTP_HEADER_CONTENT_TYPE),
                                        header(connection, MHD_HTTP_HEADER_CONTENT_ENCODING),
                                        header(connection, MHD_HTTP_HEADER_CONTENT_LENGTH));
    if (!request->upload) {
        return MHD_NO;
    }
    /* A client that asks before it sends a large body is told at once. One that just sends would lose an answer given
     * before it has finished, since closing with bytes unread resets the connection. */
    bool asks = header(connection, MHD_HTTP_HEADER_EXPECT) != NULL;
    return asks && request->upload->refusal.http_status != 0 ? answer_upload(server, connection, request->upload)
                                                             : MHD_YES;
}

/* Metrics are none of the viewer's, but programs that send them along with their spans shall not hear complaints. */
static enum MHD_Result ignore_metrics(struct view_server *server, struct MHD_Connection *connection) {
    const char *type = header(connection, MHD_HTTP_HEADER_CONTENT_TYPE);
    bool json = type && strncasecmp(type, "application/json", strlen("application/json")) == 0;
    struct view_answer answer = { MHD_HTTP_OK, json ? "application/json" : "application/x-protobuf",
                                  strdup(json ? "{}" : ""), json ? 2 : 0 };
    return respond(server, connection, answer, NULL, NULL);
}

static enum MHD_Result answer(struct view_server *server, struct MHD_Connection *connection, const char *url,
                              const char *method) {
    bool takes_metrics = strcmp(url, metrics_url) == 0;
    if (takes_metrics && strcmp(method, MHD_HTTP_METHOD_POST) == 0) {
        return ignore_metrics(server, connection);
    }
    if (takes_metrics || takes_spans(url)) {
        return refuse_method(server, connection, "POST");
    }
    bool is_get = strcmp(method, MHD_HTTP_METHOD_GET) == 0 || strcmp(method, MHD_HTTP_METHOD_HEAD) == 0;
    return is_get ? serve_get(server, connection, url) : refuse_method(server, connection, "GET, HEAD");
}

/* Called with the head of a request, with each piece of its body, and with its end. */
static enum MHD_Result handle(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
                              const char *version, const char *data, size_t *data_size, void **context) {
    struct view_server *server = cls;
    struct request *request = *context;
    (void)version;
    if (!request) {
        /* What Jaeger's clients send comes to where the viewer's own JSON is fetched. */
        bool takes_post = takes_spans(url) || strcmp(url, jaeger_url) == 0;
        bool is_upload = takes_post && strcmp(method, MHD_HTTP_METHOD_POST) == 0;
        *context = request = calloc(1, sizeof *request);
        return !request ? MHD_NO : is_upload ? begin_upload(server, connection, url, request) : MHD_YES;
    }
    if (*data_size > 0) {
        if (request->upload) {
            view_upload_add(request->upload, data, *data_size);
        }
        *data_size = 0;
        return MHD_YES;
    }
    return request->upload ? answer_upload(server, connection, request->upload)
                           : answer(server, connection, url, method);
}

static struct client *client_of(struct MHD_Connection *connection) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static void request_over(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code) {
    struct view_server *server = cls;
    struct request *request = *context;
    struct client *client = client_of(connection);
    (void)code;
    if (request) {
        view_upload_free(request->upload);
        free(request);
        *context = NULL;
    }
    if (client) {
        client->deadline = server->now + REQUEST_MS;
    }
}

static void add_client(struct view_server *server, struct MHD_Connection *connection, void **socket_context) {
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct client *client = info ? malloc(sizeof *client) : NULL;
    if (client) {
        *client = (struct client){
            .prev = &server->clients,
            .next = server->clients.next,
            .socket = info->connect_fd,
            .deadline = server->now + REQUEST_MS,
        };
        client->next->prev = client;
        server->clients.next = client;
    }
    *socket_context = client;
}

static void connection_changed(void *cls, struct MHD_Connection *connection, void **socket_context,
                               enum MHD_ConnectionNotificationCode code) {
    struct view_server *server = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        server->connections++;
        add_client(server, connection, socket_context);
        return;
    }
    server->connections--;
    if (*socket_context) {
        struct client *client = *socket_context;
        client->prev->next = client->next;
        client->next->prev = client->prev;
        free(client);
        *socket_context = NULL;
    }
}

/* libmicrohttpd notices the end of the connection and cleans up behind it. */
static void shut_down_slow_clients(struct view_server *server) {
    for (struct client *client = server->clients.next; client != &server->clients; client = client->next) {
        if (server->now >= client->deadline) {
            shutdown(client->socket, SHUT_RDWR);
            client->deadline = server->now + RETRY_MS;
        }
    }
}

/* libmicrohttpd takes a short read for "nothing more until epoll says so". When the last bytes and the end came
 * together, as they have from a client that waited outside and left, epoll has nothing more to say, and the place would
 * be taken until the silence is noticed. Shutting down the reading side makes epoll speak once more; what is still to
 * be answered is. */
static void announce_ends(struct view_server *server) {
    for (struct client *client = server->clients.next; client != &server->clients; client = client->next) {
        char byte;
        if (!client->ended && recv(client->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
            client->ended = true;
            shutdown(client->socket, SHUT_RD);
        }
    }
}

static struct MHD_Daemon *listen_on(struct view_server *server, const struct sockaddr *address) {
    unsigned flags = MHD_USE_EPOLL | (address->sa_family == AF_INET6 ? MHD_USE_IPv6 : 0);
    return MHD_start_daemon(flags, 0, NULL, NULL, handle, server, MHD_OPTION_SOCK_ADDR, address,
                            MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
                            (unsigned)SILENCE_SECONDS, MHD_OPTION_NOTIFY_COMPLETED, request_over, server,
                            MHD_OPTION_NOTIFY_CONNECTION, connection_changed, server, MHD_OPTION_END);
}

static const char *reason_to_start(int error) {
    switch (error) {
    case EADDRINUSE:
        return "the port is in use";
    case EACCES:
        return "not permitted";
    case EADDRNOTAVAIL:
        return "the address is not one of this machine's";
    default:
        return "the HTTP server doesn't start";
    }
}

struct view_server *view_server_start(const char *host, uint16_t port, struct view_ingest *ingest,
                                      const char **problem) {
    char service[8];
    snprintf(service, sizeof service, "%u", (unsigned)port);
    const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
    struct addrinfo *address = NULL;
    if (getaddrinfo(host, service, &hints, &address) != 0) {
        *problem = "no numeric IP address";
        return NULL;
    }
    struct view_server *server = calloc(1, sizeof *server);
    if (server) {
        server->ingest = ingest;
        server->clients.prev = server->clients.next = &server->clients;
        errno = 0;
        server->daemon = listen_on(server, address->ai_addr);
        *problem = reason_to_start(errno);
    } else {
        *problem = "out of memory";
    }
    freeaddrinfo(address);
    if (server && !server->daemon) {
        free(server);
        return NULL;
    }
    return server;
}

void view_server_stop(struct view_server *server) {
    if (server) {
        MHD_stop_daemon(server->daemon);
        free(server);
    }
}

uint16_t view_server_port(const struct view_server *server) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_BIND_PORT);
    return info ? info->port : 0;
}

int view_server_fd(const struct view_server *server) {
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD);
    return info ? info->epoll_fd : -1;
}

int view_server_timeout(struct view_server *server, int64_t now) {
    MHD_UNSIGNED_LONG_LONG silence;
    int64_t timeout = MHD_get_timeout(server->daemon, &silence) == MHD_YES ? (int64_t)silence : INT32_MAX;
    for (const struct client *client = server->clients.next; client != &server->clients; client = client->next) {
        int64_t left = client->deadline > now ? client->deadline - now : 0;
        timeout = left < timeout ? left : timeout;
    }
    return timeout == INT32_MAX ? -1 : (int)timeout;
}

/* With all connections taken, libmicrohttpd stops watching for new ones, and begins again only at the start of a run
 * that finds one free: so a run that freed one is followed by another. */
void view_server_run(struct view_server *server, int64_t now) {
    size_t before;
    server->now = now;
    shut_down_slow_clients(server);
    do {
        before = server->connections;
        MHD_run(server->daemon);
    } while (server->connections < before);
    announce_ends(server);
}
