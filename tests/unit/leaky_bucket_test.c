/* SPDX-License-Identifier: Apache-2.0 */
/* leaky_bucket_test.c - how many may pass, and when. */
#include "leaky_bucket.h"

#include "base/clock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define MS OTEL__MILLISECOND
/* Not zero: and the time of a bucket wraps soon behind it. */
static const uint64_t start = UINT64_C(4294960000) * MS;

static struct otel__bucket full_bucket(void) {
    struct otel__bucket bucket;
    otel__bucket_fill(&bucket, start);
    return bucket;
}

static unsigned take_all(struct otel__bucket *bucket, double rate, uint64_t now) {
    unsigned taken = 0;
    while (otel__bucket_take(bucket, rate, now))
        taken++;
    return taken;
}

static void it_starts_full_and_holds_a_second_of_credits(void **state) {
    (void)state;
    static const double rates[] = { 1, 2, 3, 7, 10, 100, 1000, 12345 };
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct otel__bucket bucket = full_bucket();
        assert_int_equal(take_all(&bucket, rates[i], start), (unsigned)rates[i]);
        assert_int_equal(take_all(&bucket, rates[i], start + 1000 * MS), (unsigned)rates[i]);
        assert_int_equal(take_all(&bucket, rates[i], start + 3600 * 1000 * MS), (unsigned)rates[i]);
    }
}

static void slow_one_holds_one_credit(void **state) {
    (void)state;
    struct otel__bucket bucket = full_bucket();
    assert_int_equal(take_all(&bucket, 0.5, start), 1);
    assert_int_equal(take_all(&bucket, 0.5, start + 1999 * MS), 0);
    assert_int_equal(take_all(&bucket, 0.5, start + 2000 * MS), 1);
    assert_int_equal(take_all(&bucket, 0.5, start + 100000 * MS), 1);
    assert_int_equal(take_all(&bucket, 0.001, start + 1000000 * MS), 0);
    assert_int_equal(take_all(&bucket, 0.001, start + 1100000 * MS), 1);
}

static void rate_of_zero_lets_nothing_pass(void **state) {
    (void)state;
    struct otel__bucket bucket = full_bucket();
    assert_int_equal(take_all(&bucket, 0, start + 5000 * MS), 0);
    assert_int_equal(take_all(&bucket, 5, start + 5000 * MS), 5);
}

/* Asked every millisecond for a minute, so that rounding has its chance. */
static void rate_is_kept_in_the_long_run(void **state) {
    (void)state;
    static const double rates[] = { 0.3, 1, 3, 33, 333 };
    for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
        struct otel__bucket bucket = full_bucket();
        take_all(&bucket, rates[i], start);
        unsigned taken = 0;
        for (uint64_t ms = 1; ms <= 60000; ms++)
            taken += take_all(&bucket, rates[i], start + ms * MS);
        assert_in_range(taken, (unsigned)(60 * rates[i] * 0.998), (unsigned)(60 * rates[i] * 1.002) + 1);
    }
}

static void balance_keeps_its_share_when_the_rate_changes(void **state) {
    (void)state;
    struct otel__bucket bucket = full_bucket();
    for (int i = 0; i < 60; i++)
        assert_true(otel__bucket_take(&bucket, 100, start));
    otel__bucket_settle(&bucket, 100, start + 100 * MS); /* 10 more: half full */
    struct otel__bucket copy;
    otel__bucket_copy(&copy, &bucket);
    assert_int_equal(take_all(&bucket, 10, start + 100 * MS), 5);
    assert_int_equal(take_all(&copy, 100, start + 100 * MS), 50);
}

static void clocks_out_of_order_fill_nothing(void **state) {
    (void)state;
    struct otel__bucket bucket = full_bucket();
    assert_int_equal(take_all(&bucket, 10, start + 50 * MS), 10);
    assert_int_equal(take_all(&bucket, 10, start + 20 * MS), 0);
    assert_int_equal(take_all(&bucket, 10, start + 1049 * MS), 9);
    assert_int_equal(take_all(&bucket, 10, start + 1050 * MS), 1);
    assert_int_equal(take_all(&bucket, 10, start + 1150 * MS), 1);
}

static struct otel__bucket shared;

static void *take_as_many(void *taken) {
    *(unsigned *)taken = take_all(&shared, 1000, start);
    return NULL;
}

static void threads_take_each_credit_once(void **state) {
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    unsigned taken[THREADS], sum = 0;
    shared = full_bucket();
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_as_many, &taken[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum += taken[i];
    }
    assert_int_equal(sum, 1000);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_starts_full_and_holds_a_second_of_credits),
        cmocka_unit_test(slow_one_holds_one_credit),
        cmocka_unit_test(rate_of_zero_lets_nothing_pass),
        cmocka_unit_test(rate_is_kept_in_the_long_run),
        cmocka_unit_test(balance_keeps_its_share_when_the_rate_changes),
        cmocka_unit_test(clocks_out_of_order_fill_nothing),
        cmocka_unit_test(threads_take_each_credit_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
