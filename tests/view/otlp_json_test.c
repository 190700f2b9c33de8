/* SPDX-License-Identifier: Apache-2.0 */
/* OTLP's JSON becomes just what protobuf brings of the same spans; what is in the wrong form is refused as a whole. */
#include "otlp_json.h"
#include "fixture.h"
#include "ingest.h"
#include "program.h"

#include "batch_double.h"
#include "otlp/otlp_json.h"
#include "span_generator.h"

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

enum { SPANS = 300 };

#define JSON "Content-Type: application/json"
#define IDS "\"traceId\":\"4B4b4b4b4b4b4b4b4b4b4b4b4b4b4b4b\",\"spanId\":\"000000000000000a\""
#define REQUEST(span) "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[" span "]}]}]}"
#define ATTRIBUTE(value) REQUEST("{" IDS ",\"attributes\":[{\"key\":\"k\",\"value\":" value "}]}")

static const char *const no_arguments[] = { NULL };

static struct view_store *new_store(void) {
    struct view_store *store = view_store_new(1000, 16 << 20);
    assert_non_null(store);
    return store;
}

static struct view_decode_result decode(struct view_store *store, const char *text) {
    return view_decode_otlp_json((const uint8_t *)text, strlen(text), store, 0);
}

static void assert_text(ProtobufCBinaryData text, const char *expected) {
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.data, expected, text.len);
}

/* ---- as by protobuf ---------------------------------------------------------------------------------------------- */

static void assert_same_blob(const struct view_blob *one, const struct view_blob *other) {
    assert_int_equal(one->len, other->len);
    assert_memory_equal(one->bytes, other->bytes, one->len);
}

static void assert_same_stores(const struct view_store *one, const struct view_store *other) {
    size_t spans = 0;
    for (const struct view_trace *trace = view_store_first(one); trace; trace = view_store_next(one, trace)) {
        const struct view_trace *twin = view_store_find(other, trace->id);
        assert_non_null(twin);
        const struct view_span *b = twin->first;
        for (const struct view_span *a = trace->first; a; a = a->next, b = b->next) {
            assert_non_null(b);
            assert_int_equal(a->len, b->len);
            assert_memory_equal(a->bytes, b->bytes, a->len);
            assert_same_blob(a->origin.service, b->origin.service);
            assert_same_blob(a->origin.resource, b->origin.resource);
            assert_same_blob(a->origin.scope, b->origin.scope);
            spans++;
        }
        assert_null(b);
    }
    assert_int_equal(spans, SPANS);
    assert_int_equal(view_store_stats(other).spans, SPANS);
}

/* Random spans with every feature, by the exporter's two encoders. */
static void test_a_request_is_what_protobuf_brings(void **state) {
    (void)state;
    span_set *set = span_set_create(20231114, SPANS);
    otel_batch *batch = batch_double_create(span_set_spans(set), SPANS, span_set_resource(set));
    struct otel__otlp_encoder encoder = { .groups = { 0 } };
    struct view_store *stores[2] = { new_store(), new_store() };
    struct view_decode_result results[2];
    assert_int_equal(otel__otlp_encode(&encoder, batch, 0, SPANS, 64 << 20), OTEL_OK);
    results[0] = view_decode(encoder.body.cursor, (size_t)(encoder.body.end - encoder.body.cursor), stores[0], 0);
    assert_int_equal(otel__otlp_encode_json(&encoder, batch, 0, SPANS, 64 << 20), OTEL_OK);
    results[1] =
        view_decode_otlp_json(encoder.body.cursor, (size_t)(encoder.body.end - encoder.body.cursor), stores[1], 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(results[i].status, VIEW_DECODE_OK);
        assert_int_equal(results[i].spans, SPANS);
        assert_int_equal(results[i].rejected, 0);
    }
    assert_same_stores(stores[0], stores[1]);
    view_store_free(stores[0]);
    view_store_free(stores[1]);
    otel__otlp_encoder_free(&encoder);
    batch_double_free(batch);
    span_set_free(set);
}

/* ---- as others write it ------------------------------------------------------------------------------------------ */

/* The value of the one attribute of the one span. It lives in the arena. */
static const Otel__Otlp__AnyValue *value_of(const char *request, struct view_store *store, struct view_arena *arena) {
    assert_int_equal(decode(store, request).status, VIEW_DECODE_OK);
    view_arena_init(arena, VIEW_MAX_DECODED);
    const Otel__Otlp__Span *span = view_unpack_span(fixture_trace(store, 0x4b)->first, arena);
    assert_int_equal(span->n_attributes, 1);
    return span->attributes[0]->value;
}

static void assert_int_read(const char *request, int64_t expected) {
    struct view_store *store = new_store();
    struct view_arena arena;
    const Otel__Otlp__AnyValue *value = value_of(request, store, &arena);
    assert_int_equal(value->value_case, OTEL__OTLP__ANY_VALUE__VALUE_INT_VALUE);
    assert_true(value->int_value == expected);
    view_arena_clear(&arena);
    view_store_free(store);
}

static void assert_double_read(const char *request, double expected) {
    struct view_store *store = new_store();
    struct view_arena arena;
    const Otel__Otlp__AnyValue *value = value_of(request, store, &arena);
    assert_int_equal(value->value_case, OTEL__OTLP__ANY_VALUE__VALUE_DOUBLE_VALUE);
    assert_true(isnan(expected) ? isnan(value->double_value) : value->double_value == expected);
    view_arena_clear(&arena);
    view_store_free(store);
}

static void assert_bytes_read(const char *request, const char *expected, size_t len) {
    struct view_store *store = new_store();
    struct view_arena arena;
    const Otel__Otlp__AnyValue *value = value_of(request, store, &arena);
    assert_int_equal(value->value_case, OTEL__OTLP__ANY_VALUE__VALUE_BYTES_VALUE);
    assert_int_equal(value->bytes_value.len, len);
    assert_memory_equal(value->bytes_value.data, expected, len);
    view_arena_clear(&arena);
    view_store_free(store);
}

static void test_numbers_may_be_text_or_numbers(void **state) {
    (void)state;
    assert_int_read(ATTRIBUTE("{\"intValue\":\"-9223372036854775808\"}"), INT64_MIN);
    assert_int_read(ATTRIBUTE("{\"intValue\":42}"), 42);
    assert_double_read(ATTRIBUTE("{\"doubleValue\":1.5}"), 1.5);
    assert_double_read(ATTRIBUTE("{\"doubleValue\":3}"), 3);
    assert_double_read(ATTRIBUTE("{\"doubleValue\":\"1e300\"}"), 1e300);
    assert_double_read(ATTRIBUTE("{\"doubleValue\":\"NaN\"}"), (double)NAN);
    assert_double_read(ATTRIBUTE("{\"doubleValue\":\"-Infinity\"}"), (double)-INFINITY);
}

static void test_bytes_come_in_either_base64(void **state) {
    (void)state;
    assert_bytes_read(ATTRIBUTE("{\"bytesValue\":\"/+8A\"}"), "\xff\xef\x00", 3);
    assert_bytes_read(ATTRIBUTE("{\"bytesValue\":\"_-8A\"}"), "\xff\xef\x00", 3);
    assert_bytes_read(ATTRIBUTE("{\"bytesValue\":\"/w==\"}"), "\xff", 1);
    assert_bytes_read(ATTRIBUTE("{\"bytesValue\":\"/+8\"}"), "\xff\xef", 2);
    assert_bytes_read(ATTRIBUTE("{\"bytesValue\":\"\"}"), "", 0);
}

static void test_what_is_unknown_or_null_is_no_matter(void **state) {
    (void)state;
    struct view_store *store = new_store();
    struct view_arena arena;
    const struct view_decode_result result =
        decode(store, "{\"colour\":1,\"resourceSpans\":[{\"resource\":null,\"scopeSpans\":[{\"spans\":[{" IDS
                      ",\"name\":\"n\",\"kind\":3,\"colour\":[{}],\"status\":{\"code\":2,\"message\":\"m\"},"
                      "\"endTimeUnixNano\":\"18446744073709551615\",\"events\":null,\"attributes\":[]}]}]}]}");
    assert_int_equal(result.status, VIEW_DECODE_OK);
    assert_int_equal(result.spans, 1);
    view_arena_init(&arena, VIEW_MAX_DECODED);
    const struct view_span *span = fixture_trace(store, 0x4b)->first;
    const Otel__Otlp__Span *message = view_unpack_span(span, &arena);
    assert_text(message->name, "n");
    assert_int_equal(span->kind, 3);
    assert_true(span->end == UINT64_MAX);
    assert_int_equal(span->status, 2);
    assert_text(message->status->message, "m");
    assert_memory_equal(span->origin.service->bytes, "unknown_service", 15);
    view_arena_clear(&arena);
    view_store_free(store);
}

/* ---- what is wrong ----------------------------------------------------------------------------------------------- */

static void test_what_has_the_wrong_form_is_refused(void **state) {
    (void)state;
    static const char *const bad[][2] = {
        { "", "no JSON" },
        { "{", "no JSON" },
        { "[]", "no object" },
        { "{\"resourceSpans\":{}}", "no array" },
        { "{\"resourceSpans\":[null]}", "no object" },
        { REQUEST("1"), "no object" },
        { REQUEST("{\"traceId\":\"4b4\"}"), "not hexadecimal" },
        { REQUEST("{\"traceId\":\"xx\"}"), "not hexadecimal" },
        { REQUEST("{\"traceId\":1}"), "no string" },
        { REQUEST("{\"startTimeUnixNano\":\"soon\"}"), "no integer" },
        { REQUEST("{\"startTimeUnixNano\":\"1x\"}"), "no integer" },
        { REQUEST("{\"startTimeUnixNano\":\"18446744073709551616\"}"), "no integer" },
        { REQUEST("{\"startTimeUnixNano\":1.5}"), "no integer" },
        { REQUEST("{\"kind\":\"SERVER\"}"), "no integer" },
        { REQUEST("{\"flags\":4294967296}"), "too large" },
        { ATTRIBUTE("{\"boolValue\":1}"), "neither true nor false" },
        { ATTRIBUTE("{\"doubleValue\":\"a lot\"}"), "no number" },
        { ATTRIBUTE("{\"bytesValue\":\"?\"}"), "no base64" },
    };
    struct view_store *store = new_store();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const struct view_decode_result result = decode(store, bad[i][0]);
        assert_int_equal(result.status, VIEW_DECODE_MALFORMED);
        if (!strstr(result.reason, bad[i][1])) {
            fail_msg("%s: %s", bad[i][0], result.reason);
        }
    }
    assert_int_equal(view_store_stats(store).spans, 0);
    assert_int_equal(decode(store, "{}").status, VIEW_DECODE_OK);
    view_store_free(store);
}

static void test_a_span_without_ids_is_rejected_alone(void **state) {
    (void)state;
    struct view_store *store = new_store();
    const struct view_decode_result result = decode(store, REQUEST("{\"name\":\"n\"},{" IDS "},{\"traceId\":\"4b\"}"));
    assert_int_equal(result.status, VIEW_DECODE_OK);
    assert_int_equal(result.spans, 3);
    assert_int_equal(result.rejected, 2);
    assert_int_equal(view_store_stats(store).spans, 1);
    view_store_free(store);
}

/* Lists in each other, to be freed. */
static char *nested(unsigned levels) {
    static const char open[] = "{\"arrayValue\":{\"values\":[", close[] = "]}}";
    char *text = malloc(sizeof ATTRIBUTE("") + levels * (sizeof open + sizeof close));
    assert_non_null(text);
    char *end = text + sprintf(text, "{\"resourceSpans\":[{\"scopeSpans\":[{\"spans\":[{" IDS
                                     ",\"attributes\":[{\"key\":\"k\",\"value\":");
    for (unsigned i = 0; i < levels; i++) {
        end += sprintf(end, "%s", open);
    }
    end += sprintf(end, "{}");
    for (unsigned i = 0; i < levels; i++) {
        end += sprintf(end, "%s", close);
    }
    sprintf(end, "}]}]}]}]}");
    return text;
}

static void test_nesting_has_a_bound(void **state) {
    (void)state;
    static const struct {
        unsigned levels;
        enum view_decode_status status;
    } cases[] = { { 1, VIEW_DECODE_OK },
                  { 64, VIEW_DECODE_OK },
                  { 98, VIEW_DECODE_MALFORMED },
                  { 1000, VIEW_DECODE_MALFORMED },
                  { 100000, VIEW_DECODE_MALFORMED } };
    struct view_store *store = new_store();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = nested(cases[i].levels);
        const struct view_decode_result result = decode(store, text);
        assert_int_equal(result.status, cases[i].status);
        assert_int_equal(result.reason != NULL, cases[i].status != VIEW_DECODE_OK);
        free(text);
    }
    view_store_free(store);
}

static void test_whatever_arrives_does_no_harm(void **state) {
    (void)state;
    static const char whole[] = ATTRIBUTE("{\"arrayValue\":{\"values\":[{\"bytesValue\":\"AAA=\"},{\"intValue\":\"7\"},"
                                          "{\"doubleValue\":\"NaN\"}]}},\"events\":[{\"timeUnixNano\":\"1\"}]");
    struct view_store *store = new_store();
    char text[sizeof whole];
    for (size_t len = 0; len < sizeof whole - 1; len++) {
        assert_int_equal(view_decode_otlp_json((const uint8_t *)whole, len, store, 0).status, VIEW_DECODE_MALFORMED);
    }
    for (size_t at = 0; at < sizeof whole - 1; at++) {
        for (size_t i = 0; i < 5; i++) {
            memcpy(text, whole, sizeof whole);
            text[at] = "0\"[\xff\\"[i];
            decode(store, text);
        }
    }
    view_store_free(store);
}

/* ---- requests ---------------------------------------------------------------------------------------------------- */

static void assert_answer(struct reply reply, long status, const char *body) {
    assert_int_equal(reply.status, status);
    assert_int_equal(reply.len, strlen(body));
    assert_memory_equal(reply.body, body, reply.len);
    reply_clear(&reply);
}

static void test_uploads_are_answered_in_json(void **state) {
    (void)state;
    static const char *const json[] = { JSON "; charset=utf-8", NULL };
    static const char span[] = REQUEST("{" IDS ",\"name\":\"by JSON\"}"), one_bad[] = REQUEST("{\"name\":\"n\"}");
    struct program program;
    program_start(&program, no_arguments);
    assert_answer(program_request(&program, "/v1/traces", json, span, sizeof span - 1), 200, "{}");
    assert_answer(program_request(&program, "/v1/traces", json, one_bad, sizeof one_bad - 1), 200,
                  "{\"partialSuccess\":{\"rejectedSpans\":\"1\",\"errorMessage\":\"an id has a wrong length or is all "
                  "zero\"}}");
    assert_answer(program_request(&program, "/v1/traces", json, "[", 1), 400,
                  "{\"code\":3,\"message\":\"the body is no JSON\"}");
    char *large = malloc(VIEW_MAX_JSON_BODY + 1);
    assert_non_null(large);
    memset(large, ' ', VIEW_MAX_JSON_BODY + 1);
    assert_answer(program_request(&program, "/v1/traces", json, large, VIEW_MAX_JSON_BODY + 1), 413,
                  "{\"code\":8,\"message\":\"the body is larger than 16 MiB\"}");
    free(large);
    assert_int_equal(program_stat(&program, "spans", "received"), 2);
    assert_int_equal(program_stat(&program, "requests", "rejected"), 2);
    assert_int_equal(program_stop(&program, SIGTERM), 0);
    assert_non_null(strstr(program.output, "by JSON"));
    program_clear(&program);
}

static void test_gzip_bodies(void **state) {
    (void)state;
    static const char *const gzip[] = { JSON, "Content-Encoding: gzip", NULL };
    static char span[] = REQUEST("{" IDS "}");
    uint8_t packed[1024];
    struct program program;
    z_stream stream = {
        .next_in = (uint8_t *)span, .avail_in = sizeof span - 1, .next_out = packed, .avail_out = sizeof packed
    };
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    const size_t len = sizeof packed - stream.avail_out;
    program_start(&program, no_arguments);
    assert_answer(program_request(&program, "/v1/traces", gzip, packed, len), 200, "{}");
    assert_int_equal(program_stat(&program, "spans", "kept"), 1);
    assert_answer(program_request(&program, "/v1/traces", gzip, packed, len - 9), 400,
                  "{\"code\":3,\"message\":\"the body is not gzip\"}");
    program_clear(&program);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_request_is_what_protobuf_brings),
        cmocka_unit_test(test_numbers_may_be_text_or_numbers),
        cmocka_unit_test(test_bytes_come_in_either_base64),
        cmocka_unit_test(test_what_is_unknown_or_null_is_no_matter),
        cmocka_unit_test(test_what_has_the_wrong_form_is_refused),
        cmocka_unit_test(test_a_span_without_ids_is_rejected_alone),
        cmocka_unit_test(test_nesting_has_a_bound),
        cmocka_unit_test(test_whatever_arrives_does_no_harm),
        cmocka_unit_test(test_uploads_are_answered_in_json),
        cmocka_unit_test(test_gzip_bodies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
