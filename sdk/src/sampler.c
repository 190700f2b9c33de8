/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sampler.c - the frame of all samplers, and those that need no arithmetic; see sampler.h.
 */
#include "sampler.h"

#include "base/str.h"
#include "diagnostics.h"
#include "options.h"
#include "sampler_callback.h"
#include "sampler_kinds.h"
#include "sampler_state.h"

#include <stdlib.h>

/* Shared by all who ask for them; destroying them does nothing. */
static otel_sampler always_on = { .kind = OTEL__ALWAYS_ON };
static otel_sampler on_as_parent = { .kind = OTEL__ON_AS_PARENT };
static otel_sampler always_off = { .kind = OTEL__ALWAYS_OFF };

/* ---- deciding --------------------------------------------------------------------------------------------------- */

static const otel_sampler *delegate_of(const otel_sampler *sampler, const struct otel__sampling *in) {
    if (!in->parent)
        return sampler->delegates[OTEL__ROOT];
    uint64_t meta = in->parent->opaque_[OTEL__W_META];
    if (meta & OTEL__META_REMOTE)
        return sampler->delegates[meta & OTEL_FLAG_SAMPLED ? OTEL__REMOTE_SAMPLED : OTEL__REMOTE_NOT_SAMPLED];
    return sampler->delegates[meta & OTEL_FLAG_SAMPLED ? OTEL__LOCAL_SAMPLED : OTEL__LOCAL_NOT_SAMPLED];
}

static inline void always_sample(const struct otel__sampling *in, struct otel__sampled *out) {
    out->decision = OTEL_RECORD_AND_SAMPLE;
    out->owned = false;
    out->lists = 0;
    out->state = 0;
    if (in->parent_state)
        otel__state_claim_all(in, out);
}

/* Not inlined, here and in other files, so that the samplers that are asked most save no registers. */
__attribute__((noinline)) static void record_always(const otel_sampler *sampler, const struct otel__sampling *in,
                                                    struct otel__sampled *out) {
    otel__sampler_decide(sampler->delegates[OTEL__ROOT], in, out);
    if (out->decision == OTEL_DROP)
        out->decision = OTEL_RECORD_ONLY;
}

void otel__sampler_decide(const otel_sampler *sampler, const struct otel__sampling *in, struct otel__sampled *out) {
    while (sampler && sampler->kind == OTEL__PARENT_BASED)
        sampler = delegate_of(sampler, in);
    if (!sampler)
        sampler = &always_off;
    switch (sampler->kind) {
    case OTEL__ALWAYS_ON:
        always_sample(in, out);
        break;
    case OTEL__ON_AS_PARENT:
        otel__decide_plainly(OTEL_RECORD_AND_SAMPLE, in, out);
        break;
    case OTEL__TRACE_ID_RATIO:
        otel__ratio_decide(sampler, in, out);
        break;
    case OTEL__PROBABILITY:
        otel__probability_decide(sampler, in, out);
        break;
    case OTEL__ALWAYS_RECORD:
        record_always(sampler, in, out);
        break;
    case OTEL__CUSTOM:
        otel__custom_decide(sampler, in, out);
        break;
    case OTEL__COMPOSITE:
        otel__composite_decide(sampler, in, out);
        break;
    case OTEL__REMOTE:
        otel__remote_decide(sampler, in, out);
        break;
    case OTEL__ALWAYS_OFF:
    case OTEL__PARENT_BASED:
        otel__decide_plainly(OTEL_DROP, in, out);
        break;
    }
}

bool otel__sampler_first(const atomic_bool *warned) {
    /* Samplers are made on the heap or static, never const; this is the one thing about them that changes. */
    atomic_bool *flag = (atomic_bool *)(uintptr_t)warned;
    return !atomic_load_explicit(flag, memory_order_relaxed) && !atomic_exchange(flag, true);
}

/* ---- constructors and destructors ------------------------------------------------------------------------------- */

otel_sampler *otel__sampler_new(enum otel__sampler_kind kind) {
    otel_sampler *sampler = calloc(1, sizeof *sampler);
    if (sampler)
        sampler->kind = kind;
    else
        otel_report(OTEL_LOG_ERROR, "sampler/memory", "out of memory: instead of a sampler one that samples nothing");
    return sampler;
}

/* One sampler may stand in several places of a parent-based one. */
static void destroy_delegates(otel_sampler *const delegates[OTEL__DELEGATES]) {
    for (int i = 0; i < OTEL__DELEGATES; i++) {
        bool seen = false;
        for (int before = 0; before < i; before++)
            seen = seen || delegates[before] == delegates[i];
        if (!seen)
            otel_sampler_destroy(delegates[i]);
    }
}

void otel_sampler_destroy(otel_sampler *sampler) {
    if (!sampler || sampler == &always_on || sampler == &on_as_parent || sampler == &always_off)
        return;
    destroy_delegates(sampler->delegates);
    otel__tracestate_drop(sampler->root_state);
    otel_composable_destroy(sampler->composable);
    otel__remote_destroy(sampler->remote);
    if (sampler->ops.destroy)
        sampler->ops.destroy(sampler->self);
    free(sampler);
}

otel_sampler *otel_sampler_always_on(void) { return &always_on; }

otel_sampler *otel_sampler_always_off(void) { return &always_off; }

otel_sampler *otel_sampler_always_record(otel_sampler *delegate) {
    if (!delegate) {
        otel_report(OTEL_LOG_WARN, "sampler/always_record", "always_record was given no sampler: nothing is sampled");
        delegate = &always_off;
    }
    otel_sampler *sampler = otel__sampler_new(OTEL__ALWAYS_RECORD);
    if (!sampler) {
        otel_sampler_destroy(delegate);
        return &always_off;
    }
    sampler->delegates[OTEL__ROOT] = delegate;
    return sampler;
}

/* What a parent-based sampler keeps of a delegate that it asks about spans with a parent. */
static otel_sampler *below_parent(otel_sampler *delegate) {
    if (delegate->kind == OTEL__ALWAYS_RECORD)
        delegate->delegates[OTEL__ROOT] = below_parent(delegate->delegates[OTEL__ROOT]);
    return delegate == &always_on ? &on_as_parent : delegate;
}

otel_sampler *otel_sampler_parent_based(const otel_parent_based_options *options) {
    otel_parent_based_options known, given = { .size = sizeof given };
    if (options)
        given = *(const otel_parent_based_options *)otel__options_fit(options, sizeof known, &known);
    otel_sampler *delegates[OTEL__DELEGATES] = {
        [OTEL__ROOT] = given.root ? given.root : &always_on,
        [OTEL__REMOTE_SAMPLED] = given.remote_parent_sampled ? given.remote_parent_sampled : &always_on,
        [OTEL__REMOTE_NOT_SAMPLED] = given.remote_parent_not_sampled ? given.remote_parent_not_sampled : &always_off,
        [OTEL__LOCAL_SAMPLED] = given.local_parent_sampled ? given.local_parent_sampled : &always_on,
        [OTEL__LOCAL_NOT_SAMPLED] = given.local_parent_not_sampled ? given.local_parent_not_sampled : &always_off,
    };
    otel_sampler *sampler = otel__sampler_new(OTEL__PARENT_BASED);
    if (!sampler) {
        destroy_delegates(delegates);
        return &always_off;
    }
    for (int i = 0; i < OTEL__DELEGATES; i++)
        sampler->delegates[i] = i == OTEL__ROOT ? delegates[i] : below_parent(delegates[i]);
    return sampler;
}

otel_sampler *otel_sampler_parent_based_root(otel_sampler *root) {
    const otel_parent_based_options options = { .size = sizeof options, .root = root };
    return otel_sampler_parent_based(&options);
}

otel_sampler *otel_sampler_composite(otel_composable *root) {
    if (!root) {
        otel_report(OTEL_LOG_WARN, "sampler/composite", "a composite sampler was given nothing: nothing is sampled");
        root = otel_composable_always_off();
    }
    otel_sampler *sampler = otel__sampler_new(OTEL__COMPOSITE);
    if (!sampler) {
        otel_composable_destroy(root);
        return &always_off;
    }
    sampler->composable = root;
    sampler->root_state = otel__state_of_roots("0");
    return sampler;
}

/* ---- descriptions ----------------------------------------------------------------------------------------------- */

void otel__write_str(struct otel__writer *writer, otel_str text) {
    for (size_t i = 0; i < text.len; i++, writer->len++)
        if (writer->len + 1 < writer->size)
            writer->out[writer->len] = text.ptr[i];
}

void otel__write(struct otel__writer *writer, const char *text) { otel__write_str(writer, otel_cstr(text)); }

void otel__write_ratio(struct otel__writer *writer, const char *name, double ratio) {
    char digits[OTEL__DOUBLE_TEXT];
    otel__double_text(ratio, digits);
    otel__write(writer, name);
    otel__write(writer, "{");
    otel__write(writer, digits);
    otel__write(writer, "}");
}

void otel__write_custom(struct otel__writer *writer, void (*description)(void *self, char *buffer, size_t size),
                        void *self, const char *otherwise) {
    char text[512] = "";
    if (description) {
        const struct otel__asking asking = otel__asking_begin();
        description(self, text, sizeof text);
        otel__asking_end(&asking);
        text[sizeof text - 1] = '\0';
        otherwise = text;
    }
    otel__write(writer, otherwise);
}

static void describe_within(const char *before, const otel_sampler *sampler, const char *after,
                            struct otel__writer *writer) {
    otel__write(writer, before);
    otel__sampler_describe(sampler, writer);
    otel__write(writer, after);
}

static void describe_delegates(const otel_sampler *sampler, struct otel__writer *writer) {
    static const char *const names[OTEL__DELEGATES] = { "ParentBased{root:", ",remoteParentSampled:",
                                                        ",remoteParentNotSampled:", ",localParentSampled:",
                                                        ",localParentNotSampled:" };
    for (int i = 0; i < OTEL__DELEGATES; i++)
        describe_within(names[i], sampler->delegates[i], "", writer);
    otel__write(writer, "}");
}

void otel__sampler_describe(const otel_sampler *sampler, struct otel__writer *writer) {
    switch (sampler->kind) {
    case OTEL__ALWAYS_ON:
    case OTEL__ON_AS_PARENT:
        otel__write(writer, "AlwaysOnSampler");
        break;
    case OTEL__ALWAYS_OFF:
        otel__write(writer, "AlwaysOffSampler");
        break;
    case OTEL__TRACE_ID_RATIO:
        otel__write_ratio(writer, "TraceIdRatioBased", sampler->ratio);
        break;
    case OTEL__PROBABILITY:
        otel__write_ratio(writer, "ProbabilitySampler", sampler->ratio);
        break;
    case OTEL__PARENT_BASED:
        describe_delegates(sampler, writer);
        break;
    case OTEL__ALWAYS_RECORD:
        describe_within("AlwaysRecordSampler{", sampler->delegates[OTEL__ROOT], "}", writer);
        break;
    case OTEL__CUSTOM:
        otel__write_custom(writer, sampler->ops.description, sampler->self, "CustomSampler");
        break;
    case OTEL__COMPOSITE:
        otel__write(writer, "CompositeSampler{");
        otel__composable_describe(sampler->composable, writer);
        otel__write(writer, "}");
        break;
    case OTEL__REMOTE:
        otel__remote_describe(sampler, writer);
        break;
    }
}

size_t otel_sampler_description(const otel_sampler *sampler, char *buffer, size_t size) {
    struct otel__writer writer = { .out = buffer, .size = buffer ? size : 0 };
    if (sampler)
        otel__sampler_describe(sampler, &writer);
    if (buffer && size)
        buffer[writer.len < size ? writer.len : size - 1] = '\0';
    return writer.len;
}
