/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_instrument_test.c - instruments bind to the SDK that runs: equal ones share a metric, and what is wrong is told. */
#include "metrics_fixture.h"

#include <errno.h>

OTEL_METER(same_meter, "meter", "1.0");
OTEL_METER(other_meter, "other");
OTEL_METER(nameless, NULL);

static otel_instrument counter_of(otel_meter *of, const char *name, const char *unit, const char *description) {
    return (otel_instrument){ .meter = of, .name = name, .unit = unit, .description = description };
}

static void identical_instruments_feed_one_metric(void **state) {
    (void)state;
    otel_instrument one = counter_of(meter, "Requests", "1", "d"), two = counter_of(same_meter, "requests", "1", "d");
    otel_add(&one, 1);
    otel_add(&two, 2);
    read_now();
    assert_int_equal(metric_count(&pulled, NULL), 1);
    assert_metric(&pulled, "Requests", "", 3); /* the spelling that came first */
    assert_int_equal(reports_count(), 0);
}

static void different_ones_of_one_name_are_both_exported_and_reported_once(void **state) {
    (void)state;
    otel_instrument first = counter_of(meter, "requests", "1", "d");
    otel_instrument others[] = { counter_of(meter, "requests", "s", "d"), counter_of(meter, "requests", "1", "e"),
                                 counter_of(meter, "requests", "1", "d"), counter_of(meter, "REQUESTS", "1", "d") };
    others[2].kind = OTEL_INSTRUMENT_UP_DOWN_COUNTER;
    others[3].doubles = true;
    otel_add(&first, 1);
    assert_int_equal(reports_count(), 0);
    for (size_t i = 0; i < 4; i++)
        otel_add(&others[i], 1);
    assert_true(reports_mention("'requests'", "both are exported"));
    assert_int_equal(reports_count(), 1); /* one line per kind in 10 s */
    read_now();
    assert_int_equal(metric_count(&pulled, NULL), 5);
    otel_add(&others[0], 1);
    assert_int_equal(reports_count(), 1);
}

static void meters_are_told_apart(void **state) {
    (void)state;
    otel_instrument one = counter_of(meter, "n", NULL, NULL), two = counter_of(other_meter, "n", NULL, NULL);
    otel_add(&one, 1);
    otel_add(&two, 2);
    read_now();
    assert_int_equal(metric_count(&pulled, "n"), 2);
    assert_int_equal(reports_count(), 0);
    assert_string_equal(pulled.points[0].scope, "meter");
    assert_string_equal(pulled.points[1].scope, "other");
}

static void metrics_of_one_meter_follow_each_other(void **state) {
    (void)state;
    otel_instrument all[] = { counter_of(meter, "a", NULL, NULL), counter_of(other_meter, "b", NULL, NULL),
                              counter_of(meter, "c", NULL, NULL), counter_of(other_meter, "d", NULL, NULL) };
    for (size_t i = 0; i < 4; i++)
        otel_add(&all[i], 1);
    read_now();
    assert_string_equal(pulled.points[0].name, "a");
    assert_string_equal(pulled.points[1].name, "c");
    assert_string_equal(pulled.points[2].name, "b");
    assert_string_equal(pulled.points[3].name, "d");
}

static void names_that_are_not_valid_are_reported_and_used(void **state) {
    (void)state;
    static char long_name[257];
    memset(long_name, 'a', 256);
    const char *const bad[] = { "1st", "", NULL, "a b", "a\xc3\xa4", "_a", long_name };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        otel_instrument instrument = counter_of(meter, bad[i], NULL, NULL);
        stop_metrics(NULL);
        begin_pulled(NULL);
        otel_add(&instrument, 1);
        assert_true(reports_mention("is no name for an instrument", "it is used all the same"));
        read_now();
        assert_int_equal(metric_count(&pulled, NULL), 1);
    }
    long_name[255] = '\0';
    const char *const good[] = { "a", "A9_.-/", long_name };
    stop_metrics(NULL);
    begin_pulled(NULL);
    for (size_t i = 0; i < 3; i++) {
        otel_instrument instrument = counter_of(meter, good[i], NULL, NULL);
        otel_add(&instrument, 1);
    }
    assert_int_equal(reports_count(), 0);
}

static void what_is_no_instrument_is_ignored(void **state) {
    (void)state;
    otel_instrument odd = counter_of(meter, "odd", NULL, NULL);
    odd.kind = (otel_instrument_kind)77;
    otel_add(&odd, 1);
    assert_false(otel_instrument_enabled(&odd));
    assert_true(reports_mention("'odd'", "no kind"));
    otel_add((otel_instrument *)NULL, 1);
    assert_false(otel_instrument_enabled(NULL));
    otel_bound none = otel_bind(NULL, otel__no_attrs());
    otel_bound_add(&none, 1);
    otel_bound_add((otel_bound *)NULL, 1.5);
    read_now();
    assert_int_equal(metric_count(&pulled, NULL), 0);
}

static void a_meter_without_a_name_is_reported(void **state) {
    (void)state;
    otel_instrument one = counter_of(nameless, "a", NULL, NULL), two = counter_of(NULL, "a", NULL, NULL);
    otel_add(&one, 1);
    otel_add(&two, 1);
    assert_true(reports_mention("has no name", "'a'"));
    read_now();
    assert_metric(&pulled, "a", "", 2);
}

static void bounds_that_do_not_rise_are_not_used(void **state) {
    (void)state;
    static const double bad[] = { 1, 1 };
    static const double none[] = { 1 };
    otel_instrument falling = {
        .meter = meter, .name = "falling", .kind = OTEL_INSTRUMENT_HISTOGRAM, .bounds = bad, .bound_count = 2
    };
    otel_instrument single = {
        .meter = meter, .name = "single", .kind = OTEL_INSTRUMENT_HISTOGRAM, .bounds = none, .bound_count = 0
    };
    otel_record(&falling, 3);
    otel_record(&single, 3);
    assert_true(reports_mention("'falling'", "bounds do not rise"));
    read_now();
    assert_int_equal(assert_histogram(&pulled, "falling", "", 1, 3)->bound_count, 15);
    assert_int_equal(assert_histogram(&pulled, "single", "", 1, 3)->buckets[0], 1);
}

/* Each of them is named, though they come within the same 10 s. */
static void instruments_do_not_silence_each_other(void **state) {
    (void)state;
    otel_instrument one = counter_of(meter, "1st", NULL, NULL), two = counter_of(meter, "2nd", NULL, NULL);
    for (unsigned i = 0; i < 3; i++) {
        otel_add(&one, -1);
        otel_add(&two, -1);
    }
    assert_true(reports_mention("'1st' is no name", NULL));
    assert_true(reports_mention("'2nd' is no name", NULL));
    assert_true(reports_mention("'1st': a value is negative", NULL));
    assert_true(reports_mention("'2nd': a value is negative", NULL));
    assert_int_equal(reports_count(), 4);
}

static void there_is_an_end_to_instruments(void **state) {
    (void)state;
    static char names[5000][8];
    for (unsigned i = 0; i < 5000; i++) {
        snprintf(names[i], sizeof names[i], "n%u", i);
        otel_instrument instrument = counter_of(meter, names[i], NULL, NULL);
        otel_add(&instrument, 1);
        assert_int_equal(otel_instrument_enabled(&instrument), i < 4096);
    }
    assert_true(reports_mention("no room for instrument", NULL));
}

static void an_error_number_is_kept(void **state) {
    (void)state;
    otel_instrument instrument = counter_of(meter, "a", NULL, NULL);
    errno = 77;
    otel_add(&instrument, 1, OTEL_ATTRS(OTEL_ATTR("a", 1)));
    assert_int_equal(errno, 77);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        test_pulled(identical_instruments_feed_one_metric),
        test_pulled(different_ones_of_one_name_are_both_exported_and_reported_once),
        test_pulled(meters_are_told_apart),
        test_pulled(metrics_of_one_meter_follow_each_other),
        test_pulled(names_that_are_not_valid_are_reported_and_used),
        test_pulled(what_is_no_instrument_is_ignored),
        test_pulled(a_meter_without_a_name_is_reported),
        test_pulled(bounds_that_do_not_rise_are_not_used),
        test_pulled(instruments_do_not_silence_each_other),
        test_pulled(there_is_an_end_to_instruments),
        test_pulled(an_error_number_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
