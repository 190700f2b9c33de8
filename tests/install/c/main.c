/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - a user's program in C: makes spans, and finds them in memory and in the ledger. Each failure has a code. */
#include <otel/memory.h>
#include <otel/sdk.h>

#include <stdio.h>
#include <string.h>

OTEL_TRACER(tracer, "consumer", "1.0");

static void work(void) {
    OTEL_SPAN(outer, tracer, "outer", .kind = OTEL_SERVER);
    otel_set(&outer, "answer", 42);
    OTEL_SPAN(inner, tracer, "inner");
    otel_event(&inner, "event", .attributes = OTEL_ATTRS(OTEL_ATTR("key", "value")));
}

static int look_at(otel_memory_spans *spans) {
    if (otel_memory_spans_count(spans) != 2)
        return 2;
    const otel_span_data *inner = otel_memory_spans_at(spans, 0), *outer = otel_memory_spans_at(spans, 1);
    if (strcmp(inner->name.ptr, "inner") != 0 || inner->event_count != 1)
        return 3;
    if (strcmp(outer->name.ptr, "outer") != 0 || outer->attributes.items[0].value.u.i != 42)
        return 4;
    return inner->parent_id && memcmp(inner->parent_id, outer->span_id, 8) == 0 ? 0 : 5;
}

static int look_at_ledger(void) {
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    printf("started %d, ended %d, exported %d\n", (int)ledger.started, (int)ledger.ended,
           (int)ledger.processors[0].exported);
    return ledger.started == 2 && ledger.ended == 2 && ledger.processors[0].exported == 2 ? 0 : 6;
}

int main(void) {
    otel_memory *memory = otel_memory_create(0);
    otel_error why;
    if (otel_sdk_start(OTEL_SDK(.service_name = "consumer", .error = &why,
                                .processors = OTEL_PROCESSORS(otel_simple_processor(otel_memory_exporter(memory))))) !=
        OTEL_OK) {
        fprintf(stderr, "%s\n", why.text);
        return 1;
    }
    work();
    otel_memory_spans *spans = otel_memory_snapshot(memory);
    int wrong = look_at(spans);
    otel_memory_spans_release(spans);
    otel_memory_release(memory);
    if (otel_sdk_stop(1000) != OTEL_OK)
        wrong = 7;
    return wrong ? wrong : look_at_ledger();
}
