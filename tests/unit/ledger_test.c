/* SPDX-License-Identifier: Apache-2.0 */
/* ledger_test.c - every span is accounted for, whatever became of it, at any moment at which no call is running. */
#include "ledger.h"

#include "exporter_double.h"
#include "in_child.h"
#include "record.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { NEVER_MS = 3600 * 1000, LONG_MS = 20000, THREADS = 4, SPANS_EACH = 5000 };

OTEL_TRACER(lib, "lib");

static struct exporter_double held, healthy;

static otel_processor *batch_of(struct exporter_double *exporter, int queue, int batch) {
    const otel_batch_options options = {
        .size = sizeof options, .max_queue_size = queue, .max_batch_size = batch, .schedule_delay_ms = NEVER_MS
    };
    exporter->blocking = true;
    return otel_batch_processor(&options, exporter_double_make(exporter));
}

static void start_sdk(otel_sampler *sampler, otel_processors processors) {
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = sampler, .log_level = OTEL_LOG_NONE,
                                             .processors = processors)),
                     OTEL_OK);
}

static int stop(void **state) {
    (void)state;
    otel_ledger ledger;
    atomic_store(&held.hold, 0);
    otel_sdk_stop(LONG_MS);
    assert_ledger(&ledger);
    exporter_double_reset(&held);
    exporter_double_reset(&healthy);
    return 0;
}

static otel_ledger ledger_now(void) {
    otel_ledger ledger;
    assert_ledger(&ledger);
    return ledger;
}

static void end_spans(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        const otel_span span = otel_span_start(lib, NULL);
        otel_span_end(&span);
    }
}

static void end_for_processors_only(void) {
    const otel_span span = otel_span_start(lib, NULL);
    struct otel__record *record = otel__record_lock(&span);
    record->span.opaque_[OTEL__W_META] &= ~(uint64_t)OTEL_FLAG_SAMPLED;
    otel__record_unlock(record);
    otel_span_end(&span);
}

static void flush_with(otel_status status, uint64_t rejects, unsigned spans) {
    atomic_store(&held.export_status, (int)status);
    atomic_store(&held.rejects, rejects);
    end_spans(spans);
    otel_sdk_flush(LONG_MS);
}

/* Each fate in turn, in numbers that tell them apart; then all fates are in the ledger at once. */
static void every_fate_is_counted_and_all_add_up(void **state) {
    (void)state;
    start_sdk(otel_sampler_always_on(), OTEL_PROCESSORS(batch_of(&held, 10, 10), batch_of(&healthy, 1000, 1000)));
    flush_with(OTEL_OK, 0, 1);
    flush_with(OTEL_OK, 2, 5);
    flush_with(OTEL_ERR_EXPORT, 0, 7);
    for (unsigned i = 0; i < 4; i++)
        end_for_processors_only();
    const otel_span live[3] = { otel_span_start(lib, NULL), otel_span_start(lib, NULL), otel_span_start(lib, NULL) };
    atomic_store(&held.hold, HOLD_EXPORT);
    end_spans(10);
    assert_soon(atomic_load(&held.held) == 1);
    end_spans(10);
    end_spans(6);
    const otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.started, 46);
    assert_int_equal(ledger.ended, 43);
    assert_int_equal(ledger.live, 3);
    assert_int_equal(ledger.abandoned + ledger.unsampled + ledger.refused, 0);
    assert_int_equal(ledger.processor_count, 2);
    const otel_ledger_processor *p = &ledger.processors[0];
    assert_int_equal(p->ended, 43);
    assert_int_equal(p->exported, 4);
    assert_int_equal(p->rejected, 2);
    assert_int_equal(p->dropped_failed, 7);
    assert_int_equal(p->not_sampled, 4);
    assert_int_equal(p->in_flight, 10);
    assert_int_equal(p->queued, 10);
    assert_int_equal(p->dropped_queue_full, 6);
    assert_int_equal(p->dropped_stopped, 0);
    assert_int_equal(p->exports, 4);
    const otel_ledger_processor *other = &ledger.processors[1];
    assert_int_equal(other->ended, 43);
    assert_int_equal(other->exported, 13);
    assert_int_equal(other->queued, 26);
    assert_int_equal(other->not_sampled, 4);
    /* What is queued when time is up is dropped; what is on its way comes back. */
    assert_int_equal(otel_sdk_stop(20), OTEL_ERR_TIMEOUT);
    const otel_ledger last = ledger_now();
    assert_int_equal(last.abandoned, 3);
    assert_int_equal(last.live, 0);
    assert_int_equal(last.processors[0].dropped_stopped, 10);
    assert_int_equal(last.processors[0].queued + last.processors[0].in_flight, 0);
    otel_span_end(&live[0]);
    assert_int_equal(ledger_now().ended, 43);
}

static void spans_that_are_never_recorded_are_counted_apart(void **state) {
    (void)state;
    start_sdk(otel_sampler_trace_id_ratio(0.5), OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&healthy))));
    end_spans(1000);
    const otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.started + ledger.unsampled, 1000);
    assert_in_range(ledger.started, 300, 700);
    assert_int_equal(ledger.processors[0].exported, ledger.started);
    assert_int_equal(ledger.processors[0].not_sampled, 0);
}

static void use_the_api(int signal_number) {
    (void)signal_number;
    const otel_span span = otel_span_start(lib, NULL);
    otel_span_end(&span);
}

static void be_interrupted(struct exporter_double *me, otel_batch *batch) {
    (void)me;
    (void)batch;
    raise(SIGUSR1);
}

static void calls_that_are_ignored_are_counted_since_the_start(void **state) {
    (void)state;
    signal(SIGUSR1, use_the_api);
    healthy.during = be_interrupted;
    for (unsigned round = 0; round < 2; round++) {
        start_sdk(otel_sampler_always_on(), OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&healthy))));
        assert_int_equal(ledger_now().interrupted_calls, 0);
        end_spans(3);
        const otel_ledger ledger = ledger_now();
        assert_in_range(ledger.interrupted_calls, 3, 6);
        assert_int_equal(ledger.started, 3);
        assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
        assert_int_equal(ledger_now().interrupted_calls, ledger.interrupted_calls);
        atomic_store(&healthy.shutdowns, 0);
    }
    signal(SIGUSR1, SIG_DFL);
}

static int has_counted_nothing(void *argument) {
    (void)argument;
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    STEP(ledger.started == 0);
    STEP(ledger.interrupted_calls == 0);
    end_spans(2);
    otel_sdk_ledger(&ledger);
    STEP(ledger.started == 2);
    STEP(ledger.interrupted_calls >= 2 && ledger.interrupted_calls <= 4);
    return 0;
}

static void a_child_counts_the_calls_that_it_ignored_itself(void **state) {
    (void)state;
    signal(SIGUSR1, use_the_api);
    healthy.during = be_interrupted;
    start_sdk(otel_sampler_always_on(), OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&healthy))));
    end_spans(5);
    const otel_ledger before = ledger_now();
    assert_int_not_equal(before.interrupted_calls, 0);
    fflush(NULL);
    assert_int_equal(in_child(has_counted_nothing, NULL), 0);
    assert_int_equal(ledger_now().interrupted_calls, before.interrupted_calls);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    signal(SIGUSR1, SIG_DFL);
}

/* Threads that end spans of others, and threads that are gone, count as much as any. */
static otel_span handed_over[THREADS][SPANS_EACH];

static void *end_those_of_another(void *data) {
    const otel_span *spans = data;
    for (unsigned i = 0; i < SPANS_EACH; i++)
        otel_span_end(&spans[i]);
    return NULL;
}

static void spans_may_end_on_other_threads(void **state) {
    (void)state;
    pthread_t threads[THREADS];
    start_sdk(otel_sampler_always_on(), OTEL_PROCESSORS(batch_of(&healthy, THREADS * SPANS_EACH, 512)));
    for (unsigned t = 0; t < THREADS; t++)
        for (unsigned i = 0; i < SPANS_EACH; i++)
            handed_over[t][i] = otel_span_start(lib, NULL);
    assert_int_equal(ledger_now().live, THREADS * SPANS_EACH);
    for (unsigned t = 0; t < THREADS; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, end_those_of_another, handed_over[t]), 0);
    for (unsigned t = 0; t < THREADS; t++)
        pthread_join(threads[t], NULL);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    const otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.ended, THREADS * SPANS_EACH);
    assert_int_equal(ledger.live, 0);
    assert_int_equal(ledger.processors[0].exported, THREADS * SPANS_EACH);
}

/* No call runs, but the worker does: readers find a span in one place or in the next, never in both or in none. */
static void spans_on_their_way_are_counted_once(void **state) {
    (void)state;
    enum { MANY = 20000 };
    start_sdk(otel_sampler_always_on(), OTEL_PROCESSORS(batch_of(&held, MANY, 1)));
    atomic_store(&held.hold, HOLD_EXPORT);
    end_spans(MANY);
    atomic_store(&held.hold, 0);
    while (ledger_now().processors[0].exported < MANY) {}
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
}

static void a_ledger_without_a_provider_has_no_processors(void **state) {
    (void)state;
    start_sdk(otel_sampler_always_on(), OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&healthy))));
    end_spans(2);
    otel_ledger ledger;
    otel__ledger_read(&ledger, NULL, 5);
    assert_int_equal(ledger.size, sizeof ledger);
    assert_int_equal(ledger.started, 2);
    assert_int_equal(ledger.abandoned, 5);
    assert_int_equal(ledger.processor_count, 0);
}

#define test(name) cmocka_unit_test_teardown(name, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(every_fate_is_counted_and_all_add_up),
        test(spans_that_are_never_recorded_are_counted_apart),
        test(calls_that_are_ignored_are_counted_since_the_start),
        test(a_child_counts_the_calls_that_it_ignored_itself),
        test(spans_may_end_on_other_threads),
        test(spans_on_their_way_are_counted_once),
        test(a_ledger_without_a_provider_has_no_processors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
