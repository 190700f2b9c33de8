/* SPDX-License-Identifier: Apache-2.0 */
/*
 * custom_exporter.c - writing an exporter: this one counts spans by name and tells, at the end, how long they took.
 */
#include <otel/sdk.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES_MAX 32

struct total {
    char name[64];
    unsigned long spans;
    double microseconds;
};

struct totals {
    struct total items[NAMES_MAX];
    size_t count;
};

/* NULL when there are too many names. A long name is cut. */
static struct total *total_of(struct totals *totals, otel_str name) {
    char text[sizeof totals->items[0].name];
    snprintf(text, sizeof text, "%.*s", (int)name.len, name.len ? name.ptr : "");
    for (size_t i = 0; i < totals->count; i++) {
        if (strcmp(totals->items[i].name, text) == 0)
            return &totals->items[i];
    }
    if (totals->count == NAMES_MAX)
        return NULL;
    struct total *total = &totals->items[totals->count++];
    memcpy(total->name, text, sizeof text);
    return total;
}

/* The SDK never calls two of an exporter's operations at once, so that no lock is needed. */
static otel_status export_batch(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    (void)timeout_ms;
    for (size_t i = 0; i < otel_batch_count(batch); i++) {
        const otel_span_data *span = otel_batch_span(batch, i);
        struct total *total = total_of(self, span->name);
        if (!total) {
            outcome->rejected++;
            continue;
        }
        total->spans++;
        total->microseconds += (double)(span->end_time - span->start_time) / 1e3;
    }
    return OTEL_OK;
}

static otel_status print_totals(void *self, int timeout_ms) {
    const struct totals *totals = self;
    (void)timeout_ms;
    for (size_t i = 0; i < totals->count; i++) {
        const struct total *total = &totals->items[i];
        printf("%-12s %6lu spans, %.1f us each\n", total->name, total->spans,
               total->microseconds / (double)total->spans);
    }
    return OTEL_OK;
}

static const otel_exporter_ops totals_ops = {
    .size = sizeof totals_ops,
    .name = "totals",
    .export_batch = export_batch,
    .shutdown = print_totals,
    .destroy = free,
};

OTEL_TRACER(tracer, "sample.custom_exporter", "1.0.0");

static void bake(int loaves) {
    OTEL_SPAN(span, tracer, "bake");
    for (int i = 0; i < loaves; i++) {
        OTEL_SPAN(loaf, tracer, "loaf");
        otel_set(&loaf, "loaf.number", i);
    }
}

int main(void) {
    /* Each part takes over the one inside it, succeed or fail: a failure shows up in otel_sdk_start() only. */
    struct totals *totals = calloc(1, sizeof *totals);
    if (!totals)
        return 1;
    otel_exporter *exporter = otel_exporter_create(&totals_ops, totals);
    otel_error why;
    if (otel_sdk_start(OTEL_SDK(.service_name = "bakery", .error = &why,
                                .processors = OTEL_PROCESSORS(otel_batch_processor(NULL, exporter)))) != OTEL_OK)
        fprintf(stderr, "tracing is off: %s\n", why.text);
    bake(1000);
    printf("stopping: %s\n", otel_status_text(otel_sdk_stop(3000)));
}
