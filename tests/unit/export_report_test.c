/* SPDX-License-Identifier: Apache-2.0 */
/* export_report_test.c - what people are told of requests that are lost, tried again, and delivered in the end. */
#include "common/export_report.h"

#include "reports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct otel__export_kinds kinds = { "test.failure", "test.retry", "test.recovered", NULL };
static struct otel__export_reporter reporter;

static int begin(void **state) {
    (void)state;
    reports_start(OTEL_LOG_DEBUG);
    otel__export_reporter_init(&reporter, &kinds, "http://me:secret@c:1/x");
    return 0;
}

static int end(void **state) {
    (void)state;
    reports_stop();
    return 0;
}

/* One attempt after another, each with its cause, and none after the last. */
static void lose(const char *const *causes, unsigned count) {
    struct otel__export_failure failure = { .status = OTEL_OK };
    for (unsigned i = 0; i < count; i++) {
        failure.attempts++;
        otel__export_failure_problem(&failure, OTEL_ERR_EXPORT, causes[i], "Look there");
        if (i + 1 < count)
            otel__export_report_retry(&reporter, &failure, 5);
    }
    otel__export_report_loss(&reporter, &failure, 3);
}

static void a_loss_is_told_with_its_cause_and_a_hint(void **state) {
    (void)state;
    lose((const char *[]){ "refused" }, 1);
    assert_string_equal(reports_text(0), "3 spans could not be sent to http://c:1/x: refused. Look there");
}

static void attempts_are_counted(void **state) {
    (void)state;
    lose((const char *[]){ "refused", "refused" }, 2);
    assert_true(reports_mention("attempt 1 to send to http://c:1/x failed, trying again in 5 ms: refused", NULL));
    assert_true(reports_mention("refused (2 attempts). Look there", NULL));
}

/* Which may be what matters: a certificate that is refused, whereupon the server closes each connection. */
static void the_first_cause_is_told_where_the_last_is_another(void **state) {
    (void)state;
    lose((const char *[]){ "certificate refused", "closed", "closed" }, 3);
    assert_true(reports_mention("closed (3 attempts, the first: certificate refused). Look there", NULL));
}

static void a_long_cause_is_still_the_same_one(void **state) {
    (void)state;
    char cause[700];
    memset(cause, 'x', sizeof cause);
    cause[sizeof cause - 1] = '\0';
    lose((const char *[]){ cause, cause }, 2);
    assert_true(reports_mention("x (2 attempts). Look there", NULL));
}

static void a_success_is_told_after_a_loss_only(void **state) {
    (void)state;
    otel__export_report_success(&reporter);
    assert_int_equal(reports_count(), 0);
    lose((const char *[]){ "refused" }, 1);
    otel__export_report_success(&reporter);
    otel__export_report_success(&reporter);
    assert_int_equal(reports_count(), 2);
    assert_string_equal(reports_text(1), "sending spans to http://c:1/x works again");
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_loss_is_told_with_its_cause_and_a_hint),
        TEST(attempts_are_counted),
        TEST(the_first_cause_is_told_where_the_last_is_another),
        TEST(a_long_cause_is_still_the_same_one),
        TEST(a_success_is_told_after_a_loss_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
