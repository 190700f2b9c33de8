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
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows, and what the list holds */
    pthread_cond_t closes;
    struct connection *first;
    bool closing;
};

/* With the lock held. */
static void end_those_who_dawdle(const struct connections *connections) {
    for (const struct connection *each = connections->first; each; each = each->next) {
        if (!each->busy && moment_seconds_since(&each->waiting) > HEADERS_SECONDS)
            shutdown(each->socket, SHUT_RDWR);
    }
}

static void *watch(void *data) {
    struct connections *connections = data;
    pthread_mutex_lock(&connections->lock);
    while (!connections->closing) {
        struct timespec next = moment_in(LOOK_MS);
        pthread_cond_timedwait(&connections->closes, &connections->lock, &next);
        end_those_who_dawdle(connections);
    }
    pthread_mutex_unlock(&connections->lock);
    return NULL;
}

static void destroy(struct connections *connections) {
    pthread_cond_destroy(&connections->closes);
    pthread_mutex_destroy(&connections->lock);
    free(connections);
}

struct connections *connections_open(void) {
    struct connections *connections = calloc(1, sizeof *connections);
    if (!connections)
        return NULL;
    pthread_mutex_init(&connections->lock, NULL);
    moment_condition(&connections->closes);
    if (pthread_create(&connections->thread, NULL, watch, connections) == 0)
        return connections;
    destroy(connections);
    return NULL;
}

void connections_close(struct connections *connections) {
    pthread_mutex_lock(&connections->lock);
    connections->closing = true;
    pthread_cond_signal(&connections->closes);
    pthread_mutex_unlock(&connections->lock);
    pthread_join(connections->thread, NULL);
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
