/* SPDX-License-Identifier: Apache-2.0 */
/* log_test.c - which lines are written and how many, what they are told of, and by whom they may be written. */
#include "log.h"

#include "failing_allocator.h"
#include "fake_clock.h"
#include "log_fixture.h"
#include "sanitizers.h"
#include "span_fixture.h"

#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <otel/trace.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

OTEL_LOGGER(logger, "log_test");
OTEL_TRACER(tracer, "log_test");

/* ---- levels ------------------------------------------------------------------------------------------------------ */

static int evaluated(int *count) { return ++*count; }

static void a_line_below_the_level_is_not_written_nor_evaluated(void **state) {
    (void)state;
    int count = 0;
    otel_log_configure(OTEL_LOG_OPTIONS(.severity = OTEL_SEVERITY_WARNING, .sink = catch_line));
    otel_log_debug(logger, "no", OTEL_ATTR("n", evaluated(&count)));
    otel_log_info(logger, "no", OTEL_ATTR("n", evaluated(&count)));
    assert_int_equal(caught.count + (unsigned)count, 0);
    otel_log_write(logger, OTEL_SEVERITY_INFO, OTEL_LOG_LINE("no"));
    assert_int_equal(caught.count, 0);
    otel_log_warning(logger, "yes", OTEL_ATTR("n", evaluated(&count)));
    otel_log_error(logger, "yes");
    otel_log_critical(logger, "yes");
    assert_int_equal(caught.count, 3);
    assert_int_equal(count, 1);
    otel_log_configure(OTEL_LOG_OPTIONS(.severity = OTEL_SEVERITY_NONE, .sink = catch_line));
    otel_log_critical(logger, "no");
    assert_int_equal(caught.count, 3);
}

/* The level that the environment gives, seen by the first line. */
static bool environment_enables(const char *value, otel_severity severity) {
    if (value != NULL) {
        setenv("OTEL_C_LOG_LEVEL", value, 1);
    } else {
        unsetenv("OTEL_C_LOG_LEVEL");
    }
    const unsigned before = caught.count;
    otel_log_configure(OTEL_LOG_OPTIONS(.sink = catch_line));
    otel_log_span(NULL, logger, severity, "line");
    unsetenv("OTEL_C_LOG_LEVEL");
    return caught.count > before;
}

static void the_level_comes_from_the_environment(void **state) {
    (void)state;
    assert_false(environment_enables(NULL, OTEL_SEVERITY_DEBUG));
    assert_true(environment_enables(NULL, OTEL_SEVERITY_INFO));
    assert_true(environment_enables("debug", OTEL_SEVERITY_DEBUG));
    assert_true(environment_enables(" Warning ", OTEL_SEVERITY_WARNING));
    assert_false(environment_enables("warn", OTEL_SEVERITY_INFO));
    assert_false(environment_enables("error", OTEL_SEVERITY_WARNING));
    assert_true(environment_enables("critical", OTEL_SEVERITY_CRITICAL));
    assert_false(environment_enables("none", OTEL_SEVERITY_CRITICAL));
    assert_false(environment_enables("nonsense", OTEL_SEVERITY_DEBUG));
    assert_true(environment_enables("nonsense", OTEL_SEVERITY_INFO));
}

static void catch_warning(void *data, otel_severity severity, const char *line, size_t len) {
    ++*(unsigned *)data;
    if (severity == OTEL_SEVERITY_WARNING)
        catch_line(NULL, severity, line, len);
}

static void a_level_that_there_is_not_is_named(void **state) {
    unsigned lines = 0;
    (void)state;
    setenv("OTEL_C_LOG_LEVEL", "loud", 1);
    otel_log_configure(OTEL_LOG_OPTIONS(.sink = catch_warning, .sink_data = &lines));
    otel_log_debug(logger, "no");
    assert_int_equal(lines, 0);
    otel_log_info(logger, "first");
    otel_log_info(logger, "second");
    unsetenv("OTEL_C_LOG_LEVEL");
    assert_int_equal(lines, 3);
    assert_int_equal(caught.count, 1);
    json_t *line = caught_line();
    assert_string_equal(text_of(line, "logger"), "otel");
    assert_string_equal(text_of(json_object_get(line, "fields"), "OTEL_C_LOG_LEVEL"), "loud");
    json_decref(line);
}

/* ---- how many ---------------------------------------------------------------------------------------------------- */

static void log_here(int number) { otel_log_info(logger, "line", OTEL_ATTR("number", number)); }

static json_int_t last_count(const char *key) {
    json_t *line = caught_line();
    const json_int_t count = json_integer_value(json_object_get(line, key));
    json_decref(line);
    return count;
}

/* Long after any other test's lines. */
static void start_clock(void) {
    static uint64_t start = UINT64_C(1764365400) * OTEL__SECOND;
    fake_clock_start(start += 1000 * OTEL__SECOND, 1);
    otel__log_clock_for_tests = otel__clock_for_tests;
}

static void stop_clock(void) {
    otel__log_clock_for_tests = NULL;
    fake_clock_stop();
}

static void a_place_writes_so_many_lines_a_second_and_tells_the_rest(void **state) {
    (void)state;
    const otel_log_counts before = otel_log_count();
    start_clock();
    otel_log_configure(OTEL_LOG_OPTIONS(.lines_per_second = 5, .sink = catch_line));
    for (int i = 0; i < 20; i++) {
        log_here(i);
    }
    assert_int_equal(caught.count, 5);
    assert_int_equal(last_count("suppressed"), 0);
    otel_log_info(logger, "another place is not concerned");
    assert_int_equal(caught.count, 6);
    fake_clock_pass(OTEL__SECOND);
    log_here(20);
    assert_int_equal(caught.count, 7);
    assert_int_equal(last_count("suppressed"), 15);
    log_here(21);
    assert_int_equal(last_count("suppressed"), 0);
    stop_clock();
    assert_int_equal(otel_log_count().suppressed - before.suppressed, 15);
    assert_int_equal(otel_log_count().written - before.written, 8);
}

static void the_clock_may_be_set_back(void **state) {
    (void)state;
    start_clock();
    otel_log_configure(OTEL_LOG_OPTIONS(.lines_per_second = 1, .sink = catch_line));
    log_here(1);
    log_here(2);
    fake_clock_set_wall(OTEL__SECOND);
    log_here(3);
    stop_clock();
    assert_int_equal(caught.count, 2);
}

/* A thread may be late with the time that it has read. */
static void two_seconds_in_turns_give_no_more_lines(void **state) {
    (void)state;
    start_clock();
    otel_log_configure(OTEL_LOG_OPTIONS(.lines_per_second = 5, .sink = catch_line));
    const uint64_t now = otel__clock_wall();
    for (int i = 0; i < 100; i++) {
        fake_clock_set_wall(now + (i % 2 == 0 ? OTEL__SECOND : 0));
        log_here(i);
    }
    stop_clock();
    assert_int_equal(caught.count, 5);
}

static void without_a_place_the_logger_is_the_place(void **state) {
    (void)state;
    static otel_logger wrapped = { .name = "wrapped" };
    start_clock();
    otel_log_configure(OTEL_LOG_OPTIONS(.lines_per_second = 2, .sink = catch_line));
    for (int i = 0; i < 5; i++) {
        otel_log_write(&wrapped, OTEL_SEVERITY_ERROR, OTEL_LOG_LINE("m"));
    }
    assert_int_equal(caught.count, 2);
    stop_clock();
}

static void a_hundred_lines_a_second_are_the_default(void **state) {
    (void)state;
    start_clock();
    otel_log_configure(OTEL_LOG_OPTIONS(.sink = catch_line));
    for (int i = 0; i < 1000; i++) {
        log_here(i);
    }
    stop_clock();
    assert_int_equal(caught.count, 100);
}

/* ---- ids --------------------------------------------------------------------------------------------------------- */

static void check_ids(const otel_span *span) {
    char trace_id[33], span_id[17];
    otel_span_hex(span, trace_id, span_id);
    json_t *line = caught_line();
    assert_string_equal(text_of(line, "trace_id"), trace_id);
    assert_string_equal(text_of(line, "span_id"), span_id);
    assert_string_equal(text_of(line, "trace_flags"), otel_span_sampled(span) ? "03" : "02");
    json_decref(line);
}

static void lines_carry_the_ids_of_the_current_span(void **state) {
    assert_int_equal(spans_begin(state), 0);
    {
        OTEL_SPAN(span, tracer, "outer");
        otel_log_info(logger, "in the span");
        check_ids(&span);
        const otel_span other = otel_span_start(tracer, OTEL_START("other", .root = true));
        otel_log_span(&other, logger, OTEL_SEVERITY_INFO, "of another span");
        check_ids(&other);
        otel_span_end(&other);
    }
    otel_log_info(logger, "outside");
    assert_null(strstr(caught.text, "trace_id"));
    assert_int_equal(spans_end(state), 0);
}

static void ids_come_along_without_an_sdk(void **state) {
    (void)state;
    const otel_span span = otel_span_wrap(
        &(otel_span_context){ .size = sizeof(otel_span_context), .trace_id = { 1 }, .span_id = { 2 }, .flags = 2 });
    otel_scope scope = otel_span_attach(&span, false);
    otel_log_info(logger, "with what came from the caller");
    check_ids(&span);
    otel_scope_close(&scope);
}

/* ---- callers ----------------------------------------------------------------------------------------------------- */

static void older_callers_and_missing_parts_are_borne(void **state) {
    (void)state;
    const otel_log_line old = { .size = 2 * sizeof(size_t), .message = "old", .message_len = 1 };
    otel_log_write(logger, OTEL_SEVERITY_INFO, &old);
    assert_non_null(strstr(caught.text, "\"message\":\"old\""));
    otel_log_write(NULL, OTEL_SEVERITY_INFO, NULL);
    assert_non_null(strstr(caught.text, "\"logger\":\"\",\"message\":\"\""));
    otel_log_info(NULL, NULL, OTEL_ATTR(NULL, 1));
    assert_non_null(strstr(caught.text, "\"logger\":\"\",\"message\":\"\",\"fields\":{}"));
}

static void nothing_is_allocated(void **state) {
    (void)state;
    SKIP_IF(!failing_allocator_works(), "allocations cannot be made to fail here");
    char ids[OTEL_IDS_SIZE];
    const int null = open("/dev/null", O_WRONLY);
    otel_log_configure(OTEL_LOG_OPTIONS(.severity = OTEL_SEVERITY_DEBUG, .fd = null));
    failing_allocator_fail(1, true);
    otel_log_info(logger, "line", OTEL_ATTR("text", "text"), OTEL_ATTR("half", 0.1), OTEL_ATTR("n", 1));
    otel_log_ids(NULL, OTEL_IDS_TEXT, ids, sizeof ids);
    const unsigned failures = failing_allocator_failures();
    failing_allocator_fail(0, false);
    close(null);
    assert_int_equal(failures, 0);
}

static void errno_stays(void **state) {
    (void)state;
    errno = 77;
    otel_log_info(logger, "line", OTEL_ATTR("n", 1));
    otel_log_configure(OTEL_LOG_OPTIONS(.fd = 1000));
    otel_log_info(logger, "into the void");
    assert_int_equal(errno, 77);
}

static void log_again(void *data, otel_severity severity, const char *line, size_t len) {
    catch_line(data, severity, line, len);
    otel_log_info(logger, "from within the sink");
}

static void lines_of_a_sink_are_dropped(void **state) {
    (void)state;
    const otel_log_counts before = otel_log_count();
    otel_log_configure(OTEL_LOG_OPTIONS(.sink = log_again));
    log_here(1);
    assert_int_equal(caught.count, 1);
    otel_log_configure(OTEL_LOG_OPTIONS(.sink = catch_line));
    log_here(2);
    assert_int_equal(last_count("dropped"), 1);
    assert_int_equal(otel_log_count().dropped - before.dropped, 1);
}

static volatile sig_atomic_t handled;

static void log_from_handler(int number) {
    otel_log_warning(logger, "signal", OTEL_ATTR("number", number));
    handled = handled + 1;
}

struct bombardment {
    pthread_t target;
    _Atomic bool over;
};

static void *bombard(void *data) {
    struct bombardment *bombardment = data;
    while (!bombardment->over) {
        pthread_kill(bombardment->target, SIGUSR1);
        usleep(100);
    }
    return NULL;
}

/* All lines either arrive whole or are counted. */
static void a_handler_may_interrupt_any_line(void **state) {
    (void)state;
    struct bombardment bombardment = { .target = pthread_self() };
    pthread_t sender;
    const otel_log_counts before = otel_log_count();
    const int null = open("/dev/null", O_WRONLY);
    otel_log_configure(OTEL_LOG_OPTIONS(.lines_per_second = -1, .fd = null));
    handled = 0;
    signal(SIGUSR1, log_from_handler);
    pthread_create(&sender, NULL, bombard, &bombardment);
    unsigned lines = 0;
    for (; handled < 500; lines++) {
        log_here((int)lines);
    }
    bombardment.over = true;
    pthread_join(sender, NULL);
    signal(SIGUSR1, SIG_DFL);
    close(null);
    const otel_log_counts after = otel_log_count();
    const uint64_t written = after.written - before.written, dropped = after.dropped - before.dropped;
    assert_int_equal(written + dropped, lines + (unsigned)handled);
    assert_true(dropped > 0);
}

static int null_fd;
static volatile sig_atomic_t waits; /* of settings, for a lock that could not come free */

static void configure_from_handler(int number) {
    const uint64_t begin = otel__clock_monotonic();
    (void)number;
    otel_log_configure(OTEL_LOG_OPTIONS(.lines_per_second = -1, .fd = null_fd));
    waits = waits + (otel__clock_monotonic() - begin > 900 * OTEL__MILLISECOND);
    handled = handled + 1;
    if (waits == 3)
        signal(SIGUSR1, SIG_IGN); /* or the line would never go on */
}

/* Some of them interrupt a line that has the lock. A machine that is busy may hold up one of them as long as a wait would. */
static void settings_from_a_handler_do_not_wait_for_the_line_that_it_interrupts(void **state) {
    (void)state;
    struct bombardment bombardment = { .target = pthread_self() };
    pthread_t sender;
    null_fd = open("/dev/null", O_WRONLY);
    otel_log_configure(OTEL_LOG_OPTIONS(.lines_per_second = -1, .fd = null_fd));
    handled = waits = 0;
    signal(SIGUSR1, configure_from_handler);
    pthread_create(&sender, NULL, bombard, &bombardment);
    for (unsigned lines = 0; handled < 500 && waits < 3; lines++) {
        log_here((int)lines);
    }
    bombardment.over = true;
    pthread_join(sender, NULL);
    signal(SIGUSR1, SIG_DFL);
    otel_log_configure(NULL);
    close(null_fd);
    assert_in_range(waits, 0, 2);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, catch_lines, catch_no_more)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_line_below_the_level_is_not_written_nor_evaluated),
        TEST(the_level_comes_from_the_environment),
        TEST(a_level_that_there_is_not_is_named),
        TEST(a_place_writes_so_many_lines_a_second_and_tells_the_rest),
        TEST(the_clock_may_be_set_back),
        TEST(two_seconds_in_turns_give_no_more_lines),
        TEST(without_a_place_the_logger_is_the_place),
        TEST(a_hundred_lines_a_second_are_the_default),
        TEST(lines_carry_the_ids_of_the_current_span),
        TEST(ids_come_along_without_an_sdk),
        TEST(older_callers_and_missing_parts_are_borne),
        TEST(nothing_is_allocated),
        TEST(errno_stays),
        TEST(lines_of_a_sink_are_dropped),
        TEST(a_handler_may_interrupt_any_line),
        TEST(settings_from_a_handler_do_not_wait_for_the_line_that_it_interrupts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
