/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scopes_test.c - whichever way scopes are left, the spans that they own end, and later spans get the parent that they
 * would have had: as the exporter sees it.
 */
#include "span_assert.h"

#include <otel/memory.h>
#include <otel/sdk.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { LONG_MS = 60000 };

OTEL_TRACER(tracer, "scopes_test");

static otel_memory *memory;

/* A simple processor: a span is there when its end returns. */
static int start_sdk(void **state) {
    (void)state;
    memory = otel_memory_create(0);
    return otel_sdk_start(
               OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(), .log_level = OTEL_LOG_ERROR,
                        .processors = OTEL_PROCESSORS(otel_simple_processor(otel_memory_exporter(memory))))) == OTEL_OK
               ? 0
               : -1;
}

/* Nothing is left to be ended, and nothing is current. */
static int stop_sdk(void **state) {
    (void)state;
    otel_ledger ledger;
    const otel_span current = otel_context_span(NULL);
    assert_ledger(&ledger);
    assert_int_equal(ledger.live, 0);
    assert_false(otel_span_valid(&current));
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_ledger(&ledger);
    assert_int_equal(ledger.processors[0].exported, ledger.started);
    otel_memory_release(memory);
    return 0;
}

static otel_span start(const char *name) { return otel_span_start(tracer, OTEL_START(name)); }

/* A span made now, to see what is current. */
static void make(const char *name) {
    const otel_span span = start(name);
    otel_span_end(&span);
}

/* ---- what was exported ------------------------------------------------------------------------------------------- */

static bool is_named(otel_str text, const char *name) {
    return text.len == strlen(name) && memcmp(text.ptr, name, text.len) == 0;
}

/* "name<parent name<parent's": the exported span with this name and its ancestors, in one text. */
static const char *line_of(const char *name) {
    static char line[256];
    otel_memory_spans *spans = otel_memory_snapshot(memory);
    const otel_span_data *span = NULL;
    line[0] = '\0';
    for (size_t i = 0; i < otel_memory_spans_count(spans); i++)
        if (is_named(otel_memory_spans_at(spans, i)->name, name))
            span = otel_memory_spans_at(spans, i);
    while (span) {
        const size_t used = strlen(line);
        snprintf(line + used, sizeof line - used, "%s%.*s", used ? "<" : "", (int)span->name.len, span->name.ptr);
        const otel_span_data *child = span;
        span = NULL;
        for (size_t i = 0; child->parent_id && i < otel_memory_spans_count(spans); i++)
            if (memcmp(otel_memory_spans_at(spans, i)->span_id, child->parent_id, 8) == 0)
                span = otel_memory_spans_at(spans, i);
    }
    otel_memory_spans_release(spans);
    return line;
}

/* The names of all exported spans, in the order in which they ended. */
static const char *ended(void) {
    static char names[256];
    otel_memory_spans *spans = otel_memory_snapshot(memory);
    names[0] = '\0';
    for (size_t i = 0; i < otel_memory_spans_count(spans); i++) {
        const otel_str name = otel_memory_spans_at(spans, i)->name;
        const size_t used = strlen(names);
        snprintf(names + used, sizeof names - used, "%s%.*s", used ? " " : "", (int)name.len, name.ptr);
    }
    otel_memory_spans_release(spans);
    return names;
}

/* ---- out of order ------------------------------------------------------------------------------------------------ */

static void closing_an_outer_scope_ends_what_younger_ones_own(void **state) {
    (void)state;
    const otel_span base = start("base");
    otel_scope base_scope = otel_span_attach(&base, false);
    const otel_span a = start("a");
    otel_scope a_scope = otel_span_attach(&a, true);
    const otel_span b = start("b");
    otel_scope b_scope = otel_span_attach(&b, true);
    const otel_span c = start("c");
    otel_scope c_scope = otel_span_attach(&c, true);
    otel_scope_close(&a_scope);
    assert_string_equal(ended(), "c b a");
    make("after");
    otel_scope_close(&c_scope);
    otel_scope_close(&b_scope);
    make("later");
    otel_scope_close(&base_scope);
    make("apart");
    otel_span_end(&base);
    assert_string_equal(line_of("c"), "c<b<a<base");
    assert_string_equal(line_of("after"), "after<base");
    assert_string_equal(line_of("later"), "later<base");
    assert_string_equal(line_of("apart"), "apart");
}

/* Tokens of closed scopes are closed again while others are open in their place. */
static void late_closes_leave_younger_scopes_alone(void **state) {
    (void)state;
    const otel_span a = start("a");
    otel_scope a_scope = otel_span_attach(&a, true);
    otel_scope late = a_scope;
    otel_scope_close(&a_scope);
    const otel_span b = start("b");
    otel_scope b_scope = otel_span_attach(&b, true);
    otel_scope_close(&late);
    otel_scope_close(&a_scope);
    make("child");
    otel_scope_close(&b_scope);
    assert_string_equal(ended(), "a child b");
    assert_string_equal(line_of("child"), "child<b");
}

/* ---- longjmp ----------------------------------------------------------------------------------------------------- */

static void jump_out(jmp_buf *back) {
    OTEL_SPAN(query, tracer, "query");
    OTEL_SPAN(connect, tracer, "connect");
    make("handshake");
    longjmp(*back, 1);
}

/* As in a server: a request is served in a scope of its own, and errors are thrown across whatever is open. */
static void serve(const char *name, bool fails) {
    jmp_buf back;
    OTEL_SPAN(request, tracer, name);
    if (setjmp(back) == 0 && fails)
        jump_out(&back);
}

static void a_longjmp_leaves_skipped_scopes_to_the_next_outer_one(void **state) {
    (void)state;
    const otel_span base = start("base");
    otel_scope scope = otel_span_attach(&base, true);
    serve("first", true);
    assert_string_equal(ended(), "handshake connect query first");
    serve("second", false);
    make("after");
    otel_scope_close(&scope);
    assert_string_equal(line_of("handshake"), "handshake<connect<query<first<base");
    assert_string_equal(line_of("second"), "second<base");
    assert_string_equal(line_of("after"), "after<base");
}

static void skipped_scopes_stay_current_until_an_outer_one_closes(void **state) {
    (void)state;
    jmp_buf back;
    OTEL_SPAN(base, tracer, "base");
    otel_context empty = { { 0 } };
    otel_scope around = otel_context_attach(&empty);
    if (setjmp(back) == 0)
        jump_out(&back);
    make("inside");
    otel_scope_close(&around);
    make("after");
    otel_span_end(&base);
    assert_string_equal(line_of("inside"), "inside<connect<query");
    assert_string_equal(line_of("after"), "after<base");
}

static void longjmps_without_end_fill_no_stack(void **state) {
    (void)state;
    enum { JUMPS = 100000 };
    otel_ledger ledger;
    for (unsigned i = 0; i < JUMPS / 100; i++) {
        for (unsigned n = 0; n < 100; n++)
            serve("request", n % 2);
        otel_memory_clear(memory);
        assert_ledger(&ledger);
        assert_int_equal(ledger.live, 0);
    }
    make("after");
    assert_string_equal(line_of("after"), "after");
}

/* ---- the ends of threads ----------------------------------------------------------------------------------------- */

static void open_scopes(otel_context *context) {
    const otel_scope outermost = otel_context_attach(context);
    const otel_span task = start("task");
    const otel_scope task_scope = otel_span_attach(&task, true);
    const otel_span step = start("step");
    const otel_scope step_scope = otel_span_attach(&step, true);
    make("detail");
    (void)outermost;
    (void)task_scope;
    (void)step_scope;
}

static void *returns(void *context) {
    open_scopes(context);
    return NULL;
}

static void *exits(void *context) {
    open_scopes(context);
    pthread_exit(NULL);
}

static void *is_cancelled(void *context) {
    open_scopes(context);
    for (;;) {
        pthread_testcancel();
        sched_yield();
    }
    return NULL;
}

static void *makes_a_span(void *unused) {
    make("next");
    return unused;
}

static void run(void *(*body)(void *context), otel_context *context) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, body, context), 0);
    if (body == is_cancelled)
        pthread_cancel(thread);
    pthread_join(thread, NULL);
}

/* Its spans end with it, the youngest first; the next thread, which gets its place, knows nothing of them. */
static void end_of_thread(void *(*body)(void *context)) {
    const otel_span base = start("base");
    otel_context context = otel_context_with_span(NULL, &base);
    run(body, &context);
    assert_string_equal(ended(), "detail step task");
    run(makes_a_span, NULL);
    otel_context_release(&context);
    otel_span_end(&base);
    assert_string_equal(line_of("detail"), "detail<step<task<base");
    assert_string_equal(line_of("next"), "next");
}

static void a_thread_that_returns_closes_its_scopes(void **state) {
    (void)state;
    end_of_thread(returns);
}

static void a_thread_that_exits_closes_its_scopes(void **state) {
    (void)state;
    end_of_thread(exits);
}

static void a_thread_that_is_cancelled_closes_its_scopes(void **state) {
    (void)state;
    end_of_thread(is_cancelled);
}

#define test(name) cmocka_unit_test_setup_teardown(name, start_sdk, stop_sdk)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(closing_an_outer_scope_ends_what_younger_ones_own),
        test(late_closes_leave_younger_scopes_alone),
        test(a_longjmp_leaves_skipped_scopes_to_the_next_outer_one),
        test(skipped_scopes_stay_current_until_an_outer_one_closes),
        test(longjmps_without_end_fill_no_stack),
        test(a_thread_that_returns_closes_its_scopes),
        test(a_thread_that_exits_closes_its_scopes),
        test(a_thread_that_is_cancelled_closes_its_scopes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
