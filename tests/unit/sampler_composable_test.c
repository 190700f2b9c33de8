/* SPDX-License-Identifier: Apache-2.0 */
/* sampler_composable_test.c - annotations and rules, on spans: what else of them there is, sampler_composite_test.c has. */
#include "options.h"
#include "reports.h"
#include "sampler_fixture.h"
#include "span_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

OTEL_TRACER(lib, "lib");

/* ---- annotations ------------------------------------------------------------------------------------------------- */

static void annotations_are_on_sampled_spans_only(void **state) {
    (void)state;
    char value[] = "vip";
    otel_composable *annotated = otel_composable_annotating(
        otel_composable_annotating(otel_composable_probability(0.5),
                                   OTEL_ATTRS(OTEL_ATTR("rule", value), OTEL_ATTR("both", "inner"))),
        OTEL_ATTRS(OTEL_ATTR("both", "outer"), OTEL_ATTR("n", 1)));
    memset(value, 'x', sizeof value - 1); /* they are copied */
    otel_sampler *sampler = otel_sampler_always_record(otel_sampler_composite(annotated));
    struct question q = question(id_9);
    ask(&q, sampler);
    assert_int_equal(q.answer.lists, 2);
    forget(&q);
    q = question("00000000000000000100000000000000");
    ask(&q, sampler);
    assert_int_equal(q.answer.decision, OTEL_RECORD_ONLY);
    assert_int_equal(q.answer.lists, 0);
    forget(&q);
    spans_begin(state);
    spans_restart(sampler);
    otel_span_context context = { .size = sizeof context, .trace_id = { 1, [9] = 0x90 }, .span_id = { 1 }, .flags = 3 };
    const otel_span parent = otel_span_wrap(&context);
    const otel_span span = span_child_of(lib, &parent);
    otel_span_end(&span);
    assert_string_equal(span_last()->attributes, "n=int:1 both=string:\"outer\" rule=string:\"vip\"");
    assert_string_equal(span_last()->tracestate, "ot=th:8");
    assert_int_equal(spans_end(state), 0);
}

static void a_list_too_long_is_told_of(void **state) {
    (void)state;
    const otel_attr one = OTEL_ATTR("a", 1);
    otel_sampler *sampler = otel_sampler_composite(otel_composable_annotating(
        otel_composable_always_on(), (otel_attrs){ .items = &one, .count = (size_t)OTEL__LIST_MAX + 1 }));
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("none of them are added", NULL));
    check(sampler, question(id_9), OTEL_RECORD_AND_SAMPLE, "ot=th:0");
    otel_sampler_destroy(sampler);
}

static void annotations_are_described_by_their_values(void **state) {
    (void)state;
    static const int64_t numbers[] = { 1, 2 };
    static char longest[300];
    memset(longest, 'x', sizeof longest - 1);
    memcpy(longest + 63, "\xc3\xa9", 2); /* one character, the 64th */
    otel_sampler *sampler = otel_sampler_composite(otel_composable_annotating(
        otel_composable_always_on(), OTEL_ATTRS(OTEL_ATTR("text", "vip, \"x\""), OTEL_ATTR("yes", (bool)true),
                                                OTEL_ATTR("half", 0.5), OTEL_ATTR("none", (const char *)NULL),
                                                OTEL_ATTR("list", otel_ints(numbers, 2)), OTEL_ATTR("long", longest))));
    longest[63] = '\0';
    char expected[512];
    snprintf(
        expected, sizeof expected,
        "CompositeSampler{ComposableAnnotating{ComposableAlwaysOn,text=vip, \"x\",yes=true,half=0.5,none=,list=[1,2],"
        "long=%s\xc3\xa9...}}",
        longest);
    assert_description(sampler, expected);
}

/* ---- rules ------------------------------------------------------------------------------------------------------- */

static otel_span inner;

static bool start_a_span(void *data, const otel_sampling_input *input) {
    (void)input;
    ++*(unsigned *)data;
    inner = otel_span_start(lib, OTEL_START("inner"));
    otel_span_end(&inner);
    return true;
}

static void rules_may_use_the_api(void **state) {
    unsigned calls = 0;
    spans_begin(state);
    spans_restart(otel_sampler_composite(
        OTEL_COMPOSABLE_RULES({ .matches = start_a_span, .data = &calls, .then = otel_composable_always_on() })));
    const otel_span span = otel_span_start(lib, OTEL_START("outer"));
    assert_true(otel_span_recording(&span));
    assert_true(inner.opaque_[0] != 0);
    assert_int_equal(otel_span_flags(&inner) & OTEL_FLAG_SAMPLED, 0);
    assert_int_equal(calls, 1);
    otel_span_end(&span);
    assert_int_equal(spans_end(state), 0);
}

/* What is decided without the user's functions is no call of theirs to themselves. */
static bool start_a_child(void *data, const otel_sampling_input *input) {
    (void)input;
    const otel_span_context context = { .size = sizeof context, .trace_id = { 1 }, .span_id = { 1 }, .flags = 3 };
    const otel_span parent = otel_span_wrap(&context);
    ++*(unsigned *)data;
    inner = span_child_of(lib, &parent);
    otel_span_end(&inner);
    return true;
}

static void only_their_own_decisions_drop_spans_of_rules(void **state) {
    unsigned calls = 0;
    spans_begin(state);
    spans_restart(otel_sampler_composite(otel_composable_parent_threshold(
        OTEL_COMPOSABLE_RULES({ .matches = start_a_child, .data = &calls, .then = otel_composable_always_on() }))));
    const otel_span span = otel_span_start(lib, OTEL_START("outer"));
    assert_true(otel_span_recording(&span));
    assert_int_equal(otel_span_flags(&inner) & OTEL_FLAG_SAMPLED, OTEL_FLAG_SAMPLED);
    assert_int_equal(calls, 1);
    otel_span_end(&span);
    assert_int_equal(spans_end(state), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, samplers_begin, samplers_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(annotations_are_on_sampled_spans_only),        TEST(a_list_too_long_is_told_of),
        TEST(annotations_are_described_by_their_values),    TEST(rules_may_use_the_api),
        TEST(only_their_own_decisions_drop_spans_of_rules),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
