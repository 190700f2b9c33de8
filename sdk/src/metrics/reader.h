/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reader.h - what reads metrics (otel/metric_exporter.h): on a thread of ours at an interval, or when asked.
 *
 * DESIGN. The thread of a periodic reader ("otel-metrics") is the only one that calls its exporter, cancel and fork apart,
 * and sleeps on a word that counts wishes: flushes, the stop. It begins when an instrument is first used, in a child
 * too, whose lane (in memory that a fork wipes) says that there is none. Where none ever was there is nothing to export.
 * The thread is muted (backend.h), but for callbacks, whose calls are the program's.
 */
#ifndef OTEL_SDK_METRICS_READER_H
#define OTEL_SDK_METRICS_READER_H

#include "metrics/metrics.h"

enum { OTEL__READER_NONE, OTEL__READER_STARTING, OTEL__READER_RUNNING, OTEL__READER_DONE };
enum { OTEL__KINDS = OTEL_INSTRUMENT_OBSERVABLE_GAUGE + 1 };

struct otel_metric_exporter {
    otel_metric_exporter_ops ops;
    void *self;
};

struct otel_metric_source {
    otel_metric_reader *reader;
};

struct otel_metric_reader {
    otel_metric_exporter *exporter; /* NULL: it is asked */
    otel_pull_reader_ops pull;
    void *self;
    otel_metric_source source;
    int interval_ms, timeout_ms;
    _Atomic bool started; /* of one that is asked */
    bool deltas[OTEL__KINDS];
    /* Set when it is given to an SDK. */
    struct otel__metrics *metrics;
    struct otel__reader_lane *lane;
    unsigned index;
};

/* Under no lock, since an exporter is asked which temporality it wants. */
void otel__reader_join(otel_metric_reader *reader, struct otel__metrics *metrics, unsigned index);

/* Until when a reading must have begun. */
static inline uint64_t otel__reader_deadline(const struct otel__reader_lane *lane) {
    return atomic_load(&lane->stopping) ? atomic_load(&lane->stop_deadline) : OTEL__NO_DEADLINE;
}

/* Of periodic readers. False: no thread can be had; tried again after a second. */
bool otel__periodic_start(otel_metric_reader *reader);
uint32_t otel__periodic_flush_begin(otel_metric_reader *reader);
otel_status otel__periodic_flush_wait(otel_metric_reader *reader, uint32_t ticket, uint64_t deadline);
void otel__periodic_stop_begin(otel_metric_reader *reader, uint64_t deadline);
bool otel__periodic_stop_wait(otel_metric_reader *reader, uint64_t deadline);

/* Of those that are asked. */
void otel__pull_start(otel_metric_reader *reader);
/* False: it is being asked, and not done when the deadline comes. */
bool otel__pull_stop(otel_metric_reader *reader, uint64_t deadline);
bool otel__pull_at_rest(const otel_metric_reader *reader);

#endif
