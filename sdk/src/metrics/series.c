/* SPDX-License-Identifier: Apache-2.0 */
/*
 * series.c - the series of a stream, found by their attributes.
 *
 * DESIGN. A hash table with open addressing, at most half full, which is searched without a lock: places go from empty to
 * a series once, by a release store. One that is too full is replaced by a copy of twice the size; the old one stays
 * until the stream is freed, since somebody may be searching it, and what is missing there is looked for again under the
 * lock. Series are compared as they were given, where that says enough; else as their copies would be, which takes
 * memory for the time of the call.
 */
#include "metrics/aggregation.h"
#include "metrics/attribute_set.h"
#include "metrics/cells.h"
#include "base/utf8.h"
#include "value_copy.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_TABLE = 16 };

struct otel__table {
    struct otel__table *older;
    size_t mask;
    size_t count; /* of series; under the lock */
    _Atomic(struct otel__series *) places[];
};

/* ---- searching ---------------------------------------------------------------------------------------------------- */

static inline struct otel__series *find(const struct otel__stream *stream, const struct otel__set *set) {
    const struct otel__table *table = atomic_load_explicit(&stream->table, memory_order_acquire);
    for (size_t i = set->hash; table; i++) {
        struct otel__series *series = atomic_load_explicit(&table->places[i & table->mask], memory_order_acquire);
        if (!series || (series->hash == set->hash && otel__set_equals(set, series->attributes)))
            return series;
    }
    return NULL;
}

/* Of a set made of a copy. Under the lock. */
static struct otel__series *find_copy(const struct otel__stream *stream, const struct otel__set *set, otel_attrs copy) {
    if (set->plain)
        return find(stream, set);
    const struct otel__table *table = atomic_load_explicit(&stream->table, memory_order_relaxed);
    for (size_t i = set->hash; table; i++) {
        struct otel__series *series = atomic_load_explicit(&table->places[i & table->mask], memory_order_relaxed);
        if (!series || (series->hash == set->hash && otel__attrs_equal(series->attributes, copy)))
            return series;
    }
    return NULL;
}

/* ---- making: under the lock --------------------------------------------------------------------------------------- */

static void put(struct otel__table *table, struct otel__series *series) {
    size_t i = series->hash;
    while (atomic_load_explicit(&table->places[i & table->mask], memory_order_relaxed))
        i++;
    atomic_store_explicit(&table->places[i & table->mask], series, memory_order_release);
    table->count++;
}

/* A table with room for one more; NULL: memory is short. */
static struct otel__table *table_with_room(struct otel__stream *stream) {
    struct otel__table *old = atomic_load_explicit(&stream->table, memory_order_relaxed);
    const size_t size = old ? old->mask + 1 : 0;
    if (old && 2 * (old->count + 1) <= size)
        return old;
    const size_t wanted = size ? 2 * size : FIRST_TABLE;
    struct otel__table *table = calloc(1, sizeof *table + wanted * sizeof *table->places);
    if (!table)
        return NULL;
    table->older = old;
    table->mask = wanted - 1;
    for (size_t i = 0; i < size; i++) {
        struct otel__series *series = atomic_load_explicit(&old->places[i], memory_order_relaxed);
        if (series)
            put(table, series);
    }
    atomic_store_explicit(&stream->table, table, memory_order_release);
    return table;
}

static bool link_series(struct otel__stream *stream, struct otel__series *series) {
    struct otel__series *newest = atomic_load_explicit(&stream->newest, memory_order_relaxed);
    series->stream = stream;
    series->cell = otel__cells_take(stream->cell_size);
    if (!series->cell)
        return false;
    series->older = newest;
    series->number = newest ? newest->number + 1 : 1;
    atomic_store_explicit(&stream->newest, series, memory_order_release);
    return true;
}

static bool is_full(const struct otel__stream *stream) {
    const struct otel__table *table = atomic_load_explicit(&stream->table, memory_order_relaxed);
    return (table ? table->count : 0) + 1 >= stream->limit;
}

/* Takes `made` over unless there is one already, or no room: then NULL. */
static struct otel__series *find_or_add(struct otel__stream *stream, const struct otel__set *set,
                                        struct otel__series *made) {
    struct otel__series *found = find_copy(stream, set, made->attributes);
    if (found)
        return found;
    if (is_full(stream)) {
        atomic_store_explicit(&stream->full, true, memory_order_release);
        return NULL;
    }
    struct otel__table *table = table_with_room(stream);
    if (!table || !link_series(stream, made))
        return NULL;
    put(table, made);
    return made;
}

/* ---- the overflow ------------------------------------------------------------------------------------------------- */

static struct otel__series *make_overflow(struct otel__stream *stream) {
    static const otel_attr overflow = { { "otel.metric.overflow", sizeof "otel.metric.overflow" - 1 },
                                        { .type = OTEL_TYPE_BOOL, .u.i = 1 } };
    struct otel__series *series = calloc(1, sizeof *series);
    if (!series)
        return NULL;
    series->attributes = (otel_attrs){ &overflow, 1 };
    if (link_series(stream, series)) {
        atomic_store_explicit(&stream->overflow, series, memory_order_release);
        return series;
    }
    free(series);
    return NULL;
}

static struct otel__series *overflow_of(struct otel__stream *stream) {
    struct otel__series *series = atomic_load_explicit(&stream->overflow, memory_order_acquire);
    if (series)
        return series;
    otel__metrics_lock();
    series = atomic_load_explicit(&stream->overflow, memory_order_relaxed);
    const bool first = !series;
    if (first)
        series = make_overflow(stream);
    otel__metrics_unlock();
    if (first)
        otel_report(
            OTEL_LOG_WARN, OTEL__INSTRUMENT_KIND("metrics/overflow", stream->instrument->number),
            "%.*s: more than %u combinations of attributes, or one that is too large: what is beyond is counted "
            "under otel.metric.overflow",
            (int)stream->name.len, stream->name.ptr, (unsigned)stream->limit - 1);
    return series;
}

/* ---- getting one -------------------------------------------------------------------------------------------------- */

static int compare_keys(const void *a, const void *b) {
    return otel__key_compare(((const otel_attr *)a)->key, ((const otel_attr *)b)->key);
}

/* A series with a copy of the set; NULL: it is too large, or memory is short. */
static struct otel__series *copy_set(const struct otel__set *set) {
    otel_attr list[OTEL__SET_MAX];
    for (size_t i = 0; i < set->count; i++)
        list[i] = *set->items[i];
    const otel_attrs attributes = { list, set->count };
    const size_t size = otel__attrs_copy_size(attributes);
    struct otel__series *series = size <= OTEL__SERIES_BYTES_MAX ? calloc(1, sizeof *series + size) : NULL;
    if (!series)
        return NULL;
    char *room = (char *)(series + 1);
    otel_attr *items = (otel_attr *)(void *)room; /* where the copy puts them */
    series->attributes = otel__attrs_copy(attributes, &room);
    qsort(items, series->attributes.count, sizeof *items, compare_keys);
    return series;
}

static struct otel__series *make(struct otel__stream *stream, const struct otel__set *given) {
    struct otel__set set;
    struct otel__series *made = copy_set(given);
    if (!made)
        return overflow_of(stream);
    otel__set_make(&set, made->attributes, NULL);
    made->hash = set.hash;
    otel__metrics_lock();
    struct otel__series *series = find_or_add(stream, &set, made);
    otel__metrics_unlock();
    if (series != made)
        free(made);
    return series ? series : overflow_of(stream);
}

static bool is_valid(otel_str text) { return otel__utf8_valid(text.ptr, text.len); }

/* Full, and a combination that is not there under another spelling: nothing needs to be copied. */
static bool is_beyond(const struct otel__stream *stream, const struct otel__set *set) {
    if (!set->plain || !atomic_load_explicit(&stream->full, memory_order_acquire) || find(stream, set))
        return false;
    for (size_t i = 0; i < set->count; i++) {
        const otel_value *value = &set->items[i]->value;
        if (!is_valid(set->items[i]->key) ||
            (value->type == OTEL_TYPE_STRING && !is_valid(otel_strn(value->u.p, value->len))))
            return false;
    }
    return true;
}

struct otel__series *otel__series_get(struct otel__stream *stream, otel_attrs attributes, bool *reduced) {
    struct otel__set set;
    otel__set_make(&set, attributes, stream->view);
    *reduced = set.reduced;
    struct otel__series *series = set.plain ? find(stream, &set) : NULL;
    if (series)
        return series;
    return is_beyond(stream, &set) ? overflow_of(stream) : make(stream, &set);
}

void otel__series_free(struct otel__stream *stream) {
    struct otel__table *table = atomic_load(&stream->table);
    while (table) {
        struct otel__table *older = table->older;
        free(table);
        table = older;
    }
    struct otel__series *series = atomic_load(&stream->newest);
    while (series) {
        struct otel__series *older = series->older;
        free(series);
        series = older;
    }
}
