/* SPDX-License-Identifier: Apache-2.0 */
/* diagnostics_test.c - what reaches the sink, how often, in which form, and from where it may be called. */
#include "diagnostics.h"

#include "base/clock.h"
#include "exporter_double.h"
#include "in_child.h"
#include "reports.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static _Atomic uint64_t now;

static uint64_t fake_clock(clockid_t id) {
    (void)id;
    return atomic_load(&now);
}

static int set_up(void **state) {
    (void)state;
    now = 1000 * OTEL__SECOND;
    otel__clock_for_tests = fake_clock;
    reports_start(OTEL_LOG_TRACE);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    reports_stop();
    otel__clock_for_tests = NULL;
    return 0;
}

/* ---- which reports ---------------------------------------------------------------------------------------------- */

static void report_arrives(void **state) {
    (void)state;
    otel_report(OTEL_LOG_WARN, "kind", "%s: %d", "seven", 7);
    assert_int_equal(reports_count(), 1);
    assert_string_equal(reports_text(0), "seven: 7");
    assert_int_equal(reports_level(0), OTEL_LOG_WARN);
}

static void threshold_holds_back(void **state) {
    (void)state;
    for (int threshold = OTEL_LOG_TRACE; threshold <= OTEL_LOG_NONE; threshold++) {
        reports_start((otel_log_level)threshold);
        for (int level = OTEL_LOG_TRACE; level <= OTEL_LOG_ERROR; level++) {
            const char kind[] = { (char)('a' + level), '\0' };
            otel_report((otel_log_level)level, kind, "text");
        }
        assert_int_equal(reports_count(), OTEL_LOG_NONE - threshold);
        for (size_t i = 0; i < reports_count(); i++)
            assert_int_equal(reports_level(i), (size_t)threshold + i);
    }
}

static void default_threshold_is_info(void **state) {
    (void)state;
    reports_start(OTEL_LOG_DEFAULT);
    otel_report(OTEL_LOG_DEBUG, "a", "no");
    otel_report(OTEL_LOG_INFO, "b", "yes");
    assert_int_equal(reports_count(), 1);
    assert_string_equal(reports_text(0), "yes");
}

static void odd_arguments(void **state) {
    (void)state;
    const char *volatile nothing = NULL;
    otel_report(OTEL_LOG_WARN, "kind", nothing, 1);
    assert_int_equal(reports_count(), 0);
    otel_report(OTEL_LOG_WARN, nothing, "no kind");
    otel_report((otel_log_level)77, "a", "levels that do not exist");
    otel_report((otel_log_level)-1, "b", "are errors");
    otel_report(OTEL_LOG_NONE, "c", "and none is one of them");
    assert_int_equal(reports_count(), 4);
    for (size_t i = 1; i < 4; i++)
        assert_int_equal(reports_level(i), OTEL_LOG_ERROR);
}

/* ---- how often -------------------------------------------------------------------------------------------------- */

static void one_line_in_ten_seconds(void **state) {
    (void)state;
    for (int i = 0; i < 5; i++)
        otel_report(OTEL_LOG_WARN, "flood", "line %d", i);
    assert_int_equal(reports_count(), 1);
    now += 10 * OTEL__SECOND - 1;
    otel_report(OTEL_LOG_WARN, "flood", "too early");
    assert_int_equal(reports_count(), 1);
    now += 2 * OTEL__SECOND;
    otel_report(OTEL_LOG_WARN, "flood", "again");
    assert_int_equal(reports_count(), 2);
    assert_string_equal(reports_text(1), "again (5 more like this in the last 12 s)");
    now += 10 * OTEL__SECOND;
    otel_report(OTEL_LOG_WARN, "flood", "alone");
    assert_string_equal(reports_text(2), "alone");
}

static void kinds_count_apart_and_by_content(void **state) {
    (void)state;
    char copy[] = "one";
    otel_report(OTEL_LOG_WARN, "one", "1");
    otel_report(OTEL_LOG_WARN, "two", "2");
    otel_report(OTEL_LOG_WARN, copy, "1 again");
    assert_int_equal(reports_count(), 2);
}

static void held_back_reports_do_not_use_up_the_line(void **state) {
    (void)state;
    reports_start(OTEL_LOG_WARN);
    otel_report(OTEL_LOG_INFO, "kind", "below the threshold");
    otel_report(OTEL_LOG_WARN, "kind", "above");
    assert_int_equal(reports_count(), 1);
    assert_string_equal(reports_text(0), "above");
}

static void kinds_beyond_the_table_share_an_entry(void **state) {
    (void)state;
    char kind[32];
    for (int i = 0; i < 200; i++) {
        snprintf(kind, sizeof kind, "kind %d", i);
        otel_report(OTEL_LOG_WARN, kind, "%d", i);
    }
    assert_int_equal(reports_count(), 65);
    otel_report(OTEL_LOG_WARN, "kind 0", "known");
    assert_int_equal(reports_count(), 65);
    now += 11 * OTEL__SECOND;
    otel_report(OTEL_LOG_WARN, "kind 199", "later");
    assert_string_equal(reports_text(65), "later (135 more like this in the last 11 s)");
}

static void new_sink_starts_afresh(void **state) {
    (void)state;
    otel_report(OTEL_LOG_WARN, "kind", "for the first");
    otel_report(OTEL_LOG_WARN, "kind", "skipped");
    reports_start(OTEL_LOG_TRACE);
    otel_report(OTEL_LOG_WARN, "kind", "for the second");
    assert_int_equal(reports_count(), 1);
    assert_string_equal(reports_text(0), "for the second");
}

/* ---- in which form ---------------------------------------------------------------------------------------------- */

static void one_readable_line(void **state) {
    (void)state;
    otel_report(OTEL_LOG_WARN, "kind", "a\nb\x1b[31mc\x7f\xff\xc2\x85 caf\xc3\xa9 %s", "\r");
    assert_string_equal(reports_text(0), "a\\nb\\x1b[31mc\\x7f\\xff\\xc2\\x85 caf\xc3\xa9 \\r");
}

static void longest_line_is_whole(void **state) {
    (void)state;
    char text[OTEL__DIAGNOSTIC_MAX + 1];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    otel_report(OTEL_LOG_WARN, "kind", "%s", text);
    assert_string_equal(reports_text(0), text);
}

static void longer_line_is_cut_visibly(void **state) {
    (void)state;
    static const char *const fillers[] = { "x", "\xe2\x82\xac", "\x01" };
    for (size_t i = 0; i < 3; i++) {
        char text[5000] = "";
        while (strlen(text) + 4 < sizeof text)
            strcat(text, fillers[i]);
        reports_start(OTEL_LOG_TRACE);
        otel_report(OTEL_LOG_WARN, "kind", "%s", text);
        size_t len = strlen(reports_text(0));
        assert_in_range(len, OTEL__DIAGNOSTIC_MAX - 4, OTEL__DIAGNOSTIC_MAX);
        assert_string_equal(reports_text(0) + len - 6, " [cut]");
        assert_null(strstr(reports_text(0), "\\xe2")); /* no character was cut in two */
    }
}

static void cut_line_keeps_its_count(void **state) {
    (void)state;
    char text[3000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    otel_report(OTEL_LOG_WARN, "kind", "%s", text);
    otel_report(OTEL_LOG_WARN, "kind", "%s", text);
    now += 20 * OTEL__SECOND;
    otel_report(OTEL_LOG_WARN, "kind", "%s", text);
    assert_int_equal(strlen(reports_text(1)), OTEL__DIAGNOSTIC_MAX);
    assert_non_null(strstr(reports_text(1), "x [cut] (1 more like this in the last 20 s)"));
}

/* ---- from where ------------------------------------------------------------------------------------------------- */

static void errno_stays(void **state) {
    (void)state;
    errno = 4711;
    otel_report(OTEL_LOG_WARN, "kind", "text");
    assert_int_equal(errno, 4711);
}

static int sink_calls;

static void calling_sink(void *data, otel_log_level level, const char *text) {
    (void)level;
    (void)text;
    sink_calls++;
    assert_ptr_equal(data, &sink_calls);
    otel_report(OTEL_LOG_ERROR, "another kind", "from the sink");
    errno = ENOENT;
}

static void reports_of_the_sink_are_dropped(void **state) {
    (void)state;
    otel__diagnostics_set(OTEL_LOG_TRACE, calling_sink, &sink_calls);
    sink_calls = 0;
    errno = 0;
    otel_report(OTEL_LOG_WARN, "kind", "text");
    assert_int_equal(sink_calls, 1);
    assert_int_equal(errno, 0);
    otel_report(OTEL_LOG_WARN, "a third kind", "text");
    assert_int_equal(sink_calls, 2);
}

OTEL_TRACER(tracer, "diagnostics_test");

static void span_making_sink(void *data, otel_log_level level, const char *text) {
    (void)level;
    (void)text;
    int *recorded = data;
    sink_calls++;
    const otel_span span = otel_span_start(tracer, OTEL_START("from the sink"));
    *recorded += otel_span_recording(&span);
    otel_span_end(&span);
}

static void report_from_an_exporter(struct exporter_double *me, otel_batch *batch) {
    (void)me;
    (void)batch;
    otel_report(OTEL_LOG_WARN, "exporter", "from inside an export");
}

static void spans_of_the_sink_are_not_recorded(void **state) {
    (void)state;
    static struct exporter_double exporter = { .during = report_from_an_exporter };
    int recorded = 0;
    sink_calls = 0;
    otel__clock_for_tests = NULL;
    assert_int_equal(
        otel_sdk_start(OTEL_SDK(.service_name = "test", .diagnostic = span_making_sink, .diagnostic_data = &recorded,
                                .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&exporter))))),
        OTEL_OK);
    otel_report(OTEL_LOG_WARN, "outside", "from the application");
    assert_int_equal(sink_calls, 1);
    const otel_span span = otel_span_start(tracer, OTEL_START("from outside"));
    assert_true(otel_span_recording(&span));
    otel_span_end(&span);
    assert_int_equal(sink_calls, 2);
    assert_int_equal(recorded, 0);
    assert_int_equal(otel_sdk_stop(10000), OTEL_OK);
    assert_int_equal(exporter.count, 1);
}

/* What is written to stderr while `part` runs. */
static void capture_stderr(void (*part)(void), char *out, size_t size) {
    int ends[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(ends), 0);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    part();
    dup2(saved, STDERR_FILENO);
    close(saved);
    ssize_t len = read(ends[0], out, size - 1);
    out[len > 0 ? len : 0] = '\0';
    close(ends[0]);
}

static void report_each_level(void) {
    otel__diagnostics_set(OTEL_LOG_TRACE, NULL, NULL);
    otel_report(OTEL_LOG_TRACE, "a", "1");
    otel_report(OTEL_LOG_DEBUG, "b", "2");
    otel_report(OTEL_LOG_INFO, "c", "3");
    otel_report(OTEL_LOG_WARN, "d", "4\n");
    otel_report(OTEL_LOG_ERROR, "e", "5");
}

static void without_a_sink_stderr(void **state) {
    (void)state;
    char text[512];
    capture_stderr(report_each_level, text, sizeof text);
    assert_string_equal(text, "otel: trace: 1\notel: debug: 2\notel: info: 3\notel: warn: 4\\n\notel: error: 5\n");
}

static void report_after_reset(void) {
    otel__diagnostics_reset();
    otel_report(OTEL_LOG_DEBUG, "a", "no");
    otel_report(OTEL_LOG_INFO, "b", "yes");
}

static void reset_goes_back_to_stderr(void **state) {
    (void)state;
    char text[512];
    capture_stderr(report_after_reset, text, sizeof text);
    assert_string_equal(text, "otel: info: yes\n");
    assert_int_equal(reports_count(), 0);
}

static int report_to_nobody(void *unused) {
    (void)unused;
    int ends[2];
    STEP(pipe(ends) == 0);
    int saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    close(ends[0]);
    otel__diagnostics_reset();
    otel_report(OTEL_LOG_ERROR, "kind", "nobody reads this");
    dup2(saved, STDERR_FILENO);
    return 0;
}

static void report_to_a_full_pipe(void) {
    int ends[2];
    char block[4096] = { 0 };
    if (pipe(ends) != 0 || fcntl(ends[1], F_SETFL, O_NONBLOCK) != 0)
        _exit(2);
    while (write(ends[1], block, sizeof block) > 0) {}
    if (fcntl(ends[1], F_SETFL, 0) != 0 || dup2(ends[1], STDERR_FILENO) < 0)
        _exit(2);
    alarm(10);
    otel_report(OTEL_LOG_ERROR, "full", "nobody reads this");
    _exit(0);
}

static void a_full_stderr_does_not_stop_the_thread(void **state) {
    (void)state;
    otel__diagnostics_reset();
    const pid_t child = fork();
    if (child == 0)
        report_to_a_full_pipe();
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void closed_stderr_does_not_kill(void **state) {
    (void)state;
    assert_int_equal(in_child(report_to_nobody, NULL), 0);
}

/* ---- several threads -------------------------------------------------------------------------------------------- */

enum { THREADS = 4, REPORTS = 5000 };

static void *flood(void *unused) {
    (void)unused;
    for (int i = 0; i < REPORTS; i++)
        otel_report(OTEL_LOG_WARN, "flood", "line %d", i);
    return NULL;
}

static void every_report_is_written_or_counted(void **state) {
    (void)state;
    char expected[128];
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, flood, NULL), 0);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(reports_count(), 1);
    unsigned long long first = 0; /* others may have been counted before the first line was written */
    sscanf(reports_text(0), "line %*d (%llu", &first);
    now += 10 * OTEL__SECOND;
    otel_report(OTEL_LOG_WARN, "flood", "end");
    snprintf(expected, sizeof expected, "end (%llu more like this in the last 10 s)", THREADS * REPORTS - 1 - first);
    assert_string_equal(reports_text(1), expected);
}

static _Atomic int mismatches;
static _Atomic bool finished;
static int data_a, data_b;

static void sink_a(void *data, otel_log_level level, const char *text) {
    (void)text;
    if (data != &data_a || level < OTEL_LOG_WARN)
        mismatches++;
}

static void sink_b(void *data, otel_log_level level, const char *text) {
    (void)level;
    (void)text;
    if (data != &data_b)
        mismatches++;
}

static void *report_until_finished(void *unused) {
    (void)unused;
    while (!finished) {
        otel_report(OTEL_LOG_INFO, "info", "text");
        otel_report(OTEL_LOG_WARN, "warning", "text");
    }
    return NULL;
}

static void sinks_change_under_reports(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    finished = false;
    otel__diagnostics_set(OTEL_LOG_WARN, sink_a, &data_a);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, report_until_finished, NULL), 0);
    for (int i = 0; i < 20000; i++) {
        otel__diagnostics_set(OTEL_LOG_INFO, sink_b, &data_b);
        otel__diagnostics_set(OTEL_LOG_WARN, sink_a, &data_a);
    }
    finished = true;
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(mismatches, 0);
}

static int count_in_child(void *data) {
    now += 60 * OTEL__SECOND;
    int before = sink_calls;
    otel__diagnostics_set(OTEL_LOG_TRACE, calling_sink, data);
    otel_report(OTEL_LOG_WARN, "flood", "from the child");
    STEP(sink_calls == before + 1);
    return 0;
}

static void child_of_a_reporting_process_reports(void **state) {
    (void)state;
    pthread_t thread;
    finished = false;
    otel__diagnostics_set(OTEL_LOG_WARN, sink_a, &data_a);
    assert_int_equal(pthread_create(&thread, NULL, report_until_finished, NULL), 0);
    for (int i = 0; i < 50; i++)
        assert_int_equal(in_child(count_in_child, &sink_calls), 0);
    finished = true;
    pthread_join(thread, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(report_arrives),
        TEST(threshold_holds_back),
        TEST(default_threshold_is_info),
        TEST(odd_arguments),
        TEST(one_line_in_ten_seconds),
        TEST(kinds_count_apart_and_by_content),
        TEST(held_back_reports_do_not_use_up_the_line),
        TEST(kinds_beyond_the_table_share_an_entry),
        TEST(new_sink_starts_afresh),
        TEST(one_readable_line),
        TEST(longest_line_is_whole),
        TEST(longer_line_is_cut_visibly),
        TEST(cut_line_keeps_its_count),
        TEST(errno_stays),
        TEST(reports_of_the_sink_are_dropped),
        TEST(spans_of_the_sink_are_not_recorded),
        TEST(without_a_sink_stderr),
        TEST(reset_goes_back_to_stderr),
        TEST(closed_stderr_does_not_kill),
        TEST(a_full_stderr_does_not_stop_the_thread),
        TEST(every_report_is_written_or_counted),
        TEST(sinks_change_under_reports),
        TEST(child_of_a_reporting_process_reports),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
