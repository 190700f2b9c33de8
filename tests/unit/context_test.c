/* SPDX-License-Identifier: Apache-2.0 */
/* context_test.c - contexts as values (API-10, API-12, CTX-02, CTX-07); attaching them: scope_test.c. */
#include "backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static otel_span numbered(uint8_t number, const otel_tracestate *tracestate) {
    return otel_span_wrap(&(otel_span_context){
        .size = sizeof(otel_span_context), .trace_id = { number }, .span_id = { number }, .tracestate = tracestate });
}

static bool is_empty(const otel_context *context) {
    static const otel_context empty;
    return memcmp(context, &empty, sizeof empty) == 0;
}

static void crowd_out_unreferenced_tracestates(void) {
    for (int i = 0; i < 20000; i++) {
        otel__tracestate_drop(otel__tracestate_intern(otel_cstr("passing=1")));
    }
}

static void nothing_is_current_at_first(void **state) {
    (void)state;
    otel_context current = otel_context_current();
    assert_true(is_empty(&current));
    otel_context_release(&current);
    const otel_span span = otel_context_span(NULL);
    assert_false(otel_span_valid(&span));
}

static void span_goes_in_and_comes_out(void **state) {
    (void)state;
    const otel_span span = numbered(7, NULL);
    otel_context context = otel_context_with_span(NULL, &span);
    const otel_span out = otel_context_span(&context);
    assert_memory_equal(&out, &span, sizeof span);
    otel_context_release(&context);
    assert_true(is_empty(&context));
    otel_context_release(&context);
}

static void writing_leaves_the_base_alone(void **state) {
    (void)state;
    const otel_span first = numbered(1, NULL), second = numbered(2, NULL);
    otel_context base = otel_context_with_span(NULL, &first);
    otel_context derived = otel_context_with_span(&base, &second);
    const otel_span in_base = otel_context_span(&base), in_derived = otel_context_span(&derived);
    assert_memory_equal(&in_base, &first, sizeof first);
    assert_memory_equal(&in_derived, &second, sizeof second);
    otel_context_release(&base);
    otel_context_release(&derived);
}

static void context_holds_its_tracestate(void **state) {
    (void)state;
    otel_tracestate tracestate = otel_tracestate_parse(otel_cstr("a=1"));
    const otel_span span = numbered(1, &tracestate);
    otel_context context = otel_context_with_span(NULL, &span);
    otel_context copy = otel_context_retain(&context);
    otel_tracestate_release(&tracestate);
    otel_context_release(&context);
    crowd_out_unreferenced_tracestates();

    const otel_span out = otel_context_span(&copy);
    otel_tracestate held = otel_span_tracestate(&out);
    assert_string_equal(otel_tracestate_text(&held).ptr, "a=1");
    otel_tracestate_release(&held);
    otel_context_release(&copy);
    crowd_out_unreferenced_tracestates();
    held = otel_span_tracestate(&out);
    assert_null(otel_tracestate_text(&held).ptr);
}

/* The span context stays, without what is gone. */
static void stale_tracestate_is_left_out(void **state) {
    (void)state;
    otel_tracestate tracestate = otel_tracestate_parse(otel_cstr("a=1"));
    const otel_span span = numbered(1, &tracestate);
    otel_tracestate_release(&tracestate);
    crowd_out_unreferenced_tracestates();
    otel_context context = otel_context_with_span(NULL, &span);
    const otel_span out = otel_context_span(&context);
    assert_true(otel_span_valid(&out));
    assert_int_equal(out.opaque_[OTEL__W_STATE], 0);
    otel_context_release(&context);
}

static void null_means_the_current_context(void **state) {
    (void)state;
    const otel_span span = numbered(3, NULL);
    otel_scope scope = otel_span_attach(&span, false);
    otel_context retained = otel_context_retain(NULL);
    const otel_span of_retained = otel_context_span(&retained), of_current = otel_context_span(NULL);
    assert_memory_equal(&of_retained, &span, sizeof span);
    assert_memory_equal(&of_current, &span, sizeof span);
    otel_scope_close(&scope);
    otel_context_release(&retained);
}

static void null_span_takes_the_span_away(void **state) {
    (void)state;
    const otel_span span = numbered(3, NULL);
    otel_context base = otel_context_with_span(NULL, &span);
    otel_context without = otel_context_with_span(&base, NULL);
    const otel_span out = otel_context_span(&without);
    assert_false(otel_span_valid(&out));
    otel_context_release(&without);
    otel_context_release(&base);
    otel_context_release(NULL);
}

/* A context from a caller's mistake, such as one never initialised. */
static void garbage_is_harmless(void **state) {
    (void)state;
    otel_context garbage;
    memset(&garbage, 0xa5, sizeof garbage);
    otel_context copy = otel_context_retain(&garbage);
    otel_context_release(&copy);
    otel_context_release(&garbage);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_current_at_first),   cmocka_unit_test(span_goes_in_and_comes_out),
        cmocka_unit_test(writing_leaves_the_base_alone), cmocka_unit_test(context_holds_its_tracestate),
        cmocka_unit_test(stale_tracestate_is_left_out),  cmocka_unit_test(null_means_the_current_context),
        cmocka_unit_test(null_span_takes_the_span_away), cmocka_unit_test(garbage_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
