/* SPDX-License-Identifier: Apache-2.0 */
/* What the viewer holds, as JSON texts. */
#ifndef VIEW_JSON_API_H
#define VIEW_JSON_API_H

#include "store.h"

#include <stddef.h>

struct view_requests {
    uint64_t received;
    uint64_t accepted;
    uint64_t rejected; /* answered with an error */
    uint64_t spans_received;
    uint64_t spans_rejected; /* of them: not kept, and not duplicates */
};

/* Each returns a malloc'd text and its length; NULL when out of memory. */

/* {"traces": [...]}, newest first. */
char *view_json_traces(const struct view_store *store, size_t *len);

/* {"trace_id": ..., "spans": [...]}, the spans in the order of the tree. */
char *view_json_trace(const struct view_trace *trace, size_t *len);

char *view_json_stats(const struct view_store *store, const struct view_requests *requests, size_t *len);

#endif
