/* SPDX-License-Identifier: Apache-2.0 */
/* value_text_test.c - attribute values as text and as JSON. */
#include "common/value_text.h"

#include "vectors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static struct otel__line line;

static void assert_line(const char *expected) {
    otel__line_bytes(&line, "", 1);
    assert_string_equal(line.text, expected);
    otel__line_clear(&line);
}

static void assert_text(otel_value value, const char *expected) {
    otel__value_text(&line, &value);
    assert_line(expected);
}

static void assert_json(otel_value value, const char *expected) {
    otel__value_json(&line, &value);
    assert_line(expected);
}

static void alone_it_is_text(void **state) {
    (void)state;
    assert_text(otel_string("two\nlines, \"quoted\"\x1b"), "two\nlines, \"quoted\"\x1b");
    assert_text(otel_string(""), "");
    assert_text(otel_none(), "");
    assert_text(otel_bool(true), "true");
    assert_text(otel_bool(false), "false");
    assert_text(otel_int(INT64_MIN), "-9223372036854775808");
    assert_text(otel_uint(UINT64_MAX), "18446744073709551615");
    assert_text(otel_double(0.5), "0.5");
    assert_text(otel_double((double)NAN), "NaN");
    assert_text(otel_double((double)INFINITY), "Infinity");
    assert_text(otel_double(-(double)INFINITY), "-Infinity");
    assert_text(otel_bytes("caf\xe9", 4), "Y2Fm6Q==");
    assert_text(OTEL_ARRAY(OTEL_VALUE("a\"")), "[\"a\\\"\"]");
    assert_text(OTEL_MAP(OTEL_ATTR("k", 1)), "{\"k\":1}");
}

static void inside_it_is_json(void **state) {
    (void)state;
    assert_json(otel_string("two\nlines, \"quoted\"\x1b"), "\"two\\nlines, \\\"quoted\\\"\\u001b\"");
    assert_json(otel_string(""), "\"\"");
    assert_json(otel_none(), "null");
    assert_json(otel_bool(true), "true");
    assert_json(otel_int(-5), "-5");
    assert_json(otel_double(1), "1.0");
    assert_json(otel_double((double)NAN), "\"NaN\"");
    assert_json(otel_double((double)INFINITY), "\"Infinity\"");
    assert_json(otel_double(-(double)INFINITY), "\"-Infinity\"");
    assert_json(otel_bytes("\xfb\xff", 2), "\"+/8=\"");
}

static void base64_is_padded(void **state) {
    (void)state;
    static const char *const expected[] = { "", "AA==", "ABA=", "ABCD", "ABCDgA==", "ABCDgP8=" };
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        assert_text(otel_bytes("\x00\x10\x83\x80\xff", i), expected[i]);
}

static void lists_in_lists(void **state) {
    (void)state;
    const otel_str strings[] = { { "a", 1 }, { NULL, 0 }, { "", 0 } };
    const int64_t ints[] = { 1, -2 };
    const double doubles[] = { 0.5, (double)NAN };
    const bool bools[] = { true, false };
    assert_json(otel_strings(strings, 3), "[\"a\",null,\"\"]");
    assert_json(otel_ints(ints, 2), "[1,-2]");
    assert_json(otel_doubles(doubles, 2), "[0.5,\"NaN\"]");
    assert_json(otel_bools(bools, 2), "[true,false]");
    assert_json(otel_array(NULL, 0), "[]");
    assert_json(OTEL_MAP(OTEL_ATTR("a", OTEL_ARRAY(OTEL_VALUE(1), OTEL_MAP(OTEL_ATTR("b\"", otel_none())))),
                         OTEL_ATTR("e", otel_map((otel_attrs){ NULL, 0 }))),
                "{\"a\":[1,{\"b\\\"\":null}],\"e\":{}}");
}

static void attributes_are_one_object(void **state) {
    (void)state;
    const otel_attr attrs[] = { OTEL_ATTR("http.route", "/cart"), OTEL_ATTR("n", 3),
                                OTEL_ATTR("raw", otel_bytes("abc", 3)) };
    otel__attrs_json(&line, (otel_attrs){ attrs, 3 });
    assert_line("{\"http.route\":\"/cart\",\"n\":3,\"raw\":\"YWJj\"}");
    otel__attrs_json(&line, (otel_attrs){ attrs, 1 });
    assert_line("{\"http.route\":\"/cart\"}");
    otel__attrs_json(&line, (otel_attrs){ NULL, 0 });
    assert_line("{}");
}

/* What holds itself comes to an end. */
static void endless_lists_end(void **state) {
    (void)state;
    otel_value itself = { .type = OTEL_TYPE_ARRAY, .len = 1 };
    itself.u.p = &itself;
    char expected[2 * 64 + 5];
    memset(expected, '[', 64);
    memcpy(expected + 64, "null", 4);
    memset(expected + 68, ']', 64);
    expected[132] = '\0';
    assert_json(itself, expected);
}

/* ---- vectors ----------------------------------------------------------------------------------------------------- */

static otel_value list_of(const json_t *json);

static double number_of(const char *text) { return strcmp(text, "NaN") == 0 ? (double)NAN : strtod(text, NULL); }

/* As it stands in JSON; { "double": "..." } is a number that JSON does not have. */
static otel_value value_of(const json_t *json) {
    if (json_is_object(json) && json_object_get(json, "double"))
        return otel_double(number_of(json_string_value(json_object_get(json, "double"))));
    if (json_is_object(json) || json_is_array(json))
        return list_of(json);
    if (json_is_integer(json))
        return otel_int(json_integer_value(json));
    if (json_is_string(json))
        return otel_string(json_string_value(json));
    return json_is_boolean(json) ? otel_bool(json_is_true(json)) : otel_none();
}

static otel_value list_of(const json_t *json) {
    static otel_attr attrs[16];
    static otel_value values[16];
    const char *key;
    json_t *item;
    size_t i = 0;
    assert_in_range(json_object_size(json) + json_array_size(json), 0, 16);
    if (json_is_object(json)) {
        json_object_foreach((json_t *)json, key, item) attrs[i++] = (otel_attr){ otel_cstr(key), value_of(item) };
        return otel_map((otel_attrs){ attrs, i });
    }
    json_array_foreach(json, i, item) values[i] = value_of(item);
    return otel_array(values, i);
}

static otel_value bytes_of(otel_str hex) {
    static uint8_t bytes[64];
    for (size_t i = 0; i < hex.len / 2; i++) {
        const char digits[] = { hex.ptr[2 * i], hex.ptr[2 * i + 1], '\0' };
        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return otel_bytes(bytes, hex.len / 2);
}

static void check(const json_t *row) {
    const char *type = vector_str(row, "type").ptr;
    const json_t *value = json_object_get(row, "value");
    if (strcmp(type, "int") == 0)
        assert_text(otel_int(strtoll(json_string_value(value), NULL, 10)), vector_str(row, "text").ptr);
    else if (strcmp(type, "double") == 0)
        assert_text(otel_double(number_of(json_string_value(value))), vector_str(row, "text").ptr);
    else if (strcmp(type, "bytes_hex") == 0)
        assert_text(bytes_of(vector_str(row, "value")), vector_str(row, "text").ptr);
    else
        assert_text(value_of(value), vector_str(row, "text").ptr);
}

static void string_vectors(void **state) {
    (void)state;
    vectors_each("anyvalue_string", check);
}

static int set_up(void **state) {
    (void)state;
    otel__line_clear(&line); /* of a test that failed */
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    otel__line_free(&line);
    return 0;
}

#define test(name) cmocka_unit_test_setup(name, set_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(alone_it_is_text),          test(inside_it_is_json), test(base64_is_padded), test(lists_in_lists),
        test(attributes_are_one_object), test(endless_lists_end), test(string_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, tear_down);
}
