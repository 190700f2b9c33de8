/* SPDX-License-Identifier: Apache-2.0 */
/* fault_server.c - see fault_server.h. */
#include "fault_server.h"

#include "http_double.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 64, FILLERS = 64 };

/* An OTLP server's good answer with a body: an empty partial success. */
static const char answer_head[] =
    "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 2\r\n\r\n";
static const char answer_body[] = { 0x0a, 0x00 };

struct connection {
    int fd; /* -1: free */
    char *in;
    size_t in_len, in_room, head_len, body_len; /* lengths: of the request that comes, 0 while not known */
    enum fault_point next;                      /* the point that it comes to next */
    bool held, gone;
};

/* All of it is the thread's own while that runs. */
struct fault_server {
    struct fault fault;
    bool broken;
    int lasts_ms;
    int64_t over_at; /* ms; -1: not known yet, or never */
    void (*take)(void *data, const uint8_t *body, size_t len);
    void *data;
    int listener, port, wake[2], fillers[FILLERS];
    unsigned strikes;
    pthread_t thread;
    struct connection connections[CONNECTIONS];
};

static void die(const char *what) {
    perror(what);
    abort();
}

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- sockets ----------------------------------------------------------------------------------------------------- */

static void drop(struct connection *connection, bool reset) {
    const struct linger now = { .l_onoff = 1, .l_linger = 0 };
    if (connection->fd >= 0 && reset)
        setsockopt(connection->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    if (connection->fd >= 0)
        close(connection->fd);
    free(connection->in);
    *connection = (struct connection){ .fd = -1 };
}

static void send_all(int fd, const char *data, size_t len) {
    while (len > 0) {
        const ssize_t sent = send(fd, data, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        data += sent;
        len -= (size_t)sent;
    }
}

static void open_listener(fault_server *server) {
    server->listener = -1;
    server->port = http_refused_port(&server->listener);
    if (server->fault.act == FAULT_REFUSE)
        return;
    if (listen(server->listener, server->fault.act == FAULT_DEAF ? 0 : CONNECTIONS) != 0)
        die("listen");
    for (unsigned i = 0; i < FILLERS && server->fault.act == FAULT_DEAF; i++) {
        server->fillers[i] = http_connect_soon(server->port);
        if (server->fillers[i] < 0)
            return;
    }
}

static void close_fillers(fault_server *server) {
    for (unsigned i = 0; i < FILLERS && server->fillers[i] > 0; i++)
        close(server->fillers[i]);
    server->fillers[0] = -1;
}

/* ---- one request, point by point --------------------------------------------------------------------------------- */

/* Learns the lengths as soon as the head has come. */
static void measure_request(struct connection *connection) {
    const char *end = memmem(connection->in, connection->in_len, "\r\n\r\n", 4);
    const char *length = end ? memmem(connection->in, connection->in_len, "Content-Length: ", 16) : NULL;
    if (connection->head_len > 0 || !end)
        return;
    connection->head_len = (size_t)(end - connection->in) + 4;
    connection->body_len = length ? strtoull(length + 16, NULL, 10) : 0;
}

/* Whether the next point has been reached. */
static bool is_reached(struct connection *connection) {
    const size_t head = connection->head_len, body = connection->body_len;
    switch (connection->next) {
    case FAULT_AT_CONNECT:
        return true;
    case FAULT_IN_HEAD:
        return connection->in_len > 0;
    case FAULT_BEFORE_BODY:
        return head > 0;
    case FAULT_IN_BODY:
        return connection->in_len >= head + body / 2;
    case FAULT_BEFORE_ANSWER:
        return connection->in_len >= head + body;
    case FAULT_IN_ANSWER_HEAD:
    case FAULT_IN_ANSWER_BODY:
    case FAULT_AFTER_ANSWER:
        return true;
    }
    return false;
}

static bool turns_down(const fault_server *server) {
    return server->broken && server->fault.act == FAULT_ANSWER && !server->fault.takes;
}

/* What a server without a fault does at the point. */
static void serve_point(fault_server *server, struct connection *connection) {
    const size_t head = sizeof answer_head - 1;
    switch (connection->next) {
    case FAULT_BEFORE_ANSWER:
        if (!turns_down(server))
            server->take(server->data, (const uint8_t *)connection->in + connection->head_len, connection->body_len);
        break;
    case FAULT_IN_ANSWER_HEAD:
        send_all(connection->fd, answer_head, head / 2);
        break;
    case FAULT_IN_ANSWER_BODY:
        send_all(connection->fd, answer_head + head / 2, head - head / 2);
        send_all(connection->fd, answer_body, 1);
        break;
    case FAULT_AFTER_ANSWER:
        send_all(connection->fd, answer_body + 1, 1);
        break;
    default:
        break;
    }
}

/* Or what has been sent would not arrive before the reset. */
static void let_it_arrive(void) { nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL); }

/* Whether the fault has struck here, so that the connection is not to be served further. */
static bool strike(fault_server *server, struct connection *connection) {
    if (!server->broken || server->fault.point != connection->next)
        return false;
    server->strikes++;
    if (server->over_at < 0 && server->lasts_ms >= 0)
        server->over_at = now_ms() + server->lasts_ms;
    if (server->fault.act == FAULT_STALL || server->fault.act == FAULT_GONE) {
        connection->held = true;
        connection->gone = server->fault.act == FAULT_GONE;
        if (connection->gone)
            http_vanish(connection->fd);
        return true;
    }
    if (server->fault.act == FAULT_ANSWER)
        send_all(connection->fd, server->fault.answer, strlen(server->fault.answer));
    else if (server->fault.act == FAULT_RESET && server->fault.point > FAULT_BEFORE_ANSWER)
        let_it_arrive();
    drop(connection, server->fault.act == FAULT_RESET);
    return true;
}

/* Requests do not come before the answer to the one before. */
static void go_to_next_point(struct connection *connection) {
    if (connection->next != FAULT_AFTER_ANSWER) {
        connection->next++;
        return;
    }
    connection->next = FAULT_IN_HEAD;
    connection->in_len = connection->head_len = connection->body_len = 0;
}

static void go_on(fault_server *server, struct connection *connection) {
    while (!connection->held && connection->fd >= 0 && is_reached(connection)) {
        serve_point(server, connection);
        if (strike(server, connection))
            return;
        go_to_next_point(connection);
    }
}

static void receive(fault_server *server, struct connection *connection) {
    const size_t some = connection->head_len == 0 ? 64 : 16384; /* so that nothing is read past a point by much */
    if (connection->in_room - connection->in_len < some) {
        connection->in_room = connection->in_room * 2 + 2 * some;
        connection->in = realloc(connection->in, connection->in_room);
        if (!connection->in)
            die("realloc");
    }
    const ssize_t len = recv(connection->fd, connection->in + connection->in_len, some, 0);
    if (len <= 0) {
        drop(connection, false);
        return;
    }
    connection->in_len += (size_t)len;
    measure_request(connection);
    go_on(server, connection);
}

static void accept_connection(fault_server *server) {
    const int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) /* an answer is several writes */
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
    for (size_t i = 0; fd >= 0 && i < CONNECTIONS; i++)
        if (server->connections[i].fd < 0) {
            server->connections[i].fd = fd;
            go_on(server, &server->connections[i]);
            return;
        }
    if (fd >= 0)
        close(fd);
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

/* Those that were held have had their fault. */
static void mend(fault_server *server) {
    server->broken = false;
    server->over_at = -1;
    close_fillers(server);
    if (listen(server->listener, CONNECTIONS) != 0)
        die("listen");
    for (size_t i = 0; i < CONNECTIONS; i++)
        if (server->connections[i].held && !server->connections[i].gone) {
            server->connections[i].held = false;
            go_to_next_point(&server->connections[i]);
            go_on(server, &server->connections[i]);
        }
}

static bool is_listening(const fault_server *server) {
    return !server->broken || (server->fault.act != FAULT_REFUSE && server->fault.act != FAULT_DEAF);
}

static int next_timeout(const fault_server *server) {
    const int64_t left = server->over_at - now_ms();
    return server->over_at < 0 ? -1 : left < 0 ? 0 : (int)left;
}

static bool serve_once(fault_server *server) {
    struct pollfd fds[CONNECTIONS + 2];
    for (size_t i = 0; i < CONNECTIONS; i++)
        fds[i].fd = server->connections[i].held ? -1 : server->connections[i].fd;
    fds[CONNECTIONS].fd = is_listening(server) ? server->listener : -1;
    fds[CONNECTIONS + 1].fd = server->wake[0];
    for (size_t i = 0; i < CONNECTIONS + 2; i++)
        fds[i].events = POLLIN;
    if (poll(fds, CONNECTIONS + 2, next_timeout(server)) < 0 && errno != EINTR)
        die("poll");
    for (size_t i = 0; i < CONNECTIONS; i++)
        if (fds[i].fd >= 0 && fds[i].revents)
            receive(server, &server->connections[i]);
    if (fds[CONNECTIONS].fd >= 0 && fds[CONNECTIONS].revents)
        accept_connection(server);
    if (server->over_at >= 0 && now_ms() >= server->over_at)
        mend(server);
    return fds[CONNECTIONS + 1].revents == 0;
}

static void *serve(void *argument) {
    while (serve_once(argument)) {}
    return NULL;
}

fault_server *fault_server_start(const struct fault *fault, int lasts_ms,
                                 void (*take)(void *data, const uint8_t *body, size_t len), void *data) {
    fault_server *server = calloc(1, sizeof *server);
    if (!server || pipe(server->wake) != 0)
        die("fault_server_start");
    server->fault = *fault;
    server->broken = true;
    server->lasts_ms = lasts_ms;
    server->take = take;
    server->data = data;
    for (size_t i = 0; i < CONNECTIONS; i++)
        server->connections[i].fd = -1;
    open_listener(server);
    server->over_at = is_listening(server) || lasts_ms < 0 ? -1 : now_ms() + lasts_ms;
    if (pthread_create(&server->thread, NULL, serve, server) != 0)
        die("pthread_create");
    return server;
}

unsigned fault_server_stop(fault_server *server) {
    if (write(server->wake[1], "x", 1) != 1)
        die("write");
    pthread_join(server->thread, NULL);
    const unsigned strikes = server->strikes;
    for (size_t i = 0; i < CONNECTIONS; i++)
        drop(&server->connections[i], false);
    close_fillers(server);
    close(server->listener);
    close(server->wake[0]);
    close(server->wake[1]);
    free(server);
    return strikes;
}

int fault_server_port(const fault_server *server) { return server->port; }
