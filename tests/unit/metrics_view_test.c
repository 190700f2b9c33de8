/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_view_test.c - views select instruments, and say what becomes of them. */
#include "metrics/view.h"

#include "metrics_fixture.h"

#include <math.h>

OTEL_COUNTER(requests, meter, "http.server.requests", "{request}", "As it says.");
OTEL_COUNTER(errors, meter, "http.server.errors", "{error}");
OTEL_HISTOGRAM(duration, meter, "http.server.duration", "s");

static void start_with(const otel_view *views, size_t count) {
    const otel_metrics_options metrics = { .views = { views, count } };
    assert_int_equal(start_metrics(0, metrics), OTEL_OK);
}
#define START(...)                                                                                                     \
    start_with((const otel_view[]){ __VA_ARGS__ }, sizeof((const otel_view[]){ __VA_ARGS__ }) / sizeof(otel_view))

static void measure(void) {
    otel_add(requests, 1, OTEL_ATTRS(OTEL_ATTR("route", "/a"), OTEL_ATTR("user", 1), OTEL_ATTR("zone", "x")));
    otel_add(requests, 2, OTEL_ATTRS(OTEL_ATTR("route", "/a"), OTEL_ATTR("user", 2), OTEL_ATTR("zone", "x")));
    otel_add(errors, 4);
    otel_record(duration, 0.5);
    read_now();
}

static void wildcards_match(void **state) {
    (void)state;
    static const struct {
        const char *pattern, *name;
        bool matches;
    } cases[] = {
        { "*", "", true },        { "*", "abc", true },         { "abc", "ABC", true },
        { "a?c", "abc", true },   { "a?c", "ac", false },       { "a*c", "ac", true },
        { "a*c", "abbbc", true }, { "a*c", "abbb", false },     { "*b*", "abc", true },
        { "*b*b", "abcb", true }, { "*b*b", "abc", false },     { "", "", true },
        { "", "a", false },       { "abc", "abcd", false },     { "abcd", "abc", false },
        { "?", "", false },       { "a*b*c", "aXbYbZc", true }, { "**a**", "bab", true },
        { "*.x", "a.x.x", true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (otel__wildcard_matches(otel_cstr(cases[i].pattern), otel_cstr(cases[i].name)) != cases[i].matches)
            fail_msg("'%s' and '%s'", cases[i].pattern, cases[i].name);
}

static void without_a_view_that_fits_all_is_as_it_was(void **state) {
    (void)state;
    START({ .instrument = "something.else", .drop = true }, { .meter_name = "other", .drop = true },
          { .unit = "By", .drop = true }, { .meter_version = "2", .drop = true },
          { .meter_schema_url = "u", .drop = true }, { .kinds = 1 << OTEL_INSTRUMENT_GAUGE, .drop = true });
    measure();
    assert_int_equal(metric_count(&pulled, NULL), 4);
}

static void names_and_descriptions_are_replaced(void **state) {
    (void)state;
    START({ .instrument = "HTTP.server.requests", .name = "renamed", .description = "new" });
    measure();
    assert_int_equal(metric_count(&pulled, "renamed"), 2);
    assert_string_equal(pulled.points[0].description, "new");
    assert_string_equal(pulled.points[0].unit, "{request}");
    assert_int_equal(metric_count(&pulled, "http.server.errors"), 1);
}

static void only_the_keys_that_are_wanted_are_kept(void **state) {
    (void)state;
    static const char *const keys[] = { "route", "nowhere" };
    START({ .instrument = "http.server.req*", .attribute_keys = keys, .attribute_key_count = 2 });
    measure();
    assert_metric(&pulled, "http.server.requests", "route=\"/a\"", 3);
    assert_int_equal(metric_count(&pulled, "http.server.requests"), 1);
}

static void an_empty_list_of_keys_keeps_none(void **state) {
    (void)state;
    static const char *const keys[] = { NULL };
    START({ .instrument = "http.server.req*", .attribute_keys = keys });
    measure();
    assert_metric(&pulled, "http.server.requests", "", 3);
}

static void excluded_keys_are_taken_away(void **state) {
    (void)state;
    static const char *const keys[] = { "user" };
    START({ .instrument = "http.server.req*", .excluded_keys = keys, .excluded_key_count = 1 });
    measure();
    assert_metric(&pulled, "http.server.requests", "route=\"/a\",zone=\"x\"", 3);
}

static void bounds_are_those_of_the_view(void **state) {
    (void)state;
    static const double bounds[] = { 0.1, 0.5, 1 };
    START({ .kinds = 1 << OTEL_INSTRUMENT_HISTOGRAM, .bounds = bounds, .bound_count = 3, .no_min_max = true });
    measure();
    const struct metric_point *point = assert_histogram(&pulled, "http.server.duration", "", 1, 0.5);
    assert_int_equal(point->bound_count, 3);
    assert_int_equal(point->buckets[1], 1);
    assert_true(isnan(point->min) && isnan(point->max));
}

static void what_is_dropped_is_gone(void **state) {
    (void)state;
    START({ .instrument = "http.server.*", .drop = true });
    otel_bound bound = otel_bind(requests, otel__no_attrs());
    measure();
    otel_bound_add(&bound, 1);
    assert_int_equal(metric_count(&pulled, NULL), 0);
    assert_false(otel_instrument_enabled(requests));
}

static void each_view_makes_a_metric(void **state) {
    (void)state;
    static const char *const keys[] = { "user" };
    START({ .instrument = "http.server.requests", .name = "a", .attribute_keys = keys, .attribute_key_count = 1 },
          { .instrument = "http.server.requests", .name = "b", .excluded_keys = keys, .excluded_key_count = 1 },
          { .instrument = "http.server.requests", .drop = true });
    otel_bound bound = otel_bind(requests, OTEL_ATTRS(OTEL_ATTR("user", 1), OTEL_ATTR("route", "/b")));
    otel_bound_add(&bound, 10);
    measure();
    assert_metric(&pulled, "a", "user=1", 11);
    assert_metric(&pulled, "a", "user=2", 2);
    assert_metric(&pulled, "b", "route=\"/a\",zone=\"x\"", 3);
    assert_metric(&pulled, "b", "route=\"/b\"", 10);
    assert_int_equal(metric_count(&pulled, "http.server.requests"), 0);
    assert_int_equal(reports_count(), 0);
}

static void a_handle_may_have_more_streams_than_words(void **state) {
    (void)state;
    START({ .instrument = "http.server.requests", .name = "a" }, { .instrument = "http.server.requests", .name = "b" },
          { .instrument = "http.server.requests", .name = "c" }, { .instrument = "http.server.requests", .name = "d" });
    otel_bound bound = otel_bind(requests, otel__no_attrs());
    otel_bound_add(&bound, 10);
    otel_bound_add(&bound, 1.0);
    read_now();
    for (const char *name = "a"; *name; name = *name == 'a' ? "b" : *name == 'b' ? "c" : *name == 'c' ? "d" : "")
        assert_metric(&pulled, name, "", 11);
}

static void views_that_make_the_same_name_are_reported(void **state) {
    (void)state;
    START({ .instrument = "http.server.requests", .name = "n" }, { .instrument = "http.server.errors", .name = "n" });
    measure();
    assert_int_equal(metric_count(&pulled, "n"), 3);
    assert_true(reports_mention("'n'", "both are exported"));
}

static void a_view_has_a_bound_of_its_own(void **state) {
    (void)state;
    START({ .instrument = "http.server.requests", .cardinality_limit = 2 });
    measure();
    assert_int_equal(metric_count(&pulled, "http.server.requests"), 2);
    assert_metric(&pulled, "http.server.requests", "otel.metric.overflow=true", 2);
}

static void a_view_is_copied(void **state) {
    (void)state;
    char name[] = "renamed", key[] = "route", pattern[] = "http.server.requests";
    double bounds[] = { 1, 2 };
    const char *keys[] = { key };
    START({ .instrument = pattern,
            .name = name,
            .attribute_keys = keys,
            .attribute_key_count = 1,
            .bounds = bounds,
            .bound_count = 2 });
    memset(name, 'x', sizeof name - 1);
    memset(key, 'x', sizeof key - 1);
    memset(pattern, 'x', sizeof pattern - 1);
    keys[0] = NULL;
    measure();
    assert_metric(&pulled, "renamed", "route=\"/a\"", 3);
}

static otel_error why;

static otel_status refused(otel_view view) {
    const otel_metrics_options metrics = { .readers = OTEL_READERS(metric_double_pull(&pulled)),
                                           .views = { &view, 1 } };
    return otel_sdk_start(OTEL_SDK(.metrics = metrics, .error = &why));
}

static void views_that_cannot_be_meant_are_refused(void **state) {
    (void)state;
    static const double falling[] = { 2, 1 };
    assert_int_equal(refused((otel_view){ .instrument = "a*", .name = "n" }), OTEL_ERR_CONFIG);
    assert_non_null(strstr(why.text, "view 1 of 1 gives one name"));
    assert_int_equal(refused((otel_view){ .name = "n" }), OTEL_ERR_CONFIG);
    assert_int_equal(refused((otel_view){ .bounds = falling, .bound_count = 2 }), OTEL_ERR_CONFIG);
    assert_non_null(strstr(why.text, "do not rise"));
    assert_int_equal(pulled.destroys, 3);
    assert_int_equal(pulled.starts, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wildcards_match),
        test_own(without_a_view_that_fits_all_is_as_it_was),
        test_own(names_and_descriptions_are_replaced),
        test_own(only_the_keys_that_are_wanted_are_kept),
        test_own(an_empty_list_of_keys_keeps_none),
        test_own(excluded_keys_are_taken_away),
        test_own(bounds_are_those_of_the_view),
        test_own(what_is_dropped_is_gone),
        test_own(each_view_makes_a_metric),
        test_own(a_handle_may_have_more_streams_than_words),
        test_own(views_that_make_the_same_name_are_reported),
        test_own(a_view_has_a_bound_of_its_own),
        test_own(a_view_is_copied),
        test_own(views_that_cannot_be_meant_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
