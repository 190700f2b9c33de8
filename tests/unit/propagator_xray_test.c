/* SPDX-License-Identifier: Apache-2.0 */
/* propagator_xray_test.c - the propagator of AWS X-Ray, libotel-xray (PROP-XRAY-02 to PROP-XRAY-10). */
#include "propagator_fixture.h"

#include <otel/xray.h>
#include <time.h>

#define ROOT "Root=1-66f0a1b2-c3d4e5f60718293a4b5c6d7e"
#define PARENT "Parent=" SPAN_ID
#define XRAY_TRACE_ID "66f0a1b2c3d4e5f60718293a4b5c6d7e"

static const otel_propagator *const xray = &otel_propagator_xray;

static void check_extract(const json_t *row) {
    receive(row, "X-Amzn-Trace-Id");
    otel_context context = extract(xray);
    assert_row(row, &context);
    otel_context_release(&context);
}

static void extract_vectors(void **state) {
    (void)state;
    vectors_each("xray", check_extract);
}

static void check_inject(const json_t *row) {
    otel_context context = row_context(row);
    inject(xray, &context);
    assert_row_sent(row);
    otel_context_release(&context);
}

static void inject_vectors(void **state) {
    (void)state;
    vectors_each("xray_inject", check_inject);
}

static void field_is_named(void **state) {
    (void)state;
    assert_string_equal(xray->name, "xray");
    assert_string_equal(xray->field(0), "X-Amzn-Trace-Id");
    assert_null(xray->field(1));
    assert_null(xray->field(SIZE_MAX));
}

static void names_of_fields_ignore_case_and_those_of_parts_do_not(void **state) {
    (void)state;
    otel_context context = extract_field(xray, "x-amzn-trace-id", ROOT ";" PARENT ";Sampled=1");
    assert_span(&context, XRAY_TRACE_ID, SPAN_ID, 1);
    otel_context_release(&context);
    context = extract_field(xray, "x-amzn-trace-id", "root=1-66f0a1b2-c3d4e5f60718293a4b5c6d7e;" PARENT);
    assert_nothing(&context);
}

static void malformed_headers_are_refused(void **state) {
    (void)state;
    static const char *const cases[] = {
        "Root=2-66f0a1b2-c3d4e5f60718293a4b5c6d7e;" PARENT,
        "Root=1:66f0a1b2-c3d4e5f60718293a4b5c6d7e;" PARENT,
        "Root=1-66f0a1b2:c3d4e5f60718293a4b5c6d7e;" PARENT,
        "Root=1-66f0a1b2-c3d4e5f60718293a4b5c6d7g;" PARENT,
        "Root=1-66F0A1B2-c3d4e5f60718293a4b5c6d7e;" PARENT,
        ROOT "0;" PARENT,
        ROOT ";" PARENT "0",
        ROOT ";Parent=0000000000000000",
        ROOT ";" PARENT ";Sampled=",
        ROOT ";" PARENT ";Sampled=01",
        ROOT ";" PARENT ";word",
        "Root",
        "=",
        ";;",
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        otel_context context = extract_field(xray, "X-Amzn-Trace-Id", cases[i]);
        assert_nothing(&context);
    }
    otel_context context = extract_field(xray, "X-Amzn-Trace-Id", ROOT ";" PARENT ";Sampled=1;");
    assert_span(&context, XRAY_TRACE_ID, SPAN_ID, 1);
    otel_context_release(&context);
}

static void a_failed_extraction_keeps_what_was_there(void **state) {
    (void)state;
    otel_context base = extract_field(xray, "X-Amzn-Trace-Id", ROOT ";" PARENT ";Sampled=1");
    in.count = 0;
    carrier_add(&in, "X-Amzn-Trace-Id", ROOT);
    otel_context context = xray->extract(&base, &carrier_getter, &in);
    assert_memory_equal(&context, &base, sizeof base);
    otel_context_release(&context);
    otel_context_release(&base);
}

/* Each value lies at the end of its memory, where a sanitizer sees a step too far. */
static void nothing_is_read_past_the_end(void **state) {
    (void)state;
    static const char whole[] = ROOT ";" PARENT ";Sampled=1";
    for (size_t cut = 0; cut < sizeof whole; cut++) {
        char *copy = malloc(cut > 0 ? cut : 1);
        memcpy(copy, whole, cut);
        in.count = 0;
        carrier_add_str(&in, "X-Amzn-Trace-Id", otel_strn(copy, cut));
        otel_context context = extract(xray);
        const otel_span span = otel_context_span(&context);
        const bool between = cut == strlen(ROOT ";" PARENT) || cut == strlen(ROOT ";" PARENT ";");
        assert_int_equal(otel_span_valid(&span), between || cut == sizeof whole - 1);
        otel_context_release(&context);
        free(copy);
    }
    in.count = 0;
    carrier_add_str(&in, "X-Amzn-Trace-Id", otel_strn(whole, SIZE_MAX / 2));
    otel_context context = extract(xray);
    assert_nothing(&context);
}

/* ---- trace ids --------------------------------------------------------------------------------------------------- */

static otel_context extract_variable(const char *variable) {
    char text[128], similar[] = "X_AMZN_TRACE_ID=" ROOT;
    snprintf(text, sizeof text, "%s", variable);
    char *const envp[] = { similar, "_X_AMZN_TRACE_IDS=1", text, "HOME=/", NULL };
    return otel_xray_extract_lambda(&no_context, envp);
}

static void lambda_names_its_request_in_a_variable(void **state) {
    (void)state;
    otel_context context = extract_variable("_X_AMZN_TRACE_ID=" ROOT ";" PARENT ";Sampled=1");
    assert_span(&context, XRAY_TRACE_ID, SPAN_ID, OTEL_FLAG_SAMPLED);
    otel_context again = otel_xray_extract_lambda(&context, NULL);
    assert_span(&again, XRAY_TRACE_ID, SPAN_ID, OTEL_FLAG_SAMPLED);
    otel_context_release(&again);
    otel_context_release(&context);
    static const char *const others[] = { "_X_AMZN_TRACE_ID=" ROOT, "_X_AMZN_TRACE_ID=", "_X_AMZN_TRACE_ID",
                                          "_x_amzn_trace_id=" ROOT ";" PARENT };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        context = extract_variable(others[i]);
        assert_nothing(&context);
        otel_context_release(&context);
    }
}

static uint32_t seconds_in(const uint8_t id[16]) {
    return (uint32_t)id[0] << 24 | (uint32_t)id[1] << 16 | (uint32_t)id[2] << 8 | id[3];
}

/* Every bit of the rest is seen both set and clear. */
static void ids_begin_with_the_time_and_the_rest_is_random(void **state) {
    (void)state;
    uint8_t set[16] = { 0 }, clear[16] = { 0 };
    const uint32_t before = (uint32_t)time(NULL);
    for (int i = 0; i < 200; i++) {
        uint8_t id[16];
        otel_xray_trace_id(NULL, id);
        assert_true(seconds_in(id) >= before && seconds_in(id) <= (uint32_t)time(NULL));
        for (int j = 0; j < 16; j++) {
            set[j] |= id[j];
            clear[j] |= (uint8_t)~id[j];
        }
    }
    for (int j = 4; j < 16; j++) {
        assert_int_equal(set[j] & clear[j], 0xff);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(extract_vectors),
        TEST(inject_vectors),
        TEST(field_is_named),
        TEST(names_of_fields_ignore_case_and_those_of_parts_do_not),
        TEST(malformed_headers_are_refused),
        TEST(a_failed_extraction_keeps_what_was_there),
        TEST(nothing_is_read_past_the_end),
        TEST(lambda_names_its_request_in_a_variable),
        TEST(ids_begin_with_the_time_and_the_rest_is_random),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
