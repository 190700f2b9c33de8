/* SPDX-License-Identifier: Apache-2.0 */
/*
 * observe.c - asking the program's callbacks, on the turn of a reading, whose thread alone changes the cells of observable
 * instruments. In such a cell the marks are the number of the reading that it was last observed in, so that what was not
 * observed in this one is not exported.
 */
#include "metrics/aggregation.h"
#include "metrics/collect.h"

struct observing {
    otel_observer is;
    const struct otel__reading *reading;
};

static void refuse(const struct otel__instrument *instrument, const char *why) {
    otel_report(OTEL_LOG_WARN, OTEL__INSTRUMENT_KIND("metrics/value", instrument->number),
                "instrument '%s': %s: it is left out", instrument->is.name, why);
}

/*
 * Values that a view throws together by taking attributes away are summed, whichever of them came first; else the last
 * one counts.
 */
static void set(struct otel__series *series, uint64_t reading, otel_number number, bool together) {
    _Atomic uint64_t *cell = series->cell;
    const bool again = atomic_load_explicit(&cell[OTEL__CELL_MARKS], memory_order_relaxed) == reading;
    const uint64_t before = atomic_load_explicit(&cell[OTEL__CELL_VALUE], memory_order_relaxed);
    series->together = together || (again && series->together);
    if (again && series->together && series->stream->type == OTEL_METRIC_SUM) {
        if (series->stream->doubles)
            number.d += otel__number(before);
        else
            number.i = (int64_t)(before + (uint64_t)number.i);
    }
    atomic_store_explicit(&cell[OTEL__CELL_VALUE], (uint64_t)number.i, memory_order_relaxed);
    atomic_store_explicit(&cell[OTEL__CELL_MARKS], reading, memory_order_relaxed);
}

static void observe(const struct observing *observing, const struct otel__instrument *instrument, otel_number number,
                    otel_attrs attributes) {
    for (size_t i = 0; i < instrument->stream_count; i++) {
        struct otel__stream *stream = instrument->streams[i];
        bool reduced;
        struct otel__series *series = otel__series_get(stream, attributes, &reduced);
        if (series)
            set(series, observing->reading->number, number, reduced || series == atomic_load(&stream->overflow));
    }
}

static const struct otel__instrument *bind(otel_instrument *given) {
    const struct otel__instrument *instrument = otel__instrument_bind(given);
    if (instrument && instrument->is.kind < OTEL_INSTRUMENT_OBSERVABLE_COUNTER) {
        refuse(instrument, "it was observed, but is not observable");
        return NULL;
    }
    return instrument;
}

static void observe_int(otel_observer *observer, otel_instrument *given, int64_t value, otel_attrs attributes) {
    const struct otel__instrument *instrument = bind(given);
    otel_number number = { 0 };
    if (!instrument)
        return;
    if (instrument->is.doubles)
        number.d = (double)value;
    else
        number.i = value;
    observe((const struct observing *)observer, instrument, number, attributes);
}

static void observe_double(otel_observer *observer, otel_instrument *given, double value, otel_attrs attributes) {
    const struct otel__instrument *instrument = bind(given);
    otel_number number = { 0 };
    if (!instrument)
        return;
    if (!isfinite(value)) {
        refuse(instrument, "a value is not a number, or infinite");
        return;
    }
    if (instrument->is.doubles)
        number.d = value;
    else
        number.i = otel__to_integer(value);
    observe((const struct observing *)observer, instrument, number, attributes);
}

static bool go_on(void *data) {
    (void)data;
    return true;
}

void otel__observe_all(const struct otel__reading *reading) {
    struct observing observing = { { observe_int, observe_double }, reading };
    struct otel__thread *thread = otel__thread_self();
    if (!otel__observers_any())
        return;
    const uint32_t saved = otel__callback_begin(thread);
    otel__observers_run(&observing.is, go_on, NULL);
    otel__callback_end(thread, saved);
}
