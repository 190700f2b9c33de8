/* SPDX-License-Identifier: Apache-2.0 */
/*
 * plugins_test.c - a program with one SDK and plug-ins that are instrumented against the same libotel-api: their spans
 * belong together, and a plug-in may be unloaded at any time, whatever the SDK still holds of it.
 *
 * Spans wait until they are flushed. When a plug-in is gone, its addresses are made a place that nobody may touch, and
 * the exporter looks whether any pointer leads there.
 */
#include "ledger_check.h"
#include "load.h"
#include "plugin.h"
#include "watcher.h"

#include <otel/memory.h>
#include <otel/sdk.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { NEVER_MS = 3600 * 1000, ROUNDS = 20, BUSY_ROUNDS = 50, BUSY_SPANS = 50000 };

OTEL_TRACER(tracer, "host");

static struct watcher watcher;
static otel_memory *memory;
static char report[512]; /* the last */

static void note_report(void *data, otel_log_level level, const char *text) {
    (void)data, (void)level;
    snprintf(report, sizeof report, "%s", text);
}

static int start(void **state) {
    (void)state;
    const otel_batch_options late = { .size = sizeof late, .schedule_delay_ms = NEVER_MS };
    memset(&watcher, 0, sizeof watcher);
    report[0] = '\0';
    memory = otel_memory_create(0);
    return otel_sdk_start(
               OTEL_SDK(.service_name = "host", .sampler = otel_sampler_always_on(), .diagnostic = note_report,
                        .processors = OTEL_PROCESSORS(otel_batch_processor(&late, watcher_exporter(&watcher)),
                                                      otel_batch_processor(&late, otel_memory_exporter(memory))))) ==
                   OTEL_OK
               ? 0
               : -1;
}

static int stop(void **state) {
    (void)state;
    const otel_status status = otel_sdk_stop(10000);
    otel_memory_release(memory);
    return status == OTEL_OK ? 0 : -1;
}

static const struct plugin *load_plugin(struct loaded *loaded, const char *name) {
    assert_true(load(loaded, name, "plugin"));
    return loaded->offers;
}

/* Everything that has ended is out, and nothing of it led into a plug-in. */
static otel_memory_spans *flush(unsigned count) {
    assert_int_equal(otel_sdk_flush(10000), OTEL_OK);
    assert_int_equal(watcher.spans, count);
    assert_true(watcher.pointers > count);
    assert_int_equal(watcher.dangling, 0);
    otel_memory_spans *spans = otel_memory_snapshot(memory);
    assert_int_equal(otel_memory_spans_count(spans), count);
    return spans;
}

static const otel_span_data *find(otel_memory_spans *spans, const char *name) {
    for (size_t i = 0; i < otel_memory_spans_count(spans); i++) {
        const otel_span_data *span = otel_memory_spans_at(spans, i);
        if (strcmp(span->name.ptr, name) == 0)
            return span;
    }
    fail_msg("there is no span '%s'", name);
    return NULL;
}

static void assert_child(const otel_span_data *child, const otel_span_data *parent) {
    assert_memory_equal(child->trace_id, parent->trace_id, 16);
    assert_non_null(child->parent_id);
    assert_memory_equal(child->parent_id, parent->span_id, 8);
}

static void assert_text(const otel_attr *attribute, const char *key, const char *text) {
    assert_string_equal(attribute->key.ptr, key);
    assert_int_equal(attribute->value.type, OTEL_TYPE_STRING);
    assert_string_equal(attribute->value.u.p, text);
}

static otel_ledger read_ledger(void) {
    char why[512];
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    if (!ledger_balances(&ledger, why, sizeof why))
        fail_msg("%s", why);
    return ledger;
}

/* ---- together ---------------------------------------------------------------------------------------------------- */

static const struct plugin *chain[4];

static void go_on(void *data) {
    const struct plugin *const *next = data;
    if (*next)
        (*next)->nest(go_on, (void *)(next + 1));
}

static void spans_of_three_plugins_are_one_trace(void **state) {
    (void)state;
    static const char *const names[] = { "alpha", "beta", "gamma" };
    struct loaded loaded[3];
    for (unsigned i = 0; i < 3; i++) {
        chain[i] = load_plugin(&loaded[i], names[i]);
        assert_ptr_equal(chain[i]->api(), (void *)otel_span_start);
    }
    assert_int_equal(files_mapped("libotel-api.so"), 1);
    assert_int_equal(files_mapped("libotel-sdk.so"), 1);
    {
        OTEL_SPAN(root, tracer, "root");
        go_on((void *)chain);
    }
    for (unsigned i = 0; i < 3; i++)
        assert_true(unload(&loaded[i]));

    otel_memory_spans *spans = flush(4);
    const otel_span_data *parent = find(spans, "root");
    assert_null(parent->parent_id);
    for (unsigned i = 0; i < 3; i++) {
        const otel_span_data *span = find(spans, names[i]);
        assert_child(span, parent);
        assert_string_equal(span->scope->name.ptr, names[i]);
        parent = span;
    }
    otel_memory_spans_release(spans);
    const otel_ledger ledger = read_ledger();
    assert_int_equal(ledger.ended, 4);
    assert_int_equal(ledger.processors[0].exported, 4);
}

/* ---- unloaded with spans that are queued or open ----------------------------------------------------------------- */

static void assert_recorded(otel_memory_spans *spans) {
    const otel_span_data *outer = find(spans, "alpha"), *inner = find(spans, "inner of alpha");
    assert_child(inner, outer);
    assert_int_equal(outer->attributes.count, 4);
    assert_text(&outer->attributes.items[0], "alpha.key", "text of alpha");
    assert_text(&outer->attributes.items[3], "error.type", "alpha");
    assert_string_equal(outer->status_text.ptr, "text of alpha");
    assert_string_equal(outer->events[0].name.ptr, "text of alpha");
    assert_text(outer->events[0].attributes.items, "alpha.key", "text of alpha");
    assert_string_equal(outer->scope->version.ptr, "version of alpha");
    assert_string_equal(outer->scope->schema_url.ptr, "https://schemas.example/alpha");
    assert_text(inner->links[0].attributes.items, "alpha.key", "text of alpha");
    assert_text(&inner->events[0].attributes.items[1], "exception.message", "text of alpha");
    assert_string_equal(inner->scope->name.ptr, "alpha");
    assert_string_equal(inner->scope->attributes.items[0].key.ptr, "alpha.scope");
}

static void a_plugin_is_unloaded_with_its_spans_queued(void **state) {
    (void)state;
    struct loaded loaded;
    load_plugin(&loaded, "alpha")->record();
    assert_int_equal(watcher.spans, 0);
    assert_true(unload(&loaded));
    otel_memory_spans *spans = flush(2);
    assert_recorded(spans);
    otel_memory_spans_release(spans);
    assert_int_equal(watcher.scope_count, 2);
}

static void a_plugin_is_unloaded_with_its_spans_open(void **state) {
    (void)state;
    struct loaded loaded;
    const struct plugin *plugin = load_plugin(&loaded, "alpha");
    const otel_span span = plugin->begin();
    otel_scope scope = plugin->enter();
    assert_true(unload(&loaded));

    assert_int_equal(read_ledger().live, 2);
    otel_set(&span, "later", 1);
    {
        OTEL_SPAN(child, tracer, "child");
        otel_set(&child, "key", "value");
    }
    otel_scope_close(&scope);
    otel_span_end(&span);
    otel_memory_spans *spans = flush(3);
    const otel_span_data *child = find(spans, "child"), *parent = otel_memory_spans_at(spans, 1);
    assert_string_equal(parent->scope->name.ptr, "alpha");
    assert_child(child, parent);
    assert_int_equal(otel_memory_spans_at(spans, 2)->attributes.count, 2);
    otel_memory_spans_release(spans);
}

/* The SDK tells the name of a span that was never ended, and that of its tracer. */
static void a_span_that_an_unloaded_plugin_never_ended_is_reported(void **state) {
    (void)state;
    struct loaded loaded;
    const otel_span span = load_plugin(&loaded, "beta")->begin();
    assert_true(otel_span_recording(&span));
    assert_true(unload(&loaded));
    assert_int_equal(stop(NULL), 0);
    assert_string_equal(report, "1 spans were never ended, among them 'beta' of tracer 'beta'");
    assert_int_equal(read_ledger().abandoned, 1);
    otel_span_end(&span);
    assert_int_equal(start(NULL), 0);
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

struct stay {
    const struct plugin *plugin;
    pthread_barrier_t met; /* once the span is open, and again once the plug-in is gone */
};

/* Leaves a span of the plug-in open, in a scope that the end of the thread closes. */
static void *stay_inside(void *data) {
    struct stay *stay = data;
    const otel_scope scope = stay->plugin->enter();
    (void)scope;
    pthread_barrier_wait(&stay->met);
    pthread_barrier_wait(&stay->met);
    return NULL;
}

static void a_thread_ends_with_a_span_of_an_unloaded_plugin(void **state) {
    (void)state;
    struct loaded loaded;
    struct stay stay = { .plugin = load_plugin(&loaded, "gamma") };
    pthread_t thread;
    pthread_barrier_init(&stay.met, NULL, 2);
    assert_int_equal(pthread_create(&thread, NULL, stay_inside, &stay), 0);
    pthread_barrier_wait(&stay.met);
    assert_true(unload(&loaded));
    pthread_barrier_wait(&stay.met);
    pthread_join(thread, NULL);
    pthread_barrier_destroy(&stay.met);
    otel_memory_spans *spans = flush(1);
    assert_text(find(spans, "gamma")->attributes.items, "gamma.key", "text of gamma");
    otel_memory_spans_release(spans);
}

struct busy {
    const struct plugin *plugin;
    _Atomic bool done;
    unsigned spans;
};

static void *be_busy(void *data) {
    struct busy *busy = data;
    for (; busy->spans == 0 || (busy->spans < BUSY_SPANS && !atomic_load(&busy->done)); busy->spans++) {
        busy->plugin->nest(NULL, NULL);
        if (busy->spans % 64 == 63)
            otel_sdk_flush(10000);
    }
    return NULL;
}

static void a_plugin_comes_and_goes_while_another_works(void **state) {
    (void)state;
    struct loaded beta;
    struct busy busy = { .plugin = load_plugin(&beta, "beta") };
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, be_busy, &busy), 0);
    bool gone = true;
    for (unsigned i = 0; i < BUSY_ROUNDS && gone; i++) {
        struct loaded alpha;
        load_plugin(&alpha, "alpha")->record();
        gone = unload(&alpha);
    }
    atomic_store(&busy.done, true);
    pthread_join(thread, NULL);
    assert_true(gone);
    assert_true(unload(&beta));
    otel_memory_spans_release(flush(busy.spans + 2 * BUSY_ROUNDS));
    assert_int_equal(watcher.scope_count, 3);
    printf("measured: plug-in unloaded beside a busy one: %d times, %u spans, %u pointers looked at, none into a "
           "plug-in\n",
           BUSY_ROUNDS, watcher.spans, watcher.pointers);
}

/* ---- loaded again ------------------------------------------------------------------------------------------------ */

static void a_plugin_that_is_loaded_again_has_the_same_scope(void **state) {
    (void)state;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct loaded loaded;
        load_plugin(&loaded, "alpha")->nest(NULL, NULL);
        assert_true(unload(&loaded));
    }
    otel_memory_spans_release(flush(ROUNDS));
    assert_int_equal(watcher.scope_count, 1);
    printf("measured: plug-in loaded again: %d times, %u scope\n", ROUNDS, watcher.scope_count);
}

static void sdks_and_plugins_come_and_go_in_any_order(void **state) {
    (void)state;
    struct loaded gamma;
    const struct plugin *stays = load_plugin(&gamma, "gamma");
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct loaded loaded;
        const struct plugin *goes = load_plugin(&loaded, i % 2 ? "alpha" : "beta");
        goes->nest(NULL, NULL);
        stays->nest(NULL, NULL);
        if (i % 3 == 0) {
            otel_memory_spans_release(flush(2));
            assert_int_equal(stop(NULL), 0);
            goes->record(); /* into nothing */
            assert_int_equal(start(NULL), 0);
            goes->nest(NULL, NULL);
            stays->nest(NULL, NULL);
        }
        assert_true(unload(&loaded));
        otel_memory_spans_release(flush(2));
        assert_int_equal(stop(NULL), 0);
        assert_int_equal(start(NULL), 0);
    }
    assert_true(unload(&gamma));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(spans_of_three_plugins_are_one_trace, start, stop),
        cmocka_unit_test_setup_teardown(a_plugin_is_unloaded_with_its_spans_queued, start, stop),
        cmocka_unit_test_setup_teardown(a_plugin_is_unloaded_with_its_spans_open, start, stop),
        cmocka_unit_test_setup_teardown(a_span_that_an_unloaded_plugin_never_ended_is_reported, start, stop),
        cmocka_unit_test_setup_teardown(a_thread_ends_with_a_span_of_an_unloaded_plugin, start, stop),
        cmocka_unit_test_setup_teardown(a_plugin_comes_and_goes_while_another_works, start, stop),
        cmocka_unit_test_setup_teardown(a_plugin_that_is_loaded_again_has_the_same_scope, start, stop),
        cmocka_unit_test_setup_teardown(sdks_and_plugins_come_and_go_in_any_order, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
