/* SPDX-License-Identifier: Apache-2.0 */
/* propagator_b3_test.c - the B3 propagators (PROP-B3-01 to PROP-B3-16). */
#include "failing_allocator.h"
#include "propagator_fixture.h"

#define IDS TRACE_ID "-" SPAN_ID

static const otel_propagator *const single = &otel_propagator_b3;
static const otel_propagator *const multi = &otel_propagator_b3multi;

OTEL_TRACER(tracer, "propagator_b3_test");

/* ---- vectors ----------------------------------------------------------------------------------------------------- */

/* What the row says of the decision shows in what is sent on. */
static void assert_decision(const json_t *row, const otel_context *context) {
    static const char *const states[][3] = {
        { "accept", "-1", "1" }, { "deny", "-0", "0" }, { "debug", "-d", NULL }, { "defer", "", NULL }
    };
    const char *state = vector_str(row, "state").ptr;
    for (size_t i = 0; i < sizeof states / sizeof states[0] && vector_bool(row, "extracted"); i++) {
        if (strcmp(state, states[i][0]) == 0) {
            inject(single, context);
            assert_string_equal(carrier_text(&out, "b3") + strlen(IDS), states[i][1]);
            inject(multi, context);
            assert_sent("x-b3-sampled", states[i][2]);
            assert_sent("x-b3-flags", strcmp(state, "debug") == 0 ? "1" : NULL);
        }
    }
}

static void check_extract(const json_t *row) {
    const otel_propagator *const both[] = { single, multi };
    for (size_t i = 0; i < 2; i++) {
        receive(row, "b3");
        otel_context context = extract(both[i]);
        assert_row(row, &context);
        assert_decision(row, &context);
        otel_context_release(&context);
    }
}

static void single_vectors(void **state) {
    (void)state;
    vectors_each("b3_single", check_extract);
}

static void multi_vectors(void **state) {
    (void)state;
    vectors_each("b3_multi", check_extract);
}

static void precedence_vectors(void **state) {
    (void)state;
    vectors_each("b3_precedence", check_extract);
}

static void check_inject(const json_t *row) {
    otel_context context = row_context(row);
    if (vector_bool(row, "debug") || vector_bool(row, "deferred")) {
        otel_context_release(&context);
        context = extract_field(single, "b3", vector_bool(row, "debug") ? IDS "-d" : IDS);
    }
    inject(strcmp(vector_str(row, "format").ptr, "multi") == 0 ? multi : single, &context);
    assert_row_sent(row);
    otel_context_release(&context);
}

static void inject_vectors(void **state) {
    (void)state;
    vectors_each("b3_inject", check_inject);
}

/* ---- decisions --------------------------------------------------------------------------------------------------- */

static void debug_stays_with_the_trace(void **state) {
    (void)state;
    otel_context parent = extract_field(multi, "b3", IDS "-d"), child;
    otel_span span = otel_context_span(&parent);
    span.opaque_[OTEL__W_SPAN]++;
    child = otel_context_with_span(&parent, &span);
    inject(single, &child);
    assert_string_equal(carrier_text(&out, "b3") + strlen(IDS), "-d");
    span.opaque_[OTEL__W_TRACE]++;
    otel_context other = otel_context_with_span(&parent, &span);
    inject(single, &other);
    assert_string_equal(carrier_text(&out, "b3") + strlen(IDS), "-1");
    otel_context_release(&other);
    otel_context_release(&child);
    otel_context_release(&parent);
}

static void what_comes_later_replaces_debug(void **state) {
    (void)state;
    otel_context debug = extract_field(single, "b3", IDS "-d");
    in.count = 0;
    carrier_add(&in, "b3", IDS "-0");
    otel_context context = single->extract(&debug, &carrier_getter, &in);
    inject(single, &context);
    assert_sent("b3", IDS "-0");
    otel_context_release(&context);
    otel_context_release(&debug);
}

static void a_new_span_decides_what_was_deferred(void **state) {
    (void)state;
    otel_context parent = extract_field(single, "b3", IDS);
    otel_span span = otel_context_span(&parent);
    span.opaque_[OTEL__W_SPAN]++;
    otel_context child = otel_context_with_span(&parent, &span);
    inject(single, &child);
    assert_string_equal(carrier_text(&out, "b3") + strlen(IDS), "-0");
    otel_context_release(&child);
    otel_context_release(&parent);
}

static void a_later_decision_replaces_a_deferred_one(void **state) {
    (void)state;
    in.count = 0;
    carrier_add(&in, "b3", IDS);
    carrier_add(&in, "traceparent", "00-" IDS "-01");
    otel_context parent = extract(single);
    otel_context context = otel_propagator_tracecontext.extract(&parent, &carrier_getter, &in);
    inject(single, &context);
    assert_sent("b3", IDS "-1");
    otel_context_release(&context);
    otel_context_release(&parent);
}

/* ---- more -------------------------------------------------------------------------------------------------------- */

static void fields_are_those_that_are_written(void **state) {
    (void)state;
    static const char *const written[] = { "x-b3-traceid", "x-b3-spanid", "x-b3-sampled", "x-b3-flags" };
    assert_string_equal(single->name, "b3");
    assert_string_equal(single->field(0), "b3");
    assert_null(single->field(1));
    assert_string_equal(multi->name, "b3multi");
    for (size_t i = 0; i < 4; i++) {
        assert_string_equal(multi->field(i), written[i]);
    }
    assert_null(multi->field(4));
    assert_null(multi->field(SIZE_MAX));
}

static void the_first_of_several_values_counts(void **state) {
    (void)state;
    carrier_add(&in, "X-B3-TraceId", TRACE_ID);
    carrier_add(&in, "X-B3-TraceId", "0e6d2b9941c7f35a60b8d4e2793af01c");
    carrier_add(&in, "X-B3-SpanId", SPAN_ID);
    carrier_add(&in, "X-B3-SpanId", "e81b64c2079f3da5");
    carrier_add(&in, "X-B3-Sampled", "1");
    carrier_add(&in, "X-B3-Sampled", "0");
    carrier_add(&in, "X-B3-ParentSpanId", "nonsense");
    otel_context context = extract(single);
    assert_span(&context, TRACE_ID, SPAN_ID, 1);
    otel_context_release(&context);
}

static void words_for_decisions(void **state) {
    (void)state;
    static const struct {
        const char *sampled, *flags, *sent;
    } cases[] = { { "1", NULL, IDS "-1" },     { "0", NULL, IDS "-0" }, { "true", NULL, IDS "-1" },
                  { "false", NULL, IDS "-0" }, { "0", "1", IDS "-d" },  { "maybe", "1", IDS "-d" },
                  { "0", "7", IDS "-0" },      { NULL, NULL, IDS } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        in.count = 0;
        carrier_add(&in, "x-b3-traceid", TRACE_ID);
        carrier_add(&in, "x-b3-spanid", SPAN_ID);
        if (cases[i].sampled != NULL) {
            carrier_add(&in, "x-b3-sampled", cases[i].sampled);
        }
        if (cases[i].flags != NULL) {
            carrier_add(&in, "x-b3-flags", cases[i].flags);
        }
        otel_context context = extract(multi);
        inject(single, &context);
        assert_sent("b3", cases[i].sent);
        otel_context_release(&context);
    }
}

static void a_failed_extraction_keeps_what_was_there(void **state) {
    (void)state;
    otel_context base = extract_field(single, "b3", IDS "-d");
    static const char *const bad[] = { "garbage", "0", IDS "-2", "" };
    for (size_t i = 0; i < 4; i++) {
        in.count = 0;
        carrier_add(&in, "b3", bad[i]);
        otel_context context = single->extract(&base, &carrier_getter, &in);
        assert_memory_equal(&context, &base, sizeof base);
        otel_context_release(&context);
    }
    otel_context_release(&base);
}

static void a_decision_alone_is_no_reason_to_complain(void **state) {
    (void)state;
    static const struct {
        const char *name, *value;
        unsigned told;
    } cases[] = {
        { "b3", "0", 0 },        { "b3", "d", 0 },       { "x-b3-sampled", "0", 0 },     { "x-b3-flags", "1", 0 },
        { "other", "value", 0 }, { "b3", "garbage", 1 }, { "x-b3-traceid", TRACE_ID, 2 }
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        otel_context context = extract_field(single, cases[i].name, cases[i].value);
        assert_nothing(&context);
        assert_int_equal(complaints(), cases[i].told);
    }
}

/* Each value lies at the end of its memory, where a sanitizer sees a step too far; and each byte is judged. */
static void hostile_values_are_refused(void **state) {
    (void)state;
    static const char whole[] = IDS "-1-90ab12cd34ef5678";
    const size_t length = sizeof whole - 1;
    for (size_t cut = 0; cut <= length; cut++) {
        char *copy = malloc(cut > 0 ? cut : 1);
        memcpy(copy, whole, cut);
        in.count = 0;
        carrier_add_str(&in, "b3", otel_strn(copy, cut));
        otel_context context = extract(single);
        const otel_span span = otel_context_span(&context);
        assert_int_equal(otel_span_valid(&span), cut == 49 || cut == 51 || cut == length);
        otel_context_release(&context);
        free(copy);
    }
    in.count = 0;
    carrier_add_str(&in, "b3", otel_strn(whole, SIZE_MAX / 2));
    otel_context context = extract(single);
    assert_nothing(&context);
    in.count = 0;
    carrier_add_str(&in, "b3", otel_strn(NULL, 80));
    context = extract(single);
    assert_nothing(&context);
}

static void without_memory_the_span_stays_and_debug_is_lost(void **state) {
    (void)state;
    if (!failing_allocator_works()) {
        print_message("SKIPPED: allocations cannot be made to fail here\n");
        skip();
    }
    for (unsigned nth = 1; nth <= 2; nth++) {
        failing_allocator_fail(nth, false);
        otel_context context = extract_field(single, "b3", IDS "-d");
        assert_int_equal(failing_allocator_failures(), 1);
        failing_allocator_fail(0, false);
        assert_int_equal(fake.misuses[OTEL__MISUSE_NO_MEMORY], nth);
        inject(single, &context);
        assert_sent("b3", IDS "-1");
        otel_context_release(&context);
    }
}

static void bad_tables_are_ignored(void **state) {
    (void)state;
    otel_context context = single->extract(&no_context, NULL, &in);
    assert_nothing(&context);
    context = extract_field(single, "b3", IDS "-1");
    single->inject(&context, NULL, &out);
    multi->inject(&context, NULL, &out);
    inject(single, &no_context);
    inject(multi, &no_context);
    assert_int_equal(out.count, 0);
    otel_context_release(&context);
}

/* ---- without an SDK ---------------------------------------------------------------------------------------------- */

static void pass(const char *header) {
    in.count = out.count = out.writes = 0;
    carrier_add(&in, "b3", header);
    otel_context parent = otel_extract(&no_context, &carrier_getter, &in);
    {
        OTEL_SPAN(span, tracer, "handler", .parent = &parent);
        otel_inject(NULL, &carrier_setter, &out);
    }
    otel_context_release(&parent);
    assert_sent("b3", header);
}

static void without_an_sdk_b3_passes_through(void **state) {
    (void)state;
    const otel_propagator *const list[] = { single };
    otel_propagators_set(list, 1);
    pass(IDS "-1");
    pass(IDS "-0");
    pass(IDS "-d");
    pass(IDS);
    otel_propagators_set(NULL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(single_vectors),
        TEST(multi_vectors),
        TEST(precedence_vectors),
        TEST(inject_vectors),
        TEST(debug_stays_with_the_trace),
        TEST(what_comes_later_replaces_debug),
        TEST(a_new_span_decides_what_was_deferred),
        TEST(a_later_decision_replaces_a_deferred_one),
        TEST(fields_are_those_that_are_written),
        TEST(the_first_of_several_values_counts),
        TEST(words_for_decisions),
        TEST(a_failed_extraction_keeps_what_was_there),
        TEST(a_decision_alone_is_no_reason_to_complain),
        TEST(hostile_values_are_refused),
        TEST(without_memory_the_span_stays_and_debug_is_lost),
        TEST(bad_tables_are_ignored),
        cmocka_unit_test(without_an_sdk_b3_passes_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
