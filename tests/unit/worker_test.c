/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_test.c - the background thread: when it starts, when it exports, and that it sleeps while there is nothing to
 * do.
 */
#include "worker.h"

#include "base/clock.h"
#include "diagnostics.h"
#include "exporter_double.h"
#include "in_child.h"
#include "proc.h"
#include "provider.h"
#include "reports.h"
#include "sanitizers.h"

#include <dirent.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cmocka.h>

enum { NEVER_MS = 3600 * 1000 };

OTEL_TRACER(lib, "lib");

static struct exporter_double seen;

static otel_status start_with(otel_processor *processor, bool start_worker) {
    return otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(),
                                   .start_worker = start_worker, .log_level = OTEL_LOG_NONE,
                                   .metrics = { .readers = OTEL_NO_READERS }, /* whose thread it would start too */
                                   .processors = OTEL_PROCESSORS(processor)));
}

static void start_batch(int queue, int batch, int delay_ms) {
    seen.blocking = true;
    const otel_batch_options options = {
        .size = sizeof options, .max_queue_size = queue, .max_batch_size = batch, .schedule_delay_ms = delay_ms
    };
    assert_int_equal(start_with(otel_batch_processor(&options, exporter_double_make(&seen)), false), OTEL_OK);
}

static int stop(void **state) {
    (void)state;
    otel_ledger ledger;
    const otel_status status = otel_sdk_stop(20000);
    assert_ledger(&ledger);
    assert_int_equal(seen.overlaps, 0);
    assert_int_equal(seen.late, 0);
    exporter_double_reset(&seen);
    return status == OTEL_OK ? 0 : -1;
}

static void end_spans(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        const otel_span span = otel_span_start(lib, OTEL_START("s"));
        otel_span_end(&span);
    }
}

static struct otel__lane *lane(void) { return otel__provider->pipeline.processors[0]->lane; }

/* Threads of this process, the sanitizer's own left out. */
static unsigned otel_threads(void) {
    unsigned count = 0;
    DIR *tasks = opendir("/proc/self/task");
    struct dirent *task;
    while (tasks && (task = readdir(tasks)) != NULL) {
        char path[300], name[32] = "";
        snprintf(path, sizeof path, "/proc/self/task/%s/comm", task->d_name);
        FILE *file = fopen(path, "r");
        if (file) {
            count += fgets(name, sizeof name, file) && strncmp(name, "otel-", 5) == 0;
            fclose(file);
        }
    }
    if (tasks)
        closedir(tasks);
    return count;
}

/* A line of the worker's status in /proc, such as "SigBlk:"; its number in `base`. */
static uint64_t worker_status(const char *line, int base) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/status", atomic_load(&seen.thread));
    const uint64_t number = proc_number(path, line, base);
    assert_true(number != PROC_NONE);
    return number;
}

/* ---- its life ---------------------------------------------------------------------------------------------------- */

static void the_first_recorded_span_starts_the_worker(void **state) {
    (void)state;
    start_batch(0, 0, NEVER_MS);
    assert_int_equal(otel_threads(), 0);
    const otel_span span = otel_span_start(lib, NULL);
    assert_soon(otel_threads() == 1);
    end_spans(10);
    assert_int_equal(otel_threads(), 1);
    otel_span_end(&span);
    assert_int_equal(otel_sdk_stop(20000), OTEL_OK);
    assert_int_equal(otel_threads(), 0);
    assert_int_equal(seen.count, 11);
}

static void an_unsampled_span_does_not(void **state) {
    (void)state;
    seen.blocking = true;
    assert_int_equal(
        otel_sdk_start(
            OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_off(), .log_level = OTEL_LOG_NONE,
                     .processors = OTEL_PROCESSORS(otel_batch_processor(NULL, exporter_double_make(&seen))))),
        OTEL_OK);
    end_spans(10);
    assert_int_equal(lane()->worker, OTEL__WORKER_NONE);
}

static void the_start_starts_it_when_told_so(void **state) {
    (void)state;
    seen.blocking = true;
    assert_int_equal(start_with(otel_batch_processor(NULL, exporter_double_make(&seen)), true), OTEL_OK);
    assert_soon(otel_threads() == 1);
}

static void a_direct_processor_has_no_worker(void **state) {
    (void)state;
    assert_int_equal(start_with(otel_simple_processor(exporter_double_make(&seen)), true), OTEL_OK);
    end_spans(3);
    assert_int_equal(seen.thread, getpid());
    assert_int_equal(lane()->worker, OTEL__WORKER_NONE);
}

static void it_has_a_name_and_blocks_every_signal(void **state) {
    (void)state;
    sigset_t before, one, after;
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    pthread_sigmask(SIG_SETMASK, &one, &before);
    start_batch(0, 0, 1);
    end_spans(1);
    assert_soon(seen.exports == 1);
    pthread_sigmask(SIG_SETMASK, &before, &after);
    for (int signal_number = 1; signal_number < 32; signal_number++) /* the program's own mask is left alone */
        assert_int_equal(sigismember(&after, signal_number), signal_number == SIGUSR1);
    const uint64_t blocked = worker_status("SigBlk:", 16);
    for (int signal_number = 1; signal_number <= SIGRTMAX; signal_number++) {
        const bool cannot_be =
            signal_number == SIGKILL || signal_number == SIGSTOP || (signal_number > 31 && signal_number < SIGRTMIN);
        if (!cannot_be && !(blocked >> (signal_number - 1) & 1))
            fail_msg("signal %d is not blocked", signal_number);
    }
    char path[64], name[32] = "";
    snprintf(path, sizeof path, "/proc/self/task/%d/comm", atomic_load(&seen.thread));
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    assert_non_null(fgets(name, sizeof name, file));
    fclose(file);
    assert_string_equal(name, "otel-batch\n");
}

/* ---- when it exports --------------------------------------------------------------------------------------------- */

static void spans_wait_for_the_delay_counted_from_the_first(void **state) {
    (void)state;
    enum { DELAY_MS = 150 };
    start_batch(0, 0, DELAY_MS);
    for (unsigned round = 1; round <= 3; round++) {
        const uint64_t begin = otel__clock_monotonic();
        end_spans(1);
        otel__sleep_ms(DELAY_MS / 3);
        end_spans(1);
        assert_soon(seen.exports == round);
        assert_true(otel__clock_monotonic() - begin >= DELAY_MS * OTEL__MILLISECOND);
        assert_soon(seen.count == 2 * round);
    }
}

static void a_full_batch_does_not_wait(void **state) {
    (void)state;
    start_batch(100, 10, NEVER_MS);
    for (unsigned round = 1; round <= 50; round++) {
        end_spans(10);
        assert_soon(seen.count == 10 * round);
    }
    assert_int_equal(seen.exports, 50);
    end_spans(9);
    WAIT_UNTIL(atomic_load(&lane()->sleep) == OTEL__DOZING);
    assert_int_equal(seen.count, 500);
    end_spans(1);
    assert_soon(seen.count == 510);
}

static void a_batch_is_never_larger_than_its_bound(void **state) {
    (void)state;
    start_batch(2000, 7, NEVER_MS);
    end_spans(1500);
    assert_int_equal(otel_sdk_flush(20000), OTEL_OK);
    assert_int_equal(seen.count, 1500);
    assert_int_equal(seen.largest, 7);
}

/* The delay counts from the call that ends a span, whatever end that gives it. */
static void spans_with_explicit_times_wait_no_longer_and_no_shorter(void **state) {
    (void)state;
    enum { DELAY_MS = 100 };
    static const uint64_t times[] = { 1, UINT64_MAX / 2 };
    start_batch(0, 0, DELAY_MS);
    for (unsigned i = 0; i < 2; i++) {
        const otel_span span = otel_span_start(lib, OTEL_START("s", .start_time = 1));
        const uint64_t begin = otel__clock_monotonic();
        otel_span_end_at(&span, times[i]);
        assert_soon(seen.count == i + 1);
        assert_true(otel__clock_monotonic() - begin >= DELAY_MS * OTEL__MILLISECOND);
    }
}

/* Times that a program gives by hand, far off or absurd, decide nothing but what is recorded. */
static void explicit_times_delay_nothing(void **state) {
    (void)state;
    static const uint64_t times[] = { 1, UINT64_MAX, UINT64_MAX / 2, 1000 };
    start_batch(0, 0, 20);
    for (unsigned i = 0; i < 4; i++) {
        const otel_span span = otel_span_start(lib, OTEL_START("s", .start_time = 1));
        otel_span_end_at(&span, times[i]);
        assert_soon(seen.count == i + 1);
    }
}

/* Or a program that brings in spans of the past would have what is left after a full batch exported at once. */
static void explicit_times_hasten_nothing(void **state) {
    (void)state;
    static const uint64_t times[] = { 1, UINT64_MAX, UINT64_MAX / 2, 1000 };
    start_batch(100, 10, NEVER_MS);
    for (unsigned i = 0; i < 4; i++) {
        atomic_store(&seen.hold, HOLD_EXPORT);
        end_spans(i == 0 ? 10 : 9); /* and the one before */
        WAIT_UNTIL(atomic_load(&seen.held));
        const otel_span span = otel_span_start(lib, OTEL_START("s", .start_time = 1));
        otel_span_end_at(&span, times[i]);
        atomic_store(&seen.hold, 0);
        WAIT_UNTIL(seen.exports > i + 1 || (!seen.held && atomic_load(&lane()->sleep) == OTEL__DOZING));
        assert_int_equal(seen.exports, i + 1);
    }
}

/* ---- sleeping ---------------------------------------------------------------------------------------------------- */

static void it_does_not_wake_up_while_there_is_nothing_to_do(void **state) {
    (void)state;
    start_batch(0, 0, 10);
    end_spans(1);
    assert_soon(seen.exports == 1 && atomic_load(&lane()->sleep) == OTEL__ASLEEP);
    otel__sleep_ms(20); /* from saying so to doing so */
    const uint64_t before = worker_status("voluntary_ctxt_switches:", 10);
    otel__sleep_ms(300);
    assert_int_equal(worker_status("voluntary_ctxt_switches:", 10), before);
    assert_int_equal(lane()->sleep, OTEL__ASLEEP);
    end_spans(1);
    assert_soon(seen.exports == 2);
}

static void a_stream_of_spans_does_not_wake_it_for_each(void **state) {
    (void)state;
    start_batch(2000, 2000, NEVER_MS);
    end_spans(1);
    assert_int_equal(otel_sdk_flush(20000), OTEL_OK); /* tells who it is */
    end_spans(1);
    assert_soon(atomic_load(&lane()->sleep) == OTEL__DOZING);
    otel__sleep_ms(20);
    const uint64_t before = worker_status("voluntary_ctxt_switches:", 10);
    end_spans(1000);
    assert_int_equal(worker_status("voluntary_ctxt_switches:", 10), before);
    assert_int_equal(seen.count, 1);
}

enum { BURST = 20000, RECORD_KIB = 1 };

static uint64_t burst(void) {
    static otel_span spans[BURST];
    for (unsigned i = 0; i < BURST; i++)
        spans[i] = otel_span_start(lib, OTEL_START("s"));
    const uint64_t during = proc_memory_kib("VmRSS:");
    for (unsigned i = 0; i < BURST; i++)
        otel_span_end(&spans[i]);
    return during;
}

/* Looking takes memory, of which AddressSanitizer keeps all: so not too often. */
static bool memory_goes_back(uint64_t during, unsigned spans_each_look) {
    for (unsigned looks = 0; looks < 200; looks++) {
        end_spans(spans_each_look);
        otel__sleep_ms(300);
        if (proc_memory_kib("VmRSS:") + BURST * RECORD_KIB * 3 / 4 < during)
            return true;
    }
    return false;
}

/* 5 s after its end. */
static void what_a_burst_took_is_given_back(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "the sanitizer keeps shadows of all memory resident");
    start_batch(BURST, 512, 200);
    const uint64_t during = burst();
    assert_soon(seen.count == BURST);
    assert_true(memory_goes_back(during, 0));
    assert_soon(atomic_load(&lane()->sleep) == OTEL__ASLEEP);
    /* And is there again when it is needed. */
    burst();
    assert_soon(seen.count == 2 * BURST);
}

static void a_trickle_of_spans_does_not_keep_what_a_burst_took(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "the sanitizer keeps shadows of all memory resident");
    start_batch(BURST, 512, 200);
    assert_true(memory_goes_back(burst(), 3));
}

static void nor_does_a_span_that_waits_for_a_long_delay(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "the sanitizer keeps shadows of all memory resident");
    start_batch(BURST, 512, NEVER_MS);
    const uint64_t during = burst();
    assert_soon(seen.count == BURST / 512 * 512);
    assert_true(memory_goes_back(during, 0));
    assert_int_equal(seen.count, BURST / 512 * 512);
}

/*
 * Each span finds the worker on its way to sleep or asleep. A wake-up that got lost would leave the span behind for
 * ever.
 */
static void no_wake_up_is_lost(void **state) {
    (void)state;
    seen.blocking = true;
    assert_int_equal(start_with(otel_simple_processor(exporter_double_make(&seen)), false), OTEL_OK);
    for (unsigned i = 1; i <= 5000; i++) {
        end_spans(1);
        if (i % 3 == 0)
            continue;
        for (unsigned spins = 0; atomic_load(&seen.count) < i && spins < 200000000; spins++) {}
        assert_int_equal(seen.count, i);
        if (i % 7 == 0)
            otel__sleep_ms(0);
    }
    assert_soon(seen.count == 5000);
    assert_int_equal(seen.largest, 1);
}

static void *end_many(void *data) {
    (void)data;
    for (unsigned i = 0; i < 2000; i++) {
        end_spans(1);
        if (i % 64 == 0)
            otel__sleep_ms(0);
    }
    return NULL;
}

static void no_wake_up_is_lost_among_threads(void **state) {
    (void)state;
    start_batch(100000, 16, 1);
    for (unsigned round = 1; round <= 5; round++) {
        pthread_t threads[4];
        for (unsigned i = 0; i < 4; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, end_many, NULL), 0);
        for (unsigned i = 0; i < 4; i++)
            pthread_join(threads[i], NULL);
        assert_soon(seen.count == 8000 * round);
    }
}

/* ---- without threads --------------------------------------------------------------------------------------------- */

static bool limit_address_space(rlim_t limit) {
    const struct rlimit limits = { .rlim_cur = limit, .rlim_max = RLIM_INFINITY };
    return setrlimit(RLIMIT_AS, &limits) == 0;
}

/* Room for what spans need, but not for the stack of a thread. */
static int records_without_threads(void *argument) {
    (void)argument;
    char why[512];
    otel_ledger ledger = { .size = sizeof ledger };
    seen.blocking = true;
    STEP(start_with(otel_batch_processor(NULL, exporter_double_make(&seen)), false) == OTEL_OK);
    reports_start(OTEL_LOG_TRACE);
    STEP(limit_address_space(1024 * (proc_memory_kib("VmSize:") + 100)));
    end_spans(20);
    STEP(reports_mention("cannot start the background thread", "batch/double"));
    STEP(reports_count() == 1);
    STEP(lane()->worker == OTEL__WORKER_NONE);
    otel_sdk_ledger(&ledger);
    STEP(ledger.processors[0].queued == 20);
    /* Whoever flushes does it himself. */
    STEP(otel_sdk_flush(1000) == OTEL_OK);
    STEP(seen.count == 20);
    STEP(seen.thread == getpid());
    end_spans(5);
    STEP(limit_address_space(RLIM_INFINITY));
    WAIT_UNTIL((end_spans(1), lane()->worker == OTEL__WORKER_RUNNING));
    STEP(lane()->worker == OTEL__WORKER_RUNNING);
    STEP(otel_sdk_stop(10000) == OTEL_OK);
    otel_sdk_ledger(&ledger);
    STEP(ledger_balances(&ledger, why, sizeof why));
    STEP(ledger.processors[0].exported + ledger.processors[0].dropped_queue_full == ledger.ended);
    return 0;
}

static int stops_without_threads(void *argument) {
    (void)argument;
    seen.blocking = true;
    STEP(start_with(otel_batch_processor(NULL, exporter_double_make(&seen)), false) == OTEL_OK);
    STEP(limit_address_space(1024 * (proc_memory_kib("VmSize:") + 100)));
    end_spans(20);
    STEP(otel_sdk_stop(10000) == OTEL_OK);
    STEP(seen.count == 20 && seen.shutdowns == 1 && seen.destroys == 1);
    return 0;
}

static _Atomic uint32_t worker_when_told;

static void note_worker(void *data, otel_log_level level, const char *text) {
    (void)data;
    (void)level;
    (void)text;
    worker_when_told = lane()->worker;
}

/* A thread may end in the callback: the processor must be as it should be by then. */
static int complains_last(void *argument) {
    (void)argument;
    seen.blocking = true;
    STEP(start_with(otel_batch_processor(NULL, exporter_double_make(&seen)), false) == OTEL_OK);
    otel__diagnostics_set(OTEL_LOG_ERROR, note_worker, NULL);
    worker_when_told = OTEL__WORKER_DONE;
    STEP(limit_address_space(1024 * (proc_memory_kib("VmSize:") + 100)));
    end_spans(1);
    STEP(worker_when_told == OTEL__WORKER_NONE);
    STEP(otel_sdk_stop(10000) == OTEL_OK);
    return 0;
}

/* In processes that had no thread yet: the stacks of threads that ended are kept for others. */
static int outcome_of_recording, outcome_of_stopping, outcome_of_complaining;

static int run_without_threads(void **state) {
    (void)state;
    if (UNDER_ASAN || UNDER_TSAN)
        return 0;
    outcome_of_recording = in_child(records_without_threads, NULL);
    outcome_of_stopping = in_child(stops_without_threads, NULL);
    outcome_of_complaining = in_child(complains_last, NULL);
    return 0;
}

static void spans_wait_when_no_thread_can_be_had(void **state) {
    (void)state;
    SKIP_IF(UNDER_ASAN || UNDER_TSAN, "the sanitizer needs address space without limit");
    assert_int_equal(outcome_of_recording, 0);
    assert_int_equal(outcome_of_stopping, 0);
    assert_int_equal(outcome_of_complaining, 0);
}

#define test(name) cmocka_unit_test_teardown(name, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(the_first_recorded_span_starts_the_worker),
        test(an_unsampled_span_does_not),
        test(the_start_starts_it_when_told_so),
        test(a_direct_processor_has_no_worker),
        test(it_has_a_name_and_blocks_every_signal),
        test(spans_wait_for_the_delay_counted_from_the_first),
        test(a_full_batch_does_not_wait),
        test(a_batch_is_never_larger_than_its_bound),
        test(spans_with_explicit_times_wait_no_longer_and_no_shorter),
        test(explicit_times_delay_nothing),
        test(explicit_times_hasten_nothing),
        test(it_does_not_wake_up_while_there_is_nothing_to_do),
        test(a_stream_of_spans_does_not_wake_it_for_each),
        test(what_a_burst_took_is_given_back),
        test(a_trickle_of_spans_does_not_keep_what_a_burst_took),
        test(nor_does_a_span_that_waits_for_a_long_delay),
        test(no_wake_up_is_lost),
        test(no_wake_up_is_lost_among_threads),
        test(spans_wait_when_no_thread_can_be_had),
    };
    return cmocka_run_group_tests(tests, run_without_threads, NULL);
}
