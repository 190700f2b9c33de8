/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sampler_composite.c - the decision by a threshold that composable parts agree on, and what it leaves in the
 * tracestate (specification: trace/sdk.md, CompositeSampler). Nobody but this file writes the threshold there.
 */
#include "diagnostics.h"
#include "id_generator.h"
#include "sampler_composable.h"
#include "sampler_state.h"
#include "text.h"

/* ---- deciding ---------------------------------------------------------------------------------------------------- */

static uint64_t chance(void) {
    return otel__span_id_random(otel__local_of(otel__thread_self())) & (OTEL__THRESHOLD_NEVER - 1);
}

static otel_decision decide(const otel_sampler *sampler, const struct otel__intent_query *query,
                            const struct otel__intent *intent) {
    uint64_t randomness;
    if (intent->threshold == 0)
        return OTEL_RECORD_AND_SAMPLE;
    if (intent->threshold >= OTEL__THRESHOLD_NEVER)
        return OTEL_DROP;
    if (!intent->reliable)
        randomness = chance();
    else if (!otel__sampling_randomness(query->in, query->ot, &randomness) && !intent->inherited)
        otel__sampler_warn_of_trace_id(sampler, query->in);
    return randomness >= intent->threshold ? OTEL_RECORD_AND_SAMPLE : OTEL_DROP;
}

/* There may be none at all, which is not the empty one. */
static bool same_ot(otel_str a, otel_str b) { return a.ptr && b.ptr ? otel__same_text(a, b) : a.ptr == b.ptr; }

/* Gives `state` the `ot` that the parent's had. */
static void restore_ot(const otel_sampler *sampler, otel_str ot, otel_tracestate *state) {
    static const otel_str key = { "ot", 2 };
    if (otel__sampler_first(&sampler->warned))
        otel_report(OTEL_LOG_ERROR, "sampler/ot",
                    "a composable sampler changed `ot` in a tracestate, which is the SDK's: this is undone");
    otel_tracestate mended = ot.len ? otel_tracestate_set(state, key, ot, NULL) : otel_tracestate_remove(state, key);
    otel_tracestate_release(state);
    *state = mended;
}

static void ask_for_state(const otel_sampler *sampler, const struct otel__intent_query *query,
                          const struct otel__intent *intent, struct otel__sampled *out) {
    const otel_tracestate parent = { { out->state } };
    const struct otel__asking asking = otel__asking_begin();
    otel_tracestate state = intent->tracestate(intent->tracestate_data, &parent, (otel_decision)out->decision);
    otel__asking_end(&asking);
    state.opaque_[0] = otel__state_returned(state);
    if (!same_ot(otel__ot_find(otel__tracestate_text(state.opaque_[0])), query->ot))
        restore_ot(sampler, query->ot, &state);
    otel__tracestate_drop(out->state);
    out->state = state.opaque_[0];
    out->owned = true;
}

static void set_threshold(const otel_sampler *sampler, const struct otel__intent *intent, struct otel__sampled *out) {
    char th[OTEL__THRESHOLD_DIGITS + 1];
    const otel_str ot = otel__ot_find(otel__tracestate_text(out->state));
    if (out->decision == OTEL_RECORD_AND_SAMPLE && intent->reliable) {
        const uint64_t shared = intent->threshold ? intent->root_state : sampler->root_state;
        if (!out->state && otel__state_share(shared, out))
            return;
        otel__threshold_text(intent->threshold, th);
        otel__state_replace_threshold(ot, otel_cstr(th), out);
    } else if (otel__ot_get(ot, "th").ptr) {
        otel__state_replace_threshold(ot, otel_strn(NULL, 0), out);
    }
}

static void collect_attributes(const struct otel__intent *intent, struct otel__sampled *out) {
    for (unsigned i = 0; i < intent->sources; i++)
        out->attributes[i] = intent->source[i].attributes(intent->source[i].data);
    out->lists = intent->sources;
}

static void ask_for_attributes(const struct otel__intent *intent, struct otel__sampled *out) {
    const struct otel__asking asking = otel__asking_begin();
    collect_attributes(intent, out);
    otel__asking_end(&asking);
}

void otel__composite_decide(const otel_sampler *sampler, const struct otel__sampling *in, struct otel__sampled *out) {
    struct otel__intent_query query = { .in = in };
    struct otel__intent intent = { .threshold = OTEL__THRESHOLD_NEVER };
    out->lists = 0;
    otel__state_hold_parent(in, out, &query.ot);
    otel__composable_ask(sampler->composable, &query, &intent);
    out->decision = (uint8_t)decide(sampler, &query, &intent);
    if (intent.tracestate)
        ask_for_state(sampler, &query, &intent, out);
    set_threshold(sampler, &intent, out);
    const bool sampled = out->decision == OTEL_RECORD_AND_SAMPLE;
    if (query.open) {
        if (sampled)
            ask_for_attributes(&intent, out);
        otel__question_close(&query.question);
    } else if (sampled) {
        collect_attributes(&intent, out); /* of our own functions */
    }
}
