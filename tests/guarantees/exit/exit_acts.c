/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exit_acts.c - what exit-program does with tracing at the end of threads and of itself. Spans that must arrive are
 * made by record(); those named "late" must not.
 */
#include "acts.h"

#include "ledger_check.h"

#include <otel/trace.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { LONG_MS = 20000, SPANS = 4 };

OTEL_TRACER(lib, "guarantees.exit");

static void use_spans(bool recording) {
    OTEL_SPAN(outer, lib, "late");
    EXPECT(otel_span_recording(&outer) == recording);
    otel_set(&outer, "key", "value");
    OTEL_SPAN(inner, lib, "late", .attributes = OTEL_ATTRS(OTEL_ATTR("n", 1)));
    otel_event(&inner, "event", .attributes = OTEL_ATTRS(OTEL_ATTR("text", "some text")));
    otel_span_fail(&inner, "late", "it is too late");
    otel_tracestate tracestate = otel_span_tracestate(&inner);
    otel_tracestate_release(&tracestate);
}

/* The ledger is exact when no call runs: other threads may be in the middle of one, but not for ever. */
static void expect_balance(void) {
    otel_ledger ledger = { .size = sizeof ledger };
    char why[512] = "";
    otel_sdk_ledger(&ledger);
    for (unsigned i = 0; i < LONG_MS && !ledger_balances(&ledger, why, sizeof why) && !report->failed[0]; i++) {
        pause_ms(1);
        otel_sdk_ledger(&ledger);
    }
    note(ledger_balances(&ledger, why, sizeof why), __FILE__, __LINE__, why);
}

static void use_sdk(void) {
    EXPECT(otel_sdk_flush(LONG_MS) == OTEL_OK);
    expect_balance();
}

static void call_while_it_runs(void) {
    record("call");
    use_sdk();
    atomic_fetch_add(&report->done, 1);
}

static void call_while_it_does_not(void) {
    use_spans(false);
    use_sdk();
    EXPECT(otel_sdk_stop(LONG_MS) == OTEL_OK);
    atomic_fetch_add(&report->done, 1);
}

static void call_after_its_exit_handler(void) {
    call_while_it_does_not();
    EXPECT(otel_sdk_start(NULL) == OTEL_ERR_STATE);
    use_spans(false);
}

static void record_some(void) {
    for (unsigned i = 0; i < SPANS; i++)
        record("s");
}

static void stop(void) { EXPECT(otel_sdk_stop(LONG_MS) == OTEL_OK); }

/* ---- exit handlers ----------------------------------------------------------------------------------------------- */

static bool watches_unload;

/* After all exit handlers. */
__attribute__((destructor)) static void at_unload(void) {
    if (watches_unload)
        call_after_its_exit_handler();
}

/* The one that is registered first is called last. */
static void start_between_handlers(void (*before)(void)) {
    watches_unload = true;
    EXPECT(atexit(call_after_its_exit_handler) == 0);
    start_tracing();
    EXPECT(atexit(before) == 0);
    record_some();
}

static void handlers(void) { start_between_handlers(call_while_it_runs); }

static void handlers_after_a_stop(void) {
    start_between_handlers(call_while_it_does_not);
    stop();
}

static void stop_and_call(void) {
    call_while_it_runs();
    stop();
    call_while_it_does_not();
}

static void a_handler_that_stops(void) { start_between_handlers(stop_and_call); }

static void restart_and_call(void) {
    stop();
    start_tracing();
    call_while_it_runs();
}

static void a_handler_that_restarts(void) { start_between_handlers(restart_and_call); }

static void start_and_record(void) {
    start_tracing();
    record_some();
    atomic_fetch_add(&report->done, 1);
}

static void a_handler_that_starts(void) { EXPECT(atexit(start_and_record) == 0); }

static void a_quick_handler_that_stops(void) {
    EXPECT(at_quick_exit(stop_and_call) == 0);
    start_tracing();
    record_some();
}

/* ---- destructors of thread-local values -------------------------------------------------------------------------- */

/* What libc offers to languages whose thread-local objects have destructors. */
extern int __cxa_thread_atexit_impl(void (*destructor)(void *), void *object, void *library) __attribute__((weak));
extern void *__dso_handle __attribute__((visibility("hidden")));

enum { ROUNDS = 4 }; /* in which POSIX calls the destructors of values that are set again */

static pthread_key_t keys[2]; /* made before and after the SDK was started: of either side of its own key */
static void (*in_destructor)(void);

struct value {
    unsigned rounds;
    pthread_key_t key;
};

static void destroy_value(void *data) {
    struct value *value = data;
    in_destructor();
    if (++value->rounds < ROUNDS)
        EXPECT(pthread_setspecific(value->key, value) == 0);
    else
        free(value);
}

static void destroy_object(void *unused) {
    (void)unused;
    in_destructor();
}

static void set_values(void) {
    for (unsigned i = 0; i < 2; i++) {
        struct value *value = calloc(1, sizeof *value);
        if (!value)
            abort();
        value->key = keys[i];
        EXPECT(pthread_setspecific(keys[i], value) == 0);
    }
    if (__cxa_thread_atexit_impl)
        EXPECT(__cxa_thread_atexit_impl(destroy_object, NULL, (void *)&__dso_handle) == 0);
    else
        atomic_fetch_add(&report->done, 1);
}

static pthread_barrier_t barrier;

/* Records first, so that the SDK keeps something for this thread, unless it is told not to. */
static void *live(void *records) {
    set_values();
    if (records)
        record("s");
    pthread_barrier_wait(&barrier);
    pthread_barrier_wait(&barrier);
    return NULL;
}

enum { THREADS = 2 };
static pthread_t threads[THREADS];

static void begin_threads(void) {
    EXPECT(pthread_barrier_init(&barrier, NULL, THREADS + 1) == 0);
    for (uintptr_t i = 0; i < THREADS; i++)
        EXPECT(pthread_create(&threads[i], NULL, live, (void *)i) == 0);
    pthread_barrier_wait(&barrier);
}

static void end_threads(void) {
    pthread_barrier_wait(&barrier);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void start_between_keys(void) {
    EXPECT(pthread_key_create(&keys[0], destroy_value) == 0);
    start_tracing();
    record("s");
    EXPECT(pthread_key_create(&keys[1], destroy_value) == 0);
    begin_threads();
}

static void destructors(void) {
    in_destructor = call_while_it_runs;
    start_between_keys();
    end_threads();
}

static void destructors_after_a_stop(void) {
    in_destructor = call_while_it_does_not;
    start_between_keys();
    stop();
    end_threads();
}

static void end_threads_late(void) {
    in_destructor = call_after_its_exit_handler;
    end_threads();
}

static void destructors_after_the_exit_handler(void) {
    EXPECT(atexit(end_threads_late) == 0);
    start_between_keys();
}

/* Of the thread that exits: its objects are destroyed before exit handlers are called. */
static void destructors_of_the_exiting_thread(void) {
    in_destructor = call_while_it_runs;
    start_between_keys();
    end_threads();
    if (__cxa_thread_atexit_impl)
        EXPECT(__cxa_thread_atexit_impl(destroy_object, NULL, (void *)&__dso_handle) == 0);
    else
        call_while_it_runs();
}

/* ---- others ------------------------------------------------------------------------------------------------------ */

static void scopes_and_live_spans(void) {
    EXPECT(atexit(expect_balance) == 0);
    start_tracing();
    record_some();
    OTEL_SPAN(outer, lib, "late");
    OTEL_SPAN(inner, lib, "late");
    note_exit();
    exit(EXIT_CODE);
}

static void *start_and_stop_for_ever(void *data) {
    otel_error why;
    for (;;) {
        const otel_status started = otel_sdk_start(OTEL_SDK(.error = &why));
        EXPECT(started == OTEL_OK || atomic_load(&report->exits_at) != 0);
        const otel_span span = otel_span_start(lib, OTEL_START("s"));
        otel_span_end(&span);
        if (otel_sdk_stop(LONG_MS) == OTEL_OK)
            atomic_fetch_add(&report->done, 1);
    }
    return data;
}

/*
 * It exits anywhere in a start, an export or a stop, but not in the first start: OpenSSL itself does not bear an exit
 * while another thread initialises it.
 */
static void starts_and_stops(void) {
    pthread_t thread;
    EXPECT(atexit(expect_balance) == 0); /* after the library's own exit handler: nothing starts any more */
    EXPECT(pthread_create(&thread, NULL, start_and_stop_for_ever, NULL) == 0);
    pthread_detach(thread);
    while (atomic_load(&report->done) < 1)
        pause_ms(1);
    usleep((unsigned)getpid() % 64 * 100);
}

static void *stop_patiently(void *data) {
    (void)data;
    otel_sdk_stop(-1);
    return NULL;
}

/* Called after libcurl and OpenSSL have cleaned up: the worker's time to go wrong. */
static void be_slow(void) {
    atomic_fetch_add(&report->done, 1);
    pause_ms(500);
    expect_balance();
}

static _Atomic long starved_ms;

/* libcurl's poll(), found here first: its thread gets no time to go on after it. */
__attribute__((visibility("default"))) int poll(struct pollfd *fds, nfds_t count, int timeout_ms) {
    const struct timespec timeout = { timeout_ms / 1000, timeout_ms % 1000 * 1000000 };
    const int ready = ppoll(fds, count, timeout_ms < 0 ? NULL : &timeout, NULL);
    if (timeout_ms != 0)
        pause_ms(atomic_load(&starved_ms));
    return ready;
}

static void export_one(void) {
    otel_ledger ledger = { .size = sizeof ledger };
    EXPECT(atexit(be_slow) == 0);
    start_tracing();
    record("s");
    while (otel_sdk_ledger(&ledger), ledger.processors[0].in_flight == 0 || !atomic_load(&report->go))
        pause_ms(1);
}

/* The collector holds the answer. */
static void an_answer_that_comes_late(void) {
    export_one();
    atomic_store(&starved_ms, 250);
}

static void a_handshake_that_ends_late(void) {
    atomic_store(&starved_ms, 600);
    export_one();
}

static void stop_in_thread(void) {
    pthread_t thread;
    EXPECT(pthread_create(&thread, NULL, stop_patiently, NULL) == 0);
    pthread_detach(thread);
    pause_ms(20);
}

static void an_answer_that_comes_late_for_a_stop(void) {
    export_one();
    stop_in_thread();
}

static void a_handshake_that_ends_late_for_a_stop(void) {
    a_handshake_that_ends_late();
    stop_in_thread();
}

act *act_named(const char *name) {
    static const struct {
        const char *name;
        act *act;
    } acts[] = {
        { "load", act_load },
        { "handlers", handlers },
        { "handlers-after-stop", handlers_after_a_stop },
        { "handler-stops", a_handler_that_stops },
        { "handler-restarts", a_handler_that_restarts },
        { "handler-starts", a_handler_that_starts },
        { "quick-handler-stops", a_quick_handler_that_stops },
        { "destructors", destructors },
        { "destructors-after-stop", destructors_after_a_stop },
        { "destructors-after-exit-handler", destructors_after_the_exit_handler },
        { "destructors-of-exiting-thread", destructors_of_the_exiting_thread },
        { "scopes", scopes_and_live_spans },
        { "starts-and-stops", starts_and_stops },
        { "late-answer", an_answer_that_comes_late },
        { "late-handshake", a_handshake_that_ends_late },
        { "late-answer-for-stop", an_answer_that_comes_late_for_a_stop },
        { "late-handshake-for-stop", a_handshake_that_ends_late_for_a_stop },
    };
    for (size_t i = 0; i < sizeof acts / sizeof *acts; i++)
        if (strcmp(acts[i].name, name) == 0)
            return acts[i].act;
    return NULL;
}
