/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_allocation_test.c - measuring into series that are there allocates nothing, and where memory is short nothing breaks. */
#include "failing_allocator.h"
#include "metrics_fixture.h"

#include <time.h>

OTEL_COUNTER(orders, meter, "orders");
OTEL_COUNTER_DOUBLE(bytes, meter, "bytes");
OTEL_GAUGE(level, meter, "level");
OTEL_HISTOGRAM(duration, meter, "duration", "s");
OTEL_OBSERVABLE_COUNTER(cpu, meter, "cpu");

static otel_bound bound, timed;

static void bind_handles(void) {
    static otel_attr items[1];
    items[0] = OTEL_ATTR("k", "v");
    const otel_attrs attributes = { items, 1 };
    bound = otel_bind(orders, attributes);
    timed = otel_bind(duration, attributes);
}

static void measure_all(void) {
    otel_bound_add(&bound, 1);
    otel_bound_record(&timed, 0.5);
    otel_add(orders, 1);
    otel_add(orders, 1, OTEL_ATTRS(OTEL_ATTR("c", "text"), OTEL_ATTR("a", 1), OTEL_ATTR("b", 0.5)));
    otel_add(bytes, 0.5, OTEL_ATTRS(OTEL_ATTR("a", otel_bool(true))));
    otel_record(level, 3);
    otel_record(duration, 0.25, OTEL_ATTRS(OTEL_ATTR("route", "/a")));
}

static void series_that_are_there_take_no_memory(void **state) {
    (void)state;
    SKIP_IF(!failing_allocator_works(), "allocations cannot be counted here");
    bind_handles();
    measure_all();
    failing_allocator_fail(1, true);
    for (unsigned i = 0; i < 1000; i++)
        measure_all();
    const unsigned allocations = failing_allocator_failures();
    failing_allocator_fail(0, false);
    print_message("measured: allocations of 1000 bound adds and 5000 adds to series that are there: %u\n", allocations);
    assert_int_equal(allocations, 0);
    read_now();
    assert_metric(&pulled, "orders", "a=1,b=0.5,c=\"text\"", 1001);
}

static void what_overflows_takes_no_memory(void **state) {
    (void)state;
    SKIP_IF(!failing_allocator_works(), "allocations cannot be counted here");
    for (unsigned i = 0; i < 2010; i++)
        otel_add(orders, 1, OTEL_ATTRS(OTEL_ATTR("i", i)));
    failing_allocator_fail(1, true);
    for (unsigned i = 2010; i < 3000; i++)
        otel_add(orders, 1, OTEL_ATTRS(OTEL_ATTR("i", i)));
    const unsigned allocations = failing_allocator_failures();
    failing_allocator_fail(0, false);
    assert_int_equal(allocations, 0);
    read_now();
    assert_metric(&pulled, "orders", "otel.metric.overflow=true", 3000 - 1999);
}

static void observe(void *data, otel_observer *observer) {
    (void)data;
    otel_observe(observer, cpu, 5);
}

/* Each allocation in turn fails, or it and all after it, until one call needs none of those. */
static void where_memory_is_short_something_is_missing_and_nothing_breaks(void **state) {
    (void)state;
    SKIP_IF(!failing_allocator_works(), "allocations cannot be made to fail here");
    const uint64_t registration = otel_observe_with(observe, NULL);
    for (unsigned all = 0; all < 2; all++) {
        for (unsigned nth = 1, failed = 1; failed; nth++) {
            begin_pulled(NULL);
            read_now(); /* what the double needs itself */
            bind_handles();
            failing_allocator_fail(nth, all);
            measure_all();
            const otel_status status = metric_double_read(&pulled);
            failed = failing_allocator_failures();
            failing_allocator_fail(0, false);
            assert_true(status == OTEL_OK || (status == OTEL_ERR_MEMORY && failed));
            measure_all();
            read_now();
            /* All is there once there is memory again. */
            const struct metric_point *point = metric_find(&pulled, "orders", "");
            assert_true(point && point->integer >= 1 && (failed || point->integer == 2));
            assert_non_null(metric_find(&pulled, "orders", "k=\"v\""));
            assert_non_null(metric_find(&pulled, "duration", "route=\"/a\""));
            stop_metrics(NULL);
        }
    }
    otel_unobserve(registration);
}

static void a_start_without_memory_fails_and_consumes_its_readers(void **state) {
    (void)state;
    SKIP_IF(!failing_allocator_works(), "allocations cannot be made to fail here");
    static const char *const keys[] = { "a" };
    const otel_view view = {
        .instrument = "orders", .name = "renamed", .attribute_keys = keys, .attribute_key_count = 1
    };
    bool started = false;
    for (unsigned nth = 1; !started; nth++) {
        const otel_metrics_options metrics = { .readers = OTEL_READERS(metric_double_pull(&pulled)),
                                               .views = { &view, 1 } };
        reports_start(OTEL_LOG_ERROR);
        failing_allocator_fail(nth, false);
        const otel_status status = otel_sdk_start(OTEL_SDK(.service_name = "test", .diagnostic = reports_keep,
                                                           .sampler = otel_sampler_always_on(), .metrics = metrics));
        started = failing_allocator_failures() == 0;
        failing_allocator_fail(0, false);
        assert_true(status == OTEL_OK || status == OTEL_ERR_MEMORY || !started);
        otel_sdk_stop(LONG_MS);
        assert_int_equal(pulled.destroys, nth);
    }
}

/* ---- what it costs: printed, since the machine may be busy ---------------------------------------------------------- */

enum { ROUNDS = 100, EACH = 10000 };

static double best_ns(void (*call)(void)) {
    double best = 1e9;
    for (unsigned round = 0; round < ROUNDS; round++) {
        struct timespec from, to;
        clock_gettime(CLOCK_MONOTONIC, &from);
        for (unsigned i = 0; i < EACH; i++)
            call();
        clock_gettime(CLOCK_MONOTONIC, &to);
        const double ns =
            ((double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec)) / (double)EACH;
        best = ns < best ? ns : best;
    }
    return best;
}

static void add_bound(void) { otel_bound_add(&bound, 1); }
static void record_bound(void) { otel_bound_record(&timed, 0.5); }
static void add_three(void) {
    otel_add(orders, 1, OTEL_ATTRS(OTEL_ATTR("c", "text"), OTEL_ATTR("a", 1), OTEL_ATTR("b", 0.5)));
}

static void what_measuring_costs(void **state) {
    (void)state;
    bind_handles();
    print_message("measured: metrics, this build: bound add %.1f ns, bound record %.1f ns, add with three attributes "
                  "%.1f ns\n",
                  best_ns(add_bound), best_ns(record_bound), best_ns(add_three));
    read_now();
    assert_metric(&pulled, "orders", "k=\"v\"", (double)ROUNDS * EACH);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        test_pulled(series_that_are_there_take_no_memory),
        test_pulled(what_overflows_takes_no_memory),
        test_own(where_memory_is_short_something_is_missing_and_nothing_breaks),
        test_own(a_start_without_memory_fails_and_consumes_its_readers),
        test_pulled(what_measuring_costs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
