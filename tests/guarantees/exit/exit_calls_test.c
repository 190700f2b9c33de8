/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exit_calls_test.c - programs that call the library from exit handlers, from destructors of thread-local values and
 * while another thread starts and stops it, before and after the library's own exit handler: what is called while it
 * runs works, everything else does nothing, and nothing crashes.
 */
#include "runner.h"

#include "base/clock.h"
#include "sanitizers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>
#include <cmocka.h>

enum { EXITS = UNDER_ASAN || UNDER_TSAN ? 20 : 100, LATEST_S = 5 };

static struct collector collector;
static struct certificate certificate;

static void start_collector(const struct certificate *tls) {
    collector_start(&collector, tls);
    runs_export_to(&collector);
}

/* Runs the act once; it comes to its end so many times, and all that it recorded arrives. */
static void play_on(const char *program, const char *name, const char *way, unsigned times) {
    struct run run;
    run_begin(&run, program, name, way);
    atomic_store(&run.report->go, true);
    run_end(&run);
    json_t *counts = collector_tell(&collector, "counts");
    if (atomic_load(&run.report->done) != times)
        fail_msg("%s, %s: came to %u ends instead of %u", name, way, (unsigned)run.report->done, times);
    assert_int_equal(count_from(counts, run.pid), atomic_load(&run.report->ended));
    assert_int_equal(count_named(counts, "late"), 0);
    assert_int_equal(count_of(counts, "duplicates"), 0);
    json_decref(counts);
    run_clear(&run);
}

static void play(const char *name, const char *way, unsigned times) {
    const struct certificate *const tls[] = { NULL, certificate.file[0] ? &certificate : NULL };
    for (unsigned i = 0; i < 2; i++) {
        start_collector(tls[i]);
        play_on(EXIT_PROGRAM, name, way, times);
        play_on(EXIT_PROGRAM_SHARED, name, way, times);
        json_decref(collector_stop(&collector));
    }
}

static void play_both_ways(const char *name, unsigned times) {
    play(name, "return", times);
    play(name, "exit", times);
}

/* ---- exit handlers: three places, the last of which is after all of them ----------------------------------------- */

static void calls_before_the_exit_handler_work_and_later_ones_do_nothing(void **state) {
    (void)state;
    play_both_ways("handlers", 3);
    play("handlers", "thread", 3);
}

static void after_a_stop_calls_do_nothing_at_exit(void **state) {
    (void)state;
    play_both_ways("handlers-after-stop", 3);
}

static void exit_handlers_may_stop_start_and_start_again(void **state) {
    (void)state;
    play_both_ways("handler-stops", 4);
    play_both_ways("handler-restarts", 3);
    play_both_ways("handler-starts", 1);
}

static void a_handler_of_quick_exit_may_flush(void **state) {
    (void)state;
    play("quick-handler-stops", "quick_exit", 2);
}

/* ---- destructors of thread-local values: 2 threads, 2 keys of 4 rounds, and an object ---------------------------- */

static void skip_under_thread_sanitizer(void) {
    SKIP_IF(UNDER_TSAN, "destructors that run after ThreadSanitizer's own have no state of it to record in");
}

static void destructors_of_thread_local_values_may_record(void **state) {
    (void)state;
    skip_under_thread_sanitizer();
    play("destructors", "exit", 18);
    play_both_ways("destructors-of-exiting-thread", 19);
}

static void in_destructors_after_a_stop_or_at_exit_calls_do_nothing(void **state) {
    (void)state;
    skip_under_thread_sanitizer();
    play("destructors-after-stop", "exit", 18);
    play_both_ways("destructors-after-exit-handler", 18);
}

/* ---- others ------------------------------------------------------------------------------------------------------ */

static void scopes_and_live_spans_do_not_disturb_an_exit(void **state) {
    (void)state;
    play("scopes", "exit", 0);
}

static void exit_while_another_thread_starts_and_stops(void **state) {
    (void)state;
    const struct certificate *const tls[] = { NULL, certificate.file[0] ? &certificate : NULL };
    for (unsigned i = 0; i < 2; i++) {
        start_collector(tls[i]);
        for (unsigned times = 0; times < EXITS; times++) {
            struct run run;
            run_begin(&run, EXIT_PROGRAM, "starts-and-stops", times % 2 ? "return" : "exit");
            atomic_store(&run.report->go, true);
            run_end(&run);
            run_clear(&run);
        }
        json_decref(collector_stop(&collector));
    }
}

/* ---- exports that have not come back when the second is over ----------------------------------------------------- */

static void wait_until(const _Atomic uint64_t *count) {
    for (unsigned i = 0; i < 60000 && atomic_load(count) == 0; i++)
        usleep(1000);
}

/* What the worker waits for comes when libcurl and OpenSSL have cleaned up already. */
static void come_back_late(const char *act, bool held) {
    const struct certificate *const tls[] = { NULL, certificate.file[0] ? &certificate : NULL };
    for (unsigned i = 0; i < 2; i++) {
        struct run run;
        start_collector(tls[i]);
        setenv("OTEL_LOG_LEVEL", "none", 1);
        json_decref(collector_tell(&collector, "hold 1000"));
        run_begin(&run, EXIT_PROGRAM, act, "exit");
        while (held && collector_count(&collector, "held") == 0)
            usleep(1000);
        atomic_store(&run.report->go, true);
        wait_until(&run.report->done);
        json_decref(collector_tell(&collector, "release"));
        run_end(&run);
        assert_true(run_latency(&run) < LATEST_S * OTEL__SECOND);
        run_clear(&run);
        json_decref(collector_stop(&collector));
    }
}

static void exit_while_another_thread_hangs_in_a_stop(void **state) {
    (void)state;
    come_back_late("late-answer-for-stop", true);
    come_back_late("late-handshake-for-stop", false);
}

static void exit_while_the_worker_gets_no_time(void **state) {
    (void)state;
    come_back_late("late-answer", true);
    come_back_late("late-handshake", false);
}

static int set_up(void **state) {
    (void)state;
    if (certificate_make(&certificate))
        setenv("TEST_CERTIFICATE", certificate.file, 1);
    else
        certificate.file[0] = '\0';
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    certificate_remove(&certificate);
    return 0;
}

static int clean_up(void **state) {
    (void)state;
    json_decref(collector_stop(&collector));
    return 0;
}

#define test(name) cmocka_unit_test_teardown(name, clean_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(calls_before_the_exit_handler_work_and_later_ones_do_nothing),
        test(after_a_stop_calls_do_nothing_at_exit),
        test(exit_handlers_may_stop_start_and_start_again),
        test(a_handler_of_quick_exit_may_flush),
        test(destructors_of_thread_local_values_may_record),
        test(in_destructors_after_a_stop_or_at_exit_calls_do_nothing),
        test(scopes_and_live_spans_do_not_disturb_an_exit),
        test(exit_while_another_thread_starts_and_stops),
        test(exit_while_another_thread_hangs_in_a_stop),
        test(exit_while_the_worker_gets_no_time),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
