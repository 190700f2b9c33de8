/* SPDX-License-Identifier: Apache-2.0 */
/*
 * measure.c - measurements: finding the series, checking the number, changing the cell. These are the functions of
 * struct otel__backend, and run inside of the API's bracket.
 *
 * A bound handle's four words are an epoch and the series of up to three streams; with more streams it finds them each
 * time. A handle that is bound by two threads at once gets the same series from both. While the series are written the
 * epoch is one that never is: 0, which a handle has at first, is the epoch while nobody reads, when all series are freed.
 */
#include "metrics/aggregation.h"
#include "metrics/exemplar.h"

#include <errno.h>

enum { BOUND_MAX = 3 };
#define NO_EPOCH UINT64_MAX

/* ---- numbers ------------------------------------------------------------------------------------------------------ */

static __attribute__((cold, noinline)) bool refuse(const struct otel__instrument *instrument, const char *why) {
    otel_report(OTEL_LOG_WARN, OTEL__INSTRUMENT_KIND("metrics/value", instrument->number),
                "instrument '%s': %s: it is left out", instrument->is.name, why);
    return false;
}

static bool may_shrink(const struct otel__instrument *instrument) {
    const otel_instrument_kind kind = instrument->is.kind;
    return kind != OTEL_INSTRUMENT_COUNTER && kind != OTEL_INSTRUMENT_HISTOGRAM;
}

static inline bool is_fit(const struct otel__instrument *instrument, bool negative) {
    if (__builtin_expect(instrument->is.kind >= OTEL_INSTRUMENT_OBSERVABLE_COUNTER, 0))
        return refuse(instrument, "it was measured with, but is observable");
    if (__builtin_expect(negative, 0) && !may_shrink(instrument))
        return refuse(instrument, "a value is negative");
    return true;
}

static inline bool fit_int(const struct otel__instrument *instrument, int64_t value, otel_number *number) {
    if (instrument->is.doubles)
        number->d = (double)value;
    else
        number->i = value;
    return is_fit(instrument, value < 0);
}

static inline bool fit_double(const struct otel__instrument *instrument, double value, otel_number *number) {
    if (__builtin_expect(!isfinite(value), 0))
        return refuse(instrument, "a value is not a number, or infinite");
    if (instrument->is.doubles)
        number->d = value;
    else
        number->i = otel__to_integer(value);
    return is_fit(instrument, value < 0);
}

/* ---- with attributes ---------------------------------------------------------------------------------------------- */

static void measure(const struct otel__instrument *instrument, otel_number number, otel_attrs attributes,
                    const otel_context *context) {
    for (size_t i = 0; i < instrument->stream_count; i++) {
        bool reduced;
        struct otel__series *series = otel__series_get(instrument->streams[i], attributes, &reduced);
        if (!series)
            continue;
        otel__cell_apply(series->stream, series->cell, number);
        otel__exemplar_offer(series, number, attributes, context);
    }
}

void otel__measure_int(struct otel__thread *thread, otel_instrument *instrument, int64_t value, otel_attrs attributes,
                       const otel_context *context) {
    const struct otel__instrument *bound = otel__instrument_bind(instrument);
    otel_number number = { 0 };
    (void)thread;
    if (bound && fit_int(bound, value, &number))
        measure(bound, number, attributes, context);
}

void otel__measure_double(struct otel__thread *thread, otel_instrument *instrument, double value, otel_attrs attributes,
                          const otel_context *context) {
    const struct otel__instrument *bound = otel__instrument_bind(instrument);
    otel_number number = { 0 };
    (void)thread;
    if (bound && fit_double(bound, value, &number))
        measure(bound, number, attributes, context);
}

bool otel__measure_enabled(struct otel__thread *thread, otel_instrument *instrument) {
    const struct otel__instrument *bound = otel__instrument_bind(instrument);
    (void)thread;
    return bound && bound->stream_count != 0;
}

void otel__measure_observed(struct otel__thread *thread) {
    (void)thread;
    if (atomic_load(&otel__metrics_epoch) != 0)
        otel__metrics_used();
}

/* ---- bound -------------------------------------------------------------------------------------------------------- */

static inline _Atomic uint64_t *word(otel_bound *bound, unsigned index) {
    return (_Atomic uint64_t *)&bound->opaque_[index];
}

static inline struct otel__series *series_at(otel_bound *bound, unsigned index) {
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): the opaque words are integers in the ABI */
    return (struct otel__series *)(uintptr_t)atomic_load_explicit(word(bound, index), memory_order_relaxed);
}

/* Of a series that memory was too short for, or which is too large: it is looked for each time. */
static bool is_makeshift(const struct otel__stream *stream, const struct otel__series *series) {
    return !series || (series == atomic_load_explicit(&stream->overflow, memory_order_relaxed) &&
                       !atomic_load_explicit(&stream->full, memory_order_relaxed));
}

/* False: there are more streams than words, or nothing is recorded, or not where it belongs. */
static __attribute__((noinline)) bool find_series(otel_bound *bound, const struct otel__instrument *instrument,
                                                  uint64_t epoch) {
    if (!instrument || instrument->stream_count > BOUND_MAX)
        return false;
    atomic_store_explicit(word(bound, 0), NO_EPOCH, memory_order_relaxed);
    for (unsigned i = 0; i < BOUND_MAX; i++) {
        bool reduced;
        struct otel__stream *stream = i < instrument->stream_count ? instrument->streams[i] : NULL;
        struct otel__series *series = stream ? otel__series_get(stream, bound->attributes, &reduced) : NULL;
        if (stream && is_makeshift(stream, series))
            return false;
        /* Behind NO_EPOCH, for a child that is forked in between. */
        atomic_store_explicit(word(bound, i + 1), (uint64_t)(uintptr_t)series, memory_order_release);
    }
    atomic_store_explicit(word(bound, 0), epoch, memory_order_release);
    return true;
}

static inline bool is_bound(otel_bound *bound) {
    const uint64_t epoch = atomic_load_explicit(&otel__metrics_epoch, memory_order_relaxed);
    if (__builtin_expect(atomic_load_explicit(word(bound, 0), memory_order_acquire) == epoch, 1))
        return true;
    if (epoch == 0 || !bound->instrument)
        return false;
    const struct otel__instrument *instrument = otel__instrument_bind(bound->instrument);
    return otel__instrument_settled(bound->instrument, epoch) && find_series(bound, instrument, epoch);
}

static inline void add(otel_bound *bound, otel_number number, const otel_context *context) {
    for (unsigned i = 1; i <= BOUND_MAX; i++) {
        struct otel__series *series = series_at(bound, i);
        if (!series)
            return;
        otel__cell_apply(series->stream, series->cell, number);
        otel__exemplar_offer(series, number, bound->attributes, context);
    }
}

static inline const struct otel__instrument *instrument_of(otel_bound *bound) {
    const struct otel__series *first = series_at(bound, 1);
    return first ? first->stream->instrument : NULL;
}

void otel__bound_int(struct otel__thread *thread, otel_bound *bound, int64_t value, const otel_context *context) {
    if (__builtin_expect(!is_bound(bound), 0)) {
        if (bound->instrument)
            otel__measure_int(thread, bound->instrument, value, bound->attributes, context);
        return;
    }
    const struct otel__instrument *instrument = instrument_of(bound);
    otel_number number = { 0 };
    if (instrument && fit_int(instrument, value, &number))
        add(bound, number, context);
}

void otel__bound_double(struct otel__thread *thread, otel_bound *bound, double value, const otel_context *context) {
    if (__builtin_expect(!is_bound(bound), 0)) {
        if (bound->instrument)
            otel__measure_double(thread, bound->instrument, value, bound->attributes, context);
        return;
    }
    const struct otel__instrument *instrument = instrument_of(bound);
    otel_number number = { 0 };
    if (instrument && fit_double(instrument, value, &number))
        add(bound, number, context);
}
