/* SPDX-License-Identifier: Apache-2.0 */
/* processor_stop_test.c - stopping processors whose exporters are in time, late or never come back. */
#include "processor_fixture.h"

#include "backend.h"
#include "base/clock.h"
#include "base/sync.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* ---- stop -------------------------------------------------------------------------------------------------------- */

static void a_stop_exports_what_is_queued_and_shuts_the_exporter_down(void **state) {
    (void)state;
    start_batch(1000, 10);
    end_spans(95);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(first.count, 95);
    assert_int_equal(first.shutdowns, 1);
    assert_int_equal(first.destroys, 1);
    assert_int_equal(first.cancels, 0);
    /* A worker that was awake sees the stop's ticket first, as a flush, and flushes once more when it ends. */
    assert_in_range(first.flushes, 1, 2);
}

static void a_stop_reports_what_failed(void **state) {
    (void)state;
    start_batch(1000, 10);
    atomic_store(&first.export_status, OTEL_ERR_EXPORT);
    end_spans(5);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_ERR_EXPORT);
    assert_int_equal(first.destroys, 1);
}

static void a_stop_out_of_time_cancels_the_exporter_and_drops_the_rest(void **state) {
    (void)state;
    start_batch(1000, 1);
    hold_in_export(&first);
    end_spans(20);
    assert_int_equal(otel_sdk_stop(30), OTEL_ERR_TIMEOUT);
    assert_in_range(first.cancels, 1, 100);
    assert_int_equal(first.shutdowns, 1);
    assert_int_equal(first.destroys, 1);
    const otel_ledger ledger = ledger_read();
    assert_int_equal(ledger.processors[0].exported, 1);
    assert_int_equal(ledger.processors[0].dropped_stopped, 20);
    assert_int_equal(ledger.processors[0].queued, 0);
}

/* Nothing waited behind it: that the export failed is not the news, but that there was no time for it. */
static void a_stop_that_ends_the_last_export_is_out_of_time(void **state) {
    (void)state;
    start_batch(1000, 1);
    atomic_store(&first.export_status, OTEL_ERR_CANCELLED);
    hold_in_export(&first);
    assert_int_equal(otel_sdk_stop(30), OTEL_ERR_TIMEOUT);
    assert_int_equal(first.destroys, 1);
    assert_int_equal(ledger_read().processors[0].dropped_failed, 1);
    assert_int_equal(ledger_read().processors[0].dropped_stopped, 0);
}

static void an_exporter_that_ignores_cancel_is_left_alone_until_it_comes_back(void **state) {
    (void)state;
    otel_error why;
    first.ignores_cancel = true;
    start_batch(1000, 1);
    hold_in_export(&first);
    end_spans(20);
    assert_int_equal(otel_sdk_stop(30), OTEL_ERR_TIMEOUT);
    assert_int_equal(first.destroys, 0);
    ledger_read();
    /* It hangs still: another SDK would share its place. */
    const otel_sdk_options *const options =
        OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(), .log_level = OTEL_LOG_NONE, .error = &why,
                 .processors = OTEL_PROCESSORS(batch_of(&second, 0, 0)));
    assert_int_equal(otel_sdk_start(options), OTEL_ERR_STATE);
    assert_non_null(strstr(why.text, "hangs"));
    assert_int_equal(second.destroys, 1); /* consumed all the same */
    exporter_double_reset(&second);
    assert_int_equal(otel_sdk_stop(0), OTEL_ERR_TIMEOUT); /* something is left still */
    assert_int_equal(otel_sdk_flush(0), OTEL_OK);
    end_spans(5);
    assert_int_equal(first.count, 1);
    atomic_store(&first.hold, 0);
    assert_soon(atomic_load(&first.shutdowns) == 1 && atomic_load(&first.inside) == 0);
    otel_status status = OTEL_ERR_STATE;
    for (unsigned waits = 0; status != OTEL_OK && wait_a_little(&waits);)
        status = otel_sdk_start(
            OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(), .log_level = OTEL_LOG_NONE,
                     .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&second)))));
    assert_int_equal(status, OTEL_OK);
    assert_int_equal(first.destroys, 1);
    end_spans(3);
    assert_int_equal(second.count, 3);
    assert_int_equal(first.count, 1);
    assert_int_equal(ledger_read().ended, 3);
}

static void a_second_stop_frees_what_the_first_had_to_leave(void **state) {
    (void)state;
    first.ignores_cancel = true;
    start_batch(1000, 1);
    hold_in_export(&first);
    end_spans(3);
    assert_int_equal(otel_sdk_stop(0), OTEL_ERR_TIMEOUT);
    assert_int_equal(first.destroys, 0);
    assert_int_equal(ledger_read().processors[0].in_flight, 1);
    atomic_store(&first.hold, 0);
    /* What becomes of the spans that it held is counted when it comes back. */
    assert_soon(ledger_read().processors[0].dropped_stopped == 3);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(first.destroys, 1);
    assert_int_equal(ledger_read().processors[0].dropped_stopped, 3);
    assert_int_equal(ledger_read().processors[0].in_flight, 0);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
}

/* All are called back at once: the time they are given to come back is not added up. */
static void many_dead_exporters_take_no_longer_to_stop_than_one(void **state) {
    (void)state;
    static struct exporter_double dead[OTEL_MAX_PROCESSORS];
    otel_processor *processors[OTEL_MAX_PROCESSORS];
    for (unsigned i = 0; i < OTEL_MAX_PROCESSORS; i++) {
        exporter_double_reset(&dead[i]);
        dead[i].ignores_cancel = true;
        processors[i] = batch_of(&dead[i], 10, 1);
    }
    start_sdk((otel_processors){ processors, OTEL_MAX_PROCESSORS });
    for (unsigned i = 0; i < OTEL_MAX_PROCESSORS; i++)
        atomic_store(&dead[i].hold, 1);
    end_spans(1);
    for (unsigned i = 0; i < OTEL_MAX_PROCESSORS; i++)
        assert_soon(atomic_load(&dead[i].inside) == 1);
    const uint64_t begin = otel__clock_monotonic();
    assert_int_equal(otel_sdk_stop(20), OTEL_ERR_TIMEOUT);
    const uint64_t took = otel__clock_monotonic() - begin;
    /* One after the other they would take 8 times the 40 ms of grace. */
    assert_true(took < 300 * OTEL__MILLISECOND);
    for (unsigned i = 0; i < OTEL_MAX_PROCESSORS; i++) {
        assert_int_equal(dead[i].cancels, 1);
        atomic_store(&dead[i].hold, 0);
    }
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    for (unsigned i = 0; i < OTEL_MAX_PROCESSORS; i++)
        assert_int_equal(dead[i].destroys, 1);
}

/* A flush that comes when the worker has exported its last span has nothing to wait for. */
static void a_flush_during_the_end_of_a_stop_returns(void **state) {
    (void)state;
    static _Atomic int stopped, flushed;
    pthread_t stopper, flusher;
    start_batch(100, 10);
    end_spans(3);
    atomic_store(&first.hold, HOLD_SHUTDOWN);
    atomic_store(&stopped, -1);
    atomic_store(&flushed, -1);
    assert_int_equal(pthread_create(&stopper, NULL, stop_in_thread, (void *)&stopped), 0);
    assert_soon(atomic_load(&first.held) == 1);
    assert_int_equal(pthread_create(&flusher, NULL, flush_in_thread, (void *)&flushed), 0);
    assert_soon(atomic_load(&lane()->flush_wanted) >= 1);
    const uint64_t begin = otel__clock_monotonic();
    atomic_store(&first.hold, 0);
    pthread_join(flusher, NULL);
    pthread_join(stopper, NULL);
    assert_int_equal(flushed, OTEL_OK);
    assert_int_equal(stopped, OTEL_OK);
    assert_true(otel__clock_monotonic() - begin < (LONG_MS / 2) * OTEL__MILLISECOND);
    assert_int_equal(first.destroys, 1);
}

/* ---- without a worker -------------------------------------------------------------------------------------------- */

/* No span has started one: the stop does, or the thread that stops would be the one that hangs. */
static void a_stop_before_the_first_span_keeps_its_time(void **state) {
    (void)state;
    first.ignores_cancel = true;
    start_batch(100, 10);
    atomic_store(&first.hold, HOLD_SHUTDOWN);
    assert_int_equal(otel_sdk_stop(30), OTEL_ERR_TIMEOUT);
    assert_int_equal(first.held, 1);
    assert_int_equal(first.cancels, 1);
    assert_int_equal(first.destroys, 0);
    atomic_store(&first.hold, 0);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(first.shutdowns, 1);
    assert_int_equal(first.destroys, 1);
}

static void *let_go_late(void *data) {
    WAIT_UNTIL(atomic_load(&first.held) == 1);
    otel__sleep_ms(100);
    atomic_store(&first.hold, 0);
    return data;
}

static void stop_late(void) {
    pthread_t thread;
    atomic_store(&first.hold, HOLD_SHUTDOWN);
    assert_int_equal(pthread_create(&thread, NULL, let_go_late, NULL), 0);
    assert_int_equal(otel_sdk_stop(0), OTEL_ERR_TIMEOUT);
    pthread_join(thread, NULL);
    assert_int_equal(first.shutdowns, 1);
    assert_int_equal(first.destroys, 1);
    exporter_double_reset(&first);
}

/* There is no thread to be had, or none that would be one. Nothing can be done about it then but to say so. */
static void a_stop_on_the_stopping_thread_says_that_it_was_late(void **state) {
    (void)state;
    start_direct();
    stop_late();
    start_batch(100, 10);
    atomic_store(&lane()->retry_worker_at, OTEL__NO_DEADLINE);
    stop_late();
}

/* ---- threads that flush, and threads that are cancelled ---------------------------------------------------------- */

/* Without a worker it is the flushing thread that the exporter keeps. */
static void a_stop_out_of_time_calls_back_a_thread_that_flushes(void **state) {
    (void)state;
    static _Atomic int flushed;
    pthread_t thread;
    start_direct();
    atomic_store(&first.hold, HOLD_FLUSH);
    assert_int_equal(pthread_create(&thread, NULL, flush_in_thread, (void *)&flushed), 0);
    assert_soon(atomic_load(&first.held) == 1);
    const otel_status stopped = otel_sdk_stop(30);
    assert_true(stopped == OTEL_OK || stopped == OTEL_ERR_TIMEOUT);
    assert_in_range(first.cancels, 1, 100);
    pthread_join(thread, NULL);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(first.shutdowns, 1);
    assert_int_equal(first.destroys, 1);
}

/* Cancels the thread while the exporter keeps it, which sleeps: that is where a thread can be cancelled. */
static void cancel_thread_inside(void *(*activity)(void *data), unsigned hold) {
    static _Atomic int ignored;
    pthread_t thread;
    start_direct();
    atomic_store(&first.hold, hold);
    assert_int_equal(pthread_create(&thread, NULL, activity, (void *)&ignored), 0);
    assert_soon(atomic_load(&first.held) == 1);
    pthread_cancel(thread);
    otel__sleep_ms(20);
    atomic_store(&first.hold, 0);
    pthread_join(thread, NULL);
}

static void a_thread_cancelled_in_a_flush_leaves_nothing_in_use(void **state) {
    (void)state;
    cancel_thread_inside(flush_in_thread, HOLD_FLUSH);
    end_spans(1);
    assert_int_equal(otel_sdk_stop(2000), OTEL_OK);
    assert_int_equal(first.count, 1);
    assert_int_equal(first.destroys, 1);
}

static void a_thread_cancelled_in_a_stop_completes_it(void **state) {
    (void)state;
    cancel_thread_inside(stop_in_thread, HOLD_SHUTDOWN);
    assert_int_equal(otel_sdk_stop(2000), OTEL_OK);
    assert_int_equal(first.destroys, 1);
    exporter_double_reset(&first);
    start_direct();
    end_spans(1);
    assert_int_equal(first.count, 1);
}

/* ---- the worker -------------------------------------------------------------------------------------------------- */

/* It is inside its exporter for as long as it lives, but that is no call to wait for: all is freed when it has ended. */
static void the_worker_is_no_call_to_wait_for(void **state) {
    (void)state;
    start_batch(1000, 1);
    end_spans(1);
    assert_soon(atomic_load(&first.count) == 1);
    assert_true(otel__backend_remove(0));
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(first.destroys, 1);
    exporter_double_reset(&first);
    start_batch(1000, 1);
    hold_in_export(&first);
    end_spans(1);
    assert_true(otel__backend_remove(0));
    assert_int_equal(otel_sdk_stop(30), OTEL_ERR_TIMEOUT);
    assert_int_equal(first.cancels, 1);
    assert_int_equal(first.destroys, 1);
}

#define test(name) cmocka_unit_test_teardown(name, processors_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_stop_exports_what_is_queued_and_shuts_the_exporter_down),
        test(a_stop_reports_what_failed),
        test(a_stop_out_of_time_cancels_the_exporter_and_drops_the_rest),
        test(a_stop_that_ends_the_last_export_is_out_of_time),
        test(an_exporter_that_ignores_cancel_is_left_alone_until_it_comes_back),
        test(a_second_stop_frees_what_the_first_had_to_leave),
        test(many_dead_exporters_take_no_longer_to_stop_than_one),
        test(a_flush_during_the_end_of_a_stop_returns),
        test(a_stop_before_the_first_span_keeps_its_time),
        test(a_stop_on_the_stopping_thread_says_that_it_was_late),
        test(a_stop_out_of_time_calls_back_a_thread_that_flushes),
        test(a_thread_cancelled_in_a_flush_leaves_nothing_in_use),
        test(a_thread_cancelled_in_a_stop_completes_it),
        test(the_worker_is_no_call_to_wait_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
