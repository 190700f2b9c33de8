/* SPDX-License-Identifier: Apache-2.0 */
/* backend_test.c - publishing an SDK's table, waiting for calls inside it, and signals that interrupt them. */
#include "fake_backend.h"
#include "in_child.h"
#include "thread.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <cmocka.h>

OTEL_TRACER(tracer, "backend_test");

static otel_span start(void) { return otel_span_start(tracer, OTEL_START("span")); }

/* ---- publishing ------------------------------------------------------------------------------------------------- */

static void only_one_table_is_published(void **state) {
    (void)state;
    fake_install();
    assert_false(otel__backend_install(&fake_table));
    fake_remove();
    fake_remove();
    assert_true(otel__backend_install(&fake_table));
    fake_remove();
}

static void another_version_is_refused(void **state) {
    (void)state;
    struct otel__backend other = fake_table;
    other.version = OTEL__BACKEND_VERSION + 1;
    assert_false(otel__backend_install(&other));
    other = fake_table;
    other.size = sizeof other - 1;
    assert_false(otel__backend_install(&other));
    assert_false(otel__backend_install(NULL));
    fake_install();
    fake_remove();
}

static void calls_reach_the_table_only_while_it_is_published(void **state) {
    (void)state;
    fake_install();
    const otel_span span = start();
    assert_true(otel_span_recording(&span));
    fake_remove();
    fake.closed = true;
    otel_set(&span, "key", 1);
    otel_span_end(&span);
    assert_false(otel_span_recording(&span));
    const otel_span after = start();
    assert_false(otel_span_recording(&after));
    assert_int_equal(fake.calls_when_closed, 0);
}

/* ---- waiting ---------------------------------------------------------------------------------------------------- */

static sem_t inside, leave;

static void stay_inside(enum fake_call call, struct otel__thread *thread) {
    (void)thread;
    if (call == FAKE_SET) {
        sem_post(&inside);
        sem_wait(&leave);
    }
}

static void stay_in_callback(enum fake_call call, struct otel__thread *thread) {
    if (call == FAKE_SET) {
        const uint32_t saved = otel__callback_begin(thread);
        sem_post(&inside);
        sem_wait(&leave);
        otel__callback_end(thread, saved);
    }
}

static void *set_once(void *span) {
    otel_set((const otel_span *)span, "key", 1);
    return NULL;
}

static void remove_waits_while(void (*hook)(enum fake_call call, struct otel__thread *thread)) {
    pthread_t thread;
    fake_install();
    otel_span span = start();
    fake.hook = hook;
    sem_init(&inside, 0, 0);
    sem_init(&leave, 0, 0);
    assert_int_equal(pthread_create(&thread, NULL, set_once, &span), 0);
    sem_wait(&inside);
    errno = 77;
    assert_false(otel__backend_remove(fake_deadline(20u * 1000 * 1000)));
    assert_false(otel__backend_remove(0));
    assert_int_equal(errno, 77);
    sem_post(&leave);
    fake_remove();
    pthread_join(thread, NULL);
}

static void remove_waits_for_calls_inside(void **state) {
    (void)state;
    remove_waits_while(stay_inside);
}

static void remove_waits_for_callbacks(void **state) {
    (void)state;
    remove_waits_while(stay_in_callback);
}

static void stay_muted(enum fake_call call, struct otel__thread *thread) {
    if (call == FAKE_SET) {
        const uint32_t saved = otel__thread_mute(thread);
        sem_post(&inside);
        sem_wait(&leave);
        otel__thread_unmute(thread, saved);
    }
}

/* Muted or not, it will come back into the table. */
static void remove_waits_for_calls_that_are_muted(void **state) {
    (void)state;
    remove_waits_while(stay_muted);
}

static void *stay_muted_outside(void *unused) {
    (void)unused;
    struct otel__thread *thread = otel__thread_self();
    const uint32_t saved = otel__thread_mute(thread);
    const otel_span ignored = start();
    sem_post(&inside);
    sem_wait(&leave);
    otel__thread_unmute(thread, saved);
    const otel_span heard = start();
    return otel_span_valid(&ignored) || !otel_span_valid(&heard) ? thread : NULL;
}

static void muted_threads_are_ignored_and_not_waited_for(void **state) {
    (void)state;
    pthread_t thread;
    void *failed;
    fake_install();
    sem_init(&inside, 0, 0);
    sem_init(&leave, 0, 0);
    assert_int_equal(pthread_create(&thread, NULL, stay_muted_outside, NULL), 0);
    sem_wait(&inside);
    assert_int_equal(fake.calls[FAKE_START], 0);
    assert_true(otel__backend_remove(0));
    assert_true(otel__backend_install(&fake_table));
    sem_post(&leave);
    pthread_join(thread, &failed);
    assert_null(failed);
    fake_remove();
}

static bool removed;
static void remove_in_callback(enum fake_call call, struct otel__thread *thread) {
    if (call == FAKE_SET) {
        const uint32_t saved = otel__callback_begin(thread);
        removed = otel__backend_remove(fake_deadline(0));
        otel__callback_end(thread, saved);
    }
}

static void remove_does_not_wait_for_itself(void **state) {
    (void)state;
    fake_install();
    const otel_span span = start();
    fake.hook = remove_in_callback;
    otel_set(&span, "key", 1);
    assert_true(removed);
    fake_remove();
}

static _Atomic bool stop;
static void *call_all_the_time(void *span) {
    while (!atomic_load(&stop)) {
        otel_set((const otel_span *)span, "key", 1);
        otel_span_set_name(span, "name");
    }
    return NULL;
}

/* Part of a test, in a child as well: nobody is inside once remove has said so. */
static int install_and_remove_under_load(void *unused) {
    (void)unused;
    pthread_t threads[3];
    otel_span span = { { 1, 2, 3, 1, 5, 0 } };
    atomic_store(&stop, false);
    for (int i = 0; i < 3; i++) {
        STEP(pthread_create(&threads[i], NULL, call_all_the_time, &span) == 0);
    }
    for (int i = 0; i < 60; i++) {
        atomic_store(&fake.closed, false);
        STEP(otel__backend_install(&fake_table));
        const unsigned calls = fake.calls[FAKE_SET];
        while (fake.calls[FAKE_SET] == calls) {
            sched_yield();
        }
        STEP(otel__backend_remove(fake_deadline(10u * 1000000000u)));
        atomic_store(&fake.closed, true);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    STEP(fake.calls_when_closed == 0);
    return 0;
}

static void nobody_is_inside_after_remove(void **state) {
    (void)state;
    fake_install();
    fake_remove();
    assert_int_equal(install_and_remove_under_load(NULL), 0);
}

/* ---- without membarrier() --------------------------------------------------------------------------------------- */

static bool forbid_membarrier(void) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

static int never_allowed(void *unused) {
    STEP(forbid_membarrier());
    STEP(install_and_remove_under_load(unused) == 0);
    STEP(atomic_load(&otel__published.fence));
    return 0;
}

static int refused_later(void *unused) {
    (void)unused;
    STEP(otel__backend_install(&fake_table));
    STEP(!atomic_load(&otel__published.fence));
    STEP(forbid_membarrier());
    STEP(otel__backend_remove(fake_deadline(10u * 1000000000u)));
    return 0;
}

static void threads_fence_where_membarrier_is_missing(void **state) {
    (void)state;
    assert_int_equal(in_child(never_allowed, NULL), 0);
}

static void membarrier_may_be_refused_later(void **state) {
    (void)state;
    assert_int_equal(in_child(refused_later, NULL), 0);
}

/* ---- signals ---------------------------------------------------------------------------------------------------- */

static otel_span handled;
static volatile sig_atomic_t handler_attached;
static otel_scope open_scope; /* opened by the thread that is interrupted */

static void handler(int number) {
    (void)number;
    handled = start();
    otel_scope scope = otel_context_attach(NULL);
    handler_attached = scope.opaque_[0] != 0;
    otel_scope_close(&scope);
    otel_scope_close(&open_scope);
    otel_span_set_name((otel_span[]){ { { 1, 2, 3, 1, 5, 0 } } }, "from handler");
}

static void raise_inside(enum fake_call call, struct otel__thread *thread) {
    (void)thread;
    if (call == FAKE_SET) {
        raise(SIGUSR1);
    }
}

static void raise_in_callback(enum fake_call call, struct otel__thread *thread) {
    if (call == FAKE_SET) {
        const uint32_t saved = otel__callback_begin(thread);
        raise(SIGUSR1);
        otel__callback_end(thread, saved);
    }
}

static bool still_open;

static void interrupt(void (*hook)(enum fake_call call, struct otel__thread *thread)) {
    const struct sigaction action = { .sa_handler = handler };
    struct sigaction former;
    sigaction(SIGUSR1, &action, &former);
    fake_install();
    const otel_span span = start();
    open_scope = otel_span_attach(&span, false);
    fake.hook = hook;
    otel_set(&span, "key", 1);
    const otel_span current = otel_context_span(NULL);
    still_open = otel_span_valid(&current);
    otel_scope_close(&open_scope);
    sigaction(SIGUSR1, &former, NULL);
    fake_remove();
}

static void calls_from_a_handler_that_interrupted_us_are_ignored(void **state) {
    (void)state;
    const uint64_t before = otel__interrupted_calls();
    interrupt(raise_inside);
    assert_int_equal(fake.calls[FAKE_START], 1);
    assert_int_equal(fake.calls[FAKE_NAME], 0);
    assert_false(otel_span_valid(&handled));
    assert_false(handler_attached);
    assert_true(still_open);
    assert_int_equal(otel__interrupted_calls(), before + 4);
    assert_false(otel__thread_busy());
}

static void calls_from_callbacks_are_heard(void **state) {
    (void)state;
    const uint64_t before = otel__interrupted_calls();
    interrupt(raise_in_callback);
    assert_int_equal(fake.calls[FAKE_START], 2);
    assert_int_equal(fake.calls[FAKE_NAME], 1);
    assert_true(otel_span_valid(&handled));
    assert_true(handler_attached);
    assert_false(still_open);
    assert_int_equal(otel__interrupted_calls(), before);
    assert_false(otel__thread_busy());
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_fence_where_membarrier_is_missing), /* in children that start with no thread beside */
        cmocka_unit_test(membarrier_may_be_refused_later),
        cmocka_unit_test(only_one_table_is_published),
        cmocka_unit_test(another_version_is_refused),
        cmocka_unit_test(calls_reach_the_table_only_while_it_is_published),
        cmocka_unit_test(remove_waits_for_calls_inside),
        cmocka_unit_test(remove_waits_for_callbacks),
        cmocka_unit_test(remove_waits_for_calls_that_are_muted),
        cmocka_unit_test(muted_threads_are_ignored_and_not_waited_for),
        cmocka_unit_test(remove_does_not_wait_for_itself),
        cmocka_unit_test(nobody_is_inside_after_remove),
        cmocka_unit_test(calls_from_a_handler_that_interrupted_us_are_ignored),
        cmocka_unit_test(calls_from_callbacks_are_heard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
