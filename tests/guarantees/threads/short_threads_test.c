/* SPDX-License-Identifier: Apache-2.0 */
/*
 * short_threads_test.c - 10,000 threads that end in every way there is leave nothing behind: no live span, no record that
 * is lost to the pool, no memory.
 */
#include "exporter_double.h"
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

enum { EARLY = 2000, ALL = 10000, AT_ONCE = 8, SPANS_EACH = 20, LONG_MS = 60000 };
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

static long resident_kib(void) {
    long size, resident = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_int_equal(fscanf(file, "%ld %ld", &size, &resident), 2);
    fclose(file);
    return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

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
    const long kib = resident_kib();
    for (; done < ALL; done += AT_ONCE)
        run_threads(done);
    assert_nothing_lives();
    printf("measured: places of records after %u threads: %" PRIu32 ", after %u: %" PRIu32 "\n", (unsigned)EARLY, slots,
           done, highest);
    printf("measured: resident after %u threads: %ld KiB, after %u: %ld KiB\n", (unsigned)EARLY, kib, done,
           resident_kib());
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ten_thousand_threads_leave_nothing_behind, start_sdk, stop_sdk),
        cmocka_unit_test_setup_teardown(forgotten_spans_are_counted_until_the_stop, start_sdk, stop_sdk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
