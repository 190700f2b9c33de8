/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_fork_test.c - a child begins at zero and reads by itself; its parent is not disturbed. */
#include "in_child.h"
#include "metrics_fixture.h"

#include <pthread.h>
#include <unistd.h>

OTEL_COUNTER(orders, meter, "orders");
OTEL_COUNTER(others, meter, "others");
OTEL_GAUGE(level, meter, "level");
OTEL_HISTOGRAM(duration, meter, "duration", "s");

static otel_bound bound;

static void measure_some(void) {
    static otel_attr items[1];
    items[0] = OTEL_ATTR("k", 1);
    const otel_attrs attributes = { items, 1 };
    bound = otel_bind(orders, attributes);
    otel_bound_add(&bound, 5);
    otel_add(orders, 7);
    otel_record(level, 3);
    otel_record(duration, 1);
    otel_record(duration, 2);
}

static int begin_at_zero(void *data) {
    const uint64_t parent_start = *(const uint64_t *)data;
    STEP(metric_double_read(&pulled) == OTEL_OK);
    STEP(metric_count(&pulled, NULL) == 0);
    otel_bound_add(&bound, 1);
    otel_add(orders, 2);
    otel_record(duration, 4);
    STEP(metric_double_read(&pulled) == OTEL_OK);
    STEP(metric_count(&pulled, NULL) == 3);
    const struct metric_point *point = metric_find(&pulled, "orders", "k=1");
    STEP(point && point->integer == 1 && point->start_time > parent_start);
    point = metric_find(&pulled, "orders", "");
    STEP(point && point->integer == 2);
    point = metric_find(&pulled, "duration", "");
    STEP(point && point->count == 1 && point->min >= 4 && point->max <= 4);
    return 0;
}

static void a_child_begins_at_zero(void **state) {
    (void)state;
    measure_some();
    read_now();
    uint64_t start = pulled.points[0].start_time;
    assert_int_equal(in_child(begin_at_zero, &start), 0);
    read_now();
    assert_metric(&pulled, "orders", "k=1", 5);
    assert_metric(&pulled, "orders", "", 7);
    assert_histogram(&pulled, "duration", "", 2, 3);
    assert_int_equal(pulled.points[0].start_time, start);
    assert_int_equal(pulled.forks_before, 1);
    assert_int_equal(pulled.forks_parent, 1);
}

static int push_by_itself(void *unused) {
    (void)unused;
    STEP(pushed.forks_child == 1);
    metric_double_keep(&pushed, &(otel_metrics_data){ .size = sizeof(otel_metrics_data) });
    const unsigned before = pushed.exports;
    usleep(5000);
    STEP(pushed.exports == before); /* no thread: nothing is measured yet */
    otel_bound_add(&bound, 1);
    STEP(otel_sdk_flush(LONG_MS) == OTEL_OK);
    STEP(pushed.exports > before);
    STEP(metric_count(&pushed, NULL) == 1);
    const struct metric_point *point = metric_find(&pushed, "orders", "k=1");
    STEP(point && point->integer == 1);
    otel_bound_add(&bound, 1);
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    point = metric_find(&pushed, "orders", "k=1");
    STEP(point && point->integer == (pushed.deltas ? 1 : 2));
    return 0;
}

static void a_child_has_a_reader_of_its_own(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    measure_some();
    flush_now();
    assert_int_equal(in_child(push_by_itself, NULL), 0);
    otel_add(orders, 1);
    flush_now();
    assert_metric(&pushed, "orders", "", pushed.deltas ? 1 : 8);
    assert_int_equal(pushed.forks_parent, 1);
}

static int stop_unused(void *unused) {
    (void)unused;
    const unsigned before = pushed.exports;
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    STEP(pushed.exports == before && pushed.shutdowns == 1);
    return 0;
}

static void a_child_that_measures_nothing_exports_nothing(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    measure_some();
    flush_now();
    assert_int_equal(in_child(stop_unused, NULL), 0);
}

static int fork_again(void *start) {
    otel_add(orders, 1);
    return in_child(begin_at_zero, start);
}

static void grandchildren_too(void **state) {
    (void)state;
    measure_some();
    read_now();
    uint64_t start = pulled.points[0].start_time;
    assert_int_equal(in_child(fork_again, &start), 0);
}

/* ---- while others make series ------------------------------------------------------------------------------------- */

static _Atomic bool done;

static void *make_series(void *data) {
    const unsigned number = *(const unsigned *)data;
    for (unsigned i = 0; !atomic_load(&done); i++)
        otel_add(others, 1, OTEL_ATTRS(OTEL_ATTR("thread", number), OTEL_ATTR("i", i % 900)));
    return NULL;
}

static int make_series_in_child(void *unused) {
    (void)unused;
    for (unsigned i = 0; i < 1000; i++)
        otel_add(others, 1, OTEL_ATTRS(OTEL_ATTR("child", i)));
    STEP(metric_double_read(&pulled) == OTEL_OK);
    int64_t sum = 0;
    for (size_t i = 0; i < pulled.point_count; i++)
        sum += pulled.points[i].integer;
    STEP(sum == 1000);
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    return 0;
}

static void a_fork_while_threads_make_series_leaves_both_whole(void **state) {
    (void)state;
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    SKIP_IF(UNDER_ASAN, "AddressSanitizer's allocator stays locked in the child");
    enum { THREADS = 2, FORKS = 30 };
    pthread_t threads[THREADS];
    unsigned numbers[THREADS];
    for (unsigned round = 0; round < FORKS; round++) {
        begin_both(NULL);
        atomic_store(&done, false);
        for (unsigned i = 0; i < THREADS; i++) {
            numbers[i] = i;
            assert_int_equal(pthread_create(&threads[i], NULL, make_series, &numbers[i]), 0);
        }
        usleep(round % 5 * 200);
        assert_int_equal(in_child(make_series_in_child, NULL), 0);
        atomic_store(&done, true);
        for (unsigned i = 0; i < THREADS; i++)
            pthread_join(threads[i], NULL);
        read_now();
        stop_metrics(NULL);
    }
}

/* ---- handlers that run between ours ------------------------------------------------------------------------------- */

static void measure_while_forking(void) {
    static unsigned calls;
    calls++;
    otel_add(others, 1, OTEL_ATTRS(OTEL_ATTR("call", calls)));
}

static int nothing(void *unused) {
    (void)unused;
    return 0;
}

/* First of all tests: this handler is registered before ours, so that it runs while we hold the lock. */
static void handlers_of_the_program_may_measure(void **state) {
    (void)state;
    assert_int_equal(pthread_atfork(measure_while_forking, NULL, NULL), 0);
    begin_pulled(NULL);
    assert_int_equal(in_child(nothing, NULL), 0);
    read_now();
    assert_int_equal(metric_count(&pulled, "others"), 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        test_own(handlers_of_the_program_may_measure),
        test_pulled(a_child_begins_at_zero),
        test_both(a_child_has_a_reader_of_its_own),
        test_deltas(a_child_has_a_reader_of_its_own),
        test_both(a_child_that_measures_nothing_exports_nothing),
        test_pulled(grandchildren_too),
        test_own(a_fork_while_threads_make_series_leaves_both_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
