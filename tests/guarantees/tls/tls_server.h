/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_server.h - an HTTPS server that answers 200, one request a connection, so that each request is a handshake. On a
 * thread of its own and a free port of 127.0.0.1. Its counts may be asked for from any thread.
 */
#ifndef TLS_SERVER_H
#define TLS_SERVER_H

#include "authority.h"

#include <stddef.h>

typedef struct tls_server tls_server;

/* `clients` NULL: asks clients for no certificate. `newest`: version of TLS, such as TLS1_1_VERSION; 0: all. */
tls_server *tls_server_start(const struct identity *identity, const struct identity *clients, int newest);
/* From now on it resets each connection after the handshake. */
void tls_server_hang_up(tls_server *server);
void tls_server_stop(tls_server *server);
int tls_server_port(const tls_server *server);
size_t tls_server_connections(const tls_server *server);
size_t tls_server_requests(const tls_server *server);
/* The name in the certificate of the last client that made a request; "" if it had none. */
const char *tls_server_client(const tls_server *server);

#endif
