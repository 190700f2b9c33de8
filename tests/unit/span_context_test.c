/* SPDX-License-Identifier: Apache-2.0 */
/* span_context_test.c - ids, flags and wrapping, without an SDK (API-19 to API-24, API-62, API-63). */
#include "backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static const otel_span_context sample = {
    .size = sizeof sample,
    .trace_id = { 0x0a, 0xf7, 0x65, 0x19, 0x16, 0xcd, 0x43, 0xdd, 0x84, 0x48, 0xeb, 0x21, 0x1c, 0x80, 0x31, 0x9c },
    .span_id = { 0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7 },
    .flags = 0xf3,
    .remote = true,
};

static void wrapped_context_comes_back(void **state) {
    (void)state;
    uint8_t trace_id[16], span_id[8];
    const otel_span span = otel_span_wrap(&sample);
    otel_span_trace_id(&span, trace_id);
    otel_span_id(&span, span_id);
    assert_memory_equal(trace_id, sample.trace_id, 16);
    assert_memory_equal(span_id, sample.span_id, 8);
    assert_int_equal(otel_span_flags(&span), 0xf3);
    assert_true(otel_span_valid(&span));
    assert_true(otel_span_remote(&span));
    assert_true(otel_span_sampled(&span));
}

static void hex_is_lowercase_and_complete(void **state) {
    (void)state;
    char trace_id[33], span_id[17];
    const otel_span span = otel_span_wrap(&sample);
    assert_true(otel_span_hex(&span, trace_id, span_id));
    assert_string_equal(trace_id, "0af7651916cd43dd8448eb211c80319c");
    assert_string_equal(span_id, "00f067aa0ba902b7");
    memset(span_id, 'x', sizeof span_id);
    otel_span_hex(&span, NULL, span_id);
    assert_string_equal(span_id, "00f067aa0ba902b7");
    otel_span_hex(&span, trace_id, NULL);
    assert_false(otel_span_hex(NULL, trace_id, span_id));
    assert_string_equal(trace_id, "00000000000000000000000000000000");
    assert_string_equal(span_id, "0000000000000000");
}

static void valid_needs_one_byte_of_each_id(void **state) {
    (void)state;
    for (int byte = 0; byte < 16; byte++) {
        for (int other = 0; other < 8; other++) {
            otel_span_context context = { .size = sizeof context };
            otel_span span = otel_span_wrap(&context);
            assert_false(otel_span_valid(&span));
            context.trace_id[byte] = 1;
            span = otel_span_wrap(&context);
            assert_false(otel_span_valid(&span));
            context.span_id[other] = 0x80;
            span = otel_span_wrap(&context);
            assert_true(otel_span_valid(&span));
            context.trace_id[byte] = 0;
            span = otel_span_wrap(&context);
            assert_false(otel_span_valid(&span));
        }
    }
}

static void flags_are_tested_bitwise(void **state) {
    (void)state;
    for (unsigned flags = 0; flags < 256; flags++) {
        otel_span_context context = sample;
        context.flags = (uint8_t)flags;
        context.remote = false;
        const otel_span span = otel_span_wrap(&context);
        assert_int_equal(otel_span_flags(&span), flags);
        assert_int_equal(otel_span_sampled(&span), flags & 1);
        assert_false(otel_span_remote(&span));
    }
}

static void wrapped_span_records_nothing(void **state) {
    (void)state;
    const otel_span span = otel_span_wrap(&sample);
    const otel_span before = span;
    assert_false(otel_span_recording(&span));
    otel_set(&span, "key", "value");
    otel_event(&span, "event");
    otel_span_set_name(&span, "name");
    otel_span_set_status(&span, OTEL_CODE_ERROR, "text");
    otel_span_fail(&span, "type", "text");
    otel_exception(&span, "type");
    otel_span_end(&span);
    otel_span_end_at(&span, 1);
    assert_memory_equal(&span, &before, sizeof span);
}

static void older_callers_give_less(void **state) {
    (void)state;
    otel_span_context older = sample;
    older.size = offsetof(otel_span_context, flags);
    const otel_span span = otel_span_wrap(&older);
    assert_true(otel_span_valid(&span));
    assert_int_equal(otel_span_flags(&span), 0);
    assert_false(otel_span_remote(&span));
    older.size = sizeof older.size;
    const otel_span nothing = otel_span_wrap(&older);
    assert_false(otel_span_valid(&nothing));
}

static void forgotten_size_means_this_version(void **state) {
    (void)state;
    otel_span_context forgotten = sample;
    forgotten.size = 0;
    const otel_span span = otel_span_wrap(&forgotten);
    assert_int_equal(otel_span_flags(&span), 0xf3);
    assert_true(otel_span_remote(&span));
}

static void newer_callers_are_read_as_far_as_known(void **state) {
    (void)state;
    struct {
        otel_span_context known;
        uint64_t unknown[4];
    } newer = { sample, { 1, 2, 3, 4 } };
    newer.known.size = sizeof newer;
    const otel_span span = otel_span_wrap(&newer.known);
    assert_int_equal(otel_span_flags(&span), 0xf3);
}

static void null_is_the_invalid_span(void **state) {
    (void)state;
    uint8_t trace_id[16], span_id[8];
    memset(trace_id, 1, 16);
    memset(span_id, 1, 8);
    assert_false(otel_span_valid(NULL));
    assert_false(otel_span_remote(NULL));
    assert_int_equal(otel_span_flags(NULL), 0);
    otel_span_trace_id(NULL, trace_id);
    otel_span_id(NULL, span_id);
    for (int i = 0; i < 16; i++) {
        assert_int_equal(trace_id[i] | span_id[i / 2], 0);
    }
    otel_span_trace_id(NULL, NULL);
    otel_span_id(NULL, NULL);
    otel_span_hex(NULL, NULL, NULL);
    const otel_span span = otel_span_wrap(NULL);
    assert_false(otel_span_valid(&span));
}

/* The headers test it inline, for ever: ABI 1. */
static void word_four_tells_whether_a_span_may_record(void **state) {
    (void)state;
    otel_span span = otel_span_wrap(&sample);
    assert_false(otel__may_record(&span));
    span.opaque_[4] = 1;
    assert_true(otel__may_record(&span));
    assert_false(otel__may_record(NULL));
    assert_int_equal(sizeof(otel_span), 48);
    assert_int_equal(sizeof(otel_context), 64);
    assert_int_equal(sizeof(otel_scope), 24);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrapped_context_comes_back),
        cmocka_unit_test(hex_is_lowercase_and_complete),
        cmocka_unit_test(valid_needs_one_byte_of_each_id),
        cmocka_unit_test(flags_are_tested_bitwise),
        cmocka_unit_test(wrapped_span_records_nothing),
        cmocka_unit_test(older_callers_give_less),
        cmocka_unit_test(forgotten_size_means_this_version),
        cmocka_unit_test(newer_callers_are_read_as_far_as_known),
        cmocka_unit_test(null_is_the_invalid_span),
        cmocka_unit_test(word_four_tells_whether_a_span_may_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
