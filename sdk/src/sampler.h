/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sampler.h - how the core asks a sampler (specification: trace/sdk.md, ShouldSample). The constructors are in
 * otel/sampler.h.
 *
 * DESIGN. Samplers are immutable trees, made before the SDK starts and destroyed after it has stopped, so that
 * deciding takes no lock and no reference. They are told apart by a switch; what no service asks for every span lies in
 * files of its own: sampler_probability.c, sampler_custom.c, sampler_composite.c. What every decision of a built-in
 * sampler keeps true is the meaning of the threshold `th` in the tracestate (`ot=th:...`): it stands for the
 * probability with which the span was sampled, so it is written by those that sample by one, inherited only from a
 * sampled parent whom it explains (0 where always_on is asked without a parent-based sampler, and the parent has one),
 * and erased everywhere else. A user's sampler answers for the tracestate that it returns, which is taken as it is.
 */
#ifndef OTEL_SDK_SAMPLER_H
#define OTEL_SDK_SAMPLER_H

#include <otel/sampler.h>
#include <otel/trace.h>

/* What a sampler may decide by. All of it is borrowed. */
struct otel__sampling {
    const otel_context *context;
    const otel_span *parent; /* NULL: none valid */
    const uint8_t *trace_id; /* of the span to be: the parent's, if there is one */
    otel_str name;
    otel_kind kind;
    otel_attrs attributes;
    otel_links links;
    uint64_t parent_state; /* tracestate reference of the parent, or of the span without ids in its place; 0 none */
    otel_tracer *tracer;   /* NULL: its scope is empty */
};

/* At most so many parts of a sampler add attributes. */
enum { OTEL__SAMPLED_LISTS = 8 };

/* The first members make one word, which is stored at once. */
struct otel__sampled {
    uint8_t decision; /* otel_decision */
    bool owned;       /* `state` is a strong reference made for the caller; else it is `parent_state`, borrowed */
    uint16_t lists;   /* of attributes for the span, if it is recorded */
    uint64_t state;   /* tracestate reference of the span; 0 none */
    otel_attrs attributes[OTEL__SAMPLED_LISTS]; /* later ones win. Borrowed until the span has started */
};

/* `sampler` NULL: drops. Any thread, under no lock; built-in ones allocate nothing. */
void otel__sampler_decide(const otel_sampler *sampler, const struct otel__sampling *in, struct otel__sampled *out);

#endif
