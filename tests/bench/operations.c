/* SPDX-License-Identifier: Apache-2.0 */
/* operations.c - see operations.h. */
#include "operations.h"

#include "batch.h"
#include "otlp/otlp_encode.h"
#include "sampler.h"
#include "span_queue.h"
#include "workloads.h"

#include <otel/metrics.h>
#include <otel/baggage.h>
#include <otel/sampler.h>
#include <otel/trace.h>
#include <stdlib.h>
#include <string.h>

enum { SETS = 8, ATTRIBUTES = 10, BATCH = 512 };

OTEL_TRACER(tracer, "otel.bench", "1.0");

static const char *const keys[ATTRIBUTES] = { "benchmark.attribute0", "benchmark.attribute1", "benchmark.attribute2",
                                              "benchmark.attribute3", "benchmark.attribute4", "benchmark.attribute5",
                                              "benchmark.attribute6", "benchmark.attribute7", "benchmark.attribute8",
                                              "benchmark.attribute9" };
static const char text[] = "value-0-of-20-chars!";

static otel_span live;         /* recording all the while */
static otel_context with_span; /* `live` is current in it */
static otel_baggage baggage;   /* of four entries */
static otel_sampler *ratio, *parent_based;

/* ---- spans ------------------------------------------------------------------------------------------------------- */

static otel_span started(void) { return otel_span_start(tracer, OTEL_START("benchmark", .root = true)); }

static void start_end(void) {
    const otel_span span = started();
    otel_span_end(&span);
}

static void start_end_child(void) {
    const otel_span span = otel_span_start(tracer, OTEL_START("benchmark", .parent = &with_span));
    otel_span_end(&span);
}

/* A span whose attributes 0 to SETS - 1 get `value`. */
#define SET_ALL(name, value)                                                                                           \
    static void name(void) {                                                                                           \
        const otel_span span = started();                                                                              \
        for (unsigned i = 0; i < SETS; i++)                                                                            \
            otel_set(&span, keys[i], value);                                                                           \
        otel_span_end(&span);                                                                                          \
    }

static const otel_str texts[4] = { { text, 20 }, { text, 20 }, { text, 20 }, { text, 20 } };

SET_ALL(set_string, text)
SET_ALL(set_int, (int64_t)i)
SET_ALL(set_double, 0.5)
SET_ALL(set_bool, otel_bool(true))
SET_ALL(set_bytes, otel_bytes(text, 20))
SET_ALL(set_strings, otel_strings(texts, 4))
SET_ALL(set_bools, otel_bools((const bool[]){ true, false, true, false }, 4))
SET_ALL(set_ints, otel_ints((const int64_t[]){ 1, 2, 3, 4 }, 4))
SET_ALL(set_doubles, otel_doubles((const double[]){ 0.5, 1.5, 2.5, 3.5 }, 4))
SET_ALL(set_array, OTEL_ARRAY(OTEL_VALUE(1), OTEL_VALUE(text)))
SET_ALL(set_map, OTEL_MAP(OTEL_ATTR("a", 1), OTEL_ATTR("b", text)))
SET_ALL(set_nested, OTEL_MAP(OTEL_ATTR("a", OTEL_ARRAY(OTEL_VALUE(1), OTEL_VALUE(text)))))

static void set_again(void) {
    const otel_span span = started();
    for (unsigned i = 0; i < SETS; i++)
        otel_set(&span, keys[0], text);
    otel_span_end(&span);
}

static void event(void) {
    const otel_span span = started();
    for (unsigned i = 0; i < SETS; i++)
        otel_event(&span, "event");
    otel_span_end(&span);
}

static void link_to_live(void) {
    const otel_span span = started();
    for (unsigned i = 0; i < SETS; i++)
        otel_span_add_link(&span, &(otel_link){ .span = live });
    otel_span_end(&span);
}

static void status(void) { otel_span_set_status(&live, OTEL_CODE_UNSET, NULL); }

/* ---- context, baggage, propagation ------------------------------------------------------------------------------- */

static void attach_detach(void) {
    otel_scope scope = otel_context_attach(&with_span);
    otel_scope_close(&scope);
}

static void baggage_set(void) {
    otel_baggage more = otel_baggage_set(&baggage, otel_cstr("tenant"), otel_cstr("4711"), otel_cstr(""));
    otel_baggage_release(&more);
}

static volatile size_t sink;

static void baggage_get(void) { sink = otel_baggage_get(&baggage, otel_cstr("entry2")).len; }

static void inject(void) {
    char header[HEADER_SIZE];
    otel_inject(&with_span, &header_setter, header);
    sink = (size_t)header[3];
}

static void extract(void) {
    otel_context context = otel_extract(NULL, &header_getter, INCOMING);
    otel_context_release(&context);
}

/* ---- inside the SDK ---------------------------------------------------------------------------------------------- */

/* A trace that is sampled at any ratio from a sixteenth on, so that each run does the same. */
static const uint8_t sampled_trace[16] = { 0x4b, 0xf9, 0x2f, 0x35, 0x77, 0xb3, 0x4d, 0xa6, 0xa3, 0xf0 };

static void decide(const otel_sampler *sampler, const otel_span *parent) {
    const struct otel__sampling in = { .parent = parent, .trace_id = sampled_trace, .name = otel_cstr("benchmark") };
    struct otel__sampled out;
    otel__sampler_decide(sampler, &in, &out);
    sink = out.decision;
    if (out.owned && out.state)
        otel__tracestate_drop(out.state);
}

static void decide_by_ratio(void) { decide(ratio, NULL); }
static void decide_by_parent(void) { decide(parent_based, &live); }

static otel__span_queue queue;

/* The same record again and again: nobody walks along this queue. */
static void push(void) {
    static _Thread_local struct otel__record record;
    otel__span_queue_push(&queue, &record, 0, UINT32_MAX);
}

/* Spans that have not ended, as their worker would see them. */
static struct made {
    otel_batch *batch;
    otel_span spans[BATCH];
} of_ten, of_spec;
static struct otel__otlp_encoder encoder;

static void encode(const struct made *made) {
    if (otel__otlp_encode(&encoder, made->batch, 0, BATCH, SIZE_MAX / 2) != OTEL_OK)
        abort();
}

static void encode_ten(void) { encode(&of_ten); }
static void encode_spec(void) { encode(&of_spec); }

/* ---- metrics ----------------------------------------------------------------------------------------------------- */

OTEL_METER(meter, "otel-micro");
OTEL_COUNTER(counter, meter, "counter");
OTEL_COUNTER_DOUBLE(counter_of_doubles, meter, "counter.doubles");
OTEL_HISTOGRAM(histogram, meter, "histogram", "s");

static otel_bound bound_counter, bound_doubles, bound_histogram;

static void add(void) { otel_add(counter, 1); }
static void add_three(void) {
    otel_add(counter, 1,
             OTEL_ATTRS(OTEL_ATTR("http.route", "/cart/{id}"), OTEL_ATTR("http.request.method", "GET"),
                        OTEL_ATTR("http.response.status_code", 200)));
}
static void add_bound(void) { otel_bound_add(&bound_counter, 1); }
static void add_bound_double(void) { otel_bound_add(&bound_doubles, 0.5); }
static void record_bound(void) { otel_bound_record(&bound_histogram, 0.3); }
static void record(void) { otel_record(histogram, 0.3); }

/* ---- all of them ------------------------------------------------------------------------------------------------- */

#define ON STAGE_RECORDING
const struct operation operations[] = {
    { "noop start end", STAGE_NO_SDK, start_end, 1, NULL, 1 },
    { "noop set string", STAGE_NO_SDK, set_string, SETS, "noop start end", 1 },
    { "unsampled start end", STAGE_DROPPING, start_end, 1, NULL, 1 },
    { "unsampled set string", STAGE_DROPPING, set_string, SETS, "unsampled start end", 1 },
    { "start end", ON, start_end, 1, NULL, 1 },
    { "start end child", ON, start_end_child, 1, NULL, 1 },
    { "set string", ON, set_string, SETS, "start end", 1 },
    { "set int", ON, set_int, SETS, "start end", 1 },
    { "set double", ON, set_double, SETS, "start end", 1 },
    { "set bool", ON, set_bool, SETS, "start end", 1 },
    { "set bytes", ON, set_bytes, SETS, "start end", 1 },
    { "set strings", ON, set_strings, SETS, "start end", 1 },
    { "set bools", ON, set_bools, SETS, "start end", 1 },
    { "set ints", ON, set_ints, SETS, "start end", 1 },
    { "set doubles", ON, set_doubles, SETS, "start end", 1 },
    { "set array", ON, set_array, SETS, "start end", 1 },
    { "set map", ON, set_map, SETS, "start end", 1 },
    { "set nested", ON, set_nested, SETS, "start end", 1 },
    { "set again", ON, set_again, SETS, "start end", 1 },
    { "event", ON, event, SETS, "start end", 1 },
    { "link", ON, link_to_live, SETS, "start end", 1 },
    { "status", ON, status, 1, NULL, 1 },
    { "attach detach", ON, attach_detach, 1, NULL, 1 },
    { "baggage set", ON, baggage_set, 1, NULL, 1 },
    { "baggage get", ON, baggage_get, 1, NULL, 1 },
    { "inject", ON, inject, 1, NULL, 1 },
    { "extract", ON, extract, 1, NULL, 1 },
    { "sampler ratio", ON, decide_by_ratio, 1, NULL, 1 },
    { "sampler parent", ON, decide_by_parent, 1, NULL, 1 },
    { "encode ten", ON, encode_ten, BATCH, NULL, 1 },
    { "encode spec", ON, encode_spec, BATCH, NULL, 1 },
    { "noop add", STAGE_NO_SDK, add, 1, NULL, 1 },
    { "disabled add", STAGE_DROPPING, add, 1, NULL, 1 },
    { "disabled bound add", STAGE_DROPPING, add_bound, 1, NULL, 1 },
    { "bound add", ON, add_bound, 1, NULL, 1 },
    { "bound add double", ON, add_bound_double, 1, NULL, 1 },
    { "bound record", ON, record_bound, 1, NULL, 1 },
    { "add", ON, add, 1, NULL, 1 },
    { "add three attributes", ON, add_three, 1, NULL, 1 },
    { "record", ON, record, 1, NULL, 1 },
    { "bound add x2", ON, add_bound, 1, NULL, 2 },
    { "queue push", ON, push, 1, NULL, 1 },
    { "queue push x2", ON, push, 1, NULL, 2 },
    { "queue push x4", ON, push, 1, NULL, 4 },
    { "queue push x8", ON, push, 1, NULL, 8 },
    { "ten", ON, workload_ten, 1, NULL, 1 },
    { "ten x2", ON, workload_ten, 1, NULL, 2 },
    { "ten x4", ON, workload_ten, 1, NULL, 4 },
    { "ten x8", ON, workload_ten, 1, NULL, 8 },
};
const size_t operation_count = sizeof operations / sizeof *operations;

/* ---- set up ------------------------------------------------------------------------------------------------------ */

static void fill_ten(const otel_span *span) {
    for (unsigned i = 0; i < ATTRIBUTES; i++)
        otel_set(span, keys[i], text);
}

static void fill_spec(const otel_span *span) {
    otel_set(span, "attribute", 17);
    otel_event(span, "event");
}

static void make(struct made *made, void (*fill)(const otel_span *span)) {
    static const otel_resource_data resource = { .schema_url = { "", 0 } };
    made->batch = otel__batch_create(BATCH, &resource);
    if (!made->batch)
        abort();
    for (unsigned i = 0; i < BATCH; i++) {
        made->spans[i] = started();
        fill(&made->spans[i]);
        struct otel__record *record = otel__record_lock(&made->spans[i]);
        if (!record)
            abort();
        otel__record_unlock(record);
        made->batch->records[i] = record;
    }
    made->batch->count = BATCH;
}

static void unmake(struct made *made) {
    for (unsigned i = 0; i < BATCH; i++)
        otel_span_end(&made->spans[i]);
    otel__batch_free(made->batch);
}

static otel_baggage four_entries(void) {
    static const char *const names[] = { "entry0", "entry1", "entry2", "entry3" };
    otel_baggage made = { 0 };
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        otel_baggage more = otel_baggage_set(&made, otel_cstr(names[i]), otel_cstr("value"), otel_cstr(""));
        otel_baggage_release(&made);
        made = more;
    }
    return made;
}

static void bind_all(void) {
    static otel_attr items[1];
    items[0] = OTEL_ATTR("k", 1);
    const otel_attrs attributes = { items, 1 };
    bound_counter = otel_bind(counter, attributes);
    bound_doubles = otel_bind(counter_of_doubles, attributes);
    bound_histogram = otel_bind(histogram, attributes);
}

void operations_begin(enum stage stage) {
    bind_all();
    if (stage != STAGE_RECORDING)
        return;
    live = started();
    with_span = otel_context_with_span(NULL, &live);
    baggage = four_entries();
    ratio = otel_sampler_trace_id_ratio(0.5);
    parent_based = otel_sampler_parent_based(NULL);
    make(&of_ten, fill_ten);
    make(&of_spec, fill_spec);
}

void operations_end(enum stage stage) {
    if (stage != STAGE_RECORDING)
        return;
    unmake(&of_ten);
    unmake(&of_spec);
    otel__otlp_encoder_free(&encoder);
    otel_sampler_destroy(ratio);
    otel_sampler_destroy(parent_based);
    otel_baggage_release(&baggage);
    otel_context_release(&with_span);
    otel_span_end(&live);
}
