/* SPDX-License-Identifier: Apache-2.0 */
/* sampler_rules_test.c - what a strategy of Jaeger's decides, span by span. */
#include "sampler_rules.h"

#include "backend.h"
#include "base/clock.h"
#include "failing_allocator.h"
#include "fake_clock.h"
#include "reports.h"
#include "sampler_fixture.h"
#include "sanitizers.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Kept by any probability but 0, and by none but 1. */
static const char kept[] = "0000000000000000ffffffffffffffff", unlucky[] = "00000000000000000000000000000001";

static int set_up(void **state) {
    fake_clock_start(OTEL__SECOND, 1000 * OTEL__SECOND);
    return samplers_begin(state);
}

static int tear_down(void **state) {
    fake_clock_stop();
    return samplers_end(state);
}

static struct otel__rules *make(struct otel__strategy strategy, size_t max_names, const struct otel__rules *former) {
    struct otel__rules *rules = otel__rules_create(&strategy, max_names, former);
    assert_non_null(rules);
    return rules;
}

static struct otel__strategy operations(double probability, double rate) {
    return (struct otel__strategy){ .kind = OTEL__STRATEGY_PER_OPERATION, .probability = probability, .rate = rate };
}

static void add(struct otel__strategy *strategy, const char *name, double probability) {
    assert_true(otel__strategy_add(strategy, otel_cstr(name), probability));
}

static void decide(struct otel__rules *rules, struct question *q, const char *name) {
    const otel_context context = { { 0 } };
    const struct otel__sampling in = { .context = &context,
                                       .parent = q->has_parent ? &q->parent : NULL,
                                       .trace_id = q->trace_id,
                                       .name = otel_cstr(name),
                                       .parent_state = q->parent_state };
    memset(&q->answer, 0xee, sizeof q->answer);
    otel__rules_decide(rules, &in, &q->answer);
    assert_int_equal(q->answer.lists, 0);
    assert_int_not_equal(q->answer.decision, OTEL_RECORD_ONLY);
}

/* Whether a root of that name is sampled; `tracestate` NULL: whatever its tracestate is. */
static bool sampled(struct otel__rules *rules, const char *id, const char *name, const char *tracestate) {
    struct question q = question(id);
    decide(rules, &q, name);
    if (tracestate)
        assert_state(&q, tracestate);
    const bool yes = q.answer.decision == OTEL_RECORD_AND_SAMPLE;
    forget(&q);
    return yes;
}

static unsigned sampled_of(struct otel__rules *rules, const char *id, const char *name, unsigned count) {
    unsigned yes = 0;
    for (unsigned i = 0; i < count; i++)
        yes += sampled(rules, id, name, NULL);
    return yes;
}

static void probability_decides_as_a_ratio_does(void **state) {
    (void)state;
    const struct otel__strategy half = { .kind = OTEL__STRATEGY_PROBABILISTIC, .probability = 0.5 };
    struct otel__rules *rules = make(half, 256, NULL);
    otel_sampler *ratio = otel_sampler_trace_id_ratio(0.5);
    uint64_t seed = 7;
    assert_true(sampled(rules, kept, "a", "ot=th:8"));
    assert_false(sampled(rules, unlucky, "a", ""));
    for (int i = 0; i < 1000; i++) {
        char id[33];
        snprintf(id, sizeof id, "%016llx%016llx", (unsigned long long)random_bits(&seed),
                 (unsigned long long)random_bits(&seed));
        struct question q = question(id);
        ask(&q, ratio);
        assert_int_equal(sampled(rules, id, "a", NULL), q.answer.decision == OTEL_RECORD_AND_SAMPLE);
        forget(&q);
    }
    otel_sampler_destroy(ratio);
    otel__rules_free(rules);
}

/* An unwrapped sampler decides about children as well, on purpose: nobody is warned. */
static void parents_are_not_heeded_nor_warned_of(void **state) {
    (void)state;
    const struct otel__strategy half = { .kind = OTEL__STRATEGY_PROBABILISTIC, .probability = 0.5 };
    struct otel__rules *rules = make(half, 256, NULL);
    struct question q = with_parent(question(kept), true, false, "");
    decide(rules, &q, "a");
    assert_int_equal(q.answer.decision, OTEL_RECORD_AND_SAMPLE);
    forget(&q);
    q = with_parent(question(unlucky), true, true, "");
    decide(rules, &q, "a");
    assert_int_equal(q.answer.decision, OTEL_DROP);
    forget(&q);
    assert_int_equal(reports_count(), 0);
    otel__rules_free(rules);
}

static void rate_limits_whatever_the_trace(void **state) {
    (void)state;
    const struct otel__strategy three = { .kind = OTEL__STRATEGY_RATE_LIMITING, .rate = 3 };
    struct otel__rules *rules = make(three, 256, NULL);
    assert_int_equal(sampled_of(rules, unlucky, "a", 100), 3);
    fake_clock_pass(OTEL__SECOND / 3 + OTEL__MILLISECOND);
    assert_int_equal(sampled_of(rules, kept, "b", 100), 1);
    fake_clock_pass(100 * OTEL__SECOND);
    assert_int_equal(sampled_of(rules, kept, "b", 100), 3);
    otel__rules_free(rules);
}

static void rate_of_zero_samples_nothing(void **state) {
    (void)state;
    const struct otel__strategy none = { .kind = OTEL__STRATEGY_RATE_LIMITING, .rate = 0 };
    struct otel__rules *rules = make(none, 256, NULL);
    assert_int_equal(sampled_of(rules, kept, "a", 10), 0);
    otel__rules_free(rules);
}

static void limits_leave_no_threshold_behind(void **state) {
    (void)state;
    const struct otel__strategy many = { .kind = OTEL__STRATEGY_RATE_LIMITING, .rate = 100 };
    struct otel__rules *rules = make(many, 256, NULL);
    assert_true(sampled(rules, kept, "a", ""));
    struct question q = with_parent(question(kept), true, true, "ot=th:8;rv:ffffffffffffff,x=y");
    decide(rules, &q, "a");
    assert_int_equal(q.answer.decision, OTEL_RECORD_AND_SAMPLE);
    assert_state(&q, "ot=rv:ffffffffffffff,x=y");
    forget(&q);
    otel__rules_free(rules);
    rules = make(operations(0, 100), 256, NULL);
    assert_true(sampled(rules, kept, "a", ""));
    q = with_parent(question(kept), true, true, "ot=th:8,x=y");
    decide(rules, &q, "a");
    assert_int_equal(q.answer.decision, OTEL_RECORD_AND_SAMPLE);
    assert_state(&q, "x=y");
    forget(&q);
    otel__rules_free(rules);
}

static void operations_have_probabilities_of_their_own(void **state) {
    (void)state;
    struct otel__strategy strategy = operations(0.5, 0);
    add(&strategy, "all", 1);
    add(&strategy, "none", 0.25);
    add(&strategy, "none", 0); /* the last counts */
    struct otel__rules *rules = make(strategy, 256, NULL);
    assert_true(sampled(rules, unlucky, "all", "ot=th:0"));
    assert_false(sampled(rules, kept, "none", ""));
    assert_true(sampled(rules, kept, "other", "ot=th:8"));
    assert_false(sampled(rules, unlucky, "other", ""));
    assert_false(sampled(rules, unlucky, "al", ""));
    otel__rules_free(rules);
}

static void lower_bound_samples_what_probability_does_not(void **state) {
    (void)state;
    struct otel__strategy strategy = operations(0, 2);
    add(&strategy, "listed", 0);
    struct otel__rules *rules = make(strategy, 256, NULL);
    assert_int_equal(sampled_of(rules, unlucky, "listed", 10), 2);
    assert_int_equal(sampled_of(rules, unlucky, "other", 10), 2); /* each name has its own */
    assert_int_equal(sampled_of(rules, unlucky, "third", 10), 2);
    fake_clock_pass(OTEL__SECOND / 2);
    assert_int_equal(sampled_of(rules, unlucky, "listed", 10), 1);
    otel__rules_free(rules);
}

static void hit_of_probability_pays_too(void **state) {
    (void)state;
    struct otel__strategy strategy = operations(0, 2);
    add(&strategy, "listed", 0.5);
    struct otel__rules *rules = make(strategy, 256, NULL);
    assert_true(sampled(rules, kept, "listed", "ot=th:8"));
    assert_int_equal(sampled_of(rules, unlucky, "listed", 10), 1);
    assert_true(sampled(rules, kept, "listed", "ot=th:8")); /* without credit as well */
    otel__rules_free(rules);
}

static void lower_bound_of_zero_samples_nothing(void **state) {
    (void)state;
    struct otel__rules *rules = make(operations(0, 0), 256, NULL);
    assert_int_equal(sampled_of(rules, kept, "a", 10), 0);
    otel__rules_free(rules);
}

static void names_beyond_the_cap_have_no_lower_bound(void **state) {
    (void)state;
    struct otel__strategy strategy = operations(0.5, 1);
    add(&strategy, "listed", 0);
    struct otel__rules *rules = make(strategy, 3, NULL);
    assert_int_equal(sampled_of(rules, unlucky, "second", 5), 1);
    assert_int_equal(sampled_of(rules, unlucky, "third", 5), 1);
    assert_int_equal(sampled_of(rules, unlucky, "fourth", 5), 0);
    assert_true(sampled(rules, kept, "fourth", "ot=th:8"));
    assert_int_equal(otel__rules_names(rules), 3);
    fake_clock_pass(OTEL__SECOND);
    assert_int_equal(sampled_of(rules, unlucky, "third", 5), 1);
    assert_int_equal(sampled_of(rules, unlucky, "fourth", 5), 0);
    otel__rules_free(rules);
}

static void listed_names_count_beyond_the_cap(void **state) {
    (void)state;
    struct otel__strategy strategy = operations(0, 0);
    char name[16];
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "op-%d", i);
        add(&strategy, name, 1);
    }
    struct otel__rules *rules = make(strategy, 3, NULL);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof name, "op-%d", i);
        assert_true(sampled(rules, unlucky, name, NULL));
    }
    assert_false(sampled(rules, unlucky, "another", NULL));
    assert_int_equal(otel__rules_names(rules), 100);
    otel__rules_free(rules);
}

static void very_long_names_are_not_told_apart(void **state) {
    (void)state;
    struct otel__rules *rules = make(operations(0, 1), 256, NULL);
    char name[2000];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    assert_int_equal(sampled_of(rules, unlucky, name, 5), 0);
    assert_int_equal(otel__rules_names(rules), 0);
    otel__rules_free(rules);
}

/* Or a server with other ones in each answer would fill the memory. */
static void very_long_names_stay_no_longer_than_they_are_listed(void **state) {
    (void)state;
    char name[2000];
    memset(name, 'x', sizeof name);
    name[sizeof name - 1] = '\0';
    struct otel__strategy strategy = operations(0, 1);
    add(&strategy, name, 1);
    struct otel__rules *former = make(strategy, 256, NULL);
    assert_int_equal(otel__rules_names(former), 1);
    struct otel__rules *rules = make(operations(0, 1), 256, former);
    otel__rules_free(former);
    assert_int_equal(otel__rules_names(rules), 0);
    otel__rules_free(rules);
}

static void fresh_rules_keep_balances(void **state) {
    (void)state;
    struct otel__strategy strategy = operations(0, 4);
    add(&strategy, "a", 0);
    struct otel__rules *former = make(strategy, 256, NULL);
    assert_int_equal(sampled_of(former, unlucky, "a", 3), 3); /* a quarter is left */
    assert_int_equal(sampled_of(former, unlucky, "b", 9), 4); /* nothing is */
    strategy = operations(0, 8);
    add(&strategy, "b", 0);
    add(&strategy, "c", 0);
    struct otel__rules *rules = make(strategy, 256, former);
    otel__rules_free(former);
    assert_int_equal(sampled_of(rules, unlucky, "a", 20), 2);
    assert_int_equal(sampled_of(rules, unlucky, "b", 20), 0);
    assert_int_equal(sampled_of(rules, unlucky, "c", 20), 8);
    otel__rules_free(rules);
}

static void fresh_limit_keeps_its_balance(void **state) {
    (void)state;
    const struct otel__strategy ten = { .kind = OTEL__STRATEGY_RATE_LIMITING, .rate = 10 };
    const struct otel__strategy hundred = { .kind = OTEL__STRATEGY_RATE_LIMITING, .rate = 100 };
    struct otel__rules *former = make(ten, 256, NULL);
    assert_int_equal(sampled_of(former, unlucky, "a", 8), 8);
    fake_clock_pass(OTEL__SECOND / 10);
    struct otel__rules *rules = make(hundred, 256, former);
    otel__rules_free(former);
    assert_int_equal(sampled_of(rules, unlucky, "a", 1000), 30);
    otel__rules_free(rules);
}

static void fresh_rules_keep_to_the_cap(void **state) {
    (void)state;
    struct otel__rules *former = make(operations(0, 1), 3, NULL);
    sampled_of(former, unlucky, "a", 1);
    sampled_of(former, unlucky, "b", 1);
    sampled_of(former, unlucky, "c", 1);
    struct otel__strategy strategy = operations(0, 1);
    add(&strategy, "d", 1);
    add(&strategy, "e", 1);
    struct otel__rules *rules = make(strategy, 3, former);
    assert_int_equal(otel__rules_names(rules), 3);
    otel__rules_free(former);
    otel__rules_free(rules);
}

/* What is short of memory leaves the former rules as they were. */
static void each_allocation_may_fail(void **state) {
    (void)state;
    SKIP_IF(!failing_allocator_works(), "allocations cannot be made to fail here");
    struct otel__rules *former = make(operations(0, 2), 256, NULL);
    assert_int_equal(sampled_of(former, unlucky, "a", 1), 1);
    struct otel__rules *rules = NULL;
    unsigned nth = 0;
    while (!rules) {
        struct otel__strategy strategy = operations(0.5, 4);
        add(&strategy, "a", 0);
        add(&strategy, "b", 1);
        failing_allocator_fail(++nth, false);
        rules = otel__rules_create(&strategy, 256, former);
        failing_allocator_fail(0, false);
        assert_int_equal(strategy.kind, OTEL__STRATEGY_NONE);
    }
    assert_in_range(nth, 8, 100);
    otel__rules_free(former);
    assert_int_equal(sampled_of(rules, unlucky, "a", 20), 2);
    failing_allocator_fail(1, false);
    assert_int_equal(sampled_of(rules, unlucky, "new", 1), 0); /* without a lower bound, for now */
    failing_allocator_fail(0, false);
    assert_int_equal(sampled_of(rules, unlucky, "new", 20), 4);
    otel__rules_free(rules);
}

static struct otel__rules *shared;
enum { THREADS = 4, NAMES = 300, CAP = 200 };

static void *name_them_all(void *count) {
    for (unsigned i = 0; i < NAMES; i++) {
        char name[16];
        snprintf(name, sizeof name, "op-%u", i);
        *(unsigned *)count += sampled_of(shared, unlucky, name, 2);
    }
    return NULL;
}

/* Each of the names that are told apart has one credit, whoever of the threads comes first. */
static void threads_agree_about_names(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    unsigned counts[THREADS] = { 0 }, sum = 0;
    shared = make(operations(0, 1), CAP, NULL);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, name_them_all, &counts[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        sum += counts[i];
    }
    assert_int_equal(otel__rules_names(shared), CAP);
    assert_int_equal(sum, CAP);
    otel__rules_free(shared);
}

int main(void) {
#define test(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        test(probability_decides_as_a_ratio_does),
        test(parents_are_not_heeded_nor_warned_of),
        test(rate_limits_whatever_the_trace),
        test(rate_of_zero_samples_nothing),
        test(limits_leave_no_threshold_behind),
        test(operations_have_probabilities_of_their_own),
        test(lower_bound_samples_what_probability_does_not),
        test(hit_of_probability_pays_too),
        test(lower_bound_of_zero_samples_nothing),
        test(names_beyond_the_cap_have_no_lower_bound),
        test(listed_names_count_beyond_the_cap),
        test(very_long_names_are_not_told_apart),
        test(very_long_names_stay_no_longer_than_they_are_listed),
        test(fresh_rules_keep_balances),
        test(fresh_limit_keeps_its_balance),
        test(fresh_rules_keep_to_the_cap),
        test(each_allocation_may_fail),
        test(threads_agree_about_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
