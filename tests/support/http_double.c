/* SPDX-License-Identifier: Apache-2.0 */
/* http_double.c - see http_double.h. */
#include "http_double.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 32, REQUESTS = 4096 };

struct request {
    char *head;
    uint8_t *body;
    size_t body_len;
};

struct connection {
    int fd; /* -1: free */
    char *in;
    size_t in_len, in_room;
    const struct http_step *step; /* being answered, or NULL */
    int64_t answer_at;            /* ms */
    bool stalled;
};

struct http_double {
    const struct http_step *steps;
    size_t step_count;
    int listener, port, wake[2];
    char url[128];
    pthread_t thread;
    struct connection connections[CONNECTIONS]; /* the thread's own */
    pthread_mutex_t lock;                       /* guards what follows */
    struct request requests[REQUESTS];
    size_t request_count, connection_count, open_count;
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

static int bind_loopback(int *port) {
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, len) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        die("bind");
    *port = ntohs(address.sin_port);
    return fd;
}

static int bind_unix(const char *path) {
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    const size_t len = strlen(path);
    if (len >= sizeof address.sun_path)
        die(path);
    memcpy(address.sun_path, path, len + 1);
    if (path[0] == '@')
        address.sun_path[0] = '\0';
    const size_t all = offsetof(struct sockaddr_un, sun_path) + len + (path[0] != '@');
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, (socklen_t)all) != 0)
        die(path);
    return fd;
}

int http_refused_port(int *socket) {
    int port;
    *socket = bind_loopback(&port);
    return port;
}

int http_connect_soon(int port) {
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons((uint16_t)port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct pollfd connected = { .fd = fd, .events = POLLOUT };
    if (fd < 0 || (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 && errno != EINPROGRESS))
        die("connect");
    if (poll(&connected, 1, 200) == 1)
        return fd;
    close(fd);
    return -1;
}

static void reset(int fd) {
    struct linger now = { .l_onoff = 1, .l_linger = 0 };
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(fd);
}

void http_vanish(int fd) {
    struct sock_filter nothing = { .code = BPF_RET | BPF_K, .k = 0 };
    const struct sock_fprog filter = { 1, &nothing };
    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0)
        die("SO_ATTACH_FILTER");
}

static void drop(struct connection *connection) {
    if (connection->fd >= 0)
        close(connection->fd);
    free(connection->in);
    *connection = (struct connection){ .fd = -1 };
}

static void drop_with_reset(struct connection *connection) {
    reset(connection->fd);
    connection->fd = -1;
    drop(connection);
}

static void send_all(int fd, const void *data, size_t len) {
    const char *at = data;
    while (len > 0) {
        ssize_t sent = send(fd, at, len, MSG_NOSIGNAL);
        if (sent <= 0)
            return;
        at += sent;
        len -= (size_t)sent;
    }
}

/* ---- answering --------------------------------------------------------------------------------------------------- */

static size_t body_length(const struct http_step *step) {
    return step->body && step->body_len == 0 ? strlen(step->body) : step->body_len;
}

static void send_answer(int fd, const struct http_step *step, bool only_half) {
    char *head = NULL;
    size_t len = body_length(step);
    int head_len = asprintf(&head, "HTTP/1.1 %d Whatever\r\n%sContent-Length: %zu\r\n\r\n",
                            step->status ? step->status : 200, step->headers ? step->headers : "", len);
    if (head_len < 0)
        die("asprintf");
    send_all(fd, head, (size_t)head_len);
    send_all(fd, step->body, only_half ? len / 2 : len);
    free(head);
}

/* Does what the step says, now that its time has come. */
static void answer(struct connection *connection) {
    const struct http_step *step = connection->step;
    connection->step = NULL;
    switch (step->action) {
    case HTTP_ANSWER:
        send_answer(connection->fd, step, false);
        nanosleep(&(struct timespec){ 0, step->then_gone ? 50000000 : 0 }, NULL); /* until it is acknowledged */
        if (step->then_gone)
            http_vanish(connection->fd);
        if (step->then_close)
            drop(connection);
        break;
    case HTTP_RAW:
        send_all(connection->fd, step->body, body_length(step));
        drop(connection);
        break;
    case HTTP_CLOSE:
        drop(connection);
        break;
    case HTTP_RESET_INSIDE_ANSWER:
        send_answer(connection->fd, step, true);
        nanosleep(&(struct timespec){ 0, 20000000 }, NULL); /* or the reset would overtake the half answer */
        drop_with_reset(connection);
        break;
    case HTTP_RESET:
    case HTTP_RESET_ON_CONNECT:
    case HTTP_RESET_INSIDE_REQUEST:
        drop_with_reset(connection);
        break;
    case HTTP_GONE:
        http_vanish(connection->fd);
        connection->stalled = true;
        break;
    case HTTP_STALL:
        connection->stalled = true;
        break;
    }
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static char *find_header(const char *head, const char *name) {
    size_t len = strlen(name);
    for (const char *line = strstr(head, "\r\n"); line; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':') {
            const char *value = line + 3 + len;
            value += strspn(value, " ");
            return strndup(value, strcspn(value, "\r\n"));
        }
    return NULL;
}

/* The next step and its place for a request. */
static const struct http_step *next_step(http_double *server, char *head, uint8_t *body, size_t body_len) {
    pthread_mutex_lock(&server->lock);
    size_t index = server->request_count;
    if (index >= REQUESTS)
        die("too many requests");
    server->requests[index] = (struct request){ head, body, body_len };
    server->request_count++;
    pthread_mutex_unlock(&server->lock);
    return &server->steps[index < server->step_count ? index : server->step_count - 1];
}

static const struct http_step *peek_step(http_double *server) {
    pthread_mutex_lock(&server->lock);
    size_t index = server->request_count;
    pthread_mutex_unlock(&server->lock);
    return &server->steps[index < server->step_count ? index : server->step_count - 1];
}

/* Takes a whole request off the front of the connection's input, if there is one. */
static void take_request(http_double *server, struct connection *connection) {
    char *end = memmem(connection->in, connection->in_len, "\r\n\r\n", 4);
    if (!end || connection->step || connection->stalled)
        return;
    size_t head_len = (size_t)(end - connection->in) + 2;
    char *head = strndup(connection->in, head_len);
    char *length = find_header(head, "Content-Length");
    size_t body_len = length ? strtoull(length, NULL, 10) : 0;
    free(length);
    if (connection->in_len < head_len + 2 + body_len) {
        free(head);
        return;
    }
    uint8_t *body = malloc(body_len + 1);
    if (!body)
        die("malloc");
    memcpy(body, connection->in + head_len + 2, body_len);
    connection->in_len -= head_len + 2 + body_len;
    memmove(connection->in, connection->in + head_len + 2 + body_len, connection->in_len);
    connection->step = next_step(server, head, body, body_len);
    connection->answer_at = now_ms() + connection->step->delay_ms;
}

static void receive(http_double *server, struct connection *connection) {
    if (connection->in_room - connection->in_len < 65536) {
        connection->in_room = connection->in_room * 2 + 131072;
        connection->in = realloc(connection->in, connection->in_room);
        if (!connection->in)
            die("realloc");
    }
    ssize_t len =
        recv(connection->fd, connection->in + connection->in_len, connection->in_room - connection->in_len, 0);
    if (len <= 0) {
        drop(connection);
        return;
    }
    connection->in_len += (size_t)len;
    if (peek_step(server)->action == HTTP_RESET_INSIDE_REQUEST) {
        next_step(server, strdup(""), NULL, 0);
        drop_with_reset(connection);
        return;
    }
    take_request(server, connection);
}

static void accept_connection(http_double *server) {
    int fd = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int)); /* head and body of an answer are two writes */
    pthread_mutex_lock(&server->lock);
    server->connection_count++;
    pthread_mutex_unlock(&server->lock);
    if (peek_step(server)->action == HTTP_RESET_ON_CONNECT) {
        next_step(server, strdup(""), NULL, 0);
        reset(fd);
        return;
    }
    for (size_t i = 0; i < CONNECTIONS; i++)
        if (server->connections[i].fd < 0) {
            server->connections[i].fd = fd;
            return;
        }
    close(fd);
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

static int next_timeout(http_double *server) {
    int64_t least = 1000;
    for (size_t i = 0; i < CONNECTIONS; i++)
        if (server->connections[i].step && server->connections[i].answer_at - now_ms() < least)
            least = server->connections[i].answer_at - now_ms();
    return least < 0 ? 0 : (int)least;
}

static void count_open(http_double *server) {
    size_t open = 0;
    for (size_t i = 0; i < CONNECTIONS; i++)
        open += server->connections[i].fd >= 0;
    pthread_mutex_lock(&server->lock);
    server->open_count = open;
    pthread_mutex_unlock(&server->lock);
}

static bool serve_once(http_double *server) {
    struct pollfd fds[CONNECTIONS + 2];
    for (size_t i = 0; i < CONNECTIONS; i++)
        fds[i] = (struct pollfd){ .fd = server->connections[i].fd, .events = POLLIN };
    fds[CONNECTIONS] = (struct pollfd){ .fd = server->listener, .events = POLLIN };
    fds[CONNECTIONS + 1] = (struct pollfd){ .fd = server->wake[0], .events = POLLIN };
    if (poll(fds, CONNECTIONS + 2, next_timeout(server)) < 0 && errno != EINTR)
        die("poll");
    for (size_t i = 0; i < CONNECTIONS; i++)
        if (fds[i].fd >= 0 && fds[i].revents)
            receive(server, &server->connections[i]);
    for (size_t i = 0; i < CONNECTIONS; i++)
        if (server->connections[i].step && server->connections[i].answer_at <= now_ms())
            answer(&server->connections[i]);
    if (fds[CONNECTIONS].revents)
        accept_connection(server);
    count_open(server);
    return fds[CONNECTIONS + 1].revents == 0;
}

static void *serve(void *argument) {
    http_double *server = argument;
    while (serve_once(server)) {}
    return NULL;
}

static http_double *start(int listener, int port, const struct http_step *steps, size_t count) {
    http_double *server = calloc(1, sizeof *server);
    if (!server || pipe(server->wake) != 0)
        die("http_double_start");
    server->steps = steps;
    server->step_count = count;
    server->listener = listener;
    server->port = port;
    for (size_t i = 0; i < CONNECTIONS; i++)
        server->connections[i].fd = -1;
    pthread_mutex_init(&server->lock, NULL);
    if (listen(server->listener, 16) != 0 || pthread_create(&server->thread, NULL, serve, server) != 0)
        die("http_double_start");
    return server;
}

http_double *http_double_start(const struct http_step *steps, size_t count) {
    int port;
    const int listener = bind_loopback(&port);
    return start(listener, port, steps, count);
}

http_double *http_double_start_unix(const char *path, const struct http_step *steps, size_t count) {
    return start(bind_unix(path), 0, steps, count);
}

void http_double_stop(http_double *server) {
    if (!server)
        return;
    if (write(server->wake[1], "x", 1) != 1)
        die("write");
    pthread_join(server->thread, NULL);
    for (size_t i = 0; i < CONNECTIONS; i++)
        drop(&server->connections[i]);
    for (size_t i = 0; i < server->request_count; i++) {
        free(server->requests[i].head);
        free(server->requests[i].body);
    }
    close(server->listener);
    close(server->wake[0]);
    close(server->wake[1]);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

/* ---- questions --------------------------------------------------------------------------------------------------- */

int http_double_port(const http_double *server) { return server->port; }

const char *http_double_url(http_double *server, const char *path) {
    snprintf(server->url, sizeof server->url, "http://127.0.0.1:%d%s", server->port, path);
    return server->url;
}

static size_t read_count(http_double *server, const size_t *count) {
    pthread_mutex_lock(&server->lock);
    size_t value = *count;
    pthread_mutex_unlock(&server->lock);
    return value;
}

size_t http_double_requests(http_double *server) { return read_count(server, &server->request_count); }
size_t http_double_connections(http_double *server) { return read_count(server, &server->connection_count); }
size_t http_double_open(http_double *server) { return read_count(server, &server->open_count); }

bool http_double_await(http_double *server, size_t requests) {
    for (int64_t until = now_ms() + 10000; now_ms() < until; nanosleep(&(struct timespec){ 0, 1000000 }, NULL))
        if (http_double_requests(server) >= requests)
            return true;
    return false;
}

/* Requests are never changed once they are counted. */
const char *http_double_head(http_double *server, size_t index) {
    return index < http_double_requests(server) ? server->requests[index].head : NULL;
}

const uint8_t *http_double_body(http_double *server, size_t index, size_t *len) {
    bool there = index < http_double_requests(server);
    *len = there ? server->requests[index].body_len : 0;
    return there ? server->requests[index].body : NULL;
}

char *http_double_header(http_double *server, size_t index, const char *name) {
    const char *head = http_double_head(server, index);
    return head ? find_header(head, name) : NULL;
}
