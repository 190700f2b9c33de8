/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_reader_test.c - readers: at an interval, when flushed, when stopped, when asked; and that time is kept. */
#include "base/clock.h"
#include "in_child.h"
#include "metrics_fixture.h"
#include "proc.h"

#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

OTEL_COUNTER(orders, meter, "orders");

enum { LATE_MS = 5000 }; /* more than any machine is late */

static uint64_t begin_ns;
static void begin_clock(void) { begin_ns = otel__clock_monotonic(); }
static uint64_t clock_ms(void) { return (otel__clock_monotonic() - begin_ns) / OTEL__MILLISECOND; }

static otel_status start_periodic(int interval_ms) {
    return start_metrics(interval_ms, (otel_metrics_options){ .cardinality_limit = 0 });
}

static void a_reader_reads_at_its_interval(void **state) {
    (void)state;
    start_periodic(5);
    otel_add(orders, 1);
    assert_soon(atomic_load(&pushed.exports) >= 3);
    assert_int_equal(pushed.timeout, 30000);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(pushed.overlaps + pushed.late, 0);
    assert_metric(&pushed, "orders", "", 1);
}

static sigset_t mask_seen;
static char name_seen[32];

static void look_at_thread(struct metric_double *me, const otel_metrics_data *metrics) {
    (void)me;
    (void)metrics;
    pthread_sigmask(SIG_SETMASK, NULL, &mask_seen);
    pthread_getname_np(pthread_self(), name_seen, sizeof name_seen);
    otel_add(orders, 100); /* an exporter's own are ignored */
}

static void its_thread_has_a_name_and_takes_no_signals(void **state) {
    (void)state;
    pushed.during = look_at_thread;
    start_periodic(-1);
    otel_add(orders, 1);
    flush_now();
    assert_string_equal(name_seen, "otel-metrics");
    for (int signal = 1; signal < 32; signal++)
        if (signal != SIGKILL && signal != SIGSTOP)
            assert_true(sigismember(&mask_seen, signal));
    assert_int_not_equal(pushed.thread, gettid());
    flush_now();
    assert_metric(&pushed, "orders", "", 1);
}

static void no_thread_is_started_before_an_instrument_is_used(void **state) {
    (void)state;
    start_periodic(1);
    usleep(20000);
    flush_now();
    assert_int_equal(pushed.exports, 0);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(pushed.exports, 0);
    assert_int_equal(pushed.thread, 0);
    assert_int_equal(pushed.shutdowns, 1); /* on this thread: there is nothing that it could wait for */
    assert_int_equal(pushed.destroys, 1);
}

static void failed_exports_are_what_a_flush_says(void **state) {
    (void)state;
    start_periodic(-1);
    otel_add(orders, 1);
    atomic_store(&pushed.export_status, OTEL_ERR_EXPORT);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_ERR_EXPORT);
    atomic_store(&pushed.export_status, OTEL_OK);
    atomic_store(&pushed.flush_status, OTEL_ERR_EXPORT);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_ERR_EXPORT);
    atomic_store(&pushed.flush_status, OTEL_OK);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    atomic_store(&pushed.export_status, OTEL_ERR_EXPORT);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_ERR_EXPORT);
}

static void a_flush_keeps_its_deadline(void **state) {
    (void)state;
    start_periodic(-1);
    otel_add(orders, 1);
    atomic_store(&pushed.hold, true);
    begin_clock();
    assert_int_equal(otel_sdk_flush(50), OTEL_ERR_TIMEOUT);
    assert_true(clock_ms() >= 50 && clock_ms() < LATE_MS);
    atomic_store(&pushed.hold, false);
    flush_now();
}

static _Atomic bool enough;
static _Atomic unsigned late_flushes;

static void *flush_over_and_over(void *data) {
    (void)data;
    while (!atomic_load(&enough) && atomic_load(&late_flushes) == 0)
        if (otel_sdk_flush(LONG_MS) == OTEL_ERR_TIMEOUT)
            atomic_fetch_add(&late_flushes, 1);
    return NULL;
}

/* The thread that would do it may have come to its end just now. */
static void a_flush_beside_a_stop_does_not_wait_for_its_deadline(void **state) {
    (void)state;
    pthread_t flushing;
    atomic_store(&enough, false);
    assert_int_equal(pthread_create(&flushing, NULL, flush_over_and_over, NULL), 0);
    for (unsigned i = 0; i < 300 && atomic_load(&late_flushes) == 0; i++) {
        assert_int_equal(start_periodic(-1), OTEL_OK);
        if (i % 2)
            otel_add(orders, 1);
        usleep(100);
        assert_int_equal(otel_sdk_stop(2 * LONG_MS), OTEL_OK);
        stop_metrics(NULL);
    }
    atomic_store(&enough, true);
    pthread_join(flushing, NULL);
    assert_int_equal(late_flushes, 0);
}

static void a_stop_cancels_when_its_time_is_up(void **state) {
    (void)state;
    start_periodic(-1);
    otel_add(orders, 1);
    atomic_store(&pushed.hold, true);
    begin_clock();
    assert_int_equal(otel_sdk_stop(50), OTEL_ERR_TIMEOUT);
    assert_true(clock_ms() >= 50 && clock_ms() < LATE_MS);
    assert_int_equal(pushed.cancels, 1);
    assert_true(pushed.timeout <= 50);
    assert_int_equal(pushed.destroys, 1);
}

static void what_hangs_is_left_and_freed_later(void **state) {
    (void)state;
    start_periodic(-1);
    otel_add(orders, 1);
    atomic_store(&pushed.hold, true);
    atomic_store(&pushed.ignores_cancel, true);
    begin_clock();
    assert_int_equal(otel_sdk_stop(20), OTEL_ERR_TIMEOUT);
    assert_true(clock_ms() < LATE_MS);
    assert_int_equal(pushed.destroys, 0);
    otel_error why;
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "t", .error = &why)), OTEL_ERR_STATE);
    otel_add(orders, 1); /* goes nowhere */
    atomic_store(&pushed.hold, false);
    assert_soon(otel_sdk_stop(0) == OTEL_OK);
    assert_int_equal(pushed.destroys, 1);
    assert_int_equal(pushed.shutdowns, 1);
}

/* ---- without threads ---------------------------------------------------------------------------------------------- */

static bool limit_address_space(rlim_t limit) {
    const struct rlimit limits = { .rlim_cur = limit, .rlim_max = RLIM_INFINITY };
    return setrlimit(RLIMIT_AS, &limits) == 0;
}

/* Room for an instrument, but not for the stack of a thread. */
static int measures_without_threads(void *unused) {
    (void)unused;
    otel_bound bound = otel_bind(orders, otel__no_attrs());
    STEP(start_periodic(5) == OTEL_OK);
    STEP(limit_address_space(1024 * (proc_memory_kib("VmSize:") + 200)));
    otel_add(orders, 1);
    otel_bound_add(&bound, 1);
    STEP(reports_mention("cannot start the thread that reads metrics", "trying again"));
    STEP(reports_count() == 1);
    STEP(limit_address_space(RLIM_INFINITY));
    for (unsigned i = 0; i < LATE_MS && atomic_load(&pushed.exports) == 0; i++) {
        otel_bound_add(&bound, 1); /* the same instrument, bound already */
        usleep(1000);
    }
    STEP(atomic_load(&pushed.exports) != 0);
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    STEP(metric_find(&pushed, "orders", "") != NULL);
    return 0;
}

static void a_thread_that_could_not_be_had_is_asked_for_again(void **state) {
    (void)state;
    SKIP_IF(UNDER_ASAN || UNDER_TSAN, "sanitizers need all of the address space");
    assert_int_equal(in_child(measures_without_threads, NULL), 0);
}

/* ---- at exit ------------------------------------------------------------------------------------------------------ */

static int told[2];

static void tell(struct metric_double *me, const otel_metrics_data *metrics) {
    (void)me;
    const char count = (char)('0' + metrics->metric_count);
    if (write(told[1], &count, 1) != 1)
        abort();
}

static int measure_and_exit(void *unused) {
    (void)unused;
    pushed.during = tell;
    start_periodic(-1);
    otel_add(orders, 1);
    exit(3);
}

static void what_was_measured_goes_out_at_exit(void **state) {
    (void)state;
    char count = 0;
    assert_int_equal(pipe(told), 0);
    fflush(NULL);
    assert_int_equal(in_child(measure_and_exit, NULL), 3);
    close(told[1]);
    assert_int_equal(read(told[0], &count, 1), 1);
    assert_int_equal(count, '1');
    assert_int_equal(read(told[0], &count, 1), 0);
    close(told[0]);
}

/* ---- callbacks ---------------------------------------------------------------------------------------------------- */

static _Atomic bool hang, hangs;

static void hang_here(void *data, otel_observer *observer) {
    (void)data;
    (void)observer;
    atomic_store(&hangs, true);
    WAIT_UNTIL(!atomic_load(&hang));
    atomic_store(&hangs, false);
}

static void *ask(void *data) {
    (void)data;
    metric_double_read(&pulled);
    return NULL;
}

static void a_callback_that_hangs_does_not_hold_up_a_stop(void **state) {
    (void)state;
    pthread_t asking;
    atomic_store(&hang, true);
    const uint64_t registration = otel_observe_with(hang_here, NULL);
    start_periodic(-1);
    otel_add(orders, 1);
    assert_int_equal(pthread_create(&asking, NULL, ask, NULL), 0);
    WAIT_UNTIL(atomic_load(&hangs));
    begin_clock();
    assert_int_equal(otel_sdk_stop(30), OTEL_ERR_TIMEOUT);
    assert_true(clock_ms() < LATE_MS);
    assert_int_equal(pulled.destroys, 0);
    atomic_store(&hang, false);
    pthread_join(asking, NULL);
    assert_soon(otel_sdk_stop(0) == OTEL_OK);
    assert_int_equal(pulled.destroys, 1);
    assert_int_equal(pulled.stops, 1);
    assert_int_equal(pushed.destroys, 1);
    otel_unobserve(registration);
}

static void read_again(void *data, const otel_metrics_data *metrics) {
    (void)metrics;
    *(otel_status *)data = metric_double_read(&pulled); /* within another */
    otel_add(orders, 100);                              /* as in an exporter */
}

static void a_reader_is_asked_while_the_sdk_runs(void **state) {
    (void)state;
    start_metrics(0, (otel_metrics_options){ .cardinality_limit = 0 });
    assert_int_equal(pulled.starts, 1);
    otel_metric_source *source = atomic_load(&pulled.source);
    otel_status inner = OTEL_OK;
    otel_add(orders, 1);
    assert_int_equal(otel_metric_source_read(source, read_again, &inner), OTEL_OK);
    assert_int_equal(inner, OTEL_ERR_STATE);
    assert_int_equal(otel_metric_source_read(NULL, read_again, &inner), OTEL_ERR_STATE);
    assert_int_equal(otel_metric_source_read(source, NULL, NULL), OTEL_ERR_STATE);
    read_now();
    assert_metric(&pulled, "orders", "", 1);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(pulled.stops, 1);
    assert_int_equal(pulled.destroys, 1);
}

static void a_reader_that_cannot_begin_is_reported(void **state) {
    (void)state;
    atomic_store(&pulled.start_status, OTEL_ERR_EXPORT);
    assert_int_equal(start_metrics(0, (otel_metrics_options){ .cardinality_limit = 0 }), OTEL_OK);
    assert_true(reports_mention("the double reader of metrics cannot begin", NULL));
    otel_sdk_stop(LONG_MS);
    assert_int_equal(pulled.stops, 0);
    assert_int_equal(pulled.destroys, 1);
}

static otel_error why;

static otel_status start_with(otel_metric_reader *const *readers, size_t count) {
    const otel_metrics_options metrics = { .readers = { readers, count } };
    return otel_sdk_start(OTEL_SDK(.service_name = "t", .metrics = metrics, .error = &why));
}

static void readers_are_consumed_whatever_happens(void **state) {
    (void)state;
    otel_metric_reader *one = metric_double_pull(&pulled), *two = metric_double_pull(&pulled);
    assert_int_equal(start_with((otel_metric_reader *const[]){ one, NULL }, 2), OTEL_ERR_CONFIG);
    assert_non_null(strstr(why.text, "reader 2 of 2 is NULL"));
    assert_int_equal(pulled.destroys, 1);
    assert_int_equal(start_with((otel_metric_reader *const[]){ two, two }, 2), OTEL_ERR_CONFIG);
    assert_non_null(strstr(why.text, "are the same one"));
    assert_int_equal(pulled.destroys, 2);
    otel_metric_reader *five[5];
    for (unsigned i = 0; i < 5; i++)
        five[i] = metric_double_pull(&pulled);
    assert_int_equal(start_with(five, 5), OTEL_ERR_CONFIG);
    assert_int_equal(pulled.destroys, 7);
    assert_int_equal(start_with(NULL, 1), OTEL_ERR_CONFIG);
    otel_metric_reader *last[] = { metric_double_pull(&pulled) };
    const otel_metrics_options metrics = { .readers = { last, 1 } };
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "t", .disabled = true, .metrics = metrics)), OTEL_OK);
    assert_int_equal(pulled.destroys, 8);
    assert_int_equal(pulled.starts, 0);
    assert_null(otel_periodic_reader(NULL, NULL));
    otel_metric_reader_destroy(NULL);
    otel_metric_exporter_destroy(NULL);
    otel_metric_reader_destroy(metric_double_periodic(&pushed, 1));
    assert_int_equal(pushed.destroys, 1);
}

static void destroyed(void *self) { ++*(unsigned *)self; }

static void tables_without_what_is_needed_are_refused(void **state) {
    (void)state;
    unsigned destroys = 0;
    reports_start(OTEL_LOG_DEBUG);
    const otel_metric_exporter_ops exporter = { .size = sizeof exporter, .name = "n", .destroy = destroyed };
    const otel_pull_reader_ops reader = { .size = sizeof reader, .name = "n", .destroy = destroyed };
    assert_null(otel_metric_exporter_create(&exporter, &destroys));
    assert_null(otel_metric_exporter_create(NULL, &destroys));
    assert_null(otel_pull_reader_create(&reader, &destroys));
    assert_null(otel_pull_reader_create(NULL, &destroys));
    assert_int_equal(destroys, 2);
    assert_true(reports_mention("no export_metrics", NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_measured_goes_out_at_exit),                /* first: nothing was started here */
        cmocka_unit_test(a_thread_that_could_not_be_had_is_asked_for_again), /* no stack of another one is there */
        test_own(a_reader_reads_at_its_interval),
        test_own(its_thread_has_a_name_and_takes_no_signals),
        test_own(no_thread_is_started_before_an_instrument_is_used),
        test_own(failed_exports_are_what_a_flush_says),
        test_own(a_flush_keeps_its_deadline),
        test_own(a_flush_beside_a_stop_does_not_wait_for_its_deadline),
        test_own(a_stop_cancels_when_its_time_is_up),
        test_own(what_hangs_is_left_and_freed_later),
        test_own(a_callback_that_hangs_does_not_hold_up_a_stop),
        test_own(a_reader_is_asked_while_the_sdk_runs),
        test_own(a_reader_that_cannot_begin_is_reported),
        test_own(readers_are_consumed_whatever_happens),
        test_own(tables_without_what_is_needed_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
