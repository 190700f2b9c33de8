/* SPDX-License-Identifier: Apache-2.0 */
/* scope_test.c - attaching and closing, in every order and by every way out (CTX-08 to CTX-10, API-58). */
#include "fake_backend.h"
#include "in_child.h"
#include "thread.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

OTEL_TRACER(tracer, "scope_test");

enum { DEPTH_MOST = 65536 };

static int set_up(void **state) {
    (void)state;
    fake_install();
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    fake_remove();
    return otel__thread_busy() ? -1 : 0;
}

static otel_span start(void) { return otel_span_start(tracer, OTEL_START("span")); }

static bool current_is(const otel_span *span) {
    static const otel_span invalid;
    const otel_span current = otel_context_span(NULL);
    return memcmp(&current, span != NULL ? span : &invalid, sizeof current) == 0;
}

/* ---- the usual order -------------------------------------------------------------------------------------------- */

static void closing_reinstates_what_was_current(void **state) {
    (void)state;
    const otel_span outer = start(), inner = start();
    otel_scope first = otel_span_attach(&outer, false);
    assert_true(current_is(&outer));
    otel_scope second = otel_span_attach(&inner, false);
    assert_true(current_is(&inner));
    otel_scope_close(&second);
    assert_true(current_is(&outer));
    otel_scope_close(&first);
    assert_true(current_is(NULL));
    assert_int_equal(fake.calls[FAKE_END], 0);
}

static void context_is_attached_with_all_it_holds(void **state) {
    (void)state;
    otel_tracestate tracestate = otel_tracestate_parse(otel_cstr("a=1"));
    const otel_span span = otel_span_wrap(&(otel_span_context){
        .size = sizeof(otel_span_context), .trace_id = { 1 }, .span_id = { 1 }, .tracestate = &tracestate });
    otel_context context = otel_context_with_span(NULL, &span);
    otel_scope scope = otel_context_attach(&context);
    otel_context_release(&context);
    otel_tracestate_release(&tracestate);
    for (int i = 0; i < 20000; i++) {
        otel__tracestate_drop(otel__tracestate_intern(otel_cstr("passing=1")));
    }
    const otel_span current = otel_context_span(NULL);
    otel_tracestate held = otel_span_tracestate(&current);
    assert_string_equal(otel_tracestate_text(&held).ptr, "a=1");
    otel_tracestate_release(&held);
    otel_scope_close(&scope);
    assert_true(current_is(NULL));
}

static void empty_context_hides_the_outer_one(void **state) {
    (void)state;
    const otel_span span = start();
    otel_scope outer = otel_span_attach(&span, false);
    otel_scope inner = otel_context_attach(NULL);
    assert_true(current_is(NULL));
    otel_scope_close(&inner);
    assert_true(current_is(&span));
    otel_scope hidden = otel_span_attach(NULL, true);
    assert_true(current_is(NULL));
    otel_scope_close(&hidden);
    otel_scope_close(&outer);
}

static void owned_span_ends_with_its_scope_once(void **state) {
    (void)state;
    const otel_span span = start();
    otel_scope scope = otel_span_attach(&span, true);
    otel_scope copy = scope;
    otel_scope_close(&scope);
    assert_int_equal(fake_ends(&span), 1);
    otel_scope_close(&scope);
    otel_scope_close(&copy);
    assert_int_equal(fake.calls[FAKE_END], 1);
    assert_int_equal(fake.calls[FAKE_MISUSE], 0);
    assert_int_equal(fake.last.time, 0);
}

static void owned_span_with_tracestate_ends_too(void **state) {
    (void)state;
    const uint64_t tracestate = otel__tracestate_intern(otel_cstr("a=1"));
    otel_span span = start();
    span.opaque_[OTEL__W_STATE] = tracestate;
    otel_scope scope = otel_span_attach(&span, true);
    otel_scope_close(&scope);
    assert_int_equal(fake_ends(&span), 1);
    otel__tracestate_drop(tracestate);
}

static int block(bool leave_early) {
    OTEL_SPAN(span, tracer, "block", .kind = OTEL_CLIENT);
    if (leave_early) {
        return current_is(&span);
    }
    OTEL_SPAN(inner, tracer, "inner");
    return current_is(&inner);
}

static void sugar_ends_spans_however_the_block_is_left(void **state) {
    (void)state;
    assert_true(block(true));
    assert_true(current_is(NULL));
    assert_true(block(false));
    assert_true(current_is(NULL));
    assert_int_equal(fake.calls[FAKE_START], 3);
    assert_int_equal(fake.calls[FAKE_END], 3);
    assert_int_equal(fake.calls[FAKE_MISUSE], 0);
}

static bool attached_in_a_block(const otel_context *context, const otel_span *span) {
    OTEL_ATTACH(scope, context);
    return current_is(span);
}

static void an_attached_context_is_current_until_the_block_is_left(void **state) {
    (void)state;
    const otel_span span = start();
    otel_context context = otel_context_with_span(NULL, &span);
    assert_true(attached_in_a_block(&context, &span));
    assert_true(current_is(NULL));
    assert_int_equal(fake_ends(&span), 0);
    otel_context_release(&context);
}

/* ---- other orders ----------------------------------------------------------------------------------------------- */

static uint64_t ended[3];
static void note_ended(enum fake_call call, struct otel__thread *thread) {
    (void)thread;
    if (call == FAKE_END && fake.calls[FAKE_END] <= 3) {
        ended[fake.calls[FAKE_END] - 1] = fake.last_ended;
    }
}

static void closing_the_outer_closes_younger_ones_first(void **state) {
    (void)state;
    const otel_span a = start(), b = start(), c = start();
    fake.hook = note_ended;
    otel_scope first = otel_span_attach(&a, true);
    otel_scope second = otel_span_attach(&b, true);
    otel_scope third = otel_span_attach(&c, true);
    otel_scope_close(&first);
    assert_int_equal(ended[0], c.opaque_[OTEL__W_BIRTH]);
    assert_int_equal(ended[1], b.opaque_[OTEL__W_BIRTH]);
    assert_int_equal(ended[2], a.opaque_[OTEL__W_BIRTH]);
    assert_true(current_is(NULL));
    assert_int_equal(fake.misuses[OTEL__MISUSE_SCOPE_ORDER], 1);
    otel_scope_close(&third);
    otel_scope_close(&second);
    assert_int_equal(fake.calls[FAKE_END], 3);
    assert_int_equal(fake.calls[FAKE_MISUSE], 1);
}

/* An old token at a depth that is taken again must not close the new scope. */
static void closed_token_names_nothing_any_more(void **state) {
    (void)state;
    const otel_span first = start(), second = start();
    otel_scope old = otel_span_attach(&first, true);
    otel_scope copy = old;
    otel_scope_close(&old);
    otel_scope now = otel_span_attach(&second, true);
    otel_scope_close(&copy);
    otel_scope_close(&old);
    assert_true(current_is(&second));
    assert_int_equal(fake_ends(&second), 0);
    otel_scope_close(&now);
    assert_int_equal(fake_ends(&second), 1);
}

static void null_and_zero_are_ignored(void **state) {
    (void)state;
    otel_scope zero = { { 0 } };
    otel_scope forged = { { (uint64_t)otel__thread_index(otel__thread_self()) << 32, 0, 0 } };
    otel_scope absurd = { { (uint64_t)otel__thread_index(otel__thread_self()) << 32 | UINT32_MAX, 1, 0 } };
    otel_scope_close(NULL);
    otel_scope_close(&zero);
    otel_scope_close(&forged);
    otel_scope_close(&absurd);
    assert_int_equal(fake.calls[FAKE_MISUSE], 0);
}

static jmp_buf escape;
static void jump_out(void) {
    OTEL_SPAN(first, tracer, "skipped");
    OTEL_SPAN(second, tracer, "skipped");
    {
        OTEL_SPAN(third, tracer, "skipped");
        longjmp(escape, 1);
    }
}

static void longjmp_leaves_the_rest_to_the_outer_scope(void **state) {
    (void)state;
    const otel_span outer = start();
    otel_scope scope = otel_span_attach(&outer, true);
    if (setjmp(escape) == 0) {
        jump_out();
    }
    assert_int_equal(fake.calls[FAKE_END], 0);
    otel_scope_close(&scope);
    assert_int_equal(fake.calls[FAKE_END], 4);
    assert_true(current_is(NULL));
    assert_int_equal(fake.misuses[OTEL__MISUSE_SCOPE_ORDER], 1);
}

/* ---- depth ------------------------------------------------------------------------------------------------------ */

static void stack_grows_to_its_limit(void **state) {
    (void)state;
    static otel_scope scopes[DEPTH_MOST];
    otel_span span = start();
    span.opaque_[OTEL__W_STATE] = otel__tracestate_intern(otel_cstr("a=1"));
    for (int i = 0; i < DEPTH_MOST; i++) {
        scopes[i] = otel_span_attach(&span, false);
        assert_int_not_equal(scopes[i].opaque_[0], 0);
    }
    assert_int_equal(fake.calls[FAKE_MISUSE], 0);
    assert_true(current_is(&span));

    otel_context context = otel_context_current();
    const otel_scope refused = otel_context_attach(&context);
    assert_int_equal(refused.opaque_[0], 0);
    assert_int_equal(fake.misuses[OTEL__MISUSE_SCOPE_DEPTH], 1);
    otel_context_release(&context);

    otel_scope_close(&scopes[DEPTH_MOST - 1]);
    otel_scope_close(&scopes[DEPTH_MOST - 1000]);
    assert_true(current_is(&span));
    otel_scope_close(&scopes[0]);
    assert_true(current_is(NULL));
    otel__tracestate_drop(span.opaque_[OTEL__W_STATE]);
    for (int i = 0; i < 20000; i++) {
        otel__tracestate_drop(otel__tracestate_intern(otel_cstr("passing=1")));
    }
    assert_false(otel__tracestate_retain(span.opaque_[OTEL__W_STATE]));
}

static void span_that_found_no_room_ends_with_its_scope_all_the_same(void **state) {
    (void)state;
    const otel_span span = start();
    otel_scope outermost = otel_context_attach(NULL);
    while (otel_context_attach(NULL).opaque_[0] != 0) {}
    otel_scope scope = otel_span_attach(&span, true);
    assert_false(current_is(&span));
    otel_scope_close(&scope);
    assert_int_equal(fake_ends(&span), 1);
    otel_scope_close(&outermost);
}

/* ---- threads ---------------------------------------------------------------------------------------------------- */

static otel_span left_open[3];
static uint32_t exited_thread;

static void note_exit(enum fake_call call, struct otel__thread *thread) {
    if (call == FAKE_THREAD_EXIT) {
        exited_thread = otel__thread_index(thread);
        assert_int_equal(fake.calls[FAKE_END], 3);
    }
}

static void *leave_scopes_open(void *index) {
    *(uint32_t *)index = otel__thread_index(otel__thread_self());
    for (int i = 0; i < 3; i++) {
        left_open[i] = start();
        const otel_scope scope = otel_span_attach(&left_open[i], true);
        (void)scope;
    }
    return NULL;
}

static void end_of_the_thread_closes_its_scopes(void **state) {
    (void)state;
    pthread_t thread;
    uint32_t index = 0;
    fake.hook = note_exit;
    assert_int_equal(pthread_create(&thread, NULL, leave_scopes_open, &index), 0);
    pthread_join(thread, NULL);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(fake_ends(&left_open[i]), 1);
    }
    assert_int_equal(fake.calls[FAKE_THREAD_EXIT], 1);
    assert_int_not_equal(index, 0);
    assert_int_equal(exited_thread, index);
    assert_int_equal(fake.calls[FAKE_MISUSE], 0);
}

static void *see_nothing_current(void *unused) {
    (void)unused;
    return current_is(NULL) ? NULL : &fake;
}

static void a_context_is_current_on_its_own_thread_only(void **state) {
    (void)state;
    pthread_t thread;
    void *seen = NULL;
    const otel_span span = start();
    otel_scope scope = otel_span_attach(&span, false);
    assert_int_equal(pthread_create(&thread, NULL, see_nothing_current, NULL), 0);
    pthread_join(thread, &seen);
    assert_null(seen);
    assert_true(current_is(&span));
    otel_scope_close(&scope);
}

static void *close_scope(void *scope) {
    otel_scope_close(scope);
    return NULL;
}

static void close_elsewhere(otel_scope *scope) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, close_scope, scope), 0);
    pthread_join(thread, NULL);
}

static void scope_of_another_thread_is_ignored(void **state) {
    (void)state;
    const otel_span span = start();
    otel_scope scope = otel_span_attach(&span, true);
    close_elsewhere(&scope);
    assert_true(current_is(&span));
    assert_int_equal(fake_ends(&span), 0);
    assert_int_equal(fake.misuses[OTEL__MISUSE_SCOPE_FOREIGN], 1);
    otel_scope_close(&scope);
    assert_int_equal(fake_ends(&span), 1);
}

/* Depth and serial may be equal on two threads; only the index of the thread tells their tokens apart. */
static void token_names_its_thread(void **state) {
    (void)state;
    const otel_span span = start();
    otel_scope scope = otel_span_attach(&span, true);
    otel_scope elsewhere = { { scope.opaque_[0] + (UINT64_C(1) << 32), scope.opaque_[1], 0 } };
    otel_scope_close(&elsewhere);
    assert_true(current_is(&span));
    assert_int_equal(fake.misuses[OTEL__MISUSE_SCOPE_FOREIGN], 1);
    otel_scope_close(&scope);
    assert_int_equal(fake_ends(&span), 1);
}

static void *open_scope(void *scope) {
    const otel_span span = start();
    *(otel_scope *)scope = otel_span_attach(&span, true);
    return NULL;
}

/* The next thread takes the same block, and its scope lies at the same depth. */
static void *hold_against(void *stale) {
    const otel_span span = start();
    otel_scope mine = otel_span_attach(&span, true);
    const bool same_place = mine.opaque_[0] == ((otel_scope *)stale)->opaque_[0];
    otel_scope_close(stale);
    const bool held = current_is(&span);
    otel_scope_close(&mine);
    return held && same_place ? stale : NULL;
}

static void token_outlives_its_thread_harmlessly(void **state) {
    (void)state;
    pthread_t thread;
    otel_scope stale;
    void *held;
    assert_int_equal(pthread_create(&thread, NULL, open_scope, &stale), 0);
    pthread_join(thread, NULL);
    assert_int_equal(pthread_create(&thread, NULL, hold_against, &stale), 0);
    pthread_join(thread, &held);
    assert_non_null(held);
}

/* ---- callbacks that use scopes ---------------------------------------------------------------------------------- */

/* A processor whose on_end opens a scope and forgets to close it. */
static void forgetful(enum fake_call call, struct otel__thread *thread) {
    if (call == FAKE_END) {
        const uint32_t saved = otel__callback_begin(thread);
        const otel_span span = start();
        const otel_scope scope = otel_span_attach(&span, true);
        (void)scope;
        otel__callback_end(thread, saved);
    }
}

static void callbacks_that_leave_scopes_open_cannot_go_on_for_ever(void **state) {
    (void)state;
    const otel_span outer = start(), inner = start();
    otel_scope whole = otel_context_attach(NULL);
    otel_scope first = otel_span_attach(&outer, true);
    otel_scope second = otel_span_attach(&inner, true);
    (void)second;
    fake.hook = forgetful;
    otel_scope_close(&first);
    assert_int_equal(fake_ends(&outer), 1);
    assert_int_equal(fake_ends(&inner), 1);
    fake.hook = NULL;
    otel_scope_close(&whole); /* takes what the last callback left along */
    assert_true(current_is(NULL));
    assert_int_equal(fake.calls[FAKE_START], 4);
}

/* A processor that uses scopes properly sees the stack without the ended span. */
static bool saw_outer;
static otel_span outer_span;
static void careful(enum fake_call call, struct otel__thread *thread) {
    if (call == FAKE_END && fake.calls[FAKE_END] == 1) {
        const uint32_t saved = otel__callback_begin(thread);
        saw_outer = current_is(&outer_span);
        {
            OTEL_SPAN(span, tracer, "in callback");
            (void)span;
        }
        otel__callback_end(thread, saved);
    }
}

static void callbacks_find_the_stack_whole(void **state) {
    (void)state;
    outer_span = start();
    const otel_span inner = start();
    otel_scope first = otel_span_attach(&outer_span, false);
    otel_scope second = otel_span_attach(&inner, true);
    fake.hook = careful;
    otel_scope_close(&second);
    assert_true(saw_outer);
    assert_true(current_is(&outer_span));
    assert_int_equal(fake.calls[FAKE_END], 2);
    otel_scope_close(&first);
}

/* ---- fork ------------------------------------------------------------------------------------------------------- */

static int go_on_in_child(void *scope) {
    otel__threads_after_fork();
    const otel_span current = otel_context_span(NULL);
    STEP(otel_span_valid(&current));
    const otel_span inner = start();
    otel_scope inner_scope = otel_span_attach(&inner, true);
    otel_scope_close(&inner_scope);
    STEP(fake_ends(&inner) == 1);
    STEP(current_is(&current));
    otel_scope_close(scope);
    STEP(current_is(NULL));
    STEP(fake_ends(&current) == 1);
    return 0;
}

static void forking_thread_keeps_its_scopes_in_the_child(void **state) {
    (void)state;
    const otel_span span = start();
    otel_scope scope = otel_span_attach(&span, true);
    assert_int_equal(in_child(go_on_in_child, &scope), 0);
    assert_int_equal(fake_ends(&span), 0);
    otel_scope_close(&scope);
    assert_int_equal(fake_ends(&span), 1);
}

/* ---- signals ---------------------------------------------------------------------------------------------------- */

/* Closes what it opens, and leaves the current context as it found it. */
static volatile sig_atomic_t handler_saw_a_change;
static void handler(int number) {
    (void)number;
    const otel_span before = otel_context_span(NULL);
    {
        OTEL_SPAN(span, tracer, "in handler");
        otel_set(&span, "key", 1);
    }
    if (!current_is(&before)) {
        handler_saw_a_change = 1;
    }
}

static pthread_t target;
static _Atomic bool stop;
static void *send_signals(void *unused) {
    while (!atomic_load(&stop)) {
        pthread_kill(target, SIGUSR1);
    }
    return unused;
}

static void handlers_never_leave_the_stack_in_pieces(void **state) {
    (void)state;
    pthread_t sender;
    const struct sigaction action = { .sa_handler = handler };
    struct sigaction former;
    const otel_span outer = start(), inner = start();
    target = pthread_self();
    sigaction(SIGUSR1, &action, &former);
    assert_int_equal(pthread_create(&sender, NULL, send_signals, NULL), 0);
    bool right = true;
    /* Long enough for handlers to have interrupted the library itself, and not just the loop around it. */
    const uint64_t enough = otel__interrupted_calls() + 100;
    for (int i = 0; i < 20000 || (otel__interrupted_calls() < enough && i < 20000000); i++) {
        otel_scope first = otel_span_attach(&outer, false);
        otel_scope second = otel_span_attach(&inner, false);
        const otel_span current = otel_context_span(NULL);
        right = right && current.opaque_[OTEL__W_BIRTH] == inner.opaque_[OTEL__W_BIRTH];
        otel_scope_close(&second);
        right = right && current_is(&outer);
        otel_scope_close(&first);
        right = right && current_is(NULL);
    }
    atomic_store(&stop, true);
    pthread_join(sender, NULL);
    sigaction(SIGUSR1, &former, NULL);
    assert_true(otel__interrupted_calls() >= enough);
    assert_true(right);
    assert_false(handler_saw_a_change);
    assert_int_equal(fake.calls[FAKE_MISUSE], 0);
    assert_int_equal(fake.calls[FAKE_START] - 2, fake.calls[FAKE_END]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(closing_reinstates_what_was_current),
        TEST(context_is_attached_with_all_it_holds),
        TEST(empty_context_hides_the_outer_one),
        TEST(owned_span_ends_with_its_scope_once),
        TEST(owned_span_with_tracestate_ends_too),
        TEST(sugar_ends_spans_however_the_block_is_left),
        TEST(an_attached_context_is_current_until_the_block_is_left),
        TEST(closing_the_outer_closes_younger_ones_first),
        TEST(closed_token_names_nothing_any_more),
        TEST(null_and_zero_are_ignored),
        TEST(longjmp_leaves_the_rest_to_the_outer_scope),
        TEST(stack_grows_to_its_limit),
        TEST(span_that_found_no_room_ends_with_its_scope_all_the_same),
        TEST(end_of_the_thread_closes_its_scopes),
        TEST(a_context_is_current_on_its_own_thread_only),
        TEST(scope_of_another_thread_is_ignored),
        TEST(token_names_its_thread),
        TEST(token_outlives_its_thread_harmlessly),
        TEST(callbacks_that_leave_scopes_open_cannot_go_on_for_ever),
        TEST(callbacks_find_the_stack_whole),
        TEST(forking_thread_keeps_its_scopes_in_the_child),
        TEST(handlers_never_leave_the_stack_in_pieces),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
