/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.h - the metrics of the running SDK: meters, instruments, streams, series, readers (specification:
 * metrics/sdk.md).
 *
 * DESIGN. An instrument of the program binds to one of ours by an epoch, as tracers do (tracer.h). Views make streams of
 * it: each is a metric that is exported. A stream has a series for each combination of attributes, and a series a cell,
 * which is all that measuring changes:
 *
 *     otel_instrument -> otel__instrument -> otel__stream -> otel__series -> cell
 *
 * Meters, instruments, streams and series are made under one lock and freed when the SDK stops. They hang in lists that
 * grow at one end by a release store, so that measuring and reading walk them without a lock. A fork takes the lock, so
 * that the child finds them whole; cells lie in memory that it wipes (cells.h), so that its values begin at zero. It gets
 * an epoch of its own: all bind anew, and who does starts the threads of its readers.
 *
 * Readings take turns. Where a reader wants deltas, what it read last lies in the cell, for the fork's sake.
 */
#ifndef OTEL_SDK_METRICS_H
#define OTEL_SDK_METRICS_H

#include "metrics/view.h"

#include "backend.h"
#include "base/sync.h"
#include "tracer.h"

#include <otel/sdk.h>
#include <pthread.h>
#include <stdatomic.h>

/* Limits: of meters, of instruments, and of bytes that one series' attributes or one instrument's text may take. */
enum { OTEL__METERS_MAX = 4096, OTEL__INSTRUMENTS_MAX = 4096, OTEL__SERIES_BYTES_MAX = 64 * 1024 };
enum { OTEL__CARDINALITY = 2000 };

struct otel__series {
    _Atomic uint64_t *cell; /* aggregation.h */
    const struct otel__stream *stream;
    _Atomic(struct otel__exemplar *) exemplars; /* exemplar.h; NULL: there were none yet */
    uint64_t hash;
    otel_attrs attributes; /* sorted by key */
    struct otel__series *older;
    uint32_t number; /* in the order of their making, from 1 */
    bool together;   /* on a reading's turn: what was observed in it was thrown together */
};

struct otel__table; /* series.c */

struct otel__stream {
    struct otel__instrument *instrument;
    otel_str name, description;
    const struct otel__view *view; /* NULL: none */
    const double *bounds;
    uint32_t bound_count;
    otel_metric_type type;
    bool doubles, monotonic, observable, min_max, exemplars;
    uint32_t limit;     /* of series, the overflow included */
    uint32_t cell_size; /* in bytes */
    /* For each reader: 0, or 1 + its place among those that want deltas of this stream. */
    uint8_t delta[OTEL_MAX_READERS];
    uint8_t deltas;
    _Atomic(struct otel__table *) table;
    _Atomic bool full; /* no series is made any more */
    _Atomic(struct otel__series *) newest;
    struct otel__series *_Atomic overflow;
    _Atomic(struct otel__stream *) next; /* of the meter */
};

struct otel__instrument {
    struct otel__meter *meter;
    otel_instrument is;            /* whose text and bounds are copies; `doubles` is what holds */
    struct otel__instrument *next; /* of the meter */
    unsigned number;               /* in the order of their making */
    size_t stream_count;
    struct otel__stream **streams;
};

struct otel__meter {
    _Atomic(struct otel__meter *) next;
    struct otel__scope *scope; /* a copy of its own */
    struct otel__instrument *instruments;
    _Atomic(struct otel__stream *) streams;
};

struct otel__metrics {
    struct otel__view *views;
    uint32_t cardinality;
    bool exemplars;
    const otel_resource_data *resource;
    otel_metric_reader *readers[OTEL_MAX_READERS];
    size_t reader_count;
    _Atomic(struct otel__meter *) meters;
    size_t meter_count, instrument_count; /* under the lock */
    uint64_t start_time;                  /* of all cumulative series; that of the fork in a child */
    uint64_t readings;                    /* so far; whose turn it is changes it */
    _Atomic bool stopping;
};

/* In wiped memory. */
struct otel__reader_lane {
    _Atomic uint32_t worker;  /* OTEL__READER_... */
    _Atomic uint32_t changes; /* what its thread sleeps on: counts wishes */
    _Atomic uint32_t flush_wanted, flush_served;
    _Atomic uint32_t flush_status; /* of the last one served */
    _Atomic bool joinable, stopping, finished;
    _Atomic uint64_t stop_deadline, retry_at;
    _Atomic uint32_t stop_status;
    uint64_t last_time; /* of its last reading; 0: none. On its turn */
    pthread_t thread;
};

struct otel__metrics_shared {
    otel__lock lock;   /* that all is made under */
    otel__lock turn;   /* of readings */
    _Atomic bool used; /* an instrument was used, or a callback registered */
    struct otel__reader_lane lanes[OTEL_MAX_READERS];
};
extern struct otel__metrics_shared *otel__metrics_shared;

/* 0: nothing is to be recorded. */
extern _Atomic uint64_t otel__metrics_epoch;
/* Changes only while no call is running. */
extern struct otel__metrics *otel__metrics;

/* ---- life, for otel_sdk_start() and _stop() ------------------------------------------------------------------------ */

/* Consumes the readers, of which there is at least one. `resource` must outlive it. */
otel_status otel__metrics_create(const otel_metrics_options *options, otel_metric_reader *const *readers,
                                 size_t reader_count, const otel_resource_data *resource, struct otel__metrics **out,
                                 otel_error *error);
/* With no call running. NULL is ignored, here and below. */
void otel__metrics_free(struct otel__metrics *metrics);
/* Instruments bind from here on; then that readers begin. */
void otel__metrics_begin(struct otel__metrics *metrics);
void otel__metrics_start_readers(struct otel__metrics *metrics, bool threads);

/* How many things were flushed or stopped is no matter: `tickets` has room for OTEL_MAX_READERS. */
void otel__metrics_flush_begin(struct otel__metrics *metrics, uint32_t *tickets);
otel_status otel__metrics_flush_wait(struct otel__metrics *metrics, const uint32_t *tickets, uint64_t deadline);
void otel__metrics_stop_begin(struct otel__metrics *metrics, uint64_t deadline);
/* False: not all have stopped when the deadline comes. */
bool otel__metrics_stop_wait(struct otel__metrics *metrics, uint64_t deadline);
void otel__metrics_cancel(struct otel__metrics *metrics);
otel_status otel__metrics_stop_status(struct otel__metrics *metrics);
/* Whether no thread of ours is in it any more. */
bool otel__metrics_at_end(struct otel__metrics *metrics);

/* Foreign code comes to rest, is asked whether it does, and goes on; then the lock. */
void otel__metrics_before_fork(struct otel__metrics *metrics);
bool otel__metrics_at_rest(struct otel__metrics *metrics);
void otel__metrics_hold(void);
void otel__metrics_release(void);
void otel__metrics_after_fork(struct otel__metrics *metrics, bool in_child);

/*
 * The kind of a report on one instrument, so that another one is told of within the same 10 s. Of a few kinds only, since
 * there is room for 64 of the whole SDK's: what is told of a tenth instrument waits for what is told of the second.
 */
#define OTEL__INSTRUMENT_KIND(what, number)                                                                            \
    ((const char *const[]){ what "/0", what "/1", what "/2", what "/3", what "/4", what "/5", what "/6",               \
                            what "/7" }[(number) % 8])

/* ---- for the sources of this folder -------------------------------------------------------------------------------- */

/* The lock; a thread that forks has it already. */
void otel__metrics_lock(void);
void otel__metrics_unlock(void);
/* An instrument is used: threads of readers begin. False: one cannot be had, and is to be asked for again. */
bool otel__metrics_used(void);

/* NULL: its measurements go nowhere. */
const struct otel__instrument *otel__instrument_bind(otel_instrument *instrument);
/* Whether it is bound for as long as the epoch lasts. Not where it has to ask for threads again. */
bool otel__instrument_settled(otel_instrument *instrument, uint64_t epoch);
void otel__meters_free(struct otel__metrics *metrics);

/* The series of these attributes, which may be new, or that for the overflow; NULL: memory is short. */
struct otel__series *otel__series_get(struct otel__stream *stream, otel_attrs attributes, bool *reduced);
void otel__series_free(struct otel__stream *stream);

/* The functions of struct otel__backend. */
bool otel__measure_enabled(struct otel__thread *thread, otel_instrument *instrument);
void otel__measure_int(struct otel__thread *thread, otel_instrument *instrument, int64_t value, otel_attrs attributes,
                       const otel_context *context);
void otel__measure_double(struct otel__thread *thread, otel_instrument *instrument, double value, otel_attrs attributes,
                          const otel_context *context);
void otel__bound_int(struct otel__thread *thread, otel_bound *bound, int64_t value, const otel_context *context);
void otel__bound_double(struct otel__thread *thread, otel_bound *bound, double value, const otel_context *context);
void otel__measure_observed(struct otel__thread *thread);

#endif
