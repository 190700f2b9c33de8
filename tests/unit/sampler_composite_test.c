/* SPDX-License-Identifier: Apache-2.0 */
/* sampler_composite_test.c - composite samplers: what their parts ask for, and what comes of it. */
#include "backend.h"
#include "failing_allocator.h"
#include "id_generator.h"
#include "reports.h"
#include "sampler_callback.h"
#include "sampler_fixture.h"
#include "sampler_ot.h"
#include "vectors.h"

#include <assert.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

/* ---- a part that does as it is told ------------------------------------------------------------------------------ */

struct puppet {
    uint64_t threshold;
    bool reliable;
    const char *tracestate; /* what to set; NULL: no provider */
    otel_attrs attributes;  /* items NULL: no provider */
    unsigned intents, destroys, attribute_calls, tracestate_calls;
    otel_decision decision; /* told to the provider */
    char parent_text[64];   /* likewise */
    bool had_trace_id, had_parent;
};

static otel_attrs give_attributes(void *data) {
    struct puppet *me = data;
    me->attribute_calls++;
    return me->attributes;
}

static otel_tracestate give_tracestate(void *data, const otel_tracestate *parent, otel_decision decision) {
    struct puppet *me = data;
    const otel_str text = otel_tracestate_text(parent);
    me->tracestate_calls++;
    me->decision = decision;
    snprintf(me->parent_text, sizeof me->parent_text, "%.*s", (int)text.len, text.ptr ? text.ptr : "");
    return otel_tracestate_parse(otel_cstr(me->tracestate));
}

static void give_intent(void *self, const otel_sampling_input *input, otel_sampling_intent *intent) {
    struct puppet *me = self;
    me->intents++;
    me->had_trace_id = input->trace_id != NULL;
    me->had_parent = input->parent != NULL;
    assert(intent->threshold == OTEL_NO_THRESHOLD && !intent->adjusted_count_reliable);
    intent->threshold = me->threshold;
    intent->adjusted_count_reliable = me->reliable;
    intent->data = me;
    intent->attributes = me->attributes.items ? give_attributes : NULL;
    intent->tracestate = me->tracestate ? give_tracestate : NULL;
}

static void describe(void *self, char *buffer, size_t size) {
    snprintf(buffer, size, "Puppet{%u}", ((struct puppet *)self)->intents);
}

static void destroy(void *self) { ((struct puppet *)self)->destroys++; }

static const otel_composable_ops ops = {
    .size = sizeof ops, .sampling_intent = give_intent, .description = describe, .destroy = destroy
};

static otel_composable *part_of(struct puppet *puppet) { return otel_composable_create(&ops, puppet); }

static otel_sampler *sampler_of(struct puppet *puppet) { return otel_sampler_composite(part_of(puppet)); }

/* Asks once, and destroys the sampler. */
static void check_once(otel_sampler *sampler, struct question q, otel_decision decision, const char *tracestate) {
    check(sampler, q, decision, tracestate);
    otel_sampler_destroy(sampler);
}

static otel_sampler *always(bool on) {
    return otel_sampler_composite(on ? otel_composable_always_on() : otel_composable_always_off());
}

/* ---- thresholds -------------------------------------------------------------------------------------------------- */

static void on_and_off(void **state) {
    (void)state;
    const struct question least = question("d1c2b3a4958677869a00000000000000");
    check_once(always(true), least, OTEL_RECORD_AND_SAMPLE, "ot=th:0");
    check_once(always(false), question("ffffffffffffffffffffffffffffffff"), OTEL_DROP, "");
    check_once(always(true), with_parent(least, true, false, "a=1,ot=th:8;x:1"), OTEL_RECORD_AND_SAMPLE,
               "ot=th:0;x:1,a=1");
    check_once(always(false), with_parent(least, true, true, "a=1,ot=th:8;rv:10000000000000"), OTEL_DROP,
               "ot=rv:10000000000000,a=1");
}

static void a_threshold_decides_and_is_written_when_it_is_reliable(void **state) {
    (void)state;
    struct puppet puppet = { .threshold = UINT64_C(0x90000000000000), .reliable = true };
    check_once(sampler_of(&puppet), question(id_9), OTEL_RECORD_AND_SAMPLE, "ot=th:9");
    puppet.threshold++;
    check_once(sampler_of(&puppet), question(id_9), OTEL_DROP, "");
    check_once(sampler_of(&puppet), with_parent(question(id_9), true, true, "ot=th:1,a=1"), OTEL_DROP, "a=1");
    check_once(sampler_of(&puppet), with_parent(question(id_9), true, true, "ot=rv:90000000000001;th:1"),
               OTEL_RECORD_AND_SAMPLE, "ot=th:90000000000001;rv:90000000000001");
    puppet.threshold = OTEL_NO_THRESHOLD;
    check_once(sampler_of(&puppet), question("ffffffffffffffffffffffffffffffff"), OTEL_DROP, "");
    puppet.threshold = UINT64_MAX;
    check_once(sampler_of(&puppet), question("ffffffffffffffffffffffffffffffff"), OTEL_DROP, "");
    puppet = (struct puppet){ .threshold = 0, .reliable = false };
    check_once(sampler_of(&puppet), with_parent(question(id_9), true, true, "ot=th:1;rv:00000000000000"),
               OTEL_RECORD_AND_SAMPLE, "ot=rv:00000000000000");
}

/*
 * The trace id and the rv say no, always; chance says yes to a quarter. 4.5 standard deviations of a binomial number,
 * and a generator of a known state: one seed in 150,000 would not do.
 */
static void without_reliance_chance_decides(void **state) {
    (void)state;
    enum { SPANS = 40000 };
    struct puppet puppet = { .threshold = UINT64_C(0xc0000000000000), .reliable = false };
    otel_sampler *sampler = sampler_of(&puppet);
    assert_true(otel__locals_init());
    struct otel__local *local = otel__local_of(otel__thread_self());
    memcpy(local->random, (const uint64_t[4]){ 1, 2, 3, 4 }, sizeof local->random);
    local->seeded = true;
    int sampled = 0;
    for (int i = 0; i < SPANS; i++) {
        struct question q = question("00000000000000000100000000000000");
        if (i & 1)
            q = with_parent(q, true, true, "ot=rv:00000000000000");
        ask(&q, sampler);
        sampled += q.answer.decision == OTEL_RECORD_AND_SAMPLE;
        assert_state(&q, i & 1 ? "ot=rv:00000000000000" : "");
        forget(&q);
    }
    const double off = sampled - SPANS / 4.0, variance = SPANS * 0.25 * 0.75;
    print_message("measured: chance: %d of %d at 1/4, %.2f times the variance\n", sampled, (int)SPANS,
                  off * off / variance);
    assert_true(off * off <= 4.5 * 4.5 * variance);
    otel_sampler_destroy(sampler);
}

/* ---- parent threshold -------------------------------------------------------------------------------------------- */

static void parent_vector(const json_t *row) {
    const bool sampled = vector_bool(row, "parent_sampled");
    const json_t *th = json_object_get(row, "th_out");
    otel_sampler *sampler = otel_sampler_composite(otel_composable_parent_threshold(otel_composable_always_off()));
    struct question q = question(vector_str(row, "trace_id").ptr);
    q = with_parent(q, true, sampled, vector_str(row, "parent_tracestate").ptr);
    ask(&q, sampler);
    const bool drop = strcmp(vector_str(row, "decision").ptr, "DROP") == 0;
    assert_int_equal(q.answer.decision, drop ? OTEL_DROP : OTEL_RECORD_AND_SAMPLE);
    const otel_str found = otel__ot_get(otel__ot_find(otel__tracestate_text(q.answer.state)), "th");
    if (json_is_null(th))
        assert_null(found.ptr);
    else
        assert_true(found.len == json_string_length(th) && memcmp(found.ptr, json_string_value(th), found.len) == 0);
    forget(&q);
    otel_sampler_destroy(sampler);
}

static void parent_vectors(void **state) {
    (void)state;
    vectors_each("composable_parent_threshold", parent_vector);
}

static void a_parent_is_followed(void **state) {
    (void)state;
    struct puppet puppet = { .threshold = OTEL_NO_THRESHOLD };
    otel_sampler *sampler = otel_sampler_composite(otel_composable_parent_threshold(part_of(&puppet)));
    const struct question q = question(id_9);
    check(sampler, with_parent(q, false, true, "ot=th:9,a=1"), OTEL_RECORD_AND_SAMPLE, "ot=th:9,a=1");
    check(sampler, with_parent(q, true, true, "ot=th:a;rv:a0000000000000"), OTEL_RECORD_AND_SAMPLE,
          "ot=th:a;rv:a0000000000000");
    check(sampler, with_parent(q, true, true, "ot=th:a"), OTEL_RECORD_AND_SAMPLE, "");      /* R < T */
    check(sampler, with_parent(q, true, true, "ot=th:A"), OTEL_RECORD_AND_SAMPLE, "");      /* not one */
    check(sampler, with_parent(q, true, true, "ot=th:8;th:9"), OTEL_RECORD_AND_SAMPLE, ""); /* two */
    check(sampler, with_parent(q, true, false, "ot=th:a,b=1"), OTEL_DROP, "b=1");           /* as it should be */
    check(sampler, with_parent(q, true, false, "ot=th:8,b=1"), OTEL_DROP, "b=1");           /* R >= T, and dropped */
    check(sampler, with_parent(q, true, false, "ot=rv:f0000000000000"), OTEL_DROP, "ot=rv:f0000000000000");
    assert_int_equal(puppet.intents, 0);
    check(sampler, q, OTEL_DROP, "");
    assert_int_equal(puppet.intents, 1);
    assert_false(puppet.had_parent);
    otel_sampler_destroy(sampler);
    check_once(otel_sampler_composite(otel_composable_parent_threshold(otel_composable_probability(0.5))), q,
               OTEL_RECORD_AND_SAMPLE, "ot=th:8");
}

/* ---- rules ------------------------------------------------------------------------------------------------------- */

static bool is_named(void *name, const otel_sampling_input *input) {
    assert(input->trace_id == NULL && input->scope && input->tracestate && input->context);
    return input->name.len == strlen(name) && memcmp(input->name.ptr, name, input->name.len) == 0;
}

static void the_first_rule_that_matches_counts(void **state) {
    (void)state;
    otel_sampler *sampler = otel_sampler_composite(OTEL_COMPOSABLE_RULES(
        { .name = "other", .matches = is_named, .data = "other", .then = otel_composable_always_on() },
        { .name = "name", .matches = is_named, .data = "name", .then = otel_composable_probability(0.5) },
        { .then = otel_composable_always_on() }));
    check(sampler, question(id_9), OTEL_RECORD_AND_SAMPLE, "ot=th:8");
    check(sampler, question("00000000000000000100000000000000"), OTEL_DROP, "");
    otel_sampler_destroy(sampler);
    check_once(otel_sampler_composite(
                   OTEL_COMPOSABLE_RULES({ .matches = is_named, .data = "other", .then = otel_composable_always_off() },
                                         { .then = otel_composable_always_on() })),
               question(id_9), OTEL_RECORD_AND_SAMPLE, "ot=th:0");
}

static void without_a_match_nothing_is_sampled(void **state) {
    (void)state;
    const otel_sampling_rule rule = { .matches = is_named, .data = "other", .then = otel_composable_always_on() };
    const struct question q = question("ffffffffffffffffffffffffffffffff");
    check_once(otel_sampler_composite(otel_composable_rule_based(&rule, 1)), q, OTEL_DROP, "");
    check_once(otel_sampler_composite(otel_composable_rule_based(&rule, 0)), q, OTEL_DROP, "");
    check_once(otel_sampler_composite(otel_composable_rule_based(NULL, 7)), q, OTEL_DROP, "");
    check_once(otel_sampler_composite(OTEL_COMPOSABLE_RULES({ .name = "nothing" })), q, OTEL_DROP, "");
}

static void parts_are_destroyed_once_wherever_they_stand(void **state) {
    (void)state;
    struct puppet puppet = { .threshold = 0 };
    otel_composable *one = part_of(&puppet);
    otel_sampler_destroy(otel_sampler_composite(otel_composable_parent_threshold(otel_composable_annotating(
        OTEL_COMPOSABLE_RULES({ .matches = is_named, .data = "name", .then = one }, { .then = one }),
        OTEL_ATTRS(OTEL_ATTR("a", 1))))));
    assert_int_equal(puppet.destroys, 1);
}

/* ---- attributes and tracestates ---------------------------------------------------------------------------------- */

/* The outermost, which beat the others, stay. */
static void too_many_annotations_are_told_of(void **state) {
    (void)state;
    const otel_attr innermost = OTEL_ATTR("i", -1);
    struct puppet puppet = { .threshold = 0, .attributes = { &innermost, 1 } };
    otel_composable *part = part_of(&puppet);
    for (int i = 0; i < OTEL__SAMPLED_LISTS + 2; i++)
        part = otel_composable_annotating(part, OTEL_ATTRS(OTEL_ATTR("i", i)));
    otel_sampler *sampler = otel_sampler_composite(part);
    for (int i = 0; i < 3; i++) {
        struct question q = question(id_9);
        ask(&q, sampler);
        assert_int_equal(q.answer.lists, OTEL__SAMPLED_LISTS);
        for (int list = 0; list < OTEL__SAMPLED_LISTS; list++)
            assert_int_equal(q.answer.attributes[list].items[0].value.u.i, list + 2);
        forget(&q);
    }
    assert_int_equal(puppet.attribute_calls, 0);
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("more than 8 parts", "innermost"));
    otel_sampler_destroy(sampler);
}

static void providers_are_asked_with_the_decision(void **state) {
    (void)state;
    static const otel_attr attribute = { { "k", 1 }, { OTEL_TYPE_INT, 0, 0, { 1 } } };
    struct puppet puppet = { .threshold = UINT64_C(0x90000000000000),
                             .reliable = true,
                             .attributes = { &attribute, 1 },
                             .tracestate = "mine=1,ot=rv:90000000000000" };
    otel_sampler *sampler = sampler_of(&puppet);
    struct question q = with_parent(question(id_9), true, true, "a=1,ot=rv:90000000000000");
    ask(&q, sampler);
    assert_int_equal(q.answer.decision, OTEL_RECORD_AND_SAMPLE);
    assert_state(&q, "ot=th:9;rv:90000000000000,mine=1");
    assert_int_equal(q.answer.lists, 1);
    assert_ptr_equal(q.answer.attributes[0].items, &attribute);
    forget(&q);
    assert_int_equal(puppet.decision, OTEL_RECORD_AND_SAMPLE);
    assert_string_equal(puppet.parent_text, "a=1,ot=rv:90000000000000");
    assert_false(puppet.had_trace_id);
    assert_int_equal(puppet.attribute_calls, 1);
    puppet.threshold++;
    check(sampler, with_parent(question(id_9), true, true, "a=1,ot=rv:90000000000000"), OTEL_DROP,
          "mine=1,ot=rv:90000000000000");
    assert_int_equal(puppet.decision, OTEL_DROP);
    assert_int_equal(puppet.tracestate_calls, 2);
    assert_int_equal(puppet.attribute_calls, 1); /* not for a dropped one */
    assert_int_equal(reports_count(), 0);
    otel_sampler_destroy(sampler);
}

static void ot_is_not_theirs(void **state) {
    (void)state;
    static const struct {
        const char *parent, *given, *result;
    } cases[] = {
        { "ot=rv:f0000000000000", "mine=1", "ot=th:9;rv:f0000000000000,mine=1" },
        { "ot=rv:f0000000000000", "ot=rv:00000000000000;th:1,mine=1", "ot=th:9;rv:f0000000000000,mine=1" },
        { "a=1", "ot=rv:00000000000000,mine=1", "ot=th:9,mine=1" },
        { "a=1", "ot=th:1", "ot=th:9" },
        { "ot=rv:f0000000000000", "", "ot=th:9;rv:f0000000000000" },
    };
    struct puppet puppet = { .threshold = UINT64_C(0x90000000000000), .reliable = true };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        puppet.tracestate = cases[i].given;
        reports_start(OTEL_LOG_WARN);
        otel_sampler *sampler = sampler_of(&puppet);
        for (int again = 0; again < 2; again++)
            check(sampler, with_parent(question(id_9), true, true, cases[i].parent), OTEL_RECORD_AND_SAMPLE,
                  cases[i].result);
        assert_int_equal(reports_count(), 1);
        assert_true(reports_mention("changed `ot`", NULL));
        otel_sampler_destroy(sampler);
    }
}

static void roots_share_one_tracestate(void **state) {
    (void)state;
    otel_sampler *samplers[] = {
        always(true), otel_sampler_composite(otel_composable_probability(0.5)),
        otel_sampler_composite(otel_composable_parent_threshold(OTEL_COMPOSABLE_RULES(
            { .then = otel_composable_annotating(otel_composable_probability(0.5), OTEL_ATTRS(OTEL_ATTR("a", 1))) })))
    };
    for (size_t i = 0; i < 3; i++) {
        struct question one = question(id_9), two = one;
        ask(&one, samplers[i]);
        ask(&two, samplers[i]);
        assert_true(one.answer.state != 0 && one.answer.state == two.answer.state);
        assert_true(one.answer.owned && two.answer.owned);
        otel_sampler_destroy(samplers[i]);
        assert_state(&one, i ? "ot=th:8" : "ot=th:0"); /* the spans' references keep it */
        forget(&one);
        forget(&two);
    }
}

/* If a reference got lost each time, the table would be full long before the end. */
static void no_tracestate_is_lost(void **state) {
    (void)state;
    struct puppet puppet = { .threshold = UINT64_C(0x90000000000000), .reliable = true, .tracestate = "mine=1" };
    otel_sampler *sampler = sampler_of(&puppet);
    for (unsigned i = 0; i < 40000; i++) {
        puppet.threshold = UINT64_C(0x90000000000000) + (i & 1);
        struct question q = with_parent(question(id_9), true, true, i & 2 ? "a=1" : "ot=rv:90000000000000");
        assert_true(q.parent_state != 0);
        ask(&q, sampler);
        assert_true(q.answer.state != 0);
        forget(&q);
    }
    otel_sampler_destroy(sampler);
}

/* ---- mistakes ---------------------------------------------------------------------------------------------------- */

static void what_is_missing_samples_nothing(void **state) {
    (void)state;
    struct puppet puppet = { .threshold = 0 };
    otel_composable_ops lacking = ops;
    lacking.sampling_intent = NULL;
    otel_composable *parts[] = { NULL,
                                 otel_composable_create(&lacking, &puppet),
                                 otel_composable_create(NULL, NULL),
                                 otel_composable_parent_threshold(NULL),
                                 otel_composable_annotating(NULL, OTEL_ATTRS(OTEL_ATTR("a", 1))),
                                 otel_composable_annotating(otel_composable_always_off(), (otel_attrs){ NULL, 3 }) };
    assert_int_equal(puppet.destroys, 1);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        assert_true(i == 0 || parts[i]);
        check_once(otel_sampler_composite(parts[i]), question("ffffffffffffffffffffffffffffffff"), OTEL_DROP, "");
    }
    assert_true(reports_mention("a composite sampler was given nothing", NULL));
    assert_true(reports_mention("without sampling_intent()", NULL));
    assert_true(reports_mention("parent_threshold was given no delegate", NULL));
    otel_composable_destroy(NULL);
    assert_int_equal(puppet.destroys, 1);
}

static void without_memory_parts_are_consumed(void **state) {
    (void)state;
    if (!failing_allocator_works())
        skip();
    for (int what = 0; what < 6; what++) {
        struct puppet puppet = { .threshold = 0 };
        otel_composable *given = what ? part_of(&puppet) : NULL;
        const otel_sampling_rule rules[] = { { .name = "name", .then = given }, { .then = given } };
        failing_allocator_fail(1, true);
        otel_composable *part = what == 0   ? part_of(&puppet)
                                : what == 1 ? otel_composable_parent_threshold(given)
                                : what == 2 ? otel_composable_annotating(given, OTEL_ATTRS(OTEL_ATTR("a", "b")))
                                : what == 3 ? otel_composable_rule_based(rules, 2)
                                : what == 4 ? otel_composable_probability(1)
                                            : given;
        otel_sampler *sampler = otel_sampler_composite(part);
        failing_allocator_fail(0, false);
        if (what == 4)
            otel_composable_destroy(given);
        check_once(sampler, question(id_9), OTEL_DROP, "");
        assert_int_equal(puppet.destroys, 1);
    }
    assert_true(reports_mention("out of memory", NULL));
}

static void tables_of_other_sizes(void **state) {
    (void)state;
    struct puppet puppet = { .threshold = 0, .reliable = true };
    otel_composable_ops shorter = ops;
    shorter.size = offsetof(otel_composable_ops, description);
    otel_sampler *sampler = otel_sampler_composite(otel_composable_create(&shorter, &puppet));
    check(sampler, question(id_9), OTEL_RECORD_AND_SAMPLE, "ot=th:0");
    assert_description(sampler, "CompositeSampler{CustomComposable}");
    assert_int_equal(puppet.destroys, 0); /* which it does not know */
}

static void no_part_is_asked_by_itself(void **state) {
    (void)state;
    struct puppet puppet = { .threshold = 0, .reliable = true };
    otel_sampler *samplers[] = { sampler_of(&puppet),
                                 otel_sampler_composite(OTEL_COMPOSABLE_RULES(
                                     { .then = otel_composable_annotating(part_of(&puppet), (otel_attrs){ 0 }) })),
                                 always(true), always(false) };
    const struct otel__asking asking = otel__asking_begin(); /* as if one of them did */
    for (size_t i = 0; i < 4; i++)
        check_once(samplers[i], question(id_9), i == 2 ? OTEL_RECORD_AND_SAMPLE : OTEL_DROP, i == 2 ? "ot=th:0" : "");
    otel__asking_end(&asking);
    assert_int_equal(puppet.intents, 0);
}

/* ---- descriptions ------------------------------------------------------------------------------------------------ */

static void descriptions(void **state) {
    (void)state;
    struct puppet puppet = { .threshold = 0 };
    assert_description(always(true), "CompositeSampler{ComposableAlwaysOn}");
    assert_description(always(false), "CompositeSampler{ComposableAlwaysOff}");
    assert_description(otel_sampler_composite(otel_composable_parent_threshold(otel_composable_probability(0.25))),
                       "CompositeSampler{ComposableParentThreshold{root:ComposableProbability{0.250000}}}");
    assert_description(otel_sampler_composite(OTEL_COMPOSABLE_RULES(
                           { .name = "health", .matches = is_named, .data = "", .then = otel_composable_always_off() },
                           { .matches = is_named, .data = "", .then = part_of(&puppet) },
                           { .then = otel_composable_annotating(otel_composable_always_on(),
                                                                OTEL_ATTRS(OTEL_ATTR("a", 1), OTEL_ATTR("b", 2))) })),
                       "CompositeSampler{ComposableRuleBased{[(health:ComposableAlwaysOff),(function:Puppet{0}),"
                       "(all:ComposableAnnotating{ComposableAlwaysOn,a=1,b=2})]}}");
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

static void *decide_a_lot(void *sampler) {
    for (int i = 0; i < 10000; i++) {
        struct question q = with_parent(question(id_9), true, true, i & 1 ? "ot=th:8,a=1" : "a=1");
        ask(&q, sampler);
        const bool wrong = q.answer.decision != OTEL_RECORD_AND_SAMPLE || q.answer.lists != 1;
        forget(&q);
        if (wrong)
            return sampler;
    }
    return NULL;
}

static void threads_share_a_sampler(void **state) {
    (void)state;
    otel_sampler *sampler = otel_sampler_composite(OTEL_COMPOSABLE_RULES(
        { .matches = is_named, .data = "other", .then = otel_composable_always_off() },
        { .then = otel_composable_annotating(otel_composable_parent_threshold(otel_composable_always_off()),
                                             OTEL_ATTRS(OTEL_ATTR("a", 1))) }));
    pthread_t threads[4];
    void *wrong = NULL;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, decide_a_lot, sampler), 0);
    for (size_t i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        wrong = result ? result : wrong;
    }
    assert_null(wrong);
    otel_sampler_destroy(sampler);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, samplers_begin, samplers_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(on_and_off),
        TEST(a_threshold_decides_and_is_written_when_it_is_reliable),
        TEST(without_reliance_chance_decides),
        TEST(parent_vectors),
        TEST(a_parent_is_followed),
        TEST(the_first_rule_that_matches_counts),
        TEST(without_a_match_nothing_is_sampled),
        TEST(parts_are_destroyed_once_wherever_they_stand),
        TEST(too_many_annotations_are_told_of),
        TEST(providers_are_asked_with_the_decision),
        TEST(ot_is_not_theirs),
        TEST(roots_share_one_tracestate),
        TEST(no_tracestate_is_lost),
        TEST(what_is_missing_samples_nothing),
        TEST(without_memory_parts_are_consumed),
        TEST(tables_of_other_sizes),
        TEST(no_part_is_asked_by_itself),
        TEST(descriptions),
        TEST(threads_share_a_sampler),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
