/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collect.c - see collect.h.
 *
 * Lists of meters, streams and series grow at their ends while they are read: what comes too late for a reading's first
 * look at them is in the next one.
 */
#include "metrics/collect.h"

#include "base/clock.h"
#include "metrics/aggregation.h"

#include <stdlib.h>

enum { CHUNK = 32 * 1024 };

struct otel__chunk {
    struct otel__chunk *next;
    size_t used, size;
    max_align_t room[];
};

static _Thread_local bool collecting;

bool otel__collecting(void) { return collecting; }

/* ---- memory ------------------------------------------------------------------------------------------------------- */

static struct otel__chunk *add_chunk(struct otel__reading *reading, size_t least) {
    const size_t size = least > CHUNK ? least : CHUNK;
    struct otel__chunk *chunk = calloc(1, sizeof *chunk + size);
    if (!chunk)
        return NULL;
    chunk->size = size;
    chunk->next = reading->chunks;
    reading->chunks = chunk;
    return chunk;
}

void *otel__reading_alloc(struct otel__reading *reading, size_t size) {
    const size_t rounded = (size + sizeof(max_align_t) - 1) / sizeof(max_align_t) * sizeof(max_align_t);
    struct otel__chunk *chunk = reading->chunks;
    if (!chunk || chunk->size - chunk->used < rounded)
        chunk = add_chunk(reading, rounded);
    if (!chunk) {
        reading->short_of_memory = true;
        return NULL;
    }
    void *room = (char *)chunk->room + chunk->used;
    chunk->used += rounded;
    return room;
}

void otel__reading_free(struct otel__reading *reading) {
    while (reading->chunks) {
        struct otel__chunk *next = reading->chunks->next;
        free(reading->chunks);
        reading->chunks = next;
    }
}

/* ---- streams ------------------------------------------------------------------------------------------------------ */

/* From the oldest series to the newest, of those that have something to show. */
static void read_points(struct otel__reading *reading, const struct otel__stream *stream, otel_metric_data *metric) {
    const struct otel__series *newest = atomic_load_explicit(&stream->newest, memory_order_acquire);
    const size_t count = newest ? newest->number : 0;
    otel_point_data *points = count ? otel__reading_alloc(reading, count * sizeof *points) : NULL;
    if (!points)
        return;
    size_t first = count;
    for (const struct otel__series *series = newest; series; series = series->older)
        first -= otel__point_read(reading, series, &points[first - 1]);
    metric->points = points + first;
    metric->point_count = count - first;
}

/* False: there is nothing to be shown. */
static bool read_stream(struct otel__reading *reading, const struct otel__stream *stream, otel_metric_data *metric) {
    read_points(reading, stream, metric);
    if (metric->point_count == 0)
        return false;
    metric->name = stream->name;
    metric->description = stream->description;
    metric->unit = otel_cstr(stream->instrument->is.unit);
    metric->scope = &stream->instrument->meter->scope->data;
    metric->type = stream->type;
    metric->temporality = stream->delta[reading->reader->index] ? OTEL_TEMPORALITY_DELTA : OTEL_TEMPORALITY_CUMULATIVE;
    metric->monotonic = stream->monotonic;
    metric->doubles = stream->doubles;
    metric->bounds = stream->type == OTEL_METRIC_HISTOGRAM ? stream->bounds : NULL;
    metric->bound_count = stream->type == OTEL_METRIC_HISTOGRAM ? stream->bound_count : 0;
    return true;
}

static const struct otel__meter *meters_of(const struct otel__reading *reading) {
    return atomic_load_explicit(&reading->reader->metrics->meters, memory_order_acquire);
}
static const struct otel__meter *next_meter(const struct otel__meter *meter) {
    return atomic_load_explicit(&meter->next, memory_order_acquire);
}
static const struct otel__stream *streams_of(const struct otel__meter *meter) {
    return atomic_load_explicit(&meter->streams, memory_order_acquire);
}
static const struct otel__stream *next_stream(const struct otel__stream *stream) {
    return atomic_load_explicit(&stream->next, memory_order_acquire);
}

static size_t count_streams(const struct otel__reading *reading) {
    size_t count = 0;
    for (const struct otel__meter *meter = meters_of(reading); meter; meter = next_meter(meter))
        for (const struct otel__stream *stream = streams_of(meter); stream; stream = next_stream(stream))
            count++;
    return count;
}

static void read_streams(struct otel__reading *reading) {
    const size_t most = count_streams(reading);
    otel_metric_data *metrics = most ? otel__reading_alloc(reading, most * sizeof *metrics) : NULL;
    size_t count = 0;
    if (!metrics)
        return;
    for (const struct otel__meter *meter = meters_of(reading); meter; meter = next_meter(meter))
        for (const struct otel__stream *stream = streams_of(meter); stream && count < most;
             stream = next_stream(stream))
            count += read_stream(reading, stream, &metrics[count]);
    reading->data.metrics = metrics;
    reading->data.metric_count = count;
}

/* ---- the turn ----------------------------------------------------------------------------------------------------- */

/* A pull ends with the stop, whose own reading comes after it was told. */
static bool is_over(const otel_metric_reader *reader) {
    return !reader->exporter && atomic_load(&reader->metrics->stopping);
}

/* Who stops says so, and looks then whose turn it is; who takes a turn looks again: so one of both sees the other. */
static otel_status take_turn(const otel_metric_reader *reader) {
    while (!is_over(reader)) {
        if (otel__lock_try(&otel__metrics_shared->turn)) {
            atomic_fetch_or(&otel__metrics_shared->turn,
                            1); /* in the one order that all agree on, as taking it is not */
            if (!is_over(reader))
                return OTEL_OK;
            otel__lock_release(&otel__metrics_shared->turn);
            break;
        }
        if (otel__clock_monotonic() >= otel__reader_deadline(reader->lane))
            return OTEL_ERR_TIMEOUT;
        otel__nap();
    }
    return OTEL_ERR_STATE;
}

static void read(struct otel__reading *reading) {
    otel_metric_reader *reader = reading->reader;
    struct otel__metrics *metrics = reader->metrics;
    reading->number = ++metrics->readings;
    reading->last_time = reader->lane->last_time ? reader->lane->last_time : metrics->start_time;
    otel__observe_all(reading);
    reading->time = otel__clock_wall();
    reader->lane->last_time = reading->time;
    reading->data.resource = metrics->resource;
    read_streams(reading);
}

otel_status otel__collect(otel_metric_reader *reader, struct otel__reading *reading) {
    *reading = (struct otel__reading){ .data.size = sizeof reading->data, .reader = reader };
    const otel_status status = take_turn(reader);
    if (status != OTEL_OK)
        return status;
    collecting = true;
    read(reading);
    collecting = false;
    otel__lock_release(&otel__metrics_shared->turn);
    return reading->short_of_memory ? OTEL_ERR_MEMORY : OTEL_OK;
}
