/* SPDX-License-Identifier: Apache-2.0 */
/*
 * any_calls_test.c - threads that call everything with anything, while SDKs start and stop under them. Nothing may
 * crash, which the sanitizers judge best, and the ledger must add up whenever an SDK has stopped.
 *
 * ANY_CALLS_SEED in the environment repeats a run as far as threads can repeat one.
 */
#include "carrier.h"

#include <otel/console.h>
#include <otel/memory.h>
#include <otel/sdk.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

enum { THREADS = 4, ROUNDS = 8, ROUND_MS = 150, SPANS = 32, SCOPES = 16, JUNK = 8192, MOST = 5, NESTED = 3 };

static char junk[JUNK];
static atomic_bool over;
static otel_tracer tracers[] = {
    { .name = "a" }, { .name = "b", .version = "1" }, { .name = "\xff" }, { .name = NULL }
};

/* Spans that all threads use, whoever started them and whether or not they have ended. */
static struct {
    pthread_mutex_t lock;
    otel_span items[SPANS];
} common = { .lock = PTHREAD_MUTEX_INITIALIZER };

struct caller {
    uint64_t random;
    otel_scope scopes[SCOPES];
    unsigned open;
    otel_attr items[MOST];    /* of the last any_attributes() */
    otel_value array[NESTED]; /* of the last any_nested() */
    otel_attr map[NESTED];
};

/* ---- anything ---------------------------------------------------------------------------------------------------- */

static unsigned below(struct caller *caller, unsigned bound) {
    caller->random ^= caller->random << 13;
    caller->random ^= caller->random >> 7;
    caller->random ^= caller->random << 17;
    return (unsigned)(caller->random >> 16) % bound;
}

static otel_str any_text(struct caller *caller) {
    const size_t len = below(caller, below(caller, 20) ? 40 : JUNK / 2);
    switch (below(caller, 20)) {
    case 0:
        return (otel_str){ NULL, len };
    case 1:
        return (otel_str){ junk, SIZE_MAX - len };
    default:
        return otel_strn(junk + below(caller, JUNK / 2), len);
    }
}

static otel_value any_array(struct caller *caller) {
    static const otel_str texts[] = { { "x", 1 }, { NULL, 9 }, { "\xc3\xa4\xff", 3 } };
    static const int64_t ints[] = { INT64_MIN, 0, INT64_MAX };
    static const double doubles[] = { -0.0, 1e308, 0.1 };
    const size_t count = below(caller, 4);
    switch (below(caller, 4)) {
    case 0:
        return otel_strings(texts, count);
    case 1:
        return otel_bools((const bool *)(const void *)junk, count);
    case 2:
        return otel_ints(ints, count);
    default:
        return otel_doubles(doubles, count);
    }
}

/* Some hold themselves, at most in two ways; some have keys that are none, or one twice. */
static otel_value any_nested(struct caller *caller, otel_str text) {
    otel_value *array = caller->array;
    otel_attr *map = caller->map;
    const otel_value of_values = otel_array(array, 1 + below(caller, NESTED));
    const otel_value of_attrs = otel_map((otel_attrs){ map, 1 + below(caller, NESTED) });
    for (size_t i = 0; i < NESTED; i++) {
        const otel_value inner = any_array(caller);
        array[i] = i == 0 && below(caller, 2) ? (below(caller, 2) ? of_attrs : of_values) : inner;
        map[i] = (otel_attr){ below(caller, 4) ? otel_cstr("k") : text,
                              i == 0 && below(caller, 2) ? of_values : otel_bytes(junk, text.len % 64) };
    }
    return below(caller, 2) ? of_values : of_attrs;
}

static otel_value any_value(struct caller *caller) {
    const otel_str text = any_text(caller);
    switch (below(caller, 9)) {
    case 8:
        return any_nested(caller, text);
    case 0:
        return otel_uint(UINT64_MAX - text.len);
    case 1:
        return otel_double((double)text.len / 3);
    case 2:
        return otel_bool(text.len & 1);
    case 3:
        return otel_bytes(text.ptr, text.len);
    case 4:
        return any_array(caller);
    case 5: /* of any type, with a length but no bytes, or with bytes that no memory has */
        return (otel_value){ .type = (otel_type)below(caller, 20),
                             .len = SIZE_MAX / (1 + below(caller, 32)),
                             .u.p = below(caller, 2) ? junk : NULL };
    default:
        return otel_stringn(text.ptr, text.len);
    }
}

/* Valid until the next call with the same caller. */
static otel_attrs any_attributes(struct caller *caller) {
    const size_t count = below(caller, MOST + 1);
    for (size_t i = 0; i < count; i++)
        caller->items[i] = (otel_attr){ .key = any_text(caller), .value = any_value(caller) };
    switch (below(caller, 20)) {
    case 0:
        return (otel_attrs){ NULL, count };
    case 1:
        return (otel_attrs){ caller->items, SIZE_MAX };
    default:
        return (otel_attrs){ caller->items, count };
    }
}

/* Now and then one that never was, a bit away from one that is. */
static otel_span any_span(struct caller *caller) {
    pthread_mutex_lock(&common.lock);
    otel_span span = common.items[below(caller, SPANS)];
    pthread_mutex_unlock(&common.lock);
    if (below(caller, 30) == 0)
        span.opaque_[below(caller, 6)] ^= UINT64_C(1) << below(caller, 64);
    return span;
}

/* Ends what stood in its place. */
static void share(struct caller *caller, const otel_span *span) {
    const unsigned place = below(caller, SPANS);
    pthread_mutex_lock(&common.lock);
    const otel_span former = common.items[place];
    common.items[place] = *span;
    pthread_mutex_unlock(&common.lock);
    otel_span_end(&former);
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static void start(struct caller *caller) {
    const otel_span other = any_span(caller);
    const otel_link links[] = { { .span = any_span(caller) }, { .span = other } };
    otel_context parent = otel_context_with_span(NULL, &other);
    const otel_span span = otel_span_start(
        &tracers[below(caller, sizeof tracers / sizeof *tracers)],
        OTEL_START("any", .kind = (otel_kind)below(caller, 8), .root = below(caller, 4) == 0,
                   .parent = below(caller, 2) ? &parent : NULL, .attributes = any_attributes(caller),
                   .links = { links, below(caller, 3) }, .start_time = below(caller, 9) ? 0 : below(caller, 1000)));
    otel_context_release(&parent);
    share(caller, &span);
}

static void start_in_a_block(struct caller *caller) {
    OTEL_SPAN(span, &tracers[0], "block");
    otel_set(&span, "k", below(caller, 9));
    share(caller, &span);
}

static void set(struct caller *caller) {
    const otel_span span = any_span(caller);
    const otel_value value = any_value(caller);
    otel_span_set_value(&span, any_text(caller), &value);
}

static void tell(struct caller *caller) {
    const otel_span span = any_span(caller);
    const otel_link link = { .span = any_span(caller), .attributes = any_attributes(caller) };
    otel_span_add_link(&span, &link);
    otel_event(&span, "event", .attributes = any_attributes(caller));
    otel_exception(&span, "Exception", .attributes = any_attributes(caller));
}

static void change(struct caller *caller) {
    const otel_span span = any_span(caller);
    otel_span_set_name_str(&span, any_text(caller));
    otel_span_set_status_str(&span, (otel_code)below(caller, 5), any_text(caller));
    otel_span_fail_str(&span, any_text(caller), any_text(caller));
}

static void end(struct caller *caller) {
    const otel_span span = any_span(caller);
    otel_span_end_at(&span, below(caller, 3) ? 0 : below(caller, 1000));
}

static void attach(struct caller *caller) {
    const otel_span span = any_span(caller);
    if (caller->open < SCOPES)
        caller->scopes[caller->open++] = otel_span_attach(&span, below(caller, 2));
}

/* Mostly the youngest; closing another one closes those above it. */
static void detach(struct caller *caller) {
    if (caller->open == 0)
        return;
    const unsigned index = below(caller, 4) ? caller->open - 1 : below(caller, caller->open);
    otel_scope_close(&caller->scopes[index]);
    caller->open = index;
}

static void travel(struct caller *caller) {
    struct carrier carrier = { 0 };
    otel_inject(NULL, &carrier_setter, &carrier);
    otel_context context = otel_extract(NULL, &carrier_getter, &carrier);
    if (caller->open < SCOPES)
        caller->scopes[caller->open++] = otel_context_attach(&context);
    otel_context_release(&context);
}

static void use_tracestate(struct caller *caller) {
    const otel_span span = any_span(caller);
    bool ok;
    otel_tracestate states[] = { otel_span_tracestate(&span), otel_tracestate_parse(any_text(caller)), { { 0 } } };
    states[2] = otel_tracestate_set(&states[below(caller, 2)], any_text(caller), any_text(caller), &ok);
    (void)otel_tracestate_get(&states[2], otel_cstr("ot"));
    for (size_t i = 0; i < 3; i++)
        otel_tracestate_release(&states[i]);
}

static void look(struct caller *caller) {
    const otel_span span = any_span(caller);
    otel_ledger ledger = { .size = below(caller, 2 * sizeof ledger) };
    (void)otel_span_recording(&span);
    (void)otel_tracer_enabled(&tracers[0], NULL);
    if (below(caller, 50) == 0 && ledger.size <= sizeof ledger)
        otel_sdk_ledger(&ledger);
    if (below(caller, 500) == 0)
        (void)otel_sdk_flush((int)below(caller, 20));
}

static void *call(void *data) {
    static void (*const calls[])(struct caller * caller) = { start, start_in_a_block, set,    tell,   change,
                                                             end,   attach,           detach, travel, use_tracestate,
                                                             look };
    struct caller *caller = data;
    while (!atomic_load(&over))
        calls[below(caller, sizeof calls / sizeof *calls)](caller);
    return NULL;
}

/* ---- rounds ------------------------------------------------------------------------------------------------------ */

static void ignore(void *data, otel_log_level level, const char *text) {
    (void)data;
    (void)level;
    (void)text;
}

static otel_sampler *any_sampler(struct caller *caller) {
    switch (below(caller, 3)) {
    case 0:
        return otel_sampler_trace_id_ratio(0.5);
    case 1:
        return otel_sampler_parent_based_root(otel_sampler_trace_id_ratio(0.7));
    default:
        return otel_sampler_always_on();
    }
}

static void start_sdk(struct caller *caller, otel_memory *memory, FILE *nowhere) {
    const otel_batch_options options = { .size = sizeof options,
                                         .max_queue_size = 1 + (int)below(caller, 3000),
                                         .max_batch_size = 1 + (int)below(caller, 200),
                                         .schedule_delay_ms = 1 + (int)below(caller, 20) };
    otel_error why;
    if (otel_sdk_start(
            OTEL_SDK(.service_name = "any", .sampler = any_sampler(caller), .diagnostic = ignore,
                     .processors = OTEL_PROCESSORS(otel_simple_processor(otel_memory_exporter(memory)),
                                                   otel_batch_processor(&options, otel_console_exporter(nowhere))),
                     .error = &why)) != OTEL_OK)
        fail_msg("%s", why.text);
}

static void check_ledger(void) {
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    assert_true(ledger.started > 0);
    assert_int_equal(ledger.started, ledger.ended + ledger.live + ledger.abandoned);
    assert_int_equal(ledger.processor_count, 2);
    for (size_t i = 0; i < ledger.processor_count; i++) {
        const otel_ledger_processor *of = &ledger.processors[i];
        assert_int_equal(of->ended, ledger.ended);
        assert_int_equal(of->ended, of->exported + of->rejected + of->dropped_queue_full + of->dropped_failed +
                                        of->dropped_too_large + of->dropped_stopped + of->queued + of->in_flight +
                                        of->not_sampled);
    }
}

static void check_spans(otel_memory *memory) {
    otel_memory_spans *spans = otel_memory_snapshot(memory);
    for (size_t i = 0; i < otel_memory_spans_count(spans); i++) {
        const otel_span_data *span = otel_memory_spans_at(spans, i);
        assert_true(span->ended && span->end_time >= span->start_time);
        assert_true(span->attributes.count <= 128 && span->event_count <= 128 && span->link_count <= 128);
    }
    otel_memory_spans_release(spans);
}

static void run_round(struct caller *caller, FILE *nowhere, bool stop_under_them) {
    static struct caller callers[THREADS];
    pthread_t threads[THREADS];
    otel_memory *memory = otel_memory_create(1000);
    start_sdk(caller, memory, nowhere);
    atomic_store(&over, false);
    for (unsigned i = 0; i < THREADS; i++) {
        callers[i] = (struct caller){ .random = caller->random + i };
        assert_int_equal(pthread_create(&threads[i], NULL, call, &callers[i]), 0);
    }
    nanosleep(&(struct timespec){ .tv_nsec = ROUND_MS * 1000000L }, NULL);
    if (stop_under_them)
        assert_int_equal(otel_sdk_stop(-1), OTEL_OK);
    atomic_store(&over, true);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL); /* scopes that are still open end with the thread */
    assert_int_equal(otel_sdk_stop(-1), OTEL_OK);
    check_ledger();
    check_spans(memory);
    otel_memory_release(memory);
}

static void whatever_is_called_the_ledger_adds_up(void **state) {
    (void)state;
    const char *seed = getenv("ANY_CALLS_SEED");
    struct caller caller = { .random = seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL) * 2654435761u + 1 };
    FILE *nowhere = fopen("/dev/null", "w");
    assert_non_null(nowhere);
    print_message("    ANY_CALLS_SEED=%llu\n", (unsigned long long)caller.random);
    for (size_t i = 0; i < JUNK; i++)
        junk[i] = (char)(below(&caller, 4) ? "abc=,;:ot- "[below(&caller, 11)] : (char)below(&caller, 256));
    for (int round = 0; round < ROUNDS; round++)
        run_round(&caller, nowhere, round % 2);
    fclose(nowhere);
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(whatever_is_called_the_ledger_adds_up) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
