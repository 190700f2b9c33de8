/* SPDX-License-Identifier: Apache-2.0 */
#include "collector.h"

#include "http_double.h"
#include "trace_request.pb-c.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { CLIENTS = 64, CHUNK = 65536 };

struct client {
    int fd; /* -1: none */
    char *in;
    size_t len, room;
};

static void die(const char *what) {
    perror(what);
    abort();
}

/* ---- what a request holds ---------------------------------------------------------------------------------------- */

uint64_t collector_id(const uint8_t id[8]) {
    uint64_t word;
    memcpy(&word, id, sizeof word);
    return word;
}

static void note_span(struct collector_tally *tally, const Otel__Otlp__Span *span) {
    const uint64_t index = atomic_load(&tally->spans);
    if (span->span_id.len != 8)
        atomic_fetch_add(&tally->bad, 1);
    else if (index < COLLECTOR_IDS)
        tally->ids[index] = collector_id(span->span_id.data);
    atomic_fetch_add(&tally->spans, 1);
}

static void note_request(struct collector_tally *tally, const char *body, size_t len) {
    Otel__Otlp__ExportTraceServiceRequest *request =
        otel__otlp__export_trace_service_request__unpack(NULL, len, (const uint8_t *)body);
    if (!request)
        atomic_fetch_add(&tally->bad, 1);
    for (size_t r = 0; request && r < request->n_resource_spans; r++)
        for (size_t s = 0; s < request->resource_spans[r]->n_scope_spans; s++)
            for (size_t i = 0; i < request->resource_spans[r]->scope_spans[s]->n_spans; i++)
                note_span(tally, request->resource_spans[r]->scope_spans[s]->spans[i]);
    if (request)
        otel__otlp__export_trace_service_request__free_unpacked(request, NULL);
    atomic_fetch_add(&tally->requests, 1);
}

/* ---- the server -------------------------------------------------------------------------------------------------- */

static void drop(struct collector_tally *tally, struct client *client) {
    atomic_fetch_sub(&tally->connections, 1);
    close(client->fd);
    free(client->in);
    *client = (struct client){ .fd = -1 };
}

/* Takes a whole request off the front, if there is one: the SDK sends the next when it has got the answer. */
static void answer(struct collector_tally *tally, struct client *client) {
    static const char fine[] = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 0\r\n\r\n";
    const char *end = memmem(client->in, client->len, "\r\n\r\n", 4);
    const char *length = memmem(client->in, client->len, "Content-Length: ", 16);
    if (!end || !length)
        return;
    const size_t head = (size_t)(end - client->in) + 4;
    const size_t body = strtoull(length + 16, NULL, 10);
    if (client->len < head + body)
        return;
    note_request(tally, client->in + head, body);
    client->len = 0;
    if (send(client->fd, fine, sizeof fine - 1, MSG_NOSIGNAL) < 0)
        drop(tally, client);
}

static void receive(struct collector_tally *tally, struct client *client) {
    if (client->room - client->len < CHUNK) {
        client->room = client->room * 2 + CHUNK;
        client->in = realloc(client->in, client->room);
        if (!client->in)
            die("realloc");
    }
    const ssize_t len = recv(client->fd, client->in + client->len, client->room - client->len, 0);
    if (len <= 0) {
        drop(tally, client);
        return;
    }
    client->len += (size_t)len;
    answer(tally, client);
}

static void welcome(int listener, struct collector_tally *tally, struct client *clients) {
    const int fd = accept(listener, NULL, NULL);
    for (size_t i = 0; fd >= 0 && i < CLIENTS; i++)
        if (clients[i].fd < 0) {
            clients[i].fd = fd;
            atomic_fetch_add(&tally->connections, 1);
            return;
        }
    die("accept");
}

__attribute__((noreturn)) static void serve(int listener, struct collector_tally *tally) {
    struct client clients[CLIENTS];
    struct pollfd fds[CLIENTS + 1];
    for (size_t i = 0; i < CLIENTS; i++)
        clients[i] = (struct client){ .fd = -1 };
    for (;;) {
        for (size_t i = 0; i < CLIENTS; i++)
            fds[i] = (struct pollfd){ .fd = clients[i].fd, .events = POLLIN };
        fds[CLIENTS] = (struct pollfd){ .fd = listener, .events = POLLIN };
        if (poll(fds, CLIENTS + 1, -1) < 0 && errno != EINTR)
            die("poll");
        for (size_t i = 0; i < CLIENTS; i++)
            if (fds[i].fd >= 0 && fds[i].revents)
                receive(tally, &clients[i]);
        if (fds[CLIENTS].revents)
            welcome(listener, tally, clients);
    }
}

/* ---- for tests --------------------------------------------------------------------------------------------------- */

struct collector collector_start(void) {
    struct collector collector;
    int listener;
    collector.port = http_refused_port(&listener);
    collector.tally = mmap(NULL, sizeof *collector.tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (collector.tally == MAP_FAILED || listen(listener, CLIENTS) != 0)
        die("collector");
    snprintf(collector.url, sizeof collector.url, "http://127.0.0.1:%d/v1/traces", collector.port);
    collector.process = fork();
    if (collector.process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        serve(listener, collector.tally);
    }
    if (collector.process < 0)
        die("fork");
    close(listener);
    return collector;
}

void collector_stop(struct collector *collector) {
    kill(collector->process, SIGKILL);
    waitpid(collector->process, NULL, 0);
    munmap(collector->tally, sizeof *collector->tally);
}

/* Connections are accepted in turn: when one that is new has been answered, no older one waits to be noticed. */
void collector_settle(struct collector *collector) {
    static const char request[] = "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n";
    char reply[256];
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons((uint16_t)collector->port),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
        send(fd, request, sizeof request - 1, MSG_NOSIGNAL) < 0 || recv(fd, reply, sizeof reply, 0) <= 0)
        die("collector_settle");
    close(fd);
    while (atomic_load(&collector->tally->connections) != 0)
        nanosleep(&(struct timespec){ .tv_nsec = 100000 }, NULL);
}

void collector_forget(struct collector *collector) { atomic_store(&collector->tally->spans, 0); }
