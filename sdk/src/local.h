/* SPDX-License-Identifier: Apache-2.0 */
/*
 * local.h - what the SDK keeps for each thread: random state, births, cached records and counters.
 *
 * DESIGN. A thread's block lies in a slab at the place of the thread's index, so it is wiped on fork: a zeroed block
 * means no seed, no births, an empty cache and zero counts. It is written by its own thread only; the ledger reads the
 * counters of all blocks. Blocks outlive their threads, so that the sums never shrink. Block 0 is shared by threads
 * whose state is gone: it has no cache, no seed and no births, and its counters are added to atomically.
 */
#ifndef OTEL_SDK_LOCAL_H
#define OTEL_SDK_LOCAL_H

#include "backend.h"

#include <otel/extend.h>
#include <stdatomic.h>

/* So many threads at a time have caches: all of them together must not hold more than half of the records. */
enum { OTEL__CACHE_MAX = 16, OTEL__CACHING_THREADS = 2048 };

enum { OTEL__ORIGIN_NONE, OTEL__ORIGIN_LOCAL, OTEL__ORIGIN_REMOTE, OTEL__ORIGINS, OTEL__DECISIONS = 3 };

typedef enum otel__counter {
    OTEL__STARTED,
    OTEL__ENDED,
    OTEL__ENDED_UNSAMPLED, /* ended and recorded, but withheld from exporters */
    OTEL__UNSAMPLED,
    OTEL__REFUSED,
    OTEL__DROPPED_ATTRIBUTES,
    OTEL__DROPPED_EVENTS,
    OTEL__DROPPED_LINKS,
    OTEL__QUEUE_FULL,               /* the first of one per processor */
    OTEL__SHOWN = OTEL__QUEUE_FULL, /* of a custom processor, which has no queue: spans whose end it was told of */
    /* For the SDK's own metrics: every span, by its parent's origin and what became of it. */
    OTEL__BY_ORIGIN = OTEL__QUEUE_FULL + OTEL_MAX_PROCESSORS,
    OTEL__COUNTERS = OTEL__BY_ORIGIN + OTEL__ORIGINS * OTEL__DECISIONS
} otel__counter;

struct otel__local {
    _Atomic uint32_t used; /* counters may be non-zero */
    _Atomic bool shared;   /* block 0 */
    bool seeded;
    uint32_t cached, cache_max;
    uint32_t cache[OTEL__CACHE_MAX];
    uint64_t random[4];
    uint64_t birth, last_birth; /* births still to give out: birth+1 .. last_birth */
    _Atomic uint64_t counters[OTEL__COUNTERS];
};

bool otel__locals_init(void);
struct otel__local *otel__local_of(const struct otel__thread *thread);
/* With no call running: sets all counters to zero. */
void otel__locals_reset(void);
/* With no call running: calls `visit` for the blocks of all threads there are and were. */
void otel__locals_each(void (*visit)(struct otel__local *local));
uint64_t otel__locals_sum(otel__counter counter);

static inline void otel__count_add(struct otel__local *local, unsigned counter, uint64_t n) {
    _Atomic uint64_t *c = &local->counters[counter];
    if (__builtin_expect(atomic_load_explicit(&local->shared, memory_order_relaxed), 0))
        atomic_fetch_add_explicit(c, n, memory_order_relaxed);
    else
        atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n, memory_order_relaxed);
}
static inline void otel__count(struct otel__local *local, unsigned counter) { otel__count_add(local, counter, 1); }

#endif
