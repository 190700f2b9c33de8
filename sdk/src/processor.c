/* SPDX-License-Identifier: Apache-2.0 */
/* processor.c - see processor.h. */
#include "processor.h"

#include "base/clock.h"
#include "base/sigpipe.h"
#include "base/sync.h"
#include "cancellation.h"
#include "config.h"
#include "fork.h"
#include "options.h"
#include "worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct otel__lane *lanes;

bool otel__lanes_init(void) {
    if (!lanes)
        lanes = otel__wiped_map(OTEL_MAX_PROCESSORS * sizeof *lanes);
    return lanes != NULL;
}

/* ---- exporters --------------------------------------------------------------------------------------------------- */

otel_exporter *otel_exporter_create(const otel_exporter_ops *ops, void *self) {
    otel_exporter_ops known;
    if (!ops) {
        otel_report(OTEL_LOG_ERROR, "exporter", "an exporter has no table of operations");
        return NULL;
    }
    ops = otel__options_fit(ops, sizeof known, &known);
    otel_exporter *exporter = ops->name && ops->export_batch ? malloc(sizeof *exporter) : NULL;
    if (exporter) {
        exporter->ops = *ops;
        exporter->self = self;
        return exporter;
    }
    if (!ops->name || !ops->export_batch)
        otel_report(OTEL_LOG_ERROR, "exporter", "an exporter's table of operations has no name or no export_batch");
    if (ops->destroy)
        ops->destroy(self);
    return NULL;
}

void otel_exporter_destroy(otel_exporter *exporter) {
    if (!exporter)
        return;
    if (exporter->ops.destroy)
        exporter->ops.destroy(exporter->self);
    free(exporter);
}

/* ---- processors -------------------------------------------------------------------------------------------------- */

static otel_processor *create(const char *kind, otel_exporter *exporter) {
    otel_processor *p = exporter ? calloc(1, sizeof *p) : NULL;
    if (!p) {
        otel_exporter_destroy(exporter);
        return NULL;
    }
    p->exporter = exporter;
    snprintf(p->name, sizeof p->name, "%s/%s", kind, exporter->ops.name);
    return p;
}

static int export_timeout_of(const otel_batch_options *settled) {
    return settled->export_timeout_ms == OTEL_NO_TIMEOUT ? 0 : settled->export_timeout_ms;
}

otel_processor *otel_batch_processor(const otel_batch_options *options, otel_exporter *exporter) {
    otel_batch_options known;
    otel_batch_options filled = { .size = sizeof filled };
    if (options)
        filled = *(const otel_batch_options *)otel__options_fit(options, sizeof known, &known);
    otel__config_batch_defaults(&filled);
    otel_processor *p = create("batch", exporter);
    if (!p)
        return NULL;
    p->batch = true;
    p->max_queue = (uint32_t)filled.max_queue_size;
    /* A batch takes memory for as many spans as it may have, and there are never more than this. */
    p->max_batch = filled.max_batch_size < OTEL__RECORDS_MAX ? (uint32_t)filled.max_batch_size : OTEL__RECORDS_MAX;
    p->delay = (uint64_t)filled.schedule_delay_ms * OTEL__MILLISECOND;
    p->export_timeout_ms = export_timeout_of(&filled);
    return p;
}

otel_processor *otel_simple_processor(otel_exporter *exporter) {
    otel_batch_options defaults = { .size = sizeof defaults };
    otel__config_batch_defaults(&defaults);
    otel_processor *p = create("simple", exporter);
    if (!p)
        return NULL;
    p->direct = !exporter->ops.blocking;
    p->max_queue = (uint32_t)defaults.max_queue_size;
    p->max_batch = 1;
    p->export_timeout_ms = export_timeout_of(&defaults);
    return p;
}

void otel_processor_destroy(otel_processor *processor) {
    if (!processor)
        return;
    if (processor->ops.destroy)
        processor->ops.destroy(processor->self);
    otel_exporter_destroy(processor->exporter);
    otel__batch_free(processor->view);
    free(processor->component);
    free(processor);
}

bool otel__processor_join(otel_processor *processor, unsigned index, const otel_resource_data *resource) {
    processor->index = index;
    processor->lane = &lanes[index];
    memset(processor->lane, 0, sizeof *processor->lane);
    if (otel__processor_is_custom(processor))
        return true;
    processor->view = otel__batch_create(processor->max_batch, resource);
    return processor->view != NULL;
}

/* ---- being the consumer ------------------------------------------------------------------------------------------ */

static bool has_worker(const otel_processor *p) { return atomic_load(&p->lane->worker) != OTEL__WORKER_NONE; }

static bool try_to_consume(struct otel__lane *lane, uint32_t as) {
    uint32_t none = OTEL__CONSUMED_BY_NONE;
    return atomic_compare_exchange_strong(&lane->draining, &none, as);
}

static void stop_consuming(struct otel__lane *lane) {
    atomic_store(&lane->draining, OTEL__CONSUMED_BY_NONE);
    if (atomic_load(&lane->claims))
        otel__futex_wake(&lane->draining);
}

/* Waits until the thread that consumes now stops. False: it has not by the deadline, or takes longer than `as` does. */
static bool wait_for_turn(struct otel__lane *lane, uint32_t as, uint64_t deadline) {
    const uint32_t now = atomic_load(&lane->draining);
    return now == OTEL__CONSUMED_BY_NONE || (now <= as && otel__futex_wait(&lane->draining, now, deadline));
}

/*
 * Becomes the consumer of a processor that has no worker: of one that exports directly, or before the first span.
 * False when there is a worker after all, or when another thread was the consumer until the deadline. Who ends a span
 * does not wait for one that flushes or stops either, which exports that span as well.
 */
static bool become_consumer(otel_processor *p, uint32_t as, uint64_t deadline) {
    struct otel__lane *lane = p->lane;
    const unsigned forks = otel__fork_count();
    bool mine = false;
    atomic_fetch_add(&lane->claims, 1);
    while (!has_worker(p) && !(mine = try_to_consume(lane, as)) && wait_for_turn(lane, as, deadline)) {}
    /* In a child, forked by a signal handler meanwhile, nobody waits. */
    if (forks == otel__fork_count())
        atomic_fetch_sub(&lane->claims, 1);
    return mine;
}

/* ---- exporting on the ending thread ------------------------------------------------------------------------------ */

/* Those who wait to be the consumer leave nothing behind, so a span that ends meanwhile can be left to them. */
static bool may_drain(struct otel__lane *lane) {
    const bool work = otel__span_queue_fresh(&lane->queue) || atomic_load(&lane->left);
    return work && !atomic_load(&lane->claims) && try_to_consume(lane, OTEL__CONSUMED_IN_PASSING);
}

/*
 * Whoever finds nobody exporting exports, until the queue is empty; others leave their span to that thread. So exports
 * never overlap. Nobody exports for others for ever: after the first round the next thread that ends a span is asked
 * to take over, and whoever flushes or stops gets its turn. What the exporter itself traces is ignored: it would have
 * to be exported in turn. Nor is the thread cancelled in there, or nobody would ever export again.
 */
static void drain_direct(otel_processor *p) {
    struct otel__lane *lane = p->lane;
    const int saved_errno = errno;
    const int cancellation = otel__cancellation_hold();
    bool mine = atomic_exchange(&lane->relief, 0) && become_consumer(p, OTEL__CONSUMED_IN_PASSING, OTEL__NO_DEADLINE);
    bool in_time = true;
    for (unsigned rounds = 0; in_time && (mine || may_drain(lane)); rounds++, mine = false) {
        if (rounds > 0)
            atomic_store(&lane->relief, 1);
        in_time = otel__worker_drain_unclaimed(p, OTEL__NO_DEADLINE);
        stop_consuming(lane);
    }
    otel__cancellation_allow(cancellation);
    errno = saved_errno;
}

/*
 * After a flush or stop: exports the spans that ended meanwhile, which were left to it also where it waited in vain. The
 * moment more that it gives itself is enough for an exporter that is quick; what a slow one leaves goes out with the
 * next span, flush or stop.
 */
static void drain_leftovers(otel_processor *p, uint64_t deadline) {
    struct otel__lane *lane = p->lane;
    const uint64_t latest = deadline + OTEL__CANCEL_GRACE_MS * OTEL__MILLISECOND;
    for (bool in_time = true; in_time && may_drain(lane); stop_consuming(lane)) {
        atomic_store(&lane->relief, 1);
        in_time = otel__worker_drain_unclaimed(p, latest);
    }
}

bool otel__processor_on_end(otel_processor *processor, struct otel__record *record) {
    const uint32_t count =
        otel__span_queue_push(&processor->lane->queue, record, processor->index, processor->max_queue);
    if (count == 0) {
        if (!atomic_load_explicit(&processor->lane->overflowed, memory_order_relaxed))
            atomic_store_explicit(&processor->lane->overflowed, 1, memory_order_relaxed);
        return false;
    }
    if (processor->direct)
        drain_direct(processor);
    else
        otel__worker_pushed(processor, count);
    return true;
}

/* ---- flush and stop ---------------------------------------------------------------------------------------------- */

typedef void work_function(otel_processor *p, uint32_t ticket, uint64_t deadline);

/*
 * Who stands in for a worker blocks every signal as that does, since the threads that an exporter makes inherit it:
 * libcurl's, which look names up, must not take what is the program's. A direct exporter is called on the program's
 * threads anyway.
 */
static void stand_in(otel_processor *p, work_function *work, uint32_t ticket, uint64_t deadline) {
    struct otel__sigpipe guard; /* one that an exporter causes meanwhile is not the program's */
    sigset_t all;
    sigfillset(&all);
    otel__sigpipe_begin(&guard);
    pthread_sigmask(SIG_SETMASK, &all, NULL);
    work(p, ticket, deadline);
    stop_consuming(p->lane);
    otel__sigpipe_end(&guard);
}

/* Runs `work` as the consumer, with the calling thread's own calls of the API ignored. False as become_consumer(). */
static bool consume(otel_processor *p, work_function *work, uint32_t ticket, uint64_t deadline) {
    const bool mine = become_consumer(p, OTEL__CONSUMED_FOR_FLUSH, deadline);
    if (!mine && !p->direct)
        return false;
    struct otel__thread *thread = otel__thread_self();
    const uint32_t saved = otel__thread_mute(thread);
    if (mine && p->direct) {
        work(p, ticket, deadline);
        stop_consuming(p->lane);
    } else if (mine) {
        stand_in(p, work, ticket, deadline);
    }
    if (p->direct)
        drain_leftovers(p, deadline);
    otel__thread_unmute(thread, saved);
    return mine;
}

uint32_t otel__processor_flush_begin(otel_processor *p) {
    const uint32_t ticket = atomic_fetch_add(&p->lane->flush_wanted, 1) + 1;
    otel__worker_wake(p);
    return ticket;
}

static bool reached(uint32_t ticket, uint32_t other) { return (int32_t)(ticket - other) >= 0; }

static bool served(const struct otel__lane *lane, uint32_t ticket) {
    return reached(atomic_load(&lane->flush_served), ticket);
}

static otel_status verdict(const struct otel__lane *lane, uint32_t ticket) {
    const uint64_t word = atomic_load(&lane->flush_verdict);
    return reached((uint32_t)word, ticket) ? (otel_status)(word >> 32) : OTEL_OK;
}

otel_status otel__processor_flush_wait(otel_processor *p, uint32_t ticket, uint64_t deadline) {
    struct otel__lane *lane = p->lane;
    const unsigned forks = otel__fork_count();
    if (!served(lane, ticket))
        consume(p, otel__worker_flush, ticket, deadline);
    /* The exporter has forked: nothing of what was to be flushed is the child's. */
    if (forks != otel__fork_count())
        return OTEL_OK;
    while (!served(lane, ticket)) {
        const uint32_t seen = atomic_load(&lane->flush_served);
        if (!reached(seen, ticket) && !otel__futex_wait(&lane->flush_served, seen, deadline))
            return OTEL_ERR_TIMEOUT;
    }
    return verdict(lane, ticket);
}

void otel__processor_stop_begin(otel_processor *p, uint64_t deadline) {
    p->lane->stop_ticket = atomic_fetch_add(&p->lane->flush_wanted, 1) + 1;
    atomic_store(&p->lane->stop_deadline, deadline);
    atomic_store(&p->lane->stopping, 1);
    otel__worker_wake(p);
}

static bool wait_done(struct otel__lane *lane, uint64_t deadline) {
    for (;;) {
        const uint32_t state = atomic_load(&lane->worker);
        if (state == OTEL__WORKER_DONE)
            return true;
        if (!otel__futex_wait(&lane->worker, state, deadline))
            return false;
    }
}

bool otel__processor_stop_wait(otel_processor *p, uint64_t deadline) {
    const uint64_t latest = atomic_load(&p->lane->stop_deadline) + OTEL__CANCEL_GRACE_MS * OTEL__MILLISECOND;
    if (consume(p, otel__worker_finish, 0, deadline)) {
        p->lane->late = otel__clock_monotonic() > latest;
        return true;
    }
    return has_worker(p) && wait_done(p->lane, deadline);
}

void otel__processor_cancel(otel_processor *p) {
    if (p->exporter->ops.cancel)
        p->exporter->ops.cancel(p->exporter->self);
}

otel_status otel__processor_stop_status(otel_processor *p) {
    struct otel__lane *lane = p->lane;
    if (atomic_exchange(&lane->joinable, false))
        pthread_join(lane->thread, NULL);
    return atomic_load(&lane->dropped_stopped) || lane->late ? OTEL_ERR_TIMEOUT : verdict(lane, lane->stop_ticket);
}

/* ---- fork -------------------------------------------------------------------------------------------------------- */

void otel__processor_after_fork(otel_processor *p) {
    /* Kept in sight of leak checkers, never touched again. */
    static struct otel_batch *left_behind;
    struct otel_batch *old = p->view;
    if (!old)
        return;
    p->view = otel__batch_create(old->capacity, old->resource);
    if (!p->view)
        p->max_queue = 0; /* without it nothing can be exported: refuse, and count */
    old->left_before = left_behind;
    left_behind = old;
}

/* ---- ledger ------------------------------------------------------------------------------------------------------ */

static void read_counts(const struct otel__lane *lane, otel_ledger_processor *out) {
    out->exported = atomic_load(&lane->exported);
    out->rejected = atomic_load(&lane->rejected);
    out->dropped_failed = atomic_load(&lane->dropped_failed);
    out->dropped_too_large = atomic_load(&lane->dropped_too_large);
    out->dropped_stopped = atomic_load(&lane->dropped_stopped);
    out->queued = otel__span_queue_count(&lane->queue);
    out->in_flight = atomic_load(&lane->in_flight);
    out->exports = atomic_load(&lane->exports);
}

/*
 * The consumer may be moving spans: what changed meanwhile is read again. Not for ever, since it may be the very thread
 * that a signal handler of the caller's has interrupted.
 */
static void read_settled_counts(const struct otel__lane *lane, otel_ledger_processor *out) {
    enum { TRIES = 200, TRIES_AT_ONCE = 100 };
    for (unsigned tries = 0; tries < TRIES; tries++) {
        const uint32_t moves = atomic_load(&lane->moves);
        read_counts(lane, out);
        if (moves % 2 == 0 && atomic_load(&lane->moves) == moves)
            return;
        if (tries >= TRIES_AT_ONCE)
            otel__sleep_ms(1);
    }
}

void otel__processor_ledger(const otel_processor *p, otel_ledger_processor *out) {
    *out = (otel_ledger_processor){ .name = p->name,
                                    .ended = otel__locals_sum(OTEL__ENDED),
                                    .dropped_queue_full = otel__locals_sum(OTEL__QUEUE_FULL + p->index),
                                    .not_sampled = otel__locals_sum(OTEL__ENDED_UNSAMPLED) };
    read_settled_counts(p->lane, out);
}
