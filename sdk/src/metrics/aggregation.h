/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aggregation.h - what is in a cell, and how a measurement changes it.
 *
 * DESIGN. A cell is words of 64 bits, zero at first, changed by single atomic operations. That of a sum or gauge:
 *
 *     0 value   1 marks: which readers have something to see   2... what each reader of deltas read last
 *
 * That of a histogram, where there are D readers of deltas and B buckets:
 *
 *     0 sum   1 min, 2 max   2 * D: min and max since each read   B buckets   D times (1 sum, B buckets) that it read last
 *
 * There is no count: it is the sum of the buckets, and so always fits them. A measurement counts last, in its bucket:
 * who reads the buckets first finds sum, min and max of all that it counts. Minima and maxima are kept as words that only
 * grow, with zero for none: values are not negative, so that their bits have the order of the numbers. A minimum is
 * kept as its complement, a maximum plus one.
 */
#ifndef OTEL_SDK_METRICS_AGGREGATION_H
#define OTEL_SDK_METRICS_AGGREGATION_H

#include "metrics/metrics.h"

#include <math.h>

enum { OTEL__CELL_VALUE = 0, OTEL__CELL_MARKS = 1, OTEL__CELL_READ = 2 };
enum { OTEL__CELL_SUM = 0, OTEL__CELL_EXTREMES = 1 };
/* The mark that no reader takes: the cell has a value. */
#define OTEL__MARK_EVER (UINT64_C(1) << 63)

static inline uint64_t otel__bits(double d) {
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits;
}
static inline double otel__number(uint64_t bits) {
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static inline uint32_t otel__cell_buckets(const struct otel__stream *stream) {
    return OTEL__CELL_EXTREMES + 2u + 2u * stream->deltas;
}
static inline uint32_t otel__cell_size(const struct otel__stream *stream) {
    const uint32_t buckets = stream->bound_count + 1;
    const uint32_t words = stream->type == OTEL_METRIC_HISTOGRAM
                               ? otel__cell_buckets(stream) + buckets + stream->deltas * (1 + buckets)
                               : (uint32_t)OTEL__CELL_READ + stream->deltas;
    return words * (uint32_t)sizeof(uint64_t);
}

static inline void otel__cell_mark(_Atomic uint64_t *cell) {
    if (__builtin_expect(atomic_load_explicit(&cell[OTEL__CELL_MARKS], memory_order_relaxed) != UINT64_MAX, 0))
        atomic_store_explicit(&cell[OTEL__CELL_MARKS], UINT64_MAX, memory_order_release);
}

static inline void otel__word_add(_Atomic uint64_t *word, double value) {
    uint64_t old = atomic_load_explicit(word, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(word, &old, otel__bits(otel__number(old) + value),
                                                  memory_order_relaxed, memory_order_relaxed)) {}
}

static inline void otel__word_raise(_Atomic uint64_t *word, uint64_t to) {
    uint64_t old = atomic_load_explicit(word, memory_order_relaxed);
    while (old < to &&
           !atomic_compare_exchange_weak_explicit(word, &old, to, memory_order_relaxed, memory_order_relaxed)) {}
}

/* Rounded towards zero, and as large as can be. */
static inline int64_t otel__to_integer(double value) {
    if (value >= 9223372036854775808.0)
        return INT64_MAX;
    return value <= -9223372036854775808.0 ? INT64_MIN : (int64_t)value;
}

/* The first bucket whose bound is not below the value. */
static inline uint32_t otel__bucket_of(const struct otel__stream *stream, double value) {
    uint32_t low = 0, high = stream->bound_count;
    while (low < high) {
        const uint32_t middle = (low + high) / 2;
        if (value <= stream->bounds[middle])
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static inline void otel__cell_record(const struct otel__stream *stream, _Atomic uint64_t *cell, double value) {
    if (stream->min_max) {
        const uint64_t bits = otel__bits(value + 0.0); /* no negative zero */
        for (uint32_t i = 0; i <= stream->deltas; i++) {
            otel__word_raise(&cell[OTEL__CELL_EXTREMES + 2 * i], ~bits);
            otel__word_raise(&cell[OTEL__CELL_EXTREMES + 2 * i + 1], bits + 1);
        }
    }
    otel__word_add(&cell[OTEL__CELL_SUM], value);
    atomic_fetch_add_explicit(&cell[otel__cell_buckets(stream) + otel__bucket_of(stream, value)], 1,
                              memory_order_release);
}

/* A number that fits the stream's instrument. */
static inline void otel__cell_apply(const struct otel__stream *stream, _Atomic uint64_t *cell, otel_number number) {
    if (stream->type == OTEL_METRIC_HISTOGRAM) {
        otel__cell_record(stream, cell, number.d);
        return;
    }
    if (stream->type == OTEL_METRIC_GAUGE)
        atomic_store_explicit(&cell[OTEL__CELL_VALUE], (uint64_t)number.i, memory_order_relaxed);
    else if (stream->doubles)
        otel__word_add(&cell[OTEL__CELL_VALUE], number.d);
    else
        atomic_fetch_add_explicit(&cell[OTEL__CELL_VALUE], (uint64_t)number.i, memory_order_relaxed);
    otel__cell_mark(cell);
}

#endif
