/* SPDX-License-Identifier: Apache-2.0 */
/* host_lookup.c - see host_lookup.h. */
#include "common/host_lookup.h"

#include "base/sync.h"
#include "common/inherited.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct otel__lookup {
    struct otel__inherited inherited;
    _Atomic uint32_t done; /* what follows is settled; a futex */
    _Atomic unsigned users;
    const char *problem;
    struct otel__addresses addresses;
    otel__resolver resolver;
    int port;
    char host[];
};

/* ---- asking the system ------------------------------------------------------------------------------------------- */

static const char *ask(const char *host, int port, int flags, struct otel__addresses *out) {
    const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICSERV | flags };
    struct addrinfo *found = NULL;
    char service[8];
    snprintf(service, sizeof service, "%d", port);
    const int rc = getaddrinfo(host, service, &hints, &found);
    out->count = 0;
    if (rc != 0)
        return rc == EAI_SYSTEM ? "the system's lookup failed" : gai_strerror(rc);
    for (const struct addrinfo *at = found; at && out->count < sizeof out->items / sizeof *out->items; at = at->ai_next)
        if (at->ai_addrlen <= sizeof out->items->place) {
            struct otel__address *item = &out->items[out->count++];
            *item = (struct otel__address){ .len = at->ai_addrlen };
            memcpy(&item->place, at->ai_addr, at->ai_addrlen);
        }
    freeaddrinfo(found);
    return out->count > 0 ? NULL : "it has no address";
}

const char *otel__resolve(const char *host, int port, struct otel__addresses *out) { return ask(host, port, 0, out); }

bool otel__resolve_numeric(const char *host, int port, struct otel__addresses *out) {
    return !ask(host, port, AI_NUMERICHOST, out);
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

static void release(struct otel__lookup *lookup) {
    if (atomic_fetch_sub(&lookup->users, 1) == 1)
        free(lookup);
}

static void *run(void *arg) {
    struct otel__lookup *lookup = arg;
    lookup->problem = lookup->resolver(lookup->host, lookup->port, &lookup->addresses);
    atomic_store(&lookup->done, 1);
    otel__futex_wake(&lookup->done);
    release(lookup);
    return NULL;
}

/* No signal of the program's is handled on this thread. */
static bool start(struct otel__lookup *lookup) {
    pthread_attr_t attributes;
    sigset_t all, old;
    pthread_t thread;
    if (pthread_attr_init(&attributes) != 0)
        return false;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    const bool started = pthread_create(&thread, &attributes, run, lookup) == 0;
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    pthread_attr_destroy(&attributes);
    return started;
}

/* ---- the asker --------------------------------------------------------------------------------------------------- */

struct otel__lookup *otel__lookup_begin(const char *host, int port, otel__resolver resolver) {
    const size_t size = strlen(host) + 1;
    struct otel__lookup *lookup = calloc(1, sizeof *lookup + size);
    if (!lookup)
        return NULL;
    memcpy(lookup->host, host, size);
    lookup->port = port;
    lookup->resolver = resolver;
    lookup->users = 2;
    if (start(lookup))
        return lookup;
    free(lookup);
    return NULL;
}

bool otel__lookup_await(struct otel__lookup *lookup, uint64_t deadline) {
    while (!atomic_load(&lookup->done))
        if (deadline == 0 || !otel__futex_wait(&lookup->done, 0, deadline))
            return atomic_load(&lookup->done) != 0;
    return true;
}

const char *otel__lookup_result(const struct otel__lookup *lookup, struct otel__addresses *out) {
    *out = lookup->addresses;
    return lookup->problem;
}

void otel__lookup_end(struct otel__lookup *lookup) {
    if (lookup)
        release(lookup);
}

void otel__lookup_leave(struct otel__lookup *lookup) { otel__inherited_leave(lookup ? &lookup->inherited : NULL); }
