/* SPDX-License-Identifier: Apache-2.0 */
/* config_code_test.c - the process's environment, and what code sets beside it. */
#include "config.h"

#include "reports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static struct otel__config config;

static int set_up(void **state) {
    (void)state;
    reports_start(OTEL_LOG_WARN);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    reports_stop();
    return 0;
}

static void without_a_function_the_process_environment(void **state) {
    (void)state;
    setenv("OTEL_SERVICE_NAME", "from the process", 1);
    otel__config_load(&config, NULL, NULL);
    unsetenv("OTEL_SERVICE_NAME");
    assert_string_equal(config.service_name, "from the process");
    otel__config_free(&config);
}

static otel_batch_options settle(otel_batch_options options) {
    reports_start(OTEL_LOG_WARN);
    options.size = sizeof options;
    otel__config_batch_defaults(&options);
    return options;
}

static void batch_options_code_then_environment_then_default(void **state) {
    (void)state;
    otel_batch_options all = settle((otel_batch_options){ .max_queue_size = 0 });
    assert_int_equal(all.max_queue_size, 2048);
    assert_int_equal(all.max_batch_size, 512);
    assert_int_equal(all.schedule_delay_ms, 5000);
    assert_int_equal(all.export_timeout_ms, 30000);
    assert_int_equal(reports_count(), 0);
    setenv("OTEL_BSP_MAX_QUEUE_SIZE", "1000", 1);
    setenv("OTEL_BSP_SCHEDULE_DELAY", "0", 1);
    setenv("OTEL_BSP_EXPORT_TIMEOUT", "0", 1);
    all = settle((otel_batch_options){ .max_batch_size = 10 });
    assert_int_equal(all.max_queue_size, 1000);
    assert_int_equal(all.max_batch_size, 10);
    assert_int_equal(all.schedule_delay_ms, 0);
    assert_int_equal(all.export_timeout_ms, OTEL_NO_TIMEOUT);
    assert_int_equal(reports_count(), 0);
    setenv("OTEL_BSP_MAX_QUEUE_SIZE", "bad, but not needed", 1);
    all = settle((otel_batch_options){ .max_queue_size = 5, .schedule_delay_ms = 7, .export_timeout_ms = 9 });
    assert_int_equal(all.max_queue_size, 5);
    assert_int_equal(all.max_batch_size, 5);
    assert_int_equal(all.schedule_delay_ms, 7);
    assert_int_equal(all.export_timeout_ms, 9);
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("otel_batch_options.max_queue_size: batches of 512 spans", "using 5"));
    unsetenv("OTEL_BSP_MAX_QUEUE_SIZE");
    unsetenv("OTEL_BSP_SCHEDULE_DELAY");
    unsetenv("OTEL_BSP_EXPORT_TIMEOUT");
}

static void no_delay_and_no_timeout_have_names(void **state) {
    (void)state;
    setenv("OTEL_BSP_SCHEDULE_DELAY", "bad, but not needed", 1);
    setenv("OTEL_BSP_EXPORT_TIMEOUT", "bad, but not needed", 1);
    otel_batch_options all =
        settle((otel_batch_options){ .schedule_delay_ms = OTEL_NO_DELAY, .export_timeout_ms = OTEL_NO_TIMEOUT });
    unsetenv("OTEL_BSP_SCHEDULE_DELAY");
    unsetenv("OTEL_BSP_EXPORT_TIMEOUT");
    assert_int_equal(all.schedule_delay_ms, 0);
    assert_int_equal(all.export_timeout_ms, OTEL_NO_TIMEOUT);
    assert_int_equal(reports_count(), 0);
}

static void negative_times_are_reported_and_ignored(void **state) {
    (void)state;
    otel_batch_options all = settle((otel_batch_options){ .schedule_delay_ms = -1, .export_timeout_ms = -2 });
    assert_int_equal(all.schedule_delay_ms, 5000);
    assert_int_equal(all.export_timeout_ms, 30000);
    assert_int_equal(reports_count(), 2);
    assert_true(reports_mention("otel_batch_options.schedule_delay_ms=-1 is negative", "using 5000"));
    assert_true(reports_mention("otel_batch_options.export_timeout_ms=-2 is negative", "using 30000"));
    reports_start(OTEL_LOG_WARN);
    const otel_otlp_options otlp = { .size = sizeof otlp, .timeout_ms = -3 };
    otel__config_load_otlp(&config, OTEL__SIGNAL_TRACES, &otlp);
    otel__config_report(&config);
    assert_int_equal(config.otlp_timeout_ms, 10000);
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("otel_otlp_options.timeout_ms=-3 is negative", "using 10000"));
    otel__config_free(&config);
}

static void bad_batch_options_are_reported(void **state) {
    (void)state;
    otel_batch_options all = settle((otel_batch_options){ .max_queue_size = -1, .max_batch_size = -2 });
    assert_int_equal(all.max_queue_size, 2048);
    assert_int_equal(all.max_batch_size, 512);
    assert_int_equal(reports_count(), 2);
    assert_true(reports_mention("otel_batch_options.max_queue_size=-1 is negative", "using 2048"));
    all = settle((otel_batch_options){ .max_queue_size = 100, .max_batch_size = 200 });
    assert_int_equal(all.max_batch_size, 100);
    assert_true(reports_mention("otel_batch_options.max_batch_size: batches of 200 spans", "using 100"));
}

static void otlp_variables_that_code_makes_needless_are_not_read(void **state) {
    (void)state;
    setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "bad", 1);
    setenv("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "bad", 1);
    setenv("OTEL_EXPORTER_OTLP_HEADERS", "a=1", 1);
    otel_otlp_options options = { .size = sizeof options, .endpoint = "http://c", .timeout_ms = 5, .headers = "b=2" };
    otel__config_load_otlp(&config, OTEL__SIGNAL_TRACES, &options);
    otel__config_report(&config);
    assert_int_equal(reports_count(), 0);
    assert_null(config.otlp_headers);
    otel__config_free(&config);
    options = (otel_otlp_options){ .size = sizeof options };
    otel__config_load_otlp(&config, OTEL__SIGNAL_TRACES, &options);
    otel__config_report(&config);
    assert_int_equal(reports_count(), 2);
    assert_string_equal(config.otlp_endpoint, "http://localhost:4318");
    assert_int_equal(config.otlp_timeout_ms, 10000);
    assert_string_equal(config.otlp_headers, "a=1");
    otel__config_free(&config);
    unsetenv("OTEL_EXPORTER_OTLP_ENDPOINT");
    unsetenv("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT");
    unsetenv("OTEL_EXPORTER_OTLP_HEADERS");
}

/* What is wrong with them was told when the parts were made, to which they mattered. */
static void variables_that_parts_made_in_code_replace_are_not_read_at_start(void **state) {
    (void)state;
    static const char *const bad[] = { "OTEL_LOG_LEVEL",       "OTEL_PROPAGATORS",
                                       "OTEL_TRACES_SAMPLER",  "OTEL_TRACES_SAMPLER_ARG",
                                       "OTEL_TRACES_EXPORTER", "OTEL_BSP_MAX_QUEUE_SIZE",
                                       "OTEL_SDK_DISABLED",    "OTEL_EXPORTER_OTLP_ENDPOINT" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        setenv(bad[i], "bad", 1);
    const otel_propagator *none = NULL;
    const otel_sdk_options options = { .size = sizeof options,
                                       .log_level = OTEL_LOG_WARN,
                                       .propagators = &none,
                                       .sampler = otel_sampler_always_on(),
                                       .processors = OTEL_NO_PROCESSORS }; /* a list, though of none */
    otel__config_load(&config, &options, NULL);
    otel__config_report(&config);
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("OTEL_SDK_DISABLED=\"bad\"", "using false"));
    otel__config_free(&config);
    const otel_sdk_options nothing = { .size = sizeof nothing };
    otel__config_load(&config, &nothing, NULL);
    reports_start(OTEL_LOG_WARN);
    otel__config_report(&config);
    assert_int_equal(reports_count(), 7); /* all but the argument of a sampler that was not named */
    otel__config_free(&config);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        unsetenv(bad[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(without_a_function_the_process_environment),
        TEST(batch_options_code_then_environment_then_default),
        TEST(no_delay_and_no_timeout_have_names),
        TEST(negative_times_are_reported_and_ignored),
        TEST(bad_batch_options_are_reported),
        TEST(otlp_variables_that_code_makes_needless_are_not_read),
        TEST(variables_that_parts_made_in_code_replace_are_not_read_at_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
