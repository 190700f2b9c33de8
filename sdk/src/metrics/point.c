/* SPDX-License-Identifier: Apache-2.0 */
/*
 * point.c - reading a cell (aggregation.h) while others change it. Deltas are differences to what the same reader read
 * last, so that nothing is lost or counted twice between two readings.
 */
#include "metrics/aggregation.h"
#include "metrics/collect.h"
#include "metrics/exemplar.h"

static uint64_t load(_Atomic uint64_t *word) { return atomic_load_explicit(word, memory_order_acquire); }

/* What `word` grew by since it was last read into `last`. */
static otel_number grown(const struct otel__stream *stream, uint64_t now, _Atomic uint64_t *last) {
    otel_number number = { 0 };
    const uint64_t before = atomic_exchange_explicit(last, now, memory_order_relaxed);
    if (stream->doubles)
        number.d = otel__number(now) - otel__number(before);
    else
        number.i = (int64_t)(now - before);
    return number;
}

/* ---- sums and gauges ---------------------------------------------------------------------------------------------- */

/* Takes the mark of a reader of deltas. The mark goes before the value is read, so that it is set again by what is later. */
static bool take_mark(_Atomic uint64_t *cell, unsigned delta) {
    const uint64_t mark = UINT64_C(1) << delta;
    return (atomic_fetch_and(&cell[OTEL__CELL_MARKS], ~mark) & mark) != 0;
}

static bool read_number(const struct otel__reading *reading, const struct otel__series *series,
                        otel_point_data *point) {
    const struct otel__stream *stream = series->stream;
    const unsigned delta = stream->delta[reading->reader->index];
    _Atomic uint64_t *cell = series->cell;
    const bool marked = stream->observable ? load(&cell[OTEL__CELL_MARKS]) == reading->number
                        : delta            ? take_mark(cell, delta)
                                           : load(&cell[OTEL__CELL_MARKS]) != 0;
    const uint64_t now = load(&cell[OTEL__CELL_VALUE]);
    if (!delta) {
        point->value.i = (int64_t)now;
        return marked;
    }
    _Atomic uint64_t *last = &cell[OTEL__CELL_READ + delta - 1];
    const bool changed = !stream->observable && now != load(last);
    if (!marked && !changed)
        return false;
    point->value = grown(stream, now, last);
    return true;
}

/* ---- histograms --------------------------------------------------------------------------------------------------- */

/* Those since the start, or since this reader's last reading. */
static void read_extremes(const struct otel__stream *stream, _Atomic uint64_t *cell, unsigned delta,
                          otel_point_data *point) {
    _Atomic uint64_t *words = &cell[OTEL__CELL_EXTREMES + 2 * delta];
    const uint64_t min = delta ? atomic_exchange(&words[0], 0) : load(&words[0]);
    const uint64_t max = delta ? atomic_exchange(&words[1], 0) : load(&words[1]);
    if (!stream->min_max) {
        point->min = point->max = (double)NAN;
        return;
    }
    /* Of a measurement that came in between, the reading before may have them. */
    point->min = min ? otel__number(~min) : point->sum / (double)point->count;
    point->max = max ? otel__number(max - 1) : point->sum / (double)point->count;
}

static bool read_histogram(struct otel__reading *reading, const struct otel__series *series, otel_point_data *point) {
    const struct otel__stream *stream = series->stream;
    const unsigned delta = stream->delta[reading->reader->index];
    const uint32_t count = stream->bound_count + 1;
    _Atomic uint64_t *cell = series->cell, *buckets = &cell[otel__cell_buckets(stream)];
    _Atomic uint64_t *last = &buckets[count + (delta ? delta - 1 : 0) * (1 + count)];
    uint64_t *read = otel__reading_alloc(reading, count * sizeof *read);
    if (!read)
        return false;
    point->buckets = read;
    for (uint32_t i = 0; i < count; i++) {
        const uint64_t now = load(&buckets[i]);
        read[i] = delta ? now - atomic_exchange_explicit(&last[1 + i], now, memory_order_relaxed) : now;
        point->count += read[i];
    }
    if (point->count == 0)
        return false;
    const uint64_t sum = load(&cell[OTEL__CELL_SUM]);
    point->sum = delta ? grown(stream, sum, last).d : otel__number(sum);
    read_extremes(stream, cell, delta, point);
    return true;
}

/* ---- together ----------------------------------------------------------------------------------------------------- */

/* Of deltas those since the last reading; else what there is, however old. */
static void read_exemplars(struct otel__reading *reading, const struct otel__series *series, otel_point_data *point) {
    const uint32_t places = otel__exemplar_places(series->stream);
    const bool delta = series->stream->delta[reading->reader->index] != 0;
    otel_exemplar_data *exemplars = otel__reading_alloc(reading, places * sizeof *exemplars);
    const bool filtered = otel__view_filters(series->stream->view);
    char *room = filtered ? otel__reading_alloc(reading, (size_t)places * OTEL__EXEMPLAR_BYTES) : NULL;
    if (!exemplars || (filtered && !room))
        return;
    for (uint32_t i = 0; i < places; i++)
        if (otel__exemplar_read(series, i, &exemplars[point->exemplar_count],
                                room ? room + (size_t)i * OTEL__EXEMPLAR_BYTES : NULL) &&
            (!delta || exemplars[point->exemplar_count].time >= reading->last_time))
            point->exemplar_count++;
    point->exemplars = exemplars;
}

bool otel__point_read(struct otel__reading *reading, const struct otel__series *series, otel_point_data *point) {
    const struct otel__stream *stream = series->stream;
    *point =
        (otel_point_data){ .attributes = series->attributes,
                           .start_time = stream->delta[reading->reader->index] ? reading->last_time
                                                                               : reading->reader->metrics->start_time,
                           .time = reading->time };
    if (!(stream->type == OTEL_METRIC_HISTOGRAM ? read_histogram(reading, series, point)
                                                : read_number(reading, series, point)))
        return false;
    if (atomic_load_explicit(&series->exemplars, memory_order_acquire))
        read_exemplars(reading, series, point);
    return true;
}
