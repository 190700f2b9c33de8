/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench.c - makes spans of one workload at a steady rate and prints what they cost, as one line of JSON.
 *
 *     otel-bench --workload ten --rate 100000 --seconds 5 [--threads 2] [--processor simple]
 *
 * Each producer makes RATE/1000 spans, sleeps to the next millisecond, and repeats. Two figures, in ns a span:
 * `producer`, the median over all ticks of the time that a tick's spans took in the producing thread, and `process`,
 * user and system time of the whole process, exporting included, over all spans. Spans go where
 * OTEL_EXPORTER_OTLP_ENDPOINT says.
 */
#include "workloads.h"

#include <otel/otlp.h>
#include <otel/sdk.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

enum { TICK_NS = 1000000, SECOND_NS = 1000000000, THREADS_MAX = 64 };

struct options {
    const struct workload *workload;
    unsigned rate; /* spans a second, each thread */
    unsigned threads;
    double seconds;
    bool simple; /* processor, instead of the batch one */
};

struct producer {
    const struct options *options;
    pthread_t thread;
    size_t ticks;
    double *costs; /* ns a span, one for each tick */
};

static int64_t now_ns(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * SECOND_NS + t.tv_nsec;
}

static void sleep_until(int64_t time) {
    const struct timespec t = { .tv_sec = (time_t)(time / SECOND_NS), .tv_nsec = (long)(time % SECOND_NS) };
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) != 0) {}
}

static void *produce(void *data) {
    const struct producer *producer = data;
    const struct options *options = producer->options;
    const unsigned spans = options->rate / 1000;
    int64_t next = now_ns(CLOCK_MONOTONIC);
    for (size_t tick = 0; tick < producer->ticks; tick++) {
        const int64_t begin = now_ns(CLOCK_MONOTONIC);
        for (unsigned i = 0; i < spans; i++)
            options->workload->span();
        producer->costs[tick] = (double)(now_ns(CLOCK_MONOTONIC) - begin) / spans;
        next += TICK_NS;
        sleep_until(next);
    }
    return NULL;
}

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

static double median(const struct producer *producers, unsigned threads) {
    const size_t ticks = producers[0].ticks;
    double *all = malloc(threads * ticks * sizeof *all);
    if (!all)
        exit(1);
    for (unsigned i = 0; i < threads; i++)
        memcpy(all + i * ticks, producers[i].costs, ticks * sizeof *all);
    qsort(all, threads * ticks, sizeof *all, by_value);
    const double result = all[threads * ticks / 2];
    free(all);
    return result;
}

static double cpu_ns(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return ((double)u.ru_utime.tv_sec + (double)u.ru_stime.tv_sec) * 1e9 +
           ((double)u.ru_utime.tv_usec + (double)u.ru_stime.tv_usec) * 1e3;
}

static long peak_rss_kib(void) {
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return u.ru_maxrss;
}

static void produce_all(struct producer *producers, const struct options *options) {
    for (unsigned i = 0; i < options->threads; i++) {
        struct producer *p = &producers[i];
        p->options = options;
        p->ticks = (size_t)(options->seconds * 1000);
        p->costs = calloc(p->ticks, sizeof *p->costs);
        if (!p->costs || pthread_create(&p->thread, NULL, produce, p) != 0) {
            fprintf(stderr, "otel-bench: cannot start a producer\n");
            exit(1);
        }
    }
    for (unsigned i = 0; i < options->threads; i++)
        pthread_join(producers[i].thread, NULL);
}

static void print_result(const struct options *options, const struct producer *producers, double cpu, long base_rss) {
    const unsigned spans_per_tick = options->rate / 1000;
    const double spans = (double)producers[0].ticks * spans_per_tick * options->threads;
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    const otel_ledger_processor *p = &ledger.processors[0];
    printf("{\"workload\": \"%s\", \"threads\": %u, \"rate\": %u, \"spans\": %.0f, \"producer_ns\": %.1f, "
           "\"process_ns\": %.1f, "
           "\"peak_rss_kib\": %ld, \"rss_above_start_kib\": %ld, \"exported\": %llu, \"lost\": %llu, \"requests\": "
           "%llu}\n",
           options->workload->name, options->threads, options->rate, spans, median(producers, options->threads),
           cpu / spans, peak_rss_kib(), peak_rss_kib() - base_rss, (unsigned long long)p->exported,
           (unsigned long long)(p->ended - p->exported), (unsigned long long)p->exports);
}

static bool parse(int argc, char **argv, struct options *options) {
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--workload") == 0)
            options->workload = workload_find(argv[i + 1]);
        else if (strcmp(argv[i], "--rate") == 0)
            options->rate = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--threads") == 0)
            options->threads = (unsigned)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--processor") == 0)
            options->simple = strcmp(argv[i + 1], "simple") == 0;
        else if (strcmp(argv[i], "--seconds") == 0)
            options->seconds = strtod(argv[i + 1], NULL);
        else
            return false;
    }
    return argc % 2 == 1 && options->workload && options->rate >= 1000 && options->seconds >= 0.01 &&
           options->threads >= 1 && options->threads <= THREADS_MAX;
}

/* The resource is the one that the specification's performance guideline names: two texts of 10 characters and a UUID. */
static otel_status start(const struct options *options, otel_sampler *sampler, otel_error *why) {
    const otel_attrs resource = OTEL_ATTRS(OTEL_ATTR("service.version", "1.0.0-perf"),
                                           OTEL_ATTR("service.instance.id", "627cc493-f310-47de-96bd-71410b7dec09"));
    otel_processor *simple = NULL;
    otel_processors processors = { NULL, 0 };
    if (options->simple) {
        simple = otel_simple_processor(otel_otlp_exporter(NULL));
        processors = (otel_processors){ &simple, 1 };
    }
    return otel_sdk_start(OTEL_SDK(.service_name = "otel-bench", .resource = resource, .sampler = sampler,
                                   .processors = processors, .error = why));
}

int main(int argc, char **argv) {
    struct options options = { .rate = 100000, .threads = 1, .seconds = 5 };
    if (!parse(argc, argv, &options)) {
        fprintf(stderr, "usage: otel-bench --workload noop|unsampled|spec|ten|server [--rate R>=1000] [--seconds S] "
                        "[--threads N<=64] [--processor batch|simple]\n");
        return 2;
    }
    otel_error why;
    otel_sampler *sampler = options.workload->sampled ? NULL : otel_sampler_always_off();
    if (!options.workload->sdk)
        otel_sampler_destroy(sampler);
    else if (start(&options, sampler, &why) != OTEL_OK) {
        fprintf(stderr, "otel-bench: %s\n", why.text);
        return 1;
    }
    const long base_rss = peak_rss_kib();
    struct producer producers[THREADS_MAX];
    const double before = cpu_ns();
    produce_all(producers, &options);
    const otel_status status = otel_sdk_flush(10000);
    print_result(&options, producers, cpu_ns() - before, base_rss);
    for (unsigned i = 0; i < options.threads; i++)
        free(producers[i].costs);
    otel_sdk_stop(5000);
    return status != OTEL_OK;
}
