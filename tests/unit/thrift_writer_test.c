/* SPDX-License-Identifier: Apache-2.0 */
/* thrift_writer_test.c - every kind of field against its bytes in both protocols (Thrift's protocol specifications). */
#include "common/thrift_writer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct otel__buffer out;
static struct otel__thrift compact = { &out, true }, binary = { &out, false };

static int begin(void **state) {
    (void)state;
    otel__buffer_reset(&out, 1 << 20);
    return 0;
}

static int end(void **state) {
    (void)state;
    otel__buffer_free(&out);
    return 0;
}

#define EXPECT(...) expect((const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static void expect(const uint8_t *bytes, size_t len) {
    assert_int_equal(out.status, OTEL_OK);
    assert_int_equal(otel__buffer_length(&out), len);
    assert_memory_equal(out.cursor, bytes, len);
    otel__buffer_reset(&out, 1 << 20);
}

static void compact_numbers_are_zigzag_varints(void **state) {
    (void)state;
    otel__thrift_i64_field(&compact, 0, 1, 0);
    EXPECT(0x16, 0);
    otel__thrift_i64_field(&compact, 0, 1, -1);
    EXPECT(0x16, 1);
    otel__thrift_i64_field(&compact, 1, 2, 1);
    EXPECT(0x16, 2);
    otel__thrift_i64_field(&compact, 1, 3, 64);
    EXPECT(0x26, 0x80, 1);
    otel__thrift_i64_field(&compact, 0, 1, INT64_MAX);
    EXPECT(0x16, 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1);
    otel__thrift_i64_field(&compact, 0, 1, INT64_MIN);
    EXPECT(0x16, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1);
    otel__thrift_i32_field(&compact, 5, 7, INT32_MIN);
    EXPECT(0x25, 0xff, 0xff, 0xff, 0xff, 0x0f);
}

static void binary_numbers_are_big_endian(void **state) {
    (void)state;
    otel__thrift_i64_field(&binary, 0, 1, INT64_C(0x0102030405060708));
    EXPECT(10, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8);
    otel__thrift_i64_field(&binary, 7, 9, -2);
    EXPECT(10, 0, 9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe);
    otel__thrift_i32_field(&binary, 0, 300, -2);
    EXPECT(8, 1, 44, 0xff, 0xff, 0xff, 0xfe);
}

static void bools(void **state) {
    (void)state;
    otel__thrift_bool_field(&compact, 2, 5, true);
    EXPECT(0x31);
    otel__thrift_bool_field(&compact, 2, 5, false);
    EXPECT(0x32);
    otel__thrift_bool_field(&binary, 2, 5, true);
    EXPECT(2, 0, 5, 1);
    otel__thrift_bool_field(&binary, 2, 5, false);
    EXPECT(2, 0, 5, 0);
}

static void doubles(void **state) {
    (void)state;
    otel__thrift_double_field(&compact, 2, 4, 1.0);
    EXPECT(0x27, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f);
    otel__thrift_double_field(&binary, 2, 4, 1.0);
    EXPECT(4, 0, 4, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0);
}

static void strings(void **state) {
    (void)state;
    otel__thrift_string_field(&compact, 0, 1, "a\0b", 3);
    EXPECT(0x18, 3, 'a', 0, 'b');
    otel__thrift_string_field(&compact, 2, 3, NULL, 0);
    EXPECT(0x18, 0);
    otel__thrift_string_field(&binary, 0, 1, "ab", 2);
    EXPECT(11, 0, 1, 0, 0, 0, 2, 'a', 'b');
    otel__thrift_string_field(&binary, 0, 3, NULL, 0);
    EXPECT(11, 0, 3, 0, 0, 0, 0);
}

/* The difference of two ids has four bits; beyond them the id itself follows. */
static void compact_fields_far_apart(void **state) {
    (void)state;
    otel__thrift_i64_field(&compact, 0, 15, 0);
    EXPECT(0xf6, 0);
    otel__thrift_i64_field(&compact, 0, 16, 0);
    EXPECT(0x06, 32, 0);
    otel__thrift_i64_field(&compact, 5, 3, 0);
    EXPECT(0x06, 6, 0);
    otel__thrift_bool_field(&compact, 0, 100, true);
    EXPECT(0x01, 0xc8, 1);
}

static void lists(void **state) {
    (void)state;
    otel__thrift_list(&compact, OTEL__THRIFT_STRUCT, 0);
    EXPECT(0x0c);
    otel__thrift_list(&compact, OTEL__THRIFT_STRUCT, 14);
    EXPECT(0xec);
    otel__thrift_list(&compact, OTEL__THRIFT_STRUCT, 15);
    EXPECT(0xfc, 15);
    otel__thrift_list(&compact, OTEL__THRIFT_STRUCT, 300);
    EXPECT(0xfc, 0xac, 2);
    otel__thrift_list(&binary, OTEL__THRIFT_STRUCT, 300);
    EXPECT(12, 0, 0, 1, 44);
}

static void messages(void **state) {
    (void)state;
    otel__thrift_message(&compact, OTEL__THRIFT_ONEWAY, "emitBatch", 0);
    EXPECT(0x82, 0x81, 0x00, 0x09, 'e', 'm', 'i', 't', 'B', 'a', 't', 'c', 'h');
    otel__thrift_message(&compact, OTEL__THRIFT_CALL, "x", 300);
    EXPECT(0x82, 0x21, 0xac, 0x02, 1, 'x');
    otel__thrift_message(&binary, OTEL__THRIFT_ONEWAY, "emitBatch", 7);
    EXPECT(0x80, 1, 0, 4, 0, 0, 0, 9, 'e', 'm', 'i', 't', 'B', 'a', 't', 'c', 'h', 0, 0, 0, 7);
}

static void structs_inside_of_structs(void **state) {
    (void)state;
    for (int round = 0; round < 2; round++) {
        struct otel__thrift *w = round == 0 ? &compact : &binary;
        otel__thrift_stop(w);
        otel__thrift_stop(w);
        otel__thrift_string_field(w, 0, 1, "x", 1);
        otel__thrift_list(w, OTEL__THRIFT_STRUCT, 1);
        otel__thrift_field(w, OTEL__THRIFT_LIST, 0, 2);
        if (round == 0)
            EXPECT(0x29, 0x1c, 0x18, 1, 'x', 0, 0);
        else
            EXPECT(15, 0, 2, 12, 0, 0, 0, 1, 11, 0, 1, 0, 0, 0, 1, 'x', 0, 0);
    }
}

static void nothing_is_written_past_the_limit(void **state) {
    (void)state;
    static char text[200];
    for (int round = 0; round < 2; round++) {
        struct otel__thrift *w = round == 0 ? &compact : &binary;
        otel__buffer_reset(&out, 100);
        otel__thrift_string_field(w, 0, 1, text, 80);
        const size_t len = otel__buffer_length(&out);
        otel__thrift_string_field(w, 0, 1, text, 80);
        otel__thrift_i64_field(w, 0, 1, 1);
        otel__thrift_i32_field(w, 0, 1, 1);
        otel__thrift_bool_field(w, 0, 1, true);
        otel__thrift_double_field(w, 0, 1, 1);
        otel__thrift_list(w, OTEL__THRIFT_STRUCT, 20);
        otel__thrift_message(w, OTEL__THRIFT_ONEWAY, "x", 1);
        otel__thrift_stop(w);
        assert_int_equal(otel__buffer_length(&out), len);
        assert_int_equal(out.status, OTEL_ERR_EXPORT);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(compact_numbers_are_zigzag_varints, begin, end),
        cmocka_unit_test_setup_teardown(binary_numbers_are_big_endian, begin, end),
        cmocka_unit_test_setup_teardown(bools, begin, end),
        cmocka_unit_test_setup_teardown(doubles, begin, end),
        cmocka_unit_test_setup_teardown(strings, begin, end),
        cmocka_unit_test_setup_teardown(compact_fields_far_apart, begin, end),
        cmocka_unit_test_setup_teardown(lists, begin, end),
        cmocka_unit_test_setup_teardown(messages, begin, end),
        cmocka_unit_test_setup_teardown(structs_inside_of_structs, begin, end),
        cmocka_unit_test_setup_teardown(nothing_is_written_past_the_limit, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
