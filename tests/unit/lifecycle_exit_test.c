/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lifecycle_exit_test.c - what happens at exit(): queued spans go out, nothing crashes or hangs, whoever still runs.
 *
 * Every test is a child process that ends by exit(); this process itself never starts an SDK. The exporter's double
 * lies in memory that both share, so that it can be looked at when the child is gone.
 */
#include "base/clock.h"
#include "exporter_double.h"
#include "in_child.h"
#include "sanitizers.h"

#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

enum { NEVER_MS = 3600 * 1000, CODE = 7 };

OTEL_TRACER(lib, "lib");

static struct exporter_double *seen;

/* What a child's exit handlers and threads found. */
static struct notes {
    _Atomic int flush, stop, start;
    _Atomic bool recorded, done;
    _Atomic uint64_t milliseconds, ended, exported;
} * notes;

static int share_memory(void **state) {
    (void)state;
    seen = mmap(NULL, sizeof *seen, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    notes = mmap(NULL, sizeof *notes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return seen != MAP_FAILED && notes != MAP_FAILED ? 0 : -1;
}

static int forget(void **state) {
    (void)state;
    memset(seen, 0, sizeof *seen);
    memset(notes, 0, sizeof *notes);
    return 0;
}

/* The part's exit code, after what this process had to print is out: the child would print it too. */
static int outcome_of(int (*part)(void *argument)) {
    fflush(NULL);
    return in_child(part, NULL);
}

static otel_status start(bool batch, bool blocking) {
    const otel_batch_options options = { .size = sizeof options, .schedule_delay_ms = NEVER_MS };
    seen->blocking = blocking;
    otel_exporter *exporter = exporter_double_make(seen);
    return otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(),
                                   .log_level = OTEL_LOG_NONE,
                                   .processors = OTEL_PROCESSORS(batch ? otel_batch_processor(&options, exporter)
                                                                       : otel_simple_processor(exporter))));
}

static void end_spans(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        const otel_span span = otel_span_start(lib, OTEL_START("s"));
        otel_span_end(&span);
    }
}

/* ---- what is queued ---------------------------------------------------------------------------------------------- */

static int exits_with_queued_spans(void *argument) {
    (void)argument;
    STEP(start(true, true) == OTEL_OK);
    end_spans(50);
    exit(CODE);
}

static void queued_spans_go_out_at_exit(void **state) {
    (void)state;
    assert_int_equal(outcome_of(exits_with_queued_spans), CODE);
    assert_int_equal(seen->count, 50);
    assert_int_equal(seen->shutdowns, 1);
    assert_int_equal(seen->late, 0);
}

static int exits_with_live_spans(void *argument) {
    (void)argument;
    STEP(start(true, true) == OTEL_OK);
    const otel_span live = otel_span_start(lib, OTEL_START("live"));
    otel_set(&live, "key", "value");
    end_spans(1);
    exit(CODE);
}

static void live_spans_are_no_trouble_at_exit(void **state) {
    (void)state;
    assert_int_equal(outcome_of(exits_with_live_spans), CODE);
    assert_int_equal(seen->count, 1);
}

static int exits_after_stop(void *argument) {
    (void)argument;
    STEP(start(true, true) == OTEL_OK);
    end_spans(3);
    STEP(otel_sdk_stop(10000) == OTEL_OK);
    exit(CODE);
}

static int exits_after_restart(void *argument) {
    (void)argument;
    for (unsigned i = 0; i < 3; i++) {
        atomic_store(&seen->shutdowns, 0); /* of an earlier exporter */
        STEP(start(true, true) == OTEL_OK);
        end_spans(3);
        STEP(i == 2 || otel_sdk_stop(10000) == OTEL_OK);
    }
    exit(CODE);
}

static void exit_after_a_stop_and_after_a_restart(void **state) {
    (void)state;
    assert_int_equal(outcome_of(exits_after_stop), CODE);
    assert_int_equal(seen->count, 3);
    assert_int_equal(seen->shutdowns, 1);
    forget(NULL);
    assert_int_equal(outcome_of(exits_after_restart), CODE);
    assert_int_equal(seen->count, 9);
    assert_int_equal(seen->late, 0);
}

static void *call_exit(void *data) {
    (void)data;
    exit(CODE);
}

static int exits_by_a_thread(void *argument) {
    (void)argument;
    pthread_t thread;
    STEP(start(true, true) == OTEL_OK);
    end_spans(5);
    STEP(pthread_create(&thread, NULL, call_exit, NULL) == 0);
    pthread_join(thread, NULL);
    return 1;
}

static void any_thread_may_exit(void **state) {
    (void)state;
    assert_int_equal(outcome_of(exits_by_a_thread), CODE);
    assert_int_equal(seen->count, 5);
}

/* ---- exporters that do not come back ----------------------------------------------------------------------------- */

static int exits_with_a_held_exporter(void *argument) {
    (void)argument;
    STEP(start(false, true) == OTEL_OK);
    atomic_store(&seen->hold, HOLD_EXPORT);
    end_spans(5);
    WAIT_UNTIL(atomic_load(&seen->held) == 1);
    exit(CODE);
}

static void a_held_exporter_is_cancelled_when_the_second_is_over(void **state) {
    (void)state;
    const uint64_t begin = otel__clock_monotonic();
    assert_int_equal(outcome_of(exits_with_a_held_exporter), CODE);
    assert_true(otel__clock_monotonic() - begin < 20 * OTEL__SECOND);
    assert_int_equal(seen->cancels, 1);
    assert_int_equal(seen->forks_before, 0);
    forget(NULL);
    seen->ignores_cancel = true;
    assert_int_equal(outcome_of(exits_with_a_held_exporter), CODE);
    assert_int_equal(seen->forks_before, 1); /* what it is in must not be used any more */
    assert_true(otel__clock_monotonic() - begin < 40 * OTEL__SECOND);
    assert_int_equal(seen->shutdowns, 0);
}

static void note_rest(void) {
    atomic_store(&notes->done, atomic_load(&seen->rests_asked) > atomic_load(&seen->rests_after));
}

/* As where libcurl gets no processor: what libraries clean up must not be in use. The handler runs after ours. */
static int exits_beside_a_slow_library(void *argument) {
    seen->ignores_cancel = true;
    seen->rests_after = 700;
    STEP(atexit(note_rest) == 0);
    return exits_with_a_held_exporter(argument);
}

static int exits_beside_a_library_that_never_rests(void *argument) {
    seen->ignores_cancel = true;
    seen->rests_after = UINT_MAX;
    return exits_with_a_held_exporter(argument);
}

static void an_exit_waits_for_foreign_code_to_rest(void **state) {
    (void)state;
    assert_int_equal(outcome_of(exits_beside_a_slow_library), CODE);
    assert_true(notes->done);
    forget(NULL);
    const uint64_t begin = otel__clock_monotonic();
    assert_int_equal(outcome_of(exits_beside_a_library_that_never_rests), CODE);
    assert_true(otel__clock_monotonic() - begin < 20 * OTEL__SECOND);
}

static void call_exit_inside(struct exporter_double *me, otel_batch *batch) {
    (void)me;
    (void)batch;
    exit(CODE);
}

static int exits_inside_a_direct_exporter(void *argument) {
    (void)argument;
    seen->during = call_exit_inside;
    STEP(start(false, false) == OTEL_OK);
    end_spans(1);
    return 1;
}

static int exits_inside_a_workers_exporter(void *argument) {
    (void)argument;
    seen->during = call_exit_inside;
    STEP(start(false, true) == OTEL_OK);
    end_spans(1);
    pause();
    return 1;
}

static void an_exporter_may_exit(void **state) {
    (void)state;
    assert_int_equal(outcome_of(exits_inside_a_direct_exporter), CODE);
    forget(NULL);
    assert_int_equal(outcome_of(exits_inside_a_workers_exporter), CODE);
}

/* ---- threads that are left over ---------------------------------------------------------------------------------- */

static void *record_for_ever(void *data) {
    (void)data;
    for (;;) {
        OTEL_SPAN(outer, lib, "outer");
        otel_set(&outer, "key", "value");
        OTEL_SPAN(inner, lib, "inner");
        otel_event(&inner, "event");
        atomic_store(&notes->recorded, true);
    }
    return NULL;
}

static int exits_under_load_with(bool batch, bool blocking) {
    STEP(start(batch, blocking) == OTEL_OK);
    end_spans(1);
    for (unsigned i = 0; i < 4; i++) {
        pthread_t thread;
        STEP(pthread_create(&thread, NULL, record_for_ever, NULL) == 0);
        pthread_detach(thread);
    }
    WAIT_UNTIL(atomic_load(&notes->recorded));
    exit(CODE);
}

static int exits_under_load_batch(void *argument) {
    (void)argument;
    return exits_under_load_with(true, true);
}

static int exits_under_load_direct(void *argument) {
    (void)argument;
    return exits_under_load_with(false, false);
}

static void threads_may_go_on_recording(void **state) {
    (void)state;
    for (unsigned i = 0; i < (UNDER_TSAN ? 4 : 20); i++) { /* ThreadSanitizer takes a second for each exit */
        assert_int_equal(outcome_of(i % 2 ? exits_under_load_batch : exits_under_load_direct), CODE);
        assert_int_equal(seen->overlaps, 0);
        forget(NULL);
    }
}

static void *stop_in_thread(void *data) {
    (void)data;
    atomic_store(&notes->stop, (int)otel_sdk_stop(300));
    atomic_store(&notes->start, (int)otel_sdk_start(NULL));
    return NULL;
}

static int exits_during_a_stop(void *argument) {
    (void)argument;
    pthread_t thread;
    STEP(start(true, true) == OTEL_OK);
    end_spans(5);
    atomic_store(&seen->hold, HOLD_EXPORT);
    STEP(pthread_create(&thread, NULL, stop_in_thread, NULL) == 0);
    pthread_detach(thread);
    WAIT_UNTIL(atomic_load(&seen->held) == 1);
    exit(CODE);
}

/* And does not wait for what the thread that stopped the SDK would start then, if it gets that far. */
static void exit_during_a_stop_waits_for_it(void **state) {
    (void)state;
    atomic_store(&notes->start, OTEL_ERR_STATE);
    assert_int_equal(outcome_of(exits_during_a_stop), CODE);
    assert_int_equal(seen->cancels, 1);
    assert_int_equal(notes->start, OTEL_ERR_STATE);
}

static void sleep_inside(struct exporter_double *me, otel_batch *batch) {
    (void)me;
    (void)batch;
    atomic_store(&notes->recorded, true);
    nanosleep(&(struct timespec){ .tv_nsec = 20 * 1000000 }, NULL);
}

static void *end_one(void *data) {
    (void)data;
    end_spans(1);
    return NULL;
}

/* The span has reached the first processor, and is held up there. */
static int exits_during_a_call(void *argument) {
    (void)argument;
    static struct exporter_double slow = { .during = sleep_inside };
    const otel_batch_options options = { .size = sizeof options, .schedule_delay_ms = NEVER_MS };
    pthread_t thread;
    seen->blocking = true;
    STEP(otel_sdk_start(OTEL_SDK(.sampler = otel_sampler_always_on(), .log_level = OTEL_LOG_NONE,
                                 .processors = OTEL_PROCESSORS(
                                     otel_simple_processor(exporter_double_make(&slow)),
                                     otel_batch_processor(&options, exporter_double_make(seen))))) == OTEL_OK);
    STEP(pthread_create(&thread, NULL, end_one, NULL) == 0);
    pthread_detach(thread);
    WAIT_UNTIL(atomic_load(&notes->recorded));
    exit(CODE);
}

static void a_call_that_is_under_way_at_exit_counts(void **state) {
    (void)state;
    assert_int_equal(outcome_of(exits_during_a_call), CODE);
    assert_int_equal(seen->count, 1);
    assert_int_equal(seen->late, 0);
}

/* ---- other exit handlers ----------------------------------------------------------------------------------------- */

/* Registered before the start, so that it runs after the SDK's. */
static void call_late(void) {
    const uint64_t begin = otel__clock_monotonic();
    OTEL_SPAN(span, lib, "late");
    atomic_store(&notes->recorded, otel_span_recording(&span));
    otel_set(&span, "k", 1);
    atomic_store(&notes->flush, (int)otel_sdk_flush(-1));
    atomic_store(&notes->stop, (int)otel_sdk_stop(-1));
    atomic_store(&notes->start, (int)otel_sdk_start(NULL));
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    atomic_store(&notes->ended, ledger.ended);
    atomic_store(&notes->exported, ledger.processors[0].exported);
    atomic_store(&notes->milliseconds, (otel__clock_monotonic() - begin) / OTEL__MILLISECOND);
    atomic_store(&notes->done, true);
}

static int exits_with_late_calls(bool batch, bool blocking) {
    STEP(atexit(call_late) == 0);
    STEP(start(batch, blocking) == OTEL_OK);
    end_spans(4);
    exit(CODE);
}

static int exits_with_late_calls_batch(void *argument) {
    (void)argument;
    return exits_with_late_calls(true, true);
}

static int exits_with_late_calls_direct(void *argument) {
    (void)argument;
    return exits_with_late_calls(false, false);
}

static void calls_after_the_exit_handler_do_nothing_and_return(void **state) {
    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(outcome_of(i ? exits_with_late_calls_direct : exits_with_late_calls_batch), CODE);
        assert_true(notes->done);
        assert_false(notes->recorded);
        assert_int_equal(notes->flush, OTEL_OK);
        assert_int_equal(notes->stop, OTEL_OK);
        assert_int_equal(notes->start, OTEL_ERR_STATE);
        assert_int_equal(notes->ended, 4);
        assert_int_equal(notes->exported, 4);
        assert_in_range(notes->milliseconds, 0, 10000);
        assert_int_equal(seen->count, 4);
        assert_int_equal(seen->late, 0);
        forget(NULL);
    }
}

static int exits_with_late_calls_after_stop(void *argument) {
    (void)argument;
    STEP(atexit(call_late) == 0);
    STEP(start(true, true) == OTEL_OK);
    end_spans(4);
    STEP(otel_sdk_stop(10000) == OTEL_OK);
    exit(CODE);
}

/* By then libcurl and OpenSSL have cleaned up. */
static void nothing_starts_after_the_exit_handler(void **state) {
    (void)state;
    assert_int_equal(outcome_of(exits_with_late_calls_after_stop), CODE);
    assert_true(notes->done);
    assert_false(notes->recorded);
    assert_int_equal(notes->start, OTEL_ERR_STATE);
    assert_int_equal(notes->stop, OTEL_OK);
    assert_int_equal(seen->count, 4);
}

/* Registered after the start, so that it runs before the SDK's. */
static void call_early(void) {
    end_spans(2);
    const otel_span span = otel_span_start(lib, NULL);
    atomic_store(&notes->recorded, otel_span_recording(&span));
    otel_span_end(&span);
}

static int exits_with_early_calls(void *argument) {
    (void)argument;
    STEP(start(true, true) == OTEL_OK);
    STEP(atexit(call_early) == 0);
    end_spans(4);
    exit(CODE);
}

static void calls_before_the_exit_handler_are_recorded(void **state) {
    (void)state;
    assert_int_equal(outcome_of(exits_with_early_calls), CODE);
    assert_true(notes->recorded);
    assert_int_equal(seen->count, 7);
}

/* ---- children ---------------------------------------------------------------------------------------------------- */

static int exits_in_a_grandchild(void *argument) {
    (void)argument;
    end_spans(3);
    exit(CODE + 1);
}

static int exits_after_a_childs_exit(void *argument) {
    (void)argument;
    STEP(start(true, true) == OTEL_OK);
    /* AddressSanitizer's own locks are inherited: the worker must be past its beginning, where it takes them. */
    end_spans(1);
    STEP(otel_sdk_flush(-1) == OTEL_OK);
    atomic_store(&seen->count, 0);
    end_spans(10);
    STEP(outcome_of(exits_in_a_grandchild) == CODE + 1);
    STEP(atomic_load(&seen->count) == 3); /* its own */
    STEP(atomic_load(&seen->shutdowns) == 1);
    atomic_store(&seen->shutdowns, 0);
    end_spans(1);
    exit(CODE);
}

static void a_child_that_exits_exports_its_own_spans_only(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    assert_int_equal(outcome_of(exits_after_a_childs_exit), CODE);
    assert_int_equal(seen->count, 14);
}

#define test(name) cmocka_unit_test_setup(name, forget)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(queued_spans_go_out_at_exit),
        test(live_spans_are_no_trouble_at_exit),
        test(exit_after_a_stop_and_after_a_restart),
        test(any_thread_may_exit),
        test(a_held_exporter_is_cancelled_when_the_second_is_over),
        test(an_exit_waits_for_foreign_code_to_rest),
        test(an_exporter_may_exit),
        test(threads_may_go_on_recording),
        test(exit_during_a_stop_waits_for_it),
        test(a_call_that_is_under_way_at_exit_counts),
        test(calls_after_the_exit_handler_do_nothing_and_return),
        test(nothing_starts_after_the_exit_handler),
        test(calls_before_the_exit_handler_are_recorded),
        test(a_child_that_exits_exports_its_own_spans_only),
    };
    return cmocka_run_group_tests(tests, share_memory, NULL);
}
