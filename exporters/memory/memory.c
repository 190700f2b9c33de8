/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.c - the in-memory exporter: a store of span copies under a lock.
 *
 * Every change of the store leaves it whole at each step, so a child forked in the middle of one needs a fresh lock
 * and no more.
 */
#include "common/export_state.h"
#include "memory/span_copy.h"

#include <otel/memory.h>
#include <pthread.h>
#include <stdlib.h>

enum { CAPACITY_DEFAULT = 65536, FIRST = 64 };

struct otel_memory {
    atomic_size_t references;
    pthread_mutex_t lock; /* guards what follows */
    struct otel__span_copy **items;
    size_t count, room, capacity;
};

struct otel_memory_spans {
    size_t count;
    struct otel__span_copy *items[];
};

/* What an exporter adds to the store it writes to. */
struct sink {
    struct otel__export_state state;
    otel_memory *memory;
};

/* ---- the store --------------------------------------------------------------------------------------------------- */

otel_memory *otel_memory_create(size_t capacity) {
    otel_memory *memory = calloc(1, sizeof *memory);
    if (!memory)
        return NULL;
    atomic_init(&memory->references, 1);
    pthread_mutex_init(&memory->lock, NULL);
    memory->capacity = capacity > 0 ? capacity : CAPACITY_DEFAULT;
    return memory;
}

void otel_memory_release(otel_memory *memory) {
    if (!memory || atomic_fetch_sub(&memory->references, 1) != 1)
        return;
    otel_memory_clear(memory);
    pthread_mutex_destroy(&memory->lock);
    free(memory->items);
    free(memory);
}

size_t otel_memory_count(otel_memory *memory) {
    if (!memory)
        return 0;
    pthread_mutex_lock(&memory->lock);
    size_t count = memory->count;
    pthread_mutex_unlock(&memory->lock);
    return count;
}

void otel_memory_clear(otel_memory *memory) {
    if (!memory)
        return;
    pthread_mutex_lock(&memory->lock);
    while (memory->count > 0)
        otel__span_copy_release(memory->items[--memory->count]);
    pthread_mutex_unlock(&memory->lock);
}

static bool make_room(otel_memory *memory) {
    if (memory->count < memory->room)
        return true;
    size_t room = memory->room > 0 ? memory->room * 2 : FIRST;
    struct otel__span_copy **items = calloc(room, sizeof *items), **old = memory->items;
    if (!items)
        return false;
    for (size_t i = 0; i < memory->count; i++)
        items[i] = old[i];
    memory->items = items;
    memory->room = room;
    free(old);
    return true;
}

/* Takes the copy over if that is possible. */
static bool append(otel_memory *memory, struct otel__span_copy *copy) {
    pthread_mutex_lock(&memory->lock);
    bool fits = memory->count < memory->capacity && make_room(memory);
    if (fits)
        memory->items[memory->count++] = copy;
    pthread_mutex_unlock(&memory->lock);
    return fits;
}

/* ---- snapshots --------------------------------------------------------------------------------------------------- */

otel_memory_spans *otel_memory_snapshot(otel_memory *memory) {
    if (!memory)
        return NULL;
    pthread_mutex_lock(&memory->lock);
    otel_memory_spans *spans = malloc(sizeof *spans + memory->count * sizeof *spans->items);
    if (spans) {
        spans->count = memory->count;
        for (size_t i = 0; i < memory->count; i++) {
            otel__span_copy_retain(memory->items[i]);
            spans->items[i] = memory->items[i];
        }
    }
    pthread_mutex_unlock(&memory->lock);
    return spans;
}

size_t otel_memory_spans_count(const otel_memory_spans *spans) { return spans ? spans->count : 0; }

const otel_span_data *otel_memory_spans_at(const otel_memory_spans *spans, size_t index) {
    return index < otel_memory_spans_count(spans) ? &spans->items[index]->span : NULL;
}

void otel_memory_spans_release(otel_memory_spans *spans) {
    if (!spans)
        return;
    for (size_t i = 0; i < spans->count; i++)
        otel__span_copy_release(spans->items[i]);
    free(spans);
}

/* ---- the exporter ------------------------------------------------------------------------------------------------ */

static otel_status export_batch(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    struct sink *sink = self;
    (void)timeout_ms;
    if (otel__export_refusal(&sink->state) != OTEL_OK)
        return OTEL_ERR_STATE;
    size_t count = otel_batch_count(batch);
    for (size_t i = 0; i < count; i++) {
        const otel_span_data *span = otel_batch_span(batch, i); /* NULL: memory is short */
        struct otel__span_copy *copy = span ? otel__span_copy_create(span) : NULL;
        if (copy && append(sink->memory, copy))
            continue;
        otel__span_copy_release(copy);
        outcome->rejected++;
    }
    if (outcome->rejected > 0)
        otel_report(OTEL_LOG_WARN, "memory.full",
                    "the in-memory exporter is full, or memory is short: spans are not kept");
    return OTEL_OK;
}

static void after_fork(void *self, bool in_child) {
    struct sink *sink = self;
    if (in_child)
        pthread_mutex_init(&sink->memory->lock, NULL);
}

static void destroy(void *self) {
    struct sink *sink = self;
    otel_memory_release(sink->memory);
    free(sink);
}

static const otel_exporter_ops ops = {
    .size = sizeof(otel_exporter_ops),
    .name = "memory",
    .blocking = false,
    .export_batch = export_batch,
    .force_flush = otel__export_flush_nothing,
    .shutdown = otel__export_shut_down,
    .cancel = otel__export_cancel,
    .after_fork = after_fork,
    .destroy = destroy,
};

otel_exporter *otel_memory_exporter(otel_memory *memory) {
    if (!memory)
        return NULL;
    struct sink *sink = calloc(1, sizeof *sink);
    if (!sink)
        return NULL;
    atomic_fetch_add(&memory->references, 1);
    sink->memory = memory;
    return otel_exporter_create(&ops, sink);
}
