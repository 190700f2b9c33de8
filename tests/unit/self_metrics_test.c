/* SPDX-License-Identifier: Apache-2.0 */
/* self_metrics_test.c - the SDK's own metrics, otel.sdk.*, as the semantic conventions have them. */
#include "http_double.h"
#include "metrics_fixture.h"

#include <otel/otlp.h>

OTEL_TRACER(tracer, "self_metrics_test");

#define BATCHING "otel.component.name=\"batching_span_processor/0\",otel.component.type=\"batching_span_processor\""
#define DOUBLE "otel.component.name=\"double_span_exporter/0\",otel.component.type=\"double_span_exporter\""
#define STARTED "otel.sdk.span.started"
#define LIVE "otel.sdk.span.live"
#define PROCESSED "otel.sdk.processor.span.processed"
#define EXPORTED "otel.sdk.exporter.span.exported"
#define DURATION "otel.sdk.exporter.operation.duration"
#define FROM(origin, result) "otel.span.parent.origin=\"" origin "\",otel.span.sampling_result=\"" result "\""
#define RESULT(result) "otel.span.sampling_result=\"" result "\""

static struct exporter_double exporter;

/* ---- the SDK ----------------------------------------------------------------------------------------------------- */

static otel_status start_sdk(otel_processors processors, otel_sampler *sampler, bool self) {
    otel_metric_reader *reader = metric_double_pull(&pulled);
    const otel_metrics_options metrics = { .readers = { &reader, 1 }, .self = self };
    reports_start(OTEL_LOG_DEBUG);
    return otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = sampler, .processors = processors,
                                   .log_level = OTEL_LOG_WARN, .diagnostic = reports_keep, .metrics = metrics));
}

static void start_with_queue(int queue) {
    const otel_batch_options batch = { .size = sizeof batch, .max_queue_size = queue, .schedule_delay_ms = 60000 };
    assert_int_equal(start_sdk(OTEL_PROCESSORS(otel_batch_processor(&batch, exporter_double_make(&exporter))),
                               otel_sampler_always_on(), true),
                     OTEL_OK);
}

static int stop_sdk(void **state) {
    atomic_store(&exporter.hold, 0);
    stop_metrics(state);
    exporter_double_reset(&exporter);
    return 0;
}

static void make_spans(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        const otel_span span = otel_span_start(tracer, OTEL_START("span", .root = true));
        otel_span_end(&span);
    }
}

static void read_metrics(void) { assert_int_equal(metric_double_read(&pulled), OTEL_OK); }

/* ---- spans ------------------------------------------------------------------------------------------------------- */

/* Spans called "drop" are dropped, those called "look" recorded only. */
static void by_name(void *self, const otel_sampling_input *input, otel_sampling_result *result) {
    (void)self;
    if (input->name.len == 4 && memcmp(input->name.ptr, "drop", 4) == 0)
        result->decision = OTEL_DROP;
    else if (input->name.len == 4 && memcmp(input->name.ptr, "look", 4) == 0)
        result->decision = OTEL_RECORD_ONLY;
    else
        result->decision = OTEL_RECORD_AND_SAMPLE;
}

static otel_span child_of(const otel_span *parent, const char *name) {
    otel_context context = otel_context_with_span(NULL, parent);
    const otel_span span = otel_span_start(tracer, OTEL_START(name, .parent = &context));
    otel_context_release(&context);
    return span;
}

static void spans_are_counted_by_origin_and_result(void **state) {
    (void)state;
    const otel_sampler_ops ops = { .size = sizeof ops, .should_sample = by_name };
    const otel_batch_options batch = { .size = sizeof batch, .schedule_delay_ms = 60000 };
    assert_int_equal(start_sdk(OTEL_PROCESSORS(otel_batch_processor(&batch, exporter_double_make(&exporter))),
                               otel_sampler_create(&ops, NULL), true),
                     OTEL_OK);
    const otel_span far = otel_span_wrap(
        &(otel_span_context){ .size = sizeof(otel_span_context), .trace_id = { 1 }, .span_id = { 2 }, .remote = true });
    const otel_span root = otel_span_start(tracer, OTEL_START("root", .root = true));
    const otel_span below = child_of(&root, "below"), lost = child_of(&root, "drop");
    const otel_span from_far = child_of(&far, "look"), kept_from_far = child_of(&far, "kept");
    otel_span_end(&below);
    otel_span_end(&from_far);
    read_metrics();
    assert_metric(&pulled, STARTED, FROM("none", "RECORD_AND_SAMPLE"), 1);
    assert_metric(&pulled, STARTED, FROM("local", "RECORD_AND_SAMPLE"), 1);
    assert_metric(&pulled, STARTED, FROM("local", "DROP"), 1);
    assert_metric(&pulled, STARTED, FROM("remote", "RECORD_ONLY"), 1);
    assert_metric(&pulled, STARTED, FROM("remote", "RECORD_AND_SAMPLE"), 1);
    assert_metric(&pulled, STARTED, FROM("remote", "DROP"), 0);
    assert_metric(&pulled, LIVE, RESULT("RECORD_AND_SAMPLE"), 2);
    assert_metric(&pulled, LIVE, RESULT("RECORD_ONLY"), 0);
    assert_int_equal(metric_count(&pulled, LIVE), 2);
    otel_span_end(&root);
    otel_span_end(&kept_from_far);
    otel_span_end(&lost);
    read_metrics();
    assert_metric(&pulled, LIVE, RESULT("RECORD_AND_SAMPLE"), 0);
}

static void kinds_and_units_are_those_of_the_conventions(void **state) {
    (void)state;
    start_with_queue(100);
    make_spans(1);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    read_metrics();
    const struct metric_point *started = metric_find(&pulled, STARTED, FROM("none", "RECORD_AND_SAMPLE"));
    const struct metric_point *live = metric_find(&pulled, LIVE, RESULT("RECORD_AND_SAMPLE"));
    const struct metric_point *took = metric_find(&pulled, DURATION, DOUBLE);
    assert_true(started && started->type == OTEL_METRIC_SUM && started->monotonic);
    assert_string_equal(started->unit, "{span}");
    assert_true(live && live->type == OTEL_METRIC_SUM && !live->monotonic);
    assert_true(took && took->type == OTEL_METRIC_HISTOGRAM);
    assert_string_equal(took->unit, "s");
    assert_int_equal(took->bound_count, 0);
    assert_int_equal(took->count, 1);
}

/* ---- processors -------------------------------------------------------------------------------------------------- */

/* What the exporter holds is handed over: processed, in flight, and in the queue no more. */
static void a_queue_and_what_is_in_flight_are_seen(void **state) {
    (void)state;
    exporter.blocking = true;
    atomic_store(&exporter.hold, HOLD_EXPORT);
    const otel_batch_options batch = {
        .size = sizeof batch, .max_queue_size = 10, .max_batch_size = 4, .schedule_delay_ms = 60000
    };
    assert_int_equal(start_sdk(OTEL_PROCESSORS(otel_batch_processor(&batch, exporter_double_make(&exporter))),
                               otel_sampler_always_on(), true),
                     OTEL_OK);
    make_spans(4);
    assert_soon(atomic_load(&exporter.held) == 1);
    make_spans(13);
    read_metrics();
    assert_metric(&pulled, "otel.sdk.processor.span.queue.capacity", BATCHING, 10);
    assert_metric(&pulled, "otel.sdk.processor.span.queue.size", BATCHING, 10);
    assert_metric(&pulled, "otel.sdk.exporter.span.inflight", DOUBLE, 4);
    assert_metric(&pulled, PROCESSED, BATCHING, 4);
    assert_metric(&pulled, PROCESSED, "error.type=\"queue_full\"," BATCHING, 3);
    assert_int_equal(metric_count(&pulled, EXPORTED), 0);
    atomic_store(&exporter.hold, 0);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    read_metrics();
    assert_metric(&pulled, "otel.sdk.exporter.span.inflight", DOUBLE, 0);
    assert_metric(&pulled, PROCESSED, BATCHING, 14);
    assert_metric(&pulled, EXPORTED, DOUBLE, 14);
}

static void an_export_that_fails_does_not_change_what_was_processed(void **state) {
    (void)state;
    atomic_store(&exporter.export_status, OTEL_ERR_EXPORT);
    start_with_queue(100);
    make_spans(5);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_ERR_EXPORT);
    read_metrics();
    assert_metric(&pulled, PROCESSED, BATCHING, 5);
    assert_int_equal(metric_count(&pulled, PROCESSED), 1);
    assert_metric(&pulled, EXPORTED, "error.type=\"_OTHER\"," DOUBLE, 5);
    assert_int_equal(metric_count(&pulled, EXPORTED), 1);
}

static void what_is_rejected_or_too_large_has_words_of_its_own(void **state) {
    (void)state;
    atomic_store(&exporter.rejects, 2);
    atomic_store(&exporter.too_large, 1);
    start_with_queue(100);
    make_spans(6);
    otel_sdk_flush(LONG_MS);
    read_metrics();
    assert_metric(&pulled, EXPORTED, DOUBLE, 3);
    assert_metric(&pulled, EXPORTED, "error.type=\"rejected\"," DOUBLE, 2);
    assert_metric(&pulled, EXPORTED, "error.type=\"too_large\"," DOUBLE, 1);
}

static void components_of_one_type_have_numbers(void **state) {
    (void)state;
    static struct exporter_double second;
    const otel_batch_options batch = { .size = sizeof batch, .schedule_delay_ms = 60000 };
    assert_int_equal(start_sdk(OTEL_PROCESSORS(otel_batch_processor(&batch, exporter_double_make(&exporter)),
                                               otel_simple_processor(exporter_double_make(&second)),
                                               otel_batch_processor(&batch, exporter_double_make(&second))),
                               otel_sampler_always_on(), true),
                     OTEL_OK);
    make_spans(1);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    read_metrics();
    assert_metric(&pulled, PROCESSED, BATCHING, 1);
    assert_metric(&pulled, PROCESSED,
                  "otel.component.name=\"simple_span_processor/0\",otel.component.type=\"simple_span_processor\"", 1);
    assert_metric(&pulled, PROCESSED,
                  "otel.component.name=\"batching_span_processor/1\",otel.component.type=\"batching_span_processor\"",
                  1);
    for (unsigned i = 0; i < 3; i++) {
        char name[128];
        snprintf(name, sizeof name,
                 "otel.component.name=\"double_span_exporter/%u\",otel.component.type=\"double_span_exporter\"", i);
        assert_metric(&pulled, EXPORTED, name, 1);
    }
}

/* ---- OTLP -------------------------------------------------------------------------------------------------------- */

/* One request of two spans to a server that answers so; what the points of EXPORTED and DURATION have then. */
static void export_to(int status, otel_status flushed, const char *exported_error, const char *duration_error) {
    char url[64], wanted[512];
    http_double *server = http_double_start((const struct http_step[]){ { .status = status } }, 1);
    const int port = http_double_port(server);
    snprintf(url, sizeof url, "http://127.0.0.1:%d", port);
    const otel_otlp_options options = { .size = sizeof options, .endpoint = url };
    const otel_batch_options batch = { .size = sizeof batch, .schedule_delay_ms = 60000 };
    assert_int_equal(start_sdk(OTEL_PROCESSORS(otel_batch_processor(&batch, otel_otlp_exporter(&options))),
                               otel_sampler_always_on(), true),
                     OTEL_OK);
    make_spans(2);
    assert_int_equal(otel_sdk_flush(LONG_MS), flushed);
    read_metrics();
    static const char component[] = "otel.component.name=\"otlp_http_span_exporter/0\",otel.component.type=\"otlp_http_"
                                    "span_exporter\"";
    snprintf(wanted, sizeof wanted, "%s%s,server.address=\"127.0.0.1\",server.port=%d", exported_error, component,
             port);
    assert_metric(&pulled, EXPORTED, wanted, 2);
    snprintf(wanted, sizeof wanted, "%shttp.response.status_code=%d,%s,server.address=\"127.0.0.1\",server.port=%d",
             duration_error, status, component, port);
    const struct metric_point *took = metric_find(&pulled, DURATION, wanted);
    assert_non_null(took);
    assert_int_equal(took->count, 1);
    otel_sdk_stop(LONG_MS);
    http_double_stop(server);
}

static void an_exporter_tells_its_server_and_what_that_answered(void **state) {
    (void)state;
    export_to(200, OTEL_OK, "", "");
}

static void a_refusal_has_the_status_as_its_error(void **state) {
    (void)state;
    export_to(400, OTEL_ERR_EXPORT, "error.type=\"400\",", "error.type=\"400\",");
}

/* ---- off --------------------------------------------------------------------------------------------------------- */

static void nothing_is_measured_unless_it_is_wanted(void **state) {
    (void)state;
    const otel_batch_options batch = { .size = sizeof batch, .schedule_delay_ms = 60000 };
    assert_int_equal(start_sdk(OTEL_PROCESSORS(otel_batch_processor(&batch, exporter_double_make(&exporter))),
                               otel_sampler_always_on(), false),
                     OTEL_OK);
    make_spans(3);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    read_metrics();
    assert_int_equal(metric_count(&pulled, NULL), 0);
}

/* A second SDK begins at zero, and the first is not seen any more. */
static void each_sdk_has_its_own(void **state) {
    start_with_queue(100);
    make_spans(3);
    stop_sdk(state);
    start_with_queue(100);
    make_spans(1);
    read_metrics();
    assert_metric(&pulled, STARTED, FROM("none", "RECORD_AND_SAMPLE"), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(spans_are_counted_by_origin_and_result, stop_sdk),
        cmocka_unit_test_teardown(kinds_and_units_are_those_of_the_conventions, stop_sdk),
        cmocka_unit_test_teardown(a_queue_and_what_is_in_flight_are_seen, stop_sdk),
        cmocka_unit_test_teardown(an_export_that_fails_does_not_change_what_was_processed, stop_sdk),
        cmocka_unit_test_teardown(what_is_rejected_or_too_large_has_words_of_its_own, stop_sdk),
        cmocka_unit_test_teardown(components_of_one_type_have_numbers, stop_sdk),
        cmocka_unit_test_teardown(an_exporter_tells_its_server_and_what_that_answered, stop_sdk),
        cmocka_unit_test_teardown(a_refusal_has_the_status_as_its_error, stop_sdk),
        cmocka_unit_test_teardown(nothing_is_measured_unless_it_is_wanted, stop_sdk),
        cmocka_unit_test_teardown(each_sdk_has_its_own, stop_sdk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
