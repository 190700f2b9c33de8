/* SPDX-License-Identifier: Apache-2.0 */
/* types_test.c - strings and attribute values of otel/types.h, and the literals that the macros make. */
#include <otel/trace.h>

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void picks_the_type_from_the_c_type(void **state) {
    (void)state;
    signed char sc = -1;
    unsigned char uc = 255;
    short s = -2;
    unsigned short us = 65535;
    float f = 0.5f;
    long double ld = 0.25L;
    char text[] = "text";
    const bool yes = true;
    const otel_value i = OTEL_VALUE(-5);
    assert_int_equal(i.type, OTEL_TYPE_INT);
    assert_int_equal(i.u.i, -5);
    assert_int_equal(OTEL_VALUE(sc).u.i, -1);
    assert_int_equal(OTEL_VALUE(uc).u.i, 255);
    assert_int_equal(OTEL_VALUE(s).u.i, -2);
    assert_int_equal(OTEL_VALUE(us).u.i, 65535);
    assert_int_equal(OTEL_VALUE(4000000000u).u.i, 4000000000);
    assert_int_equal(OTEL_VALUE(INT64_MIN).u.i, INT64_MIN);
    assert_int_equal(OTEL_VALUE(7LL).type, OTEL_TYPE_INT);
    assert_int_equal(OTEL_VALUE(7ULL).type, OTEL_TYPE_INT);
    assert_int_equal(OTEL_VALUE(sizeof text).u.i, 5);
    assert_int_equal(OTEL_VALUE(yes).type, OTEL_TYPE_BOOL);
    assert_int_equal(OTEL_VALUE(yes).u.i, 1);
    assert_true(OTEL_VALUE(1.5).u.d == 1.5);
    assert_true(OTEL_VALUE(f).type == OTEL_TYPE_DOUBLE && OTEL_VALUE(f).u.d == 0.5);
    assert_true(OTEL_VALUE(ld).type == OTEL_TYPE_DOUBLE && OTEL_VALUE(ld).u.d == 0.25);
    assert_int_equal(OTEL_VALUE(text).type, OTEL_TYPE_STRING);
    assert_int_equal(OTEL_VALUE("const").len, 5);
    assert_int_equal(OTEL_VALUE(otel_strn("a\0b", 3)).len, 3);
    assert_int_equal(OTEL_VALUE(otel_bytes("\xff", 1)).type, OTEL_TYPE_BYTES);
}

static void comparisons_are_int_unless_said_otherwise(void **state) {
    (void)state;
    assert_int_equal(OTEL_VALUE(1 > 0).type, OTEL_TYPE_INT);
    assert_int_equal(otel_bool(1 > 0).type, OTEL_TYPE_BOOL);
    assert_int_equal(otel_bool(7).u.i, 1);
    assert_int_equal(otel_bool(false).u.i, 0);
}

static void unsigned_above_int64_is_kept_apart(void **state) {
    (void)state;
    assert_int_equal(otel_uint(INT64_MAX).type, OTEL_TYPE_INT);
    assert_int_equal(otel_uint((uint64_t)INT64_MAX + 1).type, OTEL_TYPE_UINT);
    assert_int_equal((uint64_t)otel_uint(UINT64_MAX).u.i, UINT64_MAX);
}

static void null_is_empty_whatever_its_length(void **state) {
    (void)state;
    assert_int_equal(otel_strn(NULL, 17).len, 0);
    assert_int_equal(otel_cstr(NULL).len, 0);
    assert_int_equal(otel_string(NULL).type, OTEL_TYPE_STRING);
    assert_int_equal(otel_string(NULL).len, 0);
    assert_int_equal(otel_stringn(NULL, 9).len, 0);
    assert_int_equal(otel_bytes(NULL, 9).len, 0);
    assert_int_equal(otel_ints(NULL, 9).len, 0);
}

static void arrays_point_to_their_elements(void **state) {
    (void)state;
    static const int64_t numbers[] = { 1, 2, 3 };
    static const bool flags[] = { true, false };
    static const double doubles[] = { 0.5 };
    static const otel_str texts[] = { { "a", 1 }, { "", 0 } };
    assert_ptr_equal(otel_ints(numbers, 3).u.p, numbers);
    assert_int_equal(otel_ints(numbers, 3).type, OTEL_TYPE_INTS);
    assert_int_equal(otel_bools(flags, 2).type, OTEL_TYPE_BOOLS);
    assert_int_equal(otel_doubles(doubles, 1).type, OTEL_TYPE_DOUBLES);
    assert_int_equal(otel_strings(texts, 2).type, OTEL_TYPE_STRINGS);
    assert_int_equal(otel_strings(texts, 2).len, 2);
}

static void lists_count_their_items(void **state) {
    (void)state;
    const otel_attrs attributes = OTEL_ATTRS(OTEL_ATTR("a", 1), OTEL_ATTR("b", "two"), OTEL_ATTR("c", 3.0));
    assert_int_equal(attributes.count, 3);
    assert_memory_equal(attributes.items[1].key.ptr, "b", 1);
    assert_int_equal(attributes.items[2].value.type, OTEL_TYPE_DOUBLE);
    const otel_links links = OTEL_LINKS({ .attributes = { NULL, 0 } });
    assert_int_equal(links.count, 1);
}

static void option_macros_carry_the_size(void **state) {
    (void)state;
    const otel_span_options *start = OTEL_START("name", .kind = OTEL_SERVER);
    assert_int_equal(start->size, sizeof *start);
    assert_string_equal(start->name, "name");
    assert_int_equal(start->kind, OTEL_SERVER);
    assert_null(start->parent);
    assert_int_equal(start->attributes.count, 0);
    const otel_event_options *event = OTEL_EVENT("happened", .time = 5);
    assert_int_equal(event->size, sizeof *event);
    assert_int_equal(event->time, 5);
}

static int evaluations;
static int evaluated(void) { return ++evaluations; }

static void arguments_are_evaluated_once_even_without_a_recording_span(void **state) {
    (void)state;
    const otel_span invalid = { { 0 } };
    evaluations = 0;
    otel_set(&invalid, "key", evaluated());
    assert_int_equal(evaluations, 1);
    otel_event(&invalid, "name", .time = (uint64_t)evaluated());
    assert_int_equal(evaluations, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(picks_the_type_from_the_c_type),
        cmocka_unit_test(comparisons_are_int_unless_said_otherwise),
        cmocka_unit_test(unsigned_above_int64_is_kept_apart),
        cmocka_unit_test(null_is_empty_whatever_its_length),
        cmocka_unit_test(arrays_point_to_their_elements),
        cmocka_unit_test(lists_count_their_items),
        cmocka_unit_test(option_macros_carry_the_size),
        cmocka_unit_test(arguments_are_evaluated_once_even_without_a_recording_span),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
