/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork_test.c - a forked child goes on in its parent's context, exports its own spans and nothing of its parent's,
 * whatever the parent's other threads were doing.
 *
 * ThreadSanitizer cannot follow a process with several threads into a child, so the tests that fork one are skipped
 * under it.
 */
#include "fork_fixture.h"

/* For a child: it has counted nothing yet, ends three spans and sees them exported, and no others. */
static int exports_its_own(void *argument) {
    (void)argument;
    char why[512];
    otel_ledger ledger = { .size = sizeof ledger };
    memset(&seen, 0, sizeof seen);
    otel_sdk_ledger(&ledger);
    STEP(ledger.started == 0 && ledger.ended == 0 && ledger.live == 0);
    STEP(ledger.processors[0].exported == 0 && ledger.processors[0].queued == 0 && ledger.processors[0].in_flight == 0);
    end_spans("the child's", 3);
    STEP(otel_sdk_flush(LONG_MS) == OTEL_OK);
    STEP(atomic_load(&seen.count) == 3);
    STEP(exporter_double_named(&seen, "the child's") == 3);
    otel_sdk_ledger(&ledger);
    STEP(ledger.ended == 3 && ledger.processors[0].exported == 3);
    if (!ledger_balances(&ledger, why, sizeof why)) {
        dprintf(2, "%s\n", why);
        return 1;
    }
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    STEP(atomic_load(&seen.shutdowns) == 1);
    return 0;
}

/* ---- one thread -------------------------------------------------------------------------------------------------- */

static void a_child_exports_its_own_spans_and_the_parent_its(void **state) {
    (void)state;
    skip_under_thread_sanitizer(); /* there is the worker */
    assert_int_equal(start(true, NEVER_MS), OTEL_OK);
    wait_for_worker();
    end_spans("the parent's", 10);
    assert_int_equal(in_child(exports_its_own, NULL), 0);
    end_spans("the parent's", 1);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(seen.count, 11);
    assert_int_equal(exporter_double_named(&seen, "the parent's"), 11);
}

static void a_child_with_a_direct_exporter_too(void **state) {
    (void)state;
    assert_int_equal(start(false, 0), OTEL_OK);
    end_spans("the parent's", 10);
    assert_int_equal(in_child(exports_its_own, NULL), 0);
    end_spans("the parent's", 1);
    assert_int_equal(seen.count, 11);
}

static void a_child_before_any_span_and_before_any_start(void **state) {
    (void)state;
    assert_int_equal(start(true, NEVER_MS), OTEL_OK);
    assert_int_equal(in_child(exports_its_own, NULL), 0);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    exporter_double_reset(&seen);
    end_spans("without an SDK", 1);
    assert_int_equal(start(false, 0), OTEL_OK);
}

static int starts_its_own(void *argument) {
    (void)argument;
    STEP(start(true, NEVER_MS) == OTEL_OK);
    return exports_its_own(NULL);
}

static void a_child_may_start_an_sdk_of_its_own(void **state) {
    (void)state;
    assert_int_equal(in_child(starts_its_own, NULL), 0);
    assert_int_equal(start(false, 0), OTEL_OK);
    end_spans("s", 1);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(in_child(starts_its_own, NULL), 0);
}

static int forks_again(void *argument) {
    STEP(in_child(exports_its_own, NULL) == 0);
    return exports_its_own(argument);
}

static void children_may_have_children(void **state) {
    (void)state;
    assert_int_equal(start(false, 0), OTEL_OK);
    end_spans("s", 2);
    assert_int_equal(in_child(forks_again, NULL), 0);
}

static int stops_at_once(void *argument) {
    (void)argument;
    otel_ledger ledger = { .size = sizeof ledger };
    memset(&seen, 0, sizeof seen);
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    STEP(seen.shutdowns == 1 && seen.destroys == 1);
    otel_sdk_ledger(&ledger);
    STEP(ledger.abandoned == 0); /* the parent's live spans are no business of its */
    return starts_its_own(NULL);
}

static void a_child_may_stop_what_it_inherited(void **state) {
    (void)state;
    skip_under_thread_sanitizer();
    assert_int_equal(start(true, NEVER_MS), OTEL_OK);
    wait_for_worker();
    const otel_span live = otel_span_start(lib, OTEL_START("live"));
    assert_int_equal(in_child(stops_at_once, NULL), 0);
    assert_true(otel_span_recording(&live));
    otel_span_end(&live);
}

static int is_told_of(void *argument) {
    (void)argument;
    STEP(seen.forks_before == 1 && seen.forks_child == 1 && seen.forks_parent == 0);
    return 0;
}

static void exporters_are_told(void **state) {
    (void)state;
    assert_int_equal(start(false, 0), OTEL_OK);
    atomic_store(&seen.rests_after, 3);
    assert_int_equal(in_child(is_told_of, NULL), 0);
    assert_int_equal(seen.rests_asked, 4);
    assert_int_equal(seen.forks_before, 1);
    assert_int_equal(seen.forks_parent, 1);
    assert_int_equal(seen.forks_child, 0);
}

/* ---- spans and contexts ------------------------------------------------------------------------------------------ */

static otel_span parents_span;

static int cannot_touch_the_parents_span(void *argument) {
    (void)argument;
    STEP(!otel_span_recording(&parents_span));
    otel_set(&parents_span, "k", 1);
    otel_span_end(&parents_span);
    STEP(seen.count == 0);
    /* Not even by a span of its own that has the same record. */
    otel_span mine[40];
    for (unsigned i = 0; i < 40; i++)
        mine[i] = otel_span_start(lib, OTEL_START("mine"));
    otel_span_end(&parents_span);
    STEP(seen.count == 0);
    for (unsigned i = 0; i < 40; i++) {
        STEP(otel_span_recording(&mine[i]));
        otel_span_end(&mine[i]);
    }
    STEP(seen.count == 40);
    STEP(exporter_double_named(&seen, "mine") == 40);
    return 0;
}

static void the_parents_spans_are_its_own(void **state) {
    (void)state;
    assert_int_equal(start(false, 0), OTEL_OK);
    parents_span = otel_span_start(lib, OTEL_START("the parent's"));
    assert_int_equal(in_child(cannot_touch_the_parents_span, NULL), 0);
    assert_true(otel_span_recording(&parents_span));
    otel_span_end(&parents_span);
    assert_int_equal(seen.count, 1);
}

static int goes_on_in_the_context(void *argument) {
    (void)argument;
    char parent[33], child[33];
    uint8_t parent_id[8];
    const otel_span current = otel_context_span(NULL);
    STEP(memcmp(&current, &parents_span, sizeof current) == 0);
    seen.copies = true;
    {
        OTEL_SPAN(span, lib, "the child's");
        otel_span_hex(&span, child, NULL);
        otel_span_hex(&parents_span, parent, NULL);
        STEP(strcmp(child, parent) == 0);
    }
    otel_span_id(&parents_span, parent_id);
    STEP(seen.count == 1 && memcmp(seen.copy[0]->parent_id, parent_id, 8) == 0);
    STEP(strcmp(seen.copy[0]->tracestate, "a=1") == 0);
    return 0;
}

static void the_child_goes_on_in_its_parents_context(void **state) {
    (void)state;
    assert_int_equal(start(false, 0), OTEL_OK);
    otel_tracestate tracestate = otel_tracestate_parse(otel_cstr("a=1"));
    const otel_span_context far = {
        .size = sizeof far, .trace_id = { 9 }, .span_id = { 8 }, .flags = 1, .remote = true, .tracestate = &tracestate
    };
    const otel_span remote = otel_span_wrap(&far);
    otel_context context = otel_context_with_span(NULL, &remote);
    {
        OTEL_SPAN(span, lib, "the parent's", .parent = &context);
        parents_span = span;
        assert_int_equal(in_child(goes_on_in_the_context, NULL), 0);
    }
    otel_context_release(&context);
    otel_tracestate_release(&tracestate);
    assert_int_equal(seen.count, 1);
}

static int sends_an_id(void *argument) {
    uint8_t id[24];
    const otel_span span = otel_span_start(lib, OTEL_START("s", .root = true));
    otel_span_trace_id(&span, id);
    otel_span_id(&span, id + 16);
    STEP(write(*(int *)argument, id, sizeof id) == (ssize_t)sizeof id);
    return 0;
}

static void ids_differ_between_parent_and_children(void **state) {
    (void)state;
    enum { CHILDREN = 20 };
    uint8_t ids[CHILDREN + 1][24];
    int ends[2];
    assert_int_equal(start(false, 0), OTEL_OK);
    assert_int_equal(pipe(ends), 0);
    end_spans("s", 3);
    for (unsigned i = 0; i < CHILDREN; i++) {
        assert_int_equal(in_child(sends_an_id, &ends[1]), 0);
        assert_int_equal(read(ends[0], ids[i], sizeof ids[i]), sizeof ids[i]);
    }
    assert_int_equal(sends_an_id(&ends[1]), 0);
    assert_int_equal(read(ends[0], ids[CHILDREN], sizeof ids[CHILDREN]), sizeof ids[CHILDREN]);
    for (unsigned i = 0; i <= CHILDREN; i++)
        for (unsigned j = 0; j < i; j++) {
            assert_memory_not_equal(ids[i], ids[j], 16);
            assert_memory_not_equal(ids[i] + 16, ids[j] + 16, 8);
        }
    close(ends[0]);
    close(ends[1]);
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

static _Atomic bool over;
static _Atomic unsigned begun;

static void breathe(void) { nanosleep(&(struct timespec){ .tv_nsec = 20000 }, NULL); }

static void *record_for_ever(void *data) {
    (void)data;
    atomic_fetch_add(&begun, 1);
    for (unsigned i = 0; !atomic_load(&over); i++) {
        OTEL_SPAN(outer, lib, "the parent's");
        otel_set(&outer, "key", "a value of some length, so that a block is needed now and then");
        {
            OTEL_SPAN(inner, lib, "the parent's");
            for (unsigned e = 0; e < i % 20; e++)
                otel_event(&inner, "event",
                           .attributes = OTEL_ATTRS(OTEL_ATTR("n", e), OTEL_ATTR("text", "some text")));
        }
        if (i % 16 == 0)
            breathe();
    }
    return NULL;
}

static void run_while(void *(*activity)(void *), unsigned count, unsigned forks, int (*child)(void *argument)) {
    pthread_t threads[THREADS];
    atomic_store(&over, false);
    atomic_store(&begun, 0);
    for (unsigned i = 0; i < count; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, activity, NULL), 0);
    assert_soon(atomic_load(&begun) == count);
    int outcome = 0;
    for (unsigned i = 0; i < forks && outcome == 0; i++)
        outcome = in_child(child, NULL);
    atomic_store(&over, true);
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(outcome, 0);
}

static void forks_under_load_with_a_worker(void **state) {
    (void)state;
    skip_under_thread_sanitizer();
    assert_int_equal(start(true, 1), OTEL_OK);
    wait_for_worker();
    run_while(record_for_ever, THREADS, FORKS, exports_its_own);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(exporter_double_named(&seen, "the child's"), 0);
    assert_int_equal(seen.forks_before, FORKS);
    assert_int_equal(seen.forks_parent, FORKS);
}

static void forks_under_load_with_direct_exports(void **state) {
    (void)state;
    skip_under_thread_sanitizer();
    assert_int_equal(start(false, 0), OTEL_OK);
    run_while(record_for_ever, THREADS, FORKS, exports_its_own);
}

static otel_tracer tracers[TRACERS];
static char names[TRACERS][8];

/* Many scopes, so that making and freeing them takes a good part of the time. */
static void *start_and_stop_for_ever(void *data) {
    (void)data;
    atomic_fetch_add(&begun, 1);
    while (!atomic_load(&over)) {
        if (start(true, 1) != OTEL_OK)
            continue;
        for (unsigned i = 0; i < TRACERS; i++) {
            const otel_span span = otel_span_start(&tracers[i], OTEL_START("the parent's"));
            otel_span_end(&span);
        }
        otel_sdk_stop(LONG_MS);
        breathe();
    }
    return NULL;
}

static int uses_an_sdk_whatever_the_parent_did(void *argument) {
    (void)argument;
    char why[512];
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_stop(LONG_MS);
    memset(&seen, 0, sizeof seen);
    STEP(start(true, NEVER_MS) == OTEL_OK);
    for (unsigned i = 0; i < TRACERS; i++) {
        const otel_span span = otel_span_start(&tracers[i], OTEL_START("the child's"));
        STEP(otel_span_recording(&span));
        otel_span_end(&span);
    }
    STEP(otel_sdk_flush(LONG_MS) == OTEL_OK);
    STEP(exporter_double_named(&seen, "the child's") == TRACERS);
    otel_sdk_ledger(&ledger);
    STEP(ledger_balances(&ledger, why, sizeof why) && ledger.ended == TRACERS);
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    return 0;
}

static void forks_during_starts_and_stops(void **state) {
    (void)state;
    skip_under_thread_sanitizer();
    SKIP_IF(UNDER_ASAN, "a child inherits AddressSanitizer's own locks from threads that allocate");
    for (unsigned i = 0; i < TRACERS; i++) {
        snprintf(names[i], sizeof names[i], "t%u", i);
        tracers[i].name = names[i];
    }
    run_while(start_and_stop_for_ever, 1, FORKS, uses_an_sdk_whatever_the_parent_did);
}

static void *read_ledgers_for_ever(void *data) {
    (void)data;
    atomic_fetch_add(&begun, 1);
    while (!atomic_load(&over)) {
        otel_ledger ledger = { .size = sizeof ledger };
        otel_sdk_ledger(&ledger);
    }
    return NULL;
}

static int reads_the_ledger(void *argument) {
    (void)argument;
    otel_ledger ledger = { .size = sizeof ledger };
    alarm(10);
    otel_sdk_ledger(&ledger);
    return 0;
}

static void forks_while_the_last_ledger_is_read(void **state) {
    (void)state;
    skip_under_thread_sanitizer();
    assert_int_equal(start(false, 0), OTEL_OK);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    run_while(read_ledgers_for_ever, 2, FORKS, reads_the_ledger);
}

/* ---- a worker that is busy --------------------------------------------------------------------------------------- */

static void forks_while_the_exporter_hangs(void **state) {
    (void)state;
    skip_under_thread_sanitizer();
    assert_int_equal(start(true, 1), OTEL_OK);
    atomic_store(&seen.hold, HOLD_EXPORT);
    end_spans("the parent's", 5);
    assert_soon(atomic_load(&seen.held) == 1);
    assert_int_equal(in_child(exports_its_own, NULL), 0);
    assert_int_equal(seen.count, 5);
}

static void *flush_in_thread(void *data) {
    *(_Atomic int *)data = (int)otel_sdk_flush(LONG_MS);
    return NULL;
}

/* The child has no part in the flushes of its parent. */
static void forks_during_a_flush(void **state) {
    (void)state;
    static _Atomic int result;
    pthread_t thread;
    skip_under_thread_sanitizer();
    assert_int_equal(start(true, 1), OTEL_OK);
    atomic_store(&seen.hold, HOLD_FLUSH);
    end_spans("the parent's", 1);
    assert_int_equal(pthread_create(&thread, NULL, flush_in_thread, (void *)&result), 0);
    assert_soon(atomic_load(&seen.held) == 1);
    assert_int_equal(in_child(stops_at_once, NULL), 0);
    atomic_store(&seen.hold, 0);
    pthread_join(thread, NULL);
    assert_int_equal(result, OTEL_OK);
}

/*
 * The worker is growing its view of a batch: the old memory is gone, and the new not yet noted, when the child comes
 * into being. The view that the child makes must not be written where something else is by then. In a process with a
 * single heap, so that the child gets the memory that is gone; it is more than threads keep for themselves.
 */
enum { SOME_ATTRIBUTES = 40, MANY_ATTRIBUTES = 120, BLOCKS = 64, BLOCK_SIZE = 3000 };

static _Atomic int growing; /* 0: not yet, 1: the worker waits in realloc(), 2: it may go on */
static pthread_t main_thread;

static void wait_in_realloc(void) {
    int not_yet = 0;
    if (pthread_equal(pthread_self(), main_thread) || !atomic_compare_exchange_strong(&growing, &not_yet, 1))
        return;
    for (unsigned times = 0; atomic_load(&growing) != 2 && wait_a_little(&times);) {}
}

static void end_large_span(unsigned attributes) {
    const otel_span span = otel_span_start(lib, OTEL_START("large"));
    for (unsigned i = 0; i < attributes; i++) {
        char key[16];
        snprintf(key, sizeof key, "k%u", i);
        otel_set(&span, key, i);
    }
    otel_span_end(&span);
}

static int exports_large_spans(void *argument) {
    (void)argument;
    unsigned char *blocks[BLOCKS];
    failing_allocator_after_realloc(NULL);
    memset(&seen, 0, sizeof seen);
    for (unsigned i = 0; i < BLOCKS; i++) {
        blocks[i] = malloc(BLOCK_SIZE);
        memset(blocks[i], 0x5a, BLOCK_SIZE);
    }
    end_large_span(SOME_ATTRIBUTES);
    end_large_span(MANY_ATTRIBUTES);
    STEP(otel_sdk_flush(LONG_MS) == OTEL_OK);
    STEP(atomic_load(&seen.count) == 2);
    for (unsigned i = 0; i < BLOCKS; i++)
        for (unsigned b = 0; b < BLOCK_SIZE; b++)
            STEP(blocks[i][b] == 0x5a);
    return 0;
}

static int forks_while_growing(void *argument) {
    (void)argument;
    mallopt(M_ARENA_MAX, 1);
    main_thread = pthread_self();
    STEP(start(true, 1) == OTEL_OK);
    end_large_span(SOME_ATTRIBUTES);
    STEP(otel_sdk_flush(LONG_MS) == OTEL_OK);
    /* Behind the view, which therefore cannot grow where it is. */
    static void *behind[BLOCKS];
    for (unsigned i = 0; i < BLOCKS; i++)
        behind[i] = malloc(2000);
    failing_allocator_after_realloc(wait_in_realloc);
    end_large_span(MANY_ATTRIBUTES);
    WAIT_UNTIL(atomic_load(&growing) == 1);
    STEP(atomic_load(&growing) == 1);
    const int result = in_child(exports_large_spans, NULL);
    atomic_store(&growing, 2);
    for (unsigned i = 0; i < BLOCKS; i++)
        free(behind[i]);
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    return result;
}

static int outcome_of_growing;

static void forks_while_the_worker_grows_its_view(void **state) {
    (void)state;
    skip_under_thread_sanitizer();
    SKIP_IF(!failing_allocator_works(), "realloc() cannot be watched here");
    assert_int_equal(outcome_of_growing, 0);
}

/* ---- kernels that cannot wipe ------------------------------------------------------------------------------------ */

/* madvise() of this program, which is an old kernel's while this is set. */
static bool old_kernel;

int madvise(void *start_of_range, size_t size, int advice) {
    enum { WIPE_ON_FORK = 18 };
    if (old_kernel && advice == WIPE_ON_FORK) {
        errno = EINVAL;
        return -1;
    }
    return (int)syscall(SYS_madvise, start_of_range, size, advice);
}

static int outcome_on_an_old_kernel;

static int forks_on_an_old_kernel(void *argument) {
    (void)argument;
    old_kernel = true;
    STEP(start(false, 0) == OTEL_OK);
    parents_span = otel_span_start(lib, OTEL_START("the parent's"));
    STEP(in_child(cannot_touch_the_parents_span, NULL) == 0);
    end_spans("the parent's", 3);
    STEP(in_child(exports_its_own, NULL) == 0);
    STEP(seen.count == 3);
    STEP(otel_span_recording(&parents_span));
    otel_span_end(&parents_span);
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    return 0;
}

/* Before this process has reserved or started anything. */
static int run_in_fresh_processes(void **state) {
    (void)state;
    outcome_on_an_old_kernel = in_child(forks_on_an_old_kernel, NULL);
    if (failing_allocator_works())
        outcome_of_growing = in_child(forks_while_growing, NULL);
    return 0;
}

static void what_the_kernel_cannot_wipe_the_child_does(void **state) {
    (void)state;
    assert_int_equal(outcome_on_an_old_kernel, 0);
}

#define test(name) cmocka_unit_test_teardown(name, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(what_the_kernel_cannot_wipe_the_child_does),
        test(a_child_exports_its_own_spans_and_the_parent_its),
        test(a_child_with_a_direct_exporter_too),
        test(a_child_before_any_span_and_before_any_start),
        test(a_child_may_start_an_sdk_of_its_own),
        test(children_may_have_children),
        test(a_child_may_stop_what_it_inherited),
        test(exporters_are_told),
        test(the_parents_spans_are_its_own),
        test(the_child_goes_on_in_its_parents_context),
        test(ids_differ_between_parent_and_children),
        test(forks_under_load_with_a_worker),
        test(forks_under_load_with_direct_exports),
        test(forks_during_starts_and_stops),
        test(forks_while_the_last_ledger_is_read),
        test(forks_while_the_exporter_hangs),
        test(forks_during_a_flush),
        test(forks_while_the_worker_grows_its_view),
    };
    return cmocka_run_group_tests(tests, run_in_fresh_processes, NULL);
}
