/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grpc_fault_server.c - the fault_server of gRPC: a relay, which does to connections what the fault says, in front of a
 * grpc_double, which does it to calls.
 *
 * The relay's thread has the connections, the double's the calls; what both look at is behind the lock. Where a call is to
 * lose its connection, the double's thread asks the relay's for it and waits. Answers of a fault are written as a status
 * and a word: see the_answer().
 */
#include "fault_server.h"

#include "grpc_double.h"
#include "http_double.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CONNECTIONS = 64, FILLERS = 64, TICK_MS = 5, HALF_OF_A_REQUEST = 150000, PART_OF_AN_ANSWER = 5 };

struct relayed {
    int client, upstream; /* -1: free */
    size_t sent;          /* bytes of the client */
    bool held;
};

struct fault_server {
    struct fault fault;
    void (*take)(void *data, const uint8_t *body, size_t len);
    void *data;
    grpc_double *calls;
    struct grpc_step answer; /* of the fault */
    int listener, port, fillers[FILLERS];
    struct relayed relayed[CONNECTIONS]; /* the relay's thread's */
    pthread_t thread;
    atomic_bool stopping;
    atomic_bool wanted; /* a call asks the relay for a strike */
    pthread_mutex_t lock;
    int lasts_ms;
    int64_t over_at; /* ms; -1: not known yet, or never */
    unsigned strikes;
};

static const struct grpc_step fine = { .status = 0 };

static int64_t now_ms(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool is_faulty(fault_server *server) {
    pthread_mutex_lock(&server->lock);
    const bool faulty = server->over_at < 0 || now_ms() < server->over_at;
    pthread_mutex_unlock(&server->lock);
    return faulty;
}

static void count_strike(fault_server *server) {
    pthread_mutex_lock(&server->lock);
    if (server->strikes++ == 0 && server->lasts_ms >= 0)
        server->over_at = now_ms() + server->lasts_ms;
    pthread_mutex_unlock(&server->lock);
}

/* ---- connections -------------------------------------------------------------------------------------------------- */

static void drop(struct relayed *one, bool reset) {
    const struct linger now = { .l_onoff = 1, .l_linger = 0 };
    if (one->client < 0)
        return;
    if (reset)
        setsockopt(one->client, SOL_SOCKET, SO_LINGER, &now, sizeof now);
    close(one->client);
    close(one->upstream);
    *one = (struct relayed){ .client = -1, .upstream = -1 };
}

static void strike(fault_server *server, struct relayed *one) {
    count_strike(server);
    if (server->fault.act == FAULT_ANSWER)
        send(one->client, server->fault.answer, strlen(server->fault.answer), MSG_NOSIGNAL);
    if (server->fault.act == FAULT_STALL)
        one->held = true;
    else
        drop(one, server->fault.act == FAULT_RESET);
}

static bool strikes_at(fault_server *server, enum fault_point point) {
    return server->fault.point == point && is_faulty(server);
}

static bool relay(int from, int to, size_t most, size_t *moved) {
    char bytes[16384];
    const ssize_t got = recv(from, bytes, most < sizeof bytes ? most : sizeof bytes, 0);
    for (ssize_t at = 0; at < got;) {
        const ssize_t sent = send(to, bytes + at, (size_t)(got - at), MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        at += sent;
    }
    *moved = got > 0 ? (size_t)got : 0;
    return got > 0;
}

static void from_client(fault_server *server, struct relayed *one) {
    size_t moved = 0;
    if (strikes_at(server, FAULT_IN_HEAD))
        strike(server, one);
    else if (!relay(one->client, one->upstream, 16384, &moved))
        drop(one, false);
    one->sent += moved;
    if (one->sent >= HALF_OF_A_REQUEST && strikes_at(server, FAULT_IN_BODY))
        strike(server, one);
}

static void from_upstream(fault_server *server, struct relayed *one) {
    size_t moved = 0;
    const bool cut = server->fault.point == FAULT_IN_ANSWER_BODY && atomic_exchange(&server->wanted, false);
    if (!relay(one->upstream, one->client, cut ? PART_OF_AN_ANSWER : 16384, &moved))
        drop(one, false);
    else if (cut)
        strike(server, one);
}

static int connect_upstream(const fault_server *server) {
    const struct sockaddr_in address = { .sin_family = AF_INET,
                                         .sin_port = htons((uint16_t)grpc_double_port(server->calls)),
                                         .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0)
        abort();
    return fd;
}

static void accept_one(fault_server *server) {
    struct relayed *one = server->relayed;
    while (one < server->relayed + CONNECTIONS && one->client >= 0)
        one++;
    if (one == server->relayed + CONNECTIONS)
        abort();
    one->client = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);
    if (one->client < 0)
        return;
    one->upstream = connect_upstream(server);
    if (strikes_at(server, FAULT_AT_CONNECT))
        strike(server, one);
}

/* ---- the relay's thread -------------------------------------------------------------------------------------------- */

/* What a fault that keeps connections from coming about leaves behind when it is over. */
static void listen_well(fault_server *server) {
    for (unsigned i = 0; i < FILLERS && server->fillers[i] > 0; i++)
        close(server->fillers[i]);
    server->fillers[0] = 0;
    if (listen(server->listener, CONNECTIONS) != 0)
        abort();
}

static void strike_for_a_call(fault_server *server) {
    if (server->fault.point != FAULT_BEFORE_ANSWER || !atomic_load(&server->wanted))
        return;
    for (size_t i = 0; i < CONNECTIONS; i++)
        if (server->relayed[i].client >= 0)
            strike(server, &server->relayed[i]);
    atomic_store(&server->wanted, false);
}

static void relay_some(fault_server *server) {
    struct pollfd fds[2 * CONNECTIONS + 1] = { { .fd = server->listener, .events = POLLIN } };
    for (size_t i = 0; i < CONNECTIONS; i++) {
        struct relayed *one = &server->relayed[i];
        one->held = one->held && is_faulty(server);
        fds[2 * i + 1] = (struct pollfd){ .fd = one->held ? -1 : one->client, .events = POLLIN };
        fds[2 * i + 2] = (struct pollfd){ .fd = one->held ? -1 : one->upstream, .events = POLLIN };
    }
    poll(fds, 2 * CONNECTIONS + 1, TICK_MS);
    for (size_t i = 0; i < CONNECTIONS; i++) {
        struct relayed *one = &server->relayed[i];
        if (fds[2 * i + 1].revents)
            from_client(server, one);
        if (fds[2 * i + 2].revents && one->client >= 0 && !one->held)
            from_upstream(server, one);
    }
    if (fds[0].revents & POLLIN)
        accept_one(server);
}

static void *run(void *arg) {
    fault_server *server = arg;
    bool closed = server->fault.act == FAULT_REFUSE || server->fault.act == FAULT_DEAF;
    while (!atomic_load(&server->stopping)) {
        if (closed && !is_faulty(server)) {
            listen_well(server);
            closed = false;
        }
        if (closed)
            usleep(TICK_MS * 1000);
        else
            relay_some(server);
        strike_for_a_call(server);
    }
    return NULL;
}

/* ---- calls --------------------------------------------------------------------------------------------------------- */

static void wait_while(fault_server *server, bool (*holds)(fault_server *server)) {
    while (!atomic_load(&server->stopping) && holds(server))
        usleep(TICK_MS * 1000);
}

static bool is_wanted(fault_server *server) { return atomic_load(&server->wanted); }

/* On the double's thread. */
static const struct grpc_step *judge(void *data, const uint8_t *body, size_t len) {
    fault_server *server = data;
    const struct fault *fault = &server->fault;
    if (fault->point < FAULT_BEFORE_ANSWER || !is_faulty(server)) {
        server->take(server->data, body, len);
        return &fine;
    }
    if (fault->takes)
        server->take(server->data, body, len);
    if (fault->act == FAULT_ANSWER) {
        count_strike(server);
        return &server->answer;
    }
    if (fault->act == FAULT_STALL && fault->point == FAULT_BEFORE_ANSWER) {
        count_strike(server);
        wait_while(server, is_faulty);
        return &fine;
    }
    atomic_store(&server->wanted, true);
    if (fault->point == FAULT_BEFORE_ANSWER)
        wait_while(server, is_wanted);
    return &fine;
}

/* "STATUS", "STATUS SECONDS" with a RetryInfo, "0 reject", "0 page" or "0 large". */
static void read_answer(struct grpc_step *step, const char *text) {
    static char details[64], large[5 * 1024 * 1024];
    char *more = NULL;
    step->status = (int)strtol(text, &more, 10);
    const unsigned seconds = (unsigned)strtoul(more, NULL, 10);
    if (strcmp(more, " reject") == 0)
        *step = (struct grpc_step){ .body = "\x0a\x02\x08\x0a", .body_len = 4 };
    else if (strcmp(more, " page") == 0)
        *step = (struct grpc_step){ .body = "<html>", .body_len = 6 };
    else if (strcmp(more, " large") == 0)
        *step = (struct grpc_step){ .body = large, .body_len = sizeof large };
    if (seconds == 0)
        return;
    const int len = snprintf(details, sizeof details, "\x1a\x1f\x0a\x16t/google.rpc.RetryInfo\x12\x05\x0a\x03\x08%c%c",
                             (int)(seconds % 128 + 128), (int)(seconds / 128));
    step->details = details;
    step->details_len = (size_t)len;
}

/* ---- start and stop ------------------------------------------------------------------------------------------------ */

static void open_listener(fault_server *server) {
    server->listener = -1;
    server->port = http_refused_port(&server->listener);
    if (server->fault.act == FAULT_REFUSE)
        return;
    if (listen(server->listener, server->fault.act == FAULT_DEAF ? 0 : CONNECTIONS) != 0)
        abort();
    for (unsigned i = 0; i < FILLERS && server->fault.act == FAULT_DEAF; i++) {
        server->fillers[i] = http_connect_soon(server->port);
        if (server->fillers[i] < 0)
            return;
    }
}

fault_server *fault_server_start(const struct fault *fault, int lasts_ms,
                                 void (*take)(void *data, const uint8_t *body, size_t len), void *data) {
    fault_server *server = calloc(1, sizeof *server);
    if (!server)
        abort();
    server->fault = *fault;
    server->take = take;
    server->data = data;
    server->lasts_ms = lasts_ms;
    server->over_at = -1;
    pthread_mutex_init(&server->lock, NULL);
    for (size_t i = 0; i < CONNECTIONS; i++)
        server->relayed[i].client = server->relayed[i].upstream = -1;
    if (fault->act == FAULT_ANSWER && fault->point == FAULT_BEFORE_ANSWER)
        read_answer(&server->answer, fault->answer);
    const struct grpc_double_options options = { .judge = judge, .data = server };
    server->calls = grpc_double_start_with(&options, &fine, 1);
    open_listener(server);
    if ((fault->act == FAULT_REFUSE || fault->act == FAULT_DEAF) && lasts_ms >= 0)
        server->over_at = now_ms() + lasts_ms;
    pthread_create(&server->thread, NULL, run, server);
    return server;
}

unsigned fault_server_stop(fault_server *server) {
    atomic_store(&server->stopping, true);
    pthread_join(server->thread, NULL);
    for (size_t i = 0; i < CONNECTIONS; i++)
        drop(&server->relayed[i], false);
    grpc_double_stop(server->calls);
    close(server->listener);
    const unsigned strikes = server->strikes;
    free(server);
    return strikes;
}

int fault_server_port(const fault_server *server) { return server->port; }
