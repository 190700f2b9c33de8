/* SPDX-License-Identifier: Apache-2.0 */
/*
 * discard.c - the benchmark's receiver: accepts HTTP requests on a loopback port, reads and forgets their bodies and
 * answers each with an empty ExportTraceServiceResponse. It understands no more of HTTP than Content-Length and
 * keep-alive, so that it costs next to nothing. Prints its port; ends when its standard input does.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 16, HEAD_MAX = 8192 };

struct connection {
    int fd;
    size_t head_len; /* bytes of the head collected so far */
    size_t body;     /* bytes of the body still to come */
    bool in_body;
    char head[HEAD_MAX + 1];
};

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
static char sink[1 << 18];

static void die(const char *what) {
    perror(what);
    exit(1);
}

static int listen_on_loopback(void) {
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, CONNECTIONS) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0)
        die("otel-discard");
    printf("%d\n", ntohs(address.sin_port));
    fflush(stdout);
    return fd;
}

static bool reply(struct connection *c) {
    c->in_body = false;
    c->head_len = 0;
    return write(c->fd, answer, sizeof answer - 1) == (ssize_t)(sizeof answer - 1);
}

static size_t content_length(const char *head) {
    const char *line = strcasestr(head, "\r\nContent-Length:");
    return line ? strtoul(line + strlen("\r\nContent-Length:"), NULL, 10) : 0;
}

/* False: the connection is over. */
static bool read_head(struct connection *c) {
    const ssize_t n = read(c->fd, c->head + c->head_len, HEAD_MAX - c->head_len);
    if (n <= 0)
        return false;
    c->head_len += (size_t)n;
    c->head[c->head_len] = '\0';
    const char *end = strstr(c->head, "\r\n\r\n");
    if (!end)
        return c->head_len < HEAD_MAX;
    const size_t had = c->head_len - (size_t)(end + 4 - c->head);
    const size_t length = content_length(c->head);
    c->body = length > had ? length - had : 0;
    c->in_body = true;
    return c->body > 0 || reply(c);
}

static bool read_body(struct connection *c) {
    const ssize_t n = read(c->fd, sink, c->body < sizeof sink ? c->body : sizeof sink);
    if (n <= 0)
        return false;
    c->body -= (size_t)n;
    return c->body > 0 || reply(c);
}

static void accept_one(int listener, struct connection *connections) {
    const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    for (size_t i = 0; i < CONNECTIONS && fd >= 0; i++) {
        struct connection *c = &connections[i];
        if (c->fd >= 0)
            continue;
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &(int){ 1 }, sizeof(int));
        c->fd = fd;
        c->head_len = 0;
        c->in_body = false;
        return;
    }
    if (fd >= 0)
        close(fd);
}

int main(void) {
    static struct connection connections[CONNECTIONS];
    struct pollfd polled[CONNECTIONS + 2];
    const int listener = listen_on_loopback();
    for (size_t i = 0; i < CONNECTIONS; i++)
        connections[i].fd = -1;
    for (;;) {
        polled[0] = (struct pollfd){ .fd = STDIN_FILENO, .events = POLLIN };
        polled[1] = (struct pollfd){ .fd = listener, .events = POLLIN };
        for (size_t i = 0; i < CONNECTIONS; i++)
            polled[i + 2] = (struct pollfd){ .fd = connections[i].fd, .events = POLLIN };
        if (poll(polled, CONNECTIONS + 2, -1) < 0)
            die("poll");
        if (polled[0].revents && read(STDIN_FILENO, sink, sizeof sink) <= 0)
            return 0;
        if (polled[1].revents)
            accept_one(listener, connections);
        for (size_t i = 0; i < CONNECTIONS; i++) {
            struct connection *c = &connections[i];
            if (c->fd < 0 || !polled[i + 2].revents)
                continue;
            if (!(c->in_body ? read_body(c) : read_head(c))) {
                close(c->fd);
                c->fd = -1;
            }
        }
    }
}
