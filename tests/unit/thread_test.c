/* SPDX-License-Identifier: Apache-2.0 */
/* thread_test.c - the states of threads: birth, reuse, the shared state, and what a fork leaves of them. */
#include "fake_backend.h"
#include "in_child.h"
#include "thread.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

OTEL_TRACER(tracer, "thread_test");

static void run(void *(*body)(void *argument), void *argument) {
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, body, argument), 0);
    pthread_join(thread, NULL);
}

/* ---- birth and reuse -------------------------------------------------------------------------------------------- */

static void *note_index(void *index) {
    errno = 77;
    *(uint32_t *)index = otel__thread_index(otel__thread_self());
    const bool steady = otel__thread_index(otel__thread_self()) == *(uint32_t *)index && errno == 77;
    *(uint32_t *)index = steady ? *(uint32_t *)index : 0;
    return NULL;
}

static void each_thread_has_its_own_state(void **state) {
    (void)state;
    uint32_t other = 0;
    const uint32_t mine = otel__thread_index(otel__thread_self());
    assert_in_range(mine, 1, OTEL__MAX_THREADS - 1);
    run(note_index, &other);
    assert_in_range(other, 1, OTEL__MAX_THREADS - 1);
    assert_int_not_equal(mine, other);
    assert_int_equal(otel__thread_index(otel__thread_self()), mine);
}

static void short_threads_reuse_states(void **state) {
    (void)state;
    uint32_t index = 0;
    run(note_index, &index);
    const uint32_t before = otel__threads_made();
    for (int i = 0; i < 10000; i++) {
        run(note_index, &index);
        assert_int_not_equal(index, 0);
    }
    assert_int_equal(otel__threads_made(), before);
}

enum { TOGETHER = 100 };
static pthread_barrier_t all_there;
static void *note_index_together(void *index) {
    note_index(index);
    pthread_barrier_wait(&all_there);
    return NULL;
}

static void threads_at_once_have_different_states(void **state) {
    (void)state;
    pthread_t threads[TOGETHER];
    uint32_t indices[TOGETHER];
    bool seen[4 * TOGETHER] = { false };
    pthread_barrier_init(&all_there, NULL, TOGETHER);
    for (int i = 0; i < TOGETHER; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, note_index_together, &indices[i]), 0);
    }
    for (int i = 0; i < TOGETHER; i++) {
        pthread_join(threads[i], NULL);
    }
    pthread_barrier_destroy(&all_there);
    for (int i = 0; i < TOGETHER; i++) {
        assert_in_range(indices[i], 1, 4 * TOGETHER - 1);
        assert_false(seen[indices[i]]);
        seen[indices[i]] = true;
    }
}

static void *churn(void *unused) {
    for (int i = 0; i < 200; i++) {
        uint32_t index = 0;
        run(note_index, &index);
    }
    return unused;
}

static void states_are_taken_and_given_back_from_all_sides(void **state) {
    (void)state;
    pthread_t threads[8];
    for (int i = 0; i < 8; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, churn, NULL), 0);
    }
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_true(otel__threads_made() < 4 * TOGETHER);
}

static void busy_is_seen_from_inside_only(void **state) {
    (void)state;
    struct otel__call call = { 0 };
    assert_false(otel__thread_busy());
    assert_true(otel__enter(&call));
    assert_true(otel__thread_busy());
    const uint32_t saved = otel__callback_begin(call.thread);
    assert_true(otel__thread_busy());
    assert_false(otel__thread_inside());
    otel__callback_end(call.thread, saved);
    assert_true(otel__thread_inside());
    otel__leave(&call);
    assert_false(otel__thread_busy());
}

/* ---- the shared state ------------------------------------------------------------------------------------------- */

static otel_span span_after_death;
static uint32_t index_after_death;
static bool attached_after_death;
static otel_scope opened_before_death;

/* What a C++ object with a longer life, or another library's key, may do. */
static void late_destructor(void *unused) {
    (void)unused;
    index_after_death = otel__thread_index(otel__thread_self());
    otel_scope_close(&opened_before_death); /* what the thread's end has done already */
    {
        OTEL_SPAN(span, tracer, "late");
        span_after_death = span;
        const otel_span current = otel_context_span(NULL);
        attached_after_death = otel_span_valid(&current);
        otel_set(&span, "key", 1);
    }
}

static void *die_with_a_late_destructor(void *key) {
    opened_before_death = otel_context_attach(NULL);
    pthread_setspecific(*(pthread_key_t *)key, key);
    return NULL;
}

static void calls_after_the_state_is_gone_still_work(void **state) {
    (void)state;
    pthread_key_t key;
    fake_install();
    index_after_death = 99;
    assert_int_equal(pthread_key_create(&key, late_destructor), 0);
    run(die_with_a_late_destructor, &key);
    pthread_key_delete(key);
    assert_int_equal(index_after_death, 0);
    assert_false(attached_after_death);
    assert_int_equal(fake.calls[FAKE_START], 1);
    assert_int_equal(fake.calls[FAKE_SET], 1);
    assert_int_equal(fake_ends(&span_after_death), 1);
    assert_int_equal(fake.calls[FAKE_MISUSE], 0);
    assert_int_equal(fake.calls[FAKE_THREAD_EXIT], 1);
    fake_remove();
}

/* A process that has no key left: all its threads share one state. Runs in a child, before anything has taken ours. */
static void *set_shared(void *span) {
    otel_set((otel_span *)span, "key", 1);
    return NULL;
}

static void remove_from_inside(enum fake_call call, struct otel__thread *thread) {
    if (call == FAKE_SET) {
        const uint32_t saved = otel__callback_begin(thread);
        otel_span_set_name((otel_span[]){ { { 1, 2, 3, 1, 5, 0 } } }, "from callback");
        otel__callback_end(thread, saved);
        otel_span_set_name((otel_span[]){ { { 1, 2, 3, 1, 5, 0 } } }, "from handler");
        fake.last.time = otel__backend_remove(fake_deadline(0));
    }
}

static int live_without_keys(void *unused) {
    (void)unused;
    pthread_key_t key;
    pthread_t thread;
    while (pthread_key_create(&key, NULL) == 0) {}
    STEP(otel__threads_made() == 0);
    STEP(otel__thread_index(otel__thread_self()) == 0);
    STEP(otel__backend_install(&fake_table));
    otel_span span = otel_span_start(tracer, OTEL_START("span"));
    STEP(pthread_create(&thread, NULL, set_shared, &span) == 0);
    pthread_join(thread, NULL);
    STEP(fake.calls[FAKE_SET] == 1);
    {
        OTEL_SPAN(owned, tracer, "owned");
        STEP(fake_ends(&owned) == 0);
        span = owned;
    }
    STEP(fake_ends(&span) == 1);
    STEP(!otel__thread_busy());
    fake.hook = remove_from_inside;
    const uint64_t interrupted = otel__interrupted_calls();
    otel_set(&span, "key", 1);
    STEP(fake.calls[FAKE_NAME] == 1);
    STEP(otel__interrupted_calls() == interrupted + 1);
    STEP(fake.last.time == 1);
    STEP(!otel__thread_busy());
    STEP(otel__threads_made() == 0);
    return 0;
}

static void threads_without_a_state_share_one(void **state) {
    (void)state;
    assert_int_equal(otel__threads_made(), 0);
    assert_int_equal(in_child(live_without_keys, NULL), 0);
}

/* ---- fork ------------------------------------------------------------------------------------------------------- */

static sem_t inside, leave;

/* A thread with an open scope that holds a tracestate, inside the SDK while the process forks. */
static void stay_inside(enum fake_call call, struct otel__thread *thread) {
    (void)thread;
    if (call == FAKE_SET) {
        sem_post(&inside);
        sem_wait(&leave);
    }
}

static void *hold_and_stay(void *tracestate) {
    otel_span span = otel_span_start(tracer, OTEL_START("span"));
    span.opaque_[OTEL__W_STATE] = *(uint64_t *)tracestate;
    otel_scope scope = otel_span_attach(&span, true);
    otel__tracestate_drop(*(uint64_t *)tracestate);
    otel_set(&span, "key", 1);
    otel_scope_close(&scope);
    return NULL;
}

static bool is_held(uint64_t tracestate) {
    for (int i = 0; i < 20000; i++) {
        otel__tracestate_drop(otel__tracestate_intern(otel_cstr("passing=1")));
    }
    if (!otel__tracestate_retain(tracestate)) {
        return false;
    }
    otel__tracestate_drop(tracestate);
    return true;
}

static int forget_the_others(void *tracestate) {
    STEP(is_held(*(uint64_t *)tracestate));
    otel__threads_after_fork();
    STEP(!is_held(*(uint64_t *)tracestate));
    STEP(otel__backend_remove(fake_deadline(0)));
    STEP(otel__thread_index(otel__thread_self()) != 0);
    return 0;
}

/* ThreadSanitizer has a thread of its own, in the child as well. */
#if defined __SANITIZE_THREAD__
#define ONLY_THREAD false
#elif defined __has_feature
#if __has_feature(thread_sanitizer)
#define ONLY_THREAD false
#endif
#endif
#ifndef ONLY_THREAD
#define ONLY_THREAD true
#endif

/* The handler of no SDK ran: installing one clears up, as long as there is only one thread. */
static int start_anew(void *unused) {
    (void)unused;
    if (!ONLY_THREAD) {
        return 0;
    }
    STEP(!otel__backend_remove(fake_deadline(0)));
    STEP(otel__backend_install(&fake_table));
    STEP(otel__backend_remove(fake_deadline(0)));
    return 0;
}

static void child_forgets_threads_that_it_does_not_have(void **state) {
    (void)state;
    pthread_t thread;
    uint64_t tracestate = otel__tracestate_intern(otel_cstr("a=1"));
    fake_install();
    fake.hook = stay_inside;
    sem_init(&inside, 0, 0);
    sem_init(&leave, 0, 0);
    assert_int_equal(pthread_create(&thread, NULL, hold_and_stay, &tracestate), 0);
    sem_wait(&inside);
    assert_int_equal(in_child(forget_the_others, &tracestate), 0);
    assert_int_equal(in_child(start_anew, NULL), 0);
    sem_post(&leave);
    pthread_join(thread, NULL);
    fake_remove();
}

/* Threads whose stacks grow, shrink and hold tracestates, and which are born and die, while the process forks. */
static _Atomic bool stop;
static void *grow_and_shrink(void *unused) {
    while (!atomic_load(&stop)) {
        otel_tracestate tracestate = otel_tracestate_parse(otel_cstr("a=1"));
        const otel_span span = { { 1, 2, 3, 0, 0, tracestate.opaque_[0] } };
        otel_scope outermost = otel_span_attach(&span, true);
        for (int i = 0; i < 300; i++) {
            const otel_scope scope = otel_span_attach(&span, true);
            (void)scope;
        }
        otel_tracestate_release(&tracestate);
        otel_scope_close(&outermost);
    }
    return unused;
}

static void *be_born_and_die(void *unused) {
    while (!atomic_load(&stop)) {
        uint32_t index = 0;
        pthread_t thread;
        if (pthread_create(&thread, NULL, note_index, &index) == 0) {
            pthread_join(thread, NULL);
        }
    }
    return unused;
}

static int go_on_alone(void *unused) {
    (void)unused;
    const otel_span before = otel_context_span(NULL);
    otel__threads_after_fork();
    for (int i = 0; i < 300; i++) {
        const uint64_t passing = otel__tracestate_intern(otel_cstr("passing=1"));
        STEP(passing != 0);
        otel__tracestate_drop(passing);
    }
    const otel_span span = { { 1, 2, 4, 0, 0, 0 } };
    otel_scope scope = otel_span_attach(&span, true);
    otel_scope_close(&scope);
    const otel_span after = otel_context_span(NULL);
    STEP(memcmp(&before, &after, sizeof after) == 0);
    return 0;
}

static void fork_may_come_at_any_moment(void **state) {
    (void)state;
    pthread_t threads[3];
    const otel_span span = { { 1, 2, 3, 0, 0, 0 } };
    otel_scope scope = otel_span_attach(&span, false);
    atomic_store(&stop, false);
    assert_int_equal(pthread_create(&threads[0], NULL, grow_and_shrink, NULL), 0);
    assert_int_equal(pthread_create(&threads[1], NULL, grow_and_shrink, NULL), 0);
    assert_int_equal(pthread_create(&threads[2], NULL, be_born_and_die, NULL), 0);
    int failed = 0;
    for (int i = 0; i < 100; i++) {
        failed += in_child(go_on_alone, NULL) != 0;
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    otel_scope_close(&scope);
    assert_int_equal(failed, 0);
}

/* With another thread about, nobody's state is taken away. */
static void *install_beside(void *unused) {
    fake_install();
    return unused;
}

static void installing_leaves_living_threads_alone(void **state) {
    (void)state;
    const otel_span span = { { 1, 2, 3, 0, 0, 0 } };
    otel_scope scope = otel_span_attach(&span, false);
    run(install_beside, NULL);
    const otel_span current = otel_context_span(NULL);
    assert_memory_equal(&current, &span, sizeof span);
    otel_scope_close(&scope);
    fake_remove();
}

static void *use_new_state(void *index) { return note_index(index); }

static int make_threads_in_child(void *unused) {
    (void)unused;
    const uint32_t mine = otel__thread_index(otel__thread_self());
    otel__threads_after_fork();
    const uint32_t made = otel__threads_made();
    for (int i = 0; i < 100; i++) {
        pthread_t thread;
        uint32_t index = 0;
        STEP(pthread_create(&thread, NULL, use_new_state, &index) == 0);
        pthread_join(thread, NULL);
        STEP(index != 0 && index != mine);
    }
    STEP(otel__threads_made() == made);
    return 0;
}

static void child_reuses_the_states_of_the_parents_threads(void **state) {
    (void)state;
    assert_int_equal(in_child(make_threads_in_child, NULL), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_without_a_state_share_one), /* first: later, states have been made */
        cmocka_unit_test(each_thread_has_its_own_state),
        cmocka_unit_test(short_threads_reuse_states),
        cmocka_unit_test(threads_at_once_have_different_states),
        cmocka_unit_test(states_are_taken_and_given_back_from_all_sides),
        cmocka_unit_test(busy_is_seen_from_inside_only),
        cmocka_unit_test(calls_after_the_state_is_gone_still_work),
        cmocka_unit_test(child_forgets_threads_that_it_does_not_have),
        cmocka_unit_test(fork_may_come_at_any_moment),
        cmocka_unit_test(installing_leaves_living_threads_alone),
        cmocka_unit_test(child_reuses_the_states_of_the_parents_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
