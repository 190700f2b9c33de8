/* SPDX-License-Identifier: Apache-2.0 */
/*
 * route_spans.c - sends one trace that shows every feature, the same by every route: scene.py has it as a table.
 *
 * usage: route_spans NUMBER [zipkin-protobuf | jaeger-gzip]
 *
 * NUMBER, in two hexadecimal digits, becomes the last byte of the trace's id. The OTEL_* variables say where the spans
 * go, and the other argument what has no variable. The output is the number of spans that were exported.
 */
#include <otel/extend.h>
#include <otel/jaeger.h>
#include <otel/resource.h>
#include <otel/sdk.h>
#include <otel/zipkin.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START UINT64_C(1700000000123456789)

static const otel_attr scope_attributes[] = { { { "scope.attribute", 15 }, { OTEL_TYPE_INT, 0, 0, { 3 } } } };
static otel_tracer everything = { .name = "shop.api",
                                  .version = "1.2",
                                  .schema_url = "https://example.test/shop",
                                  .attributes = { scope_attributes, 1 } };
OTEL_TRACER(plain, "plain");

static uint8_t trace_id[16] = { 0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10,
                                0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0 };

/* The n-th span has the id n times 0x2121..., so that some begin with a bit that signed integers show. */
static void span_id(void *self, uint8_t out[8]) {
    static uint8_t spans;
    (void)self;
    memset(out, ++spans * 0x21, 8);
}

static otel_span distant(const uint8_t trace[16], uint8_t id, const otel_tracestate *tracestate) {
    otel_span_context of = { .size = sizeof of, .flags = 3, .remote = true, .tracestate = tracestate };
    memcpy(of.trace_id, trace, 16);
    memset(of.span_id, id, 8);
    return otel_span_wrap(&of);
}

/* Each lasts 5 ms, and begins a microsecond after the one before. */
static uint64_t next_start(void) {
    static uint64_t spans;
    return START + spans++ * 1000;
}

static otel_span begin(otel_tracer *tracer, const char *name, otel_kind kind, const otel_span *parent) {
    otel_context context = otel_context_with_span(&(otel_context){ 0 }, parent);
    const otel_span span =
        otel_span_start(tracer, OTEL_START(name, .kind = kind, .parent = &context, .start_time = next_start()));
    otel_context_release(&context);
    return span;
}

static void end(const otel_span *span, uint64_t number) {
    otel_span_end_at(span, START + (number - 1) * 1000 + 5000000);
}

static void set_every_type(const otel_span *span) {
    const int64_t ints[] = { 1, -2 };
    const double doubles[] = { 0.5, (double)NAN };
    const bool bools[] = { true, false };
    otel_set(span, "string", "na\xc3\xafve \"quoted\"\n\x01");
    otel_set(span, "empty", "");
    otel_set(span, "none", otel_none());
    otel_set(span, "true", otel_bool(true));
    otel_set(span, "false", otel_bool(false));
    otel_set(span, "int", -42);
    otel_set(span, "large", INT64_MIN);
    otel_set(span, "double", 1234567.25);
    otel_set(span, "nan", otel_double((double)NAN));
    otel_set(span, "infinite", otel_double((double)-INFINITY));
    otel_set(span, "bytes", otel_bytes("\xff\x00\x01", 3));
    otel_set(span, "bools", otel_bools(bools, 2));
    otel_set(span, "ints", otel_ints(ints, 2));
    otel_set(span, "doubles", otel_doubles(doubles, 2));
    otel_set(span, "array", OTEL_ARRAY(OTEL_VALUE("a\""), OTEL_VALUE(1), otel_none()));
    otel_set(span, "map",
             OTEL_MAP(OTEL_ATTR("deep", OTEL_ARRAY(otel_double((double)INFINITY))),
                      OTEL_ATTR("raw", otel_bytes("\xff", 1))));
    otel_set(span, "error", "mine");
    otel_set(span, "dropped", "the limit is 17 attributes");
}

static void add_events(const otel_span *span) {
    otel_event(span, "plain", .time = START + 1000000);
    otel_event(span, "full", .time = START + 2000000,
               .attributes = OTEL_ATTRS(OTEL_ATTR("key", "k\xc3\xb6nig"), OTEL_ATTR("tries", 3)));
    otel_event(span, "named otherwise", .time = START + 3000000,
               .attributes = OTEL_ATTRS(OTEL_ATTR("event", "mine"), OTEL_ATTR("n", 1), OTEL_ATTR("too", "many")));
    otel_event(span, "dropped");
    otel_event(span, "dropped");
}

/* To another trace, within the trace, to what would be another parent, and to the parent. */
static void add_links(const otel_span *span, const otel_span *parent, const otel_span *sibling) {
    static const uint8_t other[16] = { 9, 9, 9 };
    otel_tracestate state = otel_tracestate_parse(otel_cstr("b=2"));
    const otel_span far = distant(other, 0x55, NULL);
    const otel_span further = distant(other, 0x66, &state);
    const otel_link links[] = {
        { .span = far },
        { .span = *sibling, .attributes = OTEL_ATTRS(OTEL_ATTR("why", "batch")) },
        { .span = further,
          .attributes =
              OTEL_ATTRS(OTEL_ATTR("opentracing.ref_type", "child_of"), OTEL_ATTR("n", 1), OTEL_ATTR("too", "many")) },
        { .span = *parent },
        { .span = far },
    };
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        otel_span_add_link(span, &links[i]);
    otel_tracestate_release(&state);
}

static void add_calls(const otel_span *parent) {
    const otel_span select = begin(plain, "SELECT", OTEL_CLIENT, parent);
    otel_set(&select, "network.peer.address", "::ffff:10.1.2.3");
    otel_set(&select, "network.peer.port", 5432);
    otel_set(&select, "db.name", "orders");
    otel_span_set_status(&select, OTEL_CODE_OK, NULL);
    end(&select, 2);

    const otel_span call = begin(plain, "Call", OTEL_CLIENT, parent);
    otel_set(&call, "network.peer.address", "2001:db8::7");
    otel_set(&call, "error", otel_bool(false));
    end(&call, 3);

    const otel_span send = begin(plain, "send", OTEL_PRODUCER, parent);
    otel_set(&send, "peer.service", "Queue");
    add_links(&send, parent, &select);
    end(&send, 4);

    const otel_span receive = begin(plain, "receive", OTEL_CONSUMER, &send);
    otel_span_set_status(&receive, OTEL_CODE_ERROR, NULL);
    otel_span_end_at(&receive, START + 4 * 1000 + 999); /* less than a microsecond */
}

static void make_trace(void) {
    otel_tracestate state = otel_tracestate_parse(otel_cstr("vendor=1,other=2"));
    const otel_span caller = distant(trace_id, 0xee, &state);
    const otel_span root = begin(&everything, "GET /\xe2\x82\xac", OTEL_SERVER, &caller);
    set_every_type(&root);
    add_events(&root);
    otel_span_set_status(&root, OTEL_CODE_ERROR, "disk full");
    add_calls(&root);
    const otel_span unnamed = begin(plain, "", OTEL_INTERNAL, &root);
    end(&unnamed, 6);
    end(&root, 1);
    otel_tracestate_release(&state);
}

/* With what no variable can say; NULL: all as they do. */
static otel_processors processors_of(const char *what) {
    const otel_zipkin_options zipkin = { .size = sizeof zipkin, .format = OTEL_ZIPKIN_PROTOBUF };
    const otel_jaeger_options jaeger = { .size = sizeof jaeger, .gzip = true };
    static otel_processor *processor;
    if (!what)
        return (otel_processors){ NULL, 0 };
    const bool to_zipkin = strcmp(what, "zipkin-protobuf") == 0;
    processor = otel_batch_processor(NULL, to_zipkin ? otel_zipkin_exporter(&zipkin) : otel_jaeger_exporter(&jaeger));
    return (otel_processors){ &processor, 1 };
}

static otel_status start(const char *what, const otel_resource *nothing, otel_error *error) {
    static const otel_id_generator_ops ids = { .size = sizeof ids, .span_id = span_id };
    static const bool bools[] = { true, false };
    return otel_sdk_start(
        OTEL_SDK(.service_name = "Shop", .whole_resource = nothing, .sampler = otel_sampler_always_on(),
                 .resource = OTEL_ATTRS(OTEL_ATTR("service.namespace", "corner"), OTEL_ATTR("process.pid", 4242),
                                        OTEL_ATTR("resource.bools", otel_bools(bools, 2))),
                 .id_generator = otel_id_generator_create(&ids, NULL), .processors = processors_of(what),
                 .limits = { .attribute_count = 17,
                             .event_count = 3,
                             .link_count = 4,
                             .event_attribute_count = 2,
                             .link_attribute_count = 2 },
                 .error = error));
}

int main(int argc, char **argv) {
    otel_error error = { "" };
    if (argc < 2 || argc > 3)
        return 2;
    trace_id[15] = (uint8_t)strtoul(argv[1], NULL, 16);
    otel_resource *nothing = otel_resource_empty();
    otel_status status = start(argc == 3 ? argv[2] : NULL, nothing, &error);
    otel_resource_release(nothing);
    if (status == OTEL_OK) {
        make_trace();
        status = otel_sdk_stop(20000);
    }
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    printf("%" PRIu64 "\n", ledger.processors[0].exported);
    if (status != OTEL_OK)
        fprintf(stderr, "%s\n", error.text[0] ? error.text : otel_status_text(status));
    return status == OTEL_OK ? 0 : 1;
}
