/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sampler_probability.c - the samplers that decide by a threshold of their own: `traceidratio`, which goes by the trace
 * id whatever the tracestate says, and the probability sampler, which goes by the trace's randomness.
 */
#include "diagnostics.h"
#include "sampler_kinds.h"
#include "sampler_state.h"

/* ---- deciding ---------------------------------------------------------------------------------------------------- */

static void use_root_state(const otel_sampler *sampler, struct otel__sampled *out) {
    out->owned = otel__tracestate_retain(sampler->root_state); /* which may have as many as can be counted */
    out->state = out->owned ? sampler->root_state : 0;
}

static void set_threshold(const otel_sampler *sampler, const struct otel__sampling *in, struct otel__sampled *out) {
    otel_str ot;
    uint64_t randomness;
    otel__state_hold_parent(in, out, &ot);
    /* We decided by the trace id all the same, which an explicit randomness says to be not random: no claim, then. */
    bool silent = otel__sampling_randomness(in, ot, &randomness);
    if (!silent)
        otel__state_replace_threshold(ot, otel_cstr(sampler->th), out);
    else if (otel__ot_get(ot, "th").ptr)
        otel__state_replace_threshold(ot, otel_strn(NULL, 0), out);
}

static void warn_of_parent(const otel_sampler *sampler) {
    if (otel__sampler_first(&sampler->warned))
        otel_report(OTEL_LOG_WARN, "sampler/traceidratio",
                    "the traceidratio sampler works as a child sampler: it decides about a span that has a parent, "
                    "whatever the parent decided; use otel_sampler_probability() for that, or parentbased_traceidratio "
                    "to keep traces whole");
}

void otel__ratio_decide(const otel_sampler *sampler, const struct otel__sampling *in, struct otel__sampled *out) {
    if (in->parent)
        warn_of_parent(sampler);
    if (otel__randomness_of(in->trace_id) < sampler->threshold) {
        otel__decide_plainly(OTEL_DROP, in, out);
        return;
    }
    out->decision = OTEL_RECORD_AND_SAMPLE;
    out->lists = 0;
    if (in->parent_state)
        set_threshold(sampler, in, out);
    else
        use_root_state(sampler, out);
}

void otel__sampler_warn_of_trace_id(const otel_sampler *sampler, const struct otel__sampling *in) {
    if (!in->parent || (in->parent->opaque_[OTEL__W_META] & OTEL_FLAG_RANDOM))
        return;
    if (otel__sampler_first(&sampler->warned_of_trace_id))
        otel_report(OTEL_LOG_WARN, "sampler/probability",
                    "a probability sampler decides about a child span by a trace id that is not marked as random, and "
                    "there is no `rv` in its tracestate: the share of sampled spans may not be the one wanted");
}

void otel__probability_decide(const otel_sampler *sampler, const struct otel__sampling *in, struct otel__sampled *out) {
    otel_str ot = { NULL, 0 };
    uint64_t randomness;
    out->owned = false;
    out->lists = 0;
    out->state = 0;
    if (in->parent_state)
        otel__state_hold_parent(in, out, &ot);
    if (!otel__sampling_randomness(in, ot, &randomness))
        otel__sampler_warn_of_trace_id(sampler, in);
    out->decision = randomness >= sampler->threshold ? OTEL_RECORD_AND_SAMPLE : OTEL_DROP;
    if (out->decision == OTEL_RECORD_AND_SAMPLE && !out->state)
        use_root_state(sampler, out);
    else if (out->decision == OTEL_RECORD_AND_SAMPLE)
        otel__state_replace_threshold(ot, otel_cstr(sampler->th), out);
    else if (otel__ot_get(ot, "th").ptr)
        otel__state_replace_threshold(ot, otel_strn(NULL, 0), out);
}

/* ---- constructors ------------------------------------------------------------------------------------------------ */

static otel_sampler *make(enum otel__sampler_kind kind, double ratio) {
    otel_sampler *sampler = otel__sampler_new(kind);
    if (!sampler)
        return otel_sampler_always_off();
    sampler->ratio = ratio > 0 ? ratio : 0; /* no negative zero */
    sampler->threshold = otel__threshold_of(ratio, OTEL__THRESHOLD_PRECISION);
    if (sampler->threshold == OTEL__THRESHOLD_NEVER)
        return sampler;
    otel__threshold_text(sampler->threshold, sampler->th);
    sampler->root_state = otel__state_of_roots(sampler->th);
    return sampler;
}

otel_sampler *otel_sampler_trace_id_ratio(double ratio) {
    if (!(ratio >= 0 && ratio <= 1)) {
        otel_report(OTEL_LOG_WARN, "sampler/ratio", "a sampling ratio of %g is not from 0 to 1; using 1", ratio);
        ratio = 1;
    }
    return make(OTEL__TRACE_ID_RATIO, ratio);
}

otel_sampler *otel_sampler_probability(double probability) {
    if (!(probability >= 0 && probability <= 1)) {
        otel_report(OTEL_LOG_WARN, "sampler/probability",
                    "a sampling probability of %g is not from 2^-56 to 1; using 1", probability);
        probability = 1;
    }
    if (probability < OTEL__PROBABILITY_LEAST) {
        otel_report(OTEL_LOG_WARN, "sampler/probability",
                    "a sampling probability of %g is not from 2^-56 to 1; nothing is sampled", probability);
        return otel_sampler_always_off();
    }
    return make(OTEL__PROBABILITY, probability);
}
