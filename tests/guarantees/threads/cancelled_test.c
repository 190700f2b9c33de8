/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cancelled_test.c - threads that are cancelled inside of the library: in each of the program's functions that it calls,
 * and wherever it waits by itself. The call comes to its end first; then the thread ends, and nothing is left in use.
 */
#include "exporter_double.h"
#include "in_child.h"
#include "processor_double.h"
#include "sanitizers.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

enum { SHORT_MS = 5000 };

OTEL_TRACER(tracer, "cancelled_test");

static struct exporter_double seen;
static struct processor_double told = { .name = "told" };

/* ---- a thread that is cancelled ---------------------------------------------------------------------------------- */

static _Thread_local bool is_cancelled;
static _Atomic unsigned reached; /* by threads that were being cancelled */

/* Where the program's functions would block. The thread is not in a system call: ThreadSanitizer wants it so. */
static void cancellation_point(void) {
    if (is_cancelled) {
        atomic_fetch_add(&reached, 1);
        pthread_testcancel();
    }
}

struct call {
    void (*function)(void);
    bool returned;
};

static void *make_call(void *data) {
    struct call *call = data;
    is_cancelled = true;
    pthread_cancel(pthread_self());
    call->function();
    call->returned = true;
    pthread_testcancel();
    return NULL;
}

/* Makes the call on a thread whose cancellation is pending: it returns, and afterwards the thread ends. */
static void assert_completes(void (*function)(void)) {
    struct call call = { .function = function };
    pthread_t thread;
    void *result = NULL;
    assert_int_equal(pthread_create(&thread, NULL, make_call, &call), 0);
    pthread_join(thread, &result);
    assert_true(call.returned);
    assert_ptr_equal(result, PTHREAD_CANCELED);
}

static void record_span(void) {
    const otel_span span = otel_span_start(tracer, OTEL_START("span"));
    otel_set(&span, "key", "value");
    otel_span_end(&span);
}

/* The functions reached their cancellation points `points` times in one span, of which nothing is lost, nor of the next. */
static void assert_span_is_kept(unsigned points) {
    otel_ledger ledger;
    atomic_store(&reached, 0);
    assert_completes(record_span);
    assert_int_equal(reached, points);
    record_span();
    assert_int_equal(otel_sdk_flush(SHORT_MS), OTEL_OK);
    assert_ledger(&ledger);
    assert_int_equal(ledger.live, 0);
    for (size_t i = 0; i < ledger.processor_count; i++)
        assert_int_equal(ledger.processors[i].exported, 2);
    assert_int_equal(seen.count, 2);
}

static void start_simple(void) {
    assert_int_equal(
        otel_sdk_start(OTEL_SDK(.sampler = otel_sampler_always_on(), .log_level = OTEL_LOG_NONE,
                                .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&seen))))),
        OTEL_OK);
}

static int stop(void **state) {
    (void)state;
    otel_ledger ledger;
    const otel_status status = otel_sdk_stop(SHORT_MS);
    assert_ledger(&ledger);
    exporter_double_reset(&seen);
    processor_double_reset(&told);
    return status == OTEL_OK ? 0 : -1;
}

/* ---- as a span starts -------------------------------------------------------------------------------------------- */

/* The first span of a thread takes randomness from the kernel, which may wait for it. */
static void in_its_first_span(void **state) {
    (void)state;
    start_simple();
    assert_span_is_kept(0);
}

static void ask_for_sample(void *self, const otel_sampling_input *input, otel_sampling_result *result) {
    (void)self;
    (void)input;
    otel_sampling_set_tracestate(result, otel_tracestate_parse(otel_cstr("a=1")));
    result->decision = OTEL_RECORD_AND_SAMPLE;
    cancellation_point();
}

static otel_attrs ask_for_attributes(void *data) {
    (void)data;
    cancellation_point();
    return (otel_attrs){ .count = 0 };
}

static otel_tracestate ask_for_tracestate(void *data, const otel_tracestate *parent, otel_decision decision) {
    (void)data;
    (void)parent;
    (void)decision;
    cancellation_point();
    return otel_tracestate_parse(otel_cstr("a=1"));
}

static void ask_for_intent(void *self, const otel_sampling_input *input, otel_sampling_intent *intent) {
    (void)self;
    (void)input;
    intent->threshold = 0;
    intent->attributes = ask_for_attributes;
    intent->tracestate = ask_for_tracestate;
    cancellation_point();
}

static bool matches(void *data, const otel_sampling_input *input) {
    (void)data;
    (void)input;
    cancellation_point();
    return true;
}

static void start_with_sampler(otel_sampler *sampler) {
    assert_int_equal(
        otel_sdk_start(OTEL_SDK(.sampler = sampler, .log_level = OTEL_LOG_NONE,
                                .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&seen))))),
        OTEL_OK);
}

static void in_a_sampler(void **state) {
    (void)state;
    static const otel_sampler_ops ops = { .size = sizeof ops, .should_sample = ask_for_sample };
    start_with_sampler(otel_sampler_create(&ops, NULL));
    assert_span_is_kept(1);
}

static void in_the_parts_of_a_composite_sampler(void **state) {
    (void)state;
    static const otel_composable_ops ops = { .size = sizeof ops, .sampling_intent = ask_for_intent };
    const otel_sampling_rule rule = { .matches = matches, .then = otel_composable_create(&ops, NULL) };
    start_with_sampler(otel_sampler_composite(otel_composable_rule_based(&rule, 1)));
    assert_span_is_kept(4);
}

static void make_trace_id(void *self, uint8_t out[16]) {
    (void)self;
    memset(out, 1, 16);
    cancellation_point();
}

static void make_span_id(void *self, uint8_t out[8]) {
    (void)self;
    memset(out, 1, 8);
    cancellation_point();
}

static void in_an_id_generator(void **state) {
    (void)state;
    static const otel_id_generator_ops ops = { .size = sizeof ops, .trace_id = make_trace_id, .span_id = make_span_id };
    assert_int_equal(
        otel_sdk_start(OTEL_SDK(.sampler = otel_sampler_always_on(), .log_level = OTEL_LOG_NONE,
                                .id_generator = otel_id_generator_create(&ops, NULL),
                                .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&seen))))),
        OTEL_OK);
    assert_span_is_kept(2);
}

static otel_tracer_config configure(void *data, const otel_scope_data *scope) {
    (void)data;
    (void)scope;
    cancellation_point();
    return (otel_tracer_config){ .disabled = false };
}

static void in_the_configuration_of_a_tracer(void **state) {
    (void)state;
    assert_int_equal(
        otel_sdk_start(OTEL_SDK(.sampler = otel_sampler_always_on(), .log_level = OTEL_LOG_NONE,
                                .tracer_config = configure,
                                .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&seen))))),
        OTEL_OK);
    assert_span_is_kept(1);
}

static void listen(void *data, otel_log_level level, const char *text) {
    (void)data;
    (void)level;
    (void)text;
    cancellation_point();
}

static void record_span_of_nobody(void) {
    OTEL_TRACER(nameless, "");
    const otel_span span = otel_span_start(nameless, OTEL_START("span"));
    otel_span_end(&span);
}

static void in_a_diagnostic_callback(void **state) {
    (void)state;
    assert_int_equal(
        otel_sdk_start(OTEL_SDK(.sampler = otel_sampler_always_on(), .diagnostic = listen,
                                .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&seen))))),
        OTEL_OK);
    atomic_store(&reached, 0);
    assert_completes(record_span_of_nobody);
    assert_int_equal(reached, 1);
    assert_int_equal(seen.count, 1);
}

/* ---- as a span ends ---------------------------------------------------------------------------------------------- */

static void in_export(struct exporter_double *me, otel_batch *batch) {
    (void)me;
    (void)batch;
    cancellation_point();
}

static void in_an_exporter(void **state) {
    (void)state;
    seen.during = in_export;
    start_simple();
    assert_span_is_kept(1);
}

static void at_start(struct processor_double *me, const otel_span *span, const otel_context *parent) {
    (void)me;
    (void)span;
    (void)parent;
    cancellation_point();
}

static void at_ending(struct processor_double *me, const otel_span *span) {
    (void)me;
    (void)span;
    cancellation_point();
}

static void at_end(struct processor_double *me, const otel_span_data *span) {
    (void)me;
    (void)span;
    cancellation_point();
}

static void start_with_processor(void) {
    assert_int_equal(
        otel_sdk_start(OTEL_SDK(.sampler = otel_sampler_always_on(), .log_level = OTEL_LOG_NONE,
                                .processors = OTEL_PROCESSORS(processor_double_make(&told),
                                                              otel_simple_processor(exporter_double_make(&seen))))),
        OTEL_OK);
}

static void in_on_start(void **state) {
    (void)state;
    told.starting = at_start;
    start_with_processor();
    assert_span_is_kept(1);
}

static void in_on_ending(void **state) {
    (void)state;
    told.ending = at_ending;
    start_with_processor();
    assert_span_is_kept(1);
}

static void in_on_end(void **state) {
    (void)state;
    told.ended = at_end;
    start_with_processor();
    assert_span_is_kept(1);
    assert_int_equal(told.ends, 2);
}

/* ---- as the process forks ---------------------------------------------------------------------------------------- */

static otel_status export_nothing(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    (void)self;
    (void)batch;
    (void)timeout_ms;
    (void)outcome;
    return OTEL_OK;
}

static void before_fork(void *self) {
    (void)self;
    cancellation_point();
}

static void after_fork(void *self, bool in_child) {
    (void)self;
    (void)in_child;
    cancellation_point();
}

static const otel_exporter_ops forks = { .size = sizeof forks,
                                         .name = "forks",
                                         .export_batch = export_nothing,
                                         .before_fork = before_fork,
                                         .after_fork = after_fork };
static pid_t child;

static void fork_a_child(void) {
    child = fork();
    if (child == 0)
        _exit(0);
}

/* Exports would rest for ever, and the SDK stay in use. */
static void in_a_fork(void **state) {
    (void)state;
    int status = -1;
    SKIP_IF(UNDER_TSAN, "ThreadSanitizer cannot follow a fork of several threads");
    assert_int_equal(
        otel_sdk_start(OTEL_SDK(.log_level = OTEL_LOG_NONE, .processors = OTEL_PROCESSORS(otel_simple_processor(
                                                                otel_exporter_create(&forks, NULL))))),
        OTEL_OK);
    atomic_store(&reached, 0);
    assert_completes(fork_a_child);
    assert_int_equal(reached, 2); /* in the parent */
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

/* ---- as the SDK starts ------------------------------------------------------------------------------------------- */

static void destroy(void *self) {
    (void)self;
    cancellation_point();
}

static const otel_exporter_ops destroys = {
    .size = sizeof destroys, .name = "destroys", .export_batch = export_nothing, .destroy = destroy
};

static otel_resource *detect(void *data) {
    (void)data;
    cancellation_point();
    return NULL;
}

static void start_with_detector(void) {
    otel_sdk_start(OTEL_SDK(.sampler = otel_sampler_always_on(), .log_level = OTEL_LOG_NONE, .detectors = "waits",
                            .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&seen)))));
}

static void start_once_more(void) {
    otel_sdk_start(
        OTEL_SDK(.processors = OTEL_PROCESSORS(otel_simple_processor(otel_exporter_create(&destroys, NULL)))));
}

/* Whatever it reads, a detector stands for here. */
static void in_a_start(void **state) {
    (void)state;
    assert_int_equal(otel_resource_detector_add("waits", detect, NULL), OTEL_OK);
    atomic_store(&reached, 0);
    assert_completes(start_with_detector);
    assert_int_equal(reached, 1);
    record_span();
    assert_int_equal(seen.count, 1);
}

/* It has to destroy what it was given all the same. */
static void in_a_start_that_is_refused(void **state) {
    (void)state;
    start_simple();
    atomic_store(&reached, 0);
    assert_completes(start_once_more);
    assert_int_equal(reached, 1);
}

/* ---- as the process exits ---------------------------------------------------------------------------------------- */

enum { CODE = 7 };

static otel_status at_shutdown(void *self, int timeout_ms) {
    (void)self;
    (void)timeout_ms;
    cancellation_point();
    return OTEL_OK;
}

static const otel_exporter_ops shuts_down = {
    .size = sizeof shuts_down, .name = "shuts down", .export_batch = export_nothing, .shutdown = at_shutdown
};

static void *exit_while_cancelled(void *unused) {
    (void)unused;
    is_cancelled = true;
    pthread_cancel(pthread_self());
    exit(CODE);
}

static int exits(void *unused) {
    (void)unused;
    pthread_t thread;
    STEP(otel_sdk_start(OTEL_SDK(.log_level = OTEL_LOG_NONE, .processors = OTEL_PROCESSORS(otel_simple_processor(
                                                                 otel_exporter_create(&shuts_down, NULL))))) ==
         OTEL_OK);
    STEP(pthread_create(&thread, NULL, exit_while_cancelled, NULL) == 0);
    pthread_join(thread, NULL);
    return 0; /* the thread has ended, and the process has not */
}

static void in_an_exit(void **state) {
    (void)state;
    fflush(NULL); /* or the child would print it too */
    assert_int_equal(in_child(exits, NULL), CODE);
}

/* ---- contexts ---------------------------------------------------------------------------------------------------- */

static bool get(const void *carrier, const char *key, size_t index, otel_str *value) {
    static const char *const fields[][2] = {
        { "traceparent", "00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01" },
        { "tracestate", "a=1" },
        { "baggage", "b=2" },
    };
    (void)carrier;
    for (unsigned i = 0; i < 3 && index == 0; i++) {
        if (strcmp(key, fields[i][0]) == 0) {
            *value = otel_cstr(fields[i][1]);
            if (i == 2) /* what was read before is held by now */
                cancellation_point();
            return true;
        }
    }
    return false;
}

static void set(void *only, const char *key, const char *value, size_t length) {
    (void)value;
    (void)length;
    if (!only || strcmp(only, key) == 0)
        cancellation_point();
}

static const otel_getter getter = { .size = sizeof getter, .get = get };
static const otel_setter setter = { .size = sizeof setter, .set = set };
static otel_context received; /* with a tracestate and baggage */

static void extract(void) {
    otel_context context = otel_extract(NULL, &getter, NULL);
    otel_context_release(&context);
}

static void inject_what_is_current(void) {
    otel_scope scope = otel_context_attach(&received);
    otel_inject(NULL, &setter, NULL);
    otel_scope_close(&scope);
}

static void inject_a_tracestate(void) {
    char only[] = "tracestate";
    otel_inject(&received, &setter, only);
}

/* Where something is held meanwhile. */
static void in_a_carrier(void **state) {
    (void)state;
    atomic_store(&reached, 0);
    assert_completes(extract);
    assert_int_equal(reached, 1);
    received = otel_extract(NULL, &getter, NULL);
    assert_completes(inject_what_is_current);
    assert_int_equal(reached, 4);
    assert_completes(inject_a_tracestate);
    assert_int_equal(reached, 5);
    otel_context_release(&received);
}

static void release(void *value) {
    (void)value;
    cancellation_point();
}

static otel_context_key keys[2];

static void hold_values_for_a_while(void) {
    otel_context one = otel_context_with_value(NULL, keys[0], keys, release);
    otel_context both = otel_context_with_value(&one, keys[1], keys, release);
    otel_context_release(&one);
    otel_context_release(&both);
}

static void in_the_release_of_a_value(void **state) {
    (void)state;
    keys[0] = otel_context_key_create("first");
    keys[1] = otel_context_key_create("second");
    atomic_store(&reached, 0);
    assert_completes(hold_values_for_a_while);
    assert_int_equal(reached, 2);
}

#define test(name) cmocka_unit_test_teardown(name, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(in_its_first_span),
        test(in_a_sampler),
        test(in_the_parts_of_a_composite_sampler),
        test(in_an_id_generator),
        test(in_the_configuration_of_a_tracer),
        test(in_a_diagnostic_callback),
        test(in_an_exporter),
        test(in_on_start),
        test(in_on_ending),
        test(in_on_end),
        test(in_a_fork),
        test(in_a_start),
        test(in_a_start_that_is_refused),
        test(in_an_exit),
        test(in_a_carrier),
        test(in_the_release_of_a_value),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
