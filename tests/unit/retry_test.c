/* SPDX-License-Identifier: Apache-2.0 */
/* retry_test.c - the policy of trying again, without a clock. */
#include "common/retry.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const uint64_t ms = OTEL__MILLISECOND;
static const uint64_t start = UINT64_C(123456789012345);

static struct otel__retry retry_for(uint64_t budget_ms) {
    return (struct otel__retry){ .deadline = start + budget_ms * ms };
}

static void only_passing_statuses_are_retried(void **state) {
    (void)state;
    for (int status = 100; status < 600; status++)
        assert_int_equal(otel__retry_http_status(status),
                         status == 429 || status == 502 || status == 503 || status == 504);
}

/* The delays in the middle of the jitter's range, and at its ends. */
static void back_off_doubles_within_its_jitter(void **state) {
    (void)state;
    static const uint64_t base[] = { 500, 1000, 2000, 3333, 3333, 3333, 3333 };
    static const uint32_t randoms[] = { 0, 0x80000000u, 0xffffffffu };
    for (size_t r = 0; r < 3; r++) {
        struct otel__retry retry = retry_for(1000000);
        for (size_t i = 0; i < sizeof base / sizeof *base; i++) {
            uint64_t wait = 0, middle = base[i] * ms;
            assert_true(otel__retry_next(&retry, start, randoms[r], 0, &wait));
            if (r == 0)
                assert_int_equal(wait, middle / 2);
            else if (r == 1)
                assert_int_equal(wait, middle);
            else
                assert_in_range(wait, middle * 3 / 2 - 1000, middle * 3 / 2);
            assert_true(wait <= 5000 * ms);
        }
    }
}

static uint64_t wait_after(unsigned failures, struct otel__retry_policy policy, uint32_t random) {
    struct otel__retry retry = { .policy = policy, .deadline = UINT64_MAX, .failures = failures };
    uint64_t wait = 0;
    assert_true(otel__retry_next(&retry, start, random, 0, &wait));
    return wait;
}

static void the_policy_sets_the_first_and_the_longest_wait(void **state) {
    (void)state;
    const struct otel__retry_policy policy = { .initial_ms = 20, .max_ms = 90 };
    static const uint64_t middles[] = { 20, 40, 60, 60 };
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(wait_after(i, policy, 0x80000000u), middles[i] * ms);
    assert_true(wait_after(9, policy, 0xffffffffu) <= 90 * ms);
    assert_int_equal(wait_after(0, (struct otel__retry_policy){ .max_ms = 600 }, 0x80000000u), 400 * ms);
    const struct otel__retry_policy longest = { .initial_ms = INT32_MAX, .max_ms = INT32_MAX };
    assert_in_range(wait_after(9, longest, 0xffffffffu), INT32_MAX / 2 * ms, INT32_MAX * ms);
}

static void a_first_wait_above_the_longest_is_a_problem(void **state) {
    (void)state;
    assert_null(otel__retry_policy_problem(&(struct otel__retry_policy){ .max_ms = 500 }));
    assert_null(otel__retry_policy_problem(&(struct otel__retry_policy){ .initial_ms = 5000 }));
    assert_non_null(otel__retry_policy_problem(&(struct otel__retry_policy){ .max_ms = 499 }));
    assert_non_null(otel__retry_policy_problem(&(struct otel__retry_policy){ .initial_ms = 5001 }));
}

static void retrying_can_be_switched_off(void **state) {
    (void)state;
    struct otel__retry retry = { .policy = { .disabled = true }, .deadline = UINT64_MAX };
    uint64_t wait = 0;
    assert_false(otel__retry_next(&retry, start, 0, 0, &wait));
}

static void many_failures_do_not_overflow(void **state) {
    (void)state;
    struct otel__retry retry = retry_for(1000000);
    uint64_t wait = 0;
    for (int i = 0; i < 100000; i++)
        assert_true(otel__retry_next(&retry, start, 0x80000000u, 0, &wait));
    assert_int_equal(wait, 3333 * ms);
}

static void the_servers_delay_is_a_floor(void **state) {
    (void)state;
    struct otel__retry retry = retry_for(60000);
    uint64_t wait = 0;
    assert_true(otel__retry_next(&retry, start, 0, 10, &wait));
    assert_int_equal(wait, 250 * ms); /* below the back-off: no change */
    assert_true(otel__retry_next(&retry, start, 0, 20000 * ms, &wait));
    assert_int_equal(wait, 20000 * ms); /* no cap and no jitter shortens it */
}

static void a_wait_beyond_the_deadline_fails_at_once(void **state) {
    (void)state;
    uint64_t wait = 0;
    struct otel__retry retry = retry_for(250);
    assert_false(otel__retry_next(&retry, start, 0, 0, &wait)); /* it would end exactly at the deadline */
    retry = retry_for(251);
    assert_true(otel__retry_next(&retry, start, 0, 0, &wait));
    retry = retry_for(10000);
    assert_false(otel__retry_next(&retry, start, 0, 10000 * ms, &wait));
    retry = retry_for(10000);
    assert_false(otel__retry_next(&retry, start + 20000 * ms, 0, 0, &wait)); /* long past */
    retry = retry_for(10000);
    assert_false(otel__retry_next(&retry, start, 0, UINT64_MAX, &wait));
}

static void retry_after(void **state) {
    (void)state;
    static const int64_t now = 784111777; /* Sun, 06 Nov 1994 08:49:37 GMT */
    static const struct {
        const char *text;
        int64_t seconds; /* -1: not understood */
    } cases[] = {
        { "0", 0 },
        { "7", 7 },
        { "120", 120 },
        { "00030", 30 },
        { "99999999999999999999999999", 86400 },
        { "Sun, 06 Nov 1994 08:49:47 GMT", 10 },
        { "Sunday, 06-Nov-94 08:49:47 GMT", 10 },
        { "Sun Nov  6 08:49:47 1994", 10 },
        { "Sun, 06 Nov 1994 08:49:37 GMT", 0 },
        { "Sun, 06 Nov 1994 08:49:36 GMT", 0 },
        { "Tue, 15 Nov 1993 08:12:31 GMT", 0 },
        { "Fri, 31 Dec 9999 23:59:59 GMT", 86400 },
        { "", -1 },
        { "-1", -1 },
        { "1.5", -1 },
        { "7 s", -1 },
        { "soon", -1 },
        { "Sun, 06 Foo 1994 08:49:47 GMT", -1 },
        { "Sun, 06", -1 },
        { "Sun, 99 Nov 1994 99:99:99 GMT", -1 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t delay = 1;
        bool understood = otel__retry_after(cases[i].text, now, &delay);
        if (understood != (cases[i].seconds >= 0))
            fail_msg("\"%s\": understood is %d", cases[i].text, understood);
        if (understood)
            assert_int_equal(delay, (uint64_t)cases[i].seconds * OTEL__SECOND);
    }
}

static void what_a_server_asks_for_again_grows(void **state) {
    (void)state;
    const struct otel__retry_policy policy = { .max_ms = 5000 };
    assert_int_equal(otel__retry_grow(&policy, 0, 9), 0);
    assert_int_equal(otel__retry_grow(&policy, 1000 * ms, 0), 1000 * ms);
    assert_int_equal(otel__retry_grow(&policy, 1000 * ms, 2), 4000 * ms);
    assert_int_equal(otel__retry_grow(&policy, 1000 * ms, 3), 5000 * ms);
    assert_int_equal(otel__retry_grow(&policy, 1000 * ms, 1000), 5000 * ms);
    assert_int_equal(otel__retry_grow(&policy, 7000 * ms, 3), 7000 * ms);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_passing_statuses_are_retried),
        cmocka_unit_test(back_off_doubles_within_its_jitter),
        cmocka_unit_test(the_policy_sets_the_first_and_the_longest_wait),
        cmocka_unit_test(a_first_wait_above_the_longest_is_a_problem),
        cmocka_unit_test(retrying_can_be_switched_off),
        cmocka_unit_test(many_failures_do_not_overflow),
        cmocka_unit_test(the_servers_delay_is_a_floor),
        cmocka_unit_test(what_a_server_asks_for_again_grows),
        cmocka_unit_test(a_wait_beyond_the_deadline_fails_at_once),
        cmocka_unit_test(retry_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
