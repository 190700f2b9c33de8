/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stop_load_test.c - an SDK is stopped while eight threads record, again and again. Spans that ended before the stop
 * arrive; no other is lost without being counted; calls that come too late do nothing.
 */
#include "collector.h"
#include "stop_fixture.h"

#include "exporter_double.h"

#include <pthread.h>

enum { THREADS = 8, MOST = 4000, LATE = 200 };

OTEL_TRACER(tracer, "load");

static struct collector collector;
static uint64_t arrivals[THREADS * (MOST + LATE)]; /* ids, in order */
static unsigned rounds = UNDER_TSAN ? 20 : UNDER_ASAN ? 30 : 100;

/* What a thread made in one round. */
static struct maker {
    pthread_t thread;
    unsigned sampled; /* spans that the SDK took */
    unsigned ended;   /* those that had ended before the stop was called, whose ids follow */
    uint64_t ids[MOST + LATE];
    otel_span left; /* of an SDK that is gone: used again and again */
} makers[THREADS];

static atomic_bool stopping, over;

/* ---- recording --------------------------------------------------------------------------------------------------- */

static void use(const otel_span *span) {
    otel_set(span, "number", 5);
    otel_set(span, "text", "some text of a usual length");
    otel_span_add_event(span, NULL);
    otel_span_set_name(span, "renamed");
}

static void make_one(struct maker *maker) {
    uint8_t id[8];
    const otel_span span = otel_span_start(tracer, OTEL_START("made"));
    use(&span);
    otel_span_id(&span, id);
    otel_span_end(&span);
    if (!otel_span_sampled(&span))
        return;
    maker->sampled++;
    if (!atomic_load(&stopping))
        maker->ids[maker->ended++] = id_number(id);
}

/* Until it is over, as fast as possible; at most so much that all can wait in the queue. */
static void *make(void *data) {
    struct maker *maker = data;
    while (!atomic_load(&over) && maker->sampled < MOST) {
        make_one(maker);
        if (maker->sampled % 64 == 0) {
            use(&maker->left);
            otel_span_end(&maker->left);
        }
    }
    for (unsigned i = 0; i < LATE; i++)
        make_one(maker);
    return NULL;
}

/* Nor may who asks for the ledger meanwhile look at an SDK that is gone. */
static void *ask(void *unused) {
    otel_ledger ledger = { .size = sizeof ledger };
    while (!atomic_load(&over))
        otel_sdk_ledger(&ledger);
    return unused;
}

/* A life under load of `ms`. Returns what the stop said. */
static otel_status live(int queue, int batch, unsigned ms, int stop_ms) {
    const otel_otlp_options otlp = { .size = sizeof otlp, .traces_endpoint = collector.url };
    const otel_batch_options options = {
        .size = sizeof options, .max_queue_size = queue, .max_batch_size = batch, .schedule_delay_ms = 5
    };
    json_decref(collector_tell(&collector, "forget"));
    pthread_t asker;
    atomic_store(&stopping, false);
    atomic_store(&over, false);
    stop_start_with(OTEL_PROCESSORS(otel_batch_processor(&options, otel_otlp_exporter(&otlp))));
    assert_int_equal(pthread_create(&asker, NULL, ask, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++) {
        makers[i].sampled = makers[i].ended = 0;
        assert_int_equal(pthread_create(&makers[i].thread, NULL, make, &makers[i]), 0);
    }
    stop_sleep_ms(ms);
    atomic_store(&stopping, true);
    const otel_status said = otel_sdk_stop(stop_ms);
    atomic_store(&over, true);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(makers[i].thread, NULL);
    pthread_join(asker, NULL);
    return said;
}

/* ---- checking ---------------------------------------------------------------------------------------------------- */

static size_t read_arrivals(void) {
    collector_settle(&collector);
    return collector_ids(&collector, arrivals, sizeof arrivals / sizeof *arrivals);
}

/* Spans that had ended before the stop and did not arrive. */
static uint64_t count_missing(size_t arrived) {
    uint64_t missing = 0;
    for (unsigned t = 0; t < THREADS; t++)
        for (unsigned i = 0; i < makers[t].ended; i++)
            missing += !bsearch(&makers[t].ids[i], arrivals, arrived, sizeof *arrivals, by_number);
    return missing;
}

/* Everything that the threads made is in the ledger. */
static otel_ledger check_ledger(void) {
    uint64_t made = 0;
    const otel_ledger ledger = stop_ledger();
    for (unsigned t = 0; t < THREADS; t++)
        made += makers[t].sampled;
    assert_int_equal(ledger.started, made);
    assert_int_equal(ledger.live, 0);
    assert_int_equal(ledger.processors[0].queued + ledger.processors[0].in_flight, 0);
    return ledger;
}

static void leave_a_span(void) {
    stop_start_with(OTEL_PROCESSORS(stop_processor(collector.url, 512, EXPORTER_MS)));
    for (unsigned t = 0; t < THREADS; t++)
        makers[t].left = otel_span_start(tracer, OTEL_START("left"));
    assert_int_equal(otel_sdk_stop(NEVER_MS), OTEL_OK);
    assert_int_equal(stop_ledger().abandoned, THREADS);
}

/* ---- the tests --------------------------------------------------------------------------------------------------- */

static void what_ended_before_the_stop_arrives(void **state) {
    (void)state;
    uint64_t before = 0, all = 0, abandoned = 0;
    leave_a_span();
    for (unsigned round = 0; round < rounds; round++) {
        assert_int_equal(live(65536, 512, round % 16, NEVER_MS), OTEL_OK);
        const otel_ledger ledger = check_ledger();
        const size_t arrived = read_arrivals();
        assert_int_equal(ledger.refused + ledger.processors[0].dropped_queue_full, 0);
        assert_int_equal(ledger.processors[0].exported, ledger.ended);
        assert_int_equal(arrived, ledger.ended);
        assert_int_equal(count_missing(arrived), 0);
        for (unsigned t = 0; t < THREADS; t++)
            before += makers[t].ended;
        all += arrived;
        abandoned += ledger.abandoned;
    }
    print_message("measured: stop under load: %u rounds, 8 threads: %llu spans ended before the stops and %llu during "
                  "them, all arrived; %llu were cut off\n",
                  rounds, (unsigned long long)before, (unsigned long long)(all - before),
                  (unsigned long long)abandoned);
    assert_true(before > 0);
}

/* A queue that overflows: what is lost is lost by being counted. */
static void what_a_full_queue_costs_is_counted(void **state) {
    (void)state;
    uint64_t lost = 0, all = 0;
    for (unsigned round = 0; round < rounds; round++) {
        assert_int_equal(live(64, 16, round % 16, NEVER_MS), OTEL_OK);
        const otel_ledger ledger = check_ledger();
        const size_t arrived = read_arrivals();
        assert_int_equal(arrived, ledger.processors[0].exported);
        assert_int_equal(arrived + ledger.processors[0].dropped_queue_full, ledger.ended);
        assert_in_range(count_missing(arrived), 0, ledger.processors[0].dropped_queue_full);
        lost += ledger.processors[0].dropped_queue_full;
        all += ledger.ended;
    }
    print_message("measured: stop under load: full queues: %u rounds: %llu spans ended, %llu lost and counted\n",
                  rounds, (unsigned long long)all, (unsigned long long)lost);
}

/* Stops without time for all of it, or for any. What was under way then may arrive and count as lost, never more. */
static void what_there_was_no_time_for_is_counted(void **state) {
    (void)state;
    uint64_t lost = 0, all = 0, arrived_all = 0;
    unsigned timeouts = 0;
    for (unsigned round = 0; round < rounds; round++) {
        timeouts += live(65536, 512, round % 16, (int)(round % 4)) == OTEL_ERR_TIMEOUT;
        stop_nothing_left();
        const otel_ledger ledger = check_ledger();
        const otel_ledger_processor *p = &ledger.processors[0];
        const size_t arrived = read_arrivals();
        assert_int_equal(p->exported + p->dropped_failed + p->dropped_stopped, ledger.ended);
        assert_in_range(arrived, p->exported, p->exported + p->dropped_failed);
        lost += p->dropped_failed + p->dropped_stopped;
        all += ledger.ended;
        arrived_all += arrived;
    }
    print_message("measured: stop under load: 0 to 3 ms: %u rounds, %u out of time: %llu spans ended, %llu lost and "
                  "counted, %llu arrived\n",
                  rounds, timeouts, (unsigned long long)all, (unsigned long long)lost, (unsigned long long)arrived_all);
}

/* ---- the program ------------------------------------------------------------------------------------------------- */

static int group_setup(void **state) {
    collector_start(&collector, NULL);
    return stop_group_setup(state);
}

static int group_teardown(void **state) {
    (void)state;
    json_decref(collector_stop(&collector));
    return 0;
}

#define test(name) cmocka_unit_test_teardown(name, stop_teardown)

int main(int argc, char **argv) {
    stop_options(argc, argv);
    if (stop_attempts == ATTEMPTS)
        rounds = 2000;
    const struct CMUnitTest tests[] = {
        test(what_ended_before_the_stop_arrives),
        test(what_a_full_queue_costs_is_counted),
        test(what_there_was_no_time_for_is_counted),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
