/* SPDX-License-Identifier: Apache-2.0 */
/* local.c - see local.h. */
#include "local.h"

#include "base/slab.h"

#include <string.h>

/* Whole cache lines, so that threads don't share one. */
enum { BLOCK = (sizeof(struct otel__local) + 127) / 128 * 128 };

static struct otel__slab slab;
static _Atomic uint32_t *highest; /* in wiped memory: blocks above were never used */

bool otel__locals_init(void) {
    if (!highest)
        highest = otel__wiped_map(sizeof *highest);
    /* Block 0 is what is left when there is no memory for others. */
    return highest && otel__slab_init(&slab, BLOCK, OTEL__MAX_THREADS, 64) && otel__slab_reach(&slab, 1);
}

static struct otel__local *at(uint32_t index) { return otel__slab_at(&slab, index + 1); }

static struct otel__local *first_use(struct otel__local *local, uint32_t index) {
    local->shared = index == 0;
    if (index != 0 && index <= OTEL__CACHING_THREADS)
        local->cache_max = OTEL__CACHE_MAX;
    uint32_t old = atomic_load_explicit(highest, memory_order_relaxed);
    while (old < index + 1 && !atomic_compare_exchange_weak(highest, &old, index + 1)) {}
    atomic_store_explicit(&local->used, 1, memory_order_release);
    return local;
}

struct otel__local *otel__local_of(const struct otel__thread *thread) {
    uint32_t index = otel__thread_index(thread);
    if (!otel__slab_reach(&slab, index + 1))
        index = 0;
    struct otel__local *local = at(index);
    if (__builtin_expect(atomic_load_explicit(&local->used, memory_order_acquire) == 0, 0))
        return first_use(local, index);
    return local;
}

uint64_t otel__locals_sum(otel__counter counter) {
    uint64_t sum = 0;
    const uint32_t count = atomic_load(highest);
    for (uint32_t i = 0; i < count; i++)
        sum += atomic_load_explicit(&at(i)->counters[counter], memory_order_relaxed);
    return sum;
}

void otel__locals_reset(void) {
    const uint32_t count = atomic_load(highest);
    for (uint32_t i = 0; i < count; i++)
        for (unsigned c = 0; c < OTEL__COUNTERS; c++)
            atomic_store_explicit(&at(i)->counters[c], 0, memory_order_relaxed);
}

void otel__locals_each(void (*visit)(struct otel__local *local)) {
    const uint32_t count = atomic_load(highest);
    for (uint32_t i = 0; i < count; i++)
        visit(at(i));
}
