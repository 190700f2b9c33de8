/* SPDX-License-Identifier: Apache-2.0 */
/* processor_test.c - batch and simple processors under exporters that fail, block, cancel, record and misbehave. */
#include "processor.h"

#include "base/clock.h"
#include "exporter_double.h"
#include "provider.h"
#include "reports.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { NEVER_MS = 3600 * 1000, LONG_MS = 20000 };

OTEL_TRACER(lib, "lib");

static struct exporter_double first, second;

static void start_sdk(otel_processors processors) {
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(),
                                             .log_level = OTEL_LOG_NONE, .processors = processors)),
                     OTEL_OK);
    reports_start(OTEL_LOG_TRACE);
}

static otel_processor *batch_of(struct exporter_double *exporter, int queue, int batch) {
    const otel_batch_options options = {
        .size = sizeof options, .max_queue_size = queue, .max_batch_size = batch, .schedule_delay_ms = NEVER_MS
    };
    exporter->blocking = true;
    return otel_batch_processor(&options, exporter_double_make(exporter));
}

static void start_batch(int queue, int batch) { start_sdk(OTEL_PROCESSORS(batch_of(&first, queue, batch))); }

static void start_direct(void) { start_sdk(OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&first)))); }

static otel_ledger ledger_now(void) {
    otel_ledger ledger;
    assert_ledger(&ledger);
    return ledger;
}

static int stop(void **state) {
    (void)state;
    atomic_store(&first.hold, 0);
    atomic_store(&second.hold, 0);
    otel_sdk_stop(LONG_MS);
    ledger_now();
    assert_int_equal(first.overlaps + second.overlaps, 0);
    assert_int_equal(first.late + second.late, 0);
    exporter_double_reset(&first);
    exporter_double_reset(&second);
    return 0;
}

/* Of the first processor. */
static struct otel__lane *lane(void) { return otel__provider->pipeline.processors[0]->lane; }

static void end_span(const char *name) {
    const otel_span span = otel_span_start(lib, OTEL_START(name));
    otel_span_end(&span);
}

static void end_spans(unsigned count) {
    for (unsigned i = 0; i < count; i++)
        end_span("s");
}

/* A full batch of one, so that the worker is inside the exporter until the test lets it go. */
static void hold_in_export(struct exporter_double *exporter) {
    atomic_store(&exporter->hold, HOLD_EXPORT);
    end_span("held");
    assert_soon(atomic_load(&exporter->held) == 1);
}

/* ---- flush ------------------------------------------------------------------------------------------------------- */

static void a_flush_exports_what_had_ended(void **state) {
    (void)state;
    start_batch(2000, 100);
    const otel_span open = otel_span_start(lib, NULL);
    for (unsigned round = 1; round <= 20; round++) {
        end_spans(30);
        assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
        assert_int_equal(first.count, 30 * round);
        assert_int_equal(first.flushes, round);
    }
    otel_span_end(&open);
}

static void a_flush_before_the_first_span_reaches_the_exporter(void **state) {
    (void)state;
    start_batch(2000, 100);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(first.flushes, 1);
    assert_int_equal(first.exports, 0);
}

static void a_flush_says_that_an_export_failed(void **state) {
    (void)state;
    start_batch(100, 10);
    atomic_store(&first.export_status, OTEL_ERR_EXPORT);
    end_spans(5);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_ERR_EXPORT);
    assert_int_equal(ledger_now().processors[0].dropped_failed, 5);
    atomic_store(&first.export_status, OTEL_OK);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    end_spans(3);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(ledger_now().processors[0].exported, 3);
    atomic_store(&first.flush_status, OTEL_ERR_EXPORT);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_ERR_EXPORT);
}

static void *flush_in_thread(void *data) {
    *(_Atomic int *)data = (int)otel_sdk_flush(LONG_MS);
    return NULL;
}

/* The spans of a batch that is on its way had ended before the call as well. */
static void a_flush_waits_for_the_batch_under_way_and_reports_its_failure(void **state) {
    (void)state;
    static _Atomic int result;
    pthread_t thread;
    start_batch(100, 1);
    hold_in_export(&first);
    atomic_store(&result, -1);
    assert_int_equal(pthread_create(&thread, NULL, flush_in_thread, (void *)&result), 0);
    assert_soon(atomic_load(&lane()->flush_wanted) == 1);
    atomic_store(&first.export_status, OTEL_ERR_EXPORT);
    atomic_store(&first.hold, 0);
    pthread_join(thread, NULL);
    assert_int_equal(result, OTEL_ERR_EXPORT);
    atomic_store(&first.export_status, OTEL_OK);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
}

static void a_flush_gives_up_in_time_and_the_next_one_completes_it(void **state) {
    (void)state;
    start_batch(100, 1);
    hold_in_export(&first);
    end_spans(3);
    const uint64_t begin = otel__clock_monotonic();
    assert_int_equal(otel_sdk_flush(0), OTEL_ERR_TIMEOUT);
    assert_int_equal(otel_sdk_flush(30), OTEL_ERR_TIMEOUT);
    assert_in_range(otel__clock_monotonic() - begin, 30 * OTEL__MILLISECOND, 10 * OTEL__SECOND);
    atomic_store(&first.hold, 0);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(first.count, 4);
}

static void concurrent_flushes_share_the_work(void **state) {
    (void)state;
    enum { FLUSHES = 8 };
    static _Atomic int results[FLUSHES];
    pthread_t threads[FLUSHES];
    start_batch(100, 1);
    hold_in_export(&first);
    for (unsigned i = 0; i < FLUSHES; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, flush_in_thread, (void *)&results[i]), 0);
    assert_soon(atomic_load(&lane()->flush_wanted) == FLUSHES);
    atomic_store(&first.hold, 0);
    for (unsigned i = 0; i < FLUSHES; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(results[i], OTEL_OK);
    }
    assert_int_equal(first.flushes, 1);
}

static void *flush_often(void *data) {
    for (unsigned i = 0; i < 100; i++) {
        end_spans(3);
        if (otel_sdk_flush(LONG_MS) != OTEL_OK)
            atomic_fetch_add((_Atomic unsigned *)data, 1);
    }
    return NULL;
}

static void flushes_of_many_threads_all_return(void **state) {
    (void)state;
    static _Atomic unsigned failed;
    pthread_t threads[4];
    start_batch(2000, 10);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, flush_often, (void *)&failed), 0);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(failed, 0);
    assert_int_equal(first.count, 4 * 300);
}

/* Whoever flushes is the exporter's caller here, and must not wait longer than it was asked to. */
static void a_flush_without_a_worker_hands_its_time_to_the_exporter(void **state) {
    (void)state;
    start_direct();
    end_spans(1);
    assert_int_equal(otel_sdk_flush(50), OTEL_OK);
    assert_in_range(first.flush_timeout, 1, 50);
    assert_int_equal(otel_sdk_flush(-1), OTEL_OK);
    assert_in_range(first.flush_timeout, 51, 30000);
}

/* ---- a full queue ------------------------------------------------------------------------------------------------ */

static void a_full_queue_drops_the_newest_and_says_so_once(void **state) {
    (void)state;
    start_batch(10, 1);
    end_spans(1);
    assert_soon(atomic_load(&lane()->sleep) == OTEL__DOZING); /* it has looked, and found nothing to say */
    hold_in_export(&first);
    for (unsigned i = 0; i < 10; i++)
        end_span("old");
    for (unsigned i = 0; i < 40; i++)
        end_span("new");
    otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.ended, 52);
    assert_int_equal(ledger.processors[0].dropped_queue_full, 40);
    assert_int_equal(ledger.processors[0].queued, 10);
    assert_int_equal(ledger.processors[0].in_flight, 1);
    assert_int_equal(reports_count(), 0); /* it is not for whoever ends a span to write lines */
    atomic_store(&first.hold, 0);
    assert_soon(reports_count() == 1);
    assert_true(reports_mention("batch/double: 40 spans", "10 were waiting"));
    assert_int_equal(reports_level(0), OTEL_LOG_WARN);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(exporter_double_named(&first, "old"), 10);
    assert_int_equal(exporter_double_named(&first, "new"), 0);
    ledger = ledger_now();
    assert_int_equal(ledger.processors[0].exported, 12);
    assert_int_equal(ledger.processors[0].queued + ledger.processors[0].in_flight, 0);
}

static void a_short_overflow_is_reported_at_the_stop(void **state) {
    (void)state;
    start_batch(5, 5);
    atomic_store(&first.hold, HOLD_EXPORT);
    end_spans(5);
    assert_soon(atomic_load(&first.held) == 1);
    end_spans(12);
    assert_int_equal(ledger_now().processors[0].dropped_queue_full, 7);
    atomic_store(&first.hold, 0);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_true(reports_mention("7 spans", NULL));
}

/* ---- outcomes ---------------------------------------------------------------------------------------------------- */

static void rejected_spans_are_counted_apart(void **state) {
    (void)state;
    start_batch(100, 10);
    atomic_store(&first.rejects, 3);
    end_spans(10);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.processors[0].rejected, 3);
    assert_int_equal(ledger.processors[0].exported, 7);
    atomic_store(&first.rejects, 1000); /* more than there were */
    end_spans(2);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    ledger = ledger_now();
    assert_int_equal(ledger.processors[0].rejected, 5);
    assert_int_equal(ledger.processors[0].exports, 2);
}

static void a_failing_exporter_is_asked_again_with_the_next_batch(void **state) {
    (void)state;
    static const int failures[] = { OTEL_ERR_EXPORT, OTEL_ERR_TIMEOUT, OTEL_ERR_CANCELLED, 77 };
    start_batch(100, 10);
    for (unsigned i = 0; i < 4; i++) {
        atomic_store(&first.export_status, failures[i]);
        end_spans(25);
        assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_ERR_EXPORT);
        assert_int_equal(ledger_now().processors[0].dropped_failed, 25 * (i + 1));
    }
    atomic_store(&first.export_status, OTEL_OK);
    end_spans(25);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(ledger_now().processors[0].exported, 25);
    assert_int_equal(first.count, 125); /* no span twice */
}

static void the_export_timeout_is_handed_over(void **state) {
    (void)state;
    static const int given[] = { 0, 1234, -1 }, expected[] = { 30000, 1234, 0 };
    for (unsigned i = 0; i < 3; i++) {
        const otel_batch_options options = { .size = sizeof options, .export_timeout_ms = given[i] };
        first.blocking = true;
        start_sdk(OTEL_PROCESSORS(otel_batch_processor(&options, exporter_double_make(&first))));
        end_spans(1);
        assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
        assert_int_equal(first.export_timeout, expected[i]);
        assert_int_equal(first.flush_timeout, expected[i]);
        /* While stopping, no more than the stop has left. */
        end_spans(1);
        assert_int_equal(otel_sdk_stop(900), OTEL_OK);
        assert_in_range(first.export_timeout, 1, 900);
        assert_in_range(first.shutdown_timeout, 1, 900);
        exporter_double_reset(&first);
    }
}

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
    assert_in_range(first.flushes, 1, 1);
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
    const otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.processors[0].exported, 1);
    assert_int_equal(ledger.processors[0].dropped_stopped, 20);
    assert_int_equal(ledger.processors[0].queued, 0);
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
    ledger_now();
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
    assert_int_equal(ledger_now().ended, 3);
}

static void a_second_stop_frees_what_the_first_had_to_leave(void **state) {
    (void)state;
    first.ignores_cancel = true;
    start_batch(1000, 1);
    hold_in_export(&first);
    end_spans(3);
    assert_int_equal(otel_sdk_stop(0), OTEL_ERR_TIMEOUT);
    assert_int_equal(first.destroys, 0);
    assert_int_equal(ledger_now().processors[0].in_flight, 1);
    atomic_store(&first.hold, 0);
    /* What becomes of the spans that it held is counted when it comes back. */
    assert_soon(ledger_now().processors[0].dropped_stopped == 3);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(first.destroys, 1);
    assert_int_equal(ledger_now().processors[0].dropped_stopped, 3);
    assert_int_equal(ledger_now().processors[0].in_flight, 0);
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

static void *stop_in_thread(void *data) {
    *(_Atomic int *)data = (int)otel_sdk_stop(LONG_MS);
    return NULL;
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

/* ---- simple processors ------------------------------------------------------------------------------------------- */

static void a_direct_processor_exports_on_the_ending_thread_at_once(void **state) {
    (void)state;
    start_direct();
    for (unsigned i = 1; i <= 10; i++) {
        end_spans(1);
        assert_int_equal(first.count, i);
        assert_int_equal(first.exports, i);
    }
    assert_int_equal(first.thread, gettid());
}

static void a_simple_processor_exports_span_by_span_from_a_thread_of_its_own(void **state) {
    (void)state;
    first.blocking = true;
    start_sdk(OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&first))));
    for (unsigned i = 1; i <= 100; i++) {
        end_spans(i % 3);
        assert_soon(atomic_load(&first.count) == first.exports);
    }
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(first.count, 100);
    assert_int_equal(first.exports, 100);
    assert_int_equal(first.largest, 1);
    assert_int_not_equal(first.thread, gettid());
    assert_string_equal(ledger_now().processors[0].name, "simple/double");
}

static void *end_a_thousand(void *data) {
    (void)data;
    end_spans(1000);
    return NULL;
}

static void direct_exports_of_many_threads_never_overlap(void **state) {
    (void)state;
    pthread_t threads[4];
    start_direct();
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, end_a_thousand, NULL), 0);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    const otel_ledger ledger = ledger_now();
    assert_int_equal(first.count + ledger.processors[0].dropped_queue_full, 4000);
    assert_int_equal(first.overlaps, 0);
}

/* ---- exporters that record, flush and stop themselves ------------------------------------------------------------ */

static _Atomic int inner_flush, inner_stop;

static void record_one_more(struct exporter_double *me, otel_batch *batch) {
    (void)batch;
    if (me->exports == 1)
        end_span("from the exporter");
    atomic_store(&inner_flush, (int)otel_sdk_flush(LONG_MS));
    atomic_store(&inner_stop, (int)otel_sdk_stop(LONG_MS));
}

static void what_a_direct_exporter_traces_is_ignored_and_it_is_refused_a_flush(void **state) {
    (void)state;
    first.during = record_one_more;
    start_direct();
    const uint64_t begin = otel__clock_monotonic();
    end_spans(1);
    assert_int_equal(first.count, 1);
    assert_int_equal(exporter_double_named(&first, "from the exporter"), 0);
    assert_int_equal(first.overlaps, 0);
    assert_int_equal(inner_flush, OTEL_ERR_STATE);
    assert_int_equal(inner_stop, OTEL_ERR_STATE);
    assert_true(otel__clock_monotonic() - begin < (LONG_MS / 2) * OTEL__MILLISECOND);
    const otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.started, 1);
    assert_int_equal(ledger.processors[0].exported, 1);
    assert_true(ledger.interrupted_calls > 0);
    end_spans(1);
    assert_int_equal(first.count, 2);
}

static void what_a_worker_s_exporter_traces_is_ignored_too(void **state) {
    (void)state;
    first.during = record_one_more;
    start_batch(100, 1);
    end_spans(1);
    assert_soon(atomic_load(&first.count) == 1);
    assert_soon(atomic_load(&inner_stop) != OTEL_OK);
    assert_int_equal(inner_flush, OTEL_ERR_STATE);
    assert_int_equal(inner_stop, OTEL_ERR_STATE);
    end_spans(1);
    assert_soon(atomic_load(&first.count) == 2);
    assert_int_equal(ledger_now().started, 2);
}

/* ---- several ----------------------------------------------------------------------------------------------------- */

static void a_dead_exporter_costs_a_healthy_one_nothing(void **state) {
    (void)state;
    start_sdk(OTEL_PROCESSORS(batch_of(&first, 10, 1), batch_of(&second, 2000, 1)));
    hold_in_export(&first);
    end_spans(1000);
    assert_soon(atomic_load(&second.count) == 1001);
    otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.processor_count, 2);
    assert_int_equal(ledger.processors[0].dropped_queue_full, 990);
    assert_int_equal(ledger.processors[0].exported, 0);
    assert_int_equal(ledger.processors[1].exported, 1001);
    assert_int_equal(ledger.processors[1].dropped_queue_full, 0);
    assert_int_equal(otel_sdk_flush(30), OTEL_ERR_TIMEOUT);
    atomic_store(&first.hold, 0);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    ledger = ledger_now();
    assert_int_equal(ledger.processors[0].exported, 11);
}

static void as_many_as_there_may_be_all_get_every_span(void **state) {
    (void)state;
    static struct exporter_double all[OTEL_MAX_PROCESSORS];
    otel_processor *processors[OTEL_MAX_PROCESSORS];
    for (unsigned i = 0; i < OTEL_MAX_PROCESSORS; i++)
        processors[i] = i % 2 ? otel_simple_processor(exporter_double_make(&all[i])) : batch_of(&all[i], 200, 20);
    start_sdk((otel_processors){ processors, OTEL_MAX_PROCESSORS });
    end_spans(150);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    const otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.processor_count, OTEL_MAX_PROCESSORS);
    for (unsigned i = 0; i < OTEL_MAX_PROCESSORS; i++) {
        assert_int_equal(all[i].count, 150);
        assert_int_equal(ledger.processors[i].exported, 150);
        assert_string_equal(ledger.processors[i].name, i % 2 ? "simple/double" : "batch/double");
    }
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    for (unsigned i = 0; i < OTEL_MAX_PROCESSORS; i++) {
        assert_int_equal(all[i].destroys, 1);
        exporter_double_reset(&all[i]);
    }
}

/* ---- construction ------------------------------------------------------------------------------------------------ */

static _Atomic unsigned bare_destroys;

static otel_status bare_export(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    (void)self;
    (void)batch;
    (void)timeout_ms;
    (void)outcome;
    return OTEL_OK;
}

static void bare_destroy(void *self) {
    (void)self;
    atomic_fetch_add(&bare_destroys, 1);
}

static void an_exporter_needs_a_name_and_an_export(void **state) {
    (void)state;
    static const otel_exporter_ops nameless = { .size = sizeof nameless,
                                                .export_batch = bare_export,
                                                .destroy = bare_destroy };
    static const otel_exporter_ops idle = { .size = sizeof idle, .name = "idle", .destroy = bare_destroy };
    static const otel_exporter_ops small = { .size = 24, .name = "small", .export_batch = bare_export };
    reports_start(OTEL_LOG_TRACE);
    atomic_store(&bare_destroys, 0);
    assert_null(otel_exporter_create(NULL, NULL));
    assert_null(otel_exporter_create(&nameless, NULL));
    assert_null(otel_exporter_create(&idle, NULL));
    assert_null(otel_exporter_create(&small, NULL));
    assert_int_equal(bare_destroys, 2);
    assert_int_not_equal(reports_count(), 0);
}

/* Only what is required: every other operation is NULL. */
static void an_exporter_needs_nothing_else(void **state) {
    (void)state;
    static const otel_exporter_ops bare = {
        .size = sizeof bare, .name = "bare", .export_batch = bare_export, .blocking = true
    };
    static const otel_exporter_ops bare_direct = { .size = sizeof bare, .name = "bare", .export_batch = bare_export };
    start_sdk(OTEL_PROCESSORS(otel_batch_processor(NULL, otel_exporter_create(&bare, NULL)),
                              otel_simple_processor(otel_exporter_create(&bare_direct, NULL))));
    end_spans(10);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    end_spans(10);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    const otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.processors[0].exported, 20);
    assert_int_equal(ledger.processors[1].exported, 20);
}

static void nothing_makes_no_processor_and_is_destroyed_once(void **state) {
    (void)state;
    assert_null(otel_batch_processor(NULL, NULL));
    assert_null(otel_simple_processor(NULL));
    otel_processor_destroy(NULL);
    otel_exporter_destroy(NULL);
    otel_processor_destroy(batch_of(&first, 0, 0));
    assert_int_equal(first.destroys, 1);
    assert_int_equal(first.shutdowns, 0);
    otel_exporter_destroy(exporter_double_make(&second));
    assert_int_equal(second.destroys, 1);
}

/* Of programs that were compiled with an earlier or a later version. */
static void batch_options_may_be_of_another_size(void **state) {
    (void)state;
    struct {
        otel_batch_options options;
        char more[64];
    } later = { .options = { .size = sizeof later, .max_queue_size = 7, .max_batch_size = 3 } };
    memset(later.more, 0xff, sizeof later.more);
    otel_processor *processor = otel_batch_processor(&later.options, exporter_double_make(&first));
    assert_int_equal(processor->max_queue, 7);
    assert_int_equal(processor->max_batch, 3);
    otel_processor_destroy(processor);
    const otel_batch_options earlier = { .size = offsetof(otel_batch_options, max_batch_size),
                                         .max_queue_size = 70,
                                         .max_batch_size = 3 };
    processor = otel_batch_processor(&earlier, exporter_double_make(&first));
    assert_int_equal(processor->max_queue, 70);
    assert_int_equal(processor->max_batch, 70); /* the default, reduced to the queue's */
    otel_processor_destroy(processor);
    const otel_batch_options forgotten = { .size = 0, .max_queue_size = 77 };
    processor = otel_batch_processor(&forgotten, exporter_double_make(&first));
    assert_int_equal(processor->max_queue, 77);
    otel_processor_destroy(processor);
    processor = otel_batch_processor(NULL, exporter_double_make(&first));
    assert_int_equal(processor->max_queue, 2048);
    assert_int_equal(processor->max_batch, 512);
    assert_true(processor->delay == 5 * OTEL__SECOND);
    assert_int_equal(processor->export_timeout_ms, 30000);
    otel_processor_destroy(processor);
}

static void batch_options_that_cannot_be_are_replaced(void **state) {
    (void)state;
    reports_start(OTEL_LOG_TRACE);
    const otel_batch_options odd = {
        .size = sizeof odd, .max_queue_size = -1, .max_batch_size = -5, .schedule_delay_ms = -1
    };
    otel_processor *processor = otel_batch_processor(&odd, exporter_double_make(&first));
    assert_int_equal(processor->max_queue, 2048);
    assert_int_equal(processor->max_batch, 512);
    assert_true(processor->delay == 5 * OTEL__SECOND);
    assert_int_not_equal(reports_count(), 0);
    otel_processor_destroy(processor);
    const otel_batch_options larger = { .size = sizeof larger, .max_queue_size = 10, .max_batch_size = 50 };
    processor = otel_batch_processor(&larger, exporter_double_make(&first));
    assert_int_equal(processor->max_queue, 10);
    assert_in_range(processor->max_batch, 1, 10);
    otel_processor_destroy(processor);
}

#define test(name) cmocka_unit_test_teardown(name, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_flush_exports_what_had_ended),
        test(a_flush_before_the_first_span_reaches_the_exporter),
        test(a_flush_says_that_an_export_failed),
        test(a_flush_waits_for_the_batch_under_way_and_reports_its_failure),
        test(a_flush_gives_up_in_time_and_the_next_one_completes_it),
        test(concurrent_flushes_share_the_work),
        test(flushes_of_many_threads_all_return),
        test(a_flush_without_a_worker_hands_its_time_to_the_exporter),
        test(a_full_queue_drops_the_newest_and_says_so_once),
        test(a_short_overflow_is_reported_at_the_stop),
        test(rejected_spans_are_counted_apart),
        test(a_failing_exporter_is_asked_again_with_the_next_batch),
        test(the_export_timeout_is_handed_over),
        test(a_stop_exports_what_is_queued_and_shuts_the_exporter_down),
        test(a_stop_reports_what_failed),
        test(a_stop_out_of_time_cancels_the_exporter_and_drops_the_rest),
        test(an_exporter_that_ignores_cancel_is_left_alone_until_it_comes_back),
        test(a_second_stop_frees_what_the_first_had_to_leave),
        test(many_dead_exporters_take_no_longer_to_stop_than_one),
        test(a_flush_during_the_end_of_a_stop_returns),
        test(a_direct_processor_exports_on_the_ending_thread_at_once),
        test(a_simple_processor_exports_span_by_span_from_a_thread_of_its_own),
        test(direct_exports_of_many_threads_never_overlap),
        test(what_a_direct_exporter_traces_is_ignored_and_it_is_refused_a_flush),
        test(what_a_worker_s_exporter_traces_is_ignored_too),
        test(a_dead_exporter_costs_a_healthy_one_nothing),
        test(as_many_as_there_may_be_all_get_every_span),
        test(an_exporter_needs_a_name_and_an_export),
        test(an_exporter_needs_nothing_else),
        test(nothing_makes_no_processor_and_is_destroyed_once),
        test(batch_options_may_be_of_another_size),
        test(batch_options_that_cannot_be_are_replaced),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
