/* SPDX-License-Identifier: Apache-2.0 */
/*
 * start_again_test.c - an SDK is started and stopped a thousand times in one process: it leaves nothing behind, its
 * tracers go on, and no id comes twice.
 */
#include "collector.h"
#include "stop_fixture.h"

#include "exporter_double.h"
#include "proc.h"

#include <malloc.h>
#include <otel/memory.h>

enum { LIVES = UNDER_TSAN ? 200 : 1000, SETTLED = LIVES / 10, SPANS = 8 };
/* Of the stack and of the heap's free memory more may become resident: less than 100 bytes for each life. */
enum { PAGES_MORE = 16 };

OTEL_TRACER(root_tracer, "again.root", "1.2.3");
OTEL_TRACER(child_tracer, "again.child");

static struct collector collector;
static unsigned threads_before; /* there was an SDK */
static uint64_t span_ids[LIVES * SPANS], arrived_ids[LIVES * SPANS], trace_ids[LIVES];

/* ---- what a process holds ---------------------------------------------------------------------------------------- */

struct footprint {
    unsigned threads, descriptors;
    long heap, pages; /* bytes in use; resident */
};

/* Zero where malloc() does not tell, or is not libc's. */
static long heap_in_use(void) {
#if defined(__GLIBC__) && defined(__GLIBC_PREREQ)
#if __GLIBC_PREREQ(2, 33)
    const struct mallinfo2 info = mallinfo2();
    return UNDER_ASAN || UNDER_TSAN ? 0 : (long)(info.uordblks + info.hblkhd);
#endif
#endif
    return 0;
}

static long resident_pages(void) { return (long)proc_memory_kib("VmRSS:") * 1024 / sysconf(_SC_PAGESIZE); }

/* A thread that has been joined is still to be seen for a moment. */
static unsigned threads_now(void) {
    /* ThreadSanitizer's own comes with the first thread. */
    WAIT_UNTIL(stop_threads() <= threads_before + UNDER_TSAN);
    return stop_threads();
}

static struct footprint footprint_now(void) {
    return (struct footprint){
        .threads = threads_now(), .descriptors = stop_descriptors(), .heap = heap_in_use(), .pages = resident_pages()
    };
}

static void compare(const char *what, struct footprint early, struct footprint late) {
    print_message(
        "measured: start again: %s: after %d and %d lives: threads %u and %u, descriptors %u and %u, heap %ld "
        "and %ld bytes, resident %ld and %ld pages\n",
        what, SETTLED, LIVES, early.threads, late.threads, early.descriptors, late.descriptors, early.heap, late.heap,
        early.pages, late.pages);
    assert_int_equal(early.threads, late.threads);
    assert_int_equal(early.descriptors, late.descriptors);
    assert_int_equal(early.heap, late.heap);
    /* Sanitizers keep freed memory for a while. */
    if (!UNDER_ASAN && !UNDER_TSAN)
        assert_true(late.pages - early.pages <= PAGES_MORE);
}

/* ---- lives ------------------------------------------------------------------------------------------------------- */

static void note_ids(unsigned life, unsigned index, const otel_span *span) {
    uint8_t id[8], trace_id[16];
    otel_span_id(span, id);
    otel_span_trace_id(span, trace_id);
    span_ids[life * SPANS + index] = id_number(id);
    if (index == 0)
        trace_ids[life] = id_number(trace_id) ^ id_number(trace_id + 8);
}

static void record_a_trace(unsigned life) {
    OTEL_SPAN(root, root_tracer, "root");
    assert_true(otel_span_recording(&root));
    note_ids(life, 0, &root);
    for (unsigned i = 1; i < SPANS; i++) {
        OTEL_SPAN(child, child_tracer, "child");
        assert_true(otel_span_recording(&child));
        otel_set(&child, "index", i);
        otel_span_add_event(&child, NULL);
        note_ids(life, i, &child);
    }
}

static void assert_unique(uint64_t *ids, size_t count) {
    qsort(ids, count, sizeof *ids, by_number);
    for (size_t i = 1; i < count; i++)
        assert_true(ids[i - 1] != ids[i]);
}

static struct footprint live_often(void (*live)(unsigned life), struct footprint *early) {
    /* Made resident. */
    memset(span_ids, 1, sizeof span_ids);
    memset(trace_ids, 1, sizeof trace_ids);
    for (unsigned life = 0; life < LIVES; life++) {
        live(life);
        if (life + 1 == SETTLED)
            *early = footprint_now();
    }
    return footprint_now();
}

static void live_with_otlp(unsigned life) {
    stop_start(collector.url, 512);
    record_a_trace(life);
    assert_int_equal(otel_sdk_stop(NEVER_MS), OTEL_OK);
    const otel_ledger ledger = stop_ledger();
    assert_int_equal(ledger.started, SPANS);
    assert_int_equal(ledger.processors[0].exported, SPANS);
}

static void a_thousand_lives_with_otlp(void **state) {
    (void)state;
    struct footprint early;
    const struct footprint late = live_often(live_with_otlp, &early);
    compare("OTLP", early, late);
    assert_int_equal(collector_ids(&collector, arrived_ids, LIVES * SPANS), LIVES * SPANS);
    assert_unique(span_ids, LIVES * SPANS);
    assert_unique(trace_ids, LIVES);
    assert_memory_equal(span_ids, arrived_ids, sizeof span_ids);
}

static void live_in_memory(unsigned life) {
    otel_memory *memory = otel_memory_create(0);
    stop_start_with(OTEL_PROCESSORS(otel_simple_processor(otel_memory_exporter(memory))));
    record_a_trace(life);
    assert_int_equal(otel_memory_count(memory), SPANS);
    otel_memory_spans *spans = otel_memory_snapshot(memory);
    const otel_span_data *child = otel_memory_spans_at(spans, 0), *root = otel_memory_spans_at(spans, SPANS - 1);
    assert_string_equal(child->scope->name.ptr, "again.child");
    assert_string_equal(root->scope->name.ptr, "again.root");
    assert_string_equal(root->scope->version.ptr, "1.2.3");
    assert_memory_equal(child->parent_id, root->span_id, 8);
    otel_memory_spans_release(spans);
    assert_int_equal(otel_sdk_stop(NEVER_MS), OTEL_OK);
    assert_int_equal(stop_ledger().processors[0].exported, SPANS);
    otel_memory_release(memory);
}

static void a_thousand_lives_in_memory(void **state) {
    (void)state;
    struct footprint early;
    const struct footprint late = live_often(live_in_memory, &early);
    compare("memory", early, late);
    assert_unique(span_ids, LIVES * SPANS);
    assert_unique(trace_ids, LIVES);
}

/* Lives that find nobody to send to leave no more than others. */
static void live_without_a_server(unsigned life) {
    (void)life;
    struct black_hole hole = hole_back_off;
    hole.open(&hole);
    stop_start(hole.url, 4);
    stop_record(6, 0);
    otel_sdk_stop(0);
    stop_nothing_left();
    const otel_ledger_processor p = stop_ledger().processors[0];
    assert_int_equal(p.dropped_failed + p.dropped_stopped, 6);
    hole.close(&hole);
}

static void a_thousand_lives_without_a_server(void **state) {
    (void)state;
    struct footprint early;
    const struct footprint late = live_often(live_without_a_server, &early);
    compare("no server", early, late);
}

/* ---- the program ------------------------------------------------------------------------------------------------- */

static int group_setup(void **state) {
    collector_start(&collector, NULL);
    threads_before = stop_threads();
    return stop_group_setup(state);
}

static int group_teardown(void **state) {
    (void)state;
    json_decref(collector_stop(&collector));
    return 0;
}

#define test(name) cmocka_unit_test_teardown(name, stop_teardown)

/* What malloc() puts aside for a thread counts as in use: without that, bytes in use can be compared exactly. */
static void start_without_malloc_caches(char **argv) {
    static const char setting[] = "glibc.malloc.tcache_count=0";
    const char *set = getenv("GLIBC_TUNABLES");
    if (set && strcmp(set, setting) == 0)
        return;
    setenv("GLIBC_TUNABLES", setting, 1);
    execv("/proc/self/exe", argv);
    perror("execv");
}

int main(int argc, char **argv) {
    (void)argc;
    start_without_malloc_caches(argv);
    const struct CMUnitTest tests[] = {
        test(a_thousand_lives_with_otlp),
        test(a_thousand_lives_in_memory),
        test(a_thousand_lives_without_a_server),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
