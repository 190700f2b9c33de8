/* SPDX-License-Identifier: Apache-2.0 */
/* values_scope_test.c - values in attached contexts (CTX-07 to CTX-09): what is current, and when it is let go. */
#include "in_child.h"
#include "values_fixture.h"

#include <signal.h>
#include <stdio.h>

/* ---- the current context ----------------------------------------------------------------------------------------- */

static void null_means_the_current_context(void **state) {
    (void)state;
    struct thing red = { 0 }, large = { 0 };
    const otel_span span = span_of(1);
    assert_null(otel_context_value(NULL, color));
    otel_context context = with(color, &red);
    otel_scope scope = otel_context_attach(&context);
    otel_context_release(&context);
    assert_ptr_equal(otel_context_value(NULL, color), &red);
    otel_context derived = otel_context_with_value(NULL, size, &large, release);
    otel_context with_span = otel_context_with_span(NULL, &span);
    otel_context current = otel_context_current();
    otel_scope_close(&scope);
    assert_null(otel_context_value(NULL, color));
    assert_ptr_equal(otel_context_value(&derived, color), &red);
    assert_ptr_equal(otel_context_value(&with_span, color), &red);
    assert_ptr_equal(otel_context_value(&current, color), &red);
    otel_context_release(&current);
    otel_context_release(&derived);
    assert_int_equal(red.released, 0);
    otel_context_release(&with_span);
    assert_int_equal(red.released, 1);
}

static void attached_spans_keep_what_is_current(void **state) {
    (void)state;
    struct thing red = { 0 };
    otel_context context = with(color, &red);
    otel_scope outer = otel_context_attach(&context);
    otel_context_release(&context);
    const otel_span span = otel_span_start(tracer, OTEL_START("span"));
    otel_scope scope = otel_span_attach(&span, true);
    assert_ptr_equal(otel_context_value(NULL, color), &red);
    {
        OTEL_SPAN(inner, tracer, "inner");
        assert_ptr_equal(otel_context_value(NULL, color), &red);
        assert_true(otel_span_valid(&inner));
        otel_scope hidden = otel_context_attach(NULL);
        assert_null(otel_context_value(NULL, color));
        {
            OTEL_SPAN(innermost, tracer, "innermost");
            assert_null(otel_context_value(NULL, color));
        }
        otel_scope_close(&hidden);
        assert_ptr_equal(otel_context_value(NULL, color), &red);
    }
    otel_scope_close(&scope);
    assert_int_equal(fake_ends(&span), 1);
    assert_ptr_equal(otel_context_value(NULL, color), &red);
    assert_int_equal(red.released, 0);
    otel_scope_close(&outer);
    assert_int_equal(red.released, 1);
    assert_null(otel_context_value(NULL, color));
    assert_int_equal(fake.calls[FAKE_MISUSE], 0);
}

/* What was extracted from a request is current below the request's span, and what was current before is not. */
static void spans_of_a_block_bring_along_what_their_parent_context_holds(void **state) {
    (void)state;
    struct thing red = { 0 }, blue = { 0 };
    const otel_span caller = span_of(9);
    otel_context bare = otel_context_with_span(NULL, &caller);
    otel_context context = otel_context_with_value(&bare, color, &red, release);
    {
        OTEL_SPAN(span, tracer, "request", .parent = &context);
        otel_context_release(&context);
        assert_int_equal(fake.last.parent.opaque_[OTEL__W_SPAN], caller.opaque_[OTEL__W_SPAN]);
        assert_ptr_equal(otel_context_value(NULL, color), &red);
        const otel_span current = otel_context_span(NULL);
        assert_memory_equal(&current, &span, sizeof span);
        otel_context other = with(color, &blue);
        OTEL_ATTACH(scope, &other);
        otel_context_release(&other);
        OTEL_SPAN(inner, tracer, "request", .parent = &bare);
        assert_null(otel_context_value(NULL, color));
    }
    assert_int_equal(red.released, 1);
    assert_int_equal(blue.released, 1);
    assert_int_equal(fake.calls[FAKE_END], 2);
    assert_int_equal(fake.calls[FAKE_MISUSE], 0);
    otel_context_release(&bare);
    OTEL_SPAN_WITH(plain, tracer, NULL);
    assert_true(otel_span_valid(&plain));
    otel_scope scope = otel_span_attach_to(NULL, NULL, true);
    const otel_span none = otel_context_span(NULL);
    assert_false(otel_span_valid(&none));
    otel_scope_close(&scope);
}

static void deep_stacks_hold_every_value(void **state) {
    (void)state;
    enum { DEEP = 200 };
    static struct thing things[DEEP];
    otel_scope scopes[DEEP];
    for (int i = 0; i < DEEP; i++) {
        otel_context context = otel_context_with_value(NULL, i % 2 ? color : size, &things[i], release);
        scopes[i] = otel_context_attach(&context);
        otel_context_release(&context);
    }
    assert_int_equal(otel__self->valued, DEEP);
    otel_scope_close(&scopes[100]);
    for (int i = 0; i < DEEP; i++) {
        assert_int_equal(things[i].released, i >= 100);
    }
    assert_ptr_equal(otel_context_value(NULL, color), &things[99]);
    assert_ptr_equal(otel_context_value(NULL, size), &things[98]);
    otel_scope_close(&scopes[0]);
    assert_int_equal(things[0].released, 1);
}

/* ---- code of the user's ------------------------------------------------------------------------------------------ */

static bool was_inside;
static otel_span current_then;
static struct thing second_value;

static void use_the_library(void *value) {
    was_inside = otel__thread_inside();
    current_then = otel_context_span(NULL);
    otel_context context = with(color, &second_value);
    OTEL_ATTACH(scope, &context);
    otel_context_release(&context);
    OTEL_SPAN(span, tracer, "released");
    release(value);
}

static void releasing_code_may_use_the_library(void **state) {
    (void)state;
    struct thing red = { 0 };
    const otel_span outer = span_of(1), inner = otel_span_start(tracer, OTEL_START("inner"));
    otel_scope whole = otel_span_attach(&outer, false);
    otel_context context = otel_context_with_value(NULL, color, &red, use_the_library);
    otel_scope scope = otel_context_attach(&context);
    otel_context_release(&context);
    otel_scope owner = otel_span_attach(&inner, true);
    errno = ERANGE;
    otel_scope_close(&scope);
    assert_int_equal(errno, ERANGE);
    assert_false(was_inside);
    assert_memory_equal(&current_then, &outer, sizeof outer);
    assert_int_equal(red.released, 1);
    assert_int_equal(second_value.released, 1);
    assert_int_equal(fake_ends(&inner), 1);
    assert_int_equal(fake.calls[FAKE_START], 2);
    assert_int_equal(fake.calls[FAKE_END], 2);
    otel_scope_close(&owner);
    otel_scope_close(&whole);
}

/* A callback of the SDK closes the scope below which a span is being started: its parent stays whole. */
static otel_scope outer_scope;
static void close_the_outer_scope(enum fake_call call, struct otel__thread *thread) {
    if (call == FAKE_START) {
        const uint32_t saved = otel__callback_begin(thread);
        otel_scope_close(&outer_scope);
        otel__callback_end(thread, saved);
        assert_ptr_equal(otel_context_value(fake.last.parent_given, color), fake.last.start.name);
    }
}

static void parent_of_a_starting_span_stays_whole(void **state) {
    (void)state;
    static struct thing red;
    otel_context context = with(color, &red);
    outer_scope = otel_context_attach(&context);
    otel_context_release(&context);
    fake.hook = close_the_outer_scope;
    const otel_span span = otel_span_start(tracer, OTEL_START((const char *)&red));
    assert_true(otel_span_valid(&span));
    assert_int_equal(red.released, 1);
    fake.hook = NULL;
    assert_null(otel_context_value(NULL, color));
}

/* ---- ways out ---------------------------------------------------------------------------------------------------- */

static jmp_buf escape;
static void jump_out(struct thing *thing) {
    otel_context context = otel_context_with_value(NULL, size, thing, release);
    OTEL_ATTACH(scope, &context);
    otel_context_release(&context);
    longjmp(escape, 1);
}

static void longjmp_leaves_values_to_the_outer_scope(void **state) {
    (void)state;
    static struct thing red, large;
    otel_context context = with(color, &red);
    otel_scope scope = otel_context_attach(&context);
    otel_context_release(&context);
    if (setjmp(escape) == 0) {
        jump_out(&large);
    }
    assert_int_equal(large.released, 0);
    otel_scope_close(&scope);
    assert_int_equal(large.released, 1);
    assert_int_equal(red.released, 1);
}

static struct thing left_open;
static void *leave_a_scope_open(void *way) {
    otel_context context = with(color, &left_open);
    otel_scope scope = otel_context_attach(&context);
    otel_context_release(&context);
    const otel_span span = otel_span_start(tracer, OTEL_START("left open"));
    otel_scope inner = otel_span_attach(&span, true);
    (void)scope, (void)inner;
    if (way != NULL) {
        pthread_exit(NULL);
    }
    return NULL;
}

static void end_of_the_thread_releases_its_values(void **state) {
    (void)state;
    static int by_exit;
    for (int i = 0; i < 2; i++) {
        pthread_t thread;
        left_open.released = 0;
        assert_int_equal(pthread_create(&thread, NULL, leave_a_scope_open, i == 0 ? NULL : &by_exit), 0);
        pthread_join(thread, NULL);
        assert_int_equal(left_open.released, 1);
        assert_true(pthread_equal(left_open.by, thread));
        assert_int_equal(fake.calls[FAKE_END], i + 1);
    }
    assert_int_equal(fake.calls[FAKE_MISUSE], 0);
}

/* ---- signals ---------------------------------------------------------------------------------------------------- */

/* Spans in a handler hold what is current a moment longer, and are never the last to do so. */
static volatile sig_atomic_t handled;
static void handler(int number) {
    (void)number;
    OTEL_SPAN(span, tracer, "in handler");
    handled += otel_context_value(NULL, color) != NULL;
}

static pthread_t target;
static _Atomic bool stop;
static void *send_signals(void *unused) {
    while (!atomic_load(&stop)) {
        pthread_kill(target, SIGUSR1);
    }
    return unused;
}

static void handlers_may_use_spans_among_values(void **state) {
    (void)state;
    pthread_t sender;
    const struct sigaction action = { .sa_handler = handler };
    struct sigaction former;
    target = pthread_self();
    sigaction(SIGUSR1, &action, &former);
    assert_int_equal(pthread_create(&sender, NULL, send_signals, NULL), 0);
    bool right = true;
    for (int i = 0; i < 20000 || (handled < 100 && i < 20000000); i++) {
        struct thing thing = { 0 };
        otel_context context = with(color, &thing);
        otel_scope scope = otel_context_attach(&context);
        otel_context_release(&context);
        const otel_span span = span_of(1);
        otel_scope inner = otel_span_attach(&span, false);
        otel_scope_close(&inner);
        right = right && thing.released == 0 && otel_context_value(NULL, color) == &thing;
        otel_scope_close(&scope);
        right = right && thing.released == 1;
    }
    atomic_store(&stop, true);
    pthread_join(sender, NULL);
    sigaction(SIGUSR1, &former, NULL);
    assert_true(handled >= 100);
    assert_true(right);
    assert_int_equal(fake.calls[FAKE_MISUSE], 0);
    assert_int_equal(fake.calls[FAKE_START], fake.calls[FAKE_END]);
}

/* ---- fork -------------------------------------------------------------------------------------------------------- */

static pthread_barrier_t barrier;
static struct thing others;

static void *stay_in_scope(void *unused) {
    otel_context context = with(color, &others);
    otel_scope scope = otel_context_attach(&context);
    otel_context_release(&context);
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    otel_scope_close(&scope);
    return unused;
}

static int use_in_child(void *argument) {
    struct thing *mine = argument;
    otel__threads_after_fork();
    STEP(others.released == 0);
    STEP(mine->released == 0);
    STEP(otel_context_value(NULL, color) == mine);
    OTEL_SPAN(span, tracer, "child");
    STEP(otel_context_value(NULL, color) == mine);
    otel_scope_close(&outer_scope);
    STEP(mine->released == 1);
    STEP(otel__self->valued == 0);
    return 0;
}

static void child_keeps_its_own_values_and_leaves_those_of_other_threads(void **state) {
    (void)state;
    pthread_t thread;
    struct thing mine = { 0 };
    pthread_barrier_init(&barrier, NULL, 2);
    assert_int_equal(pthread_create(&thread, NULL, stay_in_scope, NULL), 0);
    pthread_barrier_wait(&barrier);
    otel_context context = with(color, &mine);
    outer_scope = otel_context_attach(&context);
    otel_context_release(&context);
    assert_int_equal(in_child(use_in_child, &mine), 0);
    assert_int_equal(mine.released + others.released, 0);
    pthread_barrier_wait(&barrier);
    pthread_join(thread, NULL);
    assert_int_equal(others.released, 1);
    otel_scope_close(&outer_scope);
    assert_int_equal(mine.released, 1);
    pthread_barrier_destroy(&barrier);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(null_means_the_current_context),
        TEST(attached_spans_keep_what_is_current),
        TEST(spans_of_a_block_bring_along_what_their_parent_context_holds),
        TEST(deep_stacks_hold_every_value),
        TEST(releasing_code_may_use_the_library),
        TEST(parent_of_a_starting_span_stays_whole),
        TEST(longjmp_leaves_values_to_the_outer_scope),
        TEST(end_of_the_thread_releases_its_values),
        TEST(handlers_may_use_spans_among_values),
        TEST(child_keeps_its_own_values_and_leaves_those_of_other_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
