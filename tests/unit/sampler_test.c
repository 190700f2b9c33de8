/* SPDX-License-Identifier: Apache-2.0 */
/* sampler_test.c - what the built-in samplers decide, and which tracestate they leave. */
#include "sampler.h"

#include "backend.h"
#include "reports.h"
#include "sampler_fixture.h"
#include "sampler_ot.h"
#include "vectors.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

/* ---- always ----------------------------------------------------------------------------------------------------- */

static void always_on_and_off(void **state) {
    (void)state;
    struct question root = question(id_9);
    check(otel_sampler_always_on(), root, OTEL_RECORD_AND_SAMPLE, "");
    check(otel_sampler_always_off(), root, OTEL_DROP, "");
    for (int i = 0; i < 4; i++) {
        check(otel_sampler_always_on(), with_parent(root, i & 1, i & 2, ""), OTEL_RECORD_AND_SAMPLE, "");
        check(otel_sampler_always_off(), with_parent(root, i & 1, i & 2, ""), OTEL_DROP, "");
        check(otel_sampler_always_on(), with_parent(root, i & 1, i & 2, "a=1,b=2"), OTEL_RECORD_AND_SAMPLE, "a=1,b=2");
        check(otel_sampler_always_off(), with_parent(root, i & 1, i & 2, "a=1,b=2"), OTEL_DROP, "a=1,b=2");
    }
}

static void without_a_sampler_nothing_is_recorded(void **state) {
    (void)state;
    check(NULL, question(id_9), OTEL_DROP, "");
}

static void unchanged_tracestate_is_the_same_one(void **state) {
    (void)state;
    static const char *const texts[] = { "a=1", "a=1,ot=rv:00000000000000", "ot=th:8" };
    otel_sampler *parent_based = otel_sampler_parent_based(NULL);
    for (size_t i = 0; i < 3; i++) {
        struct question q = with_parent(question(id_9), true, true, texts[i]);
        ask(&q, parent_based);
        assert_true(q.answer.state == q.parent_state);
        forget(&q);
    }
    otel_sampler_destroy(parent_based);
}

static void stale_tracestate_is_none(void **state) {
    (void)state;
    struct question q = with_parent(question(id_9), true, true, "a=1");
    otel__tracestate_drop(q.parent_state);
    q.parent_state += UINT64_C(1) << 40; /* another generation of its place */
    otel_sampler *ratio = otel_sampler_trace_id_ratio(0.5);
    ask(&q, otel_sampler_always_on());
    assert_true(q.answer.state == 0);
    ask(&q, ratio);
    assert_int_equal(q.answer.decision, OTEL_RECORD_AND_SAMPLE);
    otel__tracestate_drop(q.answer.state);
    otel_sampler_destroy(ratio);
}

/* ---- thresholds that are inherited ------------------------------------------------------------------------------ */

static void threshold_that_explains_the_parent_stays(void **state) {
    (void)state;
    otel_sampler *parent_based = otel_sampler_parent_based(NULL);
    struct question q = question(id_9);
    check(parent_based, with_parent(q, true, true, "ot=th:8,a=1"), OTEL_RECORD_AND_SAMPLE, "ot=th:8,a=1");
    check(parent_based, with_parent(q, false, true, "ot=th:9"), OTEL_RECORD_AND_SAMPLE, "ot=th:9");
    check(parent_based, with_parent(q, true, true, "ot=rv:c0000000000000;th:c"), OTEL_RECORD_AND_SAMPLE,
          "ot=rv:c0000000000000;th:c");
    otel_sampler_destroy(parent_based);
}

static void inconsistent_threshold_is_erased(void **state) {
    (void)state;
    otel_sampler *parent_based = otel_sampler_parent_based(NULL);
    struct question q = question(id_9);
    check(parent_based, with_parent(q, true, true, "a=1,ot=th:c"), OTEL_RECORD_AND_SAMPLE, "a=1");
    check(parent_based, with_parent(q, true, true, "a=1,ot=th:C"), OTEL_RECORD_AND_SAMPLE, "a=1");
    check(parent_based, with_parent(q, true, true, "a=1,ot=th:"), OTEL_RECORD_AND_SAMPLE, "a=1");
    check(parent_based, with_parent(q, true, true, "ot=th:8;rv:70000000000000"), OTEL_RECORD_AND_SAMPLE,
          "ot=rv:70000000000000");
    check(parent_based, with_parent(q, true, true, "ot=th:91;x:y"), OTEL_RECORD_AND_SAMPLE, "ot=x:y");
    check(parent_based, with_parent(q, true, true, "ot=th:8;x:y;th:8"), OTEL_RECORD_AND_SAMPLE, "ot=x:y");
    check(parent_based, with_parent(q, true, true, "ot=x:y; rv:70000000000000;th:8"), OTEL_RECORD_AND_SAMPLE,
          "ot=x:y;rv:70000000000000");
    check(parent_based, with_parent(q, true, true, "ot=th:8;rv:7"), OTEL_RECORD_AND_SAMPLE,
          "ot=th:8;rv:7"); /* no rv of use */
    otel_sampler_destroy(parent_based);
}

static void dropping_erases_the_threshold(void **state) {
    (void)state;
    otel_sampler *parent_based = otel_sampler_parent_based(NULL);
    struct question q = question(id_9);
    check(parent_based, with_parent(q, true, false, "a=1,ot=th:8"), OTEL_DROP, "a=1");
    check(parent_based, with_parent(q, false, false, "ot=th:8"), OTEL_DROP, "");
    check(otel_sampler_always_off(), with_parent(q, true, true, "ot=th:8;rv:9f000000000000,a=1"), OTEL_DROP,
          "ot=rv:9f000000000000,a=1");
    otel_sampler_destroy(parent_based);
}

static void sampling_against_the_parent_erases_the_threshold(void **state) {
    (void)state;
    const otel_parent_based_options options = { .size = sizeof options,
                                                .remote_parent_not_sampled = otel_sampler_always_on() };
    otel_sampler *sampler = otel_sampler_parent_based(&options);
    check(sampler, with_parent(question(id_9), true, false, "ot=th:8"), OTEL_RECORD_AND_SAMPLE, "");
    otel_sampler_destroy(sampler);
}

/* Whatever the parent was sampled by, who asks no parent samples with certainty; but nobody is told who did not ask. */
static void always_on_alone_claims_to_sample_all(void **state) {
    (void)state;
    otel_sampler *recorded = otel_sampler_always_record(otel_sampler_always_on());
    const otel_sampler *samplers[] = { otel_sampler_always_on(), recorded };
    const struct question q = question(id_9);
    for (size_t i = 0; i < 2; i++) {
        check(samplers[i], with_parent(q, true, true, "ot=th:8,a=1"), OTEL_RECORD_AND_SAMPLE, "ot=th:0,a=1");
        check(samplers[i], with_parent(q, false, false, "ot=rv:a0000000000000;th:8"), OTEL_RECORD_AND_SAMPLE,
              "ot=th:0;rv:a0000000000000");
        check(samplers[i], with_parent(q, true, true, "ot=th:C"), OTEL_RECORD_AND_SAMPLE, "ot=th:0");
        check(samplers[i], with_parent(q, true, true, "a=1,ot=rv:00000000000000"), OTEL_RECORD_AND_SAMPLE,
              "a=1,ot=rv:00000000000000");
        check(samplers[i], with_parent(q, true, true, "a=1"), OTEL_RECORD_AND_SAMPLE, "a=1");
    }
    otel_sampler_destroy(recorded);
}

static void always_on_below_a_parent_based_one_inherits(void **state) {
    (void)state;
    otel_sampler *given = otel_sampler_always_record(otel_sampler_always_record(otel_sampler_always_on()));
    const otel_parent_based_options options = { .size = sizeof options,
                                                .remote_parent_sampled = otel_sampler_always_on(),
                                                .local_parent_sampled = given };
    otel_sampler *sampler = otel_sampler_always_record(otel_sampler_parent_based(&options));
    for (int remote = 0; remote < 2; remote++) {
        check(sampler, with_parent(question(id_9), remote, true, "ot=th:8,a=1"), OTEL_RECORD_AND_SAMPLE, "ot=th:8,a=1");
        check(sampler, with_parent(question(id_9), remote, true, "ot=th:c,a=1"), OTEL_RECORD_AND_SAMPLE, "a=1");
    }
    assert_description(sampler, "AlwaysRecordSampler{ParentBased{root:AlwaysOnSampler,remoteParentSampled:"
                                "AlwaysOnSampler,remoteParentNotSampled:AlwaysOffSampler,localParentSampled:"
                                "AlwaysRecordSampler{AlwaysRecordSampler{AlwaysOnSampler}},"
                                "localParentNotSampled:AlwaysOffSampler}}");
}

/* ---- ratio ------------------------------------------------------------------------------------------------------ */

/*
 * The vectors are those of the probability sampler, which decides by an explicit randomness where there is one. The
 * ratio sampler decides by the trace id always, and then claims no threshold.
 */
static void decision_vector(const json_t *row) {
    otel_sampler *sampler = otel_sampler_trace_id_ratio(strtod(vector_str(row, "probability").ptr, NULL));
    bool by_trace_id = strcmp(vector_str(row, "randomness_from").ptr, "trace_id") == 0;
    struct question q = question(vector_str(row, "trace_id").ptr);
    uint64_t threshold;
    assert_true(otel__threshold_parse(vector_str(row, "th"), &threshold));
    bool sampled = otel__randomness_of(q.trace_id) >= threshold;
    if (by_trace_id)
        assert_int_equal(sampled, strcmp(vector_str(row, "decision").ptr, "DROP") != 0);
    if (vector_str(row, "tracestate").len)
        q = with_parent(q, true, true, vector_str(row, "tracestate").ptr);
    ask(&q, sampler);
    assert_int_equal(q.answer.decision, sampled ? OTEL_RECORD_AND_SAMPLE : OTEL_DROP);
    assert_ot(&q, json_object_get(row, "ot_out"), by_trace_id ? NULL : "th");
    assert_others(&q, json_object_get(row, "other_members_out"));
    forget(&q);
    otel_sampler_destroy(sampler);
}

static void decision_vectors(void **state) {
    (void)state;
    vectors_each("sampling_decision", decision_vector);
}

static void explicit_randomness_silences_the_threshold(void **state) {
    (void)state;
    otel_sampler *half = otel_sampler_trace_id_ratio(0.5);
    struct question q = question(id_9);
    check(half, with_parent(q, true, true, "ot=rv:00000000000000"), OTEL_RECORD_AND_SAMPLE, "ot=rv:00000000000000");
    check(half, with_parent(q, true, true, "ot=th:4;rv:00000000000000,a=1"), OTEL_RECORD_AND_SAMPLE,
          "ot=rv:00000000000000,a=1");
    check(half, with_parent(q, true, true, "ot=th:4;rv:000"), OTEL_RECORD_AND_SAMPLE, "ot=th:8;rv:000");
    otel_sampler_destroy(half);
}

static void parents_do_not_matter_to_the_ratio(void **state) {
    (void)state;
    otel_sampler *half = otel_sampler_trace_id_ratio(0.5), *quarter = otel_sampler_trace_id_ratio(0.25);
    for (int i = 0; i < 4; i++) {
        check(half, with_parent(question(id_9), i & 1, i & 2, "a=1"), OTEL_RECORD_AND_SAMPLE, "ot=th:8,a=1");
        check(half, with_parent(question(id_9), i & 1, i & 2, ""), OTEL_RECORD_AND_SAMPLE, "ot=th:8");
        check(quarter, with_parent(question(id_9), i & 1, i & 2, "a=1"), OTEL_DROP, "a=1");
    }
    otel_sampler_destroy(half);
    otel_sampler_destroy(quarter);
}

static void ratio_0_and_1(void **state) {
    (void)state;
    otel_sampler *never = otel_sampler_trace_id_ratio(0), *ever = otel_sampler_trace_id_ratio(1);
    struct question high = question("00000000000000000000000000000000"), low = high;
    memset(high.trace_id, 0xff, 16);
    check(never, high, OTEL_DROP, "");
    check(never, low, OTEL_DROP, "");
    check(ever, high, OTEL_RECORD_AND_SAMPLE, "ot=th:0");
    check(ever, low, OTEL_RECORD_AND_SAMPLE, "ot=th:0");
    otel_sampler_destroy(never);
    otel_sampler_destroy(ever);
}

static void share_and_order_of_random_traces(void **state) {
    (void)state;
    enum { TRACES = 20000 };
    otel_sampler *tenth = otel_sampler_trace_id_ratio(0.1), *third = otel_sampler_trace_id_ratio(1 / 3.0);
    uint64_t seed = 42;
    int tenths = 0, thirds = 0;
    for (int i = 0; i < TRACES; i++) {
        struct question q = { .has_parent = false };
        uint64_t words[2] = { random_bits(&seed), random_bits(&seed) };
        memcpy(q.trace_id, words, 16);
        ask(&q, tenth);
        bool in_tenth = q.answer.decision == OTEL_RECORD_AND_SAMPLE;
        forget(&q);
        ask(&q, third);
        bool in_third = q.answer.decision == OTEL_RECORD_AND_SAMPLE;
        forget(&q);
        assert_true(in_third || !in_tenth);
        tenths += in_tenth;
        thirds += in_third;
    }
    /* Within four standard deviations. */
    double off_tenth = tenths - TRACES / 10.0, off_third = thirds - TRACES / 3.0;
    assert_true(off_tenth * off_tenth < 16 * TRACES * 0.1 * 0.9);
    assert_true(off_third * off_third < 16 * TRACES / 3.0 * 2 / 3);
    otel_sampler_destroy(tenth);
    otel_sampler_destroy(third);
}

static void roots_share_one_tracestate(void **state) {
    (void)state;
    otel_sampler *half = otel_sampler_trace_id_ratio(0.5);
    struct question one = question(id_9), two = one;
    ask(&one, half);
    ask(&two, half);
    assert_true(one.answer.state == two.answer.state);
    assert_true(one.answer.owned && two.answer.owned);
    otel_sampler_destroy(half);
    assert_state(&one, "ot=th:8"); /* the spans' references keep it */
    forget(&one);
    forget(&two);
}

static void bad_ratios_are_reported_and_mean_1(void **state) {
    (void)state;
    static const double bad[] = { -0.1, 1.0000001, NAN, INFINITY, -INFINITY };
    for (size_t i = 0; i < 5; i++) {
        reports_start(OTEL_LOG_WARN);
        otel_sampler *sampler = otel_sampler_trace_id_ratio(bad[i]);
        check(sampler, question("00000000000000000000000000000000"), OTEL_RECORD_AND_SAMPLE, "ot=th:0");
        assert_int_equal(reports_count(), 1);
        assert_true(reports_mention("is not from 0 to 1; using 1", NULL));
        otel_sampler_destroy(sampler);
    }
}

static void ratio_warns_once_of_parents(void **state) {
    (void)state;
    otel_sampler *half = otel_sampler_trace_id_ratio(0.5), *root = otel_sampler_parent_based_root(half);
    check(half, question(id_9), OTEL_RECORD_AND_SAMPLE, "ot=th:8");
    check(root, with_parent(question(id_9), true, true, ""), OTEL_RECORD_AND_SAMPLE, "");
    assert_int_equal(reports_count(), 0);
    check(half, with_parent(question(id_9), true, true, ""), OTEL_RECORD_AND_SAMPLE, "ot=th:8");
    check(half, with_parent(question(id_9), true, true, ""), OTEL_RECORD_AND_SAMPLE, "ot=th:8");
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("works as a child sampler", "parentbased_traceidratio"));
    assert_true(reports_mention("otel_sampler_probability()", NULL));
    otel_sampler_destroy(root);
}

/* ---- room ------------------------------------------------------------------------------------------------------- */

static void threshold_that_does_not_fit_is_not_written(void **state) {
    (void)state;
    char full[4 + OTEL__OT_LONGEST] = "ot=x:", claiming[4 + OTEL__OT_LONGEST] = "ot=th:1;x:";
    char silent[4 + OTEL__OT_LONGEST] = "ot=x:";
    otel_sampler *sampler = otel_sampler_trace_id_ratio(1 / 3.0); /* th:aaab */
    struct question q = question("0000000000000000ffffffffffffffff");
    memset(full + strlen(full), 'v', sizeof full - 1 - strlen(full));
    memset(claiming + strlen(claiming), 'v', sizeof claiming - 1 - strlen(claiming));
    strcat(silent, strchr(claiming, 'v'));
    check(sampler, with_parent(q, true, true, full), OTEL_RECORD_AND_SAMPLE, full);
    check(sampler, with_parent(q, true, true, claiming), OTEL_RECORD_AND_SAMPLE, silent);
    otel_sampler_destroy(sampler);
}

/* If a reference got lost each time, the table would be full long before the end. */
static void no_reference_is_lost(void **state) {
    (void)state;
    otel_sampler *half = otel_sampler_trace_id_ratio(0.5);
    for (int i = 0; i < 50000; i++) {
        struct question q =
            with_parent(question(id_9), true, true, i & 1 ? "a=1,ot=th:4" : "ot=th:4;rv:00000000000000");
        assert_true(q.parent_state != 0);
        ask(&q, half);
        assert_true(q.answer.state != 0);
        forget(&q);
    }
    otel_sampler_destroy(half);
}

static void full_table_never_leaves_a_wrong_threshold(void **state) {
    (void)state;
    enum { MOST = 20000 };
    otel_sampler *half = otel_sampler_trace_id_ratio(0.5);
    uint64_t *held = calloc(MOST, sizeof *held);
    struct question wrong = with_parent(question(id_9), true, true, "a=1,ot=th:c");
    struct question harmless = with_parent(question(id_9), true, true, "a=1,ot=x:1");
    size_t count = 0;
    while (count < MOST && (held[count] = otel__tracestate_intern(otel_cstr("filler=1"))))
        count++;
    assert_true(count < MOST);
    ask(&wrong, half);
    assert_int_equal(wrong.answer.decision, OTEL_RECORD_AND_SAMPLE);
    assert_state(&wrong, "");
    ask(&harmless, half);
    assert_state(&harmless, "a=1,ot=x:1");
    while (count > 0)
        otel__tracestate_drop(held[--count]);
    free(held);
    forget(&wrong);
    forget(&harmless);
    otel_sampler_destroy(half);
}

/* ---- parent-based ----------------------------------------------------------------------------------------------- */

static otel_sampler *sampler_if(bool on) { return on ? otel_sampler_always_on() : otel_sampler_always_off(); }

/* A parent-based sampler whose delegate of that name differs from all others. */
static otel_sampler *only(const char *name, bool on) {
    static const char *const names[] = { "root", "remoteParentSampled", "remoteParentNotSampled", "localParentSampled",
                                         "localParentNotSampled" };
    otel_sampler *delegates[5];
    for (size_t i = 0; i < 5; i++)
        delegates[i] = sampler_if((strcmp(names[i], name) == 0) == on);
    return otel_sampler_parent_based(&(otel_parent_based_options){ .size = sizeof(otel_parent_based_options),
                                                                   .root = delegates[0],
                                                                   .remote_parent_sampled = delegates[1],
                                                                   .remote_parent_not_sampled = delegates[2],
                                                                   .local_parent_sampled = delegates[3],
                                                                   .local_parent_not_sampled = delegates[4] });
}

static void parent_based_vector(const json_t *row) {
    for (int on = 0; on < 2; on++) {
        otel_sampler *sampler = only(vector_str(row, "invokes").ptr, on);
        struct question q = question(id_9);
        if (vector_bool(row, "parent_valid")) /* the core passes no other parent on */
            q = with_parent(q, vector_bool(row, "parent_remote"), vector_bool(row, "parent_sampled"), "");
        check(sampler, q, on ? OTEL_RECORD_AND_SAMPLE : OTEL_DROP, "");
        otel_sampler_destroy(sampler);
    }
}

static void parent_based_vectors(void **state) {
    (void)state;
    vectors_each("parent_based", parent_based_vector);
}

static void default_delegates(void **state) {
    (void)state;
    const otel_parent_based_options empty = { .size = sizeof empty };
    otel_sampler *samplers[] = { otel_sampler_parent_based(NULL), otel_sampler_parent_based(&empty),
                                 otel_sampler_parent_based_root(NULL),
                                 otel_sampler_parent_based_root(otel_sampler_always_off()) };
    for (size_t i = 0; i < 4; i++) {
        check(samplers[i], question(id_9), i < 3 ? OTEL_RECORD_AND_SAMPLE : OTEL_DROP, "");
        for (int remote = 0; remote < 2; remote++) {
            check(samplers[i], with_parent(question(id_9), remote, true, ""), OTEL_RECORD_AND_SAMPLE, "");
            check(samplers[i], with_parent(question(id_9), remote, false, ""), OTEL_DROP, "");
        }
        otel_sampler_destroy(samplers[i]);
    }
}

static void parent_based_in_parent_based(void **state) {
    (void)state;
    otel_sampler *inner = otel_sampler_parent_based_root(otel_sampler_trace_id_ratio(0.5));
    otel_sampler *outer = otel_sampler_parent_based_root(inner);
    check(outer, question(id_9), OTEL_RECORD_AND_SAMPLE, "ot=th:8");
    otel_sampler_destroy(outer);
}

static void one_sampler_in_several_places_is_destroyed_once(void **state) {
    (void)state;
    otel_sampler *half = otel_sampler_trace_id_ratio(0.5);
    const otel_parent_based_options options = { .size = sizeof options, .root = half, .remote_parent_sampled = half };
    otel_sampler_destroy(otel_sampler_parent_based(&options)); /* twice would be found by the sanitizer */
}

static void options_of_other_sizes(void **state) {
    (void)state;
    const otel_parent_based_options shorter = { .size = offsetof(otel_parent_based_options, remote_parent_sampled),
                                                .root = otel_sampler_always_off(),
                                                .local_parent_sampled = (otel_sampler *)1 };
    otel_sampler *sampler = otel_sampler_parent_based(&shorter);
    check(sampler, question(id_9), OTEL_DROP, "");
    check(sampler, with_parent(question(id_9), false, true, ""), OTEL_RECORD_AND_SAMPLE, "");
    otel_sampler_destroy(sampler);
    const otel_parent_based_options unset = { .root = otel_sampler_always_off() };
    sampler = otel_sampler_parent_based(&unset);
    check(sampler, question(id_9), OTEL_DROP, "");
    otel_sampler_destroy(sampler);
}

/* ---- always record ---------------------------------------------------------------------------------------------- */

static void always_record_drops_nothing(void **state) {
    (void)state;
    otel_sampler *off = otel_sampler_always_record(otel_sampler_always_off());
    otel_sampler *half = otel_sampler_always_record(otel_sampler_trace_id_ratio(0.5));
    otel_sampler *parent = otel_sampler_always_record(otel_sampler_parent_based(NULL));
    const struct question low = question("d1c2b3a4958677869a10000000000000");
    check(off, question(id_9), OTEL_RECORD_ONLY, "");
    check(off, with_parent(question(id_9), true, true, "a=1,ot=th:8"), OTEL_RECORD_ONLY, "a=1");
    check(half, question(id_9), OTEL_RECORD_AND_SAMPLE, "ot=th:8");
    check(half, low, OTEL_RECORD_ONLY, "");
    check(parent, with_parent(low, true, false, "a=1"), OTEL_RECORD_ONLY, "a=1");
    check(parent, with_parent(low, true, true, "a=1"), OTEL_RECORD_AND_SAMPLE, "a=1");
    otel_sampler *twice = otel_sampler_always_record(off);
    check(twice, low, OTEL_RECORD_ONLY, "");
    otel_sampler_destroy(twice);
    otel_sampler_destroy(half);
    otel_sampler_destroy(parent);
}

static void always_record_of_nothing_records(void **state) {
    (void)state;
    otel_sampler *sampler = otel_sampler_always_record(NULL);
    assert_true(reports_mention("always_record was given no sampler", NULL));
    check(sampler, question(id_9), OTEL_RECORD_ONLY, "");
    otel_sampler_destroy(sampler);
}

/* ---- descriptions ----------------------------------------------------------------------------------------------- */

static void descriptions(void **state) {
    (void)state;
    assert_description(otel_sampler_always_on(), "AlwaysOnSampler");
    assert_description(otel_sampler_always_off(), "AlwaysOffSampler");
    assert_description(otel_sampler_trace_id_ratio(0.0001), "TraceIdRatioBased{0.000100}");
    assert_description(otel_sampler_trace_id_ratio(-0.0), "TraceIdRatioBased{0.000000}");
    assert_description(otel_sampler_trace_id_ratio(1), "TraceIdRatioBased{1.000000}");
    assert_description(otel_sampler_trace_id_ratio(0.1234567), "TraceIdRatioBased{0.1234567}");
    assert_description(otel_sampler_trace_id_ratio(1e-7), "TraceIdRatioBased{0.0000001}");
    assert_description(otel_sampler_probability(1.5e-7), "ProbabilitySampler{0.00000015}");
    assert_description(otel_sampler_trace_id_ratio(2), "TraceIdRatioBased{1.000000}");
    assert_description(otel_sampler_parent_based_root(otel_sampler_trace_id_ratio(0.25)),
                       "ParentBased{root:TraceIdRatioBased{0.250000},remoteParentSampled:AlwaysOnSampler,"
                       "remoteParentNotSampled:AlwaysOffSampler,localParentSampled:AlwaysOnSampler,"
                       "localParentNotSampled:AlwaysOffSampler}");
    assert_description(otel_sampler_probability(0.25), "ProbabilitySampler{0.250000}");
    assert_description(otel_sampler_always_record(otel_sampler_always_off()), "AlwaysRecordSampler{AlwaysOffSampler}");
    assert_description(NULL, "");
}

static void description_in_little_room(void **state) {
    (void)state;
    char text[8] = "#######";
    assert_int_equal(otel_sampler_description(otel_sampler_always_on(), NULL, 100), 15);
    assert_int_equal(otel_sampler_description(otel_sampler_always_on(), text, 0), 15);
    assert_int_equal(text[0], '#');
    assert_int_equal(otel_sampler_description(otel_sampler_always_on(), text, 1), 15);
    assert_string_equal(text, "");
    assert_int_equal(otel_sampler_description(otel_sampler_always_on(), text, 7), 15);
    assert_string_equal(text, "Always");
    assert_int_equal(text[7], '\0');
}

/* ---- threads ---------------------------------------------------------------------------------------------------- */

static void *decide_a_lot(void *sampler) {
    for (int i = 0; i < 20000; i++) {
        struct question root = question(id_9);
        ask(&root, sampler);
        if (root.answer.decision != OTEL_RECORD_AND_SAMPLE || root.answer.state == 0)
            return sampler;
        forget(&root);
        struct question child = with_parent(question(id_9), true, true, "ot=th:4");
        ask(&child, sampler);
        if (child.answer.decision != OTEL_RECORD_AND_SAMPLE || child.answer.state == child.parent_state)
            return sampler;
        forget(&child);
    }
    return NULL;
}

static void threads_share_a_sampler(void **state) {
    (void)state;
    otel_sampler *half = otel_sampler_trace_id_ratio(0.5);
    pthread_t threads[4];
    void *wrong = NULL;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, decide_a_lot, half), 0);
    for (size_t i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        wrong = result ? result : wrong;
    }
    assert_null(wrong);
    assert_int_equal(reports_count(), 1); /* the warning of parents, once */
    otel_sampler_destroy(half);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, samplers_begin, samplers_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(always_on_and_off),
        TEST(without_a_sampler_nothing_is_recorded),
        TEST(unchanged_tracestate_is_the_same_one),
        TEST(stale_tracestate_is_none),
        TEST(threshold_that_explains_the_parent_stays),
        TEST(inconsistent_threshold_is_erased),
        TEST(dropping_erases_the_threshold),
        TEST(sampling_against_the_parent_erases_the_threshold),
        TEST(always_on_alone_claims_to_sample_all),
        TEST(always_on_below_a_parent_based_one_inherits),
        TEST(decision_vectors),
        TEST(explicit_randomness_silences_the_threshold),
        TEST(parents_do_not_matter_to_the_ratio),
        TEST(ratio_0_and_1),
        TEST(share_and_order_of_random_traces),
        TEST(roots_share_one_tracestate),
        TEST(bad_ratios_are_reported_and_mean_1),
        TEST(ratio_warns_once_of_parents),
        TEST(threshold_that_does_not_fit_is_not_written),
        TEST(no_reference_is_lost),
        TEST(full_table_never_leaves_a_wrong_threshold),
        TEST(parent_based_vectors),
        TEST(default_delegates),
        TEST(parent_based_in_parent_based),
        TEST(one_sampler_in_several_places_is_destroyed_once),
        TEST(options_of_other_sizes),
        TEST(always_record_drops_nothing),
        TEST(always_record_of_nothing_records),
        TEST(descriptions),
        TEST(description_in_little_room),
        TEST(threads_share_a_sampler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
