/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_file_test.c - the OTLP file exporter as the environment has it. */
#include "autoconfigure.h"

#include "config_fixture.h"
#include "fake_root.h"
#include "otlp_lines.h"
#include "processor.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static struct otel__pipeline pipeline;
static char folder[128], path[256];

static int begin(void **state) {
    snprintf(folder, sizeof folder, "%s", fake_root_make());
    snprintf(path, sizeof path, "%s/spans.jsonl", folder);
    return set_up(state);
}

static int end(void **state) {
    fake_root_remove();
    return tear_down(state);
}

static void configure(void) {
    otel_error error;
    otel__config_load(&config, NULL, fake_env_get);
    assert_int_equal(otel__autoconfigure(NULL, &config, &pipeline, &error), OTEL_OK);
}

static void done(void) {
    otel__pipeline_free(&pipeline);
    otel__config_free(&config);
}

static void defaults(void **state) {
    (void)state;
    load();
    assert_string_equal(text_or_none(config.file_path), "traces.jsonl");
    assert_int_equal(config.file_max_bytes, 0);
    assert_int_equal(config.file_max_age_ms, 0);
    assert_int_equal(config.file_kept, 4);
    assert_int_equal(config.file_sync, OTEL_OTLP_FILE_SYNC_NEVER);
    assert_int_equal(config.file_sync_interval_ms, 1000);
    assert_int_equal(reports_count(), 0);
    otel__config_free(&config);
}

static void what_can_be_set(void **state) {
    (void)state;
    fake_env_set("OTEL_C_OTLP_FILE_PATH", path);
    fake_env_set("OTEL_C_OTLP_FILE_MAX_BYTES", "1000000");
    fake_env_set("OTEL_C_OTLP_FILE_MAX_AGE", "3600000");
    fake_env_set("OTEL_C_OTLP_FILE_KEPT", "9");
    fake_env_set("OTEL_C_OTLP_FILE_SYNC", "Interval");
    fake_env_set("OTEL_C_OTLP_FILE_SYNC_INTERVAL", "250");
    load();
    assert_string_equal(text_or_none(config.file_path), path);
    assert_int_equal(config.file_max_bytes, 1000000);
    assert_int_equal(config.file_max_age_ms, 3600000);
    assert_int_equal(config.file_kept, 9);
    assert_int_equal(config.file_sync, OTEL_OTLP_FILE_SYNC_INTERVAL);
    assert_int_equal(config.file_sync_interval_ms, 250);
    assert_int_equal(reports_count(), 0);
    otel__config_free(&config);
}

static void values_that_are_no_good(void **state) {
    (void)state;
    fake_env_set("OTEL_C_OTLP_FILE_MAX_BYTES", "1MB");
    fake_env_set("OTEL_C_OTLP_FILE_MAX_AGE", "-1");
    fake_env_set("OTEL_C_OTLP_FILE_KEPT", "0");
    fake_env_set("OTEL_C_OTLP_FILE_SYNC", "always");
    fake_env_set("OTEL_C_OTLP_FILE_SYNC_INTERVAL", "0");
    load();
    assert_int_equal(reports_count(), 5);
    assert_true(reports_mention("OTEL_C_OTLP_FILE_MAX_BYTES=\"1MB\"", "using the default, 0"));
    assert_true(reports_mention("OTEL_C_OTLP_FILE_SYNC=\"always\" is not one of never, batch, interval", NULL));
    assert_int_equal(config.file_kept, 4);
    otel__config_free(&config);
}

static void a_file_comes_with_a_batch_processor(void **state) {
    (void)state;
    fake_env_set("OTEL_TRACES_EXPORTER", "otlp_file");
    fake_env_set("OTEL_C_OTLP_FILE_PATH", path);
    fake_env_set("OTEL_BSP_MAX_QUEUE_SIZE", "4000");
    configure();
    assert_int_equal(pipeline.processor_count, 1);
    assert_string_equal(pipeline.processors[0]->name, "batch/otlp_file");
    assert_int_equal(pipeline.processors[0]->max_queue, 4000);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(reports_count(), 0);
    done();
}

/* Beside the console's lines, for one thing. */
static void standard_output_comes_with_a_batch_processor(void **state) {
    (void)state;
    fake_env_set("OTEL_TRACES_EXPORTER", "otlp/stdout,console");
    fake_env_set("OTEL_C_OTLP_FILE_PATH", "/nowhere/spans.jsonl");
    fake_env_set("OTEL_C_OTLP_FILE_MAX_BYTES", "5"); /* of no use there, and no hindrance */
    configure();
    assert_int_equal(pipeline.processor_count, 2);
    assert_string_equal(pipeline.processors[0]->name, "batch/otlp_file");
    assert_string_equal(pipeline.processors[1]->name, "simple/console");
    assert_int_equal(reports_count(), 0);
    done();
}

static void a_file_that_cannot_be_opened_is_reported(void **state) {
    (void)state;
    fake_env_set("OTEL_TRACES_EXPORTER", "otlp_file,console");
    fake_env_set("OTEL_C_OTLP_FILE_PATH", "/nowhere/spans.jsonl");
    configure();
    assert_int_equal(pipeline.processor_count, 2);
    assert_string_equal(pipeline.processors[0]->name, "batch/otlp_file");
    assert_string_equal(pipeline.processors[1]->name, "simple/console");
    assert_true(reports_mention("the otlp_file exporter cannot be used, its spans are dropped: ",
                                "/nowhere/spans.jsonl: No such file or directory"));
    done();
}

OTEL_TRACER(tracer, "autoconfigure_file_test", "1");

/* Through the real environment, to the end. */
static otel_ledger trace_with(const char *exporter, const char *file, otel_status stopped) {
    otel_ledger ledger = { .size = sizeof ledger };
    setenv("OTEL_TRACES_EXPORTER", exporter, 1);
    setenv("OTEL_C_OTLP_FILE_PATH", file, 1);
    assert_int_equal(otel_sdk_start(NULL), OTEL_OK);
    for (int i = 0; i < 1000; i++) {
        OTEL_SPAN(span, tracer, "work");
    }
    assert_int_equal(otel_sdk_stop(20000), stopped);
    otel_sdk_ledger(&ledger);
    unsetenv("OTEL_TRACES_EXPORTER");
    unsetenv("OTEL_C_OTLP_FILE_PATH");
    return ledger;
}

static void assert_all_there(const otel_ledger *ledger) {
    struct otlp_lines sum = { 0 };
    assert_true(otlp_lines_add_file(&sum, path));
    assert_int_equal(sum.unreadable + sum.rest, 0);
    assert_int_equal(sum.spans, 1000);
    assert_int_equal(ledger->processors[0].exported, 1000);
}

static void spans_reach_the_file(void **state) {
    (void)state;
    const otel_ledger ledger = trace_with("otlp_file", path, OTEL_OK);
    assert_all_there(&ledger);
}

static void spans_reach_standard_output(void **state) {
    (void)state;
    fflush(stdout);
    int saved = dup(1), fd = open(path, O_RDWR | O_CREAT, 0600);
    dup2(fd, 1);
    const otel_ledger ledger = trace_with("otlp/stdout", "/nowhere/spans.jsonl", OTEL_OK);
    dup2(saved, 1);
    close(saved);
    close(fd);
    assert_all_there(&ledger);
}

static void what_an_unusable_exporter_loses_is_counted(void **state) {
    (void)state;
    const otel_ledger ledger = trace_with("otlp_file", "/nowhere/spans.jsonl", OTEL_ERR_EXPORT);
    assert_int_equal(ledger.processor_count, 1);
    assert_string_equal(ledger.processors[0].name, "batch/otlp_file");
    assert_int_equal(ledger.processors[0].dropped_failed, 1000);
}

#define FILE_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void) {
    const struct CMUnitTest tests[] = {
        FILE_TEST(defaults),
        FILE_TEST(what_can_be_set),
        FILE_TEST(values_that_are_no_good),
        FILE_TEST(a_file_comes_with_a_batch_processor),
        FILE_TEST(standard_output_comes_with_a_batch_processor),
        FILE_TEST(a_file_that_cannot_be_opened_is_reported),
        FILE_TEST(spans_reach_the_file),
        FILE_TEST(spans_reach_standard_output),
        FILE_TEST(what_an_unusable_exporter_loses_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
