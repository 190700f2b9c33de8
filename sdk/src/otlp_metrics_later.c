/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_metrics_later.c - see autoconfigure_metrics.h.
 *
 * DESIGN. What is given to the SDK forwards its calls to an exporter that the first export makes, on the thread that
 * exports. `exporter` is set once, and `ops` before it. A cancel sets its mark and then looks for the exporter; who makes
 * one sets that and then looks for the mark: so one of both sees the other. An exporter is made inside of a fork gate:
 * none comes about between the two halves of a fork.
 */
#include "autoconfigure.h"
#include "autoconfigure_metrics.h"
#include "diagnostics.h"

#include "common/export_deadline.h"
#include "common/fork_gate.h"

#include <stdatomic.h>
#include <stdlib.h>

struct later {
    struct otel__config config;
    otel_metric_exporter_ops ops; /* of the exporter */
    _Atomic(void *) exporter;     /* NULL: not made yet */
    void *held;                   /* the exporter, while a fork is under way */
    struct otel__fork_gate gate;
    atomic_bool cancelled;
    bool shut, failed;
};

static otel_temporality of_lowmemory(void *self, otel_instrument_kind kind) {
    (void)self;
    const bool delta = kind == OTEL_INSTRUMENT_COUNTER || kind == OTEL_INSTRUMENT_HISTOGRAM;
    return delta ? OTEL_TEMPORALITY_DELTA : OTEL_TEMPORALITY_CUMULATIVE;
}

static otel_temporality of_delta(void *self, otel_instrument_kind kind) {
    return kind == OTEL_INSTRUMENT_OBSERVABLE_COUNTER ? OTEL_TEMPORALITY_DELTA : of_lowmemory(self, kind);
}

otel_temporality (*otel__otlp_temporality(int preference))(void *self, otel_instrument_kind kind) {
    if (preference == OTEL_OTLP_TEMPORALITY_DELTA)
        return of_delta;
    return preference == OTEL_OTLP_TEMPORALITY_LOWMEMORY ? of_lowmemory : NULL;
}

/* ---- making the exporter ----------------------------------------------------------------------------------------- */

static void make(struct later *later) {
    static const otel_otlp_options none = { .size = sizeof none };
    otel_error error = { "" };
    void *exporter = otel__otlp_metrics(&none, &later->config, &later->ops, &error);
    later->failed = !exporter;
    if (!exporter)
        otel_report(OTEL_LOG_ERROR, "metrics/otlp", "the otlp exporter of metrics cannot be used, they are dropped: %s",
                    error.text[0] ? error.text : otel_status_text(OTEL_ERR_MEMORY));
    atomic_store(&later->exporter, exporter);
    if (exporter && atomic_load(&later->cancelled))
        later->ops.cancel(exporter);
}

/* Makes the exporter if need be; OTEL_OK: it is there. */
static otel_status prepare(struct later *later, int timeout_ms) {
    if (later->shut)
        return OTEL_ERR_STATE;
    if (atomic_load(&later->exporter))
        return OTEL_OK;
    if (later->failed)
        return OTEL_ERR_CONFIG;
    if (atomic_load(&later->cancelled))
        return OTEL_ERR_CANCELLED;
    if (!otel__fork_gate_enter(&later->gate, otel__export_deadline(0, timeout_ms)))
        return OTEL_ERR_TIMEOUT;
    make(later);
    otel__fork_gate_leave(&later->gate);
    return later->failed ? OTEL_ERR_CONFIG : OTEL_OK;
}

/* ---- forwarding -------------------------------------------------------------------------------------------------- */

static otel_status export_metrics(void *self, const otel_metrics_data *metrics, int timeout_ms) {
    struct later *later = self;
    if (metrics->metric_count == 0 && !later->shut)
        return OTEL_OK;
    const otel_status status = prepare(later, timeout_ms);
    return status == OTEL_OK ? later->ops.export_metrics(atomic_load(&later->exporter), metrics, timeout_ms) : status;
}

static otel_status force_flush(void *self, int timeout_ms) {
    struct later *later = self;
    void *exporter = atomic_load(&later->exporter);
    return exporter ? later->ops.force_flush(exporter, timeout_ms) : OTEL_OK;
}

static otel_status shut_down(void *self, int timeout_ms) {
    struct later *later = self;
    void *exporter = atomic_load(&later->exporter);
    later->shut = true;
    return exporter ? later->ops.shutdown(exporter, timeout_ms) : OTEL_OK;
}

static void cancel(void *self) {
    struct later *later = self;
    atomic_store(&later->cancelled, true);
    void *exporter = atomic_load(&later->exporter);
    if (exporter)
        later->ops.cancel(exporter);
}

/* Whether the exporter, if there is one, knows of the fork. */
static bool hold(struct later *later) {
    void *exporter = atomic_load(&later->exporter);
    if (exporter && !later->held)
        later->ops.before_fork(exporter);
    later->held = exporter;
    return exporter != NULL;
}

static void before_fork(void *self) {
    struct later *later = self;
    otel__fork_gate_close(&later->gate);
    hold(later);
}

static bool at_rest(void *self) {
    struct later *later = self;
    if (!otel__fork_gate_empty(&later->gate))
        return false;
    return !hold(later) || later->ops.at_rest(later->held);
}

/* The parent's thread may have made an exporter that the child has and that knows of no fork. */
static void after_fork(void *self, bool in_child) {
    struct later *later = self;
    void *exporter = in_child ? atomic_load(&later->exporter) : later->held;
    if (exporter)
        later->ops.after_fork(exporter, in_child);
    later->held = NULL;
    otel__fork_gate_open(&later->gate, in_child);
}

static void destroy(void *self) {
    struct later *later = self;
    void *exporter = atomic_load(&later->exporter);
    if (exporter)
        later->ops.destroy(exporter);
    otel__config_free(&later->config);
    free(later);
}

void *otel__otlp_metrics_later(otel_metric_exporter_ops *ops) {
    static const otel_otlp_options none = { .size = sizeof none };
    struct later *later = calloc(1, sizeof *later);
    if (!later)
        return NULL;
    otel__config_load_otlp(&later->config, OTEL__SIGNAL_METRICS, &none);
    otel__config_report(&later->config);
    *ops = (otel_metric_exporter_ops){
        .size = sizeof *ops,
        .name = "otlp",
        .temporality = otel__otlp_temporality(later->config.otlp_temporality),
        .export_metrics = export_metrics,
        .force_flush = force_flush,
        .shutdown = shut_down,
        .cancel = cancel,
        .before_fork = before_fork,
        .at_rest = at_rest,
        .after_fork = after_fork,
        .destroy = destroy,
    };
    return later;
}
