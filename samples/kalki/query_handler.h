/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query_handler.h - answers a search from the index: the work of kalki-query.
 */
#ifndef KALKI_QUERY_HANDLER_H
#define KALKI_QUERY_HANDLER_H

#include "http_server.h"
#include "search_index.h"

#include <otel/trace.h>
#include <stdatomic.h>

struct query_service {
    struct search_index *index;
    otel_span built_by;        /* the span that built the index: searches link to it */
    unsigned long fail_every;  /* every such search fails on purpose; 0: none */
    atomic_ulong search_count; /* searches that count for fail_every */
};

/** Builds the index; false when memory is short. */
bool query_service_open(struct query_service *service, unsigned long fail_every);
void query_service_close(struct query_service *service);

/** GET /query?q=text[&fail=error|timeout], inside the request's SERVER span. `data` is a struct query_service. */
void query_handle(void *data, const struct http_request *request, struct http_answer *answer);

#endif
