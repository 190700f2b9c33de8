/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query_handler.h - answers a search from the index: the work of kalki-query.
 */
#ifndef KALKI_QUERY_HANDLER_H
#define KALKI_QUERY_HANDLER_H

#include "query/collection.h"
#include "service/http_server.h"

#include <stdatomic.h>

struct query_service {
    struct database *database;
    struct collection *collection;
    unsigned long fail_every;  /* every such search fails on purpose; 0: none */
    atomic_ulong search_count; /* searches that count for fail_every */
};

/** GET /query?q=text[&fail=error|timeout], inside the request's SERVER span. `data` is a struct query_service. */
void query_handle(void *data, const struct http_request *request, struct http_answer *answer);

#endif
