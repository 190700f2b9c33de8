/* SPDX-License-Identifier: Apache-2.0 */
/*
 * metrics.c - counting and timing: a counter with attributes, a histogram whose series is found once, a gauge that is
 * asked when somebody reads, and exemplars, which lead from a number to a trace.
 *
 *     OTEL_METRICS_EXPORTER=console metrics         shows them here
 *     OTEL_METRICS_EXPORTER=prometheus metrics 60   works for a minute, and shows them at http://localhost:9464/metrics
 *     metrics                                       sends them to a collector at localhost:4318, and the traces as well
 */
#include <otel/sdk.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

OTEL_TRACER(tracer, "bakery.oven", "1.0.0");
OTEL_METER(meter, "bakery.oven", "1.0.0");
OTEL_COUNTER(loaves, meter, "bakery.loaves", "{loaf}", "Loaves that came out of the oven.");
OTEL_HISTOGRAM(duration, meter, "bakery.batch.duration", "s", "Time that a batch took.");
OTEL_OBSERVABLE_GAUGE(flour, meter, "bakery.flour", "g", "Flour that is left.");

#define SACK 100000
static int flour_left = SACK;

/* On the thread that reads. */
static void observe_flour(void *data, otel_observer *observer) {
    otel_observe(observer, flour, __atomic_load_n((int *)data, __ATOMIC_RELAXED));
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

/* The span is current, so that what is measured here has an exemplar with its ids. */
static void bake(otel_bound *batches, const char *kind, int count) {
    OTEL_SPAN(span, tracer, "bake", .attributes = OTEL_ATTRS(OTEL_ATTR("bread.kind", kind)));
    double begin = now();
    nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
    if (__atomic_sub_fetch(&flour_left, 500 * count, __ATOMIC_RELAXED) <= 0)
        __atomic_store_n(&flour_left, SACK, __ATOMIC_RELAXED); /* the next sack */
    otel_add(loaves, count, OTEL_ATTRS(OTEL_ATTR("bread.kind", kind)));
    otel_bound_record(batches, now() - begin); /* no search, no lock, no allocation */
}

int main(int argc, char **argv) {
    double seconds = argc > 1 ? strtod(argv[1], NULL) : 0, begin = now();
    otel_sdk_start(OTEL_SDK(.service_name = "bakery"));
    uint64_t registration = otel_observe_with(observe_flour, &flour_left);
    otel_bound batches = otel_bind(duration, (otel_attrs){ 0 });
    do {
        bake(&batches, "rye", 4);
        bake(&batches, "wheat", 8);
    } while (now() - begin < seconds);
    printf("sending metrics and traces: %s\n", otel_status_text(otel_sdk_stop(3000))); /* which reads once more */
    otel_unobserve(registration); /* not before the last reading, which would miss the flour */
}
