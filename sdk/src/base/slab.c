/* SPDX-License-Identifier: Apache-2.0 */
/* slab.c - see slab.h. */
#include "base/slab.h"

#include <errno.h>
#include <sys/mman.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

/*
 * A process has 18 mappings: 3 of each slab (records and blocks of record_pool.c, local.c), and one by
 * otel__wiped_map() of anchor.c, lifecycle.c, local.c, processor.c, record_pool.c, strict.c, tracer.c, cells.c and metrics.c. Where the
 * kernel cannot wipe, one more would be refused as if memory were short, and with it the start or strict mode: who adds
 * one counts again.
 */
enum { STEP = 1 << 20, MAX_MAPPINGS = 18 };

/* Mappings that the kernel would not wipe. Added to under the lock of otel_sdk_start, read in a child. */
static struct {
    void *start;
    size_t size;
} unwiped[MAX_MAPPINGS];
static size_t unwiped_count;

static bool wipe_on_fork(void *start, size_t size) {
    if (madvise(start, size, MADV_WIPEONFORK) == 0)
        return true;
    if (unwiped_count == MAX_MAPPINGS)
        return false;
    unwiped[unwiped_count].start = start;
    unwiped[unwiped_count].size = size;
    unwiped_count++;
    return true;
}

static void *map(size_t size, int protection) {
    void *p = mmap(NULL, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
    if (!wipe_on_fork(p, size)) {
        munmap(p, size);
        return NULL;
    }
    return p;
}

void *otel__wiped_reserve(size_t size) { return map(size, PROT_NONE); }

void *otel__wiped_map(size_t size) { return map(size, PROT_READ | PROT_WRITE); }

void otel__wiped_after_fork(void) {
    for (size_t i = 0; i < unwiped_count; i++)
        madvise(unwiped[i].start, unwiped[i].size, MADV_DONTNEED);
}

bool otel__slab_init(struct otel__slab *slab, uint32_t place_size, uint32_t capacity, uint32_t least) {
    if (slab->base)
        return true;
    if (!slab->state)
        slab->state = otel__wiped_map(sizeof *slab->state);
    if (!slab->links)
        slab->links = otel__wiped_map(((size_t)capacity + 1) * sizeof *slab->links);
    if (!slab->state || !slab->links)
        return false;
    for (; capacity >= least; capacity /= 2) {
        slab->base = map(((size_t)capacity + 1) * place_size + STEP, PROT_NONE);
        if (slab->base) {
            slab->place_size = place_size;
            slab->capacity = capacity;
            return true;
        }
    }
    return false;
}

/* Makes the pages of places up to `number` usable. Several threads may do the same at once: mprotect is idempotent. */
static bool make_usable(struct otel__slab *slab, uint32_t number) {
    uint32_t usable = atomic_load_explicit(&slab->usable, memory_order_acquire);
    if (number <= usable)
        return true;
    const size_t end = ((size_t)number + 1) * slab->place_size;
    const size_t rounded = (end + STEP - 1) / STEP * STEP;
    const int saved = errno;
    if (mprotect(slab->base, rounded, PROT_READ | PROT_WRITE) != 0) {
        errno = saved;
        return false;
    }
    uint32_t now = (uint32_t)(rounded / slab->place_size - 1);
    now = now > slab->capacity ? slab->capacity : now;
    while (usable < now && !atomic_compare_exchange_weak_explicit(&slab->usable, &usable, now, memory_order_release,
                                                                  memory_order_relaxed)) {}
    return true;
}

bool otel__slab_reach_(struct otel__slab *slab, uint32_t number) {
    return number <= slab->capacity && make_usable(slab, number);
}

static uint32_t carve(struct otel__slab *slab, uint32_t *numbers, uint32_t want) {
    uint32_t carved = atomic_load_explicit(&slab->state->carved, memory_order_relaxed);
    uint32_t count;
    do {
        count = slab->capacity - carved < want ? slab->capacity - carved : want;
        if (count == 0 || !make_usable(slab, carved + count))
            return 0;
    } while (!atomic_compare_exchange_weak_explicit(&slab->state->carved, &carved, carved + count, memory_order_acq_rel,
                                                    memory_order_relaxed));
    for (uint32_t i = 0; i < count; i++)
        numbers[i] = carved + 1 + i;
    return count;
}

static uint64_t head_of(uint64_t old, uint32_t number) { return ((old >> 32) + 1) << 32 | number; }

static uint32_t pop(struct otel__slab *slab, uint32_t *numbers, uint32_t want) {
    uint64_t head = atomic_load_explicit(&slab->state->free, memory_order_acquire);
    for (;;) {
        uint32_t count = 0;
        uint32_t number = (uint32_t)head;
        /* Links read here may be outdated; then the tag has changed and the exchange fails. */
        while (number != 0 && number <= slab->capacity && count < want) {
            numbers[count++] = number;
            number = atomic_load_explicit(&slab->links[number], memory_order_relaxed);
        }
        if (count == 0)
            return 0;
        if (atomic_compare_exchange_weak_explicit(&slab->state->free, &head, head_of(head, number),
                                                  memory_order_acq_rel, memory_order_acquire))
            return count;
    }
}

uint32_t otel__slab_take(struct otel__slab *slab, uint32_t *numbers, uint32_t want) {
    const uint32_t count = pop(slab, numbers, want);
    return count ? count : carve(slab, numbers, want);
}

uint32_t otel__slab_take_all(struct otel__slab *slab) {
    uint64_t head = atomic_load_explicit(&slab->state->free, memory_order_acquire);
    while ((uint32_t)head != 0 && !atomic_compare_exchange_weak_explicit(&slab->state->free, &head, head_of(head, 0),
                                                                         memory_order_acq_rel, memory_order_acquire)) {}
    return (uint32_t)head;
}

void otel__slab_give(struct otel__slab *slab, const uint32_t *numbers, uint32_t count) {
    if (count == 0)
        return;
    for (uint32_t i = 0; i + 1 < count; i++)
        atomic_store_explicit(&slab->links[numbers[i]], numbers[i + 1], memory_order_relaxed);
    uint64_t head = atomic_load_explicit(&slab->state->free, memory_order_relaxed);
    do {
        atomic_store_explicit(&slab->links[numbers[count - 1]], (uint32_t)head, memory_order_relaxed);
    } while (!atomic_compare_exchange_weak_explicit(&slab->state->free, &head, head_of(head, numbers[0]),
                                                    memory_order_acq_rel, memory_order_relaxed));
}
