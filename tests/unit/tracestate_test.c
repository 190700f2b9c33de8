/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracestate_test.c - grammar, reading and changing tracestates (API-25 to API-27, API-89, PROP-W3C-24 to
 * PROP-W3C-33).
 */
#include "tracestate.h"
#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

static void assert_text(const otel_tracestate *state, otel_str expected) {
    const otel_str text = otel_tracestate_text(state);
    assert_int_equal(text.len, expected.len);
    if (expected.len > 0) {
        assert_memory_equal(text.ptr, expected.ptr, expected.len);
        assert_int_equal(text.ptr[text.len], '\0');
    }
}

static void assert_parses_to(const char *text, const char *expected) {
    otel_tracestate parsed = otel_tracestate_parse(otel_cstr(text));
    assert_text(&parsed, otel_cstr(expected));
    otel_tracestate_release(&parsed);
}

/* Each field by itself, and all of them, as a propagator reads them. */
static void check_vector(const json_t *row) {
    const json_t *values = json_object_get(row, "values");
    struct otel__members list = { .count = 0 };
    bool good = true;
    for (size_t i = 0; i < json_array_size(values); i++) {
        good = good && otel__members_read(&list, vector_text(json_array_get(values, i)));
    }
    assert_int_equal(good, vector_bool(row, "accept"));
    otel_tracestate parsed = { { good ? otel__members_store(&list) : 0 } };
    assert_text(&parsed, vector_str(row, "out"));
    const json_t *members = json_object_get(row, "members");
    if (good) {
        assert_int_equal(list.count, json_array_size(members));
    }
    for (size_t i = 0; i < json_array_size(members); i++) {
        const json_t *member = json_array_get(members, i);
        const otel_str value = otel_tracestate_get(&parsed, vector_text(json_array_get(member, 0)));
        const otel_str expected = vector_text(json_array_get(member, 1));
        assert_int_equal(value.len, expected.len);
        assert_memory_equal(value.ptr, expected.ptr, value.len);
    }
    if (json_array_size(values) == 1) {
        otel_tracestate whole = otel_tracestate_parse(vector_text(json_array_get(values, 0)));
        assert_text(&whole, vector_str(row, "out"));
        otel_tracestate_release(&whole);
    }
    otel_tracestate_release(&parsed);
}

static void vectors_parse(void **state) {
    (void)state;
    vectors_each("tracestate", check_vector);
}

static void check_operations(const json_t *row) {
    otel_tracestate now = otel_tracestate_parse(vector_str(row, "start"));
    const json_t *operations = json_object_get(row, "ops");
    for (size_t i = 0; i < json_array_size(operations); i++) {
        const json_t *operation = json_array_get(operations, i);
        const otel_str key = vector_text(json_array_get(operation, 1));
        otel_tracestate next;
        bool ok = true;
        if (strcmp(json_string_value(json_array_get(operation, 0)), "set") == 0) {
            next = otel_tracestate_set(&now, key, vector_text(json_array_get(operation, 2)), &ok);
        } else {
            next = otel_tracestate_remove(&now, key);
        }
        assert_int_equal(ok, json_is_true(json_array_get(json_object_get(row, "ok"), i)));
        otel_tracestate_release(&now);
        now = next;
    }
    assert_text(&now, vector_str(row, "out"));
    otel_tracestate_release(&now);
}

static void vectors_change(void **state) {
    (void)state;
    vectors_each("tracestate_ops", check_operations);
}

static void changing_leaves_the_original_alone(void **state) {
    (void)state;
    bool ok = false;
    otel_tracestate original = otel_tracestate_parse(otel_cstr("a=1,b=2"));
    otel_tracestate changed = otel_tracestate_set(&original, otel_cstr("b"), otel_cstr("3"), &ok);
    otel_tracestate removed = otel_tracestate_remove(&original, otel_cstr("a"));
    otel_tracestate emptied = otel_tracestate_remove(&removed, otel_cstr("b"));
    assert_true(ok);
    assert_text(&original, otel_cstr("a=1,b=2"));
    assert_text(&changed, otel_cstr("b=3,a=1"));
    assert_text(&removed, otel_cstr("b=2"));
    assert_text(&emptied, otel_cstr(""));
    otel_tracestate_release(&original);
    assert_text(&original, otel_cstr(""));
    assert_text(&changed, otel_cstr("b=3,a=1"));
    otel_tracestate_release(&changed);
    otel_tracestate_release(&removed);
    otel_tracestate_release(&emptied);
}

/* Keys and values of one character, every byte there is. */
static void every_byte_is_judged(void **state) {
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        const char c = (char)byte;
        const char second[] = { 'a', c };
        const bool first_ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        const bool later_ok = first_ok || c == '_' || c == '-' || c == '*' || c == '/' || c == '@';
        const bool value_ok = c > ' ' && c <= '~' && c != ',' && c != '=';
        bool ok;
        otel_tracestate made = otel_tracestate_set(NULL, otel_strn(&c, 1), otel_cstr("v"), &ok);
        assert_int_equal(ok, first_ok);
        otel_tracestate_release(&made);
        made = otel_tracestate_set(NULL, otel_strn(second, 2), otel_cstr("v"), &ok);
        assert_int_equal(ok, later_ok);
        otel_tracestate_release(&made);
        made = otel_tracestate_set(NULL, otel_cstr("k"), otel_strn(&c, 1), &ok);
        assert_int_equal(ok, value_ok);
        otel_tracestate_release(&made);
    }
}

static void lengths_are_bounded(void **state) {
    (void)state;
    char text[300];
    bool ok;
    memset(text, 'a', sizeof text);
    for (size_t length = 255; length <= 257; length++) {
        otel_tracestate made = otel_tracestate_set(NULL, otel_strn(text, length), otel_cstr("v"), &ok);
        assert_int_equal(ok, length <= 256);
        otel_tracestate_release(&made);
        made = otel_tracestate_set(NULL, otel_cstr("k"), otel_strn(text, length), &ok);
        assert_int_equal(ok, length <= 256);
        otel_tracestate_release(&made);
    }
}

/* 32 members of the greatest size are kept whole, though a header of 512 characters is all that must be. */
static void longest_list_is_kept(void **state) {
    (void)state;
    otel_tracestate list = { { 0 } };
    char key[256], value[256];
    memset(value, 'v', sizeof value);
    for (int i = 0; i < 32; i++) {
        memset(key, 'k', sizeof key);
        key[0] = (char)('a' + i % 26);
        key[1] = (char)('0' + i / 26);
        bool ok;
        otel_tracestate next = otel_tracestate_set(&list, otel_strn(key, 256), otel_strn(value, 256), &ok);
        assert_true(ok);
        otel_tracestate_release(&list);
        list = next;
    }
    assert_int_equal(otel_tracestate_text(&list).len, OTEL__TRACESTATE_LONGEST);
    otel_tracestate again = otel_tracestate_parse(otel_tracestate_text(&list));
    assert_text(&again, otel_tracestate_text(&list));
    assert_int_equal(otel_tracestate_get(&again, otel_strn(key, 256)).len, 256);
    otel_tracestate_release(&again);
    otel_tracestate_release(&list);
}

static void oversized_input_is_refused(void **state) {
    (void)state;
    static char text[1 << 20];
    memset(text, ',', sizeof text);
    memcpy(text, "a=1", 3);
    otel_tracestate parsed = otel_tracestate_parse(otel_strn(text, sizeof text));
    assert_text(&parsed, otel_cstr(""));
    parsed = otel_tracestate_parse(otel_strn(text, OTEL__TRACESTATE_INPUT + 1));
    assert_text(&parsed, otel_cstr(""));
    parsed = otel_tracestate_parse(otel_strn(text, OTEL__TRACESTATE_INPUT));
    assert_text(&parsed, otel_cstr("a=1"));
    otel_tracestate_release(&parsed);
}

static void separators_are_tolerated(void **state) {
    (void)state;
    assert_parses_to(" \t,a=1 \t , ,\tb= 2,,", "a=1,b= 2");
    assert_parses_to(",,,", "");
    assert_parses_to("a=1,b", "");
    assert_parses_to("a=1,=", "");
}

static void every_member_counts_towards_32(void **state) {
    (void)state;
    char text[33 * 4 + 1] = "";
    for (int i = 0; i < 33; i++) {
        memcpy(text + 4 * i, "a=1,", 4);
        text[4 * i + 2] = (char)('0' + i % 10);
    }
    text[32 * 4 - 1] = '\0';
    assert_parses_to(text, "a=0");
    text[32 * 4 - 1] = ',';
    assert_parses_to(text, "");
}

static void misuse_is_harmless(void **state) {
    (void)state;
    bool ok = true;
    const otel_str null = { NULL, 0 };
    const otel_str lying = { NULL, 5 };
    const uint64_t never = UINT64_C(1) << 63; /* no place ever had this generation */
    const uint64_t forged[] = { 1, UINT64_MAX, never, never + 16383, never + 16384, never + 20000 };
    otel_tracestate made = otel_tracestate_parse(null);
    assert_text(&made, null);
    made = otel_tracestate_parse(lying);
    assert_text(&made, null);
    made = otel_tracestate_set(NULL, null, null, &ok);
    assert_false(ok);
    made = otel_tracestate_set(NULL, lying, lying, NULL);
    assert_text(&made, null);
    made = otel_tracestate_remove(NULL, lying);
    assert_text(&made, null);
    assert_null(otel_tracestate_get(NULL, null).ptr);
    assert_null(otel_tracestate_get(&made, lying).ptr);
    assert_null(otel_tracestate_text(NULL).ptr);
    otel_tracestate_release(NULL);
    for (size_t i = 0; i < sizeof forged / sizeof *forged; i++) {
        otel_tracestate false_one = { { forged[i] } };
        assert_text(&false_one, null);
        otel_tracestate_release(&false_one);
    }
    made = otel_span_tracestate(NULL);
    assert_text(&made, null);
}

static void absent_value_is_null(void **state) {
    (void)state;
    otel_tracestate list = otel_tracestate_parse(otel_cstr("ab=1"));
    assert_null(otel_tracestate_get(&list, otel_cstr("a")).ptr);
    assert_null(otel_tracestate_get(&list, otel_cstr("abc")).ptr);
    assert_non_null(otel_tracestate_get(&list, otel_cstr("ab")).ptr);
    otel_tracestate_release(&list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_parse),
        cmocka_unit_test(vectors_change),
        cmocka_unit_test(changing_leaves_the_original_alone),
        cmocka_unit_test(every_byte_is_judged),
        cmocka_unit_test(lengths_are_bounded),
        cmocka_unit_test(longest_list_is_kept),
        cmocka_unit_test(oversized_input_is_refused),
        cmocka_unit_test(separators_are_tolerated),
        cmocka_unit_test(every_member_counts_towards_32),
        cmocka_unit_test(misuse_is_harmless),
        cmocka_unit_test(absent_value_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
