/* SPDX-License-Identifier: Apache-2.0 */
/* propagator_jaeger_test.c - the propagator of Jaeger's clients (PROP-JAEGER-01 to PROP-JAEGER-11). */
#include "propagator_fixture.h"

#define IDENTITY TRACE_ID ":" SPAN_ID ":0:"

static const otel_propagator *const jaeger = &otel_propagator_jaeger;

/* ---- vectors ----------------------------------------------------------------------------------------------------- */

static void check_extract(const json_t *row) {
    receive(row, "uber-trace-id");
    otel_context context = extract(jaeger);
    assert_row(row, &context);
    if (vector_bool(row, "extracted")) {
        const char *sampled = strcmp(vector_str(row, "flags").ptr, "01") == 0 ? "1" : "0";
        inject(jaeger, &context);
        const char *sent = carrier_text(&out, "uber-trace-id");
        assert_string_equal(sent + strlen(IDENTITY), vector_bool(row, "debug") ? "3" : sampled);
    }
    otel_context_release(&context);
}

static void extract_vectors(void **state) {
    (void)state;
    vectors_each("jaeger", check_extract);
}

static void check_inject(const json_t *row) {
    otel_context context = row_context(row);
    if (vector_bool(row, "debug")) {
        otel_context_release(&context);
        context = extract_field(jaeger, "uber-trace-id", IDENTITY "3");
    }
    inject(jaeger, &context);
    assert_row_sent(row);
    otel_context_release(&context);
}

static void inject_vectors(void **state) {
    (void)state;
    vectors_each("jaeger_inject", check_inject);
}

/* ---- the span ---------------------------------------------------------------------------------------------------- */

static void field_is_named(void **state) {
    (void)state;
    assert_string_equal(jaeger->name, "jaeger");
    assert_string_equal(jaeger->field(0), "uber-trace-id");
    assert_null(jaeger->field(1));
    assert_null(jaeger->field(SIZE_MAX));
}

static void only_whole_headers_are_read(void **state) {
    (void)state;
    static const struct {
        const char *value;
        bool valid;
    } cases[] = {
        { IDENTITY "1", true },      { TRACE_ID ":" SPAN_ID "::1", true },
        { "1:2:anything:1", true },  { "0:2:0:1", false },
        { "1:0:0:1", false },        { ":2:0:1", false },
        { "1::0:1", false },         { "1:2:0:001", false },
        { "1:2:0:g", false },        { "1:2:0:F", false },
        { "1:2:0:1:", false },       { "1%3a2%3A0%3a1", true },
        { "1%3a2%3A0%3a1%", false }, { "1%3a2%3A0%3a1%3", false },
        { "1%zz2%3A0%3a1", false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        otel_context context = extract_field(jaeger, "uber-trace-id", cases[i].value);
        const otel_span span = otel_context_span(&context);
        assert_int_equal(otel_span_valid(&span), cases[i].valid);
        otel_context_release(&context);
    }
    assert_int_equal(complaints(), 11);
}

static void debug_goes_over_to_b3_and_back(void **state) {
    (void)state;
    otel_context context = extract_field(jaeger, "uber-trace-id", IDENTITY "3");
    inject(&otel_propagator_b3, &context);
    assert_sent("b3", TRACE_ID "-" SPAN_ID "-d");
    otel_context_release(&context);
    context = extract_field(&otel_propagator_b3, "b3", TRACE_ID "-" SPAN_ID "-d");
    inject(jaeger, &context);
    assert_sent("uber-trace-id", IDENTITY "3");
    otel_context_release(&context);
}

static void a_failed_extraction_keeps_what_was_there(void **state) {
    (void)state;
    otel_context base = extract_field(jaeger, "uber-trace-id", IDENTITY "1");
    in.count = 0;
    carrier_add(&in, "uber-trace-id", "garbage");
    otel_context context = jaeger->extract(&base, &carrier_getter, &in);
    assert_memory_equal(&context, &base, sizeof base);
    otel_context_release(&context);
    otel_context_release(&base);
}

/* ---- baggage ----------------------------------------------------------------------------------------------------- */

static void assert_baggage(const otel_context *context, const char *name, const char *expected) {
    const otel_str value = otel_context_baggage_value(context, name);
    if (expected == NULL) {
        assert_null(value.ptr);
    } else {
        assert_non_null(value.ptr);
        assert_string_equal(value.ptr, expected);
    }
}

static void baggage_is_found_under_its_prefix(void **state) {
    (void)state;
    carrier_add(&in, "UberCtx-tenant", "blue%20%2f+1%2B");
    carrier_add(&in, "uberctx-", "no name");
    carrier_add(&in, "uberctx-bad", "%4");
    carrier_add(&in, "uberctx", "1");
    carrier_add(&in, "uberctx-empty", "");
    carrier_add(&in, "uberctx-tenant", "second");
    otel_context context = extract(jaeger);
    assert_baggage(&context, "tenant", "blue / 1+");
    assert_baggage(&context, "empty", "");
    otel_baggage baggage = otel_context_baggage(&context);
    assert_int_equal(otel_baggage_count(&baggage), 2);
    otel_baggage_release(&baggage);
    const otel_span span = otel_context_span(&context);
    assert_false(otel_span_valid(&span));
    assert_int_equal(fake.misuses[OTEL__MISUSE_BAGGAGE_READ], 1);
    otel_context_release(&context);
}

static void a_list_by_hand_is_read_too(void **state) {
    (void)state;
    otel_context context = extract_field(jaeger, "jaeger-baggage", "k1=v1, k2 = a%20b ,bad,=x,k3=");
    assert_baggage(&context, "k1", "v1");
    assert_baggage(&context, "k2", "a b");
    assert_baggage(&context, "k3", "");
    otel_baggage baggage = otel_context_baggage(&context);
    assert_int_equal(otel_baggage_count(&baggage), 3);
    otel_baggage_release(&baggage);
    otel_context_release(&context);
}

static void received_baggage_replaces_what_was_there(void **state) {
    (void)state;
    otel_context base = otel_context_with_baggage_value(&no_context, "old", otel_cstr("1"));
    carrier_add(&in, "uber-trace-id", IDENTITY "1");
    otel_context context = jaeger->extract(&base, &carrier_getter, &in);
    assert_baggage(&context, "old", "1");
    otel_context_release(&context);
    carrier_add(&in, "uberctx-new", "2");
    context = jaeger->extract(&base, &carrier_getter, &in);
    assert_baggage(&context, "old", NULL);
    assert_baggage(&context, "new", "2");
    otel_context_release(&context);
    otel_context_release(&base);
}

/* It must say which fields there are; a getter of the first version cannot. */
static void without_names_of_fields_there_is_no_baggage(void **state) {
    (void)state;
    carrier_add(&in, "uber-trace-id", IDENTITY "1");
    carrier_add(&in, "uberctx-tenant", "blue");
    otel_context context = jaeger->extract(&no_context, &carrier_getter_small, &in);
    assert_span(&context, TRACE_ID, SPAN_ID, 1);
    assert_baggage(&context, "tenant", NULL);
    otel_context_release(&context);
}

static otel_context with(const otel_context *base, const char *name, const char *value) {
    return otel_context_with_baggage_value(base, name, otel_cstr(value));
}

static void entries_that_cannot_be_sent_are_left_out(void **state) {
    (void)state;
    otel_context first = with(&no_context, "a b", "1"), second = with(&first, "x\r\nevil", "2");
    otel_context third = with(&second, "t\xc3\xa4g", "3"), fourth = with(&third, "good", "l1\r\nl2\xc3\xa4");
    inject(jaeger, &fourth);
    assert_int_equal(out.count, 1);
    assert_sent("uberctx-good", "l1%0D%0Al2%C3%A4");
    assert_int_equal(fake.misuses[OTEL__MISUSE_BAGGAGE_SENT], 1);
    otel_context_release(&first);
    otel_context_release(&second);
    otel_context_release(&third);
    otel_context_release(&fourth);
}

/* ---- hostile carriers -------------------------------------------------------------------------------------------- */

static size_t asked;

static bool endless_get(const void *carrier, const char *key, size_t index, otel_str *value) {
    (void)carrier;
    (void)index;
    *value = otel_cstr("v");
    return strncmp(key, "uberctx-", 8) == 0;
}

static bool endless_key(const void *carrier, size_t index, otel_str *key) {
    static char name[32];
    (void)carrier;
    asked = index;
    snprintf(name, sizeof name, "uberctx-%zu", index % 8);
    *key = index % 2 == 0 ? otel_cstr(name) : otel_strn(NULL, 7);
    return true;
}

static void endless_fields_are_bounded(void **state) {
    (void)state;
    static const otel_getter endless = { .size = sizeof endless, .get = endless_get, .key = endless_key };
    otel_context context = jaeger->extract(&no_context, &endless, NULL);
    assert_true(asked <= 1024);
    assert_int_equal(fake.misuses[OTEL__MISUSE_BAGGAGE_READ], 1);
    otel_context_release(&context);
}

static void huge_entries_are_left_out(void **state) {
    (void)state;
    static char names[70][32], huge[9000];
    static char long_name[400] = "uberctx-";
    memset(huge, 'v', sizeof huge - 1);
    memset(long_name + 8, 'n', sizeof long_name - 9);
    carrier_add(&in, "uberctx-huge", huge);
    carrier_add(&in, long_name, "1");
    for (size_t i = 0; i < 70; i++) {
        snprintf(names[i], sizeof names[i], "uberctx-%zu", i);
        carrier_add(&in, names[i], "v");
    }
    otel_context context = extract(jaeger);
    otel_baggage baggage = otel_context_baggage(&context);
    assert_int_equal(otel_baggage_count(&baggage), 64);
    assert_baggage(&context, "0", "v");
    assert_baggage(&context, "64", NULL);
    otel_baggage_release(&baggage);
    otel_context_release(&context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(extract_vectors),
        TEST(inject_vectors),
        TEST(field_is_named),
        TEST(only_whole_headers_are_read),
        TEST(debug_goes_over_to_b3_and_back),
        TEST(a_failed_extraction_keeps_what_was_there),
        TEST(baggage_is_found_under_its_prefix),
        TEST(a_list_by_hand_is_read_too),
        TEST(received_baggage_replaces_what_was_there),
        TEST(without_names_of_fields_there_is_no_baggage),
        TEST(entries_that_cannot_be_sent_are_left_out),
        TEST(endless_fields_are_bounded),
        TEST(huge_entries_are_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
