/* SPDX-License-Identifier: Apache-2.0 */
/* Datagrams to the port of the HTTP side: what Jaeger's clients send to an agent, in either Thrift protocol.
 *
 * Whoever owns it waits until its descriptor is readable, then calls view_datagrams_run, which does not wait. */
#ifndef VIEW_DATAGRAMS_H
#define VIEW_DATAGRAMS_H

#include "ingest.h"

/* Listens on a numeric address; the descriptor, or -1 with errno set. */
int view_datagrams_open(const char *host, uint16_t port);
/* Takes what has arrived, but no more than a few hundred datagrams, lest nobody else have a turn. */
void view_datagrams_run(int fd, struct view_ingest *ingest, int64_t now);

#endif
