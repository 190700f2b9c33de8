/* SPDX-License-Identifier: Apache-2.0 */
/* jaeger_protobuf_test.c - spans as Jaeger's api_v2 messages, read by protobuf-c: see jaeger_dump.h. */
#include "jaeger/jaeger_protobuf.h"

#include "batch_double.h"
#include "failing_allocator.h"
#include "jaeger_dump.h"
#include "span_fixture.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const uint8_t trace_id[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe };
static const uint8_t span_id[8] = { 0x80, 0, 0, 0, 0, 0, 0, 1 };
static const otel_scope_data lib = { .name = { "lib", 3 } }, unnamed;

#define START UINT64_C(1700000000123456789)
#define SERVICE "shop []\n"
#define IDS "0102030405060708fffffffffffffffe/8000000000000001"
#define TIMES "1700000000.123456789+0.001500999"
#define INTERNAL "span.kind=\"internal\""
#define LINKED "0102030405060708090a0b0c0d0e0f10/15161718191a1b1c"
#define LINK_FIELDS "event=\"link\" trace_id=\"0102030405060708090a0b0c0d0e0f10\" span_id=\"15161718191a1b1c\""

static otel_span_data span_of(const otel_scope_data *scope) {
    return (otel_span_data){ .trace_id = trace_id,
                             .span_id = span_id,
                             .flags = 1,
                             .name = otel_cstr("work"),
                             .start_time = START,
                             .end_time = START + 1500999,
                             .scope = scope };
}

static otel_status write_request(struct otel__line *text, otel_batch *batch, size_t first, size_t count, size_t limit,
                                 struct otel__buffer *body) {
    otel__buffer_reset(body, limit);
    return otel__jaeger_write(text, batch, first, count, body);
}

static void assert_request(const otel_span_data *spans, size_t count, const otel_resource_data *resource,
                           const char *expected) {
    struct otel__buffer body = { 0 };
    struct otel__line text = { 0 };
    otel_batch *batch = batch_double_create(spans, count, resource);
    assert_int_equal(write_request(&text, batch, 0, count, 1 << 22, &body), OTEL_OK);
    char *dumped = jaeger_dump(body.cursor, otel__buffer_length(&body));
    assert_string_equal(dumped, expected);
    free(dumped);
    batch_double_free(batch);
    otel__buffer_free(&body);
    otel__line_free(&text);
}

static void assert_span(const otel_span_data *span, const char *expected) {
    const otel_resource_data resource = { .attributes = OTEL_ATTRS(OTEL_ATTR("service.name", "shop")) };
    char whole[4096];
    snprintf(whole, sizeof whole, SERVICE "%s\n", expected);
    assert_request(span, 1, &resource, whole);
}

/* With the scope left out, and the fields that the other tests look at. */
static void assert_tags(otel_attrs attributes, const char *expected) {
    otel_span_data span = span_of(&unnamed);
    char whole[2048];
    span.attributes = attributes;
    snprintf(whole, sizeof whole, IDS " work <> 1 " TIMES " [" INTERNAL " %s] []", expected);
    assert_span(&span, whole);
}

static void the_smallest_span(void **state) {
    (void)state;
    otel_span_data span = span_of(&unnamed);
    span.name = otel_cstr("");
    span.flags = 0;
    span.start_time = span.end_time = 0;
    assert_span(&span, IDS "  <> 0 0.000000000+0.000000001 [" INTERNAL "] []");
}

static void attributes_keep_their_types(void **state) {
    (void)state;
    static const uint8_t bytes[] = { 0, 'a', 0xff };
    assert_tags(OTEL_ATTRS(OTEL_ATTR("s", "text"), OTEL_ATTR("e", ""), OTEL_ATTR("b", otel_bool(true)),
                           OTEL_ATTR("f", otel_bool(false)), OTEL_ATTR("i", INT64_MIN), OTEL_ATTR("z", 0),
                           OTEL_ATTR("d", 1.5), OTEL_ATTR("m", -0.0), OTEL_ATTR("y", otel_bytes(bytes, 3)),
                           OTEL_ATTR("n", otel_bytes(NULL, 0))),
                "s=\"text\" e=\"\" b=true f=false i=-9223372036854775808 z=0 d=1.5d m=-0d y=x0061ff n=x");
}

static void what_has_no_type_becomes_text(void **state) {
    (void)state;
    static const int64_t ints[] = { 1, -2 };
    static const otel_attr items[] = { { { "k", 1 }, { .type = OTEL_TYPE_INT, .u.i = 1 } } };
    assert_tags(OTEL_ATTRS(OTEL_ATTR("ints", otel_ints(ints, 2)), OTEL_ATTR("map", otel_map((otel_attrs){ items, 1 })),
                           OTEL_ATTR("none", otel_none()), OTEL_ATTR("nan", (double)NAN),
                           OTEL_ATTR("minus", (double)-INFINITY)),
                "ints=\"[1,-2]\" map=\"{\"k\":1}\" none=\"\" nan=\"NaN\" minus=\"-Infinity\"");
}

static void kinds(void **state) {
    (void)state;
    static const char *const names[] = { "internal", "server", "client", "producer", "consumer" };
    for (int kind = 0; kind < 5; kind++) {
        otel_span_data span = span_of(&unnamed);
        char expected[256];
        span.kind = (otel_kind)kind;
        snprintf(expected, sizeof expected, IDS " work <> 1 " TIMES " [span.kind=\"%s\"] []", names[kind]);
        assert_span(&span, expected);
    }
}

static void times_keep_their_nanoseconds(void **state) {
    (void)state;
    otel_span_data span = span_of(&unnamed);
    span.start_time = UINT64_C(1700000000000000001);
    span.end_time = UINT64_C(1700000012000000000);
    assert_span(&span, IDS " work <> 1 1700000000.000000001+11.999999999 [" INTERNAL "] []");
    span.start_time = span.end_time + 5; /* the clock was set back */
    assert_span(&span, IDS " work <> 1 1700000012.000000005+0.000000001 [" INTERNAL "] []");
}

static void a_parent_is_the_first_reference(void **state) {
    (void)state;
    otel_span_context within = { .size = sizeof within, .span_id = { 0, 0, 0, 0, 0, 0, 1, 2 } };
    const otel_span linked = span_wrapped(1, true, NULL);
    const otel_link_data link = { .span = &linked };
    otel_span_data span = span_of(&unnamed);
    memcpy(within.trace_id, trace_id, sizeof trace_id);
    const otel_span parent = otel_span_wrap(&within);
    span.parent = &parent;
    span.links = &link;
    span.link_count = 1;
    assert_span(&span, IDS " work <0:0102030405060708fffffffffffffffe/0000000000000102 1:" LINKED "> 1 " TIMES
                           " [" INTERNAL "] []");
}

static void an_error_is_a_flag_and_beats_an_attribute_of_that_name(void **state) {
    (void)state;
    otel_span_data span = span_of(&unnamed);
    span.attributes = OTEL_ATTRS(OTEL_ATTR("error", "mine"));
    span.status = OTEL_CODE_ERROR;
    span.status_text = otel_cstr("disk full");
    assert_span(&span, IDS " work <> 1 " TIMES " [" INTERNAL
                           " error=true otel.status_code=\"ERROR\" otel.status_description=\"disk full\"] []");
}

static void what_jaeger_has_no_place_for_becomes_tags(void **state) {
    (void)state;
    otel_scope_data scope = lib;
    otel_span_data span = span_of(&scope);
    scope.attributes = OTEL_ATTRS(OTEL_ATTR("of.scope", 1));
    span.tracestate = otel_cstr("a=1");
    span.dropped_events = 2;
    assert_span(&span, IDS " work <> 1 " TIMES " [" INTERNAL " w3c.tracestate=\"a=1\" otel.scope.name=\"lib\" "
                           "otel.library.name=\"lib\" otel.dropped_events_count=2 of.scope=1] []");
}

static void events_are_logs(void **state) {
    (void)state;
    const otel_event_data events[] = {
        { .name = otel_cstr("first"),
          .time = START + 1000,
          .attributes = OTEL_ATTRS(OTEL_ATTR("n", 1)),
          .dropped_attributes = 4 },
        { .name = otel_cstr("hidden"), .time = START, .attributes = OTEL_ATTRS(OTEL_ATTR("event", "mine")) },
    };
    otel_span_data span = span_of(&unnamed);
    span.events = events;
    span.event_count = 2;
    assert_span(&span, IDS " work <> 1 " TIMES " [" INTERNAL
                           "] [1700000000.123457789(otel.dropped_attributes_count=4 n=1 event=\"first\") "
                           "1700000000.123456789(event=\"mine\")]");
}

static void links_are_references_and_logs_where_they_have_more_to_tell(void **state) {
    (void)state;
    const otel_span linked = span_wrapped(1, true, NULL);
    const otel_link_data links[] = {
        { .span = &linked },
        { .span = &linked, .attributes = OTEL_ATTRS(OTEL_ATTR("opentracing.ref_type", "child_of")) },
    };
    otel_span_data span = span_of(&unnamed);
    span.links = links;
    span.link_count = 2;
    assert_span(&span, IDS " work <1:" LINKED " 0:" LINKED "> 1 " TIMES " [" INTERNAL
                           "] [1700000000.123456789(" LINK_FIELDS " opentracing.ref_type=\"child_of\")]");
}

/* Jaeger would take the reference instead of the parent. */
static void a_link_to_the_parent_is_only_a_log(void **state) {
    (void)state;
    const otel_span linked = span_wrapped(1, true, NULL);
    const otel_link_data link = { .span = &linked };
    uint8_t linked_trace[16];
    otel_span_data span = span_of(&unnamed);
    otel_span_trace_id(&linked, linked_trace);
    span.trace_id = linked_trace;
    span.parent = &linked;
    span.links = &link;
    span.link_count = 1;
    assert_span(&span, "0102030405060708090a0b0c0d0e0f10/8000000000000001 work <0:" LINKED "> 1 " TIMES " [" INTERNAL
                       "] [1700000000.123456789(" LINK_FIELDS ")]");
}

static void a_batch_has_the_resource_as_its_process(void **state) {
    (void)state;
    const otel_resource_data resource = {
        .attributes = OTEL_ATTRS(OTEL_ATTR("host.name", "h"), OTEL_ATTR("service.name", "shop"), OTEL_ATTR("n", 5))
    };
    const otel_resource_data empty = { .attributes = OTEL_ATTRS(OTEL_ATTR("service.name", "")) };
    otel_span_data spans[] = { span_of(&unnamed), span_of(&unnamed) };
    spans[1].name = otel_cstr("play");
    assert_request(spans, 2, &resource,
                   "shop [host.name=\"h\" n=5]\n" IDS " work <> 1 " TIMES " [" INTERNAL "] []\n" IDS " play <> 1 " TIMES
                   " [" INTERNAL "] []\n");
    assert_request(spans, 1, &empty,
                   "unknown_service:jaeger_protobuf_test []\n" IDS " work <> 1 " TIMES " [" INTERNAL "] []\n");
}

static void a_part_of_a_batch_may_be_written(void **state) {
    (void)state;
    const otel_resource_data resource = { .attributes = OTEL_ATTRS(OTEL_ATTR("service.name", "shop")) };
    otel_span_data spans[] = { span_of(&unnamed), span_of(&unnamed), span_of(&unnamed) };
    struct otel__buffer body = { 0 };
    struct otel__line text = { 0 };
    spans[1].name = otel_cstr("play");
    otel_batch *batch = batch_double_create(spans, 3, &resource);
    assert_int_equal(write_request(&text, batch, 0, 3, 200, &body), OTEL_ERR_EXPORT);
    assert_int_equal(write_request(&text, batch, 1, 1, 200, &body), OTEL_OK);
    char *dumped = jaeger_dump(body.cursor, otel__buffer_length(&body));
    assert_string_equal(dumped, SERVICE IDS " play <> 1 " TIMES " [" INTERNAL "] []\n");
    free(dumped);
    batch_double_free(batch);
    otel__buffer_free(&body);
    otel__line_free(&text);
}

static otel_status encode_without_memory(otel_attrs attributes, unsigned nth) {
    static const otel_resource_data resource;
    otel_span_data span = span_of(&unnamed);
    struct otel__buffer body = { 0 };
    struct otel__line text = { 0 };
    otel_batch *batch = batch_double_create(&span, 1, &resource);
    assert_int_equal(write_request(&text, batch, 0, 1, 1 << 22, &body), OTEL_OK); /* which makes room for the body */
    batch_double_free(batch);
    span.attributes = attributes;
    batch = batch_double_create(&span, 1, &resource);
    otel__line_free(&text);
    failing_allocator_fail(nth, true);
    const otel_status status = write_request(&text, batch, 0, 1, 1 << 22, &body);
    failing_allocator_fail(0, false);
    batch_double_free(batch);
    otel__buffer_free(&body);
    otel__line_free(&text);
    return status;
}

/* Of a name and of text that is put together a part would be a lie. */
static void text_that_memory_is_too_short_for_fails_the_request(void **state) {
    (void)state;
    static const int64_t ints[1000];
    if (!failing_allocator_works())
        skip();
    assert_int_equal(encode_without_memory((otel_attrs){ NULL, 0 }, 1), OTEL_ERR_MEMORY);
    assert_int_equal(encode_without_memory(OTEL_ATTRS(OTEL_ATTR("ints", otel_ints(ints, 1000))), 2), OTEL_ERR_MEMORY);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_span),
        cmocka_unit_test(attributes_keep_their_types),
        cmocka_unit_test(what_has_no_type_becomes_text),
        cmocka_unit_test(kinds),
        cmocka_unit_test(times_keep_their_nanoseconds),
        cmocka_unit_test(a_parent_is_the_first_reference),
        cmocka_unit_test(an_error_is_a_flag_and_beats_an_attribute_of_that_name),
        cmocka_unit_test(what_jaeger_has_no_place_for_becomes_tags),
        cmocka_unit_test(events_are_logs),
        cmocka_unit_test(links_are_references_and_logs_where_they_have_more_to_tell),
        cmocka_unit_test(a_link_to_the_parent_is_only_a_log),
        cmocka_unit_test(a_batch_has_the_resource_as_its_process),
        cmocka_unit_test(a_part_of_a_batch_may_be_written),
        cmocka_unit_test(text_that_memory_is_too_short_for_fails_the_request),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
