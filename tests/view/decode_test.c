/* SPDX-License-Identifier: Apache-2.0 */
/* From request bytes to stored spans and back, and the requests that are refused. */
#include "decode.h"
#include "fixture.h"
#include "gunzip.h"
#include "precheck.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <cmocka.h>

static struct view_store *new_store(void) {
    struct view_store *store = view_store_new(100, 1 << 20);
    assert_non_null(store);
    return store;
}

static struct view_decode_result decode(struct view_store *store, struct fixture_bytes request) {
    struct view_decode_result result = view_decode(request.bytes, request.len, store, 0);
    free(request.bytes);
    return result;
}

static void test_fields_that_order_and_count(void **state) {
    (void)state;
    struct view_store *store = new_store();
    fixture_add(store, fixture_search, fixture_search_count, 5);
    const struct view_trace *trace = fixture_trace(store, 0x4b);
    assert_int_equal(trace->span_count, fixture_search_count);
    size_t i = 0;
    for (const struct view_span *span = trace->first; span; span = span->next, i++) {
        const struct fixture_span *expected = &fixture_search[i];
        assert_int_equal(span->id[7], expected->id);
        assert_int_equal(span->has_parent, expected->parent != 0);
        assert_int_equal(span->parent_id[7], expected->parent);
        assert_int_equal(span->kind, expected->kind);
        assert_int_equal(span->start, FIXTURE_EPOCH + expected->start_us * 1000);
        assert_int_equal(span->end - span->start, expected->duration_us * 1000);
        assert_int_equal(span->status, expected->error ? 2 : 0);
        assert_int_equal(span->calls_service, expected->id == 5);
        assert_int_equal(span->origin.service->len, strlen(expected->service));
        assert_memory_equal(span->origin.service->bytes, expected->service, strlen(expected->service));
    }
    view_store_free(store);
}

static void test_a_stored_span_decodes_to_what_was_sent(void **state) {
    (void)state;
    struct view_store *store = new_store();
    fixture_add(store, fixture_search, fixture_search_count, 0);
    const struct view_span *span = fixture_trace(store, 0x4b)->last;
    struct view_arena arena;
    view_arena_init(&arena, VIEW_MAX_DECODED);
    const Otel__Otlp__Span *message = view_unpack_span(span, &arena);
    assert_int_equal(message->name.len, strlen("publish query.failed"));
    assert_memory_equal(message->name.data, "publish query.failed", message->name.len);
    assert_int_equal(message->n_attributes, 2);
    assert_int_equal(message->n_links, 1);
    assert_int_equal(message->links[0]->trace_id.data[0], 0x4c);
    const Otel__Otlp__ResourceSpans *resource = view_unpack_resource(span, &arena);
    assert_int_equal(resource->n_scope_spans, 0);
    assert_int_equal(resource->resource->n_attributes, 1);
    const Otel__Otlp__ScopeSpans *scope = view_unpack_scope(span, &arena);
    assert_int_equal(scope->n_spans, 0);
    assert_memory_equal(scope->scope->name.data, "fixture", 7);
    view_arena_clear(&arena);
    view_store_free(store);
}

static void test_an_empty_request_is_fine(void **state) {
    (void)state;
    struct view_store *store = new_store();
    struct view_decode_result result = view_decode(NULL, 0, store, 0);
    assert_int_equal(result.status, VIEW_DECODE_OK);
    assert_int_equal(result.spans, 0);
    view_store_free(store);
}

static void test_without_a_service_name(void **state) {
    (void)state;
    struct view_store *store = new_store();
    const struct fixture_span spans[] = { { .service = NULL, .trace = 1, .id = 1, .name = "x" },
                                          { .service = "", .trace = 1, .id = 2, .name = "x" } };
    fixture_add(store, spans, 2, 0);
    for (const struct view_span *span = fixture_trace(store, 1)->first; span; span = span->next) {
        assert_int_equal(span->origin.service->len, strlen("unknown_service"));
        assert_memory_equal(span->origin.service->bytes, "unknown_service", strlen("unknown_service"));
    }
    view_store_free(store);
}

static void test_garbage_is_refused_whole(void **state) {
    (void)state;
    struct view_store *store = new_store();
    struct fixture_bytes request = fixture_request(fixture_search, fixture_search_count);
    request.len--;
    struct view_decode_result result = decode(store, request);
    assert_int_equal(result.status, VIEW_DECODE_MALFORMED);
    assert_non_null(result.reason);
    assert_int_equal(view_store_stats(store).spans, 0);
    assert_int_equal(view_store_stats(store).bytes_kept, 0);
    view_store_free(store);
}

/* Below: request, ResourceSpans, ScopeSpans, Span, KeyValue and AnyValue are five levels below the request; each level
 * of the array adds an ArrayValue and an AnyValue. The innermost AnyValue is the last level. */
static void test_nesting_has_a_limit(void **state) {
    (void)state;
    const unsigned deepest = (VIEW_MAX_NESTING - 5) / 2;
    struct view_store *store = new_store();
    assert_int_equal(decode(store, fixture_nested(deepest)).status, VIEW_DECODE_OK);
    assert_int_equal(view_store_stats(store).spans, 1);
    assert_int_equal(decode(store, fixture_nested(deepest + 1)).status, VIEW_DECODE_MALFORMED);
    assert_int_equal(decode(store, fixture_nested(200000)).status, VIEW_DECODE_MALFORMED);
    view_store_free(store);
}

/* The specification's limit of depth, which SDKs apply. */
static void test_what_sdks_may_send_is_taken(void **state) {
    (void)state;
    struct view_store *store = new_store();
    assert_int_equal(decode(store, fixture_nested(64)).status, VIEW_DECODE_OK);
    assert_int_equal(decode(store, fixture_nested_maps(64)).status, VIEW_DECODE_OK);
    view_store_free(store);
}

/* Bytes like those of a nested message, in a field that is text. */
static void test_text_is_no_nesting(void **state) {
    (void)state;
    struct view_store *store = new_store();
    struct fixture_bytes nested = fixture_nested(40);
    char name[1024];
    size_t len = nested.len < sizeof name ? nested.len : sizeof name - 1;
    memcpy(name, nested.bytes, len);
    name[len] = '\0';
    free(nested.bytes);
    const struct fixture_span span = { .service = "a", .trace = 1, .id = 1, .name = name };
    struct fixture_bytes request = fixture_request(&span, 1);
    const ProtobufCMessageDescriptor *type = &otel__otlp__export_trace_service_request__descriptor;
    assert_null(view_precheck(type, request.bytes, request.len, 6));
    assert_non_null(view_precheck(type, request.bytes, request.len, 2));
    free(request.bytes);
    view_store_free(store);
}

/* The field number 0 in one byte and in two, in a span; then one above the greatest allowed. */
static void test_forbidden_field_numbers(void **state) {
    static const uint8_t requests[][16] = {
        { 0x0A, 6, 0x12, 4, 0x12, 2, 0x00, 0x00 },
        { 0x0A, 7, 0x12, 5, 0x12, 3, 0x80, 0x00, 0x00 },
        { 0x0A, 10, 0x12, 8, 0x12, 6, 0x80, 0x80, 0x80, 0x80, 0x10, 0x00 },
        { 0x0A, 10, 0x12, 8, 0x12, 6, 0xF8, 0xFF, 0xFF, 0xFF, 0x0F, 0x00 }, /* the greatest: unknown, skipped */
    };
    (void)state;
    struct view_store *store = new_store();
    for (size_t i = 0; i < 4; i++) {
        size_t len = (size_t)requests[i][1] + 2;
        enum view_decode_status expected = i == 3 ? VIEW_DECODE_OK : VIEW_DECODE_MALFORMED;
        assert_int_equal(view_decode(requests[i], len, store, 0).status, expected);
    }
    view_store_free(store);
}

/* Two bytes each, over a hundred in memory: 24 million empty events. */
static void test_a_request_that_would_take_too_much_memory(void **state) {
    (void)state;
    const size_t events = 24u << 20;
    const size_t span_len = 2 * events;
    uint8_t head[] = { 0x0A, 0, 0, 0, 0, 0x12, 0, 0, 0, 0, 0x12, 0, 0, 0, 0 };
    for (size_t level = 0; level < 3; level++) {
        size_t len = span_len + (2 - level) * 5;
        for (size_t i = 0; i < 4; i++) {
            head[level * 5 + 1 + i] = (uint8_t)((len >> (7 * i) & 0x7f) | (i < 3 ? 0x80 : 0));
        }
    }
    struct fixture_bytes request = { malloc(sizeof head + span_len), sizeof head + span_len };
    assert_non_null(request.bytes);
    memcpy(request.bytes, head, sizeof head);
    for (size_t i = 0; i < events; i++) {
        request.bytes[sizeof head + 2 * i] = 0x5A;
        request.bytes[sizeof head + 2 * i + 1] = 0;
    }
    struct view_store *store = new_store();
    struct view_decode_result result = decode(store, request);
    assert_int_equal(result.status, VIEW_DECODE_TOO_LARGE);
    view_store_free(store);
}

static struct view_decode_result decode_with_ids(struct view_store *store, size_t trace_len, size_t span_len,
                                                 size_t parent_len, uint8_t fill) {
    uint8_t bytes[64];
    memset(bytes, fill, sizeof bytes);
    Otel__Otlp__Span span = OTEL__OTLP__SPAN__INIT;
    span.trace_id = (ProtobufCBinaryData){ trace_len, bytes };
    span.span_id = (ProtobufCBinaryData){ span_len, bytes };
    span.parent_span_id = (ProtobufCBinaryData){ parent_len, bytes };
    Otel__Otlp__Span *spans[] = { &span };
    Otel__Otlp__ScopeSpans scope_spans = OTEL__OTLP__SCOPE_SPANS__INIT;
    scope_spans.n_spans = 1;
    scope_spans.spans = spans;
    Otel__Otlp__ScopeSpans *scopes[] = { &scope_spans };
    Otel__Otlp__ResourceSpans resource_spans = OTEL__OTLP__RESOURCE_SPANS__INIT;
    resource_spans.n_scope_spans = 1;
    resource_spans.scope_spans = scopes;
    Otel__Otlp__ResourceSpans *resources[] = { &resource_spans };
    Otel__Otlp__ExportTraceServiceRequest request = OTEL__OTLP__EXPORT_TRACE_SERVICE_REQUEST__INIT;
    request.n_resource_spans = 1;
    request.resource_spans = resources;
    uint8_t packed[512];
    size_t len = otel__otlp__export_trace_service_request__pack(&request, packed);
    return view_decode(packed, len, store, 0);
}

static void test_spans_with_bad_ids_are_rejected(void **state) {
    (void)state;
    struct view_store *store = new_store();
    assert_int_equal(decode_with_ids(store, 16, 8, 0, 1).rejected, 0);
    assert_int_equal(view_store_stats(store).spans, 1);
    assert_int_equal(decode_with_ids(store, 15, 8, 0, 1).rejected, 1);
    assert_int_equal(decode_with_ids(store, 17, 8, 0, 1).rejected, 1);
    assert_int_equal(decode_with_ids(store, 0, 8, 0, 1).rejected, 1);
    assert_int_equal(decode_with_ids(store, 16, 7, 0, 1).rejected, 1);
    assert_int_equal(decode_with_ids(store, 16, 9, 0, 1).rejected, 1);
    assert_int_equal(decode_with_ids(store, 16, 8, 3, 1).rejected, 1);
    assert_int_equal(decode_with_ids(store, 16, 8, 0, 0).rejected, 1);
    assert_int_equal(view_store_stats(store).spans, 1);
    assert_non_null(decode_with_ids(store, 16, 8, 0, 0).reason);
    view_store_free(store);
}

static size_t gzip(const uint8_t *plain, size_t len, uint8_t *packed, size_t room) {
    z_stream stream = {
        .next_in = (uint8_t *)(uintptr_t)plain, .avail_in = (uInt)len, .next_out = packed, .avail_out = (uInt)room
    };
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    return room - stream.avail_out;
}

static void test_gunzip(void **state) {
    (void)state;
    enum { PLAIN = 200000 };
    uint8_t *input = malloc(PLAIN);
    uint8_t *packed = malloc(PLAIN);
    uint8_t *plain = NULL;
    size_t plain_len = 0;
    for (size_t i = 0; i < PLAIN; i++) {
        input[i] = (uint8_t)(i * i >> 5);
    }
    size_t first = gzip(input, PLAIN / 2, packed, PLAIN);
    size_t len = first + gzip(input + PLAIN / 2, PLAIN / 2, packed + first, PLAIN - first);
    assert_int_equal(view_gunzip(packed, len, PLAIN, &plain, &plain_len), VIEW_GUNZIP_OK);
    assert_int_equal(plain_len, PLAIN);
    assert_memory_equal(plain, input, PLAIN);
    free(plain);
    assert_int_equal(view_gunzip(packed, len, PLAIN - 1, &plain, &plain_len), VIEW_GUNZIP_TOO_LARGE);
    assert_null(plain);
    assert_int_equal(view_gunzip(packed, len - 1, 2 * PLAIN, &plain, &plain_len), VIEW_GUNZIP_MALFORMED);
    assert_int_equal(view_gunzip(packed, first + 5, 2 * PLAIN, &plain, &plain_len), VIEW_GUNZIP_MALFORMED);
    assert_int_equal(view_gunzip(input, PLAIN, PLAIN, &plain, &plain_len), VIEW_GUNZIP_MALFORMED);
    assert_int_equal(view_gunzip(NULL, 0, PLAIN, &plain, &plain_len), VIEW_GUNZIP_MALFORMED);
    free(input);
    free(packed);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields_that_order_and_count),
        cmocka_unit_test(test_a_stored_span_decodes_to_what_was_sent),
        cmocka_unit_test(test_an_empty_request_is_fine),
        cmocka_unit_test(test_without_a_service_name),
        cmocka_unit_test(test_garbage_is_refused_whole),
        cmocka_unit_test(test_nesting_has_a_limit),
        cmocka_unit_test(test_what_sdks_may_send_is_taken),
        cmocka_unit_test(test_text_is_no_nesting),
        cmocka_unit_test(test_forbidden_field_numbers),
        cmocka_unit_test(test_a_request_that_would_take_too_much_memory),
        cmocka_unit_test(test_spans_with_bad_ids_are_rejected),
        cmocka_unit_test(test_gunzip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
