/* SPDX-License-Identifier: Apache-2.0 */
/* clients.c - see clients.h. */
#include "prometheus/clients.h"

#include "base/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* Until a connection that was shut down is looked at again. */
enum { RETRY_MS = 1000 };

int otel__clients_accept(struct otel__clients *clients, int listener, struct sockaddr *peer, socklen_t *len) {
    otel__lock_acquire(&clients->lock);
    clients->arriving = accept4(listener, peer, len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    const int socket = clients->arriving, error = errno;
    otel__lock_release(&clients->lock);
    errno = error;
    return socket;
}

void otel__clients_arrived(struct otel__clients *clients) {
    otel__lock_acquire(&clients->lock);
    clients->arriving = -1;
    otel__lock_release(&clients->lock);
}

void otel__clients_close(const struct otel__clients *clients) {
    for (const struct otel__client *client = clients->first; client; client = client->next)
        close(client->socket);
    if (clients->arriving >= 0 && (!clients->first || clients->first->socket != clients->arriving))
        close(clients->arriving);
}

struct otel__client *otel__clients_add(struct otel__clients *clients, int socket, uint64_t now) {
    struct otel__client *client = malloc(sizeof *client);
    if (!client)
        return NULL;
    *client = (struct otel__client){ .socket = socket };
    otel__client_enter(client, false, now, OTEL__REQUEST_MS);
    otel__lock_acquire(&clients->lock);
    client->next = clients->first;
    if (client->next)
        client->next->prev = client;
    clients->first = client;
    clients->count++;
    otel__lock_release(&clients->lock);
    return client;
}

void otel__clients_remove(struct otel__clients *clients, struct otel__client *client) {
    if (!client)
        return;
    otel__lock_acquire(&clients->lock);
    if (client->prev)
        client->prev->next = client->next;
    else
        clients->first = client->next;
    if (client->next)
        client->next->prev = client->prev;
    clients->count--;
    otel__lock_release(&clients->lock);
    free(client);
}

void otel__client_enter(struct otel__client *client, bool idle, uint64_t now, int ms) {
    if (!client)
        return;
    client->idle = idle;
    client->deadline = now + (uint64_t)ms * OTEL__MILLISECOND;
}

static void end(struct otel__client *client, uint64_t now) {
    shutdown(client->socket, SHUT_RDWR);
    otel__client_enter(client, false, now, RETRY_MS);
}

/* Of those between two requests, the one whose time is over first. */
static struct otel__client *longest_idle(const struct otel__clients *clients) {
    struct otel__client *found = NULL;
    for (struct otel__client *client = clients->first; client; client = client->next) {
        if (client->idle && (!found || client->deadline < found->deadline))
            found = client;
    }
    return found;
}

bool otel__clients_have_place(const struct otel__clients *clients) {
    return clients->count < OTEL__CLIENTS_MAX || longest_idle(clients);
}

void otel__clients_make_place(struct otel__clients *clients) {
    struct otel__client *client = clients->count < OTEL__CLIENTS_MAX ? NULL : longest_idle(clients);
    if (client)
        end(client, otel__clock_monotonic());
}

void otel__clients_end_late(struct otel__clients *clients, uint64_t now) {
    for (struct otel__client *client = clients->first; client; client = client->next) {
        if (now >= client->deadline)
            end(client, now);
    }
}

void otel__clients_announce_ends(struct otel__clients *clients) {
    for (struct otel__client *client = clients->first; client; client = client->next) {
        char byte;
        if (!client->ended && recv(client->socket, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0) {
            client->ended = true;
            shutdown(client->socket, SHUT_RD);
        }
    }
}

uint64_t otel__clients_deadline(const struct otel__clients *clients) {
    uint64_t first = UINT64_MAX;
    for (const struct otel__client *client = clients->first; client; client = client->next)
        first = client->deadline < first ? client->deadline : first;
    return first;
}
