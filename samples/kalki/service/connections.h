/* SPDX-License-Identifier: Apache-2.0 */
/*
 * connections.h - closes the connections of callers who don't get on with asking: who sends a byte of a request now and then
 * is never idle, and would take away a connection from the others for good.
 */
#ifndef KALKI_CONNECTIONS_H
#define KALKI_CONNECTIONS_H

#include <stdbool.h>

/** The headers of a request must be there that long after the connection began, or its last answer ended. */
#define HEADERS_SECONDS 10

struct connections;
struct connection;

/** Starts a thread. NULL: there is no memory, or no thread. */
struct connections *connections_open(void);

/** When no connection is left that was added. */
void connections_close(struct connections *connections);

/** From any thread. NULL, for want of memory, may be given to the others: nobody watches that connection. */
struct connection *connections_add(struct connections *connections, int socket);

/** Before its socket is closed, whose number may soon be another's. */
void connections_remove(struct connections *connections, struct connection *connection);

/** The headers of a request are there, or its answer has ended. */
void connections_set_busy(struct connections *connections, struct connection *connection, bool busy);

#endif
