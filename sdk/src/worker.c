/* SPDX-License-Identifier: Apache-2.0 */
/* worker.c - see worker.h. */
#include "worker.h"

#include "background.h"
#include "base/clock.h"
#include "fork.h"
#include "polling.h"
#include "self_metrics.h"

#include <errno.h>
#include <string.h>

enum { RETRY_START_MS = 1000, FLUSHES_TO_COME = 1 << 30 };
/* So long after the last full batch a burst is over, and its memory goes back; after fewer spans it has more time. */
#define CALM_NS (5 * OTEL__SECOND)
#define RARELY_NS (30 * OTEL__SECOND)

/* ---- exporting: on the consumer's thread ------------------------------------------------------------------------- */

static void take(otel_processor *p) {
    struct otel__lane *lane = p->lane;
    const uint32_t oldest = otel__span_queue_take(&lane->queue, p->index);
    if (oldest == 0)
        return;
    if (lane->waiting == 0)
        lane->oldest = oldest;
    else
        atomic_store_explicit(&otel__record_at(lane->newest)->next[p->index], oldest, memory_order_relaxed);
    for (uint32_t slot = oldest; slot != 0; lane->waiting++) {
        lane->newest = slot;
        slot = atomic_load_explicit(&otel__record_at(slot)->next[p->index], memory_order_relaxed);
    }
}

static uint32_t fill_batch(otel_processor *p) {
    struct otel__lane *lane = p->lane;
    const uint32_t count = lane->waiting < p->max_batch ? lane->waiting : p->max_batch;
    for (uint32_t i = 0; i < count; i++) {
        struct otel__record *record = otel__record_at(lane->oldest);
        p->view->records[i] = record;
        lane->oldest = atomic_load_explicit(&record->next[p->index], memory_order_relaxed);
    }
    lane->waiting -= count;
    p->view->count = count;
    return count;
}

/* When the consumer must be done: the time for stopping, or that of the flush whose caller is the consumer. */
static uint64_t deadline_of(const struct otel__lane *lane) {
    const uint64_t stop = atomic_load(&lane->stopping) ? atomic_load(&lane->stop_deadline) : OTEL__NO_DEADLINE;
    const uint64_t flush = lane->flush_deadline ? lane->flush_deadline : OTEL__NO_DEADLINE;
    return stop < flush ? stop : flush;
}

static int export_timeout(const otel_processor *p) {
    const uint64_t deadline = deadline_of(p->lane);
    if (deadline == OTEL__NO_DEADLINE)
        return p->export_timeout_ms;
    const int left = otel__deadline_left_ms(deadline);
    const int bound = left > 0 ? left : 1;
    return p->export_timeout_ms && p->export_timeout_ms < bound ? p->export_timeout_ms : bound;
}

static bool wanted(const struct otel__lane *lane) {
    return atomic_load(&lane->stopping) || atomic_load(&lane->flush_wanted) != atomic_load(&lane->flush_served);
}

/* Between two of these the consumer moves spans from one count to another: see read_settled_counts(). */
static void mark_move(struct otel__lane *lane) { atomic_fetch_add(&lane->moves, 1); }

static void add(_Atomic uint64_t *counter, uint64_t n) { atomic_fetch_add_explicit(counter, n, memory_order_release); }

/* For the flushes that wait now: whatever fails from their call on concerns them. */
static void note_failure(struct otel__lane *lane, otel_status status) {
    if (status == OTEL_OK)
        return;
    lane->failure = status;
    lane->failed_ticket = atomic_load(&lane->flush_wanted);
}

/* An export that time ended, by cancel or by the timeout that it was given, says no more than that time was up. */
static otel_status export_failure(const struct otel__lane *lane) {
    return otel__clock_monotonic() < deadline_of(lane) ? OTEL_ERR_EXPORT : OTEL_ERR_TIMEOUT;
}

static uint64_t at_most(uint64_t n, uint64_t bound) { return n < bound ? n : bound; }

static void count_outcome(struct otel__lane *lane, otel_status status, uint64_t spans,
                          const otel_export_outcome *outcome) {
    const uint64_t too_large = at_most(outcome->too_large, spans), sendable = spans - too_large;
    const uint64_t taken = status == OTEL_OK ? sendable : at_most(outcome->delivered, sendable);
    const uint64_t rejected = at_most(outcome->rejected, taken);
    mark_move(lane);
    add(&lane->rejected, rejected);
    add(&lane->exported, taken - rejected);
    add(&lane->dropped_failed, sendable - taken);
    add(&lane->dropped_too_large, too_large);
    atomic_fetch_sub_explicit(&lane->in_flight, spans, memory_order_release);
    mark_move(lane);
    note_failure(lane, status == OTEL_OK ? OTEL_OK : export_failure(lane));
}

/* A trickle of spans does not put it off; a simple processor's batches are always full and say nothing. */
static void plan_trim(otel_processor *p, uint32_t count) {
    struct otel__lane *lane = p->lane;
    if (count == p->max_batch && count > 1)
        lane->trim_at = otel__clock_monotonic() + CALM_NS;
    else if (lane->trim_at == OTEL__NO_DEADLINE)
        lane->trim_at = otel__clock_monotonic() + RARELY_NS;
}

/* False: this is a child that the exporter forked, and the caller is the consumer no more. */
static bool export_batch(otel_processor *p) {
    struct otel__lane *lane = p->lane;
    const unsigned forks = otel__fork_count();
    const uint32_t count = fill_batch(p);
    const otel_exporter *exporter = p->exporter;
    otel_export_outcome outcome = { .size = sizeof outcome };
    mark_move(lane);
    add(&lane->in_flight, count);
    otel__span_queue_done(&lane->queue, count);
    add(&lane->exports, 1);
    mark_move(lane);
    const uint64_t began = p->component ? otel__clock_monotonic() : 0;
    const otel_status status = exporter->ops.export_batch(exporter->self, p->view, export_timeout(p), &outcome);
    /* An exporter that forks returns in the child too, where records and counts are wiped. */
    if (forks != otel__fork_count())
        return false;
    otel__records_unref(p->view->records, count);
    p->view->count = 0;
    count_outcome(lane, status, count, &outcome);
    if (p->component)
        otel__self_metrics_exported(p, status, count, &outcome, began);
    plan_trim(p, count);
    return true;
}

void otel__worker_drop(otel_processor *p) {
    struct otel__lane *lane = p->lane;
    take(p);
    while (lane->waiting) {
        const uint32_t count = fill_batch(p);
        mark_move(lane);
        add(&lane->dropped_stopped, count);
        otel__span_queue_done(&lane->queue, count);
        mark_move(lane);
        otel__records_unref(p->view->records, count);
    }
    atomic_store(&lane->left, 0);
}

static bool in_time(const struct otel__lane *lane) { return otel__clock_monotonic() < deadline_of(lane); }

static bool may_export(const struct otel__lane *lane) { return lane->waiting && in_time(lane); }

void otel__worker_drain(otel_processor *p) {
    atomic_store(&p->lane->relief, 0); /* nobody needs to take over what is exported here */
    take(p);
    while (may_export(p->lane) && export_batch(p)) {}
    atomic_store(&p->lane->left, p->lane->waiting != 0);
}

bool otel__worker_drain_unclaimed(otel_processor *p, uint64_t deadline) {
    struct otel__lane *lane = p->lane;
    if (atomic_load(&lane->finished)) { /* of a call that outlasts the stop: the exporter takes no more */
        otel__worker_drop(p);
        return true;
    }
    lane->flush_deadline = deadline;
    take(p);
    while (may_export(lane) && !atomic_load(&lane->claims) && export_batch(p)) {}
    const bool before_deadline = in_time(lane);
    lane->flush_deadline = 0;
    atomic_store(&lane->left, lane->waiting != 0);
    return before_deadline;
}

static void serve(struct otel__lane *lane, uint32_t ticket) {
    atomic_store(&lane->flush_verdict, (uint64_t)lane->failure << 32 | lane->failed_ticket);
    if ((int32_t)(ticket - atomic_load(&lane->flush_served)) > 0)
        atomic_store(&lane->flush_served, ticket);
    otel__futex_wake(&lane->flush_served);
}

/*
 * False: time was up for the flush whose caller is the consumer. That is no failure of others, which have times of
 * their own and find what is left.
 */
static bool export_all(otel_processor *p, uint64_t deadline) {
    struct otel__lane *lane = p->lane;
    otel_status (*const flush)(void *self, int timeout_ms) = p->exporter->ops.force_flush;
    otel__worker_drain(p);
    const otel_status drained = lane->waiting ? OTEL_ERR_TIMEOUT : OTEL_OK;
    const otel_status flushed = flush ? flush(p->exporter->self, export_timeout(p)) : OTEL_OK;
    const bool late = deadline && otel__clock_monotonic() >= deadline;
    if (late && (drained == OTEL_ERR_TIMEOUT || flushed == OTEL_ERR_TIMEOUT))
        return false;
    note_failure(lane, drained);
    note_failure(lane, flushed);
    return true;
}

void otel__worker_flush(otel_processor *p, uint32_t ticket, uint64_t deadline) {
    const unsigned forks = otel__fork_count();
    if (atomic_load(&p->lane->finished)) /* while it waited for its turn; then it has been served */
        return;
    p->lane->flush_deadline = deadline;
    const bool done = export_all(p, deadline);
    p->lane->flush_deadline = 0;
    /* A child has no flush to serve: its tickets begin anew. */
    if (done && forks == otel__fork_count())
        serve(p->lane, ticket);
}

void otel__worker_finish(otel_processor *p, uint32_t unused_ticket, uint64_t unused_deadline) {
    struct otel__lane *lane = p->lane;
    (void)unused_ticket;
    (void)unused_deadline;
    if (atomic_exchange(&lane->finished, true))
        return;
    export_all(p, 0);
    otel__worker_drop(p);
    if (p->exporter->ops.shutdown)
        note_failure(lane, p->exporter->ops.shutdown(p->exporter->self, export_timeout(p)));
    /* Whoever flushes from now on has nothing to wait for. */
    serve(lane, atomic_load(&lane->flush_wanted) + FLUSHES_TO_COME);
}

/* ---- deciding when ----------------------------------------------------------------------------------------------- */

/* When the oldest waiting span is due, counted from the call that ended it, whatever end that call gave it. */
static uint64_t due_at(const otel_processor *p) {
    const struct otel__record *record = otel__record_at(p->lane->oldest);
    const uint64_t now = otel__clock_monotonic();
    const uint64_t ended = record->end - (uint64_t)record->clock_offset;
    const uint64_t waited = otel__clock_steady() - ended;
    return waited < p->delay ? now + (p->delay - waited) : now;
}

static bool batch_is_full(const otel_processor *p) { return otel__span_queue_count(&p->lane->queue) >= p->max_batch; }

/* Whether the worker may go to sleep the way it said it would. */
static bool may_sleep(const otel_processor *p, uint32_t how) {
    if (wanted(p->lane) || batch_is_full(p))
        return false;
    return how == OTEL__DOZING || !otel__span_queue_fresh(&p->lane->queue);
}

/* The next step of fetching strategies, where that is this worker's business and it is due. */
static void poll_strategies(otel_processor *p) {
    struct otel__lane *lane = p->lane;
    if (p->remotes && otel__clock_monotonic() >= lane->poll_at)
        lane->poll_at = otel__polling_step(p->remotes);
}

/* At most until a strategy is to be fetched. False when the time came without a wake-up. */
static bool sleep_until(otel_processor *p, uint32_t how, uint64_t time) {
    const uint64_t deadline = time < p->lane->poll_at ? time : p->lane->poll_at;
    _Atomic uint32_t *sleep = &p->lane->sleep;
    bool in_time = true;
    atomic_store(sleep, how);
    while (in_time && atomic_load(sleep) == how && may_sleep(p, how))
        in_time = otel__futex_wait(sleep, how, deadline);
    atomic_store(sleep, OTEL__AWAKE);
    return in_time;
}

/* Until `deadline`, or until memory may go back. */
static void doze(otel_processor *p, uint64_t deadline) {
    const uint64_t trim_at = p->lane->trim_at;
    sleep_until(p, OTEL__DOZING, deadline < trim_at ? deadline : trim_at);
}

/* Nothing is due: sleeps until something may be. */
static void rest(otel_processor *p, bool *after_export) {
    struct otel__lane *lane = p->lane;
    if (lane->trim_at <= otel__clock_monotonic()) {
        otel__records_trim();
        lane->trim_at = OTEL__NO_DEADLINE;
    } else if (lane->waiting) {
        doze(p, due_at(p));
    } else if (*after_export) {
        doze(p, otel__clock_monotonic() + p->delay);
        *after_export = false;
    } else if (sleep_until(p, OTEL__ASLEEP, lane->trim_at) && p->delay && !wanted(lane) && !batch_is_full(p)) {
        doze(p, otel__clock_monotonic() + p->delay);
    }
}

/* Exports what is due: full batches, and whatever the oldest span of is due. True when it exported. */
static bool export_due(otel_processor *p) {
    struct otel__lane *lane = p->lane;
    bool exported = false;
    take(p);
    while (lane->waiting && !wanted(lane) && (lane->waiting >= p->max_batch || due_at(p) <= otel__clock_monotonic())) {
        exported = true;
        if (!export_batch(p))
            break;
        poll_strategies(p);
        take(p);
    }
    return exported;
}

/* Once all that was queued is out. */
static void report_end_of_loss(otel_processor *p) {
    struct otel__lane *lane = p->lane;
    if (!lane->losing || lane->waiting || atomic_load_explicit(&lane->overflowed, memory_order_relaxed))
        return;
    lane->losing = false;
    otel_report(OTEL_LOG_WARN, "queue free", "%s: no spans are dropped any more; %llu were so far", p->name,
                (unsigned long long)lane->full_reported);
}

/* Says how many spans a full queue cost; while running, as often as diagnostics let a line pass. */
static void report_full_queue(otel_processor *p) {
    struct otel__lane *lane = p->lane;
    const bool stopping = atomic_load(&lane->stopping);
    if (!atomic_load_explicit(&lane->overflowed, memory_order_relaxed) && !stopping)
        return;
    const uint64_t now = otel__clock_monotonic();
    if (lane->full_reported && now - lane->full_reported_at < 10 * OTEL__SECOND && !stopping)
        return;
    atomic_store_explicit(&lane->overflowed, 0, memory_order_relaxed);
    const uint64_t full = otel__locals_sum(OTEL__QUEUE_FULL + p->index);
    if (full <= lane->full_reported)
        return;
    lane->full_reported_at = now;
    otel_report(
        OTEL_LOG_WARN, "queue full",
        "%s: %llu spans were dropped, because %u were waiting already (max_queue_size, OTEL_BSP_MAX_QUEUE_SIZE)",
        p->name, (unsigned long long)(full - lane->full_reported), (unsigned)p->max_queue);
    lane->full_reported = full;
    lane->losing = !stopping;
}

/* Until the processor stops; false: the thread finds itself in a child that the exporter forked. */
static bool work(otel_processor *p) {
    struct otel__lane *lane = p->lane;
    const unsigned forks = otel__fork_count();
    bool after_export = false;
    lane->trim_at = OTEL__NO_DEADLINE;
    lane->poll_at = p->remotes ? 0 : OTEL__NO_DEADLINE;
    while (!atomic_load(&lane->stopping)) {
        poll_strategies(p);
        const uint32_t ticket = atomic_load(&lane->flush_wanted);
        if (ticket != atomic_load(&lane->flush_served)) {
            otel__worker_flush(p, ticket, 0);
            after_export = p->delay > 0;
        } else if (export_due(p)) {
            after_export = p->delay > 0;
        } else {
            rest(p, &after_export);
        }
        if (forks != otel__fork_count())
            return false;
        report_full_queue(p);
        report_end_of_loss(p);
    }
    otel__worker_finish(p, 0, 0);
    if (forks != otel__fork_count())
        return false;
    report_full_queue(p);
    return true;
}

/* ---- the thread -------------------------------------------------------------------------------------------------- */

static void *run(void *data) {
    otel_processor *p = data;
    _Atomic uint32_t *state = &p->lane->worker;
    struct otel__thread *thread = otel__thread_self();
    const uint32_t saved = otel__thread_mute(thread);
    pthread_setname_np(pthread_self(), p->batch ? "otel-batch" : "otel-simple");
    atomic_store(state, OTEL__WORKER_RUNNING);
    /* A flush before the first span may be at it. */
    uint32_t none = OTEL__CONSUMED_BY_NONE;
    while (!atomic_compare_exchange_strong(&p->lane->draining, &none, OTEL__CONSUMED_BY_WORKER)) {
        none = OTEL__CONSUMED_BY_NONE;
        otel__sleep_ms(1);
    }
    const bool done = work(p);
    if (done)
        atomic_store(&p->lane->draining, OTEL__CONSUMED_BY_NONE);
    otel__thread_unmute(thread, saved);
    /* In a child the first span starts a worker of its own; this thread is nobody's and ends. */
    if (!done)
        return NULL;
    atomic_store(state, OTEL__WORKER_DONE);
    otel__futex_wake(state);
    return NULL;
}

bool otel__worker_start(otel_processor *p) {
    struct otel__lane *lane = p->lane;
    uint32_t none = OTEL__WORKER_NONE;
    const uint64_t retry_at = atomic_load_explicit(&lane->retry_worker_at, memory_order_relaxed);
    if (retry_at != 0 && otel__clock_monotonic() < retry_at)
        return false;
    if (!atomic_compare_exchange_strong(&lane->worker, &none, OTEL__WORKER_STARTING))
        return true;
    const int saved = errno;
    const int rc = otel__background_start(&lane->thread, run, p);
    errno = saved;
    if (rc == 0) {
        /*
         * Not earlier: nobody may join a thread whose creation has not returned. A stop in between finds this call
         * running, and joins later.
         */
        atomic_store(&lane->joinable, true);
        return true;
    }
    atomic_store(&lane->retry_worker_at, otel__clock_monotonic() + RETRY_START_MS * OTEL__MILLISECOND);
    atomic_store(&lane->worker, OTEL__WORKER_NONE);
    /* Last: a thread that ends in the program's callback leaves the next attempt to others. */
    otel_report(OTEL_LOG_ERROR, "worker", "%s: cannot start the background thread: %s; spans wait, trying again",
                p->name, strerror(rc));
    return false;
}

void otel__worker_wake(otel_processor *p) {
    if (atomic_exchange(&p->lane->sleep, OTEL__AWAKE) != OTEL__AWAKE)
        otel__futex_wake(&p->lane->sleep);
}

void otel__worker_pushed(otel_processor *p, uint32_t count) {
    const uint32_t sleep = atomic_load(&p->lane->sleep);
    if (sleep == OTEL__AWAKE)
        return;
    if (count >= p->max_batch || p->delay == 0 || (sleep == OTEL__ASLEEP && count == 1))
        otel__worker_wake(p);
}
