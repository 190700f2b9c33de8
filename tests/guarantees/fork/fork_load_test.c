/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork_load_test.c - a process that is forked again and again while its threads record and its worker exports: every
 * child exports all of its own spans and none of its parent's, none hangs, and the parent goes on undisturbed. The
 * collector, a process of its own, is the judge.
 *
 *     fork_load_test [FORKS]
 */
#include "tracing.h"

#include "base/clock.h"
#include "in_child.h"
#include "span_assert.h"
#include "sanitizers.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum {
    THREADS = 3,
    TOGETHER = 4,  /* children at a time */
    SPANS = 5,     /* of each child */
    QUEUE = 16384, /* of which the recording threads fill no more than */
    AHEAD = 4096,
    PARTS =
        UNDER_ASAN ? 1 : 2, /* of a run, in each of which everybody must get on; it is slow, and runs beside others */
    PART_LEAST = 40,        /* forks: fewer are over before all have had a turn */
    BAD_CHILDREN = 10,      /* are enough */
};

static unsigned most_forks = UNDER_ASAN ? 200 : 1000;
static unsigned forks; /* of the test that runs */
static struct collector collector;
static struct certificate certificate;
static pid_t parent;

/* ---- the parent's threads ---------------------------------------------------------------------------------------- */

struct recorder {
    pthread_t thread;
    _Atomic uint64_t spans;
    uint64_t longest; /* ns that one span took */
};

static struct recorder recorders[THREADS];
static _Atomic bool over;
static bool without_pause; /* else no more than can be exported */
static bool connects_anew; /* for each export; else its connection is kept alive */

static void wait_for_export(void) {
    otel_ledger ledger = { .size = sizeof ledger };
    for (otel_sdk_ledger(&ledger); ledger.processors[0].queued > AHEAD && !over; otel_sdk_ledger(&ledger))
        nanosleep(&(struct timespec){ .tv_nsec = 200000 }, NULL);
}

static void *record_for_ever(void *data) {
    struct recorder *me = data;
    while (!atomic_load(&over)) {
        const uint64_t begin = otel__clock_monotonic();
        record("parent");
        const uint64_t took = otel__clock_monotonic() - begin;
        me->longest = took > me->longest ? took : me->longest;
        if (atomic_fetch_add(&me->spans, 1) % 64 == 0 && !without_pause)
            wait_for_export();
    }
    return NULL;
}

static uint64_t recorded(void) {
    uint64_t sum = 0;
    for (unsigned i = 0; i < THREADS; i++)
        sum += atomic_load(&recorders[i].spans);
    return sum;
}

static void begin_to_record(void) {
    atomic_store(&over, false);
    memset(recorders, 0, sizeof recorders);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&recorders[i].thread, NULL, record_for_ever, &recorders[i]), 0);
}

static void end_recording(void) {
    atomic_store(&over, true);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(recorders[i].thread, NULL);
}

/* ---- the children ------------------------------------------------------------------------------------------------ */

/* Registered before the SDK's exit handler, and hence called after it. */
static void judge_after_exit(void) {
    if (getpid() != parent && !all_exported(SPANS))
        _exit(3);
}

#if UNDER_ASAN
/* A child lacks the threads in whose stacks LeakSanitizer would have to look. */
int __lsan_is_turned_off(void);
__attribute__((visibility("default"))) int __lsan_is_turned_off(void) { return getpid() != parent; }
#endif

static int end_by_stop(void) {
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    STEP(all_exported(SPANS));
    return 0;
}

static int end_by_flush(void) {
    STEP(otel_sdk_flush(LONG_MS) == OTEL_OK);
    STEP(all_exported(SPANS));
    return 0;
}

static void live(unsigned number) {
    alarm(PATIENCE_S / 2);
    for (unsigned i = 0; i < SPANS; i++)
        record("child");
    if (number % 8 == 0)
        _exit(end_by_flush());
    if (number % 2 == 0)
        _exit(end_by_stop());
    exit(0);
}

/* ---- the forks --------------------------------------------------------------------------------------------------- */

/* All in ns; of the parent's one thread that forks. */
static struct {
    uint64_t begin, prepared; /* by the SDK, within the current fork */
    uint64_t *whole, *handler;
    pid_t *children;
    unsigned hung, failed, idle;
} forked;

/* Registered after the SDK's fork handlers, and hence called before them; and the other way round. */
static void before_the_sdk(void) { forked.begin = otel__clock_monotonic(); }
static void after_the_sdk(void) { forked.prepared = otel__clock_monotonic(); }

static void wait_for_child(unsigned number) {
    const int outcome = outcome_of(forked.children[number]);
    if (outcome == -1 || outcome == 128 + SIGALRM)
        forked.hung++;
    else if (outcome != 0)
        forked.failed++;
    if (outcome != 0)
        print_message("child %u ended with %d\n", number, outcome);
}

static void fork_one(unsigned number) {
    const uint64_t begin = otel__clock_monotonic();
    const pid_t child = fork();
    if (child == 0)
        live(number);
    forked.whole[number] = otel__clock_monotonic() - begin;
    forked.handler[number] = forked.prepared - forked.begin;
    forked.children[number] = child;
    assert_true(child > 0);
}

static uint64_t exported(void) {
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    return ledger.processors[0].exported;
}

/* Counts what stood still in this part of the run. */
static void look_for_idlers(unsigned part) {
    static uint64_t before[THREADS + 1];
    uint64_t now[THREADS + 1];
    for (unsigned i = 0; i < THREADS; i++)
        now[i] = atomic_load(&recorders[i].spans);
    now[THREADS] = exported();
    for (unsigned i = 0; i <= THREADS && part > 0; i++)
        forked.idle += now[i] == before[i];
    memcpy(before, now, sizeof now);
}

static void fork_all(void) {
    const unsigned part = forks / PARTS > PART_LEAST ? forks / PARTS : PART_LEAST;
    forked.hung = forked.failed = forked.idle = 0;
    fflush(NULL);
    for (unsigned i = 0; i < forks; i++) {
        if (i % part == 0)
            look_for_idlers(i / part);
        if (i >= TOGETHER)
            wait_for_child(i - TOGETHER);
        if (forked.hung + forked.failed >= BAD_CHILDREN)
            forks = i;
        else
            fork_one(i);
    }
    for (unsigned i = forks - TOGETHER; i < forks; i++)
        wait_for_child(i);
    if (forks >= PART_LEAST)
        look_for_idlers(PARTS);
}

/* ---- what is measured -------------------------------------------------------------------------------------------- */

static int compare_times(const void *a, const void *b) {
    const uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return (left > right) - (left < right);
}

static double in_ms(uint64_t ns) { return (double)ns / 1e6; }

static void print_times(const char *what, uint64_t *times) {
    qsort(times, forks, sizeof *times, compare_times);
    print_message("measured: %s: median %.2f ms, 99 %% %.2f ms, longest %.2f ms of %u\n", what, in_ms(times[forks / 2]),
                  in_ms(times[forks * 99 / 100]), in_ms(times[forks - 1]), forks);
}

static double rate(uint64_t spans, uint64_t ns) { return (double)spans / ((double)ns / 1e9); }

/* Forks while all threads are at work, and says how that went for the parent. */
static void run(void) {
    begin_to_record();
    while (collector_count(&collector, "spans") == 0)
        continue;
    uint64_t before = recorded(), begin = otel__clock_monotonic();
    nanosleep(&(struct timespec){ .tv_nsec = 300000000 }, NULL);
    const double alone = rate(recorded() - before, otel__clock_monotonic() - begin);
    before = recorded();
    begin = otel__clock_monotonic();
    fork_all();
    const uint64_t took = otel__clock_monotonic() - begin;
    const double beside = rate(recorded() - before, took);
    end_recording();
    print_message("measured: the parent's %d threads: %.0f spans/s before, %.0f spans/s during %u forks in %.1f s\n",
                  THREADS, alone, beside, forks, (double)took / 1e9);
    print_times("fork() as a whole", forked.whole);
    print_times("of that waiting for libcurl", forked.handler);
}

/* ---- what must be true ------------------------------------------------------------------------------------------- */

static int compare_pids(const void *a, const void *b) { return *(const pid_t *)a - *(const pid_t *)b; }

/* From each child all spans. A pid may come again in a long run. */
static unsigned check_children(const json_t *counts) {
    unsigned distinct = 0, incomplete = 0;
    qsort(forked.children, forks, sizeof *forked.children, compare_pids);
    for (unsigned i = 0, next; i < forks; i = next, distinct++) {
        for (next = i; next < forks && forked.children[next] == forked.children[i];)
            next++;
        incomplete += count_from(counts, forked.children[i]) != (uint64_t)SPANS * (next - i);
    }
    assert_int_equal(incomplete, 0);
    return distinct;
}

static void check_parent(const json_t *counts) {
    otel_ledger ledger = { .size = sizeof ledger };
    char why[512] = "";
    otel_sdk_ledger(&ledger);
    if (!ledger_balances(&ledger, why, sizeof why))
        fail_msg("%s", why);
    const otel_ledger_processor *counted = &ledger.processors[0];
    assert_int_equal(ledger.ended, recorded());
    assert_int_equal(count_named(counts, "parent"), counted->exported);
    assert_int_equal(counted->exported + counted->dropped_queue_full, recorded());
    if (!without_pause)
        assert_int_equal(counted->dropped_queue_full, 0);
}

static void check(void) {
    json_t *counts = collector_stop(&collector);
    assert_int_equal(forked.hung, 0);
    assert_int_equal(forked.failed, 0);
    assert_int_equal(forked.idle, 0);
    assert_int_equal(count_of(counts, "refused"), 0);
    assert_int_equal(count_of(counts, "duplicates"), 0);
    assert_int_equal(count_of(counts, "distinct"), count_of(counts, "spans"));
    assert_int_equal(count_named(counts, "child"), (uint64_t)forks * SPANS);
    const unsigned distinct = check_children(counts);
    assert_int_equal(count_of(counts, "processes"), distinct + 1);
    /* One for each process: no child ended its parent's. */
    if (!connects_anew)
        assert_int_equal(count_of(counts, "connections"), forks + 1);
    check_parent(counts);
    print_message("measured: at the collector: %" PRIu64 " spans of %u processes, each once\n",
                  count_of(counts, "spans"), distinct + 1);
    json_decref(counts);
}

static void fork_under_load(const struct certificate *tls) {
    static bool registered;
    collector_start(&collector, tls);
    json_decref(collector_tell(&collector, connects_anew ? "close" : "delay 1"));
    assert_int_equal(tracing_start(collector.endpoint, QUEUE), OTEL_OK);
    if (!registered)
        assert_int_equal(pthread_atfork(before_the_sdk, NULL, NULL), 0);
    registered = true;
    run();
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    check();
}

/* ---- the tests --------------------------------------------------------------------------------------------------- */

static void skip_under_thread_sanitizer(void) {
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
}

static void children_of_a_busy_process_export_all_their_spans(void **state) {
    (void)state;
    skip_under_thread_sanitizer();
    fork_under_load(NULL);
    assert_false(tracing_complained());
}

static void so_they_do_over_tls(void **state) {
    (void)state;
    skip_under_thread_sanitizer();
    SKIP_IF(!certificate.file[0], "there is no openssl command to make a certificate");
    forks = most_forks / 5;
    fork_under_load(&certificate);
    assert_false(tracing_complained());
}

/* So that the worker is in OpenSSL, and may hold its locks, most of the time. */
static void children_of_a_process_in_a_tls_handshake_do_so_too(void **state) {
    (void)state;
    skip_under_thread_sanitizer();
    SKIP_IF(!certificate.file[0], "there is no openssl command to make a certificate");
    forks = most_forks / 5;
    connects_anew = true;
    fork_under_load(&certificate);
    assert_false(tracing_complained());
}

/* More than can be exported: what is lost is counted, and children are not concerned. */
static void children_of_a_process_that_drops_spans_do_so_too(void **state) {
    (void)state;
    skip_under_thread_sanitizer();
    without_pause = true;
    forks = most_forks / 5;
    fork_under_load(NULL);
}

static int set_up(void **state) {
    (void)state;
    setenv("no_proxy", "127.0.0.1", 1);
    if (certificate_make(&certificate))
        setenv("TEST_CERTIFICATE", certificate.file, 1);
    else
        certificate.file[0] = '\0';
    parent = getpid();
    forked.whole = calloc(most_forks, sizeof *forked.whole);
    forked.handler = calloc(most_forks, sizeof *forked.handler);
    forked.children = calloc(most_forks, sizeof *forked.children);
    const bool room = forked.whole && forked.handler && forked.children;
    return room && atexit(judge_after_exit) == 0 && pthread_atfork(after_the_sdk, NULL, NULL) == 0 ? 0 : -1;
}

static int tear_down(void **state) {
    (void)state;
    certificate_remove(&certificate);
    free(forked.whole);
    free(forked.handler);
    free(forked.children);
    return 0;
}

static int begin(void **state) {
    (void)state;
    forks = most_forks;
    without_pause = connects_anew = false;
    return 0;
}

static int clean_up(void **state) {
    (void)state;
    otel_sdk_stop(LONG_MS);
    json_decref(collector_stop(&collector));
    return 0;
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin, clean_up)

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        test(children_of_a_busy_process_export_all_their_spans),
        test(so_they_do_over_tls),
        test(children_of_a_process_in_a_tls_handshake_do_so_too),
        test(children_of_a_process_that_drops_spans_do_so_too),
    };
    if (argc > 1)
        most_forks = (unsigned)strtoul(argv[1], NULL, 10);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
