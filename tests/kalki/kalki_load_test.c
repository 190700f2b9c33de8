/* SPDX-License-Identifier: Apache-2.0 */
/* kalki_load_test.c - the figures of a load: exact percentiles, targets met and missed, and what users ask. */
#include "load/load_plot.h"
#include "load/load_report.h"
#include "load/load_user.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static void add(struct load_samples *samples, enum load_endpoint endpoint, double ms, bool failed) {
    load_samples_add(samples, (struct load_sample){ .began_s = (float)samples->count,
                                                    .seconds = (float)(ms / 1000),
                                                    .status = failed ? 500 : 200,
                                                    .endpoint = (uint8_t)endpoint,
                                                    .failed = failed });
}

static bool is_near(double seconds, double ms) { return seconds * 1000 > ms - 0.01 && seconds * 1000 < ms + 0.01; }

static void percentiles_are_those_of_the_nearest_rank(void **state) {
    (void)state;
    struct load_samples samples = { 0 };
    struct load_summary summary;
    for (unsigned i = 200; i > 0; i--)
        add(&samples, LOAD_SEARCH, i, i % 100 == 0);
    assert_true(load_summarise(&samples, LOAD_SEARCH, &summary));
    assert_int_equal(summary.requests, 200);
    assert_int_equal(summary.errors, 2);
    assert_true(is_near(summary.p50, 100));
    assert_true(is_near(summary.p95, 190));
    assert_true(is_near(summary.p99, 198));
    assert_true(is_near(summary.max, 200));
    load_samples_free(&samples);
}

static void one_request_is_every_percentile(void **state) {
    (void)state;
    struct load_samples samples = { 0 };
    struct load_summary summary;
    assert_true(load_summarise(&samples, LOAD_ENDPOINTS, &summary));
    assert_int_equal(summary.requests, 0);
    add(&samples, LOAD_INGEST, 7, false);
    assert_true(load_summarise(&samples, LOAD_ENDPOINTS, &summary));
    assert_true(is_near(summary.p50, 7) && is_near(summary.p99, 7) && is_near(summary.max, 7));
    assert_true(load_summarise(&samples, LOAD_SEARCH, &summary));
    assert_int_equal(summary.requests, 0);
    load_samples_free(&samples);
}

static void samples_of_users_are_put_together_in_order(void **state) {
    (void)state;
    struct load_samples all = { 0 }, one = { 0 }, other = { 0 };
    for (unsigned i = 0; i < 1000; i++) {
        add(&one, LOAD_SEARCH, 1, false);
        add(&other, LOAD_SESSIONS, 2, false);
    }
    load_samples_join(&all, &one);
    load_samples_join(&all, &other);
    load_samples_sort(&all);
    assert_int_equal(all.count, 2000);
    assert_int_equal(all.lost, 0);
    assert_null(one.items);
    for (size_t i = 1; i < all.count; i++)
        assert_true(all.items[i - 1].began_s <= all.items[i].began_s);
    load_samples_free(&all);
}

static unsigned missed_of(struct load_outcome *outcome, char *text, size_t size) {
    FILE *out = tmpfile();
    unsigned missed = load_report_print(outcome, out);
    rewind(out);
    text[fread(text, 1, size - 1, out)] = '\0';
    fclose(out);
    return missed;
}

static void targets_are_met_or_missed_one_by_one(void **state) {
    (void)state;
    struct load_outcome outcome = { .seconds = 60, .ingested = 100 };
    char text[4096];
    for (unsigned i = 0; i < 100; i++)
        add(&outcome.samples, LOAD_INGEST, i < 50 ? 99 : i < 95 ? 499 : i < 99 ? 1999 : 9999, i < 1);
    assert_int_equal(missed_of(&outcome, text, sizeof text), 0);
    assert_null(strstr(text, "MISSED"));

    outcome.ingested = 99;
    assert_int_equal(missed_of(&outcome, text, sizeof text), 1);
    assert_non_null(strstr(text, "99 a minute (target 100): MISSED"));

    outcome.samples.items[0].seconds = 0.101f; /* 49 at most 99 ms: the median is above 100 */
    assert_int_equal(missed_of(&outcome, text, sizeof text), 2);
    outcome.samples.items[1].failed = true; /* 2 % */
    assert_int_equal(missed_of(&outcome, text, sizeof text), 3);
    load_samples_free(&outcome.samples);
}

static void a_mix_is_read_or_refused(void **state) {
    (void)state;
    unsigned mix[LOAD_ENDPOINTS];
    static const char *const bad[] = { "",          "search",      "search=",
                                       "search=0",  "searches=1",  "search=1;ingest=2",
                                       "search=-1", "search=5000", "search=5,search=0" };
    assert_true(load_mix_read("search=60,ingest=10,document=0", mix));
    assert_int_equal(mix[LOAD_SEARCH], 60);
    assert_int_equal(mix[LOAD_INGEST], 10);
    assert_int_equal(mix[LOAD_SUMMARY], 0);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(load_mix_read(bad[i], mix));
}

static void files_that_cannot_be_written_are_reported(void **state) {
    (void)state;
    struct load_outcome outcome = { .seconds = 1 };
    assert_false(load_report_csv(&outcome, "/nowhere/at.csv"));
    assert_false(load_plot_write(&outcome, "/nowhere/at.svg"));
    assert_false(load_report_csv(&outcome, "/dev/full"));
    assert_false(load_plot_write(&outcome, "/dev/full"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentiles_are_those_of_the_nearest_rank),
        cmocka_unit_test(one_request_is_every_percentile),
        cmocka_unit_test(samples_of_users_are_put_together_in_order),
        cmocka_unit_test(targets_are_met_or_missed_one_by_one),
        cmocka_unit_test(a_mix_is_read_or_refused),
        cmocka_unit_test(files_that_cannot_be_written_are_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
