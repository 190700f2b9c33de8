/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jaeger_spans.c - exports spans with the Jaeger exporter, as the OTEL_EXPORTER_JAEGER_* variables say where and how.
 *
 *     jaeger_spans random SEED     500 random spans
 *     jaeger_spans many COUNT      so many spans by the whole SDK, in traces of 100
 *
 * The output is the number of spans that the exporter says it has sent.
 */
#include "batch_double.h"
#include "span_generator.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <otel/jaeger.h>
#include <otel/sdk.h>

static int fail(const char *what) {
    fprintf(stderr, "%s\n", what);
    return 1;
}

static int export_spans(const otel_span_data *spans, size_t count, const otel_resource_data *resource) {
    otel_error error = { "" };
    otel_jaeger_options options = { .size = sizeof options, .error = &error };
    otel_exporter *exporter = otel_jaeger_exporter(&options);
    if (!exporter)
        return fail(error.text);
    otel_batch *batch = batch_double_create(spans, count, resource);
    const otel_status status = batch_double_export(exporter, batch, 0, NULL);
    batch_double_free(batch);
    otel_exporter_destroy(exporter);
    if (status != OTEL_OK)
        return fail(otel_status_text(status));
    printf("%zu\n", count - (size_t)batch_double_too_large());
    return 0;
}

/* ---- random spans, and many -------------------------------------------------------------------------------------- */

static int export_random(uint64_t seed) {
    span_set *set = span_set_create(seed, 500);
    const int result = export_spans(span_set_spans(set), 500, span_set_resource(set));
    span_set_free(set);
    return result;
}

OTEL_TRACER(tracer, "many");

/* No faster than a receiver reads, whose buffer may be small: a batch at a time, with a pause behind it. */
static int make_spans(unsigned long count) {
    for (unsigned long i = 0; i < count;) {
        const otel_span root = otel_span_start(tracer, OTEL_START("root"));
        otel_context within = otel_context_with_span(NULL, &root);
        for (int in_trace = 1; ++i < count && in_trace < 100; in_trace++) {
            const otel_span span = otel_span_start(tracer, OTEL_START("step", .parent = &within));
            otel_set(&span, "number", (int64_t)i);
            otel_span_end(&span);
        }
        otel_context_release(&within);
        otel_span_end(&root);
        if (i % 500 != 0)
            continue;
        if (otel_sdk_flush(20000) != OTEL_OK)
            return fail("the spans could not be flushed");
        nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL);
    }
    return 0;
}

static int export_many(unsigned long count) {
    otel_error error = { "" };
    otel_jaeger_options options = { .size = sizeof options, .error = &error };
    const otel_status status = otel_sdk_start(
        OTEL_SDK(.service_name = "many", .sampler = otel_sampler_always_on(),
                 .processors = OTEL_PROCESSORS(otel_batch_processor(NULL, otel_jaeger_exporter(&options)))));
    if (status != OTEL_OK)
        return fail(error.text);
    int result = make_spans(count);
    if (otel_sdk_stop(20000) != OTEL_OK)
        result = fail("the SDK could not be stopped in order");
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    printf("%" PRIu64 "\n", ledger.processors[0].exported);
    return result;
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "random") == 0)
        return export_random(strtoull(argv[2], NULL, 10));
    if (argc == 3 && strcmp(argv[1], "many") == 0)
        return export_many(strtoul(argv[2], NULL, 10));
    return fail("usage: jaeger_spans random SEED | many COUNT");
}
