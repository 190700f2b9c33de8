/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jaeger_spans.c - exports spans with the Jaeger exporter, as the OTEL_EXPORTER_JAEGER_* variables say where and how.
 *
 *     jaeger_spans scene           five spans of one trace that show every feature: what scene.py expects
 *     jaeger_spans random SEED     500 random spans
 *     jaeger_spans many COUNT      so many spans by the whole SDK, in traces of 100
 *
 * The output is the number of spans that the exporter says it has sent.
 */
#include "batch_double.h"
#include "span_generator.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <otel/jaeger.h>
#include <otel/sdk.h>

#define START UINT64_C(1700000000123456789)

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

/* ---- the scene --------------------------------------------------------------------------------------------------- */

static const uint8_t trace_id[16] = { 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10,
                                      0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef };
static const uint8_t span_ids[5][8] = { { 0xa0, 1 }, { 0, 0, 0, 0, 0, 0, 0, 2 }, { 3, 3 }, { 4, 4 }, { 5, 5 } };

static otel_span context(const uint8_t trace[16], const uint8_t span[8]) {
    otel_span_context of = { .size = sizeof of, .flags = 1, .remote = true };
    memcpy(of.trace_id, trace, 16);
    memcpy(of.span_id, span, 8);
    return otel_span_wrap(&of);
}

/* A copy that lives as long as the program. */
static otel_attrs keep(otel_attrs attributes) {
    static otel_attr pool[64];
    static size_t used;
    otel_attr *kept = pool + used;
    memcpy(kept, attributes.items, attributes.count * sizeof *kept);
    used += attributes.count;
    return (otel_attrs){ kept, attributes.count };
}

static otel_attrs every_type(void) {
    static const uint8_t bytes[] = { 0, 1, 0xfe, 0xff };
    static const int64_t ints[] = { 1, -2 };
    static const double doubles[] = { 0.5, (double)NAN };
    static const otel_str texts[] = { { "a", 1 }, { "\"", 1 } };
    static const bool bools[] = { true, false };
    const otel_attrs map = keep(OTEL_ATTRS(OTEL_ATTR("n", 1), OTEL_ATTR("deep", otel_ints(ints, 2))));
    return keep(OTEL_ATTRS(OTEL_ATTR("string", "text \" \n"), OTEL_ATTR("empty", ""),
                           OTEL_ATTR("true", otel_bool(true)), OTEL_ATTR("false", otel_bool(false)),
                           OTEL_ATTR("int", -42), OTEL_ATTR("large", INT64_MAX), OTEL_ATTR("double", 2.5),
                           OTEL_ATTR("nan", (double)NAN), OTEL_ATTR("minus", (double)-INFINITY),
                           OTEL_ATTR("bytes", otel_bytes(bytes, sizeof bytes)), OTEL_ATTR("none", otel_none()),
                           OTEL_ATTR("texts", otel_strings(texts, 2)), OTEL_ATTR("bools", otel_bools(bools, 2)),
                           OTEL_ATTR("ints", otel_ints(ints, 2)), OTEL_ATTR("doubles", otel_doubles(doubles, 2)),
                           OTEL_ATTR("map", otel_map(map)), OTEL_ATTR("error", "mine")));
}

static void fill_root(otel_span_data *span) {
    static otel_event_data events[2];
    static otel_scope_data scope;
    scope = (otel_scope_data){ .name = otel_cstr("shop.api"),
                               .version = otel_cstr("1.2"),
                               .attributes = keep(OTEL_ATTRS(OTEL_ATTR("scope.attribute", "yes"))) };
    events[0] = (otel_event_data){ otel_cstr("cache miss"), START + 1000000,
                                   keep(OTEL_ATTRS(OTEL_ATTR("key", "k\xc3\xb6nig"), OTEL_ATTR("tries", 3))), 2 };
    events[1] = (otel_event_data){ otel_cstr("named otherwise"), START + 2000000,
                                   keep(OTEL_ATTRS(OTEL_ATTR("event", "mine"))), 0 };
    span->scope = &scope;
    span->end_time = START + 10000000;
    span->name = otel_cstr("GET /\xe2\x82\xac");
    span->tracestate = otel_cstr("vendor=1,other=2");
    span->attributes = every_type();
    span->status = OTEL_CODE_ERROR;
    span->status_text = otel_cstr("out of tea");
    span->events = events;
    span->event_count = 2;
    span->dropped_attributes = 1;
    span->dropped_events = 2;
    span->dropped_links = 3;
}

/* To another trace, within the trace, to a parent that is not the first one, and to the parent. */
static void fill_links(otel_span_data *span) {
    static const uint8_t other[16] = { 9, 9, 9 };
    static otel_link_data links[4];
    static otel_span root, second, far;
    root = context(trace_id, span_ids[0]);
    second = context(trace_id, span_ids[1]);
    far = context(other, span_ids[4]);
    links[0] = (otel_link_data){ .span = &far };
    links[1] = (otel_link_data){ .span = &second,
                                 .tracestate = otel_cstr("b=2"),
                                 .attributes = keep(OTEL_ATTRS(OTEL_ATTR("why", "batch"))) };
    links[2] = (otel_link_data){ .span = &far,
                                 .attributes = keep(OTEL_ATTRS(OTEL_ATTR("opentracing.ref_type", "child_of"))),
                                 .dropped_attributes = 1 };
    links[3] = (otel_link_data){ .span = &root };
    span->links = links;
    span->link_count = 4;
}

static int export_scene(void) {
    static const bool bools[] = { true, false };
    const otel_scope_data plain = { .name = otel_cstr("plain") };
    const otel_span root = context(trace_id, span_ids[0]);
    const char *const names[] = { "", "SELECT", "send", "receive", "work" };
    otel_span_data spans[5];
    for (size_t i = 0; i < 5; i++)
        spans[i] = (otel_span_data){ .trace_id = trace_id,
                                     .span_id = span_ids[i],
                                     .flags = 1,
                                     .name = otel_cstr(names[i]),
                                     .start_time = START + i * 1000,
                                     .end_time = START + 5000000 + i * 1000,
                                     .kind = (otel_kind)((i + 1) % 5),
                                     .parent = i ? &root : NULL,
                                     .scope = &plain };
    fill_root(&spans[0]);
    spans[1].status = OTEL_CODE_OK;
    fill_links(&spans[2]);
    spans[3].end_time = spans[3].start_time + 999;
    const otel_resource_data resource = {
        .attributes = OTEL_ATTRS(OTEL_ATTR("service.name", "shop"), OTEL_ATTR("service.version", "7"),
                                 OTEL_ATTR("process.pid", 4242), OTEL_ATTR("resource.bools", otel_bools(bools, 2)))
    };
    return export_spans(spans, 5, &resource);
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
    if (argc == 2 && strcmp(argv[1], "scene") == 0)
        return export_scene();
    if (argc == 3 && strcmp(argv[1], "random") == 0)
        return export_random(strtoull(argv[2], NULL, 10));
    if (argc == 3 && strcmp(argv[1], "many") == 0)
        return export_many(strtoul(argv[2], NULL, 10));
    return fail("usage: jaeger_spans scene | random SEED | many COUNT");
}
