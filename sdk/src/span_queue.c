/* SPDX-License-Identifier: Apache-2.0 */
/* span_queue.c - see span_queue.h. */
#include "span_queue.h"

#define ONE (UINT64_C(1) << 32)
#define COUNT_MASK UINT64_C(0xffffffff00000000)

uint32_t otel__span_queue_push(otel__span_queue *queue, struct otel__record *record, unsigned index, uint32_t bound) {
    uint64_t old = atomic_load_explicit(queue, memory_order_relaxed);
    uint64_t now;
    do {
        if ((uint32_t)(old >> 32) >= bound)
            return 0;
        atomic_store_explicit(&record->next[index], (uint32_t)old, memory_order_relaxed);
        now = ((old & COUNT_MASK) + ONE) | record->slot;
        /* Sequentially consistent for the sake of the worker's going to sleep: see worker.h. */
    } while (!atomic_compare_exchange_weak_explicit(queue, &old, now, memory_order_seq_cst, memory_order_relaxed));
    return (uint32_t)(now >> 32);
}

/* The list comes newest first. */
static uint32_t reverse(uint32_t slot, unsigned index) {
    uint32_t newer = 0;
    while (slot) {
        struct otel__record *record = otel__record_at(slot);
        const uint32_t older = atomic_load_explicit(&record->next[index], memory_order_relaxed);
        atomic_store_explicit(&record->next[index], newer, memory_order_relaxed);
        newer = slot;
        slot = older;
    }
    return newer;
}

uint32_t otel__span_queue_take(otel__span_queue *queue, unsigned index) {
    return reverse((uint32_t)atomic_fetch_and_explicit(queue, COUNT_MASK, memory_order_seq_cst), index);
}

void otel__span_queue_done(otel__span_queue *queue, uint32_t count) {
    atomic_fetch_sub_explicit(queue, count * ONE, memory_order_seq_cst);
}
