/* SPDX-License-Identifier: Apache-2.0 */
/* noop_test.c - starting spans without an SDK (API-66, API-67, API-68, API-69). */
#include "backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

OTEL_TRACER(tracer, "noop_test");

static otel_span remote_span(const otel_tracestate *tracestate) {
    return otel_span_wrap(&(otel_span_context){ .size = sizeof(otel_span_context),
                                                .trace_id = { 1 },
                                                .span_id = { 2 },
                                                .flags = 3,
                                                .remote = true,
                                                .tracestate = tracestate });
}

static void without_a_parent_all_is_zero(void **state) {
    (void)state;
    const otel_span span = otel_span_start(tracer, OTEL_START("root"));
    const otel_span zero = { { 0 } };
    assert_memory_equal(&span, &zero, sizeof span);
    assert_false(otel_span_recording(&span));
    assert_false(otel_tracer_enabled(tracer, NULL));
}

static void explicit_parent_flows_on(void **state) {
    (void)state;
    otel_tracestate tracestate = otel_tracestate_parse(otel_cstr("a=1"));
    const otel_span remote = remote_span(&tracestate);
    otel_context parent = otel_context_with_span(NULL, &remote);
    const otel_span span = otel_span_start(tracer, OTEL_START("child", .parent = &parent));
    assert_memory_equal(&span, &remote, sizeof span);
    otel_tracestate same = otel_span_tracestate(&span);
    assert_string_equal(otel_tracestate_text(&same).ptr, "a=1");
    otel_tracestate_release(&same);
    otel_context_release(&parent);
    otel_tracestate_release(&tracestate);
}

static void current_parent_flows_on(void **state) {
    (void)state;
    const otel_span remote = remote_span(NULL);
    otel_scope scope = otel_span_attach(&remote, false);
    const otel_span span = otel_span_start(tracer, OTEL_START("child"));
    assert_memory_equal(&span, &remote, sizeof span);
    const otel_span plain = otel_span_start(NULL, NULL);
    assert_memory_equal(&plain, &remote, sizeof plain);
    otel_scope_close(&scope);
}

static void root_has_no_parent(void **state) {
    (void)state;
    const otel_span remote = remote_span(NULL);
    otel_scope scope = otel_span_attach(&remote, false);
    otel_context parent = otel_context_current();
    const otel_span span = otel_span_start(tracer, OTEL_START("root", .root = true, .parent = &parent));
    assert_false(otel_span_valid(&span));
    otel_context_release(&parent);
    otel_scope_close(&scope);
}

static void explicit_empty_parent_beats_the_current_one(void **state) {
    (void)state;
    const otel_span remote = remote_span(NULL);
    const otel_context empty = { { 0 } };
    otel_scope scope = otel_span_attach(&remote, false);
    const otel_span span = otel_span_start(tracer, OTEL_START("root", .parent = &empty));
    assert_false(otel_span_valid(&span));
    otel_scope_close(&scope);
}

/* A span of an SDK that has gone since is a parent like any other, but what it starts doesn't record. */
static void former_record_is_not_inherited(void **state) {
    (void)state;
    const otel_span former = { { 1, 2, 3, OTEL_FLAG_SAMPLED | UINT64_C(77) << 32, 99, 0 } };
    otel_scope scope = otel_span_attach(&former, false);
    const otel_span span = otel_span_start(tracer, OTEL_START("child"));
    otel_scope_close(&scope);
    const otel_span expected = { { 1, 2, 3, OTEL_FLAG_SAMPLED, 0, 0 } };
    assert_memory_equal(&span, &expected, sizeof span);
}

static void starting_leaves_the_current_context_alone(void **state) {
    (void)state;
    const otel_span remote = remote_span(NULL);
    otel_context parent = otel_context_with_span(NULL, &remote);
    const otel_span span = otel_span_start(tracer, OTEL_START("child", .parent = &parent));
    const otel_span current = otel_context_span(NULL);
    assert_true(otel_span_valid(&span));
    assert_false(otel_span_valid(&current));
    otel_context_release(&parent);
}

static void sugar_passes_the_parent_through(void **state) {
    (void)state;
    const otel_span remote = remote_span(NULL);
    otel_scope scope = otel_span_attach(&remote, false);
    {
        OTEL_SPAN(span, tracer, "block", .kind = OTEL_CLIENT);
        otel_set(&span, "key", 1);
        const otel_span current = otel_context_span(NULL);
        assert_memory_equal(&current, &remote, sizeof current);
    }
    const otel_span current = otel_context_span(NULL);
    assert_memory_equal(&current, &remote, sizeof current);
    otel_scope_close(&scope);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_parent_all_is_zero),
        cmocka_unit_test(explicit_parent_flows_on),
        cmocka_unit_test(current_parent_flows_on),
        cmocka_unit_test(root_has_no_parent),
        cmocka_unit_test(explicit_empty_parent_beats_the_current_one),
        cmocka_unit_test(former_record_is_not_inherited),
        cmocka_unit_test(starting_leaves_the_current_context_alone),
        cmocka_unit_test(sugar_passes_the_parent_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
