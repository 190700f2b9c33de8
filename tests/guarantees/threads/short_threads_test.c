/* SPDX-License-Identifier: Apache-2.0 */
/*
 * short_threads_test.c - 10,000 threads that end in every way there is leave nothing behind: no live span, no record that
 * is lost to the pool, no memory.
 */
#include "exporter_double.h"
#include "proc.h"
#include "record.h"
#include "sanitizers.h"
#include "thread.h"

#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

enum { EARLY = 2000, ALL = 10000, AT_ONCE = 8, CROWD = 100, SPANS_EACH = 20, LONG_MS = 60000, SHORT_MS = 5000 };
/* What the threads of a moment may hold; a record lost by one thread in 25 would be more. */
enum { PLACES_MORE = (AT_ONCE + 1) * (OTEL__CACHE_MAX + SPANS_EACH), KIB_MORE = 2048 };

OTEL_TRACER(tracer, "short_threads_test");

static struct exporter_double seen;
static _Atomic uint32_t highest; /* slot that a span had */

/* ---- what threads do --------------------------------------------------------------------------------------------- */

static otel_span start(void) {
    const otel_span span = otel_span_start(tracer, OTEL_START("span"));
    const uint32_t slot = otel__span_slot(&span);
    uint32_t old = atomic_load(&highest);
    while (old < slot && !atomic_compare_exchange_weak(&highest, &old, slot)) {}
    otel_set(&span, "key", "value");
    return span;
}

static void open_scopes(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        const otel_span span = start();
        const otel_scope scope = otel_span_attach(&span, true);
        (void)scope;
    }
}

static void *ends_its_spans(void *unused) {
    for (unsigned i = 0; i < SPANS_EACH; i++) {
        const otel_span span = start();
        otel_span_end(&span);
    }
    return unused;
}

static void *leaves_scopes_open(void *unused) {
    open_scopes(SPANS_EACH);
    return unused;
}

static void *exits_inside_scopes(void *unused) {
    (void)unused;
    open_scopes(SPANS_EACH);
    pthread_exit(NULL);
}

static void *is_cancelled_inside_scopes(void *unused) {
    open_scopes(SPANS_EACH);
    for (;;) { /* ThreadSanitizer is not itself in a thread that was cancelled while it slept */
        pthread_testcancel();
        sched_yield();
    }
    return unused;
}

static void jump(jmp_buf *back) {
    open_scopes(SPANS_EACH - 1);
    longjmp(*back, 1);
}

static void *jumps_out_of_scopes(void *unused) {
    jmp_buf back;
    open_scopes(1);
    if (setjmp(back) == 0)
        jump(&back);
    return unused;
}

/* What it starts is ended when it is gone. */
static void *hands_its_spans_over(void *spans) {
    for (unsigned i = 0; i < SPANS_EACH; i++)
        ((otel_span *)spans)[i] = start();
    return spans;
}

static void *(*const ways[])(void *) = { ends_its_spans,      leaves_scopes_open,         exits_inside_scopes,
                                         jumps_out_of_scopes, is_cancelled_inside_scopes, hands_its_spans_over };
enum { WAYS = sizeof ways / sizeof *ways };

static void run_threads(unsigned from) {
    static otel_span spans[AT_ONCE][SPANS_EACH];
    pthread_t threads[AT_ONCE];
    for (unsigned i = 0; i < AT_ONCE; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ways[(from + i) % WAYS], spans[i]), 0);
    for (unsigned i = 0; i < AT_ONCE; i++) {
        if (ways[(from + i) % WAYS] == is_cancelled_inside_scopes)
            pthread_cancel(threads[i]);
        pthread_join(threads[i], NULL);
        for (unsigned s = 0; ways[(from + i) % WAYS] == hands_its_spans_over && s < SPANS_EACH; s++)
            otel_span_end(&spans[i][s]);
    }
}

/* ---- what they leave --------------------------------------------------------------------------------------------- */

static uint64_t resident_kib(void) { return proc_memory_kib("VmRSS:"); }

static void assert_nothing_lives(void) {
    otel_ledger ledger;
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_ledger(&ledger);
    assert_int_equal(ledger.live, 0);
    assert_int_equal(ledger.refused, 0);
    assert_int_equal(ledger.started, ledger.ended);
    assert_int_equal(ledger.processors[0].exported + ledger.processors[0].dropped_queue_full, ledger.ended);
    assert_int_equal(seen.count, ledger.processors[0].exported);
}

static int start_sdk(void **state) {
    (void)state;
    return otel_sdk_start(
               OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(), .log_level = OTEL_LOG_NONE,
                        .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&seen))))) == OTEL_OK
               ? 0
               : -1;
}

static int stop_sdk(void **state) {
    (void)state;
    otel_ledger ledger;
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_ledger(&ledger);
    exporter_double_reset(&seen);
    return 0;
}

static void ten_thousand_threads_leave_nothing_behind(void **state) {
    (void)state;
    unsigned done = 0;
    for (; done < EARLY; done += AT_ONCE)
        run_threads(done);
    assert_nothing_lives();
    const uint32_t slots = highest;
    const uint64_t kib = resident_kib();
    for (; done < ALL; done += AT_ONCE)
        run_threads(done);
    assert_nothing_lives();
    printf("measured: places of records after %u threads: %" PRIu32 ", after %u: %" PRIu32 "\n", (unsigned)EARLY, slots,
           done, highest);
    printf("measured: resident after %u threads: %" PRIu64 " KiB, after %u: %" PRIu64 " KiB\n", (unsigned)EARLY, kib,
           done, resident_kib());
    assert_in_range(otel__threads_made(), 1, AT_ONCE + 1);
    assert_in_range(highest, 1, slots + PLACES_MORE);
    if (!UNDER_ASAN && !UNDER_TSAN) /* they keep what they know of threads and freed memory */
        assert_in_range(resident_kib(), 1, kib + KIB_MORE);
}

/* A span that nobody ends is nobody's but the program's: it is counted, and given up at the stop. */
static void *forgets_a_span(void *unused) {
    start();
    return unused;
}

static void forgotten_spans_are_counted_until_the_stop(void **state) {
    (void)state;
    enum { FORGOTTEN = 100 };
    otel_ledger ledger;
    for (unsigned i = 0; i < FORGOTTEN; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, forgets_a_span, NULL), 0);
        pthread_join(thread, NULL);
    }
    assert_ledger(&ledger);
    assert_int_equal(ledger.live, FORGOTTEN);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_ledger(&ledger);
    assert_int_equal(ledger.live, 0);
    assert_int_equal(ledger.abandoned, FORGOTTEN);
}

/* ---- every place can be had again -------------------------------------------------------------------------------- */

/* How many spans there may be at a time. */
static unsigned fill_all_places(void) {
    static otel_span spans[OTEL__RECORDS_MAX];
    unsigned count = 0;
    for (; count < OTEL__RECORDS_MAX; count++) {
        spans[count] = start();
        if (!otel_span_recording(&spans[count]))
            break;
    }
    for (unsigned i = 0; i < count; i++)
        otel_span_end(&spans[i]);
    return count;
}

static void *ends_when_all_have_recorded(void *all) {
    ends_its_spans(NULL);
    pthread_barrier_wait(all);
    return NULL;
}

/* Each has kept free places for its next spans. */
static void a_crowd_of_threads_gives_its_places_back(void **state) {
    (void)state;
    pthread_t threads[CROWD];
    pthread_barrier_t all;
    const unsigned before = fill_all_places();
    pthread_barrier_init(&all, NULL, CROWD);
    for (unsigned i = 0; i < CROWD; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ends_when_all_have_recorded, &all), 0);
    for (unsigned i = 0; i < CROWD; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&all);
    assert_int_equal(fill_all_places(), before);
    printf("measured: spans at a time before and after a crowd of %u threads: %u\n", (unsigned)CROWD, before);
}

/* ---- threads that end inside of a call --------------------------------------------------------------------------- */

static _Thread_local bool may_end;

/* The SDK calls it from inside of the call that is complained about. */
static void end_the_thread(void *data, otel_log_level level, const char *text) {
    (void)data;
    (void)level;
    (void)text;
    if (may_end)
        pthread_exit(NULL);
}

static void *uses_a_tracer_without_a_name(void *never_true) {
    OTEL_TRACER(nameless, "");
    may_end = true;
    otel_span_start(nameless, OTEL_START("span"));
    *(bool *)never_true = true;
    return NULL;
}

/* A stop waits for calls that are under way, which this one is no more. */
static void a_thread_may_end_inside_of_a_callback(void **state) {
    (void)state;
    pthread_t thread;
    bool returned = false;
    otel_ledger ledger;
    assert_int_equal(
        otel_sdk_start(OTEL_SDK(.sampler = otel_sampler_always_on(), .diagnostic = end_the_thread,
                                .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&seen))))),
        OTEL_OK);
    assert_int_equal(pthread_create(&thread, NULL, uses_a_tracer_without_a_name, &returned), 0);
    pthread_join(thread, NULL);
    assert_false(returned);
    assert_int_equal(otel_sdk_stop(SHORT_MS), OTEL_OK);
    assert_ledger(&ledger);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ten_thousand_threads_leave_nothing_behind, start_sdk, stop_sdk),
        cmocka_unit_test_setup_teardown(forgotten_spans_are_counted_until_the_stop, start_sdk, stop_sdk),
        cmocka_unit_test_setup_teardown(a_crowd_of_threads_gives_its_places_back, start_sdk, stop_sdk),
        cmocka_unit_test_teardown(a_thread_may_end_inside_of_a_callback, stop_sdk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
