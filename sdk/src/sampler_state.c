/* SPDX-License-Identifier: Apache-2.0 */
/* sampler_state.c - see sampler_state.h. */
#include "sampler_state.h"

#include "text.h"

#include <stdio.h>

bool otel__sampling_randomness(const struct otel__sampling *in, otel_str ot, uint64_t *randomness) {
    if (otel__randomness_parse(otel__ot_get(ot, "rv"), randomness))
        return true;
    *randomness = otel__randomness_of(in->trace_id);
    return false;
}

/* Whether `th`, which is that of `ot`, says why the parent was sampled, or not. */
static bool explains_parent(const struct otel__sampling *in, otel_str ot, otel_str th, uint64_t *threshold) {
    uint64_t randomness;
    if (!otel__threshold_parse(th, threshold))
        return false;
    otel__sampling_randomness(in, ot, &randomness);
    return (randomness >= *threshold) == otel__parent_sampled(in);
}

bool otel__parent_threshold(const struct otel__sampling *in, otel_str ot, uint64_t *threshold) {
    return explains_parent(in, ot, otel__ot_threshold(ot), threshold);
}

bool otel__state_hold_parent(const struct otel__sampling *in, struct otel__sampled *out, otel_str *ot) {
    out->owned = otel__tracestate_retain(in->parent_state);
    out->state = out->owned ? in->parent_state : 0;
    *ot = otel__ot_find(otel__tracestate_text(out->state));
    return ot->ptr != NULL;
}

uint64_t otel__state_returned(otel_tracestate state) {
    if (!otel__tracestate_retain(state.opaque_[0]))
        return 0;
    otel__tracestate_drop(state.opaque_[0]);
    return state.opaque_[0];
}

uint64_t otel__state_of_roots(const char *th) {
    char text[sizeof "ot=th:" + OTEL__THRESHOLD_DIGITS];
    snprintf(text, sizeof text, "ot=th:%s", th);
    return otel__tracestate_intern(otel_cstr(text));
}

bool otel__state_share(uint64_t state, struct otel__sampled *out) {
    if (!state || !otel__tracestate_retain(state))
        return false;
    out->owned = true;
    out->state = state;
    return true;
}

void otel__state_replace_threshold(otel_str ot, otel_str th, struct otel__sampled *out) {
    static const otel_str key = { "ot", 2 };
    static const otel_str none = { NULL, 0 };
    const otel_str present = otel__ot_threshold(ot);
    if (present.ptr && th.ptr && otel__same_text(present, th))
        return;
    const otel_tracestate former = { { out->state } };
    char text[OTEL__OT_LONGEST];
    size_t len;
    bool ok = otel__ot_set(ot, "th", th, text, &len) || otel__ot_set(ot, "th", none, text, &len);
    otel_tracestate changed = { { 0 } };
    if (ok && len)
        changed = otel_tracestate_set(&former, key, otel_strn(text, len), &ok);
    else if (ok)
        changed = otel_tracestate_remove(&former, key);
    if (!ok) /* no room for another tracestate: rather none than one with a wrong threshold */
        otel_tracestate_release(&changed);
    if (!ok && !present.ptr)
        return;
    otel__tracestate_drop(out->state);
    out->state = changed.opaque_[0];
    out->owned = true;
}

void otel__state_inherit(const struct otel__sampling *in, struct otel__sampled *out) {
    otel_str ot;
    uint64_t threshold;
    if (!otel__state_hold_parent(in, out, &ot))
        return;
    const otel_str th = otel__ot_threshold(ot);
    if (!th.ptr)
        return;
    if (out->decision != OTEL_RECORD_AND_SAMPLE || !otel__parent_sampled(in) ||
        !explains_parent(in, ot, th, &threshold))
        otel__state_replace_threshold(ot, otel_strn(NULL, 0), out);
}

void otel__state_claim_all(const struct otel__sampling *in, struct otel__sampled *out) {
    otel_str ot;
    if (otel__state_hold_parent(in, out, &ot) && otel__ot_get(ot, "th").ptr)
        otel__state_replace_threshold(ot, otel_cstr("0"), out);
}
