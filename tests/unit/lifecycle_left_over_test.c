/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lifecycle_left_over_test.c - what a stop had to leave, what exit() makes of it, exit() from inside of callbacks, and ledgers
 * that outlive their SDK.
 *
 * What ends by exit() is a child process. The exporter's double lies in memory that both share, so that it can be looked at when
 * the child is gone.
 */
#include "lifecycle.h"

#include "base/clock.h"
#include "base/sync.h"
#include "exporter_double.h"
#include "in_child.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cmocka.h>

enum { NEVER_MS = 3600 * 1000, LONG_MS = 20000, CODE = 7 };

OTEL_TRACER(lib, "lib");

static struct exporter_double *seen;

/* What a child's exit handlers found. */
static struct notes {
    _Atomic bool recorded, late;
    _Atomic uint64_t left_at, back_at;
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

static int stop(void **state) {
    (void)state;
    otel_ledger ledger;
    atomic_store(&seen->hold, 0);
    otel_sdk_stop(LONG_MS);
    assert_ledger(&ledger);
    return 0;
}

/* The part's exit code, after what this process had to print is out: the child would print it too. */
static int outcome_of(int (*part)(void *argument)) {
    fflush(NULL);
    return in_child(part, NULL);
}

static otel_status start(bool blocking, otel_diagnostic diagnostic) {
    const otel_batch_options options = { .size = sizeof options, .max_batch_size = 1, .schedule_delay_ms = NEVER_MS };
    seen->blocking = blocking;
    otel_exporter *exporter = exporter_double_make(seen);
    return otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(),
                                   .log_level = diagnostic ? OTEL_LOG_WARN : OTEL_LOG_NONE, .diagnostic = diagnostic,
                                   .processors = OTEL_PROCESSORS(blocking ? otel_batch_processor(&options, exporter)
                                                                          : otel_simple_processor(exporter))));
}

static void end_span(void) {
    const otel_span span = otel_span_start(lib, OTEL_START("s"));
    otel_span_end(&span);
}

static void *end_span_in_thread(void *data) {
    (void)data;
    end_span();
    return NULL;
}

/* ---- exit after a stop that ran out of time ---------------------------------------------------------------------- */

static int leaves_a_worker(void) {
    seen->ignores_cancel = true;
    STEP(start(true, NULL) == OTEL_OK);
    atomic_store(&seen->hold, HOLD_EXPORT);
    end_span();
    WAIT_UNTIL(atomic_load(&seen->held) == 1);
    STEP(otel_sdk_stop(0) == OTEL_ERR_TIMEOUT);
    STEP(seen->cancels == 1 && seen->destroys == 0);
    return 0;
}

static int exits_with_a_worker_left(void *argument) {
    (void)argument;
    STEP(leaves_a_worker() == 0);
    exit(CODE);
}

static void exit_cancels_a_worker_that_was_left_and_does_not_wait_for_ever(void **state) {
    (void)state;
    const uint64_t begin = otel__clock_monotonic();
    assert_int_equal(outcome_of(exits_with_a_worker_left), CODE);
    assert_true(otel__clock_monotonic() - begin < 20 * OTEL__SECOND);
    assert_int_equal(seen->cancels, 2);
    assert_int_equal(seen->destroys, 0);
}

static void *let_go(void *data) {
    (void)data;
    otel__sleep_ms(50);
    atomic_store(&seen->hold, 0);
    return NULL;
}

/* Registered after the start, so that it runs right before the SDK's handler. */
static void let_go_soon(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, let_go, NULL) == 0)
        pthread_detach(thread);
}

static int exits_as_the_worker_comes_back(void *argument) {
    (void)argument;
    STEP(leaves_a_worker() == 0);
    STEP(atexit(let_go_soon) == 0);
    exit(CODE);
}

static void exit_waits_for_a_worker_that_comes_back(void **state) {
    (void)state;
    assert_int_equal(outcome_of(exits_as_the_worker_comes_back), CODE);
    assert_int_equal(seen->shutdowns, 1);
    assert_int_equal(seen->inside, 0);
    assert_int_equal(seen->cancels, 1);
}

/* As some library's clean-up does that keeps data of its own with the worker: whoever joins that waits for it. */
static void end_slowly(void *value) {
    (void)value;
    otel__sleep_ms(100);
}

static pthread_key_t slow_end;

static void come_back_at_the_second_cancel(struct exporter_double *me, otel_batch *batch) {
    (void)batch;
    pthread_setspecific(slow_end, me);
    atomic_store(&notes->recorded, true);
    WAIT_UNTIL(atomic_load(&me->cancels) == 2);
}

static void *stop_in_thread(void *data) {
    (void)data;
    otel_sdk_stop(LONG_MS);
    return NULL;
}

/*
 * Registered before the start, so that it runs after the SDK's handler: the other thread has time to free what it may.
 */
static void linger(void) {
    otel__sleep_ms(300);
    atomic_store(&notes->late, true);
}

static int exits_beside_a_second_stop(void *argument) {
    (void)argument;
    pthread_t thread;
    seen->during = come_back_at_the_second_cancel;
    STEP(pthread_key_create(&slow_end, end_slowly) == 0);
    STEP(atexit(linger) == 0);
    STEP(start(true, NULL) == OTEL_OK);
    end_span();
    WAIT_UNTIL(atomic_load(&notes->recorded));
    STEP(otel_sdk_stop(0) == OTEL_ERR_TIMEOUT);
    STEP(pthread_create(&thread, NULL, stop_in_thread, NULL) == 0);
    otel__sleep_ms(20); /* or it comes to the stop too late, and there is nothing to see */
    exit(CODE);
}

/* That one waits for the exporter, which the exit calls back and looks at. */
static void a_second_stop_frees_nothing_from_under_an_exit(void **state) {
    (void)state;
    assert_int_equal(outcome_of(exits_beside_a_second_stop), CODE);
    assert_true(notes->late);
    assert_int_equal(seen->cancels, 2);
    assert_int_equal(seen->destroys, 0);
}

/* A call that a stop had to leave, instead of a worker. */
static int exits_with_a_call_left(void *argument) {
    (void)argument;
    pthread_t thread;
    seen->ignores_cancel = true;
    STEP(start(false, NULL) == OTEL_OK);
    atomic_store(&seen->hold, HOLD_EXPORT);
    STEP(pthread_create(&thread, NULL, end_span_in_thread, NULL) == 0);
    WAIT_UNTIL(atomic_load(&seen->held) == 1);
    STEP(otel_sdk_stop(0) == OTEL_ERR_TIMEOUT);
    exit(CODE);
}

static void exit_cancels_a_call_that_was_left(void **state) {
    (void)state;
    assert_int_equal(outcome_of(exits_with_a_call_left), CODE);
    assert_int_equal(seen->cancels, 2);
    assert_int_equal(seen->destroys, 0);
}

/* ---- what is left over keeps quiet ------------------------------------------------------------------------------- */

static void complain_when_let_go(struct exporter_double *me, otel_batch *batch) {
    (void)batch;
    atomic_store(&notes->recorded, true);
    WAIT_UNTIL(!(atomic_load(&me->hold) & HOLD_EXPORT));
    otel_report(OTEL_LOG_ERROR, "late", "the exporter has come back");
}

/* How much has been written to stderr, which is this file. */
static off_t said_on(int file) { return lseek(file, 0, SEEK_END); }

static int leaves_an_exporter_that_complains(void *argument) {
    (void)argument;
    const int file = memfd_create("stderr", MFD_CLOEXEC);
    seen->during = complain_when_let_go;
    atomic_store(&seen->hold, HOLD_EXPORT);
    STEP(start(true, NULL) == OTEL_OK); /* wants no diagnostics */
    STEP(dup2(file, STDERR_FILENO) == STDERR_FILENO);
    end_span();
    WAIT_UNTIL(atomic_load(&notes->recorded));
    STEP(otel_sdk_stop(0) == OTEL_ERR_TIMEOUT);
    STEP(start(true, NULL) == OTEL_ERR_STATE);
    atomic_store(&seen->hold, 0);
    WAIT_UNTIL(atomic_load(&seen->shutdowns) == 1);
    STEP(said_on(file) == 0);
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    STEP(said_on(file) == 0);
    otel_report(OTEL_LOG_ERROR, "after", "of nobody that is left over");
    STEP(said_on(file) > 0);
    return 0;
}

/* Its settings are gone, and perhaps its sink; that is no reason to write to stderr what nobody wanted there. */
static void what_is_left_over_reports_nothing(void **state) {
    (void)state;
    assert_int_equal(outcome_of(leaves_an_exporter_that_complains), 0);
}

/* ---- exit from inside -------------------------------------------------------------------------------------------- */

static void *try_to_record(void *data) {
    (void)data;
    const otel_span span = otel_span_start(lib, OTEL_START("late"));
    atomic_store(&notes->recorded, otel_span_recording(&span));
    return NULL;
}

/* Registered before the start, so that it runs after the SDK's. By another thread, since this one is inside still. */
static void look_late(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, try_to_record, NULL) == 0)
        pthread_join(thread, NULL);
    atomic_store(&notes->back_at, otel__clock_monotonic());
    atomic_store(&notes->late, true);
}

static void leave(void) {
    atomic_store(&notes->left_at, otel__clock_monotonic());
    exit(CODE);
}

static void exit_inside(struct exporter_double *me, otel_batch *batch) {
    (void)me;
    (void)batch;
    leave();
}

static int exits_inside_its_exporter(bool blocking) {
    STEP(atexit(look_late) == 0);
    seen->during = exit_inside;
    STEP(start(blocking, NULL) == OTEL_OK);
    end_span();
    pause();
    return 1;
}

static int exits_inside_the_worker(void *argument) {
    (void)argument;
    return exits_inside_its_exporter(true);
}

static int exits_inside_a_direct_exporter(void *argument) {
    (void)argument;
    return exits_inside_its_exporter(false);
}

static void exit_in_sink(void *data, otel_log_level level, const char *text) {
    (void)data;
    (void)level;
    if (strstr(text, "empty scope name"))
        leave();
}

/* While the worker is in its exporter, which is to be called back all the same. */
static int exits_inside_the_diagnostics(void *argument) {
    (void)argument;
    static otel_tracer nameless;
    STEP(atexit(look_late) == 0);
    STEP(start(true, exit_in_sink) == OTEL_OK);
    atomic_store(&seen->hold, HOLD_EXPORT);
    end_span();
    WAIT_UNTIL(atomic_load(&seen->held) == 1);
    (void)otel_span_start(&nameless, OTEL_START("s"));
    return 1;
}

static void exit_from_inside_cancels_and_ends_recording(int (*part)(void *argument)) {
    assert_int_equal(outcome_of(part), CODE);
    assert_true(notes->late);
    assert_false(notes->recorded);
    assert_int_equal(seen->cancels, 1);
    assert_int_equal(seen->destroys, 0);
    /* The thread it would wait for is its own. */
    assert_true(notes->back_at - notes->left_at < 10 * OTEL__SECOND);
}

static void exit_inside_an_export_on_the_worker(void **state) {
    (void)state;
    exit_from_inside_cancels_and_ends_recording(exits_inside_the_worker);
}

static void exit_inside_an_export_on_the_ending_thread(void **state) {
    (void)state;
    exit_from_inside_cancels_and_ends_recording(exits_inside_a_direct_exporter);
}

static void exit_inside_the_diagnostics(void **state) {
    (void)state;
    exit_from_inside_cancels_and_ends_recording(exits_inside_the_diagnostics);
}

/* ---- ledgers ----------------------------------------------------------------------------------------------------- */

/* Whoever read the ledger before the stop may look at it after that. */
static void names_in_ledgers_outlive_their_sdk(void **state) {
    (void)state;
    enum { BLOCKS = 400 };
    otel_ledger before = { .size = sizeof before }, after = { .size = sizeof after };
    static void *blocks[BLOCKS]; /* where no compiler takes them for unused */
    assert_int_equal(start(false, NULL), OTEL_OK);
    end_span();
    otel_sdk_ledger(&before);
    assert_int_equal(before.processor_count, 1);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    /* What was freed is something else by then. */
    for (unsigned i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(16 + i);
        memset(blocks[i], 'x', 16 + i);
    }
    otel_sdk_ledger(&after);
    assert_string_equal(before.processors[0].name, "simple/double");
    assert_string_equal(after.processors[0].name, "simple/double");
    for (unsigned i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    assert_int_equal(start(true, NULL), OTEL_OK);
    otel_sdk_ledger(&after);
    assert_string_equal(after.processors[0].name, "batch/double");
}

static void names_in_ledgers_outlive_a_stop_out_of_time(void **state) {
    (void)state;
    otel_ledger before = { .size = sizeof before };
    seen->ignores_cancel = true;
    assert_int_equal(start(true, NULL), OTEL_OK);
    atomic_store(&seen->hold, HOLD_EXPORT);
    end_span();
    assert_soon(atomic_load(&seen->held) == 1);
    assert_int_equal(otel_sdk_stop(0), OTEL_ERR_TIMEOUT);
    otel_sdk_ledger(&before);
    atomic_store(&seen->hold, 0);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(seen->destroys, 1);
    assert_string_equal(before.processors[0].name, "batch/double");
}

static otel_ledger_processor ledger_now(void) {
    otel_ledger ledger;
    assert_ledger(&ledger);
    return ledger.processors[0];
}

static void the_ledger_of_a_stop_out_of_time_learns_what_became_of_its_spans(void **state) {
    (void)state;
    seen->ignores_cancel = true;
    assert_int_equal(start(true, NULL), OTEL_OK);
    atomic_store(&seen->hold, HOLD_EXPORT);
    end_span();
    assert_soon(atomic_load(&seen->held) == 1);
    assert_int_equal(otel_sdk_stop(0), OTEL_ERR_TIMEOUT);
    assert_int_equal(ledger_now().in_flight, 1);
    atomic_store(&seen->hold, 0);
    assert_soon(ledger_now().exported == 1);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(ledger_now().exported, 1);
    assert_int_equal(ledger_now().in_flight, 0);
}

/* In memory that cannot be written: whatever is too small for its size is left alone. */
static int reads_into_nothing(void *argument) {
    (void)argument;
    otel_ledger *ledger = mmap(NULL, sizeof *ledger, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    STEP(ledger != MAP_FAILED);
    for (size_t size = 0; size < sizeof ledger->size; size++) {
        STEP(mprotect(ledger, sizeof *ledger, PROT_READ | PROT_WRITE) == 0);
        ledger->size = size;
        STEP(mprotect(ledger, sizeof *ledger, PROT_READ) == 0);
        otel_sdk_ledger(ledger);
        STEP(ledger->size == size);
    }
    STEP(mprotect(ledger, sizeof *ledger, PROT_READ | PROT_WRITE) == 0);
    ledger->size = sizeof ledger->size;
    otel_sdk_ledger(ledger);
    STEP(ledger->size == sizeof ledger->size && ledger->started == 0);
    return 0;
}

static void a_ledger_without_room_for_its_size_is_refused(void **state) {
    (void)state;
    assert_int_equal(start(false, NULL), OTEL_OK);
    end_span();
    assert_int_equal(outcome_of(reads_into_nothing), 0);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(outcome_of(reads_into_nothing), 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, forget, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(exit_cancels_a_worker_that_was_left_and_does_not_wait_for_ever),
        test(exit_waits_for_a_worker_that_comes_back),
        test(a_second_stop_frees_nothing_from_under_an_exit),
        test(exit_cancels_a_call_that_was_left),
        test(what_is_left_over_reports_nothing),
        test(exit_inside_an_export_on_the_worker),
        test(exit_inside_an_export_on_the_ending_thread),
        test(exit_inside_the_diagnostics),
        test(names_in_ledgers_outlive_their_sdk),
        test(names_in_ledgers_outlive_a_stop_out_of_time),
        test(the_ledger_of_a_stop_out_of_time_learns_what_became_of_its_spans),
        test(a_ledger_without_room_for_its_size_is_refused),
    };
    return cmocka_run_group_tests(tests, share_memory, NULL);
}
