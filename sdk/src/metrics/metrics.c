/* SPDX-License-Identifier: Apache-2.0 */
/* metrics.c - the life of metrics: beginning, flushing, stopping, forking; see metrics.h. */
#include "metrics/metrics.h"

#include "base/clock.h"
#include "base/slab.h"
#include "metrics/attribute_set.h"
#include "metrics/cells.h"
#include "metrics/reader.h"

#include <stdio.h>
#include <stdlib.h>

struct otel__metrics_shared *otel__metrics_shared;
_Atomic uint64_t otel__metrics_epoch;
struct otel__metrics *otel__metrics;

static uint64_t last_epoch;
static _Thread_local bool forks_here; /* between before and after: this thread has the lock */

/* ---- the lock ----------------------------------------------------------------------------------------------------- */

/* Fork handlers of the program may run between ours, and measure. */
void otel__metrics_lock(void) {
    if (!forks_here)
        otel__lock_acquire(&otel__metrics_shared->lock);
}

void otel__metrics_unlock(void) {
    if (!forks_here)
        otel__lock_release(&otel__metrics_shared->lock);
}

void otel__metrics_hold(void) {
    if (otel__metrics_shared) {
        otel__lock_acquire(&otel__metrics_shared->lock);
        forks_here = true;
    }
}

void otel__metrics_release(void) {
    if (forks_here) {
        forks_here = false;
        otel__lock_release(&otel__metrics_shared->lock);
    }
}

/* ---- beginning ---------------------------------------------------------------------------------------------------- */

static otel_status fail(otel_error *error, otel_status status, const char *why) {
    if (error->text[0] == '\0')
        snprintf(error->text, sizeof error->text, "%s", why);
    return status;
}

static bool prepare(void) {
    if (!otel__metrics_shared)
        otel__metrics_shared = otel__wiped_map(sizeof *otel__metrics_shared);
    return otel__metrics_shared && otel__cells_reset();
}

static void join_readers(struct otel__metrics *metrics) {
    for (size_t i = 0; i < metrics->reader_count; i++)
        otel__reader_join(metrics->readers[i], metrics, (unsigned)i);
}

otel_status otel__metrics_create(const otel_metrics_options *options, otel_metric_reader *const *readers,
                                 size_t reader_count, const otel_resource_data *resource, struct otel__metrics **out,
                                 otel_error *error) {
    otel_error ignored = { "" };
    error = error ? error : &ignored;
    struct otel__metrics *metrics = calloc(1, sizeof *metrics);
    *out = metrics;
    for (size_t i = 0; i < reader_count; i++)
        if (metrics)
            metrics->readers[metrics->reader_count++] = readers[i];
        else
            otel_metric_reader_destroy(readers[i]);
    if (!metrics || !prepare()) {
        otel__metrics_free(metrics);
        *out = NULL;
        return fail(error, OTEL_ERR_MEMORY, "out of memory");
    }
    join_readers(metrics);
    metrics->resource = resource;
    metrics->cardinality =
        options->cardinality_limit > 0 ? (uint32_t)options->cardinality_limit : (uint32_t)OTEL__CARDINALITY;
    metrics->exemplars = options->exemplars != OTEL_EXEMPLARS_ALWAYS_OFF;
    const otel_status status = otel__views_copy(&options->views, &metrics->views, error);
    if (status != OTEL_OK) {
        otel__metrics_free(metrics);
        *out = NULL;
        return fail(error, status, "out of memory");
    }
    return OTEL_OK;
}

void otel__metrics_begin(struct otel__metrics *metrics) {
    if (!metrics)
        return;
    metrics->start_time = otel__clock_wall();
    otel__set_seed(metrics->start_time * 2 + 1 + (uint64_t)(uintptr_t)metrics);
    atomic_store(&otel__metrics_shared->used, false);
    otel__metrics = metrics;
    atomic_store(&otel__metrics_epoch, ++last_epoch);
}

static bool is_periodic(const otel_metric_reader *reader) { return reader->exporter != NULL; }

bool otel__metrics_used(void) {
    bool all = true;
    atomic_store(&otel__metrics_shared->used, true);
    for (size_t i = 0; i < otel__metrics->reader_count; i++)
        if (is_periodic(otel__metrics->readers[i]))
            all = otel__periodic_start(otel__metrics->readers[i]) && all;
    return all;
}

void otel__metrics_start_readers(struct otel__metrics *metrics, bool threads) {
    if (!metrics)
        return;
    if (threads || otel__observers_any())
        otel__metrics_used();
    for (size_t i = 0; i < metrics->reader_count; i++)
        if (!is_periodic(metrics->readers[i]))
            otel__pull_start(metrics->readers[i]);
}

void otel__metrics_free(struct otel__metrics *metrics) {
    if (!metrics)
        return;
    if (otel__metrics == metrics) {
        otel__metrics = NULL;
        atomic_store(&otel__metrics_epoch, 0);
    }
    for (size_t i = 0; i < metrics->reader_count; i++)
        otel_metric_reader_destroy(metrics->readers[i]);
    otel__meters_free(metrics);
    otel__views_free(metrics->views);
    free(metrics);
}

/* ---- flushing and stopping ---------------------------------------------------------------------------------------- */

#define FOR_EACH_PERIODIC(metrics, i)                                                                                  \
    for (size_t i = 0; (metrics) && i < (metrics)->reader_count; i++)                                                  \
        if (is_periodic((metrics)->readers[i]))

static void keep_first(otel_status *kept, otel_status status) {
    if (*kept == OTEL_OK)
        *kept = status;
}

void otel__metrics_flush_begin(struct otel__metrics *metrics, uint32_t *tickets) {
    FOR_EACH_PERIODIC(metrics, i)
    tickets[i] = otel__periodic_flush_begin(metrics->readers[i]);
}

otel_status otel__metrics_flush_wait(struct otel__metrics *metrics, const uint32_t *tickets, uint64_t deadline) {
    otel_status status = OTEL_OK;
    FOR_EACH_PERIODIC(metrics, i)
    keep_first(&status, otel__periodic_flush_wait(metrics->readers[i], tickets[i], deadline));
    return status;
}

void otel__metrics_stop_begin(struct otel__metrics *metrics, uint64_t deadline) {
    if (metrics)
        atomic_store(&metrics->stopping, true);
    FOR_EACH_PERIODIC(metrics, i)
    otel__periodic_stop_begin(metrics->readers[i], deadline);
}

bool otel__metrics_stop_wait(struct otel__metrics *metrics, uint64_t deadline) {
    bool all = true;
    for (size_t i = 0; metrics && i < metrics->reader_count; i++)
        if (is_periodic(metrics->readers[i]))
            all = otel__periodic_stop_wait(metrics->readers[i], deadline) && all;
        else
            all = otel__pull_stop(metrics->readers[i], deadline) && all;
    return all;
}

void otel__metrics_cancel(struct otel__metrics *metrics) {
    FOR_EACH_PERIODIC(metrics, i) {
        const otel_metric_exporter *exporter = metrics->readers[i]->exporter;
        if (exporter->ops.cancel && !atomic_load(&metrics->readers[i]->lane->finished))
            exporter->ops.cancel(exporter->self);
    }
}

otel_status otel__metrics_stop_status(struct otel__metrics *metrics) {
    otel_status status = OTEL_OK;
    FOR_EACH_PERIODIC(metrics, i) {
        const struct otel__reader_lane *lane = metrics->readers[i]->lane;
        keep_first(&status,
                   atomic_load(&lane->finished) ? (otel_status)atomic_load(&lane->stop_status) : OTEL_ERR_TIMEOUT);
    }
    return status;
}

bool otel__metrics_at_end(struct otel__metrics *metrics) {
    bool all = true;
    for (size_t i = 0; metrics && i < metrics->reader_count; i++) {
        const otel_metric_reader *reader = metrics->readers[i];
        const uint32_t state = atomic_load(&reader->lane->worker);
        all = all && (is_periodic(reader) ? state == OTEL__READER_NONE || state == OTEL__READER_DONE
                                          : otel__pull_at_rest(reader));
    }
    return all;
}

/* ---- forking ------------------------------------------------------------------------------------------------------ */

void otel__metrics_before_fork(struct otel__metrics *metrics) {
    for (size_t i = 0; metrics && i < metrics->reader_count; i++) {
        const otel_metric_reader *reader = metrics->readers[i];
        if (reader->pull.before_fork)
            reader->pull.before_fork(reader->self);
        if (is_periodic(reader) && reader->exporter->ops.before_fork)
            reader->exporter->ops.before_fork(reader->exporter->self);
    }
}

bool otel__metrics_at_rest(struct otel__metrics *metrics) {
    FOR_EACH_PERIODIC(metrics, i) {
        const otel_metric_exporter *exporter = metrics->readers[i]->exporter;
        if (exporter->ops.at_rest && !exporter->ops.at_rest(exporter->self))
            return false;
    }
    return true;
}

void otel__metrics_after_fork(struct otel__metrics *metrics, bool in_child) {
    if (!metrics)
        return;
    if (in_child) {
        metrics->start_time = otel__clock_wall();
        /* All bind anew, so that the first one to be used starts the threads. */
        if (otel__metrics == metrics)
            atomic_store(&otel__metrics_epoch, ++last_epoch);
    }
    for (size_t i = 0; i < metrics->reader_count; i++) {
        const otel_metric_reader *reader = metrics->readers[i];
        if (reader->pull.after_fork)
            reader->pull.after_fork(reader->self, in_child);
        if (is_periodic(reader) && reader->exporter->ops.after_fork)
            reader->exporter->ops.after_fork(reader->exporter->self, in_child);
    }
}
