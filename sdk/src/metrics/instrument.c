/* SPDX-License-Identifier: Apache-2.0 */
/*
 * instrument.c - binding the program's instruments to the running SDK: meters, instruments, and the streams that views
 * make of them.
 *
 * What is wrong with an instrument is noted while it is made, under the lock, and reported when that has been released:
 * who listens is the user's.
 */
#include "metrics/aggregation.h"

#include "base/utf8.h"
#include "metrics/reader.h"
#include "text.h"
#include "tracer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_MAX_LENGTH = 255, STREAMS_MAX = 64 };

struct faults {
    bool name, bounds, full, unusable, memory;
    unsigned number;                 /* of an instrument that was made */
    const struct otel__stream *like; /* a stream of the same name that is not the same */
};

/* ---- meters ------------------------------------------------------------------------------------------------------- */

static struct otel__meter *make_meter(struct otel__metrics *metrics, struct otel__scope *scope) {
    struct otel__meter *meter = metrics->meter_count < OTEL__METERS_MAX ? calloc(1, sizeof *meter) : NULL;
    if (!meter)
        return NULL;
    meter->scope = scope;
    metrics->meter_count++;
    return meter;
}

/* Takes `scope` over unless there is one like it. */
static struct otel__meter *find_or_add_meter(struct otel__metrics *metrics, struct otel__scope *scope) {
    _Atomic(struct otel__meter *) *end = &metrics->meters;
    struct otel__meter *meter;
    while ((meter = atomic_load_explicit(end, memory_order_relaxed)) &&
           !otel__same_scope(&meter->scope->data, &scope->data))
        end = &meter->next;
    if (!meter) {
        meter = make_meter(metrics, scope);
        atomic_store_explicit(end, meter, memory_order_release);
    }
    return meter;
}

static struct otel__meter *meter_of(struct otel__metrics *metrics, const otel_meter *given) {
    static const otel_meter nameless;
    if (!given)
        given = &nameless;
    const otel_scope_data wanted = { .name = otel_cstr(given->name),
                                     .version = otel_cstr(given->version),
                                     .schema_url = otel_cstr(given->schema_url),
                                     .attributes = given->attributes };
    struct otel__scope *scope = otel__scope_copy(&wanted);
    struct otel__meter *meter = scope ? find_or_add_meter(metrics, scope) : NULL;
    if (!meter || meter->scope != scope)
        free(scope);
    return meter;
}

/* ---- instruments -------------------------------------------------------------------------------------------------- */

/* Of copies. */
static bool same(const otel_instrument *a, const otel_instrument *b) {
    return a->kind == b->kind && a->doubles == b->doubles && otel__same_name(otel_cstr(a->name), otel_cstr(b->name)) &&
           strcmp(a->unit, b->unit) == 0 && strcmp(a->description, b->description) == 0;
}

static bool is_letter(char c) { return otel__lower(c) >= 'a' && otel__lower(c) <= 'z'; }

static bool is_valid_name(const char *name) {
    if (!name || !is_letter(*name) || strlen(name) > NAME_MAX_LENGTH)
        return false;
    for (; *name; name++)
        if (!is_letter(*name) && !(*name >= '0' && *name <= '9') && !strchr("_.-/", *name))
            return false;
    return true;
}

static size_t text_size(const char *text) { return text ? otel__utf8_repair(text, strlen(text), NULL, 0) + 1 : 1; }

static const char *copy_text(const char *text, char **room) {
    char *copy = *room;
    const size_t len = text ? otel__utf8_repair(text, strlen(text), copy, SIZE_MAX) : 0;
    copy[len] = '\0';
    *room += len + 1;
    return copy;
}

static const double *default_bounds(const otel_instrument *instrument, size_t *count) {
    static const double any[] = { 0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000 };
    static const double seconds[] = { 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10 };
    const bool in_seconds = instrument->unit && strcmp(instrument->unit, "s") == 0;
    *count = in_seconds ? sizeof seconds / sizeof *seconds : sizeof any / sizeof *any;
    return in_seconds ? seconds : any;
}

static bool has_bounds(const otel_instrument *given) {
    return given->kind == OTEL_INSTRUMENT_HISTOGRAM && given->bounds;
}

static struct otel__instrument *copy_instrument(const otel_instrument *given, struct faults *faults) {
    const bool bounds = has_bounds(given) && otel__bounds_valid(given->bounds, given->bound_count);
    const size_t text = text_size(given->name) + text_size(given->unit) + text_size(given->description);
    const size_t bounds_size = bounds ? given->bound_count * sizeof *given->bounds : 0;
    struct otel__instrument *made =
        text <= OTEL__SERIES_BYTES_MAX ? calloc(1, sizeof *made + bounds_size + text) : NULL;
    if (!made)
        return NULL;
    char *room = (char *)(made + 1) + bounds_size;
    otel_instrument *is = &made->is;
    faults->bounds = has_bounds(given) && !bounds;
    is->kind = given->kind;
    is->doubles = given->doubles || given->kind == OTEL_INSTRUMENT_HISTOGRAM;
    is->name = copy_text(given->name, &room);
    is->unit = copy_text(given->unit, &room);
    is->description = copy_text(given->description, &room);
    is->bounds = default_bounds(given, &is->bound_count);
    if (bounds) {
        is->bounds = bounds_size ? memcpy(made + 1, given->bounds, bounds_size) : (const double *)(made + 1);
        is->bound_count = given->bound_count;
    }
    return made;
}

/* ---- streams ------------------------------------------------------------------------------------------------------ */

static otel_metric_type type_of(otel_instrument_kind kind) {
    if (kind == OTEL_INSTRUMENT_HISTOGRAM)
        return OTEL_METRIC_HISTOGRAM;
    return kind == OTEL_INSTRUMENT_GAUGE || kind == OTEL_INSTRUMENT_OBSERVABLE_GAUGE ? OTEL_METRIC_GAUGE
                                                                                     : OTEL_METRIC_SUM;
}

static void set_temporality(struct otel__metrics *metrics, struct otel__stream *stream, otel_instrument_kind kind) {
    for (size_t i = 0; i < metrics->reader_count && stream->type != OTEL_METRIC_GAUGE; i++)
        if (metrics->readers[i]->deltas[kind])
            stream->delta[i] = ++stream->deltas;
}

static struct otel__stream *make_stream(struct otel__metrics *metrics, struct otel__instrument *instrument,
                                        const struct otel__view *view) {
    struct otel__stream *stream = calloc(1, sizeof *stream);
    if (!stream)
        return NULL;
    const otel_instrument *is = &instrument->is;
    const bool own_bounds = view && view->is.bounds;
    stream->instrument = instrument;
    stream->view = view;
    stream->name = otel_cstr(view && view->is.name ? view->is.name : is->name);
    stream->description = otel_cstr(view && view->is.description ? view->is.description : is->description);
    stream->bounds = own_bounds ? view->is.bounds : is->bounds;
    stream->bound_count = (uint32_t)(own_bounds ? view->is.bound_count : is->bound_count);
    stream->type = type_of(is->kind);
    stream->doubles = is->doubles;
    stream->monotonic = is->kind == OTEL_INSTRUMENT_COUNTER || is->kind == OTEL_INSTRUMENT_OBSERVABLE_COUNTER;
    stream->observable = is->kind >= OTEL_INSTRUMENT_OBSERVABLE_COUNTER;
    stream->min_max = !(view && view->is.no_min_max);
    stream->exemplars = metrics->exemplars && !stream->observable;
    stream->limit =
        view && view->is.cardinality_limit > 0 ? (uint32_t)view->is.cardinality_limit : metrics->cardinality;
    set_temporality(metrics, stream, is->kind);
    stream->cell_size = otel__cell_size(stream);
    return stream;
}

/* Puts it behind the others of the meter. */
static void append(struct otel__meter *meter, struct otel__stream *stream, struct faults *faults) {
    _Atomic(struct otel__stream *) *end = &meter->streams;
    struct otel__stream *other;
    for (; (other = atomic_load_explicit(end, memory_order_relaxed)); end = &other->next)
        if (!faults->like && otel__same_name(other->name, stream->name))
            faults->like = other;
    atomic_store_explicit(end, stream, memory_order_release);
}

/* ---- together ----------------------------------------------------------------------------------------------------- */

/* The views of which streams are to be made; NULL stands for none. Returns how many. */
static size_t select_views(const struct otel__metrics *metrics, const struct otel__instrument *instrument,
                           const struct otel__view **selected) {
    size_t count = 0;
    bool any = false;
    for (const struct otel__view *view = metrics->views; view; view = view->next) {
        if (!otel__view_selects(view, &instrument->is, &instrument->meter->scope->data))
            continue;
        any = true;
        if (!view->is.drop && count < STREAMS_MAX)
            selected[count++] = view;
    }
    if (!any)
        selected[count++] = NULL;
    return count;
}

static void free_streams(struct otel__instrument *instrument) {
    for (size_t i = 0; i < instrument->stream_count; i++) {
        otel__series_free(instrument->streams[i]);
        free(instrument->streams[i]);
    }
    free(instrument->streams);
}

/* All of them, or none. */
static bool add_streams(struct otel__metrics *metrics, struct otel__instrument *made, struct faults *faults) {
    const struct otel__view *selected[STREAMS_MAX];
    const size_t count = select_views(metrics, made, selected);
    made->streams = calloc(count + 1, sizeof *made->streams);
    if (!made->streams)
        return false;
    for (; made->stream_count < count; made->stream_count++) {
        struct otel__stream *stream = make_stream(metrics, made, selected[made->stream_count]);
        made->streams[made->stream_count] = stream;
        if (!stream) {
            free_streams(made);
            return false;
        }
    }
    for (size_t i = 0; i < count; i++)
        append(made->meter, made->streams[i], faults);
    return true;
}

/* Takes `made` over unless there is one like it, or no room. */
static struct otel__instrument *find_or_add(struct otel__metrics *metrics, struct otel__meter *meter,
                                            struct otel__instrument *made, struct faults *faults) {
    struct otel__instrument *instrument = meter->instruments;
    while (instrument && !same(&instrument->is, &made->is))
        instrument = instrument->next;
    if (instrument || metrics->instrument_count == OTEL__INSTRUMENTS_MAX)
        return instrument;
    made->meter = meter;
    faults->number = made->number = (unsigned)metrics->instrument_count;
    faults->name = !is_valid_name(made->is.name);
    if (!add_streams(metrics, made, faults))
        return NULL;
    made->next = meter->instruments;
    meter->instruments = made;
    metrics->instrument_count++;
    return made;
}

static struct otel__instrument *find_or_make(struct otel__metrics *metrics, const otel_instrument *given,
                                             struct faults *faults) {
    struct otel__meter *meter = meter_of(metrics, given->meter);
    struct otel__instrument *made = meter ? copy_instrument(given, faults) : NULL;
    struct otel__instrument *found = made ? find_or_add(metrics, meter, made, faults) : NULL;
    if (found != made)
        free(made);
    /* What is full stays so; memory may be there for the next measurement. */
    faults->full = !found && (meter ? metrics->instrument_count == OTEL__INSTRUMENTS_MAX
                                    : metrics->meter_count == OTEL__METERS_MAX);
    faults->memory = !found && !faults->full;
    return found;
}

static const char *shown(const char *text) { return text ? text : "(null)"; }

static void report(const otel_instrument *instrument, const struct faults *faults) {
    if (instrument->meter == NULL || !instrument->meter->name || !*instrument->meter->name)
        otel_report(OTEL_LOG_WARN, "meter name", "the meter of instrument '%s' has no name", shown(instrument->name));
    if (faults->unusable)
        otel_report(OTEL_LOG_ERROR, "metrics/instrument", "instrument '%s' is of no kind that there is: it is ignored",
                    shown(instrument->name));
    if (faults->full)
        otel_report(OTEL_LOG_ERROR, "metrics/instrument",
                    "no room for instrument '%s' (at most %d, of %d meters): it is ignored", shown(instrument->name),
                    (int)OTEL__INSTRUMENTS_MAX, (int)OTEL__METERS_MAX);
    if (faults->memory)
        otel_report(OTEL_LOG_ERROR, "metrics/memory", "memory is too short for instrument '%s', or its text too long",
                    shown(instrument->name));
    if (faults->name)
        otel_report(
            OTEL_LOG_WARN, OTEL__INSTRUMENT_KIND("metrics/name", faults->number),
            "'%s' is no name for an instrument (a letter, then at most 254 letters, digits, _ . - /): it is used all "
            "the same",
            shown(instrument->name));
    if (faults->bounds)
        otel_report(OTEL_LOG_WARN, OTEL__INSTRUMENT_KIND("metrics/bounds", faults->number),
                    "instrument '%s': its bounds do not rise, or are too many: the default ones are used",
                    shown(instrument->name));
    if (faults->like)
        otel_report(OTEL_LOG_WARN, OTEL__INSTRUMENT_KIND("metrics/conflict", faults->like->instrument->number),
                    "two different instruments make the metric '%.*s' of meter '%s': both are exported. Give both the "
                    "same kind, type of numbers, unit and description, or rename one by a view",
                    (int)faults->like->name.len, faults->like->name.ptr,
                    instrument->meter ? shown(instrument->meter->name) : "");
}

static _Atomic uint64_t *word(otel_instrument *instrument, unsigned index) {
    return (_Atomic uint64_t *)&instrument->opaque_[index];
}

/* Beside the epoch: a reader has no thread yet, so that the next measurements ask for it. */
#define UNSETTLED (UINT64_C(1) << 63)

bool otel__instrument_settled(otel_instrument *instrument, uint64_t epoch) {
    return atomic_load_explicit(word(instrument, 0), memory_order_acquire) == epoch;
}

static const struct otel__instrument *bound_to(otel_instrument *instrument) {
    /* NOLINTNEXTLINE(performance-no-int-to-ptr): the opaque words are integers in the ABI */
    return (const struct otel__instrument *)(uintptr_t)atomic_load_explicit(word(instrument, 1), memory_order_relaxed);
}

/* Bound already, but for threads. */
static const struct otel__instrument *settle(otel_instrument *instrument, uint64_t epoch) {
    const struct otel__instrument *bound = bound_to(instrument);
    if (otel__metrics_used())
        atomic_store_explicit(word(instrument, 0), epoch, memory_order_release);
    return bound;
}

/* The instrument's words as they are bound at `epoch`. */
static __attribute__((noinline)) const struct otel__instrument *bind(otel_instrument *instrument, uint64_t epoch) {
    struct faults faults = { .like = NULL };
    struct otel__instrument *bound = NULL;
    if (epoch == 0)
        return NULL;
    if (otel__instrument_settled(instrument, epoch | UNSETTLED))
        return settle(instrument, epoch);
    const int saved = errno;
    faults.unusable = (unsigned)instrument->kind > OTEL_INSTRUMENT_OBSERVABLE_GAUGE;
    otel__metrics_lock();
    if (!faults.unusable)
        bound = find_or_make(otel__metrics, instrument, &faults);
    otel__metrics_unlock();
    const bool threads = otel__metrics_used();
    if (!faults.memory) {
        atomic_store_explicit(word(instrument, 1), (uint64_t)(uintptr_t)bound, memory_order_relaxed);
        atomic_store_explicit(word(instrument, 0), threads ? epoch : epoch | UNSETTLED, memory_order_release);
    }
    report(instrument, &faults);
    errno = saved;
    return bound;
}

const struct otel__instrument *otel__instrument_bind(otel_instrument *instrument) {
    const uint64_t epoch = atomic_load_explicit(&otel__metrics_epoch, memory_order_relaxed);
    if (__builtin_expect(atomic_load_explicit(word(instrument, 0), memory_order_acquire) != epoch, 0))
        return bind(instrument, epoch);
    return bound_to(instrument);
}

/* ---- the end ------------------------------------------------------------------------------------------------------ */

static void free_meter(struct otel__meter *meter) {
    while (meter->instruments) {
        struct otel__instrument *instrument = meter->instruments;
        meter->instruments = instrument->next;
        free_streams(instrument);
        free(instrument);
    }
    free(meter->scope);
    free(meter);
}

void otel__meters_free(struct otel__metrics *metrics) {
    struct otel__meter *meter = atomic_load(&metrics->meters);
    while (meter) {
        struct otel__meter *next = atomic_load(&meter->next);
        free_meter(meter);
        meter = next;
    }
}
