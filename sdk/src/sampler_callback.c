/* SPDX-License-Identifier: Apache-2.0 */
/* sampler_callback.c - see sampler_callback.h. */
#include "sampler_callback.h"

#include "cancellation.h"
#include "tracer.h"

#include <errno.h>

static _Thread_local bool asking_now;

bool otel__asking_now(void) { return asking_now; }

struct otel__asking otel__asking_begin(void) {
    struct otel__asking asking = { .error = errno, .cancellation = otel__cancellation_hold(), .before = asking_now };
    if (otel__thread_inside()) {
        asking.thread = otel__thread_self();
        asking.saved = otel__callback_begin(asking.thread);
    }
    asking_now = true;
    return asking;
}

void otel__asking_end(const struct otel__asking *asking) {
    asking_now = asking->before;
    if (asking->thread)
        otel__callback_end(asking->thread, asking->saved);
    otel__cancellation_allow(asking->cancellation);
    errno = asking->error;
}

void otel__question_open(struct otel__question *question, const struct otel__sampling *in) {
    static const otel_scope_data nameless;
    if (!in->parent)
        otel__context_without_span(in->context, &question->context);
    question->tracestate.opaque_[0] = otel__tracestate_retain(in->parent_state) ? in->parent_state : 0;
    question->input = (otel_sampling_input){
        .size = sizeof question->input,
        .context = in->parent ? in->context : &question->context,
        .parent = in->parent,
        .tracestate = &question->tracestate,
        .trace_id = in->trace_id,
        .name = in->name,
        .kind = in->kind,
        .attributes = in->attributes,
        .links = in->links,
        .scope = in->tracer ? &otel__tracer_scope(in->tracer)->data : &nameless,
    };
}

void otel__question_close(struct otel__question *question) { otel_tracestate_release(&question->tracestate); }
