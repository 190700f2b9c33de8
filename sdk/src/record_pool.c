/* SPDX-License-Identifier: Apache-2.0 */
/* record_pool.c - records, blocks and big values: see the DESIGN in record.h. */
#include "base/poison.h"
#include "record.h"
#include "span_limits.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { BIRTHS_PER_CHUNK = 1 << 16, BLOCK_HEADER = 8 };
/* What stays at hand when memory is given back: two batches, and 1 MiB. */
enum { RECORDS_KEPT = 1024, BLOCKS_KEPT = 128 };

/* A value that no block can hold. */
struct otel__big {
    struct otel__big *older;
    size_t size;
    _Alignas(8) char bytes[];
};

static struct otel__slab records, blocks;
static _Atomic uint64_t *big_bytes; /* in wiped memory */
/* In ordinary memory: a child must not give out births that spans it inherited may carry. */
static _Atomic uint64_t births;

bool otel__records_init(void) {
    if (!big_bytes)
        big_bytes = otel__wiped_map(sizeof *big_bytes);
    return big_bytes && otel__slab_init(&records, OTEL__RECORD_SIZE, OTEL__RECORDS_MAX, 1024) &&
           otel__slab_init(&blocks, OTEL__BLOCK_SIZE, OTEL__BLOCKS_MAX, 64);
}

/* The size is spelled out because a constant multiplies faster than records.place_size. */
struct otel__record *otel__record_at(uint32_t slot) {
    return (void *)(records.base + (size_t)slot * OTEL__RECORD_SIZE);
}

/* ---- births ------------------------------------------------------------------------------------------------------ */

static uint64_t next_birth(struct otel__local *local) {
    if (atomic_load_explicit(&local->shared, memory_order_relaxed))
        return atomic_fetch_add_explicit(&births, 1, memory_order_relaxed) + 1;
    if (local->birth == local->last_birth) {
        local->birth = atomic_fetch_add_explicit(&births, BIRTHS_PER_CHUNK, memory_order_relaxed);
        local->last_birth = local->birth + BIRTHS_PER_CHUNK;
    }
    return ++local->birth;
}

/* ---- acquire and release ----------------------------------------------------------------------------------------- */

#define CONTROL_SIZE offsetof(struct otel__record, span)

static void poison(struct otel__record *record) {
    OTEL__POISON((char *)record + CONTROL_SIZE, OTEL__RECORD_SIZE - CONTROL_SIZE);
}

static void unpoison(struct otel__record *record) {
    OTEL__UNPOISON((char *)record + CONTROL_SIZE, OTEL__RECORD_SIZE - CONTROL_SIZE);
}

static uint32_t take_slot(struct otel__local *local) {
    if (local->cached == 0 && local->cache_max != 0)
        local->cached = otel__slab_take(&records, local->cache, local->cache_max);
    if (local->cached != 0)
        return local->cache[--local->cached];
    uint32_t slot;
    return otel__slab_take(&records, &slot, 1) ? slot : 0;
}

struct otel__record *otel__record_acquire(struct otel__local *local) {
    const uint32_t slot = take_slot(local);
    if (slot == 0)
        return NULL;
    struct otel__record *record = otel__record_at(slot);
    unpoison(record);
    memset((char *)record + CONTROL_SIZE, 0, offsetof(struct otel__record, data) - CONTROL_SIZE);
    record->slot = slot;
    record->attrs.most = otel__limits.attributes;
    record->free = record->data;
    record->limit = (char *)record + OTEL__RECORD_SIZE;
    atomic_store_explicit(&record->birth, next_birth(local), memory_order_release);
    return record;
}

uint64_t otel__record_rename(struct otel__local *local, struct otel__record *record) {
    const uint64_t birth = next_birth(local);
    atomic_store_explicit(&record->birth, birth, memory_order_release);
    return birth;
}

static void free_arena(struct otel__record *record) {
    for (uint32_t number = record->blocks; number != 0;) {
        char *block = otel__slab_at(&blocks, number);
        uint32_t older;
        memcpy(&older, block, sizeof older);
        OTEL__POISON(block, OTEL__BLOCK_SIZE);
        otel__slab_give(&blocks, &number, 1);
        number = older;
    }
    for (struct otel__big *big = record->bigs; big;) {
        struct otel__big *older = big->older;
        atomic_fetch_sub_explicit(big_bytes, big->size, memory_order_relaxed);
        free(big);
        big = older;
    }
}

static void free_content(struct otel__record *record) {
    if (record->holds_state)
        otel__tracestate_drop(record->span.opaque_[OTEL__W_STATE]);
    for (const struct otel__link *link = record->newest_link; link; link = link->older)
        if (link->holds_state)
            otel__tracestate_drop(link->span.opaque_[OTEL__W_STATE]);
    if (record->blocks || record->bigs)
        free_arena(record);
    poison(record);
}

void otel__record_release(struct otel__local *local, struct otel__record *record) {
    free_content(record);
    if (local && local->cached < local->cache_max)
        local->cache[local->cached++] = record->slot;
    else
        otel__slab_give(&records, &record->slot, 1);
}

static bool unref(struct otel__record *record) {
    if (atomic_load_explicit(&record->references, memory_order_acquire) == 1) {
        atomic_store_explicit(&record->references, 0, memory_order_relaxed);
        return true;
    }
    return atomic_fetch_sub_explicit(&record->references, 1, memory_order_acq_rel) == 1;
}

void otel__records_unref(struct otel__record *const *list, size_t count) {
    uint32_t slots[64];
    uint32_t filled = 0;
    for (size_t i = 0; i < count; i++) {
        if (!unref(list[i]))
            continue;
        free_content(list[i]);
        slots[filled++] = list[i]->slot;
        if (filled == sizeof slots / sizeof *slots) {
            otel__slab_give(&records, slots, filled);
            filled = 0;
        }
    }
    otel__slab_give(&records, slots, filled);
}

void otel__record_cache_flush(struct otel__local *local) {
    otel__slab_give(&records, local->cache, local->cached);
    local->cached = 0;
}

/* ---- giving memory back ------------------------------------------------------------------------------------------ */

/* A free record may be locked by a call that comes too late. */
static bool seize(void *record) { return otel__lock_try(&((struct otel__record *)record)->lock); }
static void let_go(void *record) { otel__lock_release(&((struct otel__record *)record)->lock); }

void otel__records_trim(void) {
    otel__slab_trim(&records, RECORDS_KEPT, seize, let_go);
    otel__slab_trim(&blocks, BLOCKS_KEPT, NULL, NULL);
}

/* ---- finding a span's record ------------------------------------------------------------------------------------- */

bool otel__record_is(const otel_span *span) {
    const uint32_t slot = otel__span_slot(span);
    const uint64_t birth = span->opaque_[OTEL__W_BIRTH];
    return birth != 0 && otel__slab_has(&records, slot) &&
           atomic_load_explicit(&otel__record_at(slot)->birth, memory_order_acquire) == birth;
}

struct otel__record *otel__record_lock(const otel_span *span) {
    const uint32_t slot = otel__span_slot(span);
    if (__builtin_expect(!otel__slab_has(&records, slot), 0))
        return NULL;
    struct otel__record *record = otel__record_at(slot);
    otel__lock_acquire(&record->lock);
    const uint64_t birth = atomic_load_explicit(&record->birth, memory_order_relaxed);
    if (birth != 0 && birth == span->opaque_[OTEL__W_BIRTH])
        return record;
    otel__lock_release(&record->lock);
    return NULL;
}

uint64_t otel__records_live(void) {
    uint64_t live = 0;
    const uint32_t carved = otel__slab_carved(&records);
    for (uint32_t slot = 1; slot <= carved; slot++)
        live += atomic_load_explicit(&otel__record_at(slot)->birth, memory_order_relaxed) != 0;
    return live;
}

void otel__records_visit(void (*each)(const struct otel__record *record, void *data), void *data) {
    const uint32_t carved = otel__slab_carved(&records);
    for (uint32_t slot = 1; slot <= carved; slot++)
        if (atomic_load_explicit(&otel__record_at(slot)->birth, memory_order_acquire) != 0)
            each(otel__record_at(slot), data);
}

uint64_t otel__records_abandon(void (*each)(const struct otel__record *record, void *data), void *data) {
    uint64_t abandoned = 0;
    const uint32_t carved = otel__slab_carved(&records);
    for (uint32_t slot = 1; slot <= carved; slot++) {
        struct otel__record *record = otel__record_at(slot);
        if (atomic_load_explicit(&record->birth, memory_order_acquire) == 0)
            continue;
        each(record, data);
        atomic_store_explicit(&record->birth, 0, memory_order_release);
        otel__record_release(NULL, record);
        abandoned++;
    }
    return abandoned;
}

/* ---- arena ------------------------------------------------------------------------------------------------------- */

static void *alloc_big(struct otel__record *record, size_t size) {
    struct otel__big *big = NULL;
    const int saved = errno;
    if (atomic_fetch_add_explicit(big_bytes, size, memory_order_relaxed) + size <= OTEL__BIG_VALUES_MAX)
        big = malloc(sizeof *big + size);
    errno = saved;
    if (!big) {
        atomic_fetch_sub_explicit(big_bytes, size, memory_order_relaxed);
        return NULL;
    }
    big->size = size;
    big->older = record->bigs;
    record->bigs = big;
    return big->bytes;
}

static bool add_block(struct otel__record *record) {
    uint32_t number;
    if (otel__slab_take(&blocks, &number, 1) == 0)
        return false;
    char *block = otel__slab_at(&blocks, number);
    OTEL__UNPOISON(block, OTEL__BLOCK_SIZE);
    memcpy(block, &record->blocks, sizeof record->blocks);
    record->blocks = number;
    record->free = block + BLOCK_HEADER;
    record->limit = block + OTEL__BLOCK_SIZE;
    record->bytes += OTEL__BLOCK_SIZE;
    return true;
}

/* What doesn't fit into the current block. */
void *otel__record_alloc_more(struct otel__record *record, size_t size) {
    if (size > OTEL__SPAN_BYTES_MAX || record->bytes + size > OTEL__SPAN_BYTES_MAX)
        return NULL;
    if (size <= OTEL__IN_BLOCK_MAX)
        return add_block(record) ? otel__record_alloc(record, size) : NULL;
    void *p = alloc_big(record, size);
    record->bytes += p ? (uint32_t)size : 0;
    return p;
}
