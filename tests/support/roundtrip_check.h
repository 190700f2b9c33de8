/* SPDX-License-Identifier: Apache-2.0 */
/* roundtrip_check.h - requests as they were received, against the plan whose spans they carry. No cmocka in here. */
#ifndef ROUNDTRIP_CHECK_H
#define ROUNDTRIP_CHECK_H

#include "roundtrip_expect.h"
#include "roundtrip_features.h"
#include "roundtrip_run.h"
#include "roundtrip_wire.h"

enum { ROUNDTRIP_THREADS = 4 };

struct roundtrip_check {
    /* What is to be expected; to be filled in before the plan is given. */
    enum roundtrip_roots roots;
    struct roundtrip_list resource;
    otel_str schema_url;
    struct roundtrip_clock clock;
    struct roundtrip_features *features; /* of what arrives as it has to */

    struct roundtrip_problem problem; /* the first; "" while there is none */

    /* Sums over all plans, for the ledger: what must have been counted. */
    uint64_t received, recorded, unsampled, abandoned, dropped_attributes, dropped_events, dropped_links;

    /* The check's own. */
    struct roundtrip_pool pool;
    struct roundtrip_span **index; /* by span id */
    size_t count;
    size_t ended_before[ROUNDTRIP_THREADS]; /* of each thread's spans, those in earlier requests */
};

/* Begins with a plan that has been run. */
void roundtrip_check_begin(struct roundtrip_check *check, struct roundtrip_plan *plan);
/* A request that arrived, in the order of arrival. False: see `problem`. */
bool roundtrip_check_request(struct roundtrip_check *check, const uint8_t *bytes, size_t len);
/* All requests have arrived: nothing may be missing. False: see `problem`. Ends with the plan, whatever it says. */
bool roundtrip_check_end(struct roundtrip_check *check);

#endif
