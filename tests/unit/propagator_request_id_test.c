/* SPDX-License-Identifier: Apache-2.0 */
/* propagator_request_id_test.c - the request ids of service meshes, carried on. */
#include "propagator_fixture.h"

static const otel_propagator *const request_id = &otel_propagator_request_id;

OTEL_TRACER(tracer, "propagator_request_id_test");

static void ids_are_carried_on_as_they_are(void **state) {
    (void)state;
    otel_context context = extract_field(request_id, "X-Request-Id", " 8f2c-A/b==:1 ");
    inject(request_id, &context);
    assert_int_equal(out.count, 1);
    assert_string_equal(out.fields[0].name, "x-request-id");
    assert_sent("x-request-id", "8f2c-A/b==:1");
    assert_string_equal(request_id->field(0), "x-request-id");
    assert_null(request_id->field(1));
    otel_context_release(&context);
}

static void what_is_no_id_is_left_out(void **state) {
    (void)state;
    static char huge[258];
    memset(huge, 'x', sizeof huge - 1);
    const char *const cases[] = { "", "a b", "a\r\nb", "\xc3\xa4", huge };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        otel_context context = extract_field(request_id, "x-request-id", cases[i]);
        assert_nothing(&context);
        inject(request_id, &context);
        assert_int_equal(out.count, 0);
    }
    huge[256] = '\0';
    otel_context context = extract_field(request_id, "x-request-id", huge);
    inject(request_id, &context);
    assert_sent("x-request-id", huge);
    otel_context_release(&context);
}

/* What Istio needs, in a process that only passes requests on. */
static void without_an_sdk_all_that_a_mesh_needs_passes_through(void **state) {
    (void)state;
    const otel_propagator *const list[] = { &otel_propagator_b3multi, &otel_propagator_tracecontext, request_id };
    static const char *const headers[][2] = {
        { "x-b3-traceid", TRACE_ID }, { "x-b3-spanid", SPAN_ID }, { "x-b3-sampled", "1" }, { "x-request-id", "8f2c" }
    };
    otel_propagators_set(list, 3);
    in.count = out.count = out.writes = 0;
    for (size_t i = 0; i < 4; i++) {
        carrier_add(&in, headers[i][0], headers[i][1]);
    }
    otel_context parent = otel_extract(&no_context, &carrier_getter, &in);
    {
        OTEL_SPAN(span, tracer, "handler", .parent = &parent);
        list[0]->inject(NULL, &carrier_setter, &out);
        request_id->inject(NULL, &carrier_setter, &out);
    }
    otel_context_release(&parent);
    for (size_t i = 0; i < 4; i++) {
        assert_sent(headers[i][0], headers[i][1]);
    }
    otel_propagators_set(NULL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(ids_are_carried_on_as_they_are),
        TEST(what_is_no_id_is_left_out),
        cmocka_unit_test(without_an_sdk_all_that_a_mesh_needs_passes_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
