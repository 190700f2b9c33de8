/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sampler_callback.h - calls of users' functions while a span starts.
 *
 * DESIGN. They run inside of a call of ours, under no lock, and may use the API. A span that one of them starts comes
 * back to the sampler; where the decision is that of a user's function, which might thus call itself for ever, it is
 * to drop. For that each thread knows whether it is in such a function. What they do to errno is undone, and the thread
 * is not cancelled in them: it would take the tracestates along that its caller holds.
 */
#ifndef OTEL_SDK_SAMPLER_CALLBACK_H
#define OTEL_SDK_SAMPLER_CALLBACK_H

#include "backend.h"
#include "sampler.h"

struct otel__asking {
    struct otel__thread *thread; /* NULL: the call comes from outside of the library */
    uint32_t saved;
    int error, cancellation;
    bool before;
};

/* True while the thread runs a user's function. */
bool otel__asking_now(void);
/* Bracket a call of one. */
struct otel__asking otel__asking_begin(void);
void otel__asking_end(const struct otel__asking *asking);

/* What users' functions see of a sampling. */
struct otel__question {
    otel_sampling_input input;
    otel_context context; /* borrowed, when the parent's is to be seen without its span */
    otel_tracestate tracestate;
};
/*
 * The question points into itself, so that it must stay in place; it holds the parent's tracestate until it is closed.
 */
void otel__question_open(struct otel__question *question, const struct otel__sampling *in);
void otel__question_close(struct otel__question *question);

#endif
