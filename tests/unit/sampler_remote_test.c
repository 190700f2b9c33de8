/* SPDX-License-Identifier: Apache-2.0 */
/* sampler_remote_test.c - when strategies are fetched, and what decides meanwhile; by a source that is told what to say. */
#include "sampler_remote.h"

#include "backend.h"
#include "base/clock.h"
#include "base/sync.h"
#include "jaeger/strategy_protobuf.h"
#include "reports.h"
#include "sampler_fixture.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS OTEL__MILLISECOND
#define INTERVAL (60000 * MS)
#define TIMEOUT (10000 * MS)

static const char kept[] = "0000000000000000ffffffffffffffff", unlucky[] = "00000000000000000000000000000001";

/* ---- a source ---------------------------------------------------------------------------------------------------- */

static const char all[] = "\x12\x09\x09\0\0\0\0\0\0\xf0\x3f", none[] = "\x12\x00", broken[] = "\x12";
static const char per_operation[] = "\x22\x00";

static struct {
    enum otel__fetch next; /* what the next step says */
    const char *body;
    size_t len;
    unsigned begun, steps, given_up, destroyed;
    uint64_t deadline;
    char service[32];
    bool refuses;
} source;

static bool bind(void *self, otel_str service, otel_error *error) {
    (void)self;
    snprintf(source.service, sizeof source.service, "%.*s", (int)service.len, service.ptr);
    snprintf(error->text, sizeof error->text, "refused");
    return !source.refuses;
}

static enum otel__fetch say(struct otel__fetched *out) {
    snprintf(out->problem, sizeof out->problem, "nobody there");
    out->hint = "Is it up?";
    out->body = (const uint8_t *)source.body;
    out->len = source.len;
    return source.next;
}

static enum otel__fetch begin(void *self, uint64_t deadline, struct otel__fetched *out) {
    (void)self;
    source.begun++;
    source.deadline = deadline;
    return say(out);
}

static enum otel__fetch step(void *self, struct otel__fetched *out) {
    (void)self;
    source.steps++;
    return say(out);
}

static void give_up(void *self, struct otel__fetched *out) {
    (void)self;
    source.given_up++;
    snprintf(out->problem, sizeof out->problem, "it took too long");
}

static void before_fork(void *self) { (void)self; }
static bool at_rest(void *self) { return !self; }
static void after_fork(void *self, bool in_child) {
    (void)self;
    (void)in_child;
}
static void destroy(void *self) {
    (void)self;
    source.destroyed++;
}

static const struct otel__strategy_source_ops ops = {
    .bind = bind,
    .begin = begin,
    .step = step,
    .give_up = give_up,
    .before_fork = before_fork,
    .at_rest = at_rest,
    .after_fork = after_fork,
    .destroy = destroy,
    .read = otel__strategy_read_protobuf,
};

static void answer(enum otel__fetch next, const char *body, size_t size) {
    source.next = next;
    source.body = body;
    source.len = size - 1;
}
#define ANSWER(body) answer(OTEL__FETCH_ANSWERED, body, sizeof(body))
#define STATE(next) answer(next, "", 1)

static int set_up(void **state) {
    memset(&source, 0, sizeof source);
    return samplers_begin(state);
}

static otel_sampler *make(void) {
    const struct otel__remote_settings settings = { .source = { &ops, NULL },
                                                    .initial = otel_sampler_trace_id_ratio(0.5),
                                                    .endpoint = "http://j:5778/sampling",
                                                    .interval = INTERVAL,
                                                    .timeout = TIMEOUT,
                                                    .max_names = 256 };
    otel_sampler *sampler = otel__remote_create(&settings);
    assert_non_null(sampler);
    return sampler;
}

static otel_sampler *make_bound(void) {
    otel_sampler *sampler = make();
    assert_ptr_equal(otel__remotes_bind(sampler, otel_cstr("shop")), sampler);
    return sampler;
}

static bool samples(const otel_sampler *sampler, const char *id) {
    struct question q = question(id);
    ask(&q, sampler);
    const bool yes = q.answer.decision == OTEL_RECORD_AND_SAMPLE;
    forget(&q);
    return yes;
}

static void assert_says(const otel_sampler *sampler, const char *expected) {
    char text[512];
    otel_sampler_description(sampler, text, sizeof text);
    if (!strstr(text, expected))
        print_message("%s\n", text);
    assert_non_null(strstr(text, expected));
}

/* ---- when -------------------------------------------------------------------------------------------------------- */

static void first_fetch_is_due_at_once_and_then_each_interval(void **state) {
    (void)state;
    otel_sampler *sampler = make_bound();
    uint64_t now = 5 * OTEL__SECOND;
    assert_string_equal(source.service, "shop");
    ANSWER(all);
    assert_true(otel__remote_poll(sampler, now) <= now + INTERVAL);
    assert_int_equal(source.begun, 1);
    assert_true(source.deadline == now + TIMEOUT);
    /* Not before, whoever asks. */
    otel__remote_poll(sampler, now + INTERVAL - 1);
    assert_int_equal(source.begun, 1);
    assert_true(otel__remote_poll(sampler, now + INTERVAL) == now + 2 * INTERVAL);
    assert_int_equal(source.begun, 2);
    /* Failures change nothing about that. */
    STATE(OTEL__FETCH_FAILED);
    assert_true(otel__remote_poll(sampler, now + 2 * INTERVAL) == now + 3 * INTERVAL);
    otel_sampler_destroy(sampler);
    assert_int_equal(source.destroyed, 1);
}

static void steps_become_rarer_the_longer_a_fetch_takes(void **state) {
    (void)state;
    otel_sampler *sampler = make_bound();
    uint64_t now = OTEL__SECOND;
    STATE(OTEL__FETCH_UNDER_WAY);
    assert_true(otel__remote_poll(sampler, now) == now + MS);
    assert_true(otel__remote_poll(sampler, now + 40 * MS) == now + 50 * MS);
    assert_true(otel__remote_poll(sampler, now + 5000 * MS) == now + 5050 * MS);
    assert_int_equal(source.begun, 1);
    assert_int_equal(source.steps, 2);
    ANSWER(all);
    assert_true(otel__remote_poll(sampler, now + 6000 * MS) <= now + INTERVAL);
    assert_true(samples(sampler, unlucky));
    otel_sampler_destroy(sampler);
}

static void fetch_is_given_up_when_its_time_is_over(void **state) {
    (void)state;
    otel_sampler *sampler = make_bound();
    STATE(OTEL__FETCH_UNDER_WAY);
    otel__remote_poll(sampler, 0);
    otel__remote_poll(sampler, TIMEOUT - 1);
    assert_int_equal(source.given_up, 0);
    assert_true(otel__remote_poll(sampler, TIMEOUT) == INTERVAL);
    assert_int_equal(source.given_up, 1);
    assert_true(reports_mention("it took too long", "the initial sampler decides"));
    otel_sampler_destroy(sampler);
}

/* What has come by then counts, though nobody looked in time: an export was under way. */
static void answer_that_nobody_looked_at_in_time_counts(void **state) {
    (void)state;
    otel_sampler *sampler = make_bound();
    STATE(OTEL__FETCH_UNDER_WAY);
    otel__remote_poll(sampler, 0);
    ANSWER(all);
    otel__remote_poll(sampler, 3 * TIMEOUT);
    assert_int_equal(source.given_up, 0);
    assert_true(samples(sampler, unlucky));
    otel_sampler_destroy(sampler);
}

static void nothing_is_fetched_for_a_service_that_cannot_be_asked_for(void **state) {
    (void)state;
    otel_sampler *sampler = make();
    source.refuses = true;
    otel__remotes_bind(sampler, otel_cstr("shop"));
    assert_true(otel__remote_poll(sampler, 0) == OTEL__NO_DEADLINE);
    assert_int_equal(source.begun, 0);
    assert_true(reports_mention("refused", NULL));
    otel_sampler_destroy(sampler);
}

/* ---- what decides ------------------------------------------------------------------------------------------------ */

static void initial_sampler_decides_until_something_was_fetched(void **state) {
    (void)state;
    otel_sampler *sampler = make_bound();
    assert_says(sampler, "JaegerRemoteSampler{endpoint:http://j:5778/sampling,pollingIntervalMs:60000,initial:"
                         "TraceIdRatioBased{0.500000}}");
    STATE(OTEL__FETCH_FAILED);
    otel__remote_poll(sampler, 0);
    assert_true(samples(sampler, kept));
    assert_false(samples(sampler, unlucky));
    ANSWER(none);
    otel__remote_poll(sampler, INTERVAL);
    assert_false(samples(sampler, kept));
    assert_says(sampler, "strategy:probabilistic{0.000000}}");
    ANSWER(per_operation);
    otel__remote_poll(sampler, 2 * INTERVAL);
    assert_says(sampler, "strategy:perOperation{default{0.000000},lowerBound{0.000000},operations:0}}");
    otel_sampler_destroy(sampler);
}

static void last_good_strategy_stays_in_force(void **state) {
    (void)state;
    static const char twice[] = "\x12\x09\x09\0\0\0\0\0\0\0\x40";
    otel_sampler *sampler = make_bound();
    ANSWER(all);
    otel__remote_poll(sampler, 0);
    ANSWER(broken);
    otel__remote_poll(sampler, INTERVAL);
    assert_true(samples(sampler, unlucky));
    assert_true(reports_mention("no SamplingStrategyResponse", "the last one decides"));
    ANSWER(twice);
    otel__remote_poll(sampler, 2 * INTERVAL);
    assert_true(samples(sampler, unlucky));
    ANSWER("");
    otel__remote_poll(sampler, 3 * INTERVAL);
    STATE(OTEL__FETCH_FAILED);
    otel__remote_poll(sampler, 4 * INTERVAL);
    assert_true(samples(sampler, unlucky));
    otel_sampler_destroy(sampler);
}

static void failures_and_recovery_are_told(void **state) {
    (void)state;
    otel_sampler *sampler = make_bound();
    reports_start(OTEL_LOG_INFO);
    STATE(OTEL__FETCH_FAILED);
    otel__remote_poll(sampler, 0);
    assert_true(
        reports_mention("no sampling strategy from http://j:5778/sampling: nobody there. Is it up?; the initial "
                        "sampler decides",
                        NULL));
    ANSWER(all);
    otel__remote_poll(sampler, INTERVAL);
    assert_true(reports_mention("works again", NULL));
    assert_int_equal(reports_count(), 2);
    otel__remote_poll(sampler, 2 * INTERVAL);
    assert_int_equal(reports_count(), 2);
    otel_sampler_destroy(sampler);
}

static void neither_parents_nor_children_are_warned_of(void **state) {
    (void)state;
    otel_sampler *sampler = make_bound();
    check(sampler, with_parent(question(kept), true, false, ""), OTEL_RECORD_AND_SAMPLE, "ot=th:8");
    ANSWER(all);
    otel__remote_poll(sampler, 0);
    check(sampler, with_parent(question(unlucky), true, false, ""), OTEL_RECORD_AND_SAMPLE, "ot=th:0");
    assert_int_equal(reports_count(), 0);
    otel_sampler_destroy(sampler);
}

static void each_sampler_of_a_tree_is_found_once(void **state) {
    (void)state;
    otel_sampler *one = make(), *other = make();
    const otel_parent_based_options options = { .size = sizeof options,
                                                .root = otel_sampler_always_record(one),
                                                .remote_parent_sampled = other,
                                                .local_parent_sampled = other };
    otel_sampler *tree = otel_sampler_parent_based(&options);
    otel_sampler *found = otel__remotes_bind(tree, otel_cstr("shop"));
    assert_true((found == one && otel__remote_next(found) == other) ||
                (found == other && otel__remote_next(found) == one));
    assert_null(otel__remote_next(otel__remote_next(found)));
    otel_sampler_destroy(tree);
    assert_int_equal(source.destroyed, 2);
    assert_null(otel__remotes_bind(otel_sampler_always_on(), otel_cstr("shop")));
}

/* ---- many threads ------------------------------------------------------------------------------------------------ */

static atomic_bool over;
static _Atomic unsigned mixtures, decisions;

/* Either of the two strategies samples both kinds of traces, or neither. */
static void *decide_all_the_time(void *data) {
    const otel_sampler *sampler = data;
    char text[256];
    while (!atomic_load(&over)) {
        struct question q = question(unlucky);
        ask(&q, sampler);
        const otel_str state = otel__tracestate_text(q.answer.state);
        const bool yes = q.answer.decision == OTEL_RECORD_AND_SAMPLE;
        if (yes != (state.len == 7 && memcmp(state.ptr, "ot=th:0", 7) == 0))
            atomic_fetch_add(&mixtures, 1);
        forget(&q);
        otel_sampler_description(sampler, text, sizeof text);
        atomic_fetch_add(&decisions, 1);
    }
    return NULL;
}

static void decisions_see_one_strategy_or_the_other(void **state) {
    (void)state;
    enum { THREADS = 4, CHANGES = 3000 };
    otel_sampler *sampler = make_bound();
    pthread_t threads[THREADS];
    uint64_t now = 0;
    ANSWER(none);
    otel__remote_poll(sampler, now);
    atomic_store(&over, false);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, decide_all_the_time, sampler), 0);
    for (int i = 0; i < CHANGES; i++) {
        if (i % 2)
            ANSWER(none);
        else
            ANSWER(all);
        now += INTERVAL;
        otel__remote_poll(sampler, now);
        otel__remote_poll(sampler, now + MS); /* frees what was replaced */
        if (i % 64 == 0)
            otel__nap();
    }
    atomic_store(&over, true);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(mixtures, 0);
    assert_true(decisions > 0);
    print_message("    %u decisions during %d changes\n", decisions, CHANGES);
    otel_sampler_destroy(sampler);
}

int main(void) {
#define test(name) cmocka_unit_test_setup_teardown(name, set_up, samplers_end)
    const struct CMUnitTest tests[] = {
        test(first_fetch_is_due_at_once_and_then_each_interval),
        test(steps_become_rarer_the_longer_a_fetch_takes),
        test(fetch_is_given_up_when_its_time_is_over),
        test(answer_that_nobody_looked_at_in_time_counts),
        test(nothing_is_fetched_for_a_service_that_cannot_be_asked_for),
        test(initial_sampler_decides_until_something_was_fetched),
        test(last_good_strategy_stays_in_force),
        test(failures_and_recovery_are_told),
        test(neither_parents_nor_children_are_warned_of),
        test(each_sampler_of_a_tree_is_found_once),
        test(decisions_see_one_strategy_or_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
