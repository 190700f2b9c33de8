/* SPDX-License-Identifier: Apache-2.0 */
/*
 * spans.c - sends a trace that has everything Zipkin's format can tell, the same each time: zipkin_test.py has it too.
 *
 * usage: zipkin_spans URL json|protobuf DIGIT
 *
 * All digits of the trace's id are DIGIT. Times count from one second that is given below.
 */
#include <otel/extend.h>
#include <otel/resource.h>
#include <otel/sdk.h>
#include <otel/zipkin.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint64_t SECOND = UINT64_C(1700000000) * 1000000000;
static const otel_attr scope_attributes[] = {
    { { "scope.attribute", 15 }, { OTEL_TYPE_INT, 0, 0, { 3 } } },
};
static otel_tracer everything = { .name = "shop.lib", .version = "2.1", .attributes = { scope_attributes, 1 } };
OTEL_TRACER(plain, "plain");

static uint8_t trace_digit;
static uint8_t next_span;

static void trace_id(void *self, uint8_t out[16]) {
    (void)self;
    memset(out, trace_digit << 4 | trace_digit, 16);
}

static void span_id(void *self, uint8_t out[8]) {
    (void)self;
    memset(out, 0, 8);
    out[7] = ++next_span;
}

/* Each lasts a millisecond and begins as many after the second as its id says. */
static otel_span begin(otel_tracer *tracer, const char *name, otel_kind kind, const otel_span *parent) {
    static const otel_context none;
    otel_context context = parent ? otel_context_with_span(&none, parent) : none;
    const uint64_t start = SECOND + (next_span + UINT64_C(1)) * 1000000 + 999;
    const otel_span span =
        otel_span_start(tracer, OTEL_START(name, .kind = kind, .parent = &context, .start_time = start));
    otel_context_release(&context);
    return span;
}

static void end(const otel_span *span, uint64_t number) { otel_span_end_at(span, SECOND + number * 1000000 + 1000999); }

static void set_every_type(const otel_span *span) {
    const int64_t ints[] = { 1, -2 };
    const double doubles[] = { 0.5, 1e300 };
    const bool bools[] = { true, false };
    otel_set(span, "text", "na\xc3\xafve \"quoted\"\n\x01");
    otel_set(span, "empty", "");
    otel_set(span, "nothing", otel_none());
    otel_set(span, "yes", otel_bool(true));
    otel_set(span, "int", INT64_MIN);
    otel_set(span, "double", 1234567.25);
    otel_set(span, "nan", otel_double(__builtin_nan("")));
    otel_set(span, "bytes", otel_bytes("\xff\x00\x01", 3));
    otel_set(span, "ints", otel_ints(ints, 2));
    otel_set(span, "doubles", otel_doubles(doubles, 2));
    otel_set(span, "bools", otel_bools(bools, 2));
    otel_set(span, "array", OTEL_ARRAY(OTEL_VALUE("a"), OTEL_VALUE(1), otel_none()));
    otel_set(span, "map", OTEL_MAP(OTEL_ATTR("k", OTEL_ARRAY(otel_double(__builtin_inf())))));
}

static void serve(void) {
    const otel_span span = begin(&everything, "Serve", OTEL_SERVER, NULL);
    set_every_type(&span);
    otel_event(&span, "plain", .time = SECOND + 1500000);
    otel_event(&span, "full", .time = SECOND + 1600000,
               .attributes = OTEL_ATTRS(OTEL_ATTR("a", "b\"c"), OTEL_ATTR("n", 1)));
    otel_event(&span, "cut", .time = SECOND + 1700000,
               .attributes = OTEL_ATTRS(OTEL_ATTR("1", 1), OTEL_ATTR("2", 2), OTEL_ATTR("3", 3)));
    otel_event(&span, "dropped");
    otel_span_set_status(&span, OTEL_CODE_ERROR, "disk full");

    const otel_span call = begin(plain, "Call", OTEL_CLIENT, &span);
    otel_set(&call, "network.peer.address", "::ffff:10.1.2.3");
    otel_set(&call, "network.peer.port", 5432);
    otel_set(&call, "db.name", "orders");
    otel_span_set_status(&call, OTEL_CODE_OK, NULL);
    end(&call, 2);

    const otel_span call6 = begin(plain, "call6", OTEL_CLIENT, &span);
    otel_set(&call6, "network.peer.address", "2001:db8::7");
    otel_set(&call6, "error", otel_bool(false));
    end(&call6, 3);

    const otel_span produce = begin(plain, "produce", OTEL_PRODUCER, &span);
    otel_set(&produce, "peer.service", "Queue");
    end(&produce, 4);

    const otel_span consume = begin(plain, "consume", OTEL_CONSUMER, &produce);
    otel_span_set_status(&consume, OTEL_CODE_ERROR, NULL);
    end(&consume, 5);

    const otel_span inside = begin(plain, "", OTEL_INTERNAL, &span);
    otel_span_end_at(&inside, SECOND + 6 * 1000000 + 999); /* it takes no time */
    end(&span, 1);
}

int main(int argc, char **argv) {
    static const otel_id_generator_ops ids = { .size = sizeof ids, .trace_id = trace_id, .span_id = span_id };
    otel_error error = { "" };
    if (argc != 4)
        return 2;
    trace_digit = (uint8_t)strtoul(argv[3], NULL, 16);
    const otel_zipkin_options zipkin = {
        .size = sizeof zipkin,
        .endpoint = argv[1],
        .format = strcmp(argv[2], "json") == 0 ? OTEL_ZIPKIN_JSON : OTEL_ZIPKIN_PROTOBUF,
        .error = &error,
    };
    otel_resource *nothing = otel_resource_empty();
    const otel_status status = otel_sdk_start(
        OTEL_SDK(.service_name = "Shop", .resource = OTEL_ATTRS(OTEL_ATTR("service.namespace", "corner")),
                 .whole_resource = nothing, .id_generator = otel_id_generator_create(&ids, NULL),
                 .processors = OTEL_PROCESSORS(otel_batch_processor(NULL, otel_zipkin_exporter(&zipkin))),
                 .limits = { .event_count = 3, .event_attribute_count = 2 }, .error = &error));
    if (status == OTEL_OK)
        serve();
    else
        fprintf(stderr, "%s\n", error.text);
    otel_resource_release(nothing);
    return status == OTEL_OK && otel_sdk_stop(20000) == OTEL_OK ? 0 : 1;
}
