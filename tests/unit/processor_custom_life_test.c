/* SPDX-License-Identifier: Apache-2.0 */
/* processor_custom_life_test.c - processors of the user's own: flush, stop, fork, and many threads. */
#include "processor_custom.h"

#include "base/clock.h"
#include "base/sync.h"
#include "exporter_double.h"
#include "in_child.h"
#include "processor_double.h"
#include "sanitizers.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { LONG_MS = 20000, THREADS = 4, SPANS_EACH = UNDER_TSAN ? 500 : 5000 };

OTEL_TRACER(lib, "lib");

static struct processor_double a = { .name = "a" }, b = { .name = "b" };
static struct exporter_double seen;

static otel_status start_with(otel_processors processors) {
    return otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(),
                                   .log_level = OTEL_LOG_NONE, .processors = processors));
}

static otel_processor *batch(void) {
    const otel_batch_options options = { .size = sizeof options, .max_queue_size = 100000 };
    seen.blocking = true;
    return otel_batch_processor(&options, exporter_double_make(&seen));
}

static int stop(void **state) {
    (void)state;
    otel_ledger ledger;
    atomic_store(&seen.hold, 0);
    otel_sdk_stop(LONG_MS);
    assert_ledger(&ledger);
    processor_double_reset(&a);
    processor_double_reset(&b);
    exporter_double_reset(&seen);
    return 0;
}

static void end_span(const char *name) {
    const otel_span span = otel_span_start(lib, OTEL_START(name));
    otel_span_end(&span);
}

/* ---- flush ------------------------------------------------------------------------------------------------------- */

static void a_flush_reaches_each_of_them(void **state) {
    (void)state;
    start_with(OTEL_PROCESSORS(processor_double_make(&a), batch(), processor_double_make(&b)));
    end_span("s");
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(a.flushes, 1);
    assert_int_equal(b.flushes, 1);
    assert_int_equal(seen.count, 1);
    assert_in_range(a.flush_timeout, 1, LONG_MS);
    otel_sdk_flush(0); /* too short for the worker */
    assert_int_equal(a.flush_timeout, 1);
}

static otel_status refuse(struct processor_double *me) {
    (void)me;
    return OTEL_ERR_EXPORT;
}

static otel_status run_out_of_time(struct processor_double *me) {
    (void)me;
    return OTEL_ERR_TIMEOUT;
}

static otel_status return_nonsense(struct processor_double *me) {
    (void)me;
    return (otel_status)12345;
}

static void the_first_failure_is_the_result_and_the_others_are_flushed_all_the_same(void **state) {
    (void)state;
    start_with(OTEL_PROCESSORS(processor_double_make(&a), processor_double_make(&b), batch()));
    end_span("s");
    a.flushing = run_out_of_time;
    b.flushing = refuse;
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_ERR_TIMEOUT);
    assert_int_equal(b.flushes, 1);
    assert_int_equal(seen.count, 1);
    a.flushing = NULL;
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_ERR_EXPORT);
    b.flushing = return_nonsense;
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_ERR_EXPORT);
    b.flushing = NULL;
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
}

/* A worker that holds up the flush must not use up their time. */
static void they_are_flushed_while_workers_export(void **state) {
    (void)state;
    start_with(OTEL_PROCESSORS(batch(), processor_double_make(&a)));
    atomic_store(&seen.hold, HOLD_EXPORT);
    end_span("s");
    assert_int_equal(otel_sdk_flush(300), OTEL_ERR_TIMEOUT);
    assert_int_equal(a.flushes, 1);
    assert_in_range(a.flush_timeout, 2, 300);
}

static otel_status end_a_span(struct processor_double *me) {
    otel_span_end(&me->kept);
    return otel_sdk_flush(LONG_MS) == OTEL_ERR_STATE && otel_sdk_stop(LONG_MS) == OTEL_ERR_STATE ? OTEL_OK
                                                                                                 : OTEL_ERR_CONFIG;
}

static void a_flush_may_end_spans_and_cannot_flush(void **state) {
    (void)state;
    start_with(OTEL_PROCESSORS(processor_double_make(&a)));
    a.kept = otel_span_start(lib, OTEL_START("kept"));
    a.flushing = end_a_span;
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(a.ends, 1);
    end_span("s");
    assert_int_equal(a.ends, 2);
}

/* ---- stop -------------------------------------------------------------------------------------------------------- */

static void a_stop_shuts_each_down_once(void **state) {
    (void)state;
    start_with(OTEL_PROCESSORS(processor_double_make(&a), batch(), processor_double_make(&b)));
    end_span("s");
    b.stopping = refuse;
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_ERR_EXPORT);
    assert_int_equal(seen.count, 1);
    for (struct processor_double *each = &a;; each = &b) {
        assert_int_equal(each->shutdowns, 1);
        assert_int_equal(each->destroys, 1);
        assert_int_equal(each->flushes, 0);
        assert_in_range(each->shutdown_timeout, 1, LONG_MS);
        if (each == &b)
            break;
    }
    end_span("late");
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(a.starts + a.ends, 2);
    assert_int_equal(a.shutdowns + a.flushes, 1);
    otel_ledger ledger;
    assert_ledger(&ledger);
    assert_string_equal(ledger.processors[0].name, "a");
    assert_int_equal(ledger.processors[0].exported, 1);
}

enum { CODE = 42 };

static otel_status leave(struct processor_double *me) { _exit(me->ends == 1 ? CODE : 1); }

static int exits(void *argument) {
    (void)argument;
    a.stopping = leave;
    STEP(start_with(OTEL_PROCESSORS(processor_double_make(&a))) == OTEL_OK);
    end_span("s");
    exit(0);
}

static void an_exit_shuts_them_down(void **state) {
    (void)state;
    fflush(NULL);
    assert_int_equal(in_child(exits, NULL), CODE);
}

/* The SDK can still be asked to flush when the exit handler has shut everything down. */
static void after_its_shutdown_it_is_not_flushed(void **state) {
    (void)state;
    otel_processor *const processor = processor_double_make(&a);
    start_with(OTEL_PROCESSORS(processor));
    assert_int_equal(otel__custom_shutdown(processor, otel__deadline_in(LONG_MS, 0)), OTEL_OK);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(a.shutdowns, 1);
    assert_int_equal(a.flushes, 0);
}

static _Atomic int bare_flushes;

static otel_status bare_flush(void *self, int timeout_ms) {
    (void)self;
    atomic_fetch_add(&bare_flushes, timeout_ms > 0);
    return OTEL_ERR_EXPORT;
}

static void without_a_shutdown_a_stop_flushes(void **state) {
    (void)state;
    static const otel_processor_ops ops = { .size = sizeof ops, .name = "bare", .force_flush = bare_flush };
    start_with(OTEL_PROCESSORS(otel_processor_create(&ops, NULL)));
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_ERR_EXPORT);
    assert_int_equal(bare_flushes, 1);
}

static _Atomic unsigned held, let_go;

static void hold(struct processor_double *me, const otel_span_data *span) {
    (void)me;
    (void)span;
    atomic_store(&held, 1);
    WAIT_UNTIL(atomic_load(&let_go));
}

static void *end_span_in_thread(void *data) {
    (void)data;
    end_span("s");
    return NULL;
}

static void a_stop_leaves_a_processor_that_has_not_come_back(void **state) {
    (void)state;
    pthread_t thread;
    a.ended = hold;
    atomic_store(&held, 0);
    atomic_store(&let_go, 0);
    start_with(OTEL_PROCESSORS(processor_double_make(&a), batch()));
    assert_int_equal(pthread_create(&thread, NULL, end_span_in_thread, NULL), 0);
    assert_soon(atomic_load(&held));
    assert_int_equal(otel_sdk_stop(50), OTEL_ERR_TIMEOUT);
    assert_int_equal(a.shutdowns, 1);
    assert_int_equal(a.destroys, 0);
    assert_int_equal(otel_sdk_start(NULL), OTEL_ERR_STATE);
    atomic_store(&let_go, 1);
    pthread_join(thread, NULL);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(a.shutdowns, 1);
    assert_int_equal(a.destroys, 1);
}

/* ---- many threads ------------------------------------------------------------------------------------------------ */

static void set_at_start(struct processor_double *me, const otel_span *span, const otel_context *parent) {
    (void)me;
    (void)parent;
    otel_set(span, "start", 1);
}

static void set_at_ending(struct processor_double *me, const otel_span *span) {
    (void)me;
    otel_set(span, "ending", 1);
}

static _Atomic unsigned complete;

static void check_both(struct processor_double *me, const otel_span_data *span) {
    (void)me;
    if (span->attributes.count == 2 && span->ended)
        atomic_fetch_add(&complete, 1);
}

static void *end_many(void *data) {
    (void)data;
    for (unsigned i = 0; i < SPANS_EACH; i++)
        end_span("s");
    return NULL;
}

static void many_threads_are_shown_all_of_their_spans(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    atomic_store(&complete, 0);
    a.starting = set_at_start;
    a.ending = set_at_ending;
    a.ended = b.ended = check_both;
    start_with(OTEL_PROCESSORS(processor_double_make(&a), batch(), processor_double_make(&b)));
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, end_many, NULL), 0);
    for (unsigned i = 0; i < 20; i++)
        assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(complete, 2 * THREADS * SPANS_EACH);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(seen.count, THREADS * SPANS_EACH);
    otel_ledger ledger;
    assert_ledger(&ledger);
    assert_int_equal(ledger.processors[2].exported, THREADS * SPANS_EACH);
}

static otel_span shared_span;

static void *change_and_end(void *data) {
    (void)data;
    otel_set(&shared_span, "k", 1);
    otel_span_end(&shared_span);
    otel_set(&shared_span, "k", 2);
    return NULL;
}

static void of_many_that_end_a_span_one_is_heard(void **state) {
    (void)state;
    enum { ROUNDS = UNDER_TSAN ? 50 : 300 };
    a.ending = set_at_ending;
    start_with(OTEL_PROCESSORS(processor_double_make(&a), batch()));
    for (unsigned round = 0; round < ROUNDS; round++) {
        pthread_t threads[THREADS];
        shared_span = otel_span_start(lib, OTEL_START("s"));
        for (unsigned i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, change_and_end, NULL), 0);
        for (unsigned i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
    }
    assert_int_equal(a.endings, ROUNDS);
    assert_int_equal(a.ends, ROUNDS);
}

/* ---- fork -------------------------------------------------------------------------------------------------------- */

static int goes_on_in_the_child(void *argument) {
    const otel_span *live = argument;
    otel_span_end(live); /* the parent's */
    STEP(a.ends == 1);
    end_span("s");
    STEP(a.starts == 3 && a.ends == 2);
    STEP(otel_sdk_flush(LONG_MS) == OTEL_OK && a.flushes == 1);
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK && a.shutdowns == 1 && a.destroys == 1);
    return 0;
}

static void a_child_goes_on_with_its_copy(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    start_with(OTEL_PROCESSORS(processor_double_make(&a), batch()));
    end_span("s");
    const otel_span live = otel_span_start(lib, OTEL_START("live"));
    fflush(NULL);
    assert_int_equal(in_child(goes_on_in_the_child, (void *)&live), 0);
    otel_span_end(&live);
    assert_int_equal(a.ends, 2);
    assert_int_equal(a.shutdowns, 0);
}

static pid_t child;

static void fork_at_start(struct processor_double *me, const otel_span *span, const otel_context *parent) {
    (void)span;
    (void)parent;
    me->starting = NULL;
    child = fork();
}

static void fork_at_ending(struct processor_double *me, const otel_span *span) {
    (void)span;
    me->ending = NULL;
    child = fork();
}

static void fork_at_end(struct processor_double *me, const otel_span_data *span) {
    (void)span;
    me->ended = NULL;
    child = fork();
}

static otel_status fork_at_flush(struct processor_double *me) {
    me->flushing = NULL;
    child = fork();
    return OTEL_OK;
}

/* What the child does next has to work, and its ledger to balance. */
static int the_child_works(void) {
    otel_ledger ledger = { .size = sizeof ledger };
    char why[200];
    end_span("child's");
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    otel_sdk_ledger(&ledger);
    STEP(ledger.started == 1 && ledger.ended == 1);
    STEP(ledger.processors[0].exported == 1 && ledger.processors[1].exported == 1);
    STEP(ledger_balances(&ledger, why, sizeof why));
    return 0;
}

static void a_processor_may_fork(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    for (unsigned i = 0; i < 4; i++) {
        int status = -1;
        a.starting = i == 0 ? fork_at_start : NULL;
        a.ending = i == 1 ? fork_at_ending : NULL;
        a.ended = i == 2 ? fork_at_end : NULL;
        a.flushing = i == 3 ? fork_at_flush : NULL;
        child = -1;
        start_with(OTEL_PROCESSORS(processor_double_make(&a), batch()));
        fflush(NULL);
        end_span("s");
        assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
        if (child == 0)
            _exit(the_child_works());
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(status, 0);
        stop(NULL);
    }
}

#define test(name) cmocka_unit_test_teardown(name, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_flush_reaches_each_of_them),
        test(the_first_failure_is_the_result_and_the_others_are_flushed_all_the_same),
        test(they_are_flushed_while_workers_export),
        test(a_flush_may_end_spans_and_cannot_flush),
        test(a_stop_shuts_each_down_once),
        test(an_exit_shuts_them_down),
        test(after_its_shutdown_it_is_not_flushed),
        test(without_a_shutdown_a_stop_flushes),
        test(a_stop_leaves_a_processor_that_has_not_come_back),
        test(many_threads_are_shown_all_of_their_spans),
        test(of_many_that_end_a_span_one_is_heard),
        test(a_child_goes_on_with_its_copy),
        test(a_processor_may_fork),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
