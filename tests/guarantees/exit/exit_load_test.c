/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exit_load_test.c - programs that exit in the middle of an export, over HTTP and TLS, while threads that nobody waits
 * for go on recording: the exit status is theirs, nothing complains, what had ended arrives, and a collector that does
 * not answer costs no more than the second that is set for it.
 *
 *     exit_load_test [ROUNDS]
 */
#include "runner.h"

#include "base/clock.h"
#include "sanitizers.h"
#include "span_assert.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { AT_ONCE = 20, ALONE_MOST = 9, LATEST_S = 5 };

/*
 * On a machine with more work than processors any program may be kept waiting. So the quickest one tells whether an
 * exit that nobody answers is given a second or more, and half of those without exit handlers must be gone at once.
 */
/* LeakSanitizer takes its time at exit. */
#define QUICKEST_UNANSWERED (UNDER_ASAN || UNDER_TSAN ? LATEST_S * OTEL__SECOND : OTEL__SECOND * 3 / 2)
#define MEDIAN_AT_ONCE (OTEL__SECOND / 4)

static unsigned rounds = UNDER_ASAN || UNDER_TSAN ? 10 : 200;
static struct collector collector;
static struct certificate certificate;
static uint64_t *latencies;

static int compare_times(const void *a, const void *b) {
    const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static double in_ms(uint64_t ns) { return (double)ns / 1e6; }

static void print_latencies(const char *what, const char *way, const char *how) {
    qsort(latencies, rounds, sizeof *latencies, compare_times);
    print_message(
        "measured: %s, %s, %s: gone after: shortest %.1f ms, median %.1f ms, 99 %% %.1f ms, longest %.1f ms of %u\n",
        what, way, how, in_ms(latencies[0]), in_ms(latencies[rounds / 2]), in_ms(latencies[rounds * 99 / 100]),
        in_ms(latencies[rounds - 1]), rounds);
}

static uint64_t arrived_from(pid_t pid) {
    json_t *counts = collector_tell(&collector, "counts");
    const uint64_t arrived = count_from(counts, pid);
    json_decref(counts);
    return arrived;
}

/* What processes of this number have exported. On a busy machine a number may come again. */
static struct exported {
    pid_t pid;
    uint64_t spans;
} * exported;
static unsigned numbers;

static uint64_t exported_by(pid_t pid, uint64_t more) {
    unsigned i = 0;
    while (i < numbers && exported[i].pid != pid)
        i++;
    if (i == numbers)
        exported[numbers++] = (struct exported){ .pid = pid };
    return exported[i].spans += more;
}

/* What the exit handler left behind. */
static void check_ledger(const struct report *found) {
    char why[512];
    assert_true(atomic_load(&found->judged));
    if (!ledger_balances(&found->ledger, why, sizeof why))
        fail_msg("%s", why);
    assert_true(found->ledger.ended >= atomic_load(&found->before));
}

/* Everything that had ended has arrived. A call that was under way at exit may have come too late with its span. */
static void check_arrival(const struct run *run) {
    const otel_ledger_processor *counted = &run->report->ledger.processors[0];
    check_ledger(run->report);
    assert_int_equal(counted->dropped_failed + counted->dropped_queue_full + counted->in_flight, 0);
    assert_in_range(counted->dropped_stopped + counted->queued, 0, LOAD_THREADS);
    assert_int_equal(arrived_from(run->pid), exported_by(run->pid, counted->exported));
    assert_true(counted->exported >= atomic_load(&run->report->before));
}

static void exit_quickly(const char *program, const char *how, const char *way) {
    uint64_t spans = 0;
    numbers = 0;
    for (unsigned i = 0; i < rounds; i++) {
        struct run run;
        run_begin(&run, program, "load", way);
        atomic_store(&run.report->go, true);
        run_end(&run);
        check_arrival(&run);
        spans += run.report->ledger.ended;
        latencies[i] = run_latency(&run);
        run_clear(&run);
    }
    print_latencies("exit in the middle of an export", way, how);
    json_t *counts = collector_stop(&collector);
    assert_int_equal(count_of(counts, "duplicates"), 0);
    assert_int_equal(count_of(counts, "refused"), 0);
    assert_int_equal(count_of(counts, "processes"), numbers);
    print_message("measured: at the collector: %" PRIu64 " of %" PRIu64 " spans of %u processes\n",
                  count_of(counts, "spans"), spans, rounds);
    json_decref(counts);
}

static void start_collector(const struct certificate *tls) {
    if (tls && !tls->file[0])
        SKIP_IF(true, "there is no openssl command to make a certificate");
    collector_start(&collector, tls);
    runs_export_to(&collector);
}

static void what_had_ended_arrives(const struct certificate *tls, const char *program, const char *how) {
    static const char *const ways[] = { "return", "exit", "thread" };
    for (unsigned i = 0; i < sizeof ways / sizeof *ways; i++) {
        start_collector(tls);
        json_decref(collector_tell(&collector, "delay 1"));
        exit_quickly(program, how, ways[i]);
    }
}

static void at_exit_what_had_ended_arrives(void **state) {
    (void)state;
    what_had_ended_arrives(NULL, EXIT_PROGRAM, "HTTP");
}

static void at_exit_what_had_ended_arrives_over_tls(void **state) {
    (void)state;
    what_had_ended_arrives(&certificate, EXIT_PROGRAM, "TLS");
}

static void so_it_does_with_shared_libraries(void **state) {
    (void)state;
    what_had_ended_arrives(&certificate, EXIT_PROGRAM_SHARED, "TLS, shared libraries");
}

/* ---- a collector that does not answer ---------------------------------------------------------------------------- */

/* Some at once, since they mostly wait. */
static void exit_unanswered(struct run *runs, unsigned count, const char *way) {
    json_decref(collector_tell(&collector, "hold 1000000"));
    for (unsigned i = 0; i < count; i++)
        run_begin(&runs[i], EXIT_PROGRAM, "load", way);
    while (collector_count(&collector, "held") < count)
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    for (unsigned i = 0; i < count; i++)
        atomic_store(&runs[i].report->go, true);
    for (unsigned i = 0; i < count; i++)
        run_end(&runs[i]);
    json_decref(collector_tell(&collector, "release"));
}

/* More of them, one at a time, when the others were in each other's way. */
static uint64_t quickest_unanswered(const char *way) {
    uint64_t quickest = latencies[0];
    for (unsigned i = 0; i < ALONE_MOST && quickest >= QUICKEST_UNANSWERED; i++) {
        struct run run;
        exit_unanswered(&run, 1, way);
        quickest = run_latency(&run) < quickest ? run_latency(&run) : quickest;
        run_clear(&run);
    }
    return quickest;
}

static void a_silent_collector_costs_a_second(const struct certificate *tls, const char *way, const char *how) {
    start_collector(tls);
    setenv("OTEL_LOG_LEVEL", "none", 1);
    for (unsigned first = 0; first < rounds; first += AT_ONCE) {
        struct run runs[AT_ONCE];
        const unsigned count = rounds - first < AT_ONCE ? rounds - first : AT_ONCE;
        exit_unanswered(runs, count, way);
        for (unsigned i = 0; i < count; i++) {
            check_ledger(runs[i].report);
            assert_int_equal(runs[i].report->ledger.processors[0].exported, 0);
            latencies[first + i] = run_latency(&runs[i]);
            run_clear(&runs[i]);
        }
    }
    print_latencies("exit, no answer", way, how);
    assert_true(latencies[0] >= OTEL__SECOND);
    assert_true(quickest_unanswered(way) < QUICKEST_UNANSWERED);
    assert_true(latencies[rounds - 1] < LATEST_S * OTEL__SECOND);
    json_decref(collector_stop(&collector));
}

static void a_collector_that_does_not_answer_costs_a_second(void **state) {
    (void)state;
    a_silent_collector_costs_a_second(NULL, "return", "HTTP");
    a_silent_collector_costs_a_second(NULL, "exit", "HTTP");
}

static void a_collector_that_does_not_answer_costs_a_second_over_tls(void **state) {
    (void)state;
    a_silent_collector_costs_a_second(&certificate, "return", "TLS");
    a_silent_collector_costs_a_second(&certificate, "exit", "TLS");
}

/* ---- ways that run no exit handlers ------------------------------------------------------------------------------ */

/* However little the collector answers. */
static void quick_exit_and_underscore_exit_end_at_once(void **state) {
    (void)state;
    static const char *const ways[] = { "quick_exit", "_exit" };
    for (unsigned way = 0; way < 2; way++) {
        start_collector(NULL);
        json_decref(collector_tell(&collector, "hold 1000000"));
        for (unsigned i = 0; i < rounds; i++) {
            struct run run;
            run_begin(&run, EXIT_PROGRAM, "load", ways[way]);
            atomic_store(&run.report->go, true);
            run_end(&run);
            assert_false(atomic_load(&run.report->judged));
            latencies[i] = run_latency(&run);
            run_clear(&run);
        }
        print_latencies("no exit handlers", ways[way], "HTTP");
        assert_true(latencies[rounds / 2] < MEDIAN_AT_ONCE);
        json_t *counts = collector_stop(&collector);
        assert_int_equal(count_of(counts, "duplicates"), 0);
        assert_int_equal(count_of(counts, "refused"), 0);
        json_decref(counts);
    }
}

static int set_up(void **state) {
    (void)state;
    if (certificate_make(&certificate))
        setenv("TEST_CERTIFICATE", certificate.file, 1);
    else
        certificate.file[0] = '\0';
    latencies = calloc(rounds, sizeof *latencies);
    exported = calloc(rounds, sizeof *exported);
    return latencies && exported ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    certificate_remove(&certificate);
    free(latencies);
    free(exported);
    return 0;
}

static int clean_up(void **state) {
    (void)state;
    json_decref(collector_stop(&collector));
    return 0;
}

#define test(name) cmocka_unit_test_teardown(name, clean_up)

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(at_exit_what_had_ended_arrives),
        test(at_exit_what_had_ended_arrives_over_tls),
        test(so_it_does_with_shared_libraries),
        test(a_collector_that_does_not_answer_costs_a_second),
        test(a_collector_that_does_not_answer_costs_a_second_over_tls),
        test(quick_exit_and_underscore_exit_end_at_once),
    };
    if (argc > 1)
        rounds = (unsigned)strtoul(argv[1], NULL, 10);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
