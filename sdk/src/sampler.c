/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sampler.c - the built-in samplers; see sampler.h.
 */
#include "sampler.h"

#include "backend.h"
#include "base/str.h"
#include "diagnostics.h"
#include "options.h"
#include "sampler_ot.h"

#include <stdio.h>
#include <stdlib.h>

enum kind { ALWAYS_ON, ALWAYS_OFF, RATIO, PARENT_BASED };
enum delegate { ROOT, REMOTE_SAMPLED, REMOTE_NOT_SAMPLED, LOCAL_SAMPLED, LOCAL_NOT_SAMPLED, DELEGATES };

struct otel_sampler {
    enum kind kind;
    double ratio;
    uint64_t threshold;
    char th[OTEL__THRESHOLD_DIGITS + 1];
    uint64_t root_state; /* strong: the tracestate "ot=th:..." of every sampled root; 0 when there is no room */
    atomic_bool warned;
    otel_sampler *delegates[DELEGATES];
};

/* Shared by all who ask for them; destroying them does nothing. */
static otel_sampler always_on = { .kind = ALWAYS_ON };
static otel_sampler always_off = { .kind = ALWAYS_OFF };

/* ---- the parent's tracestate ------------------------------------------------------------------------------------ */

static bool parent_sampled(const struct otel__sampling *in) {
    return in->parent && (in->parent->opaque_[OTEL__W_META] & OTEL_FLAG_SAMPLED);
}

/* Gives `out`, which holds the parent's tracestate, that one with `th`; with `th.ptr` NULL, without any. */
static void replace_threshold(otel_str ot, otel_str th, struct otel__sampled *out) {
    static const otel_str key = { "ot", 2 };
    static const otel_str none = { NULL, 0 };
    const otel_tracestate parent = { { out->state } };
    char text[OTEL__OT_LONGEST];
    size_t len;
    bool ok = otel__ot_set(ot, "th", th, text, &len) || otel__ot_set(ot, "th", none, text, &len);
    otel_tracestate changed = { { 0 } };
    if (ok && len)
        changed = otel_tracestate_set(&parent, key, otel_strn(text, len), &ok);
    else if (ok)
        changed = otel_tracestate_remove(&parent, key);
    if (!ok) /* no room for another tracestate: rather none than one with a wrong threshold */
        otel_tracestate_release(&changed);
    if (!ok && !otel__ot_get(ot, "th").ptr)
        return;
    otel__tracestate_drop(out->state);
    out->state = changed.opaque_[0];
}

/* The parent has sampled by a threshold that its randomness reaches. */
static bool explains_parent(const struct otel__sampling *in, otel_str ot, otel_str th) {
    uint64_t threshold, randomness;
    if (!parent_sampled(in) || !otel__threshold_parse(th, &threshold))
        return false;
    if (!otel__randomness_parse(otel__ot_get(ot, "rv"), &randomness))
        randomness = otel__randomness_of(in->trace_id);
    return randomness >= threshold;
}

/* Takes a strong reference to the parent's tracestate, unless it is gone, and finds its `ot`. */
static bool hold_parent_state(const struct otel__sampling *in, struct otel__sampled *out, otel_str *ot) {
    out->owned = otel__tracestate_retain(in->parent_state);
    out->state = out->owned ? in->parent_state : 0;
    *ot = otel__ot_find(otel__tracestate_text(out->state));
    return ot->ptr != NULL;
}

/* For a decision that is not the ratio sampler's: the parent's tracestate, without a `th` that would be wrong now. */
static void inherit_state(const struct otel__sampling *in, struct otel__sampled *out) {
    otel_str ot;
    if (!hold_parent_state(in, out, &ot))
        return;
    otel_str th = otel__ot_get(ot, "th");
    if (th.ptr && !(out->decision == OTEL__SAMPLE && explains_parent(in, ot, th)))
        replace_threshold(ot, otel_strn(NULL, 0), out);
}

/* ---- deciding --------------------------------------------------------------------------------------------------- */

static void decide_plainly(enum otel__decision decision, const struct otel__sampling *in, struct otel__sampled *out) {
    out->decision = decision;
    out->state = 0;
    out->owned = false;
    if (in->parent_state)
        inherit_state(in, out);
}

static void set_threshold(const otel_sampler *sampler, const struct otel__sampling *in, struct otel__sampled *out) {
    otel_str ot;
    hold_parent_state(in, out, &ot);
    uint64_t explicit_randomness;
    /* We decided by the trace id all the same, which an explicit randomness says to be not random: no claim, then. */
    bool silent = otel__randomness_parse(otel__ot_get(ot, "rv"), &explicit_randomness);
    if (!silent)
        replace_threshold(ot, otel_cstr(sampler->th), out);
    else if (otel__ot_get(ot, "th").ptr)
        replace_threshold(ot, otel_strn(NULL, 0), out);
}

static void warn_of_parent(const otel_sampler *sampler) {
    /* Samplers are made on the heap or static, never const; this is the one thing about them that changes. */
    atomic_bool *warned = &((otel_sampler *)sampler)->warned;
    if (atomic_load_explicit(warned, memory_order_relaxed) || atomic_exchange(warned, true))
        return;
    otel_report(OTEL_LOG_WARN, "sampler/traceidratio",
                "the traceidratio sampler decides about a span that has a parent, whatever the parent decided; "
                "parentbased_traceidratio keeps traces whole");
}

/* Not inlined, so that the samplers that need no arithmetic save no registers. */
__attribute__((noinline)) static void decide_by_ratio(const otel_sampler *sampler, const struct otel__sampling *in,
                                                      struct otel__sampled *out) {
    if (in->parent)
        warn_of_parent(sampler);
    if (otel__randomness_of(in->trace_id) < sampler->threshold) {
        decide_plainly(OTEL__DROP, in, out);
        return;
    }
    out->decision = OTEL__SAMPLE;
    if (in->parent_state) {
        set_threshold(sampler, in, out);
        return;
    }
    out->owned = true;
    out->state = sampler->root_state;
    if (!otel__tracestate_retain(out->state)) { /* it has as many references as can be counted */
        out->owned = false;
        out->state = 0;
    }
}

static const otel_sampler *delegate_of(const otel_sampler *sampler, const struct otel__sampling *in) {
    if (!in->parent)
        return sampler->delegates[ROOT];
    uint64_t meta = in->parent->opaque_[OTEL__W_META];
    if (meta & OTEL__META_REMOTE)
        return sampler->delegates[meta & OTEL_FLAG_SAMPLED ? REMOTE_SAMPLED : REMOTE_NOT_SAMPLED];
    return sampler->delegates[meta & OTEL_FLAG_SAMPLED ? LOCAL_SAMPLED : LOCAL_NOT_SAMPLED];
}

void otel__sampler_decide(const otel_sampler *sampler, const struct otel__sampling *in, struct otel__sampled *out) {
    while (sampler && sampler->kind == PARENT_BASED)
        sampler = delegate_of(sampler, in);
    if (!sampler)
        sampler = &always_off;
    switch (sampler->kind) {
    case ALWAYS_ON:
        decide_plainly(OTEL__SAMPLE, in, out);
        break;
    case RATIO:
        decide_by_ratio(sampler, in, out);
        break;
    case ALWAYS_OFF:
    case PARENT_BASED:
        decide_plainly(OTEL__DROP, in, out);
        break;
    }
}

/* ---- constructors and destructors ------------------------------------------------------------------------------- */

/* One sampler may stand in several places of a parent-based one. */
static void destroy_delegates(otel_sampler *const delegates[DELEGATES]) {
    for (int i = 0; i < DELEGATES; i++) {
        bool seen = false;
        for (int before = 0; before < i; before++)
            seen = seen || delegates[before] == delegates[i];
        if (!seen)
            otel_sampler_destroy(delegates[i]);
    }
}

void otel_sampler_destroy(otel_sampler *sampler) {
    if (!sampler || sampler == &always_on || sampler == &always_off)
        return;
    destroy_delegates(sampler->delegates);
    otel__tracestate_drop(sampler->root_state);
    free(sampler);
}

otel_sampler *otel_sampler_always_on(void) { return &always_on; }

otel_sampler *otel_sampler_always_off(void) { return &always_off; }

otel_sampler *otel_sampler_trace_id_ratio(double ratio) {
    if (!(ratio >= 0 && ratio <= 1)) {
        otel_report(OTEL_LOG_WARN, "sampler/ratio", "a sampling ratio of %g is not from 0 to 1; using 1", ratio);
        ratio = 1;
    }
    otel_sampler *sampler = calloc(1, sizeof *sampler);
    if (!sampler)
        return NULL;
    sampler->kind = RATIO;
    sampler->ratio = ratio > 0 ? ratio : 0; /* no negative zero */
    sampler->threshold = otel__threshold_of(ratio, OTEL__THRESHOLD_PRECISION);
    if (sampler->threshold == OTEL__THRESHOLD_NEVER)
        return sampler;
    otel__threshold_text(sampler->threshold, sampler->th);
    char text[sizeof "ot=th:" + OTEL__THRESHOLD_DIGITS];
    snprintf(text, sizeof text, "ot=th:%s", sampler->th);
    sampler->root_state = otel__tracestate_intern(otel_cstr(text));
    return sampler;
}

otel_sampler *otel_sampler_parent_based(const otel_parent_based_options *options) {
    otel_parent_based_options known, given = { .size = sizeof given };
    if (options)
        given = *(const otel_parent_based_options *)otel__options_fit(options, sizeof known, &known);
    otel_sampler *const delegates[DELEGATES] = {
        [ROOT] = given.root ? given.root : &always_on,
        [REMOTE_SAMPLED] = given.remote_parent_sampled ? given.remote_parent_sampled : &always_on,
        [REMOTE_NOT_SAMPLED] = given.remote_parent_not_sampled ? given.remote_parent_not_sampled : &always_off,
        [LOCAL_SAMPLED] = given.local_parent_sampled ? given.local_parent_sampled : &always_on,
        [LOCAL_NOT_SAMPLED] = given.local_parent_not_sampled ? given.local_parent_not_sampled : &always_off,
    };
    otel_sampler *sampler = calloc(1, sizeof *sampler);
    if (!sampler) {
        destroy_delegates(delegates);
        return NULL;
    }
    sampler->kind = PARENT_BASED;
    memcpy(sampler->delegates, delegates, sizeof delegates);
    return sampler;
}

otel_sampler *otel_sampler_parent_based_root(otel_sampler *root) {
    const otel_parent_based_options options = { .size = sizeof options, .root = root };
    return otel_sampler_parent_based(&options);
}

/* ---- descriptions ----------------------------------------------------------------------------------------------- */

struct writer {
    char *out;
    size_t size, len; /* len: of the whole, written or not */
};

static void write_text(struct writer *writer, const char *text) {
    for (; *text; text++, writer->len++)
        if (writer->len + 1 < writer->size)
            writer->out[writer->len] = *text;
}

static void describe(const otel_sampler *sampler, struct writer *writer) {
    static const char *const names[DELEGATES] = { "root:", ",remoteParentSampled:", ",remoteParentNotSampled:",
                                                  ",localParentSampled:", ",localParentNotSampled:" };
    char ratio[OTEL__DOUBLE_TEXT];
    switch (sampler->kind) {
    case ALWAYS_ON:
        write_text(writer, "AlwaysOnSampler");
        break;
    case ALWAYS_OFF:
        write_text(writer, "AlwaysOffSampler");
        break;
    case RATIO:
        otel__double_text(sampler->ratio, ratio);
        write_text(writer, "TraceIdRatioBased{");
        write_text(writer, ratio);
        write_text(writer, "}");
        break;
    case PARENT_BASED:
        write_text(writer, "ParentBased{");
        for (int i = 0; i < DELEGATES; i++) {
            write_text(writer, names[i]);
            describe(sampler->delegates[i], writer);
        }
        write_text(writer, "}");
        break;
    }
}

size_t otel_sampler_description(const otel_sampler *sampler, char *buffer, size_t size) {
    struct writer writer = { .out = buffer, .size = buffer ? size : 0 };
    if (sampler)
        describe(sampler, &writer);
    if (buffer && size)
        buffer[writer.len < size ? writer.len : size - 1] = '\0';
    return writer.len;
}
