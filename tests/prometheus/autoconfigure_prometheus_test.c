/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_prometheus_test.c - what is said where libotel-prometheus is not to be had, as it is in this program. */
#include "reports.h"

#include <otel/prometheus.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Where there is one to load it does not fit: it brings another SDK along than the archive in this program. */
static void there_is_no_reader_and_a_line_says_why(void **state) {
    (void)state;
    reports_start(OTEL_LOG_WARN);
    assert_null(otel_prometheus_reader(NULL));
    reports_stop();
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("the Prometheus reader could not be made: ", "libotel-prometheus.so."));
}

static void who_asks_for_the_reason_gets_it(void **state) {
    otel_error error = { "" };
    (void)state;
    reports_start(OTEL_LOG_WARN);
    const otel_prometheus_options options = { .size = sizeof options, .error = &error };
    assert_null(otel_prometheus_reader(&options));
    reports_stop();
    assert_int_equal(reports_count(), 0);
    assert_non_null(strstr(error.text, "libotel-prometheus.so."));
}

static void no_reader_has_no_port(void **state) {
    (void)state;
    assert_int_equal(otel_prometheus_port(NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_is_no_reader_and_a_line_says_why),
        cmocka_unit_test(who_asks_for_the_reason_gets_it),
        cmocka_unit_test(no_reader_has_no_port),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
