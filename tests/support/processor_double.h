/* SPDX-License-Identifier: Apache-2.0 */
/*
 * processor_double.h - a processor of one's own that notes what it is told and does what a test tells it to.
 *
 * A zeroed double with a name succeeds at everything. It belongs to the test and must outlive the processor made from
 * it, so let it be static.
 */
#ifndef OTEL_TEST_PROCESSOR_DOUBLE_H
#define OTEL_TEST_PROCESSOR_DOUBLE_H

#include "span_assert.h"

#include <otel/sdk.h>
#include <stdatomic.h>

struct processor_double {
    /* To be set before the processor is made. */
    const char *name;
    bool no_ending; /* is without on_ending */
    /* Run inside the functions of the processor, after these have noted the call. */
    void (*starting)(struct processor_double *me, const otel_span *span, const otel_context *parent);
    void (*ending)(struct processor_double *me, const otel_span *span);
    void (*ended)(struct processor_double *me, const otel_span_data *span);
    otel_status (*flushing)(struct processor_double *me);
    otel_status (*stopping)(struct processor_double *me);

    /* What happened. */
    _Atomic unsigned starts, endings, ends, flushes, shutdowns, destroys;
    _Atomic int flush_timeout, shutdown_timeout; /* of the last call */
    otel_span kept;                              /* the last that on_start was given */
    struct span_copy *last;                      /* the last that ended; only on one thread */
    bool copies;                                 /* keep it */
};

/* As if it had never been used, but for its name. Not while a processor made from it lives. */
void processor_double_reset(struct processor_double *me);
otel_processor *processor_double_make(struct processor_double *me);

/* What all doubles noted on this thread, such as "a:start a:end"; empties that. Valid until the next step. */
const char *processor_double_steps(void);
/* Adds a step of the test's own. */
void processor_double_step(const char *who, const char *what);

#endif
