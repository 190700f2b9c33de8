/* SPDX-License-Identifier: Apache-2.0 */
/* span_limits_test.c - how much a span may hold: in code, in the environment, and what is dropped, cut or emptied. */
#include "exporter_double.h"
#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

OTEL_TRACER(lib, "lib");

static struct exporter_double seen;

static const char *const variables[] = {
    "OTEL_ATTRIBUTE_COUNT_LIMIT",       "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT",  "OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT",
    "OTEL_SPAN_EVENT_COUNT_LIMIT",      "OTEL_SPAN_LINK_COUNT_LIMIT",
    "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT",
};
enum { VARIABLES = sizeof variables / sizeof *variables };

static int set_up(void **state) {
    (void)state;
    exporter_double_reset(&seen);
    seen.copies = true;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    for (unsigned i = 0; i < VARIABLES; i++)
        unsetenv(variables[i]);
    return otel_sdk_stop(-1) == OTEL_OK ? 0 : -1;
}

static struct {
    unsigned count;
    char text[8][512];
    uint64_t unaccounted; /* spans that the ledger did not know of when the last was written */
} lines;

static void keep_line(void *data, otel_log_level level, const char *text) {
    (void)data;
    (void)level;
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    lines.unaccounted = ledger.started - ledger.ended - ledger.live;
    if (lines.count < 8)
        snprintf(lines.text[lines.count++], sizeof lines.text[0], "%s", text);
}

static void start(otel_limits limits) {
    memset(&lines, 0, sizeof lines);
    assert_int_equal(
        otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(), .limits = limits,
                                .log_level = OTEL_LOG_DEBUG, .diagnostic = keep_line,
                                .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&seen))))),
        OTEL_OK);
}

static void again(otel_limits limits) {
    assert_int_equal(otel_sdk_stop(-1), OTEL_OK);
    set_up(NULL);
    start(limits);
}

static const struct span_copy *last(void) {
    const size_t count = atomic_load(&seen.copied);
    assert_true(count > 0);
    return seen.copy[count - 1];
}

/* A span with so many of everything. */
static const struct span_copy *made(unsigned count) {
    char key[16];
    const otel_span span = otel_span_start(lib, OTEL_START("s"));
    otel_attr attrs[200];
    static char keys[200][12];
    for (unsigned i = 0; i < count; i++) {
        snprintf(keys[i], sizeof keys[i], "%u", i);
        attrs[i] = OTEL_ATTR(keys[i], 1);
        snprintf(key, sizeof key, "k%u", i);
        otel_set(&span, key, 1);
    }
    for (unsigned i = 0; i < count; i++) {
        otel_event(&span, "e", .attributes = { attrs, count });
        otel_span_add_link(&span, &(otel_link){ .span = span, .attributes = { attrs, count } });
    }
    otel_span_end(&span);
    return last();
}

static size_t occurrences(const char *text, const char *what) {
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at += strlen(what))
        count++;
    return count;
}

/* How many of `count` a span keeps: attributes, events, links, and attributes of each event and link. */
static void assert_kept(unsigned count, size_t attributes, size_t events, size_t links, size_t of_event,
                        size_t of_link) {
    const struct span_copy *span = made(count);
    assert_int_equal(occurrences(span->attributes, "=int:"), attributes);
    assert_int_equal(span->dropped_attributes, count - attributes);
    assert_int_equal(occurrences(span->events, "e@"), events);
    assert_int_equal(span->dropped_events, count - events);
    assert_int_equal(occurrences(span->events, "=int:"), events * of_event);
    assert_int_equal(occurrences(span->links, "=int:"), links * of_link);
    assert_int_equal(span->dropped_links, count - links);
    char dropped[32];
    snprintf(dropped, sizeof dropped, "}%zu\n", count - of_event);
    assert_int_equal(occurrences(span->events, dropped), events);
}

/* ---- counts ------------------------------------------------------------------------------------------------------ */

static void by_default_128_of_each(void **state) {
    (void)state;
    start((otel_limits){ 0 });
    assert_kept(130, 128, 128, 128, 128, 128);
}

static void every_count_has_its_member(void **state) {
    (void)state;
    start((otel_limits){ .attribute_count = 1,
                         .event_count = 2,
                         .link_count = 3,
                         .event_attribute_count = 4,
                         .link_attribute_count = 5 });
    assert_kept(7, 1, 2, 3, 4, 5);
}

static void nothing_and_unlimited(void **state) {
    (void)state;
    start((otel_limits){ .attribute_count = OTEL_LIMIT_NOTHING,
                         .event_count = OTEL_LIMIT_UNLIMITED,
                         .link_count = OTEL_LIMIT_NOTHING,
                         .event_attribute_count = OTEL_LIMIT_NOTHING });
    assert_kept(150, 0, 150, 0, 0, 128);
}

static void every_count_has_its_variable(void **state) {
    (void)state;
    setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "1", 1);
    setenv("OTEL_SPAN_EVENT_COUNT_LIMIT", "2", 1);
    setenv("OTEL_SPAN_LINK_COUNT_LIMIT", "3", 1);
    setenv("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "4", 1);
    setenv("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "0", 1);
    start((otel_limits){ 0 });
    assert_kept(7, 1, 2, 3, 4, 0);
}

static void an_attribute_that_is_there_may_change_at_the_limit(void **state) {
    (void)state;
    start((otel_limits){ .attribute_count = 2 });
    const otel_span span = otel_span_start(lib, OTEL_START("s"));
    otel_set(&span, "a", 1);
    otel_set(&span, "b", 2);
    otel_set(&span, "c", 3);
    otel_set(&span, "a", 4);
    otel_span_end(&span);
    assert_string_equal(last()->attributes, "a=int:4 b=int:2");
}

/* The keys of maps are no attributes. */
static void only_the_top_counts(void **state) {
    (void)state;
    start((otel_limits){ .attribute_count = 1 });
    const otel_span span = otel_span_start(lib, OTEL_START("s"));
    otel_set(&span, "m", OTEL_MAP(OTEL_ATTR("a", 1), OTEL_ATTR("b", 2), OTEL_ATTR("c", 3)));
    otel_span_end(&span);
    assert_string_equal(last()->attributes, "m=map:{a=int:1 b=int:2 c=int:3}");
    assert_int_equal(last()->dropped_attributes, 0);
}

/* ---- which of several -------------------------------------------------------------------------------------------- */

static void the_special_limit_beats_the_general_one(void **state) {
    (void)state;
    start((otel_limits){ .attribute_count = 1, .span_attribute_count = 2 });
    assert_int_equal(made(4)->dropped_attributes, 2);
    setenv("OTEL_ATTRIBUTE_COUNT_LIMIT", "1", 1);
    again((otel_limits){ 0 });
    assert_int_equal(made(4)->dropped_attributes, 3);
    setenv("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "3", 1);
    again((otel_limits){ 0 });
    assert_int_equal(made(4)->dropped_attributes, 1);
    again((otel_limits){ .attribute_count = 2 }); /* code beats the environment */
    assert_int_equal(made(4)->dropped_attributes, 2);
}

static const char *string_of(const char *text) {
    const otel_span span = otel_span_start(lib, OTEL_START("s"));
    otel_set(&span, "k", text);
    otel_span_end(&span);
    return last()->attributes;
}

static void so_it_does_for_lengths(void **state) {
    (void)state;
    start((otel_limits){ .attribute_value_length = 2, .span_attribute_value_length = 3 });
    assert_string_equal(string_of("abcdef"), "k=string:\"abc\"");
    setenv("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "1", 1);
    again((otel_limits){ 0 });
    assert_string_equal(string_of("abcdef"), "k=string:\"a\"");
    setenv("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "0", 1);
    again((otel_limits){ 0 });
    assert_string_equal(string_of("abcdef"), "k=string:\"\"");
    again((otel_limits){ .attribute_value_length = OTEL_LIMIT_UNLIMITED });
    assert_string_equal(string_of("abcdef"), "k=string:\"abcdef\"");
}

static void what_is_no_limit_is_reported_and_ignored(void **state) {
    (void)state;
    start((otel_limits){ .attribute_count = -2 });
    assert_int_equal(made(130)->dropped_attributes, 2);
    assert_non_null(strstr(lines.text[0], "attribute_count: -2"));
    for (unsigned i = 0; i < VARIABLES; i++)
        setenv(variables[i], i % 2 ? "-1" : "many", 1);
    again((otel_limits){ 0 });
    assert_int_equal(lines.count, VARIABLES);
    for (unsigned i = 0; i < VARIABLES; i++) {
        bool named = false;
        for (unsigned j = 0; j < VARIABLES; j++)
            named = named || (strstr(lines.text[j], variables[i]) && strstr(lines.text[j], i % 2 ? "-1" : "many"));
        assert_true(named);
    }
    assert_kept(130, 128, 128, 128, 128, 128);
}

/* ---- length ------------------------------------------------------------------------------------------------------ */

static void strings_are_cut_at_characters(void **state) {
    (void)state;
    start((otel_limits){ .attribute_value_length = 3 });
    assert_string_equal(string_of("abc"), "k=string:\"abc\"");
    assert_string_equal(string_of("abcd"), "k=string:\"abc\"");
    assert_string_equal(string_of("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"),
                        "k=string:\"\\xc3\\xa4\\xe2\\x82\\xac\\xf0\\x9f\\x98\\x80\"");
    assert_string_equal(string_of("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80!"),
                        "k=string:\"\\xc3\\xa4\\xe2\\x82\\xac\\xf0\\x9f\\x98\\x80\"");
    assert_string_equal(string_of("\xc3\xa4\xff\xfe"), "k=bytes:\"\\xc3\\xa4\\xff\"");
    assert_string_equal(string_of("\xff\xfe\xfd\xfc"), "k=bytes:\"\\xff\\xfe\\xfd\"");
    assert_int_equal(last()->dropped_attributes, 0);
}

static void a_longer_text_than_a_span_may_hold_is_cut_too(void **state) {
    (void)state;
    enum { LONG = 8 << 20 };
    start((otel_limits){ .attribute_value_length = 5000 });
    char *text = malloc(LONG + 1);
    memset(text, 'x', LONG);
    text[LONG] = '\0';
    assert_int_equal(strlen(string_of(text)), strlen("k=string:\"\"") + 5000);
    free(text);
}

static void everything_inside_is_cut_and_nothing_else(void **state) {
    (void)state;
    start((otel_limits){ .attribute_value_length = 2 });
    const otel_span span = otel_span_start(lib, OTEL_START("a long name"));
    otel_set(&span, "long key", otel_bytes("abcd", 4));
    otel_set(&span, "s", otel_strings((otel_str[]){ { "abc", 3 }, { "d", 1 }, { "\xc3\xa4\xc3\xa4\xc3\xa4", 6 } }, 3));
    otel_set(&span, "i", otel_ints((int64_t[]){ 12345, 2, 3, 4 }, 4));
    otel_set(&span, "n",
             OTEL_MAP(OTEL_ATTR("long key", "abc"),
                      OTEL_ATTR("a", OTEL_ARRAY(OTEL_VALUE("xyz"), otel_bytes("123", 3), otel_int(12345),
                                                otel_strings((otel_str[]){ { "pqr", 3 } }, 1)))));
    otel_span_end(&span);
    assert_string_equal(
        last()->attributes,
        "long key=bytes:\"ab\" s=strings:[\"ab\",\"d\",\"\\xc3\\xa4\\xc3\\xa4\"] i=ints:[12345,2,3,4] "
        "n=map:{long key=string:\"ab\" a=array:[string:\"xy\",bytes:\"12\",int:12345,strings:[\"pq\"]]}");
    assert_int_equal(last()->dropped_attributes, 0);
}

/* ---- depth ------------------------------------------------------------------------------------------------------- */

static const char *nested(otel_value value) {
    const otel_span span = otel_span_start(lib, OTEL_START("s"));
    otel_set(&span, "k", value);
    otel_span_end(&span);
    return last()->attributes;
}

/* An attribute's own value has depth 1. */
static void what_is_too_deep_is_empty(void **state) {
    (void)state;
    const int64_t one[] = { 1 };
    start((otel_limits){ .attribute_value_depth = 1 });
    assert_string_equal(nested(OTEL_ARRAY(otel_int(1), OTEL_ARRAY(otel_int(2)), otel_ints(one, 1))),
                        "k=array:[int:1,none:,none:]");
    assert_string_equal(nested(OTEL_MAP(OTEL_ATTR("m", OTEL_MAP(OTEL_ATTR("x", 1))), OTEL_ATTR("y", 2))),
                        "k=map:{m=none: y=int:2}");
    assert_string_equal(nested(otel_ints(one, 1)), "k=ints:[1]");
    again((otel_limits){ .attribute_value_depth = 2 });
    assert_string_equal(nested(OTEL_ARRAY(OTEL_ARRAY(OTEL_ARRAY(otel_int(3)), otel_int(2)))),
                        "k=array:[array:[none:,int:2]]");
    again((otel_limits){ .attribute_value_depth = OTEL_LIMIT_NOTHING });
    assert_string_equal(nested(otel_ints(one, 1)), "k=none:");
    assert_string_equal(nested(otel_int(1)), "k=int:1");
    assert_int_equal(last()->dropped_attributes, 0);
}

static void deeper_than_exporters_follow_is_reported(void **state) {
    (void)state;
    start((otel_limits){ .attribute_value_depth = 65 });
    assert_int_equal(lines.count, 1);
    assert_non_null(strstr(lines.text[0], "64"));
    again((otel_limits){ .attribute_value_depth = OTEL_LIMIT_UNLIMITED });
    assert_int_equal(lines.count, 0);
}

/* ---- what is told ------------------------------------------------------------------------------------------------ */

static void a_span_that_lost_something_is_told_once(void **state) {
    (void)state;
    start((otel_limits){ .attribute_count = 1, .event_count = 1 });
    made(5);
    assert_int_equal(lines.count, 1);
    assert_non_null(
        strstr(lines.text[0], "span 's' of tracer 'lib' lost 4 attributes of its own, 4 events and 0 links"));
    assert_int_equal(lines.unaccounted, 0); /* it has been handed over */
    again((otel_limits){ 0 });
    made(5);
    assert_int_equal(lines.count, 0);
}

static void the_resource_has_no_limits(void **state) {
    (void)state;
    setenv("OTEL_RESOURCE_ATTRIBUTES", "a=long text,b=1,c=2", 1);
    start((otel_limits){
        .attribute_count = OTEL_LIMIT_NOTHING, .attribute_value_length = 1, .attribute_value_depth = 1 });
    unsetenv("OTEL_RESOURCE_ATTRIBUTES");
    made(1);
    assert_non_null(strstr(last()->resource, "a=string:\"long text\""));
    assert_non_null(strstr(last()->resource, "c=string:\"2\""));
}

/* ---- vectors ----------------------------------------------------------------------------------------------------- */

enum { MOST = 16 };

static otel_value value_of(const json_t *json);

static otel_value list_of(const json_t *json, bool map) {
    static struct {
        otel_value values[MOST];
        otel_attr attrs[MOST];
    } rooms[MOST];
    static unsigned used;
    const size_t count = map ? json_object_size(json) : json_array_size(json);
    otel_value *values = rooms[used % MOST].values;
    otel_attr *attrs = rooms[used++ % MOST].attrs;
    size_t i = 0;
    const char *key;
    json_t *item;
    assert_in_range(count, 0, MOST);
    if (map)
        json_object_foreach((json_t *)json, key, item) attrs[i++] = (otel_attr){ otel_cstr(key), value_of(item) };
    else
        json_array_foreach(json, i, item) values[i] = value_of(item);
    return map ? otel_map((otel_attrs){ attrs, count }) : otel_array(values, count);
}

static otel_value value_of(const json_t *json) {
    switch (json_typeof(json)) {
    case JSON_STRING:
        return otel_stringn(json_string_value(json), json_string_length(json));
    case JSON_INTEGER:
        return otel_int(json_integer_value(json));
    case JSON_TRUE:
    case JSON_FALSE:
        return otel_bool(json_is_true(json));
    case JSON_ARRAY:
    case JSON_OBJECT:
        return list_of(json, json_is_object(json));
    default:
        return otel_none();
    }
}

/* What is recorded of one under the limits is what is recorded of the other without any. */
static void assert_recorded_as(otel_limits limits, otel_value value, otel_value expected) {
    again(limits);
    char *got = strdup(nested(value));
    again((otel_limits){ 0 });
    assert_string_equal(got, nested(expected));
    free(got);
}

static int limit_of(const json_t *row) {
    const int limit = (int)json_integer_value(json_object_get(row, "limit"));
    return limit == 0 ? OTEL_LIMIT_NOTHING : limit;
}

static void check_length(const json_t *row) {
    assert_recorded_as((otel_limits){ .attribute_value_length = limit_of(row) },
                       value_of(json_object_get(row, "value")), value_of(json_object_get(row, "out")));
}

static void check_depth(const json_t *row) {
    assert_recorded_as((otel_limits){ .attribute_value_depth = limit_of(row) }, value_of(json_object_get(row, "value")),
                       value_of(json_object_get(row, "out")));
}

static otel_value bytes_of(const json_t *row, const char *member, uint8_t *room) {
    const otel_str hex = vector_str(row, member);
    for (size_t i = 0; i < hex.len / 2; i++) {
        const char digits[] = { hex.ptr[2 * i], hex.ptr[2 * i + 1], '\0' };
        room[i] = (uint8_t)strtoul(digits, NULL, 16);
    }
    return otel_bytes(room, hex.len / 2);
}

static void check_bytes(const json_t *row) {
    uint8_t value[64], out[64];
    assert_recorded_as((otel_limits){ .attribute_value_length = limit_of(row) }, bytes_of(row, "value_hex", value),
                       bytes_of(row, "out_hex", out));
}

static void limit_vectors(void **state) {
    (void)state;
    start((otel_limits){ 0 });
    vectors_each("string_limit", check_length);
    vectors_each("bytes_limit", check_bytes);
    vectors_each("nested_length_limit", check_length);
    vectors_each("depth_limit", check_depth);
}

#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(by_default_128_of_each),
        test(every_count_has_its_member),
        test(nothing_and_unlimited),
        test(every_count_has_its_variable),
        test(an_attribute_that_is_there_may_change_at_the_limit),
        test(only_the_top_counts),
        test(the_special_limit_beats_the_general_one),
        test(so_it_does_for_lengths),
        test(what_is_no_limit_is_reported_and_ignored),
        test(strings_are_cut_at_characters),
        test(a_longer_text_than_a_span_may_hold_is_cut_too),
        test(everything_inside_is_cut_and_nothing_else),
        test(what_is_too_deep_is_empty),
        test(deeper_than_exporters_follow_is_reported),
        test(a_span_that_lost_something_is_told_once),
        test(the_resource_has_no_limits),
        test(limit_vectors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
