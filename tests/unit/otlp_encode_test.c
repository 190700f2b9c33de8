/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_encode_test.c - the request's bytes, as protobuf-c and jansson read them, against what the generator made.
 */
#include "otlp/otlp_encode.h"
#include "otlp/otlp_json.h"

#include "batch_double.h"
#include "failing_allocator.h"
#include "otlp_expect.h"
#include "otlp_json_read.h"
#include "span_generator.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static const size_t no_limit = SIZE_MAX / 2;

/* Which encoding is tested; the tests are the same. */
static bool json;

static otel_status encode(struct otel__otlp_encoder *encoder, otel_batch *batch, size_t first, size_t count,
                          size_t limit) {
    return (json ? otel__otlp_encode_json : otel__otlp_encode)(encoder, batch, first, count, limit);
}

static void check_protobuf(const uint8_t *bytes, size_t len, const otel_span_data *spans, size_t count,
                           const otel_resource_data *resource) {
    otlp_report report;
    if (!otlp_expect_request(&report, bytes, len, spans, count, resource))
        fail_msg("%s", report.text);
}

static void check(const struct otel__otlp_encoder *encoder, const otel_span_data *spans, size_t count,
                  const otel_resource_data *resource) {
    const uint8_t *body = encoder->body.cursor;
    uint8_t *read = NULL;
    size_t len = otel__buffer_length(&encoder->body);
    char problem[256];
    if (json && !otlp_json_read((const char *)body, len, &read, &len, problem))
        fail_msg("%s", problem);
    check_protobuf(json ? read : body, len, spans, count, resource);
    free(read);
}

static void random_batches(void **state) {
    (void)state;
    struct otel__otlp_encoder encoder = { 0 };
    for (uint64_t seed = 1; seed <= 60; seed++) {
        span_set *set = span_set_create(seed, 1 + seed % 64);
        otel_batch *batch = batch_double_create(span_set_spans(set), span_set_count(set), span_set_resource(set));
        assert_int_equal(encode(&encoder, batch, 0, span_set_count(set), no_limit), OTEL_OK);
        check(&encoder, span_set_spans(set), span_set_count(set), span_set_resource(set));
        batch_double_free(batch);
        span_set_free(set);
    }
    otel__otlp_encoder_free(&encoder);
}

static void a_part_of_a_batch(void **state) {
    (void)state;
    struct otel__otlp_encoder encoder = { 0 };
    span_set *set = span_set_create(99, 40);
    otel_batch *batch = batch_double_create(span_set_spans(set), 40, span_set_resource(set));
    for (size_t first = 0; first < 40; first += 7)
        for (size_t count = 1; first + count <= 40; count += 5) {
            assert_int_equal(encode(&encoder, batch, first, count, no_limit), OTEL_OK);
            check(&encoder, span_set_spans(set) + first, count, span_set_resource(set));
        }
    batch_double_free(batch);
    span_set_free(set);
    otel__otlp_encoder_free(&encoder);
}

/* One span with nothing optional: the bytes by hand. */
static void the_smallest_span(void **state) {
    (void)state;
    static const uint8_t trace_id[16] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 };
    static const uint8_t span_id[8] = { 21, 22, 23, 24, 25, 26, 27, 28 };
    otel_scope_data scope = { .name = otel_cstr("lib") };
    otel_resource_data resource = { .schema_url = otel_cstr("") };
    otel_span_data span = { .trace_id = trace_id,
                            .span_id = span_id,
                            .flags = 1,
                            .start_time = 1,
                            .end_time = 2,
                            .name = otel_cstr("a"),
                            .scope = &scope };
    static const uint8_t expected[] = {
        0x0a, 70,                                                                         /* resource_spans */
        0x0a, 0,                                                                          /* resource */
        0x12, 66,                                                                         /* scope_spans */
        0x0a, 5,    0x0a, 3,    'l', 'i', 'b',                                            /* scope */
        0x12, 57,                                                                         /* span */
        0x0a, 16,   1,    2,    3,   4,   5,   6,  7,  8,  9, 10, 11, 12, 13, 14, 15, 16, /* trace_id */
        0x12, 8,    21,   22,   23,  24,  25,  26, 27, 28,                                /* span_id */
        0x2a, 1,    'a',                                                                  /* name */
        0x30, 1,                                                                          /* kind: INTERNAL */
        0x39, 1,    0,    0,    0,   0,   0,   0,  0,                                     /* start */
        0x41, 2,    0,    0,    0,   0,   0,   0,  0,                                     /* end */
        0x85, 0x01, 0x01, 0x01, 0,   0, /* flags: sampled, remoteness known */
    };
    struct otel__otlp_encoder encoder = { 0 };
    otel_batch *batch = batch_double_create(&span, 1, &resource);
    assert_int_equal(encode(&encoder, batch, 0, 1, no_limit), OTEL_OK);
    assert_int_equal(otel__buffer_length(&encoder.body), sizeof expected);
    assert_memory_equal(encoder.body.cursor, expected, sizeof expected);
    batch_double_free(batch);
    otel__otlp_encoder_free(&encoder);
}

static void the_smallest_span_as_json(void **state) {
    (void)state;
    static const uint8_t trace_id[16] = { 0x5b, 0x8e, 0xff, 0xf7, 0x98, 3,    0x81, 3,
                                          0xd2, 0x69, 0xb6, 0x33, 0x81, 0x3f, 0xc6, 0xc };
    static const uint8_t span_id[8] = { 0xee, 0xe1, 0x9b, 0x7e, 0xc3, 0xc1, 0xb1, 0x74 };
    static const char expected[] =
        "{\"resourceSpans\":[{\"resource\":{},\"scopeSpans\":[{\"scope\":{\"name\":\"lib\"},\"spans\":[{"
        "\"traceId\":\"5b8efff798038103d269b633813fc60c\",\"spanId\":\"eee19b7ec3c1b174\",\"name\":\"a\",\"kind\":1,"
        "\"startTimeUnixNano\":\"1544712660000000000\",\"endTimeUnixNano\":\"1544712661000000000\",\"flags\":257}]}]}]"
        "}";
    otel_scope_data scope = { .name = otel_cstr("lib") };
    otel_resource_data resource = { .schema_url = otel_cstr("") };
    otel_span_data span = { .trace_id = trace_id,
                            .span_id = span_id,
                            .flags = 1,
                            .start_time = 1544712660000000000,
                            .end_time = 1544712661000000000,
                            .name = otel_cstr("a"),
                            .scope = &scope };
    struct otel__otlp_encoder encoder = { 0 };
    otel_batch *batch = batch_double_create(&span, 1, &resource);
    assert_int_equal(otel__otlp_encode_json(&encoder, batch, 0, 1, no_limit), OTEL_OK);
    assert_int_equal(otel__buffer_length(&encoder.body), sizeof expected - 1);
    assert_memory_equal(encoder.body.cursor, expected, sizeof expected - 1);
    batch_double_free(batch);
    otel__otlp_encoder_free(&encoder);
}

/* Numbers that a wrong way would change, and text that would break a line or a string. */
static void difficult_values(void **state) {
    (void)state;
    static const unsigned char bytes[] = { 0, 255, 1, 254 };
    static const otel_str texts[] = {
        { "\n\r\t\"\\/\x01\x1f\x7f", 9 }, { "\xe2\x80\xa8\xc2\x85", 5 }, { "\0", 1 }, { "\xf0\x9f\x98\x80", 4 }
    };
    otel_attr attrs[] = { { otel_cstr("least"), otel_int(INT64_MIN) },
                          { otel_cstr("most"), otel_int(INT64_MAX) },
                          { otel_cstr("odd"), otel_int(9007199254740993) },
                          { otel_cstr("tenth"), otel_double(0.1) },
                          { otel_cstr("third"), otel_double(1.0 / 3) },
                          { otel_cstr("large"), otel_double(1.7976931348623157e308) },
                          { otel_cstr("small"), otel_double(5e-324) },
                          { otel_cstr("whole"), otel_double(-0.0) },
                          { otel_cstr("more"), otel_double((double)INFINITY) },
                          { otel_cstr("less"), otel_double(-(double)INFINITY) },
                          { otel_cstr("bytes 1"), otel_bytes(bytes, 1) },
                          { otel_cstr("bytes 2"), otel_bytes(bytes, 2) },
                          { otel_cstr("bytes 3"), otel_bytes(bytes, 3) },
                          { otel_cstr("bytes 4"), otel_bytes(bytes, 4) },
                          { otel_cstr("no bytes"), otel_bytes(bytes, 0) },
                          { otel_cstr("texts"), otel_strings(texts, 4) },
                          { otel_cstr("\"key\"\n"), otel_string("") } };
    span_set *set = span_set_create(7, 1);
    otel_span_data span = span_set_spans(set)[0];
    span.attributes = (otel_attrs){ attrs, sizeof attrs / sizeof *attrs };
    struct otel__otlp_encoder encoder = { 0 };
    otel_batch *batch = batch_double_create(&span, 1, span_set_resource(set));
    assert_int_equal(encode(&encoder, batch, 0, 1, no_limit), OTEL_OK);
    check(&encoder, &span, 1, span_set_resource(set));
    if (json)
        for (size_t i = 0; i < otel__buffer_length(&encoder.body); i++)
            assert_true(encoder.body.cursor[i] >= ' ' && encoder.body.cursor[i] != 0x7f);
    batch_double_free(batch);
    span_set_free(set);
    otel__otlp_encoder_free(&encoder);
}

/* The generator makes none of these. */
static void nested_values(void **state) {
    (void)state;
    otel_attr inner[] = { { otel_cstr("deep"), otel_int(-1) }, { otel_cstr("none"), otel_none() } };
    otel_value items[] = { { .type = OTEL_TYPE_MAP, .len = 2, .u.p = inner }, otel_double(NAN), otel_string("") };
    otel_attr attrs[] = { { otel_cstr("array"), { .type = OTEL_TYPE_ARRAY, .len = 3, .u.p = items } },
                          { otel_cstr("map"), { .type = OTEL_TYPE_MAP, .len = 2, .u.p = inner } },
                          { otel_cstr("empty array"), { .type = OTEL_TYPE_ARRAY } },
                          { otel_cstr("empty map"), { .type = OTEL_TYPE_MAP } } };
    span_set *set = span_set_create(5, 1);
    otel_span_data span = span_set_spans(set)[0];
    span.attributes = (otel_attrs){ attrs, 4 };
    struct otel__otlp_encoder encoder = { 0 };
    otel_batch *batch = batch_double_create(&span, 1, span_set_resource(set));
    assert_int_equal(encode(&encoder, batch, 0, 1, no_limit), OTEL_OK);
    check(&encoder, &span, 1, span_set_resource(set));
    batch_double_free(batch);
    span_set_free(set);
    otel__otlp_encoder_free(&encoder);
}

/* Deeper than any stack: the inner values are cut off, and the rest stands. */
static void endless_nesting(void **state) {
    (void)state;
    otel_value loop = { .type = OTEL_TYPE_ARRAY, .len = 1 };
    loop.u.p = &loop;
    otel_attr attr = { otel_cstr("loop"), loop };
    span_set *set = span_set_create(6, 1);
    otel_span_data span = span_set_spans(set)[0];
    span.attributes = (otel_attrs){ &attr, 1 };
    struct otel__otlp_encoder encoder = { 0 };
    otel_batch *batch = batch_double_create(&span, 1, span_set_resource(set));
    assert_int_equal(encode(&encoder, batch, 0, 1, no_limit), OTEL_OK);
    assert_true(otel__buffer_length(&encoder.body) < 20000);
    batch_double_free(batch);
    span_set_free(set);
    otel__otlp_encoder_free(&encoder);
}

/* At every limit below the length the encoding fails as a whole, and the encoder goes on working. */
static void every_limit(void **state) {
    (void)state;
    struct otel__otlp_encoder encoder = { 0 };
    span_set *set = span_set_create(7, 6);
    otel_batch *batch = batch_double_create(span_set_spans(set), 6, span_set_resource(set));
    assert_int_equal(encode(&encoder, batch, 0, 6, no_limit), OTEL_OK);
    size_t len = otel__buffer_length(&encoder.body);
    for (size_t limit = 0; limit < len; limit++) {
        assert_int_equal(encode(&encoder, batch, 0, 6, limit), OTEL_ERR_EXPORT);
        assert_true(otel__buffer_length(&encoder.body) <= limit);
    }
    assert_int_equal(encode(&encoder, batch, 0, 6, len + 64), OTEL_OK);
    check(&encoder, span_set_spans(set), 6, span_set_resource(set));
    batch_double_free(batch);
    span_set_free(set);
    otel__otlp_encoder_free(&encoder);
}

/* Whichever allocation fails, the encoding fails as a whole, and the next one works. */
static void memory_is_short(void **state) {
    (void)state;
    if (!failing_allocator_works())
        skip();
    span_set *set = span_set_create(8, 300);
    otel_batch *batch = batch_double_create(span_set_spans(set), 300, span_set_resource(set));
    bool failed = true;
    for (unsigned nth = 1; failed; nth++) {
        struct otel__otlp_encoder encoder = { 0 };
        failing_allocator_fail(nth, false);
        otel_status status = encode(&encoder, batch, 0, 300, no_limit);
        failed = failing_allocator_failures() > 0;
        failing_allocator_fail(0, false);
        assert_int_equal(status, failed ? OTEL_ERR_MEMORY : OTEL_OK);
        assert_int_equal(encode(&encoder, batch, 0, 300, no_limit), OTEL_OK);
        check(&encoder, span_set_spans(set), 300, span_set_resource(set));
        otel__otlp_encoder_free(&encoder);
    }
    batch_double_free(batch);
    span_set_free(set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_batches),  cmocka_unit_test(a_part_of_a_batch), cmocka_unit_test(difficult_values),
        cmocka_unit_test(nested_values),   cmocka_unit_test(endless_nesting),   cmocka_unit_test(every_limit),
        cmocka_unit_test(memory_is_short),
    };
    const struct CMUnitTest by_hand[] = {
        cmocka_unit_test(the_smallest_span),
        cmocka_unit_test(the_smallest_span_as_json),
    };
    int failed = cmocka_run_group_tests_name("by hand", by_hand, NULL, NULL);
    failed += cmocka_run_group_tests_name("protobuf", tests, NULL, NULL);
    json = true;
    return failed + cmocka_run_group_tests_name("JSON", tests, NULL, NULL);
}
