/* SPDX-License-Identifier: Apache-2.0 */
/* processor_direct_test.c - simple processors, which export on the ending thread or span by span, and exporters that call the SDK. */
#include "processor_fixture.h"

#include "base/clock.h"
#include "base/sync.h"
#include "provider.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

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
    unsigned ended = 0;
    for (unsigned i = 1; i <= 100; i++) {
        end_spans(i % 3);
        ended += i % 3;
        assert_soon(atomic_load(&first.count) == ended);
    }
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(first.count, 100);
    assert_int_equal(first.exports, 100);
    assert_int_equal(first.largest, 1);
    assert_int_not_equal(first.thread, gettid());
    assert_string_equal(ledger_read().processors[0].name, "simple/double");
}

static void *end_a_thousand(void *data) {
    (void)data;
    end_spans(1000);
    return NULL;
}

static void let_others_run(struct exporter_double *me, otel_batch *batch) {
    (void)me;
    (void)batch;
    sched_yield();
}

static void direct_exports_of_many_threads_never_overlap(void **state) {
    (void)state;
    pthread_t threads[4];
    first.during = let_others_run;
    start_direct();
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, end_a_thousand, NULL), 0);
    for (unsigned i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    const otel_ledger ledger = ledger_read();
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
    const otel_ledger ledger = ledger_read();
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
    assert_int_equal(ledger_read().started, 2);
}

static void record_always(struct exporter_double *me, otel_batch *batch) {
    (void)batch;
    if (me->exports < 1000) /* a test that fails must end as well */
        end_span("from the exporter");
}

/* Otherwise the call that ended the first span would never return. */
static void an_exporter_that_traces_every_export_does_not_feed_itself(void **state) {
    (void)state;
    first.during = record_always;
    start_direct();
    end_spans(3);
    assert_int_equal(first.exports, 3);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    exporter_double_reset(&first);
    first.during = record_always;
    start_batch(100, 1);
    end_spans(3);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(first.exports, 3);
    assert_int_equal(ledger_read().started, 3);
}

/* A flush before the first span runs the exporter on the thread that flushes. */
static void what_is_traced_inside_a_flush_is_ignored(void **state) {
    (void)state;
    first.during = record_always;
    start_sdk(OTEL_PROCESSORS(batch_of(&first, 100, 100), otel_simple_processor(exporter_double_make(&second))));
    second.during = record_always;
    end_spans(2);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(first.count, 2);
    assert_int_equal(second.count, 2);
    assert_int_equal(ledger_read().started, 2);
    end_spans(1);
    assert_int_equal(second.count, 3);
}

/* ---- spans that end during a flush ------------------------------------------------------------------------------- */

/* They are left to the thread that is inside the exporter, though it is not there to export. */
static void a_span_that_ends_during_a_flush_is_not_left_behind(void **state) {
    (void)state;
    static _Atomic int flushed;
    pthread_t thread;
    start_direct();
    atomic_store(&first.hold, HOLD_FLUSH);
    assert_int_equal(pthread_create(&thread, NULL, flush_in_thread, (void *)&flushed), 0);
    assert_soon(atomic_load(&first.held) == 1);
    end_spans(3);
    assert_int_equal(first.count, 0);
    atomic_store(&first.hold, 0);
    pthread_join(thread, NULL);
    assert_int_equal(flushed, OTEL_OK);
    assert_int_equal(first.count, 3);
    assert_int_equal(ledger_read().processors[0].queued, 0);
}

/* Tells `data`, if any, that it has returned. */
static void *end_one(void *data) {
    end_spans(1);
    if (data)
        atomic_store((_Atomic bool *)data, true);
    return NULL;
}

/* Nor if the thread that exported before has asked for relief. */
static void a_span_that_ends_during_a_flush_does_not_wait_for_it(void **state) {
    (void)state;
    static _Atomic int flushed;
    static _Atomic bool ended;
    pthread_t flushing, ending;
    start_direct();
    atomic_store(&lane()->relief, 1);
    atomic_store(&first.hold, HOLD_FLUSH);
    assert_int_equal(pthread_create(&flushing, NULL, flush_in_thread, (void *)&flushed), 0);
    assert_soon(atomic_load(&first.held) == 1);
    assert_int_equal(pthread_create(&ending, NULL, end_one, (void *)&ended), 0);
    assert_soon(atomic_load(&ended));
    atomic_store(&first.hold, 0);
    pthread_join(ending, NULL);
    pthread_join(flushing, NULL);
    assert_int_equal(flushed, OTEL_OK);
    assert_int_equal(first.count, 1);
}

/* Nor if it was asked to take over before the flush began: whichever of the two gets its turn first. */
static void a_span_that_waits_to_take_over_does_not_wait_for_a_flush(void **state) {
    (void)state;
    static _Atomic int flushed;
    static _Atomic bool ended;
    pthread_t exporting, ending, flushing;
    start_direct();
    for (unsigned i = 1; i <= 20; i++) {
        atomic_store(&ended, false);
        atomic_store(&first.hold, HOLD_EXPORT);
        assert_int_equal(pthread_create(&exporting, NULL, end_one, NULL), 0);
        assert_soon(atomic_load(&first.held) == 1);
        atomic_store(&lane()->relief, 1);
        assert_int_equal(pthread_create(&ending, NULL, end_one, (void *)&ended), 0);
        assert_soon(atomic_load(&lane()->claims) == 1);
        assert_int_equal(pthread_create(&flushing, NULL, flush_in_thread, (void *)&flushed), 0);
        assert_soon(atomic_load(&lane()->claims) == 2);
        atomic_store(&first.hold, HOLD_FLUSH);
        assert_soon(atomic_load(&ended));
        atomic_store(&first.hold, 0);
        pthread_join(exporting, NULL);
        pthread_join(ending, NULL);
        pthread_join(flushing, NULL);
        assert_int_equal(flushed, OTEL_OK);
        assert_int_equal(first.count, 2 * i);
    }
}

/* ---- calls that outlast a stop ----------------------------------------------------------------------------------- */

/* The exit handler gives calls less time than exporters, so that one may end between a shutdown and the deadline. */
static void a_span_that_ends_after_the_shutdown_never_reaches_the_exporter(void **state) {
    (void)state;
    const uint64_t deadline = otel__deadline_in(LONG_MS, LONG_MS);
    pthread_t ending;
    start_sdk(OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&first)),
                              otel_simple_processor(exporter_double_make(&second))));
    otel_processor *stopped = otel__provider->pipeline.processors[1];
    atomic_store(&first.hold, HOLD_EXPORT);
    assert_int_equal(pthread_create(&ending, NULL, end_one, NULL), 0);
    assert_soon(atomic_load(&first.held) == 1);
    otel__processor_stop_begin(stopped, deadline);
    assert_true(otel__processor_stop_wait(stopped, deadline));
    assert_int_equal(second.shutdowns, 1);
    atomic_store(&first.hold, 0);
    pthread_join(ending, NULL);
    assert_int_equal(first.count, 1);
    assert_int_equal(second.late, 0);
    assert_int_equal(second.count, 0);
    assert_int_equal(ledger_read().processors[1].dropped_stopped, 1);
}

/* ---- a flush among threads that always export ------------------------------------------------------------------- */

static _Atomic bool pushing;
static _Atomic unsigned pushed;

static void *push_for_ever(void *data) {
    (void)data;
    while (atomic_load(&pushing)) {
        end_span("one of many");
        atomic_fetch_add(&pushed, 1);
    }
    return NULL;
}

/* An export lasts until another span waits, so that the thread which exports goes on and never makes room for long. */
static void wait_for_another(struct exporter_double *me, otel_batch *batch) {
    (void)me;
    (void)batch;
    for (const unsigned before = atomic_load(&pushed); atomic_load(&pushing) && atomic_load(&pushed) == before;)
        sched_yield();
}

static void a_flush_gets_its_turn_among_threads_that_always_export(void **state) {
    (void)state;
    enum { PUSHERS = 3, FLUSHES = 20 };
    pthread_t threads[PUSHERS];
    atomic_store(&pushing, true);
    first.during = wait_for_another;
    setenv("OTEL_BSP_MAX_QUEUE_SIZE", "16", 1);
    setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16", 1);
    start_direct();
    unsetenv("OTEL_BSP_MAX_QUEUE_SIZE");
    unsetenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE");
    for (unsigned i = 0; i < PUSHERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, push_for_ever, NULL), 0);
    assert_soon(atomic_load(&first.exports) > 10);
    int flushed = OTEL_OK;
    for (unsigned i = 0; i < FLUSHES && flushed == OTEL_OK; i++)
        flushed = (int)otel_sdk_flush(LONG_MS / 10);
    atomic_store(&pushing, false);
    for (unsigned i = 0; i < PUSHERS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(flushed, OTEL_OK);
    assert_int_equal(ledger_read().processors[0].queued, 0);
}

/* ---- a flush that runs out of time ------------------------------------------------------------------------------- */

enum { SHORT_MS = 60, SLOW_MS = 20, WAITING = 30 };

static _Atomic uint64_t latest; /* the thread that flushes is to begin no export after this */
static _Atomic int flusher;
static _Atomic unsigned too_late;

/* As if a flush were waiting for its turn when these ended. */
static void leave_to_a_flush(unsigned spans) {
    atomic_fetch_add(&lane()->claims, 1);
    end_spans(spans);
    atomic_fetch_sub(&lane()->claims, 1);
    assert_int_equal(first.count, 0);
}

/* During the first export another span ends. */
static void be_slow_in_a_flush(struct exporter_double *me, otel_batch *batch) {
    pthread_t ending;
    (void)batch;
    if (gettid() != atomic_load(&flusher))
        return;
    if (me->exports == 1 && pthread_create(&ending, NULL, end_one, NULL) == 0)
        pthread_join(ending, NULL);
    if (otel__clock_monotonic() > atomic_load(&latest))
        atomic_fetch_add(&too_late, 1);
    otel__sleep_ms(SLOW_MS);
}

/* What it leaves goes out with the next span. */
static void a_flush_keeps_its_time_when_spans_end_meanwhile(void **state) {
    (void)state;
    first.during = be_slow_in_a_flush;
    start_direct();
    leave_to_a_flush(WAITING);
    atomic_store(&too_late, 0);
    atomic_store(&flusher, gettid());
    atomic_store(&latest, otel__clock_monotonic() + (SHORT_MS + OTEL__CANCEL_GRACE_MS) * OTEL__MILLISECOND);
    const int flushed = (int)otel_sdk_flush(SHORT_MS);
    atomic_store(&flusher, 0);
    assert_int_equal(flushed, OTEL_ERR_TIMEOUT);
    assert_true(atomic_load(&too_late) <= 1); /* one that begins in the last moment */
    assert_true(ledger_read().processors[0].queued > 0);
    end_spans(1);
    assert_int_equal(first.count, WAITING + 2);
}

/* Who has no time left still exports what is quickly done: no other span may come. */
static void a_flush_without_time_leaves_nothing_to_a_quick_exporter(void **state) {
    (void)state;
    start_direct();
    leave_to_a_flush(WAITING);
    otel_sdk_flush(0);
    assert_int_equal(first.count, WAITING);
}

#define test(name) cmocka_unit_test_teardown(name, processors_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_direct_processor_exports_on_the_ending_thread_at_once),
        test(a_simple_processor_exports_span_by_span_from_a_thread_of_its_own),
        test(direct_exports_of_many_threads_never_overlap),
        test(what_a_direct_exporter_traces_is_ignored_and_it_is_refused_a_flush),
        test(what_a_worker_s_exporter_traces_is_ignored_too),
        test(an_exporter_that_traces_every_export_does_not_feed_itself),
        test(what_is_traced_inside_a_flush_is_ignored),
        test(a_span_that_ends_during_a_flush_is_not_left_behind),
        test(a_span_that_ends_during_a_flush_does_not_wait_for_it),
        test(a_span_that_waits_to_take_over_does_not_wait_for_a_flush),
        test(a_span_that_ends_after_the_shutdown_never_reaches_the_exporter),
        test(a_flush_gets_its_turn_among_threads_that_always_export),
        test(a_flush_keeps_its_time_when_spans_end_meanwhile),
        test(a_flush_without_time_leaves_nothing_to_a_quick_exporter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
