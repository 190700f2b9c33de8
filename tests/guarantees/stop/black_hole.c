/* SPDX-License-Identifier: Apache-2.0 */
#include "black_hole.h"

#include "sanitizers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what) {
    perror(what);
    abort();
}

/* ---- a server that reads ----------------------------------------------------------------------------------------- */

static void serve(struct black_hole *hole, const struct http_step *step) {
    hole->server = http_double_start(step, 1);
    snprintf(hole->url, sizeof hole->url, "%s", http_double_url(hole->server, "/v1/traces"));
}

static void stop_serving(struct black_hole *hole) { http_double_stop(hole->server); }

static unsigned requests(struct black_hole *hole) { return (unsigned)http_double_requests(hole->server); }

static const struct http_step silence = { .action = HTTP_STALL };

static void open_answer(struct black_hole *hole) { serve(hole, &silence); }

static void open_half_answer(struct black_hole *hole) {
    /* The server adds a true Content-Length behind this, which becomes that of something else. */
    static const struct http_step half = { .headers = "Content-Length: 1000\r\nX-Other-", .body = "half" };
    serve(hole, &half);
}

static void open_retry_after(struct black_hole *hole) {
    static const struct http_step busy = { .status = 503, .headers = "Retry-After: 20\r\n" };
    serve(hole, &busy);
}

static void open_proxy(struct black_hole *hole) {
    hole->server = http_double_start(&silence, 1);
    setenv("https_proxy", http_double_url(hole->server, ""), 1);
    snprintf(hole->url, sizeof hole->url, "https://collector.invalid:4318/v1/traces");
}

static void close_proxy(struct black_hole *hole) {
    unsetenv("https_proxy");
    stop_serving(hole);
}

const struct black_hole hole_answer = { .stage = "answer",
                                        .open = open_answer,
                                        .close = stop_serving,
                                        .reached = requests,
                                        .own = OTEL_ERR_TIMEOUT,
                                        .batch = 8 };
const struct black_hole hole_half_answer = { .stage = "half answer",
                                             .open = open_half_answer,
                                             .close = stop_serving,
                                             .reached = requests,
                                             .own = OTEL_ERR_TIMEOUT,
                                             .batch = 8 };
const struct black_hole hole_retry_after = { .stage = "Retry-After",
                                             .open = open_retry_after,
                                             .close = stop_serving,
                                             .reached = requests,
                                             .own = OTEL_ERR_EXPORT,
                                             .batch = 8 };
const struct black_hole hole_proxy = {
    .stage = "proxy", .open = open_proxy, .close = close_proxy, .reached = requests, .own = OTEL_ERR_TIMEOUT, .batch = 8
};

/* ---- nobody listens ---------------------------------------------------------------------------------------------- */

static void open_back_off(struct black_hole *hole) {
    hole->port = http_refused_port(&hole->listener);
    snprintf(hole->url, sizeof hole->url, "http://127.0.0.1:%d/v1/traces", hole->port);
}

static void close_back_off(struct black_hole *hole) { close(hole->listener); }

const struct black_hole hole_back_off = {
    .stage = "back-off", .open = open_back_off, .close = close_back_off, .own = OTEL_ERR_EXPORT, .batch = 8
};

/* ---- a listener that does not read ------------------------------------------------------------------------------- */

static void listen_on(struct black_hole *hole, int backlog) {
    hole->port = http_refused_port(&hole->listener);
    if (listen(hole->listener, backlog) != 0)
        die("listen");
    snprintf(hole->url, sizeof hole->url, "http://127.0.0.1:%d/v1/traces", hole->port);
}

static void open_connect(struct black_hole *hole) {
    unsigned count = 0;
    listen_on(hole, 0);
    while (count < HOLE_FILLERS && (hole->others[count] = http_connect_soon(hole->port)) >= 0)
        count++;
    if (count == HOLE_FILLERS)
        die("a queue of length 0 took 64 connections");
}

static void close_connect(struct black_hole *hole) {
    for (unsigned i = 0; hole->others[i] > 0; i++)
        close(hole->others[i]);
    close(hole->listener);
}

/* Sockets of this machine that have sent a SYN to the listener and got nothing back: 1 or 0. */
static unsigned knocking(struct black_hole *hole) {
    char line[256];
    char wanted[32];
    unsigned count = 0;
    FILE *table = fopen("/proc/self/net/tcp", "re");
    if (!table)
        die("/proc/self/net/tcp");
    snprintf(wanted, sizeof wanted, ":%04X 02 ", (unsigned)hole->port);
    while (fgets(line, sizeof line, table))
        count += strstr(line, wanted) != NULL;
    fclose(table);
    return count;
}

const struct black_hole hole_connect = { .stage = "TCP",
                                         .open = open_connect,
                                         .close = close_connect,
                                         .reached = knocking,
                                         .own = OTEL_ERR_TIMEOUT,
                                         .batch = 8 };

/* Connections come about by themselves as long as the queue has room. */
static void open_deaf(struct black_hole *hole) {
    listen_on(hole, HOLE_PEERS);
    if (fcntl(hole->listener, F_SETFL, O_NONBLOCK) != 0)
        die("fcntl");
}

static void open_tls(struct black_hole *hole) {
    open_deaf(hole);
    snprintf(hole->url, sizeof hole->url, "https://127.0.0.1:%d/v1/traces", hole->port);
}

/* The window and the segments are small, so that little of a request fits into the kernel's buffers. */
static void open_body(struct black_hole *hole) {
    const int window = 4096, segment = 536;
    open_deaf(hole);
    if (setsockopt(hole->listener, SOL_SOCKET, SO_RCVBUF, &window, sizeof window) != 0 ||
        setsockopt(hole->listener, IPPROTO_TCP, TCP_MAXSEG, &segment, sizeof segment) != 0)
        die("setsockopt");
}

static void close_deaf(struct black_hole *hole) {
    for (unsigned i = 0; i < hole->peer_count; i++)
        close(hole->peers[i]);
    close(hole->listener);
}

/* Connections whose first bytes have come. */
static unsigned beginnings(struct black_hole *hole) {
    unsigned count = 0;
    const int fd = hole->peer_count < HOLE_PEERS ? accept4(hole->listener, NULL, NULL, SOCK_CLOEXEC) : -1;
    if (fd >= 0)
        hole->peers[hole->peer_count++] = fd;
    for (unsigned i = 0; i < hole->peer_count; i++) {
        int waiting = 0;
        count += ioctl(hole->peers[i], FIONREAD, &waiting) == 0 && waiting > 0;
    }
    return count;
}

size_t hole_body_received(struct black_hole *hole) {
    static char buffer[65536];
    size_t sum = 0;
    const struct timeval patience = { .tv_sec = 10 };
    const int fd = hole->peers[hole->peer_count - 1];
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    for (ssize_t len; (len = recv(fd, buffer, sizeof buffer, 0)) > 0;)
        sum += (size_t)len;
    return sum;
}

const struct black_hole hole_body = { .stage = "request body",
                                      .open = open_body,
                                      .close = close_deaf,
                                      .reached = beginnings,
                                      .own = OTEL_ERR_TIMEOUT,
                                      .batch = 512,
                                      .text = 4096 };

/* libcurl reads the system's certificates while it waits for the first answer, and cannot be interrupted in that. */
const struct black_hole hole_tls = { .stage = "TLS",
                                     .open = open_tls,
                                     .close = close_deaf,
                                     .reached = beginnings,
                                     .arrival_ms = UNDER_TSAN ? 400 : 100,
                                     .own = OTEL_ERR_TIMEOUT,
                                     .batch = 8 };
