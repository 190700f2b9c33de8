/* SPDX-License-Identifier: Apache-2.0 */
/* span_queue_test.c - nothing is lost, doubled or overtaken on the way from many producers to the one consumer. */
#include "span_queue.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { PRODUCERS_MAX = 8, SPANS_EACH = 5000, BOUND = 64 };

static int prepare(void **state) {
    (void)state;
    return otel__locals_init() && otel__records_init() ? 0 : -1;
}

static struct otel__local *mine(void) { return otel__local_of(otel__thread_self()); }

static struct otel__record *new_record(uint64_t tag) {
    struct otel__record *record = otel__record_acquire(mine());
    if (record) {
        record->start = tag;
        atomic_store(&record->references, 1);
    }
    return record;
}

static uint32_t next_of(uint32_t slot, unsigned index) { return atomic_load(&otel__record_at(slot)->next[index]); }

static void release(struct otel__record *record) {
    atomic_store(&record->birth, 0);
    otel__records_unref(&record, 1);
}

/* ---- one thread -------------------------------------------------------------------------------------------------- */

static void spans_come_out_oldest_first(void **state) {
    (void)state;
    otel__span_queue queue = 0;
    struct otel__record *records[5];
    assert_int_equal(otel__span_queue_take(&queue, 0), 0);
    for (unsigned i = 0; i < 5; i++) {
        records[i] = new_record(i);
        assert_int_equal(otel__span_queue_push(&queue, records[i], 3, 100), i + 1);
    }
    uint32_t slot = otel__span_queue_take(&queue, 3);
    for (unsigned i = 0; i < 5; i++) {
        assert_int_equal(slot, records[i]->slot);
        slot = next_of(slot, 3);
    }
    assert_int_equal(slot, 0);
    for (unsigned i = 0; i < 5; i++)
        release(records[i]);
}

/* What was taken counts until it is handed on, so that the bound covers it. */
static void the_count_includes_what_was_taken(void **state) {
    (void)state;
    otel__span_queue queue = 0;
    struct otel__record *records[6];
    for (unsigned i = 0; i < 6; i++)
        records[i] = new_record(i);
    assert_int_equal(otel__span_queue_push(&queue, records[0], 0, 4), 1);
    assert_int_equal(otel__span_queue_push(&queue, records[1], 0, 4), 2);
    assert_int_equal(otel__span_queue_push(&queue, records[2], 0, 4), 3);
    assert_true(otel__span_queue_fresh(&queue));
    assert_int_equal(otel__span_queue_take(&queue, 0), records[0]->slot);
    assert_false(otel__span_queue_fresh(&queue));
    assert_int_equal(otel__span_queue_count(&queue), 3);
    assert_int_equal(otel__span_queue_push(&queue, records[3], 0, 4), 4);
    assert_int_equal(otel__span_queue_push(&queue, records[4], 0, 4), 0);
    assert_int_equal(otel__span_queue_count(&queue), 4);
    otel__span_queue_done(&queue, 2);
    assert_int_equal(otel__span_queue_count(&queue), 2);
    assert_int_equal(otel__span_queue_push(&queue, records[4], 0, 4), 3);
    assert_int_equal(otel__span_queue_push(&queue, records[5], 0, 4), 4);
    /* What was refused is not in the list. */
    uint32_t slot = otel__span_queue_take(&queue, 0);
    for (unsigned i = 3; i < 6; i++, slot = next_of(slot, 0))
        assert_int_equal(slot, records[i]->slot);
    assert_int_equal(slot, 0);
    otel__span_queue_done(&queue, 4);
    assert_int_equal(queue, 0);
    for (unsigned i = 0; i < 6; i++)
        release(records[i]);
}

static void a_span_may_be_in_a_queue_of_every_processor(void **state) {
    (void)state;
    otel__span_queue queues[OTEL_MAX_PROCESSORS] = { 0 };
    struct otel__record *records[3];
    for (unsigned i = 0; i < 3; i++)
        records[i] = new_record(i);
    for (unsigned q = 0; q < OTEL_MAX_PROCESSORS; q++)
        for (unsigned i = 0; i < 3; i++)
            otel__span_queue_push(&queues[q], records[(i + q) % 3], q, 10);
    for (unsigned q = 0; q < OTEL_MAX_PROCESSORS; q++) {
        uint32_t slot = otel__span_queue_take(&queues[q], q);
        for (unsigned i = 0; i < 3; i++, slot = next_of(slot, q))
            assert_int_equal(slot, records[(i + q) % 3]->slot);
        assert_int_equal(slot, 0);
    }
    for (unsigned i = 0; i < 3; i++)
        release(records[i]);
}

/* ---- many producers ---------------------------------------------------------------------------------------------- */

struct traffic {
    otel__span_queue queue;
    _Atomic unsigned producers_left, over_the_bound, next_producer;
    _Atomic uint64_t refusals;
    /* The consumer's: */
    uint64_t expected[PRODUCERS_MAX]; /* the next number of each producer */
    uint64_t received;
    unsigned out_of_order, rounds;
};

static void *produce(void *data) {
    struct traffic *traffic = data;
    const uint64_t me = atomic_fetch_add(&traffic->next_producer, 1);
    for (uint64_t i = 0; i < SPANS_EACH; i++) {
        struct otel__record *record = new_record(me << 32 | i);
        uint32_t count;
        while ((count = otel__span_queue_push(&traffic->queue, record, 1, BOUND)) == 0) {
            atomic_fetch_add(&traffic->refusals, 1);
            sched_yield();
        }
        if (count > BOUND)
            atomic_fetch_add(&traffic->over_the_bound, 1);
    }
    otel__record_cache_flush(mine());
    atomic_fetch_sub(&traffic->producers_left, 1);
    return NULL;
}

static void check(struct traffic *traffic, struct otel__record *record) {
    const uint64_t producer = record->start >> 32, number = record->start & UINT32_MAX;
    if (producer >= PRODUCERS_MAX || traffic->expected[producer] != number)
        traffic->out_of_order++;
    else
        traffic->expected[producer]++;
    traffic->received++;
    release(record);
}

/* Hands on in steps of varying size, as batches do. */
static void consume(struct traffic *traffic) {
    uint32_t slot = otel__span_queue_take(&traffic->queue, 1);
    const uint32_t step = 1 + traffic->rounds++ % 7;
    while (slot) {
        uint32_t done = 0;
        for (; slot && done < step; done++) {
            struct otel__record *record = otel__record_at(slot);
            slot = next_of(slot, 1);
            check(traffic, record);
        }
        if (otel__span_queue_count(&traffic->queue) > BOUND)
            atomic_fetch_add(&traffic->over_the_bound, 1);
        otel__span_queue_done(&traffic->queue, done);
    }
}

static void run_traffic(unsigned producers) {
    struct traffic traffic = { .producers_left = producers };
    pthread_t threads[PRODUCERS_MAX];
    for (unsigned i = 0; i < producers; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, produce, &traffic), 0);
    while (atomic_load(&traffic.producers_left) != 0) {
        consume(&traffic);
        sched_yield();
    }
    consume(&traffic);
    for (unsigned i = 0; i < producers; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(traffic.received, (uint64_t)producers * SPANS_EACH);
    assert_int_equal(traffic.out_of_order, 0);
    assert_int_equal(traffic.over_the_bound, 0);
    assert_int_equal(traffic.queue, 0);
    assert_int_equal(otel__records_live(), 0);
}

static void one_producer(void **state) {
    (void)state;
    run_traffic(1);
}

static void two_producers(void **state) {
    (void)state;
    run_traffic(2);
}

static void five_producers(void **state) {
    (void)state;
    run_traffic(5);
}

static void eight_producers(void **state) {
    (void)state;
    run_traffic(8);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spans_come_out_oldest_first),
        cmocka_unit_test(the_count_includes_what_was_taken),
        cmocka_unit_test(a_span_may_be_in_a_queue_of_every_processor),
        cmocka_unit_test(one_producer),
        cmocka_unit_test(two_producers),
        cmocka_unit_test(five_producers),
        cmocka_unit_test(eight_producers),
    };
    return cmocka_run_group_tests(tests, prepare, NULL);
}
