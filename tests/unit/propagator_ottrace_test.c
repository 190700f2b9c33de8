/* SPDX-License-Identifier: Apache-2.0 */
/* propagator_ottrace_test.c - the propagator of OpenTracing's basic tracers (PROP-OT-01 to PROP-OT-07, PROP-W3C-21). */
#include "propagator_fixture.h"

static const otel_propagator *const ottrace = &otel_propagator_ottrace;

static void receive_ids(const char *sampled) {
    in.count = 0;
    carrier_add(&in, "ot-tracer-traceid", TRACE_ID);
    carrier_add(&in, "ot-tracer-spanid", SPAN_ID);
    if (sampled != NULL) {
        carrier_add(&in, "ot-tracer-sampled", sampled);
    }
}

/* ---- vectors ----------------------------------------------------------------------------------------------------- */

static void check_extract(const json_t *row) {
    receive(row, NULL);
    otel_context context = extract(ottrace);
    otel_baggage baggage = otel_context_baggage(&context);
    const json_t *expected = json_object_get(row, "baggage");
    assert_row(row, &context);
    assert_int_equal(otel_baggage_count(&baggage), json_object_size(expected));
    for (size_t i = 0; i < otel_baggage_count(&baggage); i++) {
        const otel_baggage_entry entry = otel_baggage_at(&baggage, i);
        assert_string_equal(entry.value.ptr, json_string_value(json_object_get(expected, entry.name.ptr)));
    }
    otel_baggage_release(&baggage);
    otel_context_release(&context);
}

static void extract_vectors(void **state) {
    (void)state;
    vectors_each("ot", check_extract);
}

static void check_inject(const json_t *row) {
    otel_context context = row_context(row);
    inject(ottrace, &context);
    assert_row_sent(row);
    otel_context_release(&context);
}

static void inject_vectors(void **state) {
    (void)state;
    vectors_each("ot_inject", check_inject);
}

/* ---- beyond the vectors ------------------------------------------------------------------------------------------ */

static void fields_are_named(void **state) {
    (void)state;
    assert_string_equal(ottrace->name, "ottrace");
    assert_string_equal(ottrace->field(0), "ot-tracer-traceid");
    assert_string_equal(ottrace->field(1), "ot-tracer-spanid");
    assert_string_equal(ottrace->field(2), "ot-tracer-sampled");
    assert_null(ottrace->field(3));
    assert_null(ottrace->field(SIZE_MAX));
}

static void words_for_decisions(void **state) {
    (void)state;
    static const struct {
        const char *word;
        int flags; /* -1: refused */
    } cases[] = { { "true", 1 }, { "True", 1 }, { "1", 1 }, { "false", 0 }, { "FALSE", 0 },
                  { "0", 0 },    { NULL, 0 },   { "", -1 }, { "2", -1 },    { "truer", -1 } };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        receive_ids(cases[i].word);
        otel_context context = extract(ottrace);
        if (cases[i].flags >= 0) {
            assert_span(&context, TRACE_ID, SPAN_ID, cases[i].flags);
        } else {
            assert_nothing(&context);
        }
        otel_context_release(&context);
    }
    assert_int_equal(complaints(), 3);
}

/* The right half of the id goes out, and comes back with zeros and without the claim that it is random. */
static void short_ids_lose_their_left_half_and_the_random_flag(void **state) {
    (void)state;
    in.count = 0;
    carrier_add(&in, "traceparent", "00-" TRACE_ID "-" SPAN_ID "-03");
    otel_context context = extract(&otel_propagator_tracecontext);
    inject(ottrace, &context);
    otel_context_release(&context);
    context = ottrace->extract(&no_context, &carrier_getter, &out);
    assert_span(&context, "00000000000000008d14f0726b9c3e51", SPAN_ID, 1);
    inject(&otel_propagator_tracecontext, &context);
    assert_sent("traceparent", "00-00000000000000008d14f0726b9c3e51-" SPAN_ID "-01");
    otel_context_release(&context);
}

static void a_bad_entry_costs_only_itself(void **state) {
    (void)state;
    receive_ids("1");
    carrier_add(&in, "ot-baggage-good", "a%20b+c");
    carrier_add(&in, "ot-baggage-control", "a\001b");
    carrier_add(&in, "ot-baggage-bytes", "\xc3\xa4");
    carrier_add(&in, "ot-baggage-a b", "1");
    carrier_add(&in, "OT-BAGGAGE-GOOD", "second");
    otel_context context = extract(ottrace);
    assert_span(&context, TRACE_ID, SPAN_ID, 1);
    otel_baggage baggage = otel_context_baggage(&context);
    assert_int_equal(otel_baggage_count(&baggage), 1);
    assert_string_equal(otel_baggage_get(&baggage, otel_cstr("good")).ptr, "a%20b+c");
    assert_int_equal(fake.misuses[OTEL__MISUSE_BAGGAGE_READ], 1);
    otel_baggage_release(&baggage);
    otel_context_release(&context);
}

static void entries_that_cannot_be_sent_are_left_out(void **state) {
    (void)state;
    static const char *const entries[][2] = {
        { "a b", "1" },        { "colon:", "1" },       { "good", "x y" },
        { "break", "x\r\ny" }, { "bytes", "\xc3\xa4" }, { "space", " x" },
    };
    receive_ids("true");
    otel_context context = extract(ottrace);
    for (size_t i = 0; i < sizeof entries / sizeof entries[0]; i++) {
        otel_context next = otel_context_with_baggage_value(&context, entries[i][0], otel_cstr(entries[i][1]));
        otel_context_release(&context);
        context = next;
    }
    inject(ottrace, &context);
    assert_int_equal(out.count, 4);
    assert_string_equal(out.fields[3].name, "ot-baggage-good");
    assert_string_equal(out.fields[3].value.ptr, "x y");
    assert_int_equal(fake.misuses[OTEL__MISUSE_BAGGAGE_SENT], 1);
    otel_context_release(&context);
}

static void a_failed_extraction_keeps_what_was_there(void **state) {
    (void)state;
    receive_ids("true");
    otel_context base = extract(ottrace);
    receive_ids("maybe");
    carrier_add(&in, "ot-baggage-a", "1");
    otel_context context = ottrace->extract(&base, &carrier_getter, &in);
    assert_memory_equal(&context, &base, sizeof base);
    otel_context_release(&context);
    otel_context_release(&base);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(extract_vectors),
        TEST(inject_vectors),
        TEST(fields_are_named),
        TEST(words_for_decisions),
        TEST(short_ids_lose_their_left_half_and_the_random_flag),
        TEST(a_bad_entry_costs_only_itself),
        TEST(entries_that_cannot_be_sent_are_left_out),
        TEST(a_failed_extraction_keeps_what_was_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
