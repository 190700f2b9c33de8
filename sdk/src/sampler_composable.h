/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sampler_composable.h - what a composite sampler asks of its parts (specification: trace/sdk.md, GetSamplingIntent).
 */
#ifndef OTEL_SDK_SAMPLER_COMPOSABLE_H
#define OTEL_SDK_SAMPLER_COMPOSABLE_H

#include "sampler_callback.h"
#include "sampler_kinds.h"

/* One sampling, as it goes from part to part. */
struct otel__intent_query {
    const struct otel__sampling *in;
    otel_str ot; /* of the parent's tracestate, which is held */
    struct otel__question question;
    bool open; /* `question` is: only where a user's function is asked */
};

struct otel__intent {
    uint64_t threshold;
    uint64_t root_state; /* borrowed: see otel__state_of_roots(), of this threshold; 0 none */
    bool reliable;
    bool inherited;   /* the threshold is the parent's, and so will be the decision */
    bool crowded;     /* there were more sources than there is room for */
    uint16_t sources; /* of attributes; later ones win */
    struct {
        otel_attrs (*attributes)(void *data);
        void *data;
    } source[OTEL__SAMPLED_LISTS];
    otel_tracestate (*tracestate)(void *data, const otel_tracestate *parent, otel_decision decision);
    void *tracestate_data;
};

/* `intent` holds no threshold and nothing else before. */
void otel__composable_ask(const otel_composable *composable, struct otel__intent_query *query,
                          struct otel__intent *intent);

#endif
