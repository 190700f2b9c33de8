/* SPDX-License-Identifier: Apache-2.0 */
/* value_text_test.c - attribute values where there is text only. */
#include "common/value_text.h"

#include "vectors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct otel__line line;

static int tear_down(void **state) {
    (void)state;
    otel__line_free(&line);
    return 0;
}

static void assert_line(const char *expected) {
    assert_int_equal(line.len, strlen(expected));
    assert_memory_equal(line.text ? line.text : "", expected, line.len);
}

static void assert_alone(otel_value value, const char *expected) {
    otel__line_clear(&line);
    otel__line_value(&line, &value);
    assert_line(expected);
}

static void assert_json(otel_value value, const char *expected) {
    otel__line_clear(&line);
    otel__line_json(&line, &value);
    assert_line(expected);
}

static void values_that_stand_alone(void **state) {
    (void)state;
    assert_alone(otel_string("a \"quoted\"\ttext"), "a \"quoted\"\ttext");
    assert_alone(otel_string(""), "");
    assert_alone(otel_none(), "");
    assert_alone(otel_bool(true), "true");
    assert_alone(otel_bool(false), "false");
    assert_alone(otel_int(INT64_MIN), "-9223372036854775808");
    assert_alone(otel_uint(UINT64_MAX), "18446744073709551615");
    assert_alone(otel_double(0.5), "0.5");
    assert_alone(otel_double((double)NAN), "NaN");
    assert_alone(otel_double((double)INFINITY), "Infinity");
    assert_alone(otel_double(-(double)INFINITY), "-Infinity");
    assert_alone(otel_bytes("f", 1), "Zg==");
    assert_alone(otel_bytes("fo", 2), "Zm8=");
    assert_alone(otel_bytes("foo", 3), "Zm9v");
    assert_alone(otel_bytes("foob", 4), "Zm9vYg==");
    assert_alone(otel_bytes(NULL, 0), "");
}

static void lists_are_json(void **state) {
    (void)state;
    assert_alone(otel_ints((int64_t[]){ 1, -2 }, 2), "[1,-2]");
    assert_alone(otel_bools((bool[]){ true, false }, 2), "[true,false]");
    assert_alone(otel_doubles((double[]){ 0.5, (double)NAN }, 2), "[0.5,\"NaN\"]");
    assert_alone(otel_strings((otel_str[]){ { "a\"b", 3 }, { NULL, 0 }, { "", 0 } }, 3), "[\"a\\\"b\",null,\"\"]");
    assert_alone(otel_array(NULL, 0), "[]");
    assert_alone(OTEL_MAP(OTEL_ATTR("k", "v"), OTEL_ATTR("n", otel_none()), OTEL_ATTR("b", otel_bytes("\xfb\xff", 2)),
                          OTEL_ATTR("i", -(double)INFINITY), OTEL_ATTR("a", OTEL_ARRAY(otel_bool(true)))),
                 "{\"k\":\"v\",\"n\":null,\"b\":\"+/8=\",\"i\":\"-Infinity\",\"a\":[true]}");
}

static void strings_in_json_are_escaped(void **state) {
    (void)state;
    assert_json(otel_stringn("\0\n\x7f\\\"", 5), "\"\\u0000\\u000a\\u007f\\\\\\\"\"");
    assert_json(otel_string("\xc3\xa4\xf0\x9f\x98\x80"), "\"\xc3\xa4\xf0\x9f\x98\x80\"");
    assert_json(otel_string("\xc2\x9b\xe2\x80\xa8\xe2\x80\xae"), "\"\\u009b\\u2028\\u202e\"");
    assert_json(otel_string("a\xff"), "\"a\xef\xbf\xbd\"");
}

static void attributes_are_one_object(void **state) {
    (void)state;
    otel__line_clear(&line);
    otel__line_json_object(&line, OTEL_ATTRS(OTEL_ATTR("a\n", 1), OTEL_ATTR("b", "c")));
    assert_line("{\"a\\u000a\":1,\"b\":\"c\"}");
    otel__line_clear(&line);
    otel__line_json_object(&line, (otel_attrs){ NULL, 0 });
    assert_line("{}");
}

static void what_is_too_deep_is_empty(void **state) {
    (void)state;
    otel_value loop[1] = { { .type = OTEL_TYPE_ARRAY, .len = 1, .u.p = loop } };
    otel__line_clear(&line);
    otel__line_json(&line, &loop[0]);
    assert_int_equal(line.len, 2 * 65);
}

/* ---- vectors ----------------------------------------------------------------------------------------------------- */

static otel_value list_of(const json_t *json);

static uint8_t bytes[64];

static otel_value bytes_of(const char *hex) {
    const size_t len = strlen(hex) / 2;
    for (size_t i = 0; i < len; i++) {
        const char digits[] = { hex[2 * i], hex[2 * i + 1], '\0' };
        bytes[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return otel_bytes(bytes, len);
}

static otel_value value_of(const json_t *json) {
    if (json_is_string(json))
        return otel_string(json_string_value(json));
    if (json_is_integer(json))
        return otel_int(json_integer_value(json));
    if (json_is_object(json) && json_object_get(json, "double"))
        return otel_double(strtod(json_string_value(json_object_get(json, "double")), NULL));
    if (json_is_object(json) && json_object_get(json, "bytes_hex"))
        return bytes_of(json_string_value(json_object_get(json, "bytes_hex")));
    return json_is_null(json) ? otel_none() : json_is_boolean(json) ? otel_bool(json_is_true(json)) : list_of(json);
}

static otel_value list_of(const json_t *json) {
    static otel_value values[8][8];
    static otel_attr attrs[8][8];
    static unsigned used;
    const unsigned own = used++ % 8;
    size_t i = 0;
    const char *key;
    json_t *item;
    if (json_is_array(json)) {
        json_array_foreach(json, i, item) values[own][i] = value_of(item);
        return otel_array(values[own], i);
    }
    json_object_foreach((json_t *)json, key, item) attrs[own][i++] = (otel_attr){ otel_cstr(key), value_of(item) };
    return otel_map((otel_attrs){ attrs[own], i });
}

static otel_value typed(const json_t *row) {
    const char *type = vector_str(row, "type").ptr;
    const json_t *value = json_object_get(row, "value");
    if (strcmp(type, "int") == 0)
        return otel_int(strtoll(json_string_value(value), NULL, 10));
    if (strcmp(type, "double") == 0)
        return otel_double(strtod(json_string_value(value), NULL));
    if (strcmp(type, "bytes_hex") == 0)
        return bytes_of(json_string_value(value));
    return value_of(value);
}

static void check_text(const json_t *row) { assert_alone(typed(row), vector_str(row, "text").ptr); }

static void text_vectors(void **state) {
    (void)state;
    vectors_each("anyvalue_string", check_text);
}

#define test(name) cmocka_unit_test_teardown(name, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(values_that_stand_alone),     test(lists_are_json),
        test(strings_in_json_are_escaped), test(attributes_are_one_object),
        test(what_is_too_deep_is_empty),   test(text_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
