/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jaeger_thrift_test.c - spans as Jaeger's structs. Each is written in both protocols, which must read the same; numbers
 * in the expectations are those of exporters/jaeger/idl/jaeger.thrift.
 */
#include "jaeger/jaeger_thrift.h"

#include "failing_allocator.h"
#include "span_fixture.h"
#include "thrift_dump.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint8_t trace_id[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe };
static const uint8_t span_id[8] = { 0x80, 0, 0, 0, 0, 0, 0, 1 };
static const otel_scope_data lib = { .name = { "lib", 3 } }, unnamed;

#define START UINT64_C(1700000000123456789)
/* Fields 1 to 4 of the span above. */
#define IDS "1:-2 2:72623859790382856 3:-9223372036854775807 4:0"
#define TEXT_TAG(key, text) "{1:\"" key "\" 2:0 3:\"" text "\"}"
#define INTERNAL TEXT_TAG("span.kind", "internal")
#define TIMES "8:1700000000123456 9:1500"

static otel_span_data span_of(const otel_scope_data *scope) {
    return (otel_span_data){ .trace_id = trace_id,
                             .span_id = span_id,
                             .flags = 1,
                             .name = otel_cstr("work"),
                             .start_time = START,
                             .end_time = START + 1500999,
                             .scope = scope };
}

static char *dump_span(const otel_span_data *span, bool compact) {
    struct otel__buffer out = { 0 };
    struct otel__line text = { 0 };
    struct otel__jaeger_writer writer = { { &out, compact }, &text };
    otel__buffer_reset(&out, 1 << 22);
    otel__jaeger_span(&writer, span);
    assert_int_equal(out.status, OTEL_OK);
    char *dumped = thrift_dump_struct(out.cursor, otel__buffer_length(&out), compact);
    otel__buffer_free(&out);
    otel__line_free(&text);
    return dumped;
}

static void assert_span(const otel_span_data *span, const char *expected) {
    for (int compact = 0; compact < 2; compact++) {
        char *dumped = dump_span(span, compact != 0);
        assert_string_equal(dumped, expected);
        free(dumped);
    }
}

/* With the scope left out, and the fields that the other tests look at. */
static void assert_tags(otel_attrs attributes, const char *expected) {
    otel_span_data span = span_of(&unnamed);
    char whole[4096];
    span.attributes = attributes;
    snprintf(whole, sizeof whole, "{" IDS " 5:\"work\" 7:1 " TIMES " 10:[" INTERNAL "%s%s]}", *expected ? " " : "",
             expected);
    assert_span(&span, whole);
}

static void the_smallest_span(void **state) {
    (void)state;
    otel_span_data span = span_of(&unnamed);
    span.name = otel_cstr("");
    span.flags = 0;
    span.start_time = span.end_time = 0;
    assert_span(&span, "{" IDS " 5:\"\" 7:0 8:0 9:1 10:[" INTERNAL "]}");
}

static void attributes_keep_their_types(void **state) {
    (void)state;
    static const uint8_t bytes[] = { 0, 'a', 0xff };
    assert_tags(OTEL_ATTRS(OTEL_ATTR("s", "text"), OTEL_ATTR("b", otel_bool(true)), OTEL_ATTR("f", otel_bool(false)),
                           OTEL_ATTR("i", INT64_MIN), OTEL_ATTR("d", 1.5), OTEL_ATTR("y", otel_bytes(bytes, 3))),
                TEXT_TAG("s", "text") " {1:\"b\" 2:2 5:true} {1:\"f\" 2:2 5:false} "
                                      "{1:\"i\" 2:3 6:-9223372036854775808} {1:\"d\" 2:1 4:1.5d} "
                                      "{1:\"y\" 2:4 7:\"\\x00a\\xff\"}");
}

static void what_has_no_type_becomes_text(void **state) {
    (void)state;
    static const int64_t ints[] = { 1, -2 };
    static const otel_str texts[] = { { "a", 1 }, { "b\"", 2 } };
    static const otel_attr items[] = { { { "k", 1 }, { .type = OTEL_TYPE_INT, .u.i = 1 } } };
    assert_tags(OTEL_ATTRS(OTEL_ATTR("ints", otel_ints(ints, 2)), OTEL_ATTR("texts", otel_strings(texts, 2)),
                           OTEL_ATTR("map", otel_map((otel_attrs){ items, 1 })), OTEL_ATTR("none", otel_none())),
                TEXT_TAG("ints", "[1,-2]") " " TEXT_TAG("texts", "[\"a\",\"b\\\"\"]") " " TEXT_TAG(
                    "map", "{\"k\":1}") " " TEXT_TAG("none", ""));
}

static void doubles_that_are_no_numbers_become_text(void **state) {
    (void)state;
    assert_tags(OTEL_ATTRS(OTEL_ATTR("nan", (double)NAN), OTEL_ATTR("inf", (double)INFINITY),
                           OTEL_ATTR("minus", (double)-INFINITY)),
                TEXT_TAG("nan", "NaN") " " TEXT_TAG("inf", "Infinity") " " TEXT_TAG("minus", "-Infinity"));
}

static void kinds(void **state) {
    (void)state;
    static const char *const names[] = { "internal", "server", "client", "producer", "consumer" };
    for (int kind = 0; kind < 5; kind++) {
        otel_span_data span = span_of(&unnamed);
        char expected[256];
        span.kind = (otel_kind)kind;
        snprintf(expected, sizeof expected, "{" IDS " 5:\"work\" 7:1 " TIMES " 10:[" TEXT_TAG("span.kind", "%s") "]}",
                 names[kind]);
        assert_span(&span, expected);
    }
}

static void a_parent_is_a_number(void **state) {
    (void)state;
    static const uint8_t parent_id[8] = { 0, 0, 0, 0, 0, 0, 1, 2 };
    otel_span_data span = span_of(&unnamed);
    span.parent_id = parent_id;
    assert_span(&span,
                "{1:-2 2:72623859790382856 3:-9223372036854775807 4:258 5:\"work\" 7:1 " TIMES " 10:[" INTERNAL "]}");
}

static void an_error_is_a_flag_and_beats_an_attribute_of_that_name(void **state) {
    (void)state;
    otel_span_data span = span_of(&unnamed);
    span.attributes = OTEL_ATTRS(OTEL_ATTR("error", "mine"));
    span.status = OTEL_CODE_ERROR;
    span.status_text = otel_cstr("disk full");
    assert_span(&span, "{" IDS " 5:\"work\" 7:1 " TIMES " 10:[" INTERNAL " {1:\"error\" 2:2 5:true} " TEXT_TAG(
                           "otel.status_code", "ERROR") " " TEXT_TAG("otel.status_description", "disk full") "]}");
    span.status = OTEL_CODE_OK;
    span.status_text = otel_cstr("");
    assert_span(&span, "{" IDS " 5:\"work\" 7:1 " TIMES " 10:[" INTERNAL
                       " " TEXT_TAG("otel.status_code", "OK") " " TEXT_TAG("error", "mine") "]}");
}

static void what_jaeger_has_no_place_for_becomes_tags(void **state) {
    (void)state;
    otel_scope_data scope = lib;
    otel_span_data span = span_of(&scope);
    scope.version = otel_cstr("2");
    scope.attributes = OTEL_ATTRS(OTEL_ATTR("of.scope", 1));
    span.tracestate = otel_cstr("a=1");
    span.dropped_attributes = 1;
    span.dropped_events = 2;
    span.dropped_links = 3;
    assert_span(&span, "{" IDS " 5:\"work\" 7:1 " TIMES " 10:[" INTERNAL
                       " " TEXT_TAG("w3c.tracestate", "a=1") " " TEXT_TAG("otel.scope.name", "lib") " " TEXT_TAG(
                           "otel.scope.version",
                           "2") " " TEXT_TAG("otel.library.name",
                                             "lib") " " TEXT_TAG("otel.library.version",
                                                                 "2") " {1:\"otel.dropped_attributes_count\" 2:3 6:1} "
                                                                      "{1:\"otel.dropped_events_count\" 2:3 6:2} "
                                                                      "{1:\"otel.dropped_links_count\" 2:3 6:3} "
                                                                      "{1:\"of.scope\" 2:3 6:1}]}");
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
    assert_span(&span,
                "{" IDS " 5:\"work\" 7:1 " TIMES " 10:[" INTERNAL "] "
                "11:[{1:1700000000123457 2:[{1:\"otel.dropped_attributes_count\" 2:3 6:4} {1:\"n\" 2:3 6:1} " TEXT_TAG(
                    "event", "first") "]} {1:1700000000123456 2:[" TEXT_TAG("event", "mine") "]}]}");
}

#define LINKED "{1:%d 2:651345242494996240 3:72623859790382856 4:1519427316551916316}"

static void links_are_references_and_logs_where_they_have_more_to_tell(void **state) {
    (void)state;
    const otel_span linked = span_wrapped(1, true, NULL);
    const otel_link_data links[] = {
        { .span = &linked },
        { .span = &linked, .attributes = OTEL_ATTRS(OTEL_ATTR("opentracing.ref_type", "child_of")) },
        { .span = &linked, .tracestate = otel_cstr("a=1"), .dropped_attributes = 2 },
    };
    otel_span_data span = span_of(&unnamed);
    char expected[2048];
    span.links = links;
    span.link_count = 3;
    snprintf(expected, sizeof expected,
             "{" IDS " 5:\"work\" 6:[" LINKED " " LINKED " " LINKED "] 7:1 " TIMES " 10:[" INTERNAL
             "] 11:[{1:1700000000123456 2:[%s %s]} {1:1700000000123456 2:[%s %s %s]}]}",
             1, 0, 1,
             TEXT_TAG("event", "link") " " TEXT_TAG("trace_id", "0102030405060708090a0b0c0d0e0f10") " " TEXT_TAG(
                 "span_id", "15161718191a1b1c"),
             TEXT_TAG("opentracing.ref_type", "child_of"),
             TEXT_TAG("event", "link") " " TEXT_TAG("trace_id", "0102030405060708090a0b0c0d0e0f10") " " TEXT_TAG(
                 "span_id", "15161718191a1b1c"),
             TEXT_TAG("w3c.tracestate", "a=1"), "{1:\"otel.dropped_attributes_count\" 2:3 6:2}");
    assert_span(&span, expected);
}

/* Jaeger would take the reference instead of the parent. */
static void a_link_to_the_parent_is_only_a_log(void **state) {
    (void)state;
    const otel_span linked = span_wrapped(1, true, NULL);
    const otel_span far = otel_span_wrap(&(otel_span_context){
        .size = sizeof(otel_span_context), .trace_id = { 9 }, .span_id = { 0, 0, 0, 0, 0, 0, 0, 9 } });
    const otel_link_data links[] = { { .span = &linked }, { .span = &far } };
    uint8_t ids[24];
    otel_span_data span = span_of(&unnamed);
    otel_span_trace_id(&linked, ids);
    otel_span_id(&linked, ids + 16);
    span.trace_id = ids;
    span.parent_id = ids + 16;
    span.links = links;
    for (span.link_count = 1; span.link_count <= 2; span.link_count++) {
        char *dumped = dump_span(&span, true);
        const char *references = strstr(dumped, " 6:[");
        if (span.link_count == 1)
            assert_null(references);
        else
            assert_int_equal(strncmp(references, " 6:[{1:1 2:0 3:648518346341351424 4:9}] 7:", 42), 0);
        assert_non_null(strstr(dumped, "11:[{1:1700000000123456 2:[" TEXT_TAG("event", "link")));
        free(dumped);
    }
}

static char *dump_batch(const otel_resource_data *resource, size_t count, bool compact, bool in_message) {
    struct otel__buffer out = { 0 };
    struct otel__line text = { 0 };
    struct otel__jaeger_writer writer = { { &out, compact }, &text };
    const otel_span_data span = span_of(&unnamed);
    otel__buffer_reset(&out, 1 << 22);
    otel__jaeger_batch_tail(&writer, 7, in_message);
    for (size_t i = 0; i < count; i++)
        otel__jaeger_span(&writer, &span);
    otel__jaeger_batch_head(&writer, resource, count, in_message);
    const size_t len = otel__buffer_length(&out);
    char *dumped = in_message ? thrift_dump_message(out.cursor, len) : thrift_dump_struct(out.cursor, len, compact);
    otel__buffer_free(&out);
    otel__line_free(&text);
    return dumped;
}

#define SPAN "{" IDS " 5:\"work\" 7:1 " TIMES " 10:[" INTERNAL "]}"

static void a_batch_has_the_resource_as_its_process(void **state) {
    (void)state;
    const otel_resource_data resource = {
        .attributes = OTEL_ATTRS(OTEL_ATTR("host.name", "h"), OTEL_ATTR("service.name", "shop"), OTEL_ATTR("n", 5))
    };
    static const char batch[] =
        "{1:{1:\"shop\" 2:[" TEXT_TAG("host.name", "h") " {1:\"n\" 2:3 6:5}]} 2:[" SPAN " " SPAN "] 3:7}";
    char message[sizeof batch + 20];
    snprintf(message, sizeof message, "emitBatch/4{1:%s}", batch);
    for (int compact = 0; compact < 2; compact++) {
        char *bare = dump_batch(&resource, 2, compact != 0, false),
             *called = dump_batch(&resource, 2, compact != 0, true);
        assert_string_equal(bare, batch);
        assert_string_equal(called, message);
        free(bare);
        free(called);
    }
}

static void a_service_is_never_without_a_name(void **state) {
    (void)state;
    const otel_resource_data none = { .attributes = { NULL, 0 } };
    const otel_resource_data empty = { .attributes = OTEL_ATTRS(OTEL_ATTR("service.name", "")) };
    char *dumped = dump_batch(&none, 0, true, false);
    assert_string_equal(dumped, "{1:{1:\"unknown_service:jaeger_thrift_test\"} 2:[] 3:7}");
    free(dumped);
    dumped = dump_batch(&empty, 0, false, false);
    assert_string_equal(dumped, "{1:{1:\"unknown_service:jaeger_thrift_test\"} 2:[] 3:7}");
    free(dumped);
}

/* Of text that is put together a part would be a lie. */
static void text_that_memory_is_too_short_for_fails_the_span(void **state) {
    (void)state;
    static const int64_t ints[] = { 1, -2 };
    otel_span_data span = span_of(&unnamed);
    if (!failing_allocator_works())
        skip();
    span.attributes = OTEL_ATTRS(OTEL_ATTR("ints", otel_ints(ints, 2)));
    struct otel__buffer out = { 0 };
    struct otel__line text = { 0 };
    struct otel__jaeger_writer writer = { { &out, true }, &text };
    otel__buffer_reset(&out, 1 << 22);
    otel__jaeger_span(&writer, &span);
    otel__line_free(&text);
    otel__buffer_reset(&out, 1 << 22);
    failing_allocator_fail(1, true);
    otel__jaeger_span(&writer, &span);
    failing_allocator_fail(0, false);
    assert_int_equal(out.status, OTEL_ERR_MEMORY);
    otel__buffer_free(&out);
    otel__line_free(&text);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_span),
        cmocka_unit_test(attributes_keep_their_types),
        cmocka_unit_test(what_has_no_type_becomes_text),
        cmocka_unit_test(doubles_that_are_no_numbers_become_text),
        cmocka_unit_test(kinds),
        cmocka_unit_test(a_parent_is_a_number),
        cmocka_unit_test(an_error_is_a_flag_and_beats_an_attribute_of_that_name),
        cmocka_unit_test(what_jaeger_has_no_place_for_becomes_tags),
        cmocka_unit_test(events_are_logs),
        cmocka_unit_test(links_are_references_and_logs_where_they_have_more_to_tell),
        cmocka_unit_test(a_link_to_the_parent_is_only_a_log),
        cmocka_unit_test(a_batch_has_the_resource_as_its_process),
        cmocka_unit_test(a_service_is_never_without_a_name),
        cmocka_unit_test(text_that_memory_is_too_short_for_fails_the_span),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
