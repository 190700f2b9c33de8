/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_threads_test.c - threads that measure while others read: nothing is lost, and every reading fits together. */
#include "metrics_fixture.h"

#include <pthread.h>
#include <signal.h>
#include <time.h>

enum { THREADS = 8, ROUNDS = UNDER_TSAN || UNDER_ASAN ? 3000 : 30000, ALONE = 20 * ROUNDS };

OTEL_COUNTER(orders, meter, "orders");
OTEL_COUNTER_DOUBLE(bytes, meter, "bytes");
OTEL_HISTOGRAM(duration, meter, "duration", "s");

static _Atomic unsigned running;
static otel_bound shared_bound;

static void *measure(void *data) {
    const unsigned number = *(const unsigned *)data;
    otel_bound own = otel_bind(orders, OTEL_ATTRS(OTEL_ATTR("thread", number)));
    for (unsigned i = 0; i < ROUNDS; i++) {
        otel_bound_add(&own, 1);
        otel_bound_add(&shared_bound, 1);
        otel_add(bytes, 0.5, OTEL_ATTRS(OTEL_ATTR("i", i % 700)));
        otel_record(duration, 0.001 * (i % 100), OTEL_ATTRS(OTEL_ATTR("a", i % 2), OTEL_ATTR("b", i % 3)));
    }
    /* Nothing but the one cell that all threads want. */
    for (unsigned i = 0; i < ALONE; i++)
        otel_bound_add(&shared_bound, 1);
    atomic_fetch_sub(&running, 1);
    return NULL;
}

/* What is read while threads measure never shrinks, and counts are what the buckets say. */
static void check_reading(uint64_t *least) {
    uint64_t total = 0;
    read_now();
    for (size_t i = 0; i < pulled.point_count; i++) {
        const struct metric_point *point = &pulled.points[i];
        uint64_t count = 0;
        for (size_t j = 0; point->type == OTEL_METRIC_HISTOGRAM && j <= point->bound_count; j++)
            count += point->buckets[j];
        assert_int_equal(count, point->count);
        if (point->type == OTEL_METRIC_HISTOGRAM)
            assert_true(point->min <= point->max && point->sum >= 0);
        total += strcmp(point->name, "orders") == 0 ? (uint64_t)point->integer : 0;
    }
    assert_true(total >= *least);
    *least = total;
}

static double sum_of(const struct metric_double *from, const char *name) {
    double sum = 0;
    for (size_t i = 0; i < from->point_count; i++)
        if (strcmp(from->points[i].name, name) == 0)
            sum +=
                from->points[i].type == OTEL_METRIC_HISTOGRAM ? (double)from->points[i].count : from->points[i].number;
    return sum;
}

static double deltas_of_orders, deltas_of_durations;

static void add_deltas(struct metric_double *me, const otel_metrics_data *metrics) {
    (void)metrics;
    deltas_of_orders += sum_of(me, "orders");
    deltas_of_durations += sum_of(me, "duration");
}

static void *flush_until_done(void *data) {
    while (atomic_load(&running) && otel_sdk_flush(LONG_MS) == OTEL_OK) {}
    return data;
}

static void sums_are_exact_whoever_reads_meanwhile(void **state) {
    (void)state;
    pthread_t threads[THREADS], flusher;
    unsigned numbers[THREADS];
    uint64_t least = 0;
    pushed.deltas = true;
    pushed.during = add_deltas;
    deltas_of_orders = deltas_of_durations = 0;
    begin_both(NULL);
    shared_bound = otel_bind(orders, otel__no_attrs());
    atomic_store(&running, THREADS);
    for (unsigned i = 0; i < THREADS; i++) {
        numbers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, measure, &numbers[i]), 0);
    }
    assert_int_equal(pthread_create(&flusher, NULL, flush_until_done, NULL), 0);
    while (atomic_load(&running))
        check_reading(&least);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_join(flusher, NULL);
    flush_now();
    read_now();
    const double all = (double)THREADS * ROUNDS, added = 2 * all + (double)THREADS * ALONE;
    assert_metric(&pulled, "orders", "", added - all);
    assert_metric(&pulled, "orders", "thread=3", ROUNDS);
    assert_true(sum_of(&pulled, "orders") <= added && sum_of(&pulled, "orders") >= added);
    assert_true(sum_of(&pulled, "bytes") <= all / 2 && sum_of(&pulled, "bytes") >= all / 2);
    assert_true(sum_of(&pulled, "duration") <= all && sum_of(&pulled, "duration") >= all);
    assert_int_equal(metric_count(&pulled, "bytes"), 700);
    assert_int_equal(metric_count(&pulled, "duration"), 6);
    assert_true(deltas_of_orders <= added && deltas_of_orders >= added);
    assert_true(deltas_of_durations <= all && deltas_of_durations >= all);
}

/* ---- starting and stopping ---------------------------------------------------------------------------------------- */

static void *measure_always(void *data) {
    otel_bound bound = otel_bind(orders, OTEL_ATTRS(OTEL_ATTR("k", "v")));
    for (unsigned i = 0; atomic_load(&running); i++) {
        otel_bound_add(&bound, 1);
        otel_add(bytes, 1, OTEL_ATTRS(OTEL_ATTR("i", i % 50)));
        otel_record(duration, 1);
    }
    return data;
}

static void sdks_come_and_go_while_threads_measure(void **state) {
    (void)state;
    pthread_t threads[2];
    atomic_store(&running, 1);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, measure_always, NULL), 0);
    for (unsigned i = 0; i < (UNDER_TSAN ? 20 : 100); i++) {
        begin_both(NULL);
        otel_add(orders, 1, OTEL_ATTRS(OTEL_ATTR("mine", i)));
        assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
        char attributes[32];
        snprintf(attributes, sizeof attributes, "mine=%u", i);
        assert_metric(&pushed, "orders", attributes, 1);
        assert_int_equal(pushed.late + pushed.overlaps, 0);
        stop_metrics(NULL);
    }
    atomic_store(&running, 0);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
}

static void handles_find_their_series_again(void **state) {
    (void)state;
    otel_bound bound = otel_bind(orders, OTEL_ATTRS(OTEL_ATTR("k", "v")));
    for (unsigned i = 1; i <= 3; i++) {
        otel_bound_add(&bound, 1000); /* goes nowhere */
        begin_pulled(NULL);
        otel_bound_add(&bound, i);
        otel_add(orders, i, OTEL_ATTRS(OTEL_ATTR("k", "v")));
        read_now();
        assert_metric(&pulled, "orders", "k=\"v\"", 2 * i);
        stop_metrics(NULL);
    }
}

/* ---- signals ------------------------------------------------------------------------------------------------------ */

static _Atomic uint64_t handled;
static otel_bound handler_bound;

/* Of series that are there already: those that are new take memory by malloc(), which a handler must not. */
static void add_from_handler(void) {
    otel_bound_add(&handler_bound, 1);
    otel_add(bytes, 1, OTEL_ATTRS(OTEL_ATTR("from", "handler"), OTEL_ATTR("n", 1)));
}

static void add_in_handler(int signal) {
    (void)signal;
    add_from_handler();
    atomic_fetch_add(&handled, 1);
}

static void a_handler_that_interrupts_an_add_does_no_harm(void **state) {
    (void)state;
    const struct sigaction action = { .sa_handler = add_in_handler }, ignore = { .sa_handler = SIG_IGN };
    struct sigevent event = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGALRM };
    const struct itimerspec often = { { 0, 50000 }, { 0, 50000 } };
    timer_t timer;
    uint64_t added = 0;
    handler_bound = otel_bind(orders, OTEL_ATTRS(OTEL_ATTR("from", "handler")));
    add_from_handler();
    atomic_store(&handled, 0);
    sigaction(SIGALRM, &action, NULL);
    assert_int_equal(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    timer_settime(timer, 0, &often, NULL);
    for (; atomic_load(&handled) < 2000; added++) {
        otel_add(orders, 1, OTEL_ATTRS(OTEL_ATTR("i", added % 1500), OTEL_ATTR("b", "x")));
        otel_record(duration, 0.5);
    }
    timer_delete(timer);
    sigaction(SIGALRM, &ignore, NULL);
    read_now();
    uint64_t seen = 0;
    for (size_t i = 0; i < pulled.point_count; i++)
        if (strcmp(pulled.points[i].name, "orders") == 0 && !strstr(pulled.points[i].attributes, "handler"))
            seen += (uint64_t)pulled.points[i].integer;
    assert_int_equal(seen, added);
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    const struct metric_point *point = metric_find(&pulled, "orders", "from=\"handler\"");
    const uint64_t counted = point ? (uint64_t)point->integer - 1 : 0;
    assert_true(counted <= atomic_load(&handled));
    assert_true(counted + ledger.interrupted_calls >= atomic_load(&handled)); /* ignored, and counted */
    print_message("measured: handler interrupting an add: %llu of %llu ignored\n",
                  (unsigned long long)(atomic_load(&handled) - counted), (unsigned long long)atomic_load(&handled));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        test_own(sums_are_exact_whoever_reads_meanwhile),
        test_own(sdks_come_and_go_while_threads_measure),
        test_own(handles_find_their_series_again),
        test_pulled(a_handler_that_interrupts_an_add_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
