/* SPDX-License-Identifier: Apache-2.0 */
/* The viewer's HTTP side: POST /v1/traces and Zipkin's /api/v2/spans, GET /api/traces, /api/traces/{trace_id}, /api/stats
 * and /health.
 *
 * It has no thread of its own: whoever owns it waits until view_server_fd is readable or view_server_timeout has
 * passed, then calls view_server_run. Bounded are the connections, what they may send, how long they may be silent and
 * how long one request may take, and the answers that wait to be fetched. */
#ifndef VIEW_SERVER_H
#define VIEW_SERVER_H

#include "ingest.h"

#include <stdint.h>

struct view_server;

/* Listens on a numeric address; port 0 takes any free one. On failure returns NULL and puts the reason, a static text,
 * into `*problem`. The ingest must outlive the server. */
struct view_server *view_server_start(const char *host, uint16_t port, struct view_ingest *ingest,
                                      const char **problem);
void view_server_stop(struct view_server *server);

uint16_t view_server_port(const struct view_server *server);
int view_server_fd(const struct view_server *server);

/* Milliseconds until view_server_run has something to do even if nothing arrives; -1 when there is no such time. */
int view_server_timeout(struct view_server *server, int64_t now);

/* Serves what has arrived, without waiting. */
void view_server_run(struct view_server *server, int64_t now);

#endif
