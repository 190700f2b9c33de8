/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork_export_test.c - forks at moments that a load does not meet for sure: in the middle of an export that hangs, and
 * inside of libcurl; and what a child's spans are to its parent's, as a collector sees it.
 */
#include "tracing.h"

#include "base/clock.h"
#include "in_child.h"
#include "sanitizers.h"
#include "span_assert.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

enum { QUEUE = 2048, SPANS = 3, GATE_MS = 50, GATE_LATE_MS = 100, MANY = OTEL_MAX_PROCESSORS };

OTEL_TRACER(lib, "guarantees.fork");

static struct collector collector;
static pid_t parent;

static void pause_ms(long ms) { nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000 }, NULL); }

/* ---- the parent's worker inside of libcurl ----------------------------------------------------------------------- */

static struct {
    _Atomic long takes_ms; /* what each send() of the worker takes */
    _Atomic int inside;
    _Atomic unsigned begun;
} sending;

/* libcurl's send(), found here first. */
__attribute__((visibility("default"))) ssize_t send(int fd, const void *data, size_t len, int flags) {
    const long takes = getpid() == parent ? atomic_load(&sending.takes_ms) : 0;
    atomic_fetch_add(&sending.inside, 1);
    atomic_fetch_add(&sending.begun, 1);
    for (long slept = 0; slept < takes && atomic_load(&sending.takes_ms) > 0; slept++)
        pause_ms(1);
    const ssize_t sent = syscall(SYS_sendto, fd, data, len, flags, NULL, 0);
    atomic_fetch_sub(&sending.inside, 1);
    return sent;
}

/* Around the SDK's own handler: the first is called before it, the second after it. */
static uint64_t handler_began, handler_took;
static unsigned inside_at_fork;

static void before_the_sdk(void) { handler_began = otel__clock_monotonic(); }

static void after_the_sdk(void) {
    handler_took = otel__clock_monotonic() - handler_began;
    inside_at_fork += atomic_load(&sending.inside) != 0 && handler_took < GATE_MS * OTEL__MILLISECOND;
}

/* ---- children ---------------------------------------------------------------------------------------------------- */

static int export_own(void) {
    alarm(PATIENCE_S / 2);
    for (unsigned i = 0; i < SPANS; i++)
        record("child");
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    STEP(all_exported(SPANS));
    return 0;
}

static void fork_and_wait(int (*life)(void)) {
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0)
        _exit(life());
    assert_true(child > 0);
    assert_int_equal(outcome_of(child), 0);
}

/* Of this process and the last SDK: these spans were exported, and the collector has each of them once. */
static void check_counts(uint64_t own, uint64_t of_children) {
    otel_ledger ledger;
    json_t *counts = collector_stop(&collector);
    assert_ledger(&ledger);
    assert_int_equal(ledger.processors[0].exported, own);
    assert_int_equal(ledger.ended, own);
    assert_int_equal(count_from(counts, parent), own);
    assert_int_equal(count_of(counts, "spans"), own + of_children);
    assert_int_equal(count_of(counts, "duplicates"), 0);
    json_decref(counts);
}

static void start(void) {
    static bool registered;
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    collector_start(&collector, NULL);
    assert_int_equal(tracing_start(collector.endpoint, QUEUE), OTEL_OK);
    if (!registered)
        assert_int_equal(pthread_atfork(before_the_sdk, NULL, NULL), 0);
    registered = true;
    record("parent");
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
}

/* ---- exports that hang ------------------------------------------------------------------------------------------- */

static void wait_for_count(const char *what, uint64_t count) {
    for (unsigned i = 0; i < PATIENCE_S * 1000 && collector_count(&collector, what) != count; i++)
        pause_ms(1);
    assert_int_equal(collector_count(&collector, what), count);
}

static void children_of_a_process_whose_export_hangs_export_their_own(void **state) {
    (void)state;
    enum { CHILDREN = 50 };
    start();
    json_decref(collector_tell(&collector, "hold 1"));
    record("parent");
    wait_for_count("held", 1);
    for (unsigned i = 0; i < CHILDREN; i++)
        fork_and_wait(export_own);
    assert_int_equal(collector_count(&collector, "held"), 1);
    json_decref(collector_tell(&collector, "release"));
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    check_counts(2, CHILDREN * SPANS);
}

static void libcurl_is_at_rest_when_a_process_forks(void **state) {
    (void)state;
    enum { CHILDREN = 50 };
    unsigned met = 0;
    start();
    atomic_store(&sending.takes_ms, 4);
    inside_at_fork = 0;
    for (unsigned i = 0; i < CHILDREN; i++) {
        const unsigned begun = atomic_load(&sending.begun);
        record("parent");
        while (atomic_load(&sending.begun) == begun)
            pause_ms(1);
        met += atomic_load(&sending.inside) != 0;
        fork_and_wait(export_own);
    }
    atomic_store(&sending.takes_ms, 0);
    assert_int_equal(inside_at_fork, 0);
    assert_true(met > 0);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    check_counts(1 + CHILDREN, CHILDREN * SPANS);
    print_message("measured: of %u forks, %u began while libcurl was sending and none happened then\n", CHILDREN, met);
}

/* In ms, while libcurl is sending and does not come back. */
static double wait_of_a_fork(void) {
    const unsigned begun = atomic_load(&sending.begun);
    atomic_store(&sending.takes_ms, PATIENCE_S * 1000);
    record("parent");
    while (atomic_load(&sending.begun) == begun)
        pause_ms(1);
    fork_and_wait(export_own);
    const double waited = (double)handler_took / (double)OTEL__MILLISECOND;
    assert_int_equal(atomic_load(&sending.inside), 1);
    atomic_store(&sending.takes_ms, 0);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    return waited;
}

/* There may be little time for this process: one fork of nine must be punctual, and none may be early. */
static void a_fork_waits_50_ms_for_libcurl_and_no_longer(void **state) {
    (void)state;
    enum { FORKS_MOST = 9 };
    unsigned forks = 0;
    double shortest = PATIENCE_S * 1000;
    start();
    while (forks < FORKS_MOST && shortest >= GATE_LATE_MS) {
        const double waited = wait_of_a_fork();
        assert_true(waited >= GATE_MS);
        shortest = waited < shortest ? waited : shortest;
        forks++;
    }
    print_message("measured: a fork waited %.1f ms for a libcurl that does not come back, the shortest time of %u\n",
                  shortest, forks);
    assert_true(shortest < GATE_LATE_MS);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    check_counts(1 + forks, forks * SPANS);
}

static void start_many(void) {
    otel_processor *processors[MANY];
    const otel_otlp_options options = { .size = sizeof options, .endpoint = collector.endpoint };
    const otel_batch_options batch = { .size = sizeof batch, .schedule_delay_ms = 1 };
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    for (unsigned i = 0; i < MANY; i++)
        processors[i] = otel_batch_processor(&batch, otel_otlp_exporter(&options));
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(),
                                             .log_level = OTEL_LOG_WARN, .processors = { processors, MANY })),
                     OTEL_OK);
}

/* All are told first, and then waited for together. */
static void a_fork_waits_for_many_exporters_as_long_as_for_one(void **state) {
    (void)state;
    start();
    start_many();
    atomic_store(&sending.takes_ms, PATIENCE_S * 1000);
    record("parent");
    while (atomic_load(&sending.inside) != MANY)
        pause_ms(1);
    fflush(NULL);
    const pid_t child = fork();
    if (child == 0)
        _exit(0);
    const double waited = (double)handler_took / (double)OTEL__MILLISECOND;
    assert_int_equal(atomic_load(&sending.inside), MANY);
    atomic_store(&sending.takes_ms, 0);
    assert_int_equal(outcome_of(child), 0);
    assert_true(waited >= GATE_MS && waited < MANY * GATE_MS); /* there may be little time for this process */
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    print_message("measured: a fork waited %.1f ms for %d exporters inside of libcurl\n", waited, (int)MANY);
}

/* ---- contexts and inherited spans -------------------------------------------------------------------------------- */

/* What the collector will list. */
static void mark(const otel_span *span) {
    otel_set(span, "process.pid", (int64_t)getpid());
    otel_set(span, "test.keep", otel_bool(true));
}

static int go_on_in_the_context(void) {
    alarm(PATIENCE_S / 2);
    {
        OTEL_SPAN(span, lib, "child");
        mark(&span);
        const pid_t grandchild = fork();
        if (grandchild == 0) {
            {
                OTEL_SPAN(below, lib, "grandchild");
                mark(&below);
            }
            STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
            _exit(!all_exported(1));
        }
        STEP(outcome_of(grandchild) == 0);
    }
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    return !all_exported(1);
}

/* The fork happens in a scope of a thread that is not the first. */
static void *fork_in_a_scope(void *result) {
    OTEL_SPAN(span, lib, "parent");
    mark(&span);
    const pid_t child = fork();
    if (child == 0)
        _exit(go_on_in_the_context());
    *(int *)result = child > 0 ? outcome_of(child) : -1;
    return NULL;
}

static const char *kept(const json_t *counts, const char *name, const char *what) {
    size_t i;
    json_t *span;
    json_array_foreach(json_object_get(counts, "kept"), i,
                       span) if (strcmp(json_string_value(json_object_get(span, "name")), name) ==
                                 0) return json_string_value(json_object_get(span, what));
    fail_msg("the collector has no span %s", name);
    return NULL;
}

static void the_span_around_a_fork_is_the_parent_of_what_the_child_does(void **state) {
    (void)state;
    pthread_t thread;
    int outcome = -1;
    start();
    fflush(NULL);
    assert_int_equal(pthread_create(&thread, NULL, fork_in_a_scope, &outcome), 0);
    pthread_join(thread, NULL);
    assert_int_equal(outcome, 0);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    json_t *counts = collector_stop(&collector);
    assert_string_equal(kept(counts, "parent", "parent"), "");
    assert_string_equal(kept(counts, "child", "parent"), kept(counts, "parent", "id"));
    assert_string_equal(kept(counts, "grandchild", "parent"), kept(counts, "child", "id"));
    assert_string_equal(kept(counts, "child", "trace"), kept(counts, "parent", "trace"));
    assert_string_equal(kept(counts, "grandchild", "trace"), kept(counts, "parent", "trace"));
    assert_int_equal(count_of(counts, "processes"), 3);
    assert_int_equal(count_of(counts, "spans"), 4);
    json_decref(counts);
}

static otel_span inherited;

/* The child's own span may lie where the inherited one does, and is not ended by that one's end. */
static int end_the_inherited_span(void) {
    alarm(PATIENCE_S / 2);
    STEP(!otel_span_recording(&inherited));
    otel_span own[SPANS];
    for (unsigned i = 0; i < SPANS; i++)
        own[i] = otel_span_start(lib, OTEL_START("child"));
    mark(&inherited);
    otel_span_end(&inherited);
    for (unsigned i = 0; i < SPANS; i++) {
        STEP(otel_span_recording(&own[i]));
        otel_span_end(&own[i]);
    }
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    return !all_exported(SPANS);
}

static void a_child_cannot_end_its_parents_span(void **state) {
    (void)state;
    start();
    inherited = otel_span_start(lib, OTEL_START("inherited"));
    fork_and_wait(end_the_inherited_span);
    assert_true(otel_span_recording(&inherited));
    mark(&inherited);
    otel_span_end(&inherited);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    check_counts(2, SPANS);
}

static int set_up(void **state) {
    (void)state;
    setenv("no_proxy", "127.0.0.1", 1);
    parent = getpid();
    return pthread_atfork(after_the_sdk, NULL, NULL);
}

static int clean_up(void **state) {
    (void)state;
    atomic_store(&sending.takes_ms, 0);
    otel_sdk_stop(LONG_MS);
    json_decref(collector_stop(&collector));
    return 0;
}

#define test(name) cmocka_unit_test_teardown(name, clean_up)

int main(void) {
    const struct CMUnitTest tests[] = {
        /* First: a child that counted its spans from 1 again would then come upon the numbers of its parent's. */
        test(a_child_cannot_end_its_parents_span),
        test(children_of_a_process_whose_export_hangs_export_their_own),
        test(libcurl_is_at_rest_when_a_process_forks),
        test(a_fork_waits_50_ms_for_libcurl_and_no_longer),
        test(a_fork_waits_for_many_exporters_as_long_as_for_one),
        test(the_span_around_a_fork_is_the_parent_of_what_the_child_does),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
