/* SPDX-License-Identifier: Apache-2.0 */
/*
 * discard.c - the benchmark's receiver: accepts HTTP requests on a loopback port, counts the spans in their bodies,
 * forgets them, and answers each with an empty ExportTraceServiceResponse. It understands no more of HTTP than
 * Content-Length and keep-alive, and of the body no more than where each span ends, so that it costs next to nothing.
 * Prints its port; for each line on its standard input it prints the requests and spans since the last, as JSON; it ends
 * when its standard input does.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CONNECTIONS = 16, HEAD_MAX = 8192, BODY_MAX = 64 << 20 };

struct connection {
    int fd;
    size_t head_len; /* bytes of the head collected so far */
    size_t body_len; /* the same of the body */
    size_t length;   /* of the whole body */
    bool in_body;
    char head[HEAD_MAX + 1];
    unsigned char *body; /* BODY_MAX bytes, of which the kernel provides those that are used */
};

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
static unsigned long long requests, spans;

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

/* ---- counting spans ---------------------------------------------------------------------------------------------- */

/* Part of a message. */
struct part {
    const unsigned char *at, *end;
};

static uint64_t varint(struct part *p) {
    uint64_t value = 0;
    for (unsigned shift = 0; p->at < p->end && shift < 64; shift += 7) {
        const unsigned char byte = *p->at++;
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    p->at = p->end;
    return 0;
}

/* Skips to the next field `number`, which is a message, and cuts it off. */
static bool next_message(struct part *p, uint64_t number, struct part *message) {
    while (p->at < p->end) {
        const uint64_t tag = varint(p);
        if ((tag & 7) != 2) /* all fields on the way to spans are messages or texts */
            return false;
        const uint64_t length = varint(p);
        if (length > (uint64_t)(p->end - p->at))
            return false;
        *message = (struct part){ p->at, p->at + length };
        p->at += length;
        if (tag >> 3 == number)
            return true;
    }
    return false;
}

/* ExportTraceServiceRequest.resource_spans, ResourceSpans.scope_spans and ScopeSpans.spans. */
static unsigned count_spans(struct part request) {
    unsigned count = 0;
    struct part resource, scope, span;
    while (next_message(&request, 1, &resource))
        while (next_message(&resource, 2, &scope))
            while (next_message(&scope, 2, &span))
                count++;
    return count;
}

/* ---- HTTP -------------------------------------------------------------------------------------------------------- */

static bool reply(struct connection *c) {
    requests++;
    spans += count_spans((struct part){ c->body, c->body + c->length });
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
    c->body_len = c->head_len - (size_t)(end + 4 - c->head);
    c->length = content_length(c->head);
    if (c->length > BODY_MAX || c->body_len > c->length)
        return false;
    memcpy(c->body, end + 4, c->body_len);
    c->in_body = true;
    return c->body_len < c->length || reply(c);
}

static bool read_body(struct connection *c) {
    const ssize_t n = read(c->fd, c->body + c->body_len, c->length - c->body_len);
    if (n <= 0)
        return false;
    c->body_len += (size_t)n;
    return c->body_len < c->length || reply(c);
}

static unsigned char *map_body(void) {
    void *p = mmap(NULL, BODY_MAX, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        die("otel-discard");
    return p;
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
        if (!c->body)
            c->body = map_body();
        return;
    }
    if (fd >= 0)
        close(fd);
}

/* False: nobody listens any more. */
static bool print_counts(void) {
    char lines[64];
    const ssize_t n = read(STDIN_FILENO, lines, sizeof lines);
    for (ssize_t i = 0; i < n; i++)
        if (lines[i] == '\n') {
            printf("{\"requests\": %llu, \"received\": %llu}\n", requests, spans);
            requests = spans = 0;
        }
    fflush(stdout);
    return n > 0;
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
        if (polled[0].revents && !print_counts())
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
