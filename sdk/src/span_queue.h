/* SPDX-License-Identifier: Apache-2.0 */
/*
 * span_queue.h - how ended spans get from the threads that end them to the processor that exports them.
 *
 * DESIGN. One atomic word {count:32, slot:32} is the whole queue: the slot of the span that ended last, whose record
 * links to the one before. A producer pushes with one compare-and-swap; nobody ever waits for a producer that was
 * preempted half way. The one consumer takes the list with a fetch-and that clears the slot but leaves the count, and
 * lowers the count only as it hands spans to the exporter, so that the bound covers what was taken and waits as well.
 * Pushes release and the take acquires: every record's content is visible to the consumer, because read-modify-writes
 * of one word form a release sequence.
 *
 * The word lies in memory that fork() wipes; zero is the empty queue.
 */
#ifndef OTEL_SDK_SPAN_QUEUE_H
#define OTEL_SDK_SPAN_QUEUE_H

#include "record.h"

typedef _Atomic uint64_t otel__span_queue;

/*
 * Appends `record` through its link `index`. Returns the count including it, or 0 when `bound` spans are waiting. Any
 * thread; never blocks.
 */
uint32_t otel__span_queue_push(otel__span_queue *queue, struct otel__record *record, unsigned index, uint32_t bound);

/*
 * Takes all that was pushed: returns the slot of the oldest, whose link now leads to the next. 0: nothing. The
 * consumer only.
 */
uint32_t otel__span_queue_take(otel__span_queue *queue, unsigned index);

/* `count` of the spans taken no longer wait. */
void otel__span_queue_done(otel__span_queue *queue, uint32_t count);

/* Spans waiting, those taken included. */
static inline uint32_t otel__span_queue_count(const otel__span_queue *queue) {
    return (uint32_t)(atomic_load_explicit(queue, memory_order_seq_cst) >> 32);
}
/* Whether anything was pushed since the last take. */
static inline bool otel__span_queue_fresh(const otel__span_queue *queue) {
    return (uint32_t)atomic_load_explicit(queue, memory_order_seq_cst) != 0;
}

#endif
