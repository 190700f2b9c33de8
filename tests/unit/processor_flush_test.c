/* SPDX-License-Identifier: Apache-2.0 */
/* processor_flush_test.c - flushes of processors: alone, of many threads at once, and of exports that fail. */
#include "processor_fixture.h"

#include "base/clock.h"
#include "base/sync.h"
#include "provider.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <cmocka.h>

OTEL_TRACER(lib, "lib");

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

/* A flush that has seen no worker just before there is one would sleep until its deadline: a worker wakes nobody. */
static void a_flush_never_waits_for_a_worker_to_end(void **state) {
    (void)state;
    start_batch(100, 1);
    end_spans(1);
    assert_soon(atomic_load(&first.count) == 1);
    const uint64_t deadline = otel__clock_monotonic() + LONG_MS * OTEL__MILLISECOND;
    assert_int_not_equal(atomic_load(&lane()->draining), OTEL__CONSUMED_BY_NONE);
    assert_true(otel__futex_wait(&lane()->draining, OTEL__CONSUMED_IN_PASSING, deadline));
}

static sigset_t blocked_inside;

static otel_status note_mask(void *self, int timeout_ms) {
    (void)self;
    (void)timeout_ms;
    pthread_sigmask(SIG_SETMASK, NULL, &blocked_inside);
    pthread_kill(pthread_self(), SIGPIPE); /* which ends nobody */
    return OTEL_OK;
}

static otel_status export_nothing(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    (void)batch;
    (void)outcome;
    return note_mask(self, timeout_ms);
}

/* Threads that an exporter makes, as libcurl does to look up names, inherit the mask of the one that exports. */
static void who_stands_in_for_a_worker_blocks_every_signal(void **state) {
    (void)state;
    static const otel_exporter_ops ops = {
        .size = sizeof ops, .name = "mask", .blocking = true, .export_batch = export_nothing, .force_flush = note_mask
    };
    sigset_t before, after;
    pthread_sigmask(SIG_SETMASK, NULL, &before);
    assert_int_equal(sigismember(&before, SIGTERM), 0);
    start_sdk(OTEL_PROCESSORS(otel_batch_processor(NULL, otel_exporter_create(&ops, NULL))));
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK); /* there is no worker yet */
    pthread_sigmask(SIG_SETMASK, NULL, &after);
    for (int number = 1; number <= SIGRTMAX; number++) {
        if (number != SIGKILL && number != SIGSTOP && (number < 32 || number >= SIGRTMIN))
            assert_int_equal(sigismember(&blocked_inside, number), 1);
        assert_int_equal(sigismember(&after, number), sigismember(&before, number));
    }
}

static void a_flush_says_that_an_export_failed(void **state) {
    (void)state;
    start_batch(100, 10);
    atomic_store(&first.export_status, OTEL_ERR_EXPORT);
    end_spans(5);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_ERR_EXPORT);
    assert_int_equal(ledger_read().processors[0].dropped_failed, 5);
    atomic_store(&first.export_status, OTEL_OK);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    end_spans(3);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(ledger_read().processors[0].exported, 3);
    atomic_store(&first.flush_status, OTEL_ERR_EXPORT);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_ERR_EXPORT);
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

/* ---- failures ---------------------------------------------------------------------------------------------------- */

/* Each of two flushes that wait for a failing export hears of it, and the one that comes right after them does not. */
static void flushes_that_wait_all_hear_of_a_failure(void **state) {
    (void)state;
    static _Atomic int results[2];
    pthread_t threads[2];
    start_batch(100, 1);
    for (unsigned round = 0; round < 50; round++) {
        const uint32_t before = atomic_load(&lane()->flush_wanted);
        atomic_store(&first.export_status, OTEL_ERR_EXPORT);
        hold_in_export(&first);
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, flush_in_thread, (void *)&results[i]), 0);
        assert_soon(atomic_load(&lane()->flush_wanted) == before + 2);
        atomic_store(&first.hold, 0);
        assert_soon(atomic_load(&lane()->flush_served) == before + 2);
        atomic_store(&first.export_status, OTEL_OK);
        assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
        for (unsigned i = 0; i < 2; i++) {
            pthread_join(threads[i], NULL);
            assert_int_equal(results[i], OTEL_ERR_EXPORT);
        }
    }
}

/* The worker serves the first flush, which saw the failure, when the second comes. */
static void a_flush_that_came_after_a_failure_does_not_hear_of_it(void **state) {
    (void)state;
    static _Atomic int early, late;
    pthread_t threads[2];
    start_batch(100, 10);
    atomic_store(&first.export_status, OTEL_ERR_EXPORT);
    atomic_store(&first.hold, HOLD_FLUSH);
    end_spans(3);
    assert_int_equal(pthread_create(&threads[0], NULL, flush_in_thread, (void *)&early), 0);
    assert_soon(atomic_load(&first.held) == 1);
    assert_int_equal(pthread_create(&threads[1], NULL, flush_in_thread, (void *)&late), 0);
    assert_soon(atomic_load(&lane()->flush_wanted) == 2);
    atomic_store(&first.hold, 0);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(early, OTEL_ERR_EXPORT);
    assert_int_equal(late, OTEL_OK);
}

/* Nobody has asked for the verdict of the first serving yet when the second serving has no failure to report. */
static void a_later_success_does_not_hide_a_failure(void **state) {
    (void)state;
    start_batch(100, 10);
    otel_processor *processor = otel__provider->pipeline.processors[0];
    const uint64_t deadline = otel__clock_monotonic() + LONG_MS * OTEL__MILLISECOND;
    atomic_store(&first.export_status, OTEL_ERR_EXPORT);
    end_spans(3);
    const uint32_t ticket = otel__processor_flush_begin(processor);
    assert_soon(atomic_load(&lane()->flush_served) == ticket);
    atomic_store(&first.export_status, OTEL_OK);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(otel__processor_flush_wait(processor, ticket, deadline), OTEL_ERR_EXPORT);
}

#define test(name) cmocka_unit_test_teardown(name, processors_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_flush_exports_what_had_ended),
        test(a_flush_before_the_first_span_reaches_the_exporter),
        test(a_flush_never_waits_for_a_worker_to_end),
        test(who_stands_in_for_a_worker_blocks_every_signal),
        test(a_flush_says_that_an_export_failed),
        test(a_flush_waits_for_the_batch_under_way_and_reports_its_failure),
        test(a_flush_gives_up_in_time_and_the_next_one_completes_it),
        test(concurrent_flushes_share_the_work),
        test(flushes_of_many_threads_all_return),
        test(a_flush_without_a_worker_hands_its_time_to_the_exporter),
        test(flushes_that_wait_all_hear_of_a_failure),
        test(a_flush_that_came_after_a_failure_does_not_hear_of_it),
        test(a_later_success_does_not_hide_a_failure),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
