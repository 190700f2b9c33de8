/* SPDX-License-Identifier: Apache-2.0 */
/* lifecycle_stop_test.c - stops that run out of time or from within, and spans that were left when the SDK stopped. */
#include "lifecycle_fixture.h"

/* ---- spans that were left ---------------------------------------------------------------------------------------- */

static void spans_that_never_ended_are_reported_and_counted(void **state) {
    (void)state;
    assert_int_equal(start_simple(false), OTEL_OK);
    const otel_span one = otel_span_start(lib, OTEL_START("forgotten"));
    const otel_span two = otel_span_start(lib, OTEL_START("too"));
    end_spans(3);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_non_null(strstr(said.text, "2 spans were never ended"));
    assert_true(strstr(said.text, "'forgotten' of tracer 'lib'") || strstr(said.text, "'too' of tracer 'lib'"));
    const otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.abandoned, 2);
    assert_int_equal(ledger.live, 0);
    assert_false(otel_span_recording(&one));
    otel_span_end(&one);
    exporter_double_reset(&seen);
    /* They mean nothing to the next SDK. */
    assert_int_equal(start_simple(false), OTEL_OK);
    assert_false(otel_span_recording(&two));
    otel_set(&two, "k", 1);
    otel_span_end(&two);
    assert_int_equal(seen.count, 0);
    assert_int_equal(ledger_now().ended, 0);
}

static void a_name_of_any_length_is_reported(void **state) {
    (void)state;
    char name[3000];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    assert_int_equal(start_simple(false), OTEL_OK);
    (void)otel_span_start(lib, OTEL_START(name));
    (void)otel_span_start(NULL, OTEL_START(NULL));
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_non_null(strstr(said.text, "2 spans were never ended"));
}

static void the_scope_that_owns_a_span_may_outlive_the_sdk(void **state) {
    (void)state;
    assert_int_equal(start_simple(false), OTEL_OK);
    {
        OTEL_SPAN(outer, lib, "outer");
        assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
        exporter_double_reset(&seen);
        assert_int_equal(start_simple(false), OTEL_OK);
        OTEL_SPAN(inner, lib, "inner");
        assert_true(otel_span_recording(&inner));
    }
    assert_int_equal(seen.count, 1);
    assert_int_equal(exporter_double_named(&seen, "inner"), 1);
}

/* Tracers that were used before, and such as were not. */
static void after_a_stop_tracers_start_spans_that_do_not_record(void **state) {
    (void)state;
    OTEL_TRACER(fresh, "fresh");
    assert_int_equal(start_simple(false), OTEL_OK);
    end_spans(1);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    otel_tracer *const tracers[] = { lib, fresh, NULL };
    for (size_t i = 0; i < 3; i++) {
        const otel_span span = otel_span_start(tracers[i], OTEL_START("late"));
        assert_false(otel_span_recording(&span));
        assert_false(otel_span_valid(&span));
        assert_false(otel_tracer_enabled(tracers[i], NULL));
    }
    assert_int_equal(seen.count, 1);
    assert_int_equal(ledger_now().started, 1);
}

/* ---- stops that run out of time ---------------------------------------------------------------------------------- */

static void *end_one(void *data) {
    (void)data;
    end_spans(1);
    return NULL;
}

/* The span that is live when a call outlasts the stop: the next SDK must not see it, nor what it points to. */
static void a_call_that_outlasts_the_stop_leaves_nothing_to_the_next_sdk(void **state) {
    (void)state;
    pthread_t thread;
    assert_int_equal(start_simple(false), OTEL_OK);
    const otel_span live = otel_span_start(lib, OTEL_START("live"));
    atomic_store(&seen.hold, HOLD_EXPORT);
    seen.ignores_cancel = true;
    assert_int_equal(pthread_create(&thread, NULL, end_one, NULL), 0);
    assert_soon(atomic_load(&seen.held) == 1);
    assert_int_equal(otel_sdk_stop(10), OTEL_ERR_TIMEOUT);
    assert_int_equal(ledger_now().live, 1);
    assert_int_equal(start_simple(false), OTEL_ERR_STATE);
    atomic_store(&seen.destroys, 0);
    atomic_store(&seen.hold, 0);
    pthread_join(thread, NULL);
    assert_int_equal(
        otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(), .log_level = OTEL_LOG_NONE,
                                .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&other))))),
        OTEL_OK);
    assert_int_equal(seen.destroys, 1);
    assert_int_equal(ledger_now().live, 0);
    assert_false(otel_span_recording(&live));
    otel_span_end(&live);
    assert_int_equal(other.count, 0);
    end_spans(1);
    assert_int_equal(other.count, 1);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(otel__records_live(), 0);
}

static void a_stop_without_time_is_still_orderly(void **state) {
    (void)state;
    assert_int_equal(start_batch(3600 * 1000), OTEL_OK);
    end_spans(100);
    otel_sdk_stop(0);
    const otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.ended, 100);
    assert_int_equal(ledger.processors[0].exported + ledger.processors[0].dropped_stopped +
                         ledger.processors[0].queued + ledger.processors[0].in_flight,
                     100);
    WAIT_UNTIL(start_simple(false) == OTEL_OK);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    exporter_double_reset(&seen);
}

/* ---- a thread cannot wait for itself ----------------------------------------------------------------------------- */

static otel_status stop_status, start_status;

static void stop_and_start_within(void *self) {
    (void)self;
    stop_status = otel_sdk_stop(LONG_MS);
    start_status = otel_sdk_start(NULL);
}

static void assert_refused_within(size_t processors, otel_status status) {
    static const otel_processor_ops ops = { .size = sizeof ops, .name = "p", .destroy = stop_and_start_within };
    otel_processor *const items[] = { otel_processor_create(&ops, NULL), NULL };
    stop_status = start_status = OTEL_OK;
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "test", .log_level = OTEL_LOG_NONE,
                                             .processors = { items, processors })),
                     status);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(stop_status, OTEL_ERR_STATE);
    assert_int_equal(start_status, OTEL_ERR_STATE);
}

static void what_is_destroyed_may_not_wait_for_the_stop_that_destroys_it(void **state) {
    (void)state;
    assert_refused_within(1, OTEL_OK);
    assert_refused_within(2, OTEL_ERR_CONFIG); /* the second is NULL: the start destroys the first */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        test(spans_that_never_ended_are_reported_and_counted),
        test(a_name_of_any_length_is_reported),
        test(the_scope_that_owns_a_span_may_outlive_the_sdk),
        test(after_a_stop_tracers_start_spans_that_do_not_record),
        test(a_call_that_outlasts_the_stop_leaves_nothing_to_the_next_sdk),
        test(a_stop_without_time_is_still_orderly),
        test(what_is_destroyed_may_not_wait_for_the_stop_that_destroys_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
