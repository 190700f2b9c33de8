/* SPDX-License-Identifier: Apache-2.0 */
/* sampler_state.h - the tracestate that a decision leaves, and the threshold in it. */
#ifndef OTEL_SDK_SAMPLER_STATE_H
#define OTEL_SDK_SAMPLER_STATE_H

#include "backend.h"
#include "sampler.h"
#include "sampler_ot.h"

static inline bool otel__parent_sampled(const struct otel__sampling *in) {
    return in->parent && (in->parent->opaque_[OTEL__W_META] & OTEL_FLAG_SAMPLED);
}

/* The randomness that `ot` names; false: it names none of use, and what is there is that of the trace id. */
bool otel__sampling_randomness(const struct otel__sampling *in, otel_str ot, uint64_t *randomness);
/* The threshold in `ot`, if it says why the parent was sampled, or not. */
bool otel__parent_threshold(const struct otel__sampling *in, otel_str ot, uint64_t *threshold);

/* Takes a strong reference to the parent's tracestate, unless it is gone, and finds its `ot`. */
bool otel__state_hold_parent(const struct otel__sampling *in, struct otel__sampled *out, otel_str *ot);
/* The reference that a user's function returned; 0 when it was given back already. */
uint64_t otel__state_returned(otel_tracestate state);
/* A strong reference to "ot=th:...", which spans without any other tracestate may share; 0 when there is no room. */
uint64_t otel__state_of_roots(const char *th);
/* Gives `out`, which has none, that tracestate. False: not there, or with as many references as can be counted. */
bool otel__state_share(uint64_t state, struct otel__sampled *out);
/*
 * Gives `out`, whose tracestate has this `ot`, another one with `th`; with `th.ptr` NULL, without any. Leaves it when
 * it has just this `th`: places for tracestates are bounded.
 */
void otel__state_replace_threshold(otel_str ot, otel_str th, struct otel__sampled *out);
/* For a decision that is made without a threshold: the parent's, without a `th` that would be wrong now. */
void otel__state_inherit(const struct otel__sampling *in, struct otel__sampled *out);
/* For a decision to sample whatever there is: the parent's, in which a `th` becomes that of certainty. */
void otel__state_claim_all(const struct otel__sampling *in, struct otel__sampled *out);

/* The whole of a decision that inherits. */
static inline void otel__decide_plainly(otel_decision decision, const struct otel__sampling *in,
                                        struct otel__sampled *out) {
    out->decision = (uint8_t)decision;
    out->owned = false;
    out->lists = 0;
    out->state = 0;
    if (in->parent_state)
        otel__state_inherit(in, out);
}

#endif
