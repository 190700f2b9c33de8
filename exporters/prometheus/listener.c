/* SPDX-License-Identifier: Apache-2.0 */
/* listener.c - see listener.h. */
#include "prometheus/listener.h"

#include "common/host_lookup.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 128, ATTEMPTS = 8 };

static in_port_t *port_of(struct otel__address *address) {
    return address->place.ss_family == AF_INET6 ? &((struct sockaddr_in6 *)&address->place)->sin6_port
                                                : &((struct sockaddr_in *)&address->place)->sin_port;
}

static bool is_any_v6(const struct otel__address *address) {
    return address->place.ss_family == AF_INET6 &&
           IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)&address->place)->sin6_addr);
}

/* :: takes IPv4 as well, as people expect. */
static bool set_up(int socket, const struct otel__address *address) {
    const int on = 1, only = !is_any_v6(address);
    if (setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        return false;
    if (address->place.ss_family == AF_INET6 && setsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) != 0)
        return false;
    return bind(socket, (const struct sockaddr *)&address->place, address->len) == 0 && listen(socket, BACKLOG) == 0;
}

/* A socket, or -1 with errno. `*port` 0 becomes the port that was free. */
static int listen_at(const struct otel__address *address, int *port) {
    struct otel__address here = *address;
    *port_of(&here) = htons((in_port_t)*port);
    const int listener = socket(here.place.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0)
        return -1;
    if (set_up(listener, &here) && getsockname(listener, (struct sockaddr *)&here.place, &here.len) == 0) {
        *port = ntohs(*port_of(&here));
        return listener;
    }
    const int error = errno;
    close(listener);
    errno = error;
    return -1;
}

/* A machine may have names for IPv6, and no IPv6. */
static bool is_missing(int error) { return error == EADDRNOTAVAIL || error == EAFNOSUPPORT; }

/* 0, or an error number. Addresses that this machine doesn't have count only if it has none of them. */
static int listen_at_all(struct otel__listeners *listeners, const struct otel__addresses *addresses, int port) {
    int missing = EADDRNOTAVAIL;
    *listeners = (struct otel__listeners){ .port = port };
    for (size_t i = 0; i < addresses->count && listeners->count < OTEL__LISTENERS; i++) {
        const int listener = listen_at(&addresses->items[i], &listeners->port);
        if (listener >= 0) {
            listeners->sockets[listeners->count++] = listener;
        } else if (is_missing(errno)) {
            missing = errno;
        } else {
            const int error = errno;
            otel__listeners_close(listeners);
            return error;
        }
    }
    return listeners->count > 0 ? 0 : missing;
}

/* The name means this machine wherever it is looked up, so that nobody is asked. */
static const char *look_up(const char *host, struct otel__addresses *addresses) {
    struct otel__addresses second = { 0 };
    if (strcmp(host, "localhost") != 0)
        return otel__resolve_numeric(host, 0, addresses) ? NULL : otel__resolve(host, 0, addresses);
    if (!otel__resolve_numeric("127.0.0.1", 0, addresses))
        return "127.0.0.1 is no address here";
    if (otel__resolve_numeric("::1", 0, &second))
        addresses->items[addresses->count++] = second.items[0];
    return NULL;
}

const char *otel__listen(struct otel__listeners *listeners, const char *host, int port, char why[static 128]) {
    struct otel__addresses addresses = { 0 };
    const char *problem = look_up(host, &addresses);
    if (problem) {
        snprintf(why, 128, "its host cannot be found: %s", problem);
        return why;
    }
    int error = listen_at_all(listeners, &addresses, port);
    /* A port that is free at one address may be in use at the next one. */
    for (int i = 0; i < ATTEMPTS && error == EADDRINUSE && port == 0; i++)
        error = listen_at_all(listeners, &addresses, port);
    if (error == 0)
        return NULL;
    if (error == EADDRINUSE)
        snprintf(why, 128, "the port is in use");
    else if (is_missing(error))
        snprintf(why, 128, "its host is not an address of this machine");
    else
        snprintf(why, 128, "%s", strerror(error));
    return why;
}

void otel__listeners_close(struct otel__listeners *listeners) {
    for (size_t i = 0; i < listeners->count; i++)
        close(listeners->sockets[i]);
    listeners->count = 0;
}
