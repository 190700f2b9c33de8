/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_observe_test.c - callbacks are asked when metrics are read, and what they don't observe is not there. */
#include "in_child.h"
#include "metrics_fixture.h"

#include <math.h>
#include <pthread.h>
#include <unistd.h>

OTEL_OBSERVABLE_COUNTER(cpu, meter, "cpu", "s");
OTEL_OBSERVABLE_UP_DOWN_COUNTER(queue, meter, "queue");
OTEL_OBSERVABLE_UP_DOWN_COUNTER_DOUBLE(money, meter, "money");
OTEL_OBSERVABLE_GAUGE_DOUBLE(load, meter, "load");
OTEL_OBSERVABLE_GAUGE(users, meter, "users");
OTEL_COUNTER(plain, meter, "plain");

static _Atomic unsigned asked;
static int64_t value;

static void observe_cpu(void *data, otel_observer *observer) {
    atomic_fetch_add(&asked, 1);
    otel_observe(observer, cpu, *(int64_t *)data, OTEL_ATTRS(OTEL_ATTR("k", 1)));
}

static void callbacks_are_asked_at_each_reading(void **state) {
    (void)state;
    const uint64_t registration = otel_observe_with(observe_cpu, &value);
    assert_int_not_equal(registration, 0);
    value = 5;
    asked = 0;
    read_now();
    const struct metric_point *point = assert_metric(&pulled, "cpu", "k=1", 5);
    assert_true(point->monotonic);
    assert_string_equal(point->unit, "s");
    value = 7;
    read_now();
    assert_metric(&pulled, "cpu", "k=1", 7);
    assert_int_equal(asked, 2);
    otel_unobserve(registration);
    read_now();
    assert_int_equal(metric_count(&pulled, NULL), 0);
    assert_int_equal(asked, 2);
}

static void observe_some(void *data, otel_observer *observer) {
    const unsigned from = *(unsigned *)data;
    for (unsigned i = from; i < from + 2; i++)
        otel_observe(observer, users, i, OTEL_ATTRS(OTEL_ATTR("i", i)));
    otel_observe(observer, load, 0.5);
    otel_observe(observer, load, 0.75); /* the last one counts */
    otel_observe(observer, queue, -3);
    otel_observe(observer, money, 1);
}

static void only_what_was_observed_in_this_reading_is_there(void **state) {
    (void)state;
    unsigned from = 0;
    const uint64_t registration = otel_observe_with(observe_some, &from);
    read_now();
    assert_metric(&pulled, "users", "i=0", 0);
    assert_metric(&pulled, "users", "i=1", 1);
    from = 1;
    read_now();
    otel_unobserve(registration);
    assert_int_equal(metric_count(&pulled, "users"), 2);
    assert_metric(&pulled, "users", "i=2", 2);
    assert_metric(&pulled, "load", "", 0.75);
    assert_int_equal(assert_metric(&pulled, "load", "", 0.75)->type, OTEL_METRIC_GAUGE);
    assert_metric(&pulled, "queue", "", -3);
    assert_metric(&pulled, "money", "", 1);
}

static void registrations_outlive_sdks(void **state) {
    (void)state;
    const uint64_t registration = otel_observe_with(observe_cpu, &value);
    for (unsigned i = 0; i < 2; i++) {
        begin_pulled(NULL);
        value = i + 1;
        read_now();
        assert_metric(&pulled, "cpu", "k=1", i + 1);
        stop_metrics(NULL);
    }
    otel_unobserve(registration);
}

static void a_stop_asks_once_more(void **state) {
    (void)state;
    const uint64_t registration = otel_observe_with(observe_cpu, &value);
    begin_both(NULL);
    value = 11;
    asked = 0;
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    otel_unobserve(registration);
    assert_int_equal(asked, 1);
    assert_metric(&pushed, "cpu", "k=1", 11);
}

static void observe_twice(void *data, otel_observer *observer) {
    (void)data;
    for (unsigned i = 0; i < 3; i++) {
        otel_observe(observer, cpu, 10, OTEL_ATTRS(OTEL_ATTR("core", i)));
        otel_observe(observer, money, 0.5, OTEL_ATTRS(OTEL_ATTR("core", i)));
        otel_observe(observer, users, i, OTEL_ATTRS(OTEL_ATTR("core", i)));
    }
}

static void what_a_view_throws_together_is_summed(void **state) {
    (void)state;
    static const char *const none[] = { NULL };
    const otel_view view = { .attribute_keys = none };
    const otel_metrics_options metrics = { .views = { &view, 1 } };
    start_metrics(0, metrics);
    const uint64_t registration = otel_observe_with(observe_twice, NULL);
    read_now();
    read_now();
    otel_unobserve(registration);
    assert_metric(&pulled, "cpu", "", 30);
    assert_metric(&pulled, "money", "", 1.5);
    assert_metric(&pulled, "users", "", 2);
}

static void observe_with_and_without(void *data, otel_observer *observer) {
    const bool *with_first = data;
    if (*with_first)
        otel_observe(observer, cpu, 5, OTEL_ATTRS(OTEL_ATTR("core", 1)));
    otel_observe(observer, cpu, 7);
    if (!*with_first)
        otel_observe(observer, cpu, 5, OTEL_ATTRS(OTEL_ATTR("core", 1)));
}

static void a_view_sums_in_any_order(void **state) {
    (void)state;
    static const char *const none[] = { NULL };
    const otel_view view = { .attribute_keys = none };
    start_metrics(0, (otel_metrics_options){ .views = { &view, 1 } });
    for (unsigned i = 0; i < 2; i++) {
        bool with_first = i == 0;
        const uint64_t registration = otel_observe_with(observe_with_and_without, &with_first);
        read_now();
        otel_unobserve(registration);
        assert_metric(&pulled, "cpu", "", 12);
    }
}

static void observe_wrongly(void *data, otel_observer *observer) {
    (void)data;
    otel_observe(observer, plain, 1);
    otel_observe(observer, plain, 1.5);
    otel_observe(observer, load, (double)NAN);
    otel_observe(observer, (otel_instrument *)NULL, 1);
    otel_observe((otel_observer *)NULL, load, 1);
    otel_observe(observer, load, 1);
    otel_observe(observer, queue, 2.9);
}

static void wrong_observations_are_left_out(void **state) {
    (void)state;
    otel_add(load, 1);
    otel_add(load, 1.0);
    assert_true(reports_mention("'load'", "is observable"));
    const uint64_t registration = otel_observe_with(observe_wrongly, NULL);
    read_now();
    otel_unobserve(registration);
    assert_int_equal(metric_count(&pulled, NULL), 2);
    assert_metric(&pulled, "load", "", 1);
    assert_metric(&pulled, "queue", "", 2);
}

static void use_everything(void *data, otel_observer *observer) {
    otel_status *stopped = data;
    otel_add(plain, 1);
    otel_observe(observer, users, 1);
    stopped[0] = otel_sdk_stop(0);
    stopped[1] = otel_sdk_flush(0);
    stopped[2] = metric_double_read(&pulled);
}

static void a_callback_may_measure_but_not_stop(void **state) {
    (void)state;
    otel_status stopped[3] = { OTEL_OK, OTEL_OK, OTEL_OK };
    const uint64_t registration = otel_observe_with(use_everything, stopped);
    read_now();
    assert_metric(&pulled, "plain", "", 1);
    flush_now();
    otel_unobserve(registration);
    assert_metric(&pushed, "plain", "", 2);
    assert_metric(&pushed, "users", "", 1);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(stopped[i], OTEL_ERR_STATE);
}

static _Atomic int phase;

static void observe_slowly(void *data, otel_observer *observer) {
    (void)data;
    (void)observer;
    atomic_store(&phase, 1);
    WAIT_UNTIL(atomic_load(&phase) == 2);
    usleep(20000);
    atomic_store(&phase, 3);
}

static void *read_elsewhere(void *data) {
    (void)data;
    metric_double_read(&pulled);
    return NULL;
}

static void taking_a_callback_out_waits_for_it(void **state) {
    (void)state;
    pthread_t reader;
    atomic_store(&phase, 0);
    const uint64_t registration = otel_observe_with(observe_slowly, NULL);
    assert_int_equal(pthread_create(&reader, NULL, read_elsewhere, NULL), 0);
    WAIT_UNTIL(atomic_load(&phase) == 1);
    atomic_store(&phase, 2);
    otel_unobserve(registration);
    assert_int_equal(phase, 3);
    pthread_join(reader, NULL);
}

static uint64_t own;

static void take_itself_out(void *data, otel_observer *observer) {
    (void)observer;
    atomic_fetch_add(&asked, 1);
    otel_unobserve(*(uint64_t *)data);
}

static void a_callback_may_take_itself_out(void **state) {
    (void)state;
    asked = 0;
    own = otel_observe_with(take_itself_out, &own);
    read_now();
    read_now();
    assert_int_equal(asked, 1);
}

static void take_itself_out_slowly(void *data, otel_observer *observer) {
    otel_unobserve(*(uint64_t *)data);
    observe_slowly(NULL, observer);
}

static void taking_out_what_took_itself_out_waits_as_well(void **state) {
    (void)state;
    pthread_t reader;
    atomic_store(&phase, 0);
    own = otel_observe_with(take_itself_out_slowly, &own);
    assert_int_equal(pthread_create(&reader, NULL, read_elsewhere, NULL), 0);
    WAIT_UNTIL(atomic_load(&phase) == 1);
    atomic_store(&phase, 2);
    otel_unobserve(own);
    assert_int_equal(phase, 3);
    pthread_join(reader, NULL);
}

static void nothing(void *data, otel_observer *observer) {
    (void)observer;
    atomic_fetch_add((_Atomic unsigned *)data, 1);
}

static void there_is_an_end_to_registrations(void **state) {
    (void)state;
    static uint64_t all[1024];
    asked = 0;
    for (unsigned i = 0; i < 1024; i++) {
        all[i] = otel_observe_with(nothing, &asked);
        assert_int_not_equal(all[i], 0);
    }
    assert_int_equal(otel_observe_with(nothing, &asked), 0);
    assert_int_equal(otel_observe_with(NULL, NULL), 0);
    read_now();
    assert_int_equal(asked, 1024);
    for (unsigned i = 0; i < 1024; i++)
        otel_unobserve(all[i]);
    otel_unobserve(all[0]);
    otel_unobserve(0);
    otel_unobserve(UINT64_MAX);
    const uint64_t again = otel_observe_with(nothing, &asked);
    assert_int_not_equal(again, all[0]);
    otel_unobserve(all[0]); /* of before: not the one that has its place now */
    read_now();
    assert_int_equal(asked, 1025);
    otel_unobserve(again);
}

static int take_out_in_child(void *data) {
    otel_unobserve(*(const uint64_t *)data); /* nobody is running it here */
    const uint64_t registration = otel_observe_with(observe_cpu, &value);
    STEP(metric_double_read(&pulled) == OTEL_OK);
    STEP(metric_count(&pulled, NULL) == 1 && metric_find(&pulled, "cpu", "k=1"));
    otel_unobserve(registration);
    return 0;
}

static void a_fork_while_a_callback_runs_leaves_the_child_free(void **state) {
    (void)state;
    pthread_t reader;
    atomic_store(&phase, 0);
    uint64_t registration = otel_observe_with(observe_slowly, NULL);
    assert_int_equal(pthread_create(&reader, NULL, read_elsewhere, NULL), 0);
    WAIT_UNTIL(atomic_load(&phase) == 1);
    assert_int_equal(in_child(take_out_in_child, &registration), 0);
    atomic_store(&phase, 2);
    pthread_join(reader, NULL);
    otel_unobserve(registration);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        test_pulled(callbacks_are_asked_at_each_reading),
        test_pulled(only_what_was_observed_in_this_reading_is_there),
        test_own(registrations_outlive_sdks),
        test_own(a_stop_asks_once_more),
        test_own(what_a_view_throws_together_is_summed),
        test_own(a_view_sums_in_any_order),
        test_pulled(wrong_observations_are_left_out),
        test_both(a_callback_may_measure_but_not_stop),
        test_pulled(taking_a_callback_out_waits_for_it),
        test_pulled(a_callback_may_take_itself_out),
        test_pulled(taking_out_what_took_itself_out_waits_as_well),
        test_pulled(there_is_an_end_to_registrations),
        test_pulled(a_fork_while_a_callback_runs_leaves_the_child_free),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
