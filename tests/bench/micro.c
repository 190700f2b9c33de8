/* SPDX-License-Identifier: Apache-2.0 */
/*
 * micro.c - what single operations cost, each as a line of JSON: ns of the thread that does them.
 *
 *     otel-micro [--rounds 200] [--operation "set string"] [--iterations 256]
 *
 * A round is some iterations in a row; between rounds the SDK's queue is emptied, so that no operation finds it full.
 * The figure is the median of the rounds. Under callgrind (--collect-atstart=no --separate-threads=yes) only the
 * operations are counted, and each writes a dump of its own, which bears its name.
 *
 * Spans go to an exporter that does nothing, through the batch processor and its thread. Operations of several threads
 * are in ns of processor time of one thread.
 */
#include "median.h"
#include "operations.h"
#include "process.h"

#include <otel/exporter.h>
#include <otel/sampler.h>
#include <otel/sdk.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#else /* nothing is counted then */
#define CALLGRIND_TOGGLE_COLLECT ((void)0)
#define CALLGRIND_DUMP_STATS_AT(name) ((void)(name))
#define CALLGRIND_ZERO_STATS ((void)0)
#endif

enum { ROUNDS_MAX = 10000, ITERATIONS_MAX = 1000, THREADS_MAX = 8, LONG_MS = 10000 };

static struct {
    unsigned rounds, iterations;
    const char *only; /* NULL: all operations */
} options = { .rounds = 200, .iterations = 256 };

/* ---- rounds ------------------------------------------------------------------------------------------------------ */

struct measured {
    const struct operation *operation;
    pthread_barrier_t barrier;
    double rounds[THREADS_MAX][ROUNDS_MAX]; /* ns an iteration */
};

struct one_thread {
    struct measured *measured;
    unsigned index;
};

static double do_round(const struct operation *operation) {
    /* The clock of the thread is a system call: where the thread is alone the other one is as good. */
    const clockid_t clock = operation->threads > 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC;
    const int64_t begin = now_ns(clock);
    CALLGRIND_TOGGLE_COLLECT;
    for (unsigned i = 0; i < options.iterations; i++)
        operation->run();
    CALLGRIND_TOGGLE_COLLECT;
    return (double)(now_ns(clock) - begin) / options.iterations;
}

static void *do_rounds(void *data) {
    const struct one_thread *thread = data;
    struct measured *measured = thread->measured;
    do_round(measured->operation); /* the first one is for the caches */
    CALLGRIND_ZERO_STATS;
    for (unsigned i = 0; i < options.rounds; i++) {
        if (thread->index == 0)
            otel_sdk_flush(LONG_MS);
        pthread_barrier_wait(&measured->barrier);
        measured->rounds[thread->index][i] = do_round(measured->operation);
        pthread_barrier_wait(&measured->barrier);
    }
    return NULL;
}

static void on_threads(struct measured *measured) {
    pthread_t others[THREADS_MAX];
    struct one_thread threads[THREADS_MAX];
    const unsigned count = measured->operation->threads;
    threads[0] = (struct one_thread){ measured, 0 };
    for (unsigned i = 1; i < count; i++) {
        threads[i] = (struct one_thread){ measured, i };
        if (pthread_create(&others[i], NULL, do_rounds, &threads[i]) != 0)
            abort();
    }
    do_rounds(&threads[0]);
    for (unsigned i = 1; i < count; i++)
        pthread_join(others[i], NULL);
}

static double median_of_all(struct measured *measured) {
    static double all[THREADS_MAX * ROUNDS_MAX];
    const size_t count = (size_t)measured->operation->threads * options.rounds;
    for (unsigned i = 0; i < measured->operation->threads; i++)
        memcpy(all + (size_t)i * options.rounds, measured->rounds[i], options.rounds * sizeof *all);
    return median(all, count);
}

static void measure(const struct operation *operation) {
    static struct measured measured;
    measured.operation = operation;
    pthread_barrier_init(&measured.barrier, NULL, operation->threads);
    on_threads(&measured);
    pthread_barrier_destroy(&measured.barrier);
    CALLGRIND_DUMP_STATS_AT(operation->name);
    printf(
        "{\"operation\": \"%s\", \"ns\": %.3f, \"iterations\": %u, \"times\": %u, \"base\": \"%s\", \"threads\": %u}\n",
        operation->name, median_of_all(&measured), options.rounds * options.iterations, operation->times,
        operation->base ? operation->base : "", operation->threads);
}

/* ---- stages ------------------------------------------------------------------------------------------------------ */

static otel_status discard(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    (void)self;
    (void)batch;
    (void)timeout_ms;
    (void)outcome;
    return OTEL_OK;
}
static const otel_exporter_ops discarding = {
    .size = sizeof discarding, .name = "discard", .blocking = true, .export_batch = discard
};

static otel_status ask_never(void *self, otel_metric_source *source) {
    (void)self;
    (void)source;
    return OTEL_OK;
}
static void stop_asking(void *self) { (void)self; }
static const otel_pull_reader_ops never = {
    .size = sizeof never, .name = "never", .start = ask_never, .stop = stop_asking
};

static bool start(enum stage stage) {
    if (stage == STAGE_NO_SDK)
        return true;
    /* Room for what all threads make in a round, whatever the worker does meanwhile. */
    const otel_batch_options room = { .size = sizeof room,
                                      .max_queue_size = 2 * THREADS_MAX * (int)options.iterations };
    otel_processor *batch = otel_batch_processor(&room, otel_exporter_create(&discarding, NULL));
    /* A list without items is nobody, whatever the environment says. */
    const bool read = stage == STAGE_RECORDING;
    otel_metric_reader *const readers[] = { read ? otel_pull_reader_create(&never, NULL) : NULL };
    const otel_metrics_options metrics = { .readers = { readers, read } };
    return otel_sdk_start(OTEL_SDK(.service_name = "otel-micro", .metrics = metrics,
                                   .processors = OTEL_PROCESSORS(batch),
                                   .sampler = stage == STAGE_DROPPING ? otel_sampler_always_off() : NULL)) == OTEL_OK;
}

static bool is_wanted(const struct operation *operation) {
    return !options.only || strcmp(options.only, operation->name) == 0;
}

static bool measure_stage(enum stage stage) {
    if (!start(stage))
        return false;
    operations_begin(stage);
    for (size_t i = 0; i < operation_count; i++)
        if (operations[i].stage == stage && is_wanted(&operations[i]))
            measure(&operations[i]);
    operations_end(stage);
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    const bool complete = ledger.refused == 0 && ledger.processors[0].dropped_queue_full == 0;
    if (!complete)
        fprintf(stderr, "otel-micro: spans were refused, so the figures are wrong\n");
    otel_sdk_stop(LONG_MS);
    return complete;
}

int main(int argc, char **argv) {
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--rounds") == 0)
            options.rounds = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--iterations") == 0)
            options.iterations = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--operation") == 0)
            options.only = argv[i + 1];
    }
    if (argc % 2 == 0 || options.rounds < 1 || options.rounds > ROUNDS_MAX || options.iterations < 1 ||
        options.iterations > ITERATIONS_MAX) {
        fprintf(stderr, "usage: otel-micro [--rounds N<=10000] [--iterations N<=1000] [--operation NAME]\n");
        return 2;
    }
    return measure_stage(STAGE_NO_SDK) && measure_stage(STAGE_DROPPING) && measure_stage(STAGE_RECORDING) ? 0 : 1;
}
