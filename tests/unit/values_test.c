/* SPDX-License-Identifier: Apache-2.0 */
/* values_test.c - values in contexts (CTX-02 to CTX-07); in attached ones: values_scope_test.c. */
#include "failing_allocator.h"
#include "values_fixture.h"

#include <string.h>

/* ---- keys and values --------------------------------------------------------------------------------------------- */

static void keys_of_one_name_differ(void **state) {
    (void)state;
    struct thing first = { 0 }, second = { 0 };
    const otel_context_key one = otel_context_key_create("same"), other = otel_context_key_create("same");
    assert_string_equal(one.name, "same");
    otel_context context = with(one, &first);
    assert_null(otel_context_value(&context, other));
    otel_context both = otel_context_with_value(&context, other, &second, release);
    assert_ptr_equal(otel_context_value(&both, one), &first);
    assert_ptr_equal(otel_context_value(&both, other), &second);
    otel_context_release(&context);
    otel_context_release(&both);
    assert_int_equal(first.released, 1);
    assert_int_equal(second.released, 1);
}

static void writing_leaves_the_base_alone(void **state) {
    (void)state;
    struct thing red = { 0 }, blue = { 0 }, large = { 0 };
    otel_context base = with(color, &red);
    otel_context derived = otel_context_with_value(&base, color, &blue, release);
    otel_context more = otel_context_with_value(&derived, size, &large, release);
    assert_ptr_equal(otel_context_value(&base, color), &red);
    assert_null(otel_context_value(&base, size));
    assert_ptr_equal(otel_context_value(&derived, color), &blue);
    assert_null(otel_context_value(&derived, size));
    assert_ptr_equal(otel_context_value(&more, color), &blue);
    assert_ptr_equal(otel_context_value(&more, size), &large);
    otel_context_release(&derived);
    assert_int_equal(blue.released, 0);
    otel_context_release(&more);
    otel_context_release(&base);
    assert_int_equal(red.released + blue.released + large.released, 3);
}

/* A context is as large after a thousand changes of one key as after the first. */
static void replaced_values_are_let_go(void **state) {
    (void)state;
    static struct thing things[1000];
    otel_context context = with(size, &things[0]);
    for (int i = 1; i < 1000; i++) {
        otel_context next = otel_context_with_value(&context, size, &things[i], release);
        otel_context_release(&context);
        context = next;
        assert_int_equal(things[i - 1].released, 1);
        assert_int_equal(otel__context_values(&context)->count, 1);
    }
    assert_int_equal(things[999].released, 0);
    otel_context_release(&context);
    assert_int_equal(things[999].released, 1);
}

static void null_takes_the_key_away(void **state) {
    (void)state;
    static const otel_context empty;
    struct thing red = { 0 }, large = { 0 };
    otel_context one = with(color, &red);
    otel_context both = otel_context_with_value(&one, size, &large, release);
    otel_context without = otel_context_with_value(&both, size, NULL, release);
    assert_null(otel_context_value(&without, size));
    assert_ptr_equal(otel_context_value(&without, color), &red);
    otel_context same = otel_context_with_value(&without, size, NULL, NULL);
    assert_memory_equal(&same, &without, sizeof same);
    otel_context nothing = otel_context_with_value(&same, color, NULL, NULL);
    assert_memory_equal(&nothing, &empty, sizeof nothing);
    otel_context_release(&one);
    otel_context_release(&both);
    otel_context_release(&without);
    assert_int_equal(red.released, 0);
    otel_context_release(&same);
    assert_int_equal(red.released, 1);
    assert_int_equal(large.released, 1);
}

static void without_a_key_the_value_is_released_at_once(void **state) {
    (void)state;
    const otel_context_key none = { { 0 }, NULL }, forged = { { OTEL__KEY_BAGGAGE }, NULL };
    struct thing red = { 0 }, lost = { 0 };
    otel_context context = with(color, &red);
    otel_context same = otel_context_with_value(&context, none, &lost, release);
    assert_memory_equal(&same, &context, sizeof same);
    assert_int_equal(lost.released, 1);
    otel_context_release(&same);
    same = otel_context_with_value(&context, forged, &lost, release);
    assert_memory_equal(&same, &context, sizeof same);
    assert_int_equal(lost.released, 2);
    assert_null(otel_context_value(&context, none));
    otel_context_release(&same);
    otel_context_release(&context);
}

static void release_may_be_null(void **state) {
    (void)state;
    otel_context context = otel_context_with_value(NULL, color, &color, NULL);
    assert_ptr_equal(otel_context_value(&context, color), &color);
    otel_context_release(&context);
    otel_context_release(&context);
}

/* ---- beside the span --------------------------------------------------------------------------------------------- */

static void span_and_values_go_together(void **state) {
    (void)state;
    struct thing red = { 0 };
    const otel_span span = span_of(1), other = span_of(2);
    otel_tracestate tracestate = otel_tracestate_parse(otel_cstr("a=1"));
    const otel_span held = otel_span_wrap(&(otel_span_context){
        .size = sizeof(otel_span_context), .trace_id = { 3 }, .span_id = { 3 }, .tracestate = &tracestate });
    otel_context base = otel_context_with_span(NULL, &span);
    otel_context context = otel_context_with_value(&base, color, &red, release);
    const otel_span same = otel_context_span(&context);
    assert_memory_equal(&same, &span, sizeof span);
    otel_context changed = otel_context_with_span(&context, &other);
    otel_context again = otel_context_with_span(&changed, &held);
    const otel_span out = otel_context_span(&again);
    assert_memory_equal(&out, &held, sizeof out);
    assert_ptr_equal(otel_context_value(&changed, color), &red);
    assert_ptr_equal(otel_context_value(&again, color), &red);
    otel_tracestate_release(&tracestate);
    otel_context_release(&base);
    otel_context_release(&context);
    otel_context_release(&changed);
    otel_context copy = otel_context_retain(&again);
    otel_context_release(&again);
    assert_int_equal(red.released, 0);
    otel_context_release(&copy);
    assert_int_equal(red.released, 1);
}

/* ---- several threads --------------------------------------------------------------------------------------------- */

enum { THREADS = 4, ROUNDS = 5000 };
static otel_context shared_context;
static struct thing shared_thing;
static _Atomic unsigned wrong;
static struct thing own_things[THREADS][ROUNDS];

/* Each passes the shared context through scopes, spans and derived contexts of its own. */
static void *use_shared(void *argument) {
    struct thing *mine = argument;
    for (int i = 0; i < ROUNDS; i++) {
        otel_context copy = otel_context_retain(&shared_context);
        otel_context derived = otel_context_with_value(&copy, size, &mine[i], release);
        otel_context_release(&copy);
        OTEL_ATTACH(scope, &derived);
        otel_context_release(&derived);
        OTEL_SPAN(span, tracer, "span");
        if (otel_context_value(NULL, color) != &shared_thing || otel_context_value(NULL, size) != &mine[i]) {
            atomic_fetch_add(&wrong, 1);
        }
    }
    return NULL;
}

static void threads_share_values(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    shared_context = with(color, &shared_thing);
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, use_shared, own_things[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(wrong, 0);
    assert_int_equal(shared_thing.released, 0);
    otel_context_release(&shared_context);
    assert_int_equal(shared_thing.released, 1);
    for (int i = 0; i < THREADS; i++) {
        for (int round = 0; round < ROUNDS; round++) {
            assert_int_equal(own_things[i][round].released, 1);
        }
    }
}

/* The threads are done before the owner of the context is, or after it. */
static void *give_back(void *context) {
    otel_context_release(context);
    return NULL;
}

static void whoever_is_last_releases(void **state) {
    (void)state;
    for (int round = 0; round < 200; round++) {
        struct thing thing = { 0 };
        pthread_t threads[THREADS];
        otel_context contexts[THREADS];
        contexts[0] = with(color, &thing);
        for (int i = 1; i < THREADS; i++) {
            contexts[i] = otel_context_retain(&contexts[0]);
        }
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_create(&threads[i], NULL, give_back, &contexts[i]), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            pthread_join(threads[i], NULL);
        }
        assert_int_equal(thing.released, 1);
    }
}

/* ---- no memory, no context --------------------------------------------------------------------------------------- */

static void without_memory_the_base_stays_and_the_value_is_released(void **state) {
    (void)state;
    struct thing red = { 0 };
    if (!failing_allocator_works()) {
        skip();
    }
    otel_context base = with(color, &red);
    for (unsigned nth = 1; nth <= 2; nth++) {
        struct thing large = { 0 };
        errno = ERANGE;
        failing_allocator_fail(nth, false);
        otel_context same = otel_context_with_value(&base, size, &large, release);
        assert_int_equal(failing_allocator_failures(), 1);
        failing_allocator_fail(0, false);
        assert_int_equal(errno, ERANGE);
        assert_memory_equal(&same, &base, sizeof same);
        assert_int_equal(large.released, 1);
        assert_int_equal(fake.misuses[OTEL__MISUSE_NO_MEMORY], nth);
        otel_context_release(&same);
    }
    assert_int_equal(red.released, 0);
    otel_context_release(&base);
    assert_int_equal(red.released, 1);
}

static void everything_works_without_an_sdk(void **state) {
    (void)state;
    struct thing red = { 0 };
    fake_remove();
    otel_context context = with(color, &red);
    otel_scope scope = otel_context_attach(&context);
    otel_context_release(&context);
    {
        OTEL_SPAN(span, tracer, "nothing");
        assert_ptr_equal(otel_context_value(NULL, color), &red);
        assert_false(otel_span_recording(&span));
    }
    otel_scope_close(&scope);
    assert_int_equal(red.released, 1);
    fake_install();
}

/* A context from a caller's mistake, such as one never initialised, is not taken for one that holds something. */
static void garbage_is_harmless(void **state) {
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        otel_context garbage;
        memset(&garbage, byte, sizeof garbage);
        assert_null(otel_context_value(&garbage, color));
        struct thing red = { 0 };
        otel_context derived = otel_context_with_value(&garbage, color, &red, release);
        assert_ptr_equal(otel_context_value(&derived, color), &red);
        otel_scope scope = otel_context_attach(&garbage);
        otel_scope inner = otel_span_attach_to(&garbage, NULL, false);
        assert_null(otel_context_value(NULL, color));
        otel_scope_close(&inner);
        otel_scope_close(&scope);
        otel_context_release(&derived);
        otel_context_release(&garbage);
        assert_int_equal(red.released, 1);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(keys_of_one_name_differ),
        TEST(writing_leaves_the_base_alone),
        TEST(replaced_values_are_let_go),
        TEST(null_takes_the_key_away),
        TEST(without_a_key_the_value_is_released_at_once),
        TEST(release_may_be_null),
        TEST(span_and_values_go_together),
        TEST(threads_share_values),
        TEST(whoever_is_last_releases),
        TEST(without_memory_the_base_stays_and_the_value_is_released),
        TEST(everything_works_without_an_sdk),
        TEST(garbage_is_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
