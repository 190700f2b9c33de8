/* SPDX-License-Identifier: Apache-2.0 */
/* sampler_custom.c - samplers that are the user's functions. */
#include "diagnostics.h"
#include "options.h"
#include "sampler_callback.h"
#include "sampler_kinds.h"
#include "sampler_state.h"

/* ---- deciding ---------------------------------------------------------------------------------------------------- */

static otel_decision checked(const otel_sampler *sampler, otel_decision decision) {
    if ((unsigned)decision <= OTEL_RECORD_AND_SAMPLE)
        return decision;
    if (otel__sampler_first(&sampler->warned))
        otel_report(OTEL_LOG_ERROR, "sampler/decision", "a sampler decided %d, which means nothing: spans are dropped",
                    (int)decision);
    return OTEL_DROP;
}

static void take(const otel_sampler *sampler, const otel_sampling_result *result, struct otel__sampled *out) {
    out->decision = (uint8_t)checked(sampler, result->decision);
    out->state = otel__state_returned(result->tracestate);
    out->owned = true;
    out->lists = result->attributes.items && result->attributes.count ? 1 : 0;
    out->attributes[0] = result->attributes;
}

void otel__custom_decide(const otel_sampler *sampler, const struct otel__sampling *in, struct otel__sampled *out) {
    if (otel__asking_now()) {
        otel__decide_plainly(OTEL_DROP, in, out);
        return;
    }
    struct otel__question question;
    otel__question_open(&question, in);
    otel_sampling_result result = { .size = sizeof result, .decision = OTEL_DROP };
    if (otel__tracestate_retain(question.tracestate.opaque_[0]))
        result.tracestate = question.tracestate;
    const struct otel__asking asking = otel__asking_begin();
    sampler->ops.should_sample(sampler->self, &question.input, &result);
    otel__asking_end(&asking);
    otel__question_close(&question);
    take(sampler, &result, out);
}

/* ---- constructor ------------------------------------------------------------------------------------------------- */

static otel_sampler *refuse(const otel_sampler_ops *ops, void *self) {
    if (ops->destroy)
        ops->destroy(self);
    return otel_sampler_always_off();
}

otel_sampler *otel_sampler_create(const otel_sampler_ops *ops, void *self) {
    static const otel_sampler_ops none = { .size = sizeof none };
    otel_sampler_ops known;
    ops = ops ? otel__options_fit(ops, sizeof known, &known) : &none;
    if (!ops->should_sample) {
        otel_report(OTEL_LOG_ERROR, "sampler/create",
                    "a sampler without should_sample() was given: nothing is sampled");
        return refuse(ops, self);
    }
    otel_sampler *sampler = otel__sampler_new(OTEL__CUSTOM);
    if (!sampler)
        return refuse(ops, self);
    sampler->ops = *ops;
    sampler->self = self;
    return sampler;
}
