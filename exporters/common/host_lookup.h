/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_lookup.h - finds the addresses of a host on a thread of its own.
 *
 * DESIGN. getaddrinfo() may wait for name servers for half a minute, and nothing ends that. So a thread waits, and whoever
 * asked goes on, looks now and then, or gives up. Asker and thread share one block of memory, which the last of the two
 * frees. In a forked child there is no thread: the child leaves its copy of the block behind.
 */
#ifndef OTEL_EXPORTERS_HOST_LOOKUP_H
#define OTEL_EXPORTERS_HOST_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

struct otel__address {
    struct sockaddr_storage place;
    socklen_t len;
};

/* In the order in which they are to be tried. */
struct otel__addresses {
    size_t count;
    struct otel__address items[8];
};

/* Fills `out` for datagrams to that port; NULL, or why it cannot: a static phrase. */
typedef const char *(*otel__resolver)(const char *host, int port, struct otel__addresses *out);

/* By the system's own rules: /etc/hosts, name servers and so on. Waits for them. */
const char *otel__resolve(const char *host, int port, struct otel__addresses *out);
/* Only where `host` is an address itself; does not wait. */
bool otel__resolve_numeric(const char *host, int port, struct otel__addresses *out);

struct otel__lookup;

/* NULL: no memory, or no thread can be had. `host` is copied. */
struct otel__lookup *otel__lookup_begin(const char *host, int port, otel__resolver resolver);
/* Whether it is done, now or until `deadline` (ns of CLOCK_MONOTONIC; 0: without waiting). */
bool otel__lookup_await(struct otel__lookup *lookup, uint64_t deadline);
/* Of one that is done: as otel__resolver. */
const char *otel__lookup_result(const struct otel__lookup *lookup, struct otel__addresses *out);
/* Gives it up, done or not; NULL is ignored. */
void otel__lookup_end(struct otel__lookup *lookup);
/* The same in a forked child. */
void otel__lookup_leave(struct otel__lookup *lookup);

#endif
