/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query_failure.h - the failures that searches have on purpose, so that there is something to see in a trace.
 */
#ifndef KALKI_QUERY_FAILURE_H
#define KALKI_QUERY_FAILURE_H

#include "query/query_handler.h"

struct query_failure {
    const char *name;      /* as in fail=name */
    unsigned status;       /* of the HTTP answer */
    const char *type;      /* for error.type */
    const char *exception; /* for exception.type */
    const char *text;
    long wait_ms; /* before it shows */
};

/** How this search fails: as the request says, or every N-th; NULL when it does not. */
const struct query_failure *query_failure_wanted(struct query_service *service, const struct http_request *request,
                                                 const struct query_terms *terms);

/** Whether the failure (may be NULL) strikes in this shard, after its time. */
bool query_failure_strikes(const struct query_failure *failure, size_t shard);

#endif
