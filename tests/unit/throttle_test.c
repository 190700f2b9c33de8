/* SPDX-License-Identifier: Apache-2.0 */
/* throttle_test.c - how long a server's wish for fewer requests keeps exports back. */
#include "common/throttle.h"

#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define S OTEL__SECOND

static void a_named_time_is_kept(void **state) {
    (void)state;
    struct otel__throttle throttle = { .asked = 0 };
    assert_int_equal(otel__throttle_until(&throttle, 10 * S, 20 * S), 0);
    otel__throttle_note(&throttle, true, 7 * S, 10 * S);
    assert_int_equal(otel__throttle_until(&throttle, 11 * S, 12 * S), 17 * S);
    assert_int_equal(otel__throttle_until(&throttle, 12 * S, 13 * S), 17 * S);
    assert_int_equal(throttle.asked, 1);
}

/* Answers that were under way at once name different times. */
static void the_longest_time_is_kept(void **state) {
    (void)state;
    struct otel__throttle throttle = { .asked = 0 };
    otel__throttle_note(&throttle, true, 7 * S, 10 * S);
    otel__throttle_note(&throttle, true, 2 * S, 11 * S);
    otel__throttle_pause(&throttle, 1 * S, 12 * S);
    assert_int_equal(otel__throttle_until(&throttle, 12 * S, 13 * S), 17 * S);
    otel__throttle_pause(&throttle, 8 * S, 12 * S);
    assert_int_equal(otel__throttle_until(&throttle, 12 * S, 13 * S), 20 * S);
    assert_int_equal(throttle.asked, 2);
}

static void no_time_is_kept_for_longer_than_minutes(void **state) {
    (void)state;
    struct otel__throttle throttle = { .asked = 0 };
    otel__throttle_note(&throttle, true, 86400 * S, 10 * S);
    assert_int_equal(otel__throttle_until(&throttle, 11 * S, 12 * S), 310 * S);
}

static void without_one_the_next_export_begins_later_and_leaves_half_of_its_time(void **state) {
    (void)state;
    struct otel__throttle throttle = { .asked = 0 };
    otel__throttle_note(&throttle, true, 0, 10 * S);
    otel__throttle_gave_up(&throttle, 10 * S, 3 * S, false);
    assert_int_equal(otel__throttle_until(&throttle, 10 * S, 30 * S), 13 * S);
    assert_int_equal(otel__throttle_until(&throttle, 10 * S, 30 * S), 0); /* once */
    otel__throttle_gave_up(&throttle, 10 * S, 30 * S, false);
    assert_int_equal(otel__throttle_until(&throttle, 10 * S, 12 * S), 11 * S);
    otel__throttle_gave_up(&throttle, 10 * S, 3 * S, true); /* a named time is kept anyway */
    assert_int_equal(otel__throttle_until(&throttle, 10 * S, 30 * S), 0);
}

static void another_answer_ends_it(void **state) {
    (void)state;
    struct otel__throttle throttle = { .asked = 0 };
    otel__throttle_note(&throttle, true, 0, 10 * S);
    otel__throttle_note(&throttle, true, 0, 11 * S);
    assert_int_equal(throttle.asked, 2);
    otel__throttle_note(&throttle, false, 0, 12 * S);
    assert_int_equal(throttle.asked, 0);
    otel__throttle_gave_up(&throttle, 12 * S, 3 * S, false);
    assert_int_equal(otel__throttle_until(&throttle, 12 * S, 30 * S), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_named_time_is_kept),
        cmocka_unit_test(the_longest_time_is_kept),
        cmocka_unit_test(no_time_is_kept_for_longer_than_minutes),
        cmocka_unit_test(without_one_the_next_export_begins_later_and_leaves_half_of_its_time),
        cmocka_unit_test(another_answer_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
