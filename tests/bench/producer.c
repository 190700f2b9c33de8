/* SPDX-License-Identifier: Apache-2.0 */
/* producer.c - see producer.h. */
#include "producer.h"

#include "median.h"
#include "process.h"

#include <otel/sdk.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { TICK_NS = 1000000, SECOND_NS = 1000000000, SPANS_A_BURST = 1000 };

struct producer {
    const struct load *load;
    pthread_t thread;
    size_t ticks;
    unsigned spans; /* each tick */
    double *costs;  /* ns a span, one for each tick */
};

static void must(bool done, const char *what) {
    if (done)
        return;
    fprintf(stderr, "otel-bench: %s\n", what);
    exit(1);
}

static void sleep_until(int64_t time) {
    const struct timespec t = { .tv_sec = (time_t)(time / SECOND_NS), .tv_nsec = (long)(time % SECOND_NS) };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0) {}
}

static void *run(void *data) {
    const struct producer *producer = data;
    const struct workload *workload = producer->load->workload;
    int64_t next = now_ns(CLOCK_MONOTONIC);
    for (size_t tick = 0; tick < producer->ticks; tick++) {
        const int64_t begin = now_ns(CLOCK_MONOTONIC);
        for (unsigned i = 0; i < producer->spans; i++)
            workload->span();
        producer->costs[tick] = (double)(now_ns(CLOCK_MONOTONIC) - begin) / producer->spans;
        if (producer->load->rate == 0)
            continue;
        next += TICK_NS;
        sleep_until(next);
    }
    if (workload->finish)
        workload->finish();
    return NULL;
}

static void start(struct producer *producer, const struct load *load) {
    producer->load = load;
    producer->spans = load->rate ? load->rate / 1000 : SPANS_A_BURST;
    producer->ticks = load->rate ? (size_t)(load->seconds * 1000) : load->spans / SPANS_A_BURST;
    producer->costs = calloc(producer->ticks, sizeof *producer->costs);
    must(producer->costs && pthread_create(&producer->thread, NULL, run, producer) == 0, "cannot start a producer");
}

/* ---- flushers ---------------------------------------------------------------------------------------------------- */

static _Atomic bool enough;
static _Atomic unsigned flushes;

static void *flush(void *unused) {
    while (!atomic_load(&enough)) {
        otel_sdk_flush(10000);
        atomic_fetch_add(&flushes, 1);
    }
    return unused;
}

/* ---- all together ------------------------------------------------------------------------------------------------ */

/* Of the thread that paid most. */
static double largest_median(const struct producer *producers, unsigned threads) {
    double largest = 0;
    for (unsigned i = 0; i < threads; i++) {
        must(producers[i].ticks > 0, "too little time for a single tick");
        const double one = median(producers[i].costs, producers[i].ticks);
        largest = one > largest ? one : largest;
    }
    return largest;
}

struct produced produce(const struct load *load) {
    static struct producer producers[PRODUCERS_MAX];
    static pthread_t flushers[PRODUCERS_MAX];
    const int64_t begin = now_ns(CLOCK_MONOTONIC);
    for (unsigned i = 0; i < load->flushers; i++)
        must(pthread_create(&flushers[i], NULL, flush, NULL) == 0, "cannot start a flusher");
    for (unsigned i = 0; i < load->threads; i++)
        start(&producers[i], load);
    for (unsigned i = 0; i < load->threads; i++)
        pthread_join(producers[i].thread, NULL);
    atomic_store(&enough, true);
    for (unsigned i = 0; i < load->flushers; i++)
        pthread_join(flushers[i], NULL);
    const struct produced result = {
        .spans = (double)producers[0].ticks * producers[0].spans * load->threads,
        .seconds = (double)(now_ns(CLOCK_MONOTONIC) - begin) / SECOND_NS,
        .producer_ns = largest_median(producers, load->threads),
        .flushes = atomic_load(&flushes),
    };
    for (unsigned i = 0; i < load->threads; i++)
        free(producers[i].costs);
    return result;
}
