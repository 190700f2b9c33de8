/* SPDX-License-Identifier: Apache-2.0 */
/* listener.h - sockets on which a server waits, for each address of a host one. */
#ifndef OTEL_PROMETHEUS_LISTENER_H
#define OTEL_PROMETHEUS_LISTENER_H

#include <stdbool.h>
#include <stddef.h>

enum { OTEL__LISTENERS = 8 };

struct otel__listeners {
    int sockets[OTEL__LISTENERS];
    size_t count;
    int port;
};

/*
 * Listens at all addresses of `host` (localhost: 127.0.0.1, and ::1 where there is IPv6), on the same port; 0: on any that
 * is free. May wait for name servers. NULL, or why it cannot: a phrase in `why`.
 */
const char *otel__listen(struct otel__listeners *listeners, const char *host, int port, char why[static 128]);
void otel__listeners_close(struct otel__listeners *listeners);

#endif
