/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handler_test.c - signal handlers that record spans interrupt threads that do the same, at any instruction: nothing
 * hangs, no span is mixed up, and calls of handlers that interrupted the library are ignored and counted.
 *
 * Every span tells what it must look like: its number says which name, text and kind it has, and an attribute which
 * parent. The exporter compares. The argument says for how many seconds; 2 without one.
 */
#include "carrier.h"
#include "span_assert.h"

#include <errno.h>
#include <inttypes.h>
#include <otel/sdk.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <cmocka.h>

enum { RECORDERS = 3, TEXT = 700, NAME = 20, LONG_MS = 60000, TIMER_US = 100 };
/* Between flushes, so that the queue has room for nearly all spans. */
enum { ROUNDS = 100 };
/* Calls that a handler makes before it can know that it is not heard. */
enum { CALLS_IN_VAIN = 4 };

OTEL_TRACER(tracer, "handler_test");

static time_t seconds = 2;
static _Atomic bool enough;

/* ---- what a span must look like ---------------------------------------------------------------------------------- */

#define FROM_HANDLER (UINT64_C(1) << 40)

/* Without the functions of stdio, which a handler must not call. */
static void write_name(char *name, uint64_t number) {
    static const char digits[] = "0123456789abcdef";
    name[0] = number & FROM_HANDLER ? 'h' : 't';
    for (unsigned i = 1; i <= 16; i++, number <<= 4)
        name[i] = digits[number >> 60];
    name[17] = '\0';
}

/* Some fit into the record, some need a block of their own. */
static size_t write_text(char *text, uint64_t number) {
    const size_t len = number * 31 % TEXT;
    memset(text, (int)('a' + number % 26), len);
    return len;
}

static uint64_t id_of(const otel_span *span) {
    uint64_t id = 0;
    uint8_t bytes[8];
    otel_span_id(span, bytes);
    memcpy(&id, bytes, sizeof id);
    return id;
}

static otel_span begin(uint64_t number, const otel_span *parent) {
    char name[NAME], text[TEXT];
    write_name(name, number);
    const otel_span span =
        otel_span_start(tracer, OTEL_START(name, .kind = number & FROM_HANDLER ? OTEL_CLIENT : OTEL_SERVER,
                                           .attributes = OTEL_ATTRS(OTEL_ATTR("parent", (int64_t)id_of(parent)))));
    otel_set(&span, "number", (int64_t)number);
    otel_set(&span, "text", otel_strn(text, write_text(text, number)));
    otel_event(&span, "event", .attributes = OTEL_ATTRS(OTEL_ATTR("number", (int64_t)number)));
    return span;
}

/* ---- the exporter compares --------------------------------------------------------------------------------------- */

static char problem[256]; /* the first */
static uint64_t exported, exported_of_handlers;

static const otel_value *value_of(otel_attrs attributes, const char *key) {
    for (size_t i = 0; i < attributes.count; i++)
        if (strncmp(attributes.items[i].key.ptr, key, attributes.items[i].key.len) == 0)
            return &attributes.items[i].value;
    static const otel_value none;
    return &none;
}

static const char *compare_text(const otel_span_data *span, uint64_t number) {
    char name[NAME], text[TEXT];
    const otel_value *value = value_of(span->attributes, "text");
    write_name(name, number);
    if (span->name.len != strlen(name) || memcmp(span->name.ptr, name, span->name.len) != 0)
        return "name";
    if (value->type != OTEL_TYPE_STRING || value->len != write_text(text, number) ||
        memcmp(value->u.p, text, value->len) != 0)
        return "text";
    return NULL;
}

static const char *compare_events(const otel_span_data *span, uint64_t number) {
    if (span->event_count == 0 || (uint64_t)value_of(span->events[0].attributes, "number")->u.i != number)
        return "event";
    for (size_t i = 1; i < span->event_count; i++)
        if (span->events[i].name.len != 11 || memcmp(span->events[i].name.ptr, "interrupted", 11) != 0)
            return "event of a handler";
    return NULL;
}

static const char *compare(const otel_span_data *span) {
    const uint64_t number = (uint64_t)value_of(span->attributes, "number")->u.i;
    uint64_t parent = 0;
    if (span->parent_id)
        memcpy(&parent, span->parent_id, sizeof parent);
    if (span->attributes.count != 3)
        return "count of attributes";
    if (span->kind != (number & FROM_HANDLER ? OTEL_CLIENT : OTEL_SERVER))
        return "kind";
    if ((uint64_t)value_of(span->attributes, "parent")->u.i != parent)
        return "parent";
    const char *wrong = compare_text(span, number);
    exported_of_handlers += (number & FROM_HANDLER) != 0;
    return wrong ? wrong : compare_events(span, number);
}

static otel_status export_batch(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    (void)self;
    (void)timeout_ms;
    (void)outcome;
    for (size_t i = 0; i < otel_batch_count(batch); i++) {
        const otel_span_data *span = otel_batch_span(batch, i);
        const char *wrong = compare(span);
        if (wrong && !problem[0])
            snprintf(problem, sizeof problem, "%s of span '%.*s'", wrong, (int)span->name.len, span->name.ptr);
        exported++;
    }
    return OTEL_OK;
}

static const otel_exporter_ops ops = {
    .size = sizeof ops, .name = "comparing", .blocking = true, .export_batch = export_batch
};

/* ---- handlers ---------------------------------------------------------------------------------------------------- */

struct recorder {
    pthread_t thread;
    bool comes_and_goes; /* while its thread has no state, scopes cannot be opened on it */
    uint64_t numbers;
    _Atomic uint64_t handler_numbers;
    uint64_t made;
    _Atomic uint64_t heard, in_vain; /* handlers that interrupted the program, and the library */
    _Atomic uint64_t wrong;          /* what was current, or errno, was not as it had been; or a flush failed */
};

static _Thread_local struct recorder *me;

static bool same(const otel_span *a, const otel_span *b) { return memcmp(a, b, sizeof *a) == 0; }

static void record_in_handler(struct recorder *recorder, const otel_span *before, const otel_span *span) {
    static _Thread_local struct carrier carrier;
    otel_scope scope = otel_span_attach(span, true);
    const otel_span inside = otel_context_span(NULL);
    carrier.count = carrier.writes = 0;
    otel_inject(NULL, &carrier_setter, &carrier);
    otel_event(before, "interrupted");
    otel_scope_close(&scope);
    const otel_span after = otel_context_span(NULL);
    if (!recorder->comes_and_goes && (!same(&inside, span) || !same(&after, before)))
        atomic_fetch_add(&recorder->wrong, 1);
}

/* Whether it interrupted the library is the same from its beginning to its end: it tells from the span that it gets. */
static void handler(int signal_number) {
    (void)signal_number;
    const int saved = errno;
    errno = 77;
    const otel_span before = otel_context_span(NULL);
    const otel_span span = begin(FROM_HANDLER | atomic_fetch_add(&me->handler_numbers, 1), &before);
    if (otel_span_valid(&span)) {
        atomic_fetch_add(&me->heard, 1);
        record_in_handler(me, &before, &span);
    } else {
        otel_scope scope = otel_span_attach(&span, true);
        otel_inject(NULL, &carrier_setter, NULL);
        otel_scope_close(&scope);
        atomic_fetch_add(&me->in_vain, 1);
    }
    if (errno != 77)
        atomic_fetch_add(&me->wrong, 1);
    errno = saved;
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

static void block(int how) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGALRM);
    pthread_sigmask(how, &set, NULL);
}

/* As programs do between spans: a handler may interrupt malloc(), and must not need it. */
static void do_something_else(unsigned round) {
    void *blocks[16];
    for (unsigned i = 0; i < 16; i++)
        blocks[i] = malloc(16u << (round + i) % 12);
    for (unsigned i = 0; i < 16; i++)
        free(blocks[i]);
}

static void make_spans(struct recorder *recorder) {
    static const otel_span none;
    static _Thread_local struct carrier carrier;
    const otel_span outer = begin(recorder->numbers++, &none);
    otel_scope outer_scope = otel_span_attach(&outer, true);
    const otel_span inner = begin(recorder->numbers++, &outer);
    otel_scope inner_scope = otel_span_attach(&inner, false);
    carrier.count = carrier.writes = 0;
    otel_inject(NULL, &carrier_setter, &carrier);
    const otel_span current = otel_context_span(NULL);
    otel_scope_close(&inner_scope);
    otel_span_end(&inner);
    otel_scope_close(&outer_scope);
    const otel_span after = otel_context_span(NULL);
    if (!same(&current, &inner) || !same(&after, &none))
        atomic_fetch_add(&recorder->wrong, 1);
    recorder->made += 2;
}

/* Signals arrive once the thread has its state: before, handlers can open no scopes; record_once() is for that. */
static void *record(void *data) {
    struct recorder *recorder = data;
    me = recorder;
    make_spans(recorder);
    block(SIG_UNBLOCK);
    for (unsigned round = 0; !atomic_load(&enough); round++) {
        make_spans(recorder);
        do_something_else(round);
        if (round % ROUNDS == 0 && otel_sdk_flush(LONG_MS) != OTEL_OK)
            atomic_fetch_add(&recorder->wrong, 1);
    }
    block(SIG_BLOCK);
    return NULL;
}

/* Born, and dead, while signals arrive. */
static void *record_once(void *data) {
    me = data;
    block(SIG_UNBLOCK);
    make_spans(me);
    return NULL;
}

/* ---- signals ----------------------------------------------------------------------------------------------------- */

static struct recorder recorders[RECORDERS];

static void start_threads(void *(*body)(void *recorder)) {
    for (unsigned i = 0; i < RECORDERS; i++)
        assert_int_equal(pthread_create(&recorders[i].thread, NULL, body, &recorders[i]), 0);
}

static void join_threads(void) {
    for (unsigned i = 0; i < RECORDERS; i++)
        pthread_join(recorders[i].thread, NULL);
}

/* One for each thread; beside them there is a timer, whose signals interrupt handlers too. */
static void send_signals(void) {
    for (unsigned i = 0; i < RECORDERS; i++)
        pthread_kill(recorders[i].thread, SIGUSR1);
    nanosleep(&(struct timespec){ .tv_nsec = 1000 }, NULL);
}

static void set_timer(suseconds_t us) {
    const struct itimerval often = { { 0, us }, { 0, us } };
    setitimer(ITIMER_REAL, &often, NULL);
}

static bool time_is_up(time_t since) { return time(NULL) > since + seconds; }

/* ---- the test ---------------------------------------------------------------------------------------------------- */

static void start_sdk(void) {
    const struct sigaction action = { .sa_handler = handler, .sa_flags = SA_RESTART };
    sigaction(SIGUSR1, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    block(SIG_BLOCK);
    const otel_batch_options options = { .size = sizeof options, .schedule_delay_ms = 10 };
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(),
                                             .log_level = OTEL_LOG_ERROR, .start_worker = true,
                                             .processors = OTEL_PROCESSORS(
                                                 otel_batch_processor(&options, otel_exporter_create(&ops, NULL))))),
                     OTEL_OK);
    const otel_span first = begin(0, &(otel_span){ { 0 } });
    otel_span_end(&first);
}

static int begin_test(void **state) {
    (void)state;
    memset(recorders, 0, sizeof recorders);
    exported = exported_of_handlers = 0;
    for (uint64_t i = 0; i < RECORDERS; i++) {
        recorders[i].numbers = (i + 1) << 48;
        atomic_store(&recorders[i].handler_numbers, (i + 1) << 48);
    }
    atomic_store(&enough, false);
    start_sdk();
    set_timer(TIMER_US);
    return 0;
}

static void account(uint64_t at_least) {
    uint64_t made = 1, heard = 0, in_vain = 0, wrong = 0;
    otel_ledger ledger;
    set_timer(0);
    for (unsigned i = 0; i < RECORDERS; i++) {
        made += recorders[i].made + recorders[i].heard;
        heard += recorders[i].heard;
        in_vain += recorders[i].in_vain;
        wrong += recorders[i].wrong;
    }
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_ledger(&ledger);
    const otel_ledger_processor *batch = &ledger.processors[0];
    printf("measured: handlers in %d s: %" PRIu64 " interrupted the program and were recorded, %" PRIu64
           " interrupted the library; %" PRIu64 " spans, %" PRIu64 " compared, %" PRIu64 " of them of handlers\n",
           (int)seconds, heard, in_vain, made, exported, exported_of_handlers);
    assert_string_equal(problem, "");
    assert_int_equal(wrong, 0);
    assert_int_equal(ledger.started + ledger.refused, made);
    assert_int_equal(ledger.live + ledger.abandoned + ledger.dropped_attributes + ledger.dropped_events, 0);
    assert_int_equal(batch->exported + batch->dropped_queue_full, ledger.ended);
    assert_int_equal(batch->exported, exported);
    assert_int_equal(ledger.interrupted_calls, in_vain * CALLS_IN_VAIN);
    assert_true(heard >= at_least && in_vain >= at_least && exported_of_handlers > 0);
}

static void handlers_may_record_whatever_they_interrupt(void **state) {
    (void)state;
    start_threads(record);
    for (const time_t since = time(NULL); !time_is_up(since);)
        send_signals();
    atomic_store(&enough, true);
    join_threads();
    account(100);
}

static void threads_may_be_interrupted_as_they_come_and_go(void **state) {
    (void)state;
    for (unsigned i = 0; i < RECORDERS; i++)
        recorders[i].comes_and_goes = true;
    for (const time_t since = time(NULL); !time_is_up(since);) {
        start_threads(record_once);
        for (unsigned i = 0; i < 3; i++)
            send_signals();
        join_threads();
    }
    account(1);
}

int main(int count, char **arguments) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(handlers_may_record_whatever_they_interrupt, begin_test),
        cmocka_unit_test_setup(threads_may_be_interrupted_as_they_come_and_go, begin_test),
    };
    if (count > 1)
        seconds = atoi(arguments[1]);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
