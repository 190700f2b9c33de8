/* SPDX-License-Identifier: Apache-2.0 */
/* processor_double.c - see processor_double.h. */
#include "processor_double.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { STEPS_SIZE = 2000 };

static _Thread_local char steps[STEPS_SIZE];
static _Thread_local bool were_read;

void processor_double_step(const char *who, const char *what) {
    if (were_read)
        steps[0] = '\0';
    were_read = false;
    const size_t used = strlen(steps);
    snprintf(steps + used, sizeof steps - used, "%s%s:%s", used ? " " : "", who, what);
}

const char *processor_double_steps(void) {
    if (were_read)
        steps[0] = '\0';
    were_read = true;
    return steps;
}

static void on_start(void *self, const otel_span *span, const otel_context *parent) {
    struct processor_double *me = self;
    atomic_fetch_add(&me->starts, 1);
    processor_double_step(me->name, "start");
    if (me->starting)
        me->starting(me, span, parent);
    errno = EPIPE;
}

static void on_ending(void *self, const otel_span *span) {
    struct processor_double *me = self;
    atomic_fetch_add(&me->endings, 1);
    processor_double_step(me->name, "ending");
    if (me->ending)
        me->ending(me, span);
    errno = EPIPE;
}

static void on_end(void *self, const otel_span_data *span) {
    struct processor_double *me = self;
    atomic_fetch_add(&me->ends, 1);
    processor_double_step(me->name, "end");
    if (me->copies) {
        span_copy_free(me->last);
        me->last = span_copy_make(span);
    }
    if (me->ended)
        me->ended(me, span);
    errno = EPIPE;
}

static otel_status force_flush(void *self, int timeout_ms) {
    struct processor_double *me = self;
    atomic_fetch_add(&me->flushes, 1);
    atomic_store(&me->flush_timeout, timeout_ms);
    return me->flushing ? me->flushing(me) : OTEL_OK;
}

static otel_status shutdown(void *self, int timeout_ms) {
    struct processor_double *me = self;
    atomic_fetch_add(&me->shutdowns, 1);
    atomic_store(&me->shutdown_timeout, timeout_ms);
    return me->stopping ? me->stopping(me) : OTEL_OK;
}

static void destroy(void *self) {
    struct processor_double *me = self;
    atomic_fetch_add(&me->destroys, 1);
}

otel_processor *processor_double_make(struct processor_double *me) {
    const otel_processor_ops ops = { .size = sizeof ops,
                                     .name = me->name,
                                     .on_start = on_start,
                                     .on_ending = me->no_ending ? NULL : on_ending,
                                     .on_end = on_end,
                                     .force_flush = force_flush,
                                     .shutdown = shutdown,
                                     .destroy = destroy };
    return otel_processor_create(&ops, me);
}

void processor_double_reset(struct processor_double *me) {
    span_copy_free(me->last);
    *me = (struct processor_double){ .name = me->name };
}
