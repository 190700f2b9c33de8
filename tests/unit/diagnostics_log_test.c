/* SPDX-License-Identifier: Apache-2.0 */
/* diagnostics_log_test.c - the SDK's own messages as lines of the log. */
#include "log_fixture.h"

#include <otel/exporter.h>
#include <otel/sdk.h>

OTEL_LOGGER(logger, "of the program");

static void levels_become_severities(void **state) {
    (void)state;
    static const struct {
        otel_log_level level;
        otel_severity severity;
    } levels[] = { { OTEL_LOG_TRACE, OTEL_SEVERITY_DEBUG },
                   { OTEL_LOG_DEBUG, OTEL_SEVERITY_DEBUG },
                   { OTEL_LOG_INFO, OTEL_SEVERITY_INFO },
                   { OTEL_LOG_WARN, OTEL_SEVERITY_WARNING },
                   { OTEL_LOG_ERROR, OTEL_SEVERITY_ERROR } };
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++) {
        otel_diagnostic_log(NULL, levels[i].level, "text");
        assert_int_equal(caught.severity, levels[i].severity);
    }
    assert_non_null(strstr(caught.text, "\"logger\":\"otel\",\"message\":\"text\""));
}

static void reports_of_the_sdk_become_lines(void **state) {
    (void)state;
    assert_int_equal(otel_sdk_start(OTEL_SDK(.processors = { 0 }, .log_level = OTEL_LOG_WARN, .detectors = "none",
                                             .diagnostic = otel_diagnostic_log, .diagnostic_data = logger)),
                     OTEL_OK);
    caught.count = 0;
    otel_report(OTEL_LOG_INFO, "diagnostics_log_test info", "not this one");
    otel_report(OTEL_LOG_WARN, "diagnostics_log_test", "collector %s is gone", "c-1");
    assert_int_equal(otel_sdk_stop(0), OTEL_OK);
    assert_int_equal(caught.count, 1);
    json_t *line = caught_line();
    assert_string_equal(text_of(line, "logger"), "of the program");
    assert_string_equal(text_of(line, "message"), "collector c-1 is gone");
    assert_string_equal(text_of(line, "level"), "WARNING");
    json_decref(line);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, catch_lines, catch_no_more)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(levels_become_severities),
        TEST(reports_of_the_sdk_become_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
