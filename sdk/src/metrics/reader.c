/* SPDX-License-Identifier: Apache-2.0 */
/* reader.c - making readers and exporters of metrics, and those that are asked; see reader.h. */
#include "metrics/reader.h"

#include "autoconfigure_metrics.h"
#include "base/clock.h"
#include "cancellation.h"
#include "metrics/collect.h"
#include "options.h"

#include <stdlib.h>

/* ---- exporters ---------------------------------------------------------------------------------------------------- */

otel_metric_exporter *otel_metric_exporter_create(const otel_metric_exporter_ops *ops, void *self) {
    otel_metric_exporter_ops known;
    if (!ops) {
        otel_report(OTEL_LOG_ERROR, "exporter", "an exporter of metrics has no table of operations");
        return NULL;
    }
    ops = otel__options_fit(ops, sizeof known, &known);
    otel_metric_exporter *exporter = ops->name && ops->export_metrics ? malloc(sizeof *exporter) : NULL;
    if (exporter) {
        *exporter = (otel_metric_exporter){ *ops, self };
        return exporter;
    }
    if (!ops->name || !ops->export_metrics)
        otel_report(OTEL_LOG_ERROR, "exporter", "an exporter of metrics has no name or no export_metrics");
    if (ops->destroy)
        ops->destroy(self);
    return NULL;
}

void otel_metric_exporter_destroy(otel_metric_exporter *exporter) {
    if (!exporter)
        return;
    if (exporter->ops.destroy)
        exporter->ops.destroy(exporter->self);
    free(exporter);
}

/* ---- readers ------------------------------------------------------------------------------------------------------ */

otel_metric_reader *otel_periodic_reader(const otel_periodic_options *options, otel_metric_exporter *exporter) {
    otel_periodic_options known;
    otel_periodic_options filled = { .size = sizeof filled };
    if (options)
        filled = *(const otel_periodic_options *)otel__options_fit(options, sizeof known, &known);
    otel__periodic_defaults(&filled);
    otel_metric_reader *reader = exporter ? calloc(1, sizeof *reader) : NULL;
    if (!reader) {
        otel_metric_exporter_destroy(exporter);
        return NULL;
    }
    reader->exporter = exporter;
    reader->interval_ms = filled.interval_ms;
    reader->timeout_ms = filled.timeout_ms;
    return reader;
}

otel_metric_reader *otel_pull_reader_create(const otel_pull_reader_ops *ops, void *self) {
    otel_pull_reader_ops known;
    if (!ops) {
        otel_report(OTEL_LOG_ERROR, "reader", "a reader of metrics has no table of operations");
        return NULL;
    }
    ops = otel__options_fit(ops, sizeof known, &known);
    otel_metric_reader *reader = ops->name && ops->start && ops->stop ? calloc(1, sizeof *reader) : NULL;
    if (reader) {
        reader->pull = *ops;
        reader->self = self;
        reader->source.reader = reader;
        return reader;
    }
    if (!ops->name || !ops->start || !ops->stop)
        otel_report(OTEL_LOG_ERROR, "reader", "a reader of metrics has no name, no start or no stop");
    if (ops->destroy)
        ops->destroy(self);
    return NULL;
}

void otel_metric_reader_destroy(otel_metric_reader *reader) {
    if (!reader)
        return;
    otel_metric_exporter_destroy(reader->exporter);
    if (reader->pull.destroy)
        reader->pull.destroy(reader->self);
    free(reader);
}

void otel__reader_join(otel_metric_reader *reader, struct otel__metrics *metrics, unsigned index) {
    const otel_metric_exporter *exporter = reader->exporter;
    reader->metrics = metrics;
    reader->index = index;
    reader->lane = &otel__metrics_shared->lanes[index];
    memset(reader->lane, 0, sizeof *reader->lane);
    for (int kind = 0; kind < OTEL__KINDS; kind++)
        reader->deltas[kind] =
            exporter && exporter->ops.temporality &&
            exporter->ops.temporality(exporter->self, (otel_instrument_kind)kind) == OTEL_TEMPORALITY_DELTA;
}

/* ---- being asked -------------------------------------------------------------------------------------------------- */

void otel__pull_start(otel_metric_reader *reader) {
    const otel_status status = reader->pull.start(reader->self, &reader->source);
    atomic_store(&reader->started, status == OTEL_OK);
    if (status != OTEL_OK)
        otel_report(OTEL_LOG_ERROR, "metrics/reader", "the %s reader of metrics cannot begin: %s", reader->pull.name,
                    otel_status_text(status));
}

bool otel__pull_at_rest(const otel_metric_reader *reader) {
    return !atomic_load(&reader->started) || atomic_load(&otel__metrics_shared->turn) == 0;
}

/* A reading that does not come to an end, since a callback hangs, must not keep us for ever. */
bool otel__pull_stop(otel_metric_reader *reader, uint64_t deadline) {
    while (!otel__pull_at_rest(reader)) {
        if (otel__clock_monotonic() >= deadline)
            return false;
        otel__nap();
    }
    if (atomic_exchange(&reader->started, false))
        reader->pull.stop(reader->self);
    return true;
}

static otel_status read_and_show(otel_metric_reader *reader, void (*visit)(void *data, const otel_metrics_data *),
                                 void *data) {
    struct otel__reading reading;
    const otel_status status = otel__collect(reader, &reading);
    if (status == OTEL_OK)
        visit(data, &reading.data);
    otel__reading_free(&reading);
    return status;
}

otel_status otel_metric_source_read(otel_metric_source *source, void (*visit)(void *data, const otel_metrics_data *),
                                    void *data) {
    if (!source || !visit || otel__collecting() || otel__thread_inside())
        return OTEL_ERR_STATE;
    struct otel__thread *thread = otel__thread_self();
    const int cancellation = otel__cancellation_hold(); /* or nobody else would ever have a turn */
    const uint32_t saved = otel__thread_mute(thread);
    const otel_status status = read_and_show(source->reader, visit, data);
    otel__thread_unmute(thread, saved);
    otel__cancellation_allow(cancellation);
    return status;
}
