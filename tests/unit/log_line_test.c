/* SPDX-License-Identifier: Apache-2.0 */
/* log_line_test.c - what lines say: read by jansson, which refuses what is not JSON and what is not UTF-8. */
#include "log_line.h"

#include "log_fixture.h"

#include <float.h>
#include <math.h>
#include <otel/trace.h>

OTEL_LOGGER(logger, "log_line_test");

static json_t *fields_of(const json_t *line) { return json_object_get(line, "fields"); }

/* The line that says `message` and these fields. The caller owns it. */
static json_t *line_with(otel_attrs fields) {
    otel_log_write(logger, OTEL_SEVERITY_INFO, OTEL_LOG_LINE("message", .fields = fields));
    assert_true(caught.len <= OTEL__LOG_LINE_MAX - 1);
    return caught_line();
}

/* What a field of this value becomes, as jansson writes it. */
static const char *field(otel_value value) {
    static char text[8192];
    json_t *line = line_with(OTEL_ATTRS(OTEL_ATTR("key", value)));
    json_t *member = json_object_get(fields_of(line), "key");
    assert_non_null(member);
    text[json_dumpb(member, text, sizeof text - 1, JSON_ENCODE_ANY | JSON_COMPACT | JSON_ENSURE_ASCII)] = '\0';
    json_decref(line);
    return text;
}

static const char *string_field(const char *bytes, size_t len) { return field(otel_stringn(bytes, len)); }

/* ---- parts ------------------------------------------------------------------------------------------------------- */

static void a_line_has_its_parts_at_the_top(void **state) {
    (void)state;
    otel_log_write(
        logger, OTEL_SEVERITY_WARNING,
        OTEL_LOG_LINE("hello", .time = UINT64_C(1764365400123456789), .fields = OTEL_ATTRS(OTEL_ATTR("n", 1))));
    assert_string_equal(caught.text, "{\"time\":\"2025-11-28T21:30:00.123456Z\",\"level\":\"WARNING\",\"logger\":"
                                     "\"log_line_test\",\"message\":\"hello\",\"fields\":{\"n\":1}}");
    assert_int_equal(caught.severity, OTEL_SEVERITY_WARNING);
}

static void levels_have_their_names(void **state) {
    (void)state;
    static const struct {
        otel_severity severity;
        const char *name;
    } levels[] = { { OTEL_SEVERITY_DEBUG, "DEBUG" },
                   { OTEL_SEVERITY_INFO, "INFO" },
                   { OTEL_SEVERITY_WARNING, "WARNING" },
                   { OTEL_SEVERITY_ERROR, "ERROR" },
                   { OTEL_SEVERITY_CRITICAL, "CRITICAL" } };
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        otel_log_write(logger, levels[i].severity, OTEL_LOG_LINE("m"));
        json_t *line = caught_line();
        assert_string_equal(text_of(line, "level"), levels[i].name);
        assert_null(fields_of(line));
        json_decref(line);
    }
}

static void ids_stand_at_the_top(void **state) {
    (void)state;
    const otel_span span = otel_span_wrap(
        &(otel_span_context){ .size = sizeof(otel_span_context), .trace_id = { 1 }, .span_id = { 2 }, .flags = 1 });
    otel_log_write(logger, OTEL_SEVERITY_INFO, OTEL_LOG_LINE("m", .span = &span));
    json_t *line = caught_line();
    assert_string_equal(text_of(line, "trace_id"), "01000000000000000000000000000000");
    assert_string_equal(text_of(line, "span_id"), "0200000000000000");
    assert_string_equal(text_of(line, "trace_flags"), "01");
    json_decref(line);
}

/* ---- values ------------------------------------------------------------------------------------------------------ */

static void scalars_keep_their_types(void **state) {
    (void)state;
    assert_string_equal(field(otel_string("text")), "\"text\"");
    assert_string_equal(field(otel_string(NULL)), "\"\"");
    assert_string_equal(field(otel_bool(true)), "true");
    assert_string_equal(field(otel_bool(false)), "false");
    assert_string_equal(field(otel_int(INT64_MIN)), "-9223372036854775808");
    assert_string_equal(field(otel_int(INT64_MAX)), "9223372036854775807");
    assert_string_equal(field(otel_double(0.25)), "0.25");
    assert_string_equal(field(otel_double((double)NAN)), "\"NaN\"");
    assert_string_equal(field(otel_none()), "null");
    assert_string_equal(field(otel_bytes("\x00\xff\x10", 3)), "\"AP8Q\"");
    assert_string_equal(field(otel_bytes("ab", 2)), "\"YWI=\"");
    assert_string_equal(field(otel_bytes("a", 1)), "\"YQ==\"");
    assert_string_equal(field(otel_bytes(NULL, 0)), "\"\"");
}

static void numbers_above_all_integers_are_numbers_too(void **state) {
    (void)state;
    otel_log_write(logger, OTEL_SEVERITY_INFO, OTEL_LOG_LINE("m", .fields = OTEL_ATTRS(OTEL_ATTR("u", UINT64_MAX))));
    assert_non_null(strstr(caught.text, "\"fields\":{\"u\":18446744073709551615}}"));
}

static void lists_and_maps_keep_their_shape(void **state) {
    (void)state;
    const otel_str strings[] = { { "a", 1 }, { NULL, 0 } };
    const bool bools[] = { true, false };
    const int64_t ints[] = { 1, -2 };
    const double doubles[] = { 0.5, -0.5 };
    assert_string_equal(field(otel_strings(strings, 2)), "[\"a\",null]");
    assert_string_equal(field(otel_bools(bools, 2)), "[true,false]");
    assert_string_equal(field(otel_ints(ints, 2)), "[1,-2]");
    assert_string_equal(field(otel_doubles(doubles, 2)), "[0.5,-0.5]");
    assert_string_equal(field(otel_ints(ints, 0)), "[]");
    assert_string_equal(field(OTEL_ARRAY(OTEL_VALUE(1), OTEL_VALUE("two"), OTEL_MAP(OTEL_ATTR("k", 3)))),
                        "[1,\"two\",{\"k\":3}]");
    assert_string_equal(field(otel_map((otel_attrs){ 0 })), "{}");
}

static void of_equal_keys_the_last_counts(void **state) {
    (void)state;
    json_t *line = line_with(OTEL_ATTRS(OTEL_ATTR("k", 1), OTEL_ATTR("", 2), OTEL_ATTR("other", 3), OTEL_ATTR("k", 4)));
    assert_int_equal(json_object_size(fields_of(line)), 2);
    assert_int_equal(json_integer_value(json_object_get(fields_of(line), "k")), 4);
    json_decref(line);
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

static void control_characters_are_escaped(void **state) {
    (void)state;
    otel_log_write(logger, OTEL_SEVERITY_INFO, OTEL_LOG_LINE("a\nb\tc\x1b[31m\x7f\"\\", .message_len = 0));
    assert_non_null(strstr(caught.text, "\"message\":\"a\\nb\\tc\\u001b[31m\\u007f\\\"\\\\\""));
    /* NUL, a C1 control, a line separator and an override of direction */
    otel_log_write(logger, OTEL_SEVERITY_INFO, OTEL_LOG_LINE("\0\xc2\x9b\xe2\x80\xa8\xe2\x80\xae", .message_len = 9));
    assert_non_null(strstr(caught.text, "\"message\":\"\\u0000\\u009b\\u2028\\u202e\""));
}

static void well_formed_text_stays_as_it_is(void **state) {
    (void)state;
    otel_log_write(logger, OTEL_SEVERITY_INFO, OTEL_LOG_LINE("Käse 🧀 €"));
    assert_non_null(strstr(caught.text, "\"message\":\"Käse 🧀 €\""));
}

static void what_is_not_utf8_shows_its_bytes(void **state) {
    (void)state;
    assert_string_equal(string_field("a\xff\xc3", 3), "\"a\\\\xff\\\\xc3\"");
    assert_string_equal(string_field("\xed\xa0\x80", 3), "\"\\\\xed\\\\xa0\\\\x80\""); /* a surrogate */
    assert_string_equal(string_field("\xc0\xaf", 2), "\"\\\\xc0\\\\xaf\"");            /* overlong */
}

/* But for NUL in a key, which is JSON too, and which jansson does not take. */
static void every_byte_anywhere_gives_json(void **state) {
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        const char text[] = { 'a', (char)byte, (char)(byte ^ 0x55u), 'b' };
        const otel_attr fields[] = { { { text, byte != 0 ? 2 : 1 }, otel_stringn(text, 4) },
                                     { { "bytes", 5 }, otel_bytes(text, 4) } };
        json_decref(line_with((otel_attrs){ fields, 2 }));
    }
}

/* ---- bounds ------------------------------------------------------------------------------------------------------ */

static bool is_cut(const json_t *line) { return json_is_true(json_object_get(line, "cut")); }

static void long_text_is_cut_and_marked(void **state) {
    (void)state;
    static char text[10000];
    memset(text, 'x', sizeof text);
    json_t *line = line_with(OTEL_ATTRS(OTEL_ATTR("first", otel_stringn(text, sizeof text)), OTEL_ATTR("second", 2)));
    const char *first = text_of(fields_of(line), "first");
    assert_true(is_cut(line));
    assert_in_range(strlen(first), 1000, 1024);
    assert_string_equal(first + strlen(first) - 7, "x [cut]");
    assert_int_equal(json_integer_value(json_object_get(fields_of(line), "second")), 2);
    json_decref(line);
}

/* Of every length, so that the cut comes at every place of a character, an escape and a bracket. */
static void a_cut_line_is_json_at_every_length(void **state) {
    (void)state;
    static char text[1100];
    static const char pattern[] = "\xe2\x82\xac\"\xff\n\xf0\x9f\xa7\x80x";
    unsigned cut = 0;
    for (size_t i = 0; i < sizeof text; i++) {
        text[i] = pattern[i % (sizeof pattern - 1)];
    }
    for (size_t len = 0; len < sizeof text; len++) {
        const otel_value string = otel_stringn(text, len);
        const otel_value list = OTEL_ARRAY(string, string, OTEL_MAP(OTEL_ATTR("a", string)), string, OTEL_VALUE(1.5));
        json_t *line = line_with(OTEL_ATTRS(OTEL_ATTR("a", string), OTEL_ATTR("b", list), OTEL_ATTR("c", list)));
        cut += is_cut(line);
        json_decref(line);
    }
    assert_in_range(cut, 1, sizeof text - 1);
}

static void a_full_line_uses_its_room(void **state) {
    (void)state;
    otel_attr fields[128];
    char keys[128][16];
    for (int i = 0; i < 128; i++) {
        snprintf(keys[i], sizeof keys[i], "key%d", i);
        fields[i] = otel__attr(keys[i], otel_string("some text that takes up room"));
    }
    json_t *line = line_with((otel_attrs){ fields, 128 });
    assert_true(is_cut(line));
    assert_in_range(caught.len, OTEL__LOG_LINE_MAX - 64, OTEL__LOG_LINE_MAX - 1);
    json_decref(line);
}

static void deep_values_are_cut(void **state) {
    (void)state;
    otel_value nested[40] = { otel_int(1) };
    for (int i = 1; i < 40; i++) {
        nested[i] = otel_array(&nested[i - 1], 1);
    }
    json_t *line = line_with(OTEL_ATTRS(OTEL_ATTR("deep", nested[39])));
    assert_true(is_cut(line));
    assert_non_null(strstr(caught.text, "[[[[[[[[\"[cut]\"]]]]]]]]"));
    json_decref(line);
}

static void lists_of_a_wrong_count_are_not_read(void **state) {
    (void)state;
    const otel_attr one = OTEL_ATTR("k", 1);
    const int64_t number = 1;
    json_t *line = line_with((otel_attrs){ &one, SIZE_MAX });
    assert_null(fields_of(line));
    json_decref(line);
    assert_string_equal(field(otel_ints(&number, SIZE_MAX / 8)), "[]");
}

static void the_longest_head_fits(void **state) {
    (void)state;
    static char text[4000];
    memset(text, '\xff', sizeof text - 1);
    otel_logger long_name = { .name = text };
    otel_log_write(&long_name, OTEL_SEVERITY_CRITICAL, OTEL_LOG_LINE(text, .fields = OTEL_ATTRS(OTEL_ATTR("k", "v"))));
    json_t *line = caught_line();
    assert_true(is_cut(line));
    assert_string_equal(text_of(fields_of(line), "k"), "v");
    json_decref(line);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, catch_lines, catch_no_more)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_line_has_its_parts_at_the_top),
        TEST(levels_have_their_names),
        TEST(ids_stand_at_the_top),
        TEST(scalars_keep_their_types),
        TEST(numbers_above_all_integers_are_numbers_too),
        TEST(lists_and_maps_keep_their_shape),
        TEST(of_equal_keys_the_last_counts),
        TEST(control_characters_are_escaped),
        TEST(well_formed_text_stays_as_it_is),
        TEST(what_is_not_utf8_shows_its_bytes),
        TEST(every_byte_anywhere_gives_json),
        TEST(long_text_is_cut_and_marked),
        TEST(a_cut_line_is_json_at_every_length),
        TEST(a_full_line_uses_its_room),
        TEST(deep_values_are_cut),
        TEST(lists_of_a_wrong_count_are_not_read),
        TEST(the_longest_head_fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
