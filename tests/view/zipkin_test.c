/* SPDX-License-Identifier: Apache-2.0 */
/* Zipkin's JSON becomes what OTLP would have brought; what is no list of spans is refused as a whole. */
#include "zipkin.h"
#include "fixture.h"
#include "ingest.h"
#include "program.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define JSON "Content-Type: application/json"

/* Two spans of one trace, all that Zipkin knows in the first. */
static const char whole[] =
    "[{\"traceId\":\"4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b\",\"parentId\":\"0000000000000007\",\"id\":\"000000000000000a\","
    "\"kind\":\"CLIENT\",\"name\":\"call\",\"timestamp\":1700000000000001,\"duration\":25,"
    "\"localEndpoint\":{\"serviceName\":\"shop\"},\"remoteEndpoint\":{\"serviceName\":\"other\"},"
    "\"annotations\":[{\"timestamp\":1700000000000005,\"value\":\"plain\"},"
    "{\"timestamp\":1700000000000006,\"value\":\"\\\"full\\\": {\\\"a\\\":\\\"b\\\",\\\"n\\\":7,\\\"l\\\":[1]}\"},"
    "{\"timestamp\":1700000000000007,\"value\":\"\\\"odd\\\" text}\"}],"
    "\"tags\":{\"k\":\"v\",\"otel.scope.name\":\"lib\",\"otel.scope.version\":\"2\",\"otel.library.name\":\"lib\","
    "\"otel.status_code\":\"ERROR\",\"error\":\"disk full\"}},"
    "{\"traceId\":\"4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b\",\"id\":\"0000000000000007\",\"tags\":{\"otel.status_code\":"
    "\"OK\"}}]";

static struct view_store *new_store(void) {
    struct view_store *store = view_store_new(100, 1 << 20);
    assert_non_null(store);
    return store;
}

static struct view_decode_result decode(struct view_store *store, const char *text) {
    return view_decode_zipkin((const uint8_t *)text, strlen(text), store, 0);
}

static void assert_text(ProtobufCBinaryData text, const char *expected) {
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.data, expected, text.len);
}

static void test_a_span_is_what_otlp_would_have_brought(void **state) {
    (void)state;
    struct view_store *store = new_store();
    const struct view_decode_result result = decode(store, whole);
    assert_int_equal(result.status, VIEW_DECODE_OK);
    assert_int_equal(result.spans, 2);
    const struct view_span *span = fixture_trace(store, 0x4b)->first;
    assert_int_equal(span->id[7], 10);
    assert_true(span->has_parent);
    assert_int_equal(span->parent_id[7], 7);
    assert_int_equal(span->kind, 3);
    assert_int_equal(span->start, FIXTURE_EPOCH + 1000);
    assert_int_equal(span->end - span->start, 25000);
    assert_int_equal(span->status, 2);
    assert_memory_equal(span->origin.service->bytes, "shop", 4);
    assert_false(span->next->has_parent);
    assert_int_equal(span->next->status, 1);
    assert_int_equal(span->next->kind, 1);
    view_store_free(store);
}

static void test_tags_and_annotations_go_where_they_came_from(void **state) {
    (void)state;
    struct view_store *store = new_store();
    struct view_arena arena;
    decode(store, whole);
    view_arena_init(&arena, VIEW_MAX_DECODED);
    const struct view_span *span = fixture_trace(store, 0x4b)->first;
    const Otel__Otlp__Span *message = view_unpack_span(span, &arena);
    assert_text(message->name, "call");
    assert_int_equal(message->n_attributes, 1);
    assert_text(message->attributes[0]->key, "k");
    assert_text(message->attributes[0]->value->string_value, "v");
    assert_text(message->status->message, "disk full");
    assert_int_equal(message->n_events, 3);
    assert_text(message->events[0]->name, "plain");
    assert_int_equal(message->events[0]->time_unix_nano, FIXTURE_EPOCH + 5000);
    assert_text(message->events[1]->name, "full");
    assert_int_equal(message->events[1]->n_attributes, 3);
    assert_text(message->events[1]->attributes[0]->value->string_value, "b");
    assert_int_equal(message->events[1]->attributes[1]->value->int_value, 7);
    assert_text(message->events[1]->attributes[2]->value->string_value, "[1]");
    assert_text(message->events[2]->name, "\"odd\" text}");
    const Otel__Otlp__ScopeSpans *scope = view_unpack_scope(span, &arena);
    assert_text(scope->scope->name, "lib");
    assert_text(scope->scope->version, "2");
    view_arena_clear(&arena);
    view_store_free(store);
}

static void test_spans_of_others_are_read_too(void **state) {
    (void)state;
    struct view_store *store = new_store();
    struct view_arena arena;
    decode(store,
           "[{\"traceId\":\"4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b\",\"id\":\"0000000000000001\",\"tags\":{\"error\":\"\"},"
           "\"annotations\":[{\"timestamp\":1,\"value\":\"\\\"a\\\": {}, \\\"b\\\": {}\"}]}]");
    view_arena_init(&arena, VIEW_MAX_DECODED);
    const struct view_span *span = fixture_trace(store, 0x4b)->first;
    assert_int_equal(span->status, 2);
    assert_text(view_unpack_span(span, &arena)->events[0]->name, "\"a\": {}, \"b\": {}");
    view_arena_clear(&arena);
    view_store_free(store);
}

static void test_a_short_trace_id_is_filled_up(void **state) {
    (void)state;
    struct view_store *store = new_store();
    decode(store, "[{\"traceId\":\"4b4b4b4b4b4b4b4b\",\"id\":\"0000000000000001\"}]");
    static const uint8_t id[VIEW_TRACE_ID_SIZE] = { [8] = 0x4b, 0x4b, 0x4b, 0x4b, 0x4b, 0x4b, 0x4b, 0x4b };
    assert_non_null(view_store_find(store, id));
    view_store_free(store);
}

static void test_what_is_no_list_of_spans_is_refused(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",
        "{}",
        "[1]",
        "[{}]",
        "[{\"traceId\":\"4b4b4b4b4b4b4b4b\"}]",
        "[{\"traceId\":\"4b4b4b4b4b4b4b4\",\"id\":\"0000000000000001\"}]",
        "[{\"traceId\":\"4b4b4b4b4b4b4b4x\",\"id\":\"0000000000000001\"}]",
        "[{\"traceId\":\"4b4b4b4b4b4b4b4b\",\"id\":\"00000001\"}]",
        "[{\"traceId\":\"4b4b4b4b4b4b4b4b\",\"id\":\"0000000000000001\"},{\"traceId\":\"4b4b4b4b4b4b4b4b\",\"id\":1}]",
        "[{\"traceId\":\"4b4b4b4b4b4b4b4b\",\"id\":\"0000000000000001\",\"parentId\":\"\"}]",
    };
    struct view_store *store = new_store();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct view_decode_result result = decode(store, bad[i]);
        assert_int_equal(result.status, VIEW_DECODE_MALFORMED);
        assert_non_null(result.reason);
    }
    assert_int_equal(view_store_stats(store).spans, 0);
    assert_int_equal(decode(store, "[]").status, VIEW_DECODE_OK);
    view_store_free(store);
}

static void test_whatever_arrives_does_no_harm(void **state) {
    (void)state;
    struct view_store *store = new_store();
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        assert_int_equal(view_decode_zipkin((const uint8_t *)whole, len, store, 0).status, VIEW_DECODE_MALFORMED);
    }
    char text[sizeof whole];
    for (size_t at = 0; at < sizeof whole - 1; at++) {
        for (size_t i = 0; i < 4; i++) {
            memcpy(text, whole, sizeof whole);
            text[at] = "0\"[\xff"[i];
            decode(store, text);
        }
    }
    view_store_free(store);
}

static void assert_answer(struct reply reply, long status, const char *body) {
    assert_int_equal(reply.status, status);
    assert_int_equal(reply.len, strlen(body));
    assert_memory_equal(reply.body, body, reply.len);
    reply_clear(&reply);
}

static void test_uploads_are_answered_as_by_zipkin(void **state) {
    (void)state;
    static const char *const arguments[] = { NULL }, *const json[] = { JSON "; charset=utf-8", NULL };
    static const char *const protobuf[] = { "Content-Type: application/x-protobuf", NULL };
    struct program program;
    program_start(&program, arguments);
    assert_answer(program_request(&program, "/api/v2/spans", json, whole, sizeof whole - 1), 202, "");
    assert_answer(program_request(&program, "/api/v2/spans", json, "[1", 2), 400, "the body is no list of spans");
    assert_answer(program_request(&program, "/api/v2/spans", protobuf, whole, sizeof whole - 1), 415,
                  "Content-Type must be application/json\n");
    char *large = malloc(VIEW_MAX_JSON_BODY + 1);
    assert_non_null(large);
    memset(large, ' ', VIEW_MAX_JSON_BODY + 1);
    assert_answer(program_request(&program, "/api/v2/spans", json, large, VIEW_MAX_JSON_BODY + 1), 413,
                  "the body is larger than 16 MiB");
    free(large);
    assert_int_equal(program_stat(&program, "spans", "received"), 2);
    assert_int_equal(program_stat(&program, "requests", "accepted"), 1);
    assert_int_equal(program_stat(&program, "requests", "rejected"), 3);
    assert_int_equal(program_stop(&program, SIGTERM), 0);
    assert_non_null(strstr(program.output, "disk full"));
    program_clear(&program);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_span_is_what_otlp_would_have_brought),
        cmocka_unit_test(test_tags_and_annotations_go_where_they_came_from),
        cmocka_unit_test(test_spans_of_others_are_read_too),
        cmocka_unit_test(test_a_short_trace_id_is_filled_up),
        cmocka_unit_test(test_what_is_no_list_of_spans_is_refused),
        cmocka_unit_test(test_whatever_arrives_does_no_harm),
        cmocka_unit_test(test_uploads_are_answered_as_by_zipkin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
