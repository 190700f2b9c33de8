/* SPDX-License-Identifier: Apache-2.0 */
/* clock_test.c - the offset between the clocks is right, even when a thread is interrupted between reading them. */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

/* A machine on which each reading takes 30 ns, and every `slow_every`-th one a millisecond; three make an attempt. */
static struct {
    uint64_t steady, offset;
    unsigned readings, slow_every;
} machine;

static uint64_t read_machine(clockid_t id) {
    machine.readings++;
    machine.steady += machine.slow_every && machine.readings % machine.slow_every == 0 ? OTEL__MILLISECOND : 30;
    return id == CLOCK_REALTIME ? machine.steady + machine.offset : machine.steady;
}

static int set_machine(void **state) {
    (void)state;
    machine.steady += 5 * OTEL__SECOND; /* what the last test read is old */
    machine.offset = UINT64_C(1700000000) * OTEL__SECOND;
    machine.readings = machine.slow_every = 0;
    otel__clock_for_tests = read_machine;
    return 0;
}

static int unset_machine(void **state) {
    (void)state;
    otel__clock_for_tests = NULL;
    return 0;
}

static void assert_offset_near(uint64_t expected) {
    const int64_t offset = otel__clock_offset(otel__clock_steady());
    assert_in_range(offset, expected, expected + 500);
}

static void the_offset_is_the_difference(void **state) {
    (void)state;
    assert_offset_near(machine.offset);
    assert_offset_near(machine.offset);
}

/* The wall clock need not be read for every span. */
static void an_offset_holds_for_a_millisecond(void **state) {
    (void)state;
    assert_offset_near(machine.offset);
    const unsigned readings = machine.readings;
    for (unsigned i = 1; i <= 10; i++) {
        assert_offset_near(machine.offset);
        assert_int_equal(machine.readings, readings + i);
    }
    machine.steady += OTEL__MILLISECOND;
    assert_offset_near(machine.offset);
    assert_true(machine.readings > readings + 11);
}

/* Read by another thread, a little later: no reason to read again. A clock that is far behind is. */
static void a_later_reading_is_as_good(void **state) {
    (void)state;
    const int64_t offset = otel__clock_offset(machine.steady);
    const unsigned readings = machine.readings;
    assert_int_equal(otel__clock_offset(machine.steady - 500), offset);
    assert_int_equal(machine.readings, readings);
    otel__clock_offset(machine.steady - 2 * OTEL__MILLISECOND);
    assert_true(machine.readings > readings);
}

static void an_interruption_between_the_readings_does_no_harm(void **state) {
    (void)state;
    for (unsigned every = 4; every < 12; every++) {
        machine.slow_every = every;
        for (int i = 0; i < 100; i++) {
            machine.steady += OTEL__MILLISECOND;
            assert_offset_near(machine.offset);
        }
    }
}

static void a_step_of_the_wall_clock_is_followed(void **state) {
    (void)state;
    assert_offset_near(machine.offset);
    machine.offset += 3600 * OTEL__SECOND;
    machine.steady += OTEL__MILLISECOND;
    assert_offset_near(machine.offset);
    machine.offset -= 7200 * OTEL__SECOND;
    machine.steady += OTEL__MILLISECOND;
    assert_offset_near(machine.offset);
    machine.offset -= 2 * OTEL__MILLISECOND;
    machine.steady += OTEL__MILLISECOND;
    assert_offset_near(machine.offset);
}

static void deadlines_count_in_milliseconds_rounded_up(void **state) {
    (void)state;
    assert_int_equal(otel__deadline_left_ms(0), 0);
    assert_int_equal(otel__deadline_left_ms(UINT64_MAX), INT32_MAX);
    assert_in_range(otel__deadline_left_ms(otel__deadline_in(60000, 0)), 59000, 60000);
    assert_in_range(otel__deadline_left_ms(otel__deadline_in(-1, 60000)), 59000, 60000);
    assert_int_equal(otel__deadline_left_ms(otel__clock_monotonic() + OTEL__SECOND * 3600) > 3599000, 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_offset_is_the_difference, set_machine, unset_machine),
        cmocka_unit_test_setup_teardown(an_offset_holds_for_a_millisecond, set_machine, unset_machine),
        cmocka_unit_test_setup_teardown(a_later_reading_is_as_good, set_machine, unset_machine),
        cmocka_unit_test_setup_teardown(an_interruption_between_the_readings_does_no_harm, set_machine, unset_machine),
        cmocka_unit_test_setup_teardown(a_step_of_the_wall_clock_is_followed, set_machine, unset_machine),
        cmocka_unit_test(deadlines_count_in_milliseconds_rounded_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
