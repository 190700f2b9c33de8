/* SPDX-License-Identifier: Apache-2.0 */
/* reader_periodic.c - the thread that reads at an interval; see reader.h. */
#include "metrics/reader.h"

#include "background.h"
#include "base/clock.h"
#include "fork.h"
#include "metrics/collect.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

enum { RETRY_MS = 1000 };

static void keep_first(otel_status *kept, otel_status status) {
    if (*kept == OTEL_OK)
        *kept = status;
}

/* ---- on its thread ------------------------------------------------------------------------------------------------ */

/* The reader's own, but not beyond the time for stopping. */
static int timeout_now(const otel_metric_reader *reader) {
    const uint64_t deadline = otel__reader_deadline(reader->lane);
    if (deadline == OTEL__NO_DEADLINE)
        return reader->timeout_ms;
    const int left = otel__deadline_left_ms(deadline);
    const int bound = left > 0 ? left : 1;
    return reader->timeout_ms && reader->timeout_ms < bound ? reader->timeout_ms : bound;
}

/* What memory was too short for has not been read, and is in the next reading; the rest will not be read again. */
static otel_status read_and_export(otel_metric_reader *reader) {
    const otel_metric_exporter *exporter = reader->exporter;
    struct otel__reading reading;
    otel_status status = otel__collect(reader, &reading);
    if (status == OTEL_ERR_MEMORY)
        otel_report(OTEL_LOG_ERROR, "metrics/memory", "memory is too short to read all metrics: some come later");
    if (reading.data.metric_count)
        keep_first(&status, exporter->ops.export_metrics(exporter->self, &reading.data, timeout_now(reader)));
    otel__reading_free(&reading);
    return status;
}

static otel_status flush(otel_metric_reader *reader) {
    const otel_metric_exporter *exporter = reader->exporter;
    otel_status status = read_and_export(reader);
    if (exporter->ops.force_flush)
        keep_first(&status, exporter->ops.force_flush(exporter->self, timeout_now(reader)));
    return status;
}

static void serve(struct otel__reader_lane *lane, uint32_t ticket, otel_status status) {
    atomic_store(&lane->flush_status, (uint32_t)status);
    atomic_store(&lane->flush_served, ticket);
    otel__futex_wake(&lane->flush_served);
}

/* Time was up where a deadline came first: that says nothing of the exporter. */
static void note_stop(struct otel__reader_lane *lane, otel_status status) {
    const bool late = otel__clock_monotonic() >= atomic_load(&lane->stop_deadline);
    if (atomic_load(&lane->stop_status) == OTEL_OK && status != OTEL_OK)
        atomic_store(&lane->stop_status, (uint32_t)(late ? OTEL_ERR_TIMEOUT : OTEL_ERR_EXPORT));
}

static void shut_down(otel_metric_reader *reader) {
    const otel_metric_exporter *exporter = reader->exporter;
    if (exporter->ops.shutdown)
        note_stop(reader->lane, exporter->ops.shutdown(exporter->self, timeout_now(reader)));
}

static void finish(otel_metric_reader *reader) {
    struct otel__reader_lane *lane = reader->lane;
    note_stop(lane, flush(reader));
    shut_down(reader);
    serve(lane, atomic_load(&lane->flush_wanted), (otel_status)atomic_load(&lane->stop_status));
}

/*
 * Who asks for a flush from here on sees that there is nobody to do it. Who asked before, and after the last one, has
 * seen somebody, and waits.
 */
static void come_to_end(struct otel__reader_lane *lane) {
    atomic_store(&lane->worker, OTEL__READER_DONE);
    serve(lane, atomic_load(&lane->flush_wanted), (otel_status)atomic_load(&lane->flush_status));
    otel__futex_wake(&lane->worker);
}

static uint64_t after(const otel_metric_reader *reader, uint64_t time) {
    const uint64_t interval = (uint64_t)reader->interval_ms * OTEL__MILLISECOND;
    const uint64_t now = otel__clock_monotonic();
    return time + interval > now ? time + interval : now + interval;
}

/* Until the reader stops; false: the thread finds itself in a child that the exporter forked. */
static bool work(otel_metric_reader *reader) {
    struct otel__reader_lane *lane = reader->lane;
    const unsigned forks = otel__fork_count();
    uint64_t next = after(reader, otel__clock_monotonic());
    while (!atomic_load(&lane->stopping)) {
        const uint32_t changes = atomic_load(&lane->changes), ticket = atomic_load(&lane->flush_wanted);
        if (ticket != atomic_load(&lane->flush_served)) {
            serve(lane, ticket, flush(reader));
        } else if (otel__clock_monotonic() >= next) {
            read_and_export(reader);
            next = after(reader, next);
        } else if (!atomic_load(&lane->stopping)) {
            otel__futex_wait(&lane->changes, changes, next);
        }
        if (forks != otel__fork_count())
            return false;
    }
    finish(reader);
    return forks == otel__fork_count();
}

static void *run(void *data) {
    otel_metric_reader *reader = data;
    _Atomic uint32_t *state = &reader->lane->worker;
    struct otel__thread *thread = otel__thread_self();
    const uint32_t saved = otel__thread_mute(thread);
    pthread_setname_np(pthread_self(), "otel-metrics");
    atomic_store(state, OTEL__READER_RUNNING);
    const bool done = work(reader);
    otel__thread_unmute(thread, saved);
    if (!done)
        return NULL;
    come_to_end(reader->lane);
    return NULL;
}

/* ---- from other threads ------------------------------------------------------------------------------------------- */

bool otel__periodic_start(otel_metric_reader *reader) {
    struct otel__reader_lane *lane = reader->lane;
    uint32_t none = OTEL__READER_NONE;
    const uint64_t retry_at = atomic_load_explicit(&lane->retry_at, memory_order_relaxed);
    if (retry_at != 0 && otel__clock_monotonic() < retry_at)
        return false;
    if (!atomic_compare_exchange_strong(&lane->worker, &none, OTEL__READER_STARTING))
        return true;
    const int saved = errno;
    const int rc = otel__background_start(&lane->thread, run, reader);
    errno = saved;
    if (rc == 0) {
        atomic_store(&lane->joinable, true);
        return true;
    }
    atomic_store(&lane->retry_at, otel__clock_monotonic() + RETRY_MS * OTEL__MILLISECOND);
    atomic_store(&lane->worker, OTEL__READER_NONE);
    otel_report(OTEL_LOG_ERROR, "metrics/thread", "%s: cannot start the thread that reads metrics: %s; trying again",
                reader->exporter->ops.name, strerror(rc));
    return false;
}

static bool has_thread(const struct otel__reader_lane *lane) { return atomic_load(&lane->worker) != OTEL__READER_NONE; }

static void wake(struct otel__reader_lane *lane) {
    atomic_fetch_add(&lane->changes, 1);
    otel__futex_wake(&lane->changes);
}

uint32_t otel__periodic_flush_begin(otel_metric_reader *reader) {
    struct otel__reader_lane *lane = reader->lane;
    if (atomic_load(&otel__metrics_shared->used))
        otel__periodic_start(reader);
    const uint32_t ticket = atomic_fetch_add(&lane->flush_wanted, 1) + 1;
    wake(lane);
    return ticket;
}

otel_status otel__periodic_flush_wait(otel_metric_reader *reader, uint32_t ticket, uint64_t deadline) {
    struct otel__reader_lane *lane = reader->lane;
    /* Nothing was measured; or no thread can be had. */
    if (!has_thread(lane))
        return atomic_load(&otel__metrics_shared->used) ? OTEL_ERR_EXPORT : OTEL_OK;
    uint32_t served;
    while ((int32_t)(ticket - (served = atomic_load(&lane->flush_served))) > 0 &&
           atomic_load(&lane->worker) != OTEL__READER_DONE)
        if (!otel__futex_wait(&lane->flush_served, served, deadline))
            return OTEL_ERR_TIMEOUT;
    return (otel_status)atomic_load(&lane->flush_status);
}

void otel__periodic_stop_begin(otel_metric_reader *reader, uint64_t deadline) {
    struct otel__reader_lane *lane = reader->lane;
    atomic_store(&lane->stop_deadline, deadline);
    if (atomic_load(&otel__metrics_shared->used) && !atomic_load(&lane->stopping))
        otel__periodic_start(reader);
    atomic_store(&lane->stopping, true);
    wake(lane);
}

/* Whoever started it may not have said so yet; another thread that stops or exits may be joining it. */
static void join(struct otel__reader_lane *lane, uint64_t deadline) {
    while (!atomic_exchange(&lane->joinable, false)) {
        if (atomic_load(&lane->finished) || otel__clock_monotonic() >= deadline)
            return;
        otel__nap();
    }
    pthread_join(lane->thread, NULL);
}

/* Of an exporter that has exported nothing. */
static void shut_down_here(otel_metric_reader *reader) {
    uint32_t none = OTEL__READER_NONE;
    if (!atomic_compare_exchange_strong(&reader->lane->worker, &none, OTEL__READER_RUNNING))
        return;
    shut_down(reader);
    atomic_store(&reader->lane->finished, true);
    come_to_end(reader->lane);
}

bool otel__periodic_stop_wait(otel_metric_reader *reader, uint64_t deadline) {
    struct otel__reader_lane *lane = reader->lane;
    if (atomic_load(&lane->finished))
        return true;
    shut_down_here(reader);
    uint32_t state = atomic_load(&lane->worker);
    while (state == OTEL__READER_STARTING || state == OTEL__READER_RUNNING) {
        if (!otel__futex_wait(&lane->worker, state, deadline) && atomic_load(&lane->worker) == state)
            return false;
        state = atomic_load(&lane->worker);
    }
    if (state == OTEL__READER_DONE)
        join(lane, deadline);
    atomic_store(&lane->finished, true);
    return true;
}
