/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connections.c - see connections.h.
 *
 * DESIGN. A list of all connections and a thread that looks through it every second, under one lock. The thread only shuts a
 * socket down, which its owner notices as the caller's end; it does so under the lock, so that the socket cannot be closed,
 * and its number given to another, meanwhile.
 */
#include "service/connections.h"

#include "service/moment.h"
#include "service/ticker.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

#define LOOK_MS 1000

struct connection {
    struct connection *previous, *next;
    int socket;
    bool busy;
    struct timespec waiting; /* since when, unless busy */
};

struct connections {
    struct ticker *ticker;
    pthread_mutex_t lock; /* guards what follows, and what the list holds */
    struct connection *first;
};

static void end_those_who_dawdle(void *data) {
    struct connections *connections = data;
    pthread_mutex_lock(&connections->lock);
    for (const struct connection *each = connections->first; each; each = each->next) {
        if (!each->busy && moment_seconds_since(&each->waiting) > HEADERS_SECONDS)
            shutdown(each->socket, SHUT_RDWR);
    }
    pthread_mutex_unlock(&connections->lock);
}

static void destroy(struct connections *connections) {
    pthread_mutex_destroy(&connections->lock);
    free(connections);
}

struct connections *connections_open(void) {
    struct connections *connections = calloc(1, sizeof *connections);
    if (!connections)
        return NULL;
    pthread_mutex_init(&connections->lock, NULL);
    connections->ticker = ticker_start(LOOK_MS, end_those_who_dawdle, connections);
    if (connections->ticker)
        return connections;
    destroy(connections);
    return NULL;
}

void connections_close(struct connections *connections) {
    ticker_stop(connections->ticker);
    destroy(connections);
}

struct connection *connections_add(struct connections *connections, int socket) {
    struct connection *connection = malloc(sizeof *connection);
    if (!connection)
        return NULL;
    pthread_mutex_lock(&connections->lock);
    *connection = (struct connection){ .next = connections->first, .socket = socket, .waiting = moment_now() };
    if (connections->first)
        connections->first->previous = connection;
    connections->first = connection;
    pthread_mutex_unlock(&connections->lock);
    return connection;
}

void connections_remove(struct connections *connections, struct connection *connection) {
    if (!connection)
        return;
    pthread_mutex_lock(&connections->lock);
    if (connection->previous)
        connection->previous->next = connection->next;
    else
        connections->first = connection->next;
    if (connection->next)
        connection->next->previous = connection->previous;
    pthread_mutex_unlock(&connections->lock);
    free(connection);
}

void connections_set_busy(struct connections *connections, struct connection *connection, bool busy) {
    if (!connection)
        return;
    pthread_mutex_lock(&connections->lock);
    connection->busy = busy;
    connection->waiting = moment_now();
    pthread_mutex_unlock(&connections->lock);
}
