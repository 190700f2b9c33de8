/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lifecycle_fork_test.c - forks at awkward moments of the SDK's life: after a stop that ran out of time, and inside of
 * exporters. Forks under load are in fork_test.c.
 */
#include "fork.h"

#include "base/clock.h"
#include "exporter_double.h"
#include "in_child.h"
#include "sanitizers.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { LONG_MS = 20000 };

OTEL_TRACER(lib, "lib");

static void skip_under_thread_sanitizer(void) {
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
}

/* Shared with children. */
static struct exporter_double *left;
/* A child's own. */
static struct exporter_double seen;

static int share_memory(void **state) {
    (void)state;
    left = mmap(NULL, sizeof *left, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    return left != MAP_FAILED ? 0 : -1;
}

static otel_status start_with(otel_processor *processor) {
    return otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(),
                                   .log_level = OTEL_LOG_NONE, .processors = OTEL_PROCESSORS(processor)));
}

static otel_processor *batch_of(otel_exporter *exporter) {
    const otel_batch_options options = { .size = sizeof options, .max_batch_size = 1 };
    return otel_batch_processor(&options, exporter);
}

static int stop(void **state) {
    (void)state;
    otel_ledger ledger;
    atomic_store(&left->hold, 0);
    otel_sdk_stop(LONG_MS);
    assert_ledger(&ledger);
    memset(left, 0, sizeof *left);
    exporter_double_reset(&seen);
    return 0;
}

static void end_spans(otel_tracer *tracer, unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        const otel_span span = otel_span_start(tracer, OTEL_START("s"));
        otel_span_end(&span);
    }
}

static void *end_span_in_thread(void *data) {
    (void)data;
    end_spans(lib, 1);
    return NULL;
}

/* For a child, in which no SDK runs. */
static int runs_an_sdk_of_its_own(void *argument) {
    (void)argument;
    char why[512];
    otel_ledger ledger = { .size = sizeof ledger };
    memset(&seen, 0, sizeof seen);
    seen.blocking = true;
    STEP(start_with(batch_of(exporter_double_make(&seen))) == OTEL_OK);
    end_spans(lib, 20);
    STEP(otel_sdk_flush(LONG_MS) == OTEL_OK);
    STEP(seen.count == 20);
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    STEP(seen.shutdowns == 1 && seen.destroys == 1);
    otel_sdk_ledger(&ledger);
    STEP(ledger_balances(&ledger, why, sizeof why) && ledger.ended == 20);
    return 0;
}

/* ---- after a stop that ran out of time --------------------------------------------------------------------------- */

static int stops_what_is_none_of_its_own(void *argument) {
    (void)argument;
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    STEP(otel_sdk_flush(LONG_MS) == OTEL_OK);
    return runs_an_sdk_of_its_own(NULL);
}

static int exits(void *argument) {
    (void)argument;
    exit(0);
}

/* The parent's thread is inside of the exporter still, which is no business of a child. */
static void forks_with_something_left(void) {
    assert_int_equal(otel_sdk_stop(0), OTEL_ERR_TIMEOUT);
    const unsigned cancels = left->cancels;
    fflush(NULL);
    assert_int_equal(in_child(runs_an_sdk_of_its_own, NULL), 0);
    assert_int_equal(in_child(stops_what_is_none_of_its_own, NULL), 0);
    assert_int_equal(in_child(exits, NULL), 0);
    assert_int_equal(left->destroys + left->shutdowns + left->flushes, 0);
    assert_int_equal(left->cancels, cancels);
    atomic_store(&left->hold, 0);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(left->destroys, 1);
    assert_int_equal(left->shutdowns, 1);
}

static void a_child_leaves_alone_a_worker_that_was_left(void **state) {
    (void)state;
    skip_under_thread_sanitizer();
    left->ignores_cancel = true;
    left->blocking = true;
    assert_int_equal(start_with(batch_of(exporter_double_make(left))), OTEL_OK);
    atomic_store(&left->hold, HOLD_EXPORT);
    end_spans(lib, 1);
    assert_soon(atomic_load(&left->held) == 1);
    forks_with_something_left();
}

static void a_child_leaves_alone_a_call_that_was_left(void **state) {
    (void)state;
    pthread_t thread;
    skip_under_thread_sanitizer();
    left->ignores_cancel = true;
    assert_int_equal(start_with(otel_simple_processor(exporter_double_make(left))), OTEL_OK);
    atomic_store(&left->hold, HOLD_EXPORT);
    assert_int_equal(pthread_create(&thread, NULL, end_span_in_thread, NULL), 0);
    assert_soon(atomic_load(&left->held) == 1);
    forks_with_something_left();
    pthread_join(thread, NULL);
}

/* ---- inside of exporters ----------------------------------------------------------------------------------------- */

enum place { NOWHERE, IN_EXPORT, IN_FLUSH, IN_SHUTDOWN };

/* An exporter that forks once, and returns in the child too. */
static struct {
    _Atomic int place;
    _Atomic pid_t child; /* 0 in the child */
    pthread_t forker;
    void (*then)(void); /* in the child */
} forking;

static otel_status fork_in(enum place place) {
    int expected = (int)place;
    if (!atomic_compare_exchange_strong(&forking.place, &expected, NOWHERE))
        return OTEL_OK;
    forking.forker = pthread_self();
    forking.child = fork();
    if (forking.child == 0) {
        sigset_t none; /* workers block what alarm() sends */
        sigemptyset(&none);
        pthread_sigmask(SIG_SETMASK, &none, NULL);
        alarm(20);
        if (forking.then)
            forking.then();
    }
    return OTEL_ERR_EXPORT; /* which concerns the parent only */
}

static otel_status export_batch(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    (void)self;
    (void)batch;
    (void)timeout_ms;
    (void)outcome;
    return fork_in(IN_EXPORT);
}

static otel_status force_flush(void *self, int timeout_ms) {
    (void)self;
    (void)timeout_ms;
    return fork_in(IN_FLUSH);
}

static otel_status shut_down(void *self, int timeout_ms) {
    (void)self;
    (void)timeout_ms;
    return fork_in(IN_SHUTDOWN);
}

static otel_exporter *forking_exporter(enum place place, bool blocking, void (*then)(void)) {
    static const otel_exporter_ops direct = { .size = sizeof direct,
                                              .name = "forking",
                                              .export_batch = export_batch,
                                              .force_flush = force_flush,
                                              .shutdown = shut_down };
    static otel_exporter_ops ops;
    ops = direct;
    ops.blocking = blocking;
    forking.child = -1;
    forking.then = then;
    atomic_store(&forking.place, (int)place);
    return otel_exporter_create(&ops, NULL);
}

/* All counts are of the child itself; none went below zero. */
static bool has_counted(uint64_t spans) {
    char why[512];
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    if (!ledger_balances(&ledger, why, sizeof why)) {
        dprintf(2, "%s\n", why);
        return false;
    }
    const otel_ledger_processor *counted = &ledger.processors[0];
    return ledger.started == spans && ledger.ended == spans && ledger.live == 0 && counted->exported == spans &&
           counted->in_flight == 0 && counted->queued == 0 && counted->dropped_failed == 0;
}

/* For a child that came out of an exporter: what it inherited works, ends in time, and another SDK may follow. */
static int goes_on(void) {
    STEP(has_counted(0));
    end_spans(lib, 3);
    STEP(otel_sdk_flush(LONG_MS) == OTEL_OK);
    STEP(has_counted(3));
    const uint64_t begin = otel__clock_monotonic();
    STEP(otel_sdk_stop(300) == OTEL_OK);
    STEP(otel__clock_monotonic() - begin < 10 * OTEL__SECOND);
    STEP(has_counted(3));
    return runs_an_sdk_of_its_own(NULL);
}

/* In the child: ends it. In the parent: what it ended with. */
static int outcome_of_fork(int (*child)(void)) {
    int status = -1;
    if (forking.child == 0)
        _exit(child());
    if (forking.child < 0 || waitpid(forking.child, &status, 0) != forking.child)
        return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void an_exporter_may_fork_on_the_ending_thread(void **state) {
    (void)state;
    assert_int_equal(start_with(otel_simple_processor(forking_exporter(IN_EXPORT, false, NULL))), OTEL_OK);
    fflush(NULL);
    end_spans(lib, 1);
    assert_int_equal(outcome_of_fork(goes_on), 0);
}

/* The child has no part in its parent's flush, which therefore has nothing to report. */
static otel_status flushed;

static int goes_on_from_a_flush(void) {
    STEP(flushed == OTEL_OK);
    return goes_on();
}

static void an_exporter_may_fork_on_a_thread_that_flushes(void **state) {
    (void)state;
    for (unsigned direct = 0; direct < 2; direct++) {
        otel_exporter *exporter = forking_exporter(IN_FLUSH, !direct, NULL);
        assert_int_equal(start_with(direct ? otel_simple_processor(exporter) : batch_of(exporter)), OTEL_OK);
        fflush(NULL);
        const uint64_t begin = otel__clock_monotonic();
        flushed = otel_sdk_flush(LONG_MS);
        assert_int_equal(outcome_of_fork(goes_on_from_a_flush), 0);
        assert_int_equal(flushed, OTEL_ERR_EXPORT);
        assert_true(otel__clock_monotonic() - begin < LONG_MS / 2 * OTEL__MILLISECOND);
        assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    }
}

static int goes_on_from_a_flush_of_several(void) {
    STEP(seen.flushes == 0);
    return goes_on_from_a_flush();
}

/* Of several processors the first forks: the child's others are not flushed for its parent either. */
static void one_exporter_of_several_may_fork_on_a_thread_that_flushes(void **state) {
    (void)state;
    otel_exporter *exporter = forking_exporter(IN_FLUSH, false, NULL);
    otel_processor *others[] = { otel_simple_processor(exporter), otel_simple_processor(exporter_double_make(&seen)) };
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(),
                                             .log_level = OTEL_LOG_NONE, .processors = { others, 2 })),
                     OTEL_OK);
    fflush(NULL);
    flushed = otel_sdk_flush(LONG_MS);
    assert_int_equal(outcome_of_fork(goes_on_from_a_flush_of_several), 0);
    assert_int_equal(flushed, OTEL_ERR_EXPORT);
    assert_int_equal(seen.flushes, 1);
}

static int starts_again(void) { return runs_an_sdk_of_its_own(NULL); }

static void an_exporter_may_fork_in_its_shutdown(void **state) {
    (void)state;
    assert_int_equal(start_with(otel_simple_processor(forking_exporter(IN_SHUTDOWN, false, NULL))), OTEL_OK);
    end_spans(lib, 1);
    fflush(NULL);
    const otel_status stopped = otel_sdk_stop(300);
    assert_int_equal(outcome_of_fork(starts_again), 0);
    assert_int_equal(stopped, OTEL_ERR_EXPORT);
}

static void *go_on_after_the_forker(void *data) {
    (void)data;
    pthread_join(forking.forker, NULL);
    _exit(goes_on());
}

static void go_on_in_another_thread(void) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, go_on_after_the_forker, NULL) != 0)
        _exit(126);
}

/* The child has the worker's thread, but no worker: that comes with the child's first span, and the thread has nothing to do. */
static void an_exporter_may_fork_on_the_worker(void **state) {
    (void)state;
    skip_under_thread_sanitizer();
    assert_int_equal(start_with(batch_of(forking_exporter(IN_EXPORT, true, go_on_in_another_thread))), OTEL_OK);
    fflush(NULL);
    end_spans(lib, 1);
    assert_soon(forking.child != -1);
    assert_int_equal(outcome_of_fork(goes_on), 0);
    assert_int_equal(start_with(batch_of(NULL)), OTEL_ERR_STATE); /* the parent's runs still */
    end_spans(lib, 1);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
}

static void a_child_that_is_nothing_but_a_worker_ends(void **state) {
    (void)state;
    skip_under_thread_sanitizer();
    SKIP_IF(UNDER_ASAN, "LeakSanitizer does not look into the stacks of threads that a child lacks");
    assert_int_equal(start_with(batch_of(forking_exporter(IN_EXPORT, true, NULL))), OTEL_OK);
    fflush(NULL);
    end_spans(lib, 1);
    assert_soon(forking.child != -1);
    assert_int_equal(outcome_of_fork(goes_on), 0);
}

#define test(name) cmocka_unit_test_teardown(name, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_child_leaves_alone_a_worker_that_was_left),
        test(a_child_leaves_alone_a_call_that_was_left),
        test(an_exporter_may_fork_on_the_ending_thread),
        test(an_exporter_may_fork_on_a_thread_that_flushes),
        test(one_exporter_of_several_may_fork_on_a_thread_that_flushes),
        test(an_exporter_may_fork_in_its_shutdown),
        test(an_exporter_may_fork_on_the_worker),
        test(a_child_that_is_nothing_but_a_worker_ends),
    };
    return cmocka_run_group_tests(tests, share_memory, NULL);
}
