/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sampler.h - how the core asks a sampler (specification: trace/sdk.md, ShouldSample). The constructors are in
 * otel/extend.h.
 *
 * DESIGN. Samplers are immutable trees, made before the SDK starts and destroyed after it has stopped, so that
 * deciding takes no lock and no reference. Built-in samplers are told apart by a switch. What every decision keeps
 * true is the meaning of the threshold `th` in the tracestate (`ot=th:...`): it stands for the probability with which
 * the span was sampled, so it is written by the ratio sampler, inherited only from a sampled parent whom it explains,
 * and erased everywhere else.
 */
#ifndef OTEL_SDK_SAMPLER_H
#define OTEL_SDK_SAMPLER_H

#include <otel/extend.h>
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
    uint64_t parent_state; /* tracestate reference of the parent; 0 none */
};

enum otel__decision { OTEL__DROP, OTEL__RECORD, OTEL__SAMPLE };

struct otel__sampled {
    enum otel__decision decision;
    uint64_t state; /* tracestate reference of the span; 0 none */
    bool owned;     /* `state` is a strong reference made for the caller; else it is `parent_state`, borrowed */
};

/* `sampler` NULL: drops. Any thread, under no lock; allocates nothing. */
void otel__sampler_decide(const otel_sampler *sampler, const struct otel__sampling *in, struct otel__sampled *out);

#endif
