/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_test.c - which pipeline comes of which options and environment, and who owns its parts. */
#include "autoconfigure.h"

#include "exporter_double.h"
#include "failing_allocator.h"
#include "fake_env.h"
#include "processor.h"
#include "reports.h"
#include "resource.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

static struct otel__config config;
static struct otel__pipeline pipeline;
static otel_error error;
static struct exporter_double doubles[OTEL_MAX_PROCESSORS + 2];

static int set_up(void **state) {
    (void)state;
    fake_env_clear();
    reports_start(OTEL_LOG_WARN);
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++)
        exporter_double_reset(&doubles[i]);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    otel__pipeline_free(&pipeline);
    otel__config_free(&config);
    reports_stop();
    return 0;
}

static otel_status configure(const otel_sdk_options *options) {
    otel__pipeline_free(&pipeline);
    otel__config_free(&config);
    reports_start(OTEL_LOG_WARN);
    otel__config_load(&config, NULL, fake_env_get);
    memset(&pipeline, 0xee, sizeof pipeline);
    snprintf(error.text, sizeof error.text, "untouched");
    return otel__autoconfigure(options, &config, &pipeline, &error);
}

static otel_processor *processor(size_t index) { return otel_simple_processor(exporter_double_make(&doubles[index])); }

/* A failed configuration leaves nothing behind and says why. */
static void assert_refused(otel_status status, otel_status expected, const char *why) {
    static const struct otel__pipeline empty;
    assert_int_equal(status, expected);
    assert_non_null(strstr(error.text, why));
    assert_memory_equal(&pipeline, &empty, sizeof empty);
}

static void assert_sampler(const char *description) {
    char text[512];
    otel_sampler_description(pipeline.sampler, text, sizeof text);
    if (strncmp(text, description, strlen(description)) != 0)
        fail_msg("the sampler is %s, not %s...", text, description);
}

static bool has_otlp(void) {
    otel_exporter *exporter = otel_otlp_exporter(NULL);
    otel_exporter_destroy(exporter);
    return exporter != NULL;
}

/* ---- from the environment --------------------------------------------------------------------------------------- */

static void nothing_given(void **state) {
    (void)state;
    if (!has_otlp())
        skip();
    assert_int_equal(configure(NULL), OTEL_OK);
    assert_false(pipeline.disabled);
    assert_sampler("ParentBased{root:AlwaysOnSampler,");
    assert_int_equal(pipeline.processor_count, 1);
    assert_string_equal(pipeline.processors[0]->name, "batch/otlp");
    assert_int_equal(pipeline.processors[0]->max_queue, 2048);
    assert_int_equal(pipeline.processors[0]->max_batch, 512);
    assert_true(pipeline.processors[0]->delay == UINT64_C(5000000000));
    assert_int_equal(pipeline.processors[0]->export_timeout_ms, 30000);
    assert_int_equal(pipeline.propagator_count, 2);
    assert_ptr_equal(pipeline.propagators[0], &otel_propagator_tracecontext);
    assert_ptr_equal(pipeline.propagators[1], &otel_propagator_baggage);
    assert_int_equal(reports_count(), 0);
}

static void samplers(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        { "always_on", NULL, "AlwaysOnSampler" },
        { "always_off", NULL, "AlwaysOffSampler" },
        { "traceidratio", "0.25", "TraceIdRatioBased{0.250000}" },
        { "traceidratio", NULL, "TraceIdRatioBased{1.000000}" },
        { "parentbased_always_on", NULL, "ParentBased{root:AlwaysOnSampler,remoteParentSampled:AlwaysOnSampler," },
        { "parentbased_always_off", NULL, "ParentBased{root:AlwaysOffSampler,remoteParentSampled:AlwaysOnSampler," },
        { "parentbased_traceidratio", "0.5", "ParentBased{root:TraceIdRatioBased{0.500000},remoteParentSampled" },
    };
    fake_env_set("OTEL_TRACES_EXPORTER", "none");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        fake_env_set("OTEL_TRACES_SAMPLER", cases[i][0]);
        fake_env_set("OTEL_TRACES_SAMPLER_ARG", cases[i][1]);
        assert_int_equal(configure(NULL), OTEL_OK);
        assert_sampler(cases[i][2]);
    }
}

static void exporters(void **state) {
    (void)state;
    fake_env_set("OTEL_TRACES_EXPORTER", "none");
    assert_int_equal(configure(NULL), OTEL_OK);
    assert_int_equal(pipeline.processor_count, 0);
    assert_sampler("ParentBased");
    fake_env_set("OTEL_TRACES_EXPORTER", "console");
    assert_int_equal(configure(NULL), OTEL_OK);
    assert_int_equal(pipeline.processor_count, 1);
    assert_string_equal(pipeline.processors[0]->name, "simple/console");
    if (!has_otlp())
        return;
    fake_env_set("OTEL_TRACES_EXPORTER", "console,otlp");
    assert_int_equal(configure(NULL), OTEL_OK);
    assert_int_equal(pipeline.processor_count, 2);
    assert_string_equal(pipeline.processors[0]->name, "simple/console");
    assert_string_equal(pipeline.processors[1]->name, "batch/otlp");
}

static void batch_settings(void **state) {
    (void)state;
    if (!has_otlp())
        skip();
    fake_env_set("OTEL_BSP_MAX_QUEUE_SIZE", "100");
    fake_env_set("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10");
    fake_env_set("OTEL_BSP_SCHEDULE_DELAY", "7");
    fake_env_set("OTEL_BSP_EXPORT_TIMEOUT", "0");
    assert_int_equal(configure(NULL), OTEL_OK);
    assert_int_equal(pipeline.processors[0]->max_queue, 100);
    assert_int_equal(pipeline.processors[0]->max_batch, 10);
    assert_true(pipeline.processors[0]->delay == UINT64_C(7000000));
    assert_int_equal(pipeline.processors[0]->export_timeout_ms, 0);
    fake_env_set("OTEL_BSP_SCHEDULE_DELAY", "0");
    assert_int_equal(configure(NULL), OTEL_OK);
    assert_true(pipeline.processors[0]->delay == 0);
}

static void no_propagators(void **state) {
    (void)state;
    fake_env_set("OTEL_TRACES_EXPORTER", "none");
    fake_env_set("OTEL_PROPAGATORS", "none");
    assert_int_equal(configure(NULL), OTEL_OK);
    assert_int_equal(pipeline.propagator_count, 0);
}

static void propagators_are_used_in_the_order_of_the_list(void **state) {
    (void)state;
    static const otel_propagator *const expected[] = { &otel_propagator_ottrace, &otel_propagator_b3,
                                                       &otel_propagator_jaeger, &otel_propagator_b3multi,
                                                       &otel_propagator_baggage };
    fake_env_set("OTEL_TRACES_EXPORTER", "none");
    fake_env_set("OTEL_PROPAGATORS", "ottrace,b3,jaeger,b3,b3multi,baggage,ottrace");
    assert_int_equal(configure(NULL), OTEL_OK);
    assert_int_equal(pipeline.propagator_count, 5);
    for (size_t i = 0; i < 5; i++) {
        assert_ptr_equal(pipeline.propagators[i], expected[i]);
    }
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("OTEL_PROPAGATORS=", ": b3 is used once only, ottrace is used once only"));
}

static void propagators_stay_when_the_sdk_is_disabled(void **state) {
    (void)state;
    fake_env_set("OTEL_SDK_DISABLED", "true");
    fake_env_set("OTEL_PROPAGATORS", "b3multi");
    assert_int_equal(configure(NULL), OTEL_OK);
    assert_true(pipeline.disabled);
    assert_int_equal(pipeline.propagator_count, 1);
    assert_ptr_equal(pipeline.propagators[0], &otel_propagator_b3multi);
}

/* This program doesn't link libotel-xray; integration/xray_linked does. */
static void xray_is_missed_where_it_is_not_linked(void **state) {
    (void)state;
    fake_env_set("OTEL_TRACES_EXPORTER", "none");
    fake_env_set("OTEL_PROPAGATORS", "xray,b3");
    assert_int_equal(configure(NULL), OTEL_OK);
    assert_int_equal(pipeline.propagator_count, 1);
    assert_ptr_equal(pipeline.propagators[0], &otel_propagator_b3);
    assert_true(reports_mention("xray is left out until this program is linked with", "libotel-xray"));
}

static void bad_values_are_reported_and_never_fail(void **state) {
    (void)state;
    fake_env_set("OTEL_TRACES_EXPORTER", "none");
    fake_env_set("OTEL_TRACES_SAMPLER", "sometimes");
    fake_env_set("OTEL_BSP_SCHEDULE_DELAY", "-1");
    assert_int_equal(configure(NULL), OTEL_OK);
    assert_int_equal(reports_count(), 2);
    assert_sampler("ParentBased{root:AlwaysOnSampler,");
}

/* ---- from code -------------------------------------------------------------------------------------------------- */

static void code_beats_the_environment(void **state) {
    (void)state;
    fake_env_set("OTEL_TRACES_SAMPLER", "always_off");
    fake_env_set("OTEL_TRACES_EXPORTER", "console");
    fake_env_set("OTEL_PROPAGATORS", "none");
    static const otel_propagator mine = { .size = sizeof mine, .name = "mine" };
    otel_processor *first = processor(0), *second = processor(1);
    assert_int_equal(
        configure(OTEL_SDK(.sampler = otel_sampler_trace_id_ratio(0.5), .processors = OTEL_PROCESSORS(first, second),
                           .propagators = (const otel_propagator *const[]){ &mine }, .propagator_count = 1)),
        OTEL_OK);
    assert_sampler("TraceIdRatioBased{0.500000}");
    assert_int_equal(pipeline.processor_count, 2);
    assert_ptr_equal(pipeline.processors[0], first);
    assert_ptr_equal(pipeline.processors[1], second);
    assert_int_equal(pipeline.propagator_count, 1);
    assert_ptr_equal(pipeline.propagators[0], &mine);
    assert_int_equal(doubles[0].destroys, 0);
    otel__pipeline_free(&pipeline);
    assert_int_equal(doubles[0].destroys, 1);
    assert_int_equal(doubles[1].destroys, 1);
}

static void code_may_want_no_processor(void **state) {
    (void)state;
    fake_env_set("OTEL_TRACES_EXPORTER", "console");
    assert_int_equal(configure(OTEL_SDK(.processors = OTEL_NO_PROCESSORS)), OTEL_OK);
    assert_int_equal(pipeline.processor_count, 0);
    assert_false(pipeline.disabled);
    assert_sampler("ParentBased");
}

static void null_processor_is_refused(void **state) {
    (void)state;
    otel_status status = configure(OTEL_SDK(.sampler = otel_sampler_trace_id_ratio(0.5),
                                            .processors = OTEL_PROCESSORS(processor(0), NULL, processor(1))));
    assert_refused(status, OTEL_ERR_CONFIG,
                   "processor 2 of 3 is NULL: it or its exporter could not be made; the `error` of its own");
    assert_int_equal(doubles[0].destroys, 1);
    assert_int_equal(doubles[1].destroys, 1);
}

static void processor_given_twice_is_refused(void **state) {
    (void)state;
    otel_processor *same = processor(0);
    otel_status status = configure(OTEL_SDK(.processors = OTEL_PROCESSORS(processor(1), same, same)));
    assert_refused(status, OTEL_ERR_CONFIG, "processors 2 and 3 are the same one");
    assert_int_equal(doubles[0].destroys, 1);
    assert_int_equal(doubles[1].destroys, 1);
}

static void too_many_processors_are_refused(void **state) {
    (void)state;
    otel_processor *items[OTEL_MAX_PROCESSORS + 1];
    for (size_t i = 0; i <= OTEL_MAX_PROCESSORS; i++)
        items[i] = processor(i);
    otel_status status = configure(OTEL_SDK(.processors = { items, OTEL_MAX_PROCESSORS + 1 }));
    assert_refused(status, OTEL_ERR_CONFIG, "9 processors are given, but at most 8");
    for (size_t i = 0; i <= OTEL_MAX_PROCESSORS; i++)
        assert_int_equal(doubles[i].destroys, 1);
    for (size_t i = 0; i < OTEL_MAX_PROCESSORS; i++)
        items[i] = processor(i);
    assert_int_equal(configure(OTEL_SDK(.processors = { items, OTEL_MAX_PROCESSORS })), OTEL_OK);
    assert_int_equal(pipeline.processor_count, OTEL_MAX_PROCESSORS);
}

static void processors_without_a_list_are_refused(void **state) {
    (void)state;
    assert_refused(configure(OTEL_SDK(.processors = { NULL, 2 })), OTEL_ERR_CONFIG, "their list is NULL");
}

/* Nothing is read of a list with such a count, so that what it may hold stays with the caller. */
static void counts_that_cannot_be_are_refused(void **state) {
    (void)state;
    otel_processor *one = processor(0);
    assert_refused(configure(OTEL_SDK(.processors = { &one, SIZE_MAX })), OTEL_ERR_CONFIG, "at most 8");
    assert_int_equal(doubles[0].destroys, 0);
    otel__options_consume(OTEL_SDK(.processors = { &one, SIZE_MAX }));
    assert_int_equal(doubles[0].destroys, 0);
    otel_processor_destroy(one);
    const otel_propagator *propagator = &otel_propagator_tracecontext;
    assert_refused(configure(OTEL_SDK(.propagators = &propagator, .propagator_count = SIZE_MAX)), OTEL_ERR_CONFIG,
                   "18446744073709551615 propagators cannot be meant");
}

static void null_propagator_is_refused(void **state) {
    (void)state;
    otel_status status =
        configure(OTEL_SDK(.processors = OTEL_PROCESSORS(processor(0)),
                           .propagators = (const otel_propagator *const[]){ &otel_propagator_tracecontext, NULL },
                           .propagator_count = 2));
    assert_refused(status, OTEL_ERR_CONFIG, "propagator 2 of 2 is NULL");
    assert_int_equal(doubles[0].destroys, 1);
}

static void propagators_beyond_the_most_are_left_out(void **state) {
    (void)state;
    const otel_propagator *many[20];
    for (size_t i = 0; i < 20; i++)
        many[i] = &otel_propagator_tracecontext;
    fake_env_set("OTEL_TRACES_EXPORTER", "none");
    assert_int_equal(configure(OTEL_SDK(.propagators = many, .propagator_count = 20)), OTEL_OK);
    assert_int_equal(pipeline.propagator_count, OTEL_MAX_PROPAGATORS);
    assert_true(reports_mention("of 20 propagators only the first 8", NULL));
    assert_int_equal(configure(OTEL_SDK(.propagators = many, .propagator_count = 0)), OTEL_OK);
    assert_int_equal(pipeline.propagator_count, 0);
}

static void disabled_keeps_propagators_only(void **state) {
    (void)state;
    for (int by_code = 0; by_code < 2; by_code++) {
        exporter_double_reset(&doubles[0]);
        fake_env_set("OTEL_SDK_DISABLED", by_code ? NULL : "true");
        assert_int_equal(configure(OTEL_SDK(.disabled = by_code, .sampler = otel_sampler_trace_id_ratio(0.5),
                                            .processors = OTEL_PROCESSORS(processor(0)))),
                         OTEL_OK);
        assert_true(pipeline.disabled);
        assert_null(pipeline.sampler);
        assert_int_equal(pipeline.processor_count, 0);
        assert_int_equal(pipeline.propagator_count, 2);
        assert_int_equal(doubles[0].destroys, 1);
    }
    fake_env_set("OTEL_SDK_DISABLED", "false");
    fake_env_set("OTEL_TRACES_EXPORTER", "none");
    assert_int_equal(configure(NULL), OTEL_OK);
    assert_false(pipeline.disabled);
}

static void disabled_still_refuses_unusable_options(void **state) {
    (void)state;
    otel_status status = configure(OTEL_SDK(.disabled = true, .processors = OTEL_PROCESSORS(processor(0), NULL)));
    assert_refused(status, OTEL_ERR_CONFIG, "processor 2 of 2 is NULL");
    assert_int_equal(doubles[0].destroys, 1);
}

static void without_room_for_the_reason(void **state) {
    (void)state;
    otel__config_load(&config, NULL, fake_env_get);
    otel_status status =
        otel__autoconfigure(OTEL_SDK(.processors = OTEL_PROCESSORS(processor(0), NULL)), &config, &pipeline, NULL);
    assert_int_equal(status, OTEL_ERR_CONFIG);
    assert_int_equal(doubles[0].destroys, 1);
}

static void options_of_an_older_caller(void **state) {
    (void)state;
    fake_env_set("OTEL_TRACES_EXPORTER", "none");
    const otel_sdk_options old = { .size = offsetof(otel_sdk_options, processors),
                                   .sampler = otel_sampler_always_off(),
                                   .processors = { (otel_processor *const *)1, 1 },
                                   .propagators = (const otel_propagator *const *)1,
                                   .propagator_count = 1,
                                   .disabled = true };
    assert_int_equal(configure(&old), OTEL_OK);
    assert_sampler("AlwaysOffSampler");
    assert_int_equal(pipeline.processor_count, 0);
    assert_int_equal(pipeline.propagator_count, 2);
    assert_false(pipeline.disabled);
}

/* ---- memory ----------------------------------------------------------------------------------------------------- */

static void lost_settings_are_lost_memory(void **state) {
    (void)state;
    otel__config_load(&config, NULL, fake_env_get);
    config.out_of_memory = true;
    otel_status status =
        otel__autoconfigure(OTEL_SDK(.processors = OTEL_PROCESSORS(processor(0))), &config, &pipeline, &error);
    assert_refused(status, OTEL_ERR_MEMORY, "out of memory");
    assert_int_equal(doubles[0].destroys, 1);
}

/* Everything from loading to the resource, with the n-th allocation failing. */
static otel_status start_with_failure(unsigned nth, bool *failed) {
    reports_start(OTEL_LOG_WARN);
    otel_sampler *sampler = nth % 2 ? otel_sampler_trace_id_ratio(0.5) : NULL;
    failing_allocator_fail(nth, false);
    otel__config_load(&config, NULL, fake_env_get);
    otel_status status = otel__autoconfigure(OTEL_SDK(.sampler = sampler), &config, &pipeline, &error);
    otel_resource *resource = otel__resource_create(NULL, &config);
    *failed = failing_allocator_failures() > 0;
    failing_allocator_fail(0, false);
    otel_resource_release(resource);
    otel__pipeline_free(&pipeline);
    otel__config_free(&config);
    return status;
}

static void every_allocation_may_fail(void **state) {
    (void)state;
    if (!failing_allocator_works())
        skip();
    fake_env_set("OTEL_SERVICE_NAME", "s\xff");
    fake_env_set("OTEL_RESOURCE_ATTRIBUTES", "a=1,b=2");
    fake_env_set("OTEL_TRACES_SAMPLER", "parentbased_traceidratio");
    fake_env_set("OTEL_TRACES_SAMPLER_ARG", "0.1");
    fake_env_set("OTEL_TRACES_EXPORTER", "console,otlp,otlp/stdout,zipkin");
    fake_env_set("OTEL_EXPORTER_OTLP_HEADERS", "a=1,bad");
    fake_env_set("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
    fake_env_set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "bad");
    bool failed = true;
    unsigned nth = 0, refused = 0;
    while (failed && nth < 10000) {
        otel_status status = start_with_failure(++nth, &failed);
        assert_true(status == OTEL_OK || status == OTEL_ERR_MEMORY);
        refused += status == OTEL_ERR_MEMORY;
    }
    print_message("    %u allocations, %u of them refuse\n", nth - 1, refused);
    assert_true(refused > 0);
    assert_false(failed);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(nothing_given),
        TEST(samplers),
        TEST(exporters),
        TEST(batch_settings),
        TEST(no_propagators),
        TEST(propagators_are_used_in_the_order_of_the_list),
        TEST(propagators_stay_when_the_sdk_is_disabled),
        TEST(xray_is_missed_where_it_is_not_linked),
        TEST(bad_values_are_reported_and_never_fail),
        TEST(code_beats_the_environment),
        TEST(code_may_want_no_processor),
        TEST(null_processor_is_refused),
        TEST(processor_given_twice_is_refused),
        TEST(too_many_processors_are_refused),
        TEST(processors_without_a_list_are_refused),
        TEST(counts_that_cannot_be_are_refused),
        TEST(null_propagator_is_refused),
        TEST(propagators_beyond_the_most_are_left_out),
        TEST(disabled_keeps_propagators_only),
        TEST(disabled_still_refuses_unusable_options),
        TEST(without_room_for_the_reason),
        TEST(options_of_an_older_caller),
        TEST(lost_settings_are_lost_memory),
        TEST(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
