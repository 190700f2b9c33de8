/* SPDX-License-Identifier: Apache-2.0 */
/* processor_custom.c - see processor_custom.h. */
#include "processor_custom.h"

#include "base/clock.h"
#include "cancellation.h"
#include "fork.h"
#include "options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- making one -------------------------------------------------------------------------------------------------- */

otel_processor *otel_processor_create(const otel_processor_ops *ops, void *self) {
    otel_processor_ops known;
    if (!ops) {
        otel_report(OTEL_LOG_ERROR, "processor", "a processor has no table of operations");
        return NULL;
    }
    ops = otel__options_fit(ops, sizeof known, &known);
    otel_processor *p = ops->name ? calloc(1, sizeof *p) : NULL;
    if (p) {
        p->ops = *ops;
        p->self = self;
        p->direct = true; /* it has no worker */
        snprintf(p->name, sizeof p->name, "%s", ops->name);
        return p;
    }
    if (!ops->name)
        otel_report(OTEL_LOG_ERROR, "processor", "a processor's table of operations has no name");
    if (ops->destroy)
        ops->destroy(self);
    return NULL;
}

unsigned otel__custom_extras(const struct otel__pipeline *pipeline) {
    unsigned extras = 0;
    for (size_t i = 0; i < pipeline->processor_count; i++) {
        const otel_processor *p = pipeline->processors[i];
        if (otel__processor_is_custom(p))
            extras |= OTEL__CUSTOM_PROCESSORS | (p->ops.on_ending ? OTEL__ON_ENDING : 0u);
    }
    return extras;
}

/* ---- calling its functions --------------------------------------------------------------------------------------- */

/* The processors in whose functions the thread is, as bits of their indices. */
static _Thread_local uint32_t inside;

struct visit {
    struct otel__thread *thread;
    uint32_t busy, inside;
    int error, cancellation;
};

/* Nobody would count the span, nor give its record and view back, if the thread were cancelled before it has left. */
static struct visit enter(struct otel__thread *thread, const otel_processor *p) {
    const struct visit visit = { .thread = thread,
                                 .busy = otel__callback_begin(thread),
                                 .inside = inside,
                                 .error = errno,
                                 .cancellation = otel__cancellation_hold() };
    inside |= 1u << p->index;
    return visit;
}

static void leave(const struct visit *visit) {
    inside = visit->inside;
    otel__callback_end(visit->thread, visit->busy);
    otel__cancellation_allow(visit->cancellation);
    errno = visit->error;
}

static bool is_unseen(const otel_processor *p, uint32_t unseen) { return unseen >> p->index & 1u; }

void otel__custom_started(struct otel__thread *thread, const otel_span *span, const otel_context *parent) {
    const struct otel__pipeline *pipeline = &otel__provider->pipeline;
    const unsigned forks = otel__fork_count();
    const uint32_t unseen = inside;
    otel__record_at(otel__span_slot(span))->unseen = (uint8_t)unseen;
    for (size_t i = 0; i < pipeline->processor_count && forks == otel__fork_count(); i++) {
        const otel_processor *p = pipeline->processors[i];
        if (!p->ops.on_start || is_unseen(p, unseen))
            continue;
        const struct visit visit = enter(thread, p);
        p->ops.on_start(p->self, span, parent);
        leave(&visit);
    }
}

bool otel__custom_ending(struct otel__thread *thread, struct otel__record *record, const otel_span *handle) {
    const struct otel__pipeline *pipeline = &otel__provider->pipeline;
    const unsigned forks = otel__fork_count();
    const uint32_t unseen = record->unseen;
    for (size_t i = 0; i < pipeline->processor_count && forks == otel__fork_count(); i++) {
        const otel_processor *p = pipeline->processors[i];
        if (!p->ops.on_ending || is_unseen(p, unseen))
            continue;
        const struct visit visit = enter(thread, p);
        p->ops.on_ending(p->self, handle);
        leave(&visit);
    }
    return forks == otel__fork_count();
}

/* ---- the view of an ended span ----------------------------------------------------------------------------------- */

/* Views are kept, so that in the long run nothing is allocated; one that a thread uses is out of the others' sight. */
static _Atomic(struct otel_batch *) *view_place(const struct otel__thread *thread) {
    return &otel__provider->views[otel__thread_index(thread) % OTEL__VIEWS];
}

static struct otel_batch *view_take(_Atomic(struct otel_batch *) *place) {
    struct otel_batch *view = atomic_exchange(place, NULL);
    return view ? view : otel__batch_create(1, &otel__provider->resource->data);
}

static void view_give(_Atomic(struct otel_batch *) *place, struct otel_batch *view) {
    struct otel_batch *none = NULL;
    view->count = 0;
    if (!atomic_compare_exchange_strong(place, &none, view))
        otel__batch_free(view);
}

void otel__custom_views_free(struct otel__provider *provider) {
    for (unsigned i = 0; i < OTEL__VIEWS; i++)
        otel__batch_free(atomic_load(&provider->views[i]));
}

static const otel_span_data *look(struct otel_batch *view, struct otel__record *record) {
    if (!view)
        return NULL;
    view->records[0] = record;
    view->count = 1;
    return otel_batch_span(view, 0);
}

/*
 * False: there was no memory to look at the span with. In a child that on_end forks there may be no provider any more,
 * but its memory stays.
 */
static bool show(struct otel__thread *thread, const otel_processor *p, struct otel__record *record) {
    const int saved = errno;
    _Atomic(struct otel_batch *) *const place = view_place(thread);
    struct otel_batch *view = view_take(place);
    const otel_span_data *span = look(view, record);
    if (span) {
        const struct visit visit = enter(thread, p);
        p->ops.on_end(p->self, span);
        leave(&visit);
    }
    if (view)
        view_give(place, view);
    errno = saved;
    return span != NULL;
}

bool otel__custom_ended(struct otel__thread *thread, otel_processor *p, struct otel__record *record) {
    const unsigned forks = otel__fork_count();
    if (is_unseen(p, record->unseen)) {
        atomic_fetch_add_explicit(&p->lane->withheld, 1, memory_order_relaxed);
        return true;
    }
    const bool shown = !p->ops.on_end || show(thread, p, record);
    if (forks != otel__fork_count())
        return false;
    if (shown) {
        otel__count(otel__local_of(thread), OTEL__SHOWN + p->index);
    } else {
        atomic_fetch_add_explicit(&p->lane->dropped_failed, 1, memory_order_relaxed);
        otel_report(OTEL_LOG_WARN, "processor memory", "%s: out of memory: it was not told that a span has ended",
                    p->name);
    }
    return true;
}

/* ---- flush and shutdown ------------------------------------------------------------------------------------------ */

/*
 * Called from outside of the bracket, unless by an exit() from inside. Two steps leave the thread in a callback as it
 * were: its calls of the API work, and those that flush or stop are refused.
 */
static otel_status call_within(const otel_processor *p, otel_status (*operation)(void *self, int timeout_ms),
                               uint64_t deadline) {
    struct otel__thread *thread = otel__thread_self();
    const int left = otel__deadline_left_ms(deadline);
    const uint32_t busy = otel__callback_begin(thread);
    const struct visit visit = enter(thread, p);
    otel_status status = operation(p->self, left > 0 ? left : 1);
    leave(&visit);
    otel__callback_end(thread, busy);
    if ((unsigned)status > OTEL_ERR_CANCELLED)
        status = OTEL_ERR_EXPORT;
    if (status != OTEL_OK)
        otel_report(OTEL_LOG_WARN, "processor status", "%s: a flush or shutdown failed: %s", p->name,
                    otel_status_text(status));
    return status;
}

otel_status otel__custom_flush(otel_processor *p, uint64_t deadline) {
    if (!p->ops.force_flush || atomic_load(&p->lane->finished))
        return OTEL_OK;
    return call_within(p, p->ops.force_flush, deadline);
}

otel_status otel__custom_shutdown(otel_processor *p, uint64_t deadline) {
    otel_status (*const operation)(void *self, int timeout_ms) = p->ops.shutdown ? p->ops.shutdown : p->ops.force_flush;
    if (atomic_exchange(&p->lane->finished, true) || !operation)
        return OTEL_OK;
    return call_within(p, operation, deadline);
}

/* ---- ledger ------------------------------------------------------------------------------------------------------ */

void otel__custom_ledger(const otel_processor *p, otel_ledger_processor *out) {
    *out = (otel_ledger_processor){ .name = p->name,
                                    .ended = otel__locals_sum(OTEL__ENDED),
                                    .exported = otel__locals_sum(OTEL__SHOWN + p->index),
                                    .dropped_failed = atomic_load(&p->lane->dropped_failed),
                                    .not_sampled = atomic_load(&p->lane->withheld) };
}
