/* SPDX-License-Identifier: Apache-2.0 */
/*
 * many_threads_test.c - 64 threads record all at once: every span is exported once or counted as what became of it, and
 * none is lost as long as the queue has room.
 *
 * The argument says for how many seconds each test records; 1 without one.
 */
#include "exporter_double.h"

#include <inttypes.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <cmocka.h>

enum { THREADS = 64, AT_ONCE = 8, TIMES = 4, LONG_MS = 60000, IDS_MOST = 1 << 26 };

OTEL_TRACER(tracer, "many_threads_test");

static time_t seconds = 1;
static struct exporter_double seen;

/* ---- what was exported ------------------------------------------------------------------------------------------- */

static uint64_t *ids; /* room for so many that only those in use are touched */
static size_t id_count;

static void note_ids(struct exporter_double *me, otel_batch *batch) {
    (void)me;
    for (size_t i = 0; i < otel_batch_count(batch) && id_count < IDS_MOST; i++)
        memcpy(&ids[id_count++], otel_batch_span(batch, i)->span_id, sizeof *ids);
    /* As long as an answer takes, so that the queue is full at times. */
    nanosleep(&(struct timespec){ .tv_nsec = 1000 * 1000 }, NULL);
}

static int ascending(const void *a, const void *b) {
    const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static size_t exported_twice(void) {
    size_t twice = 0;
    qsort(ids, id_count, sizeof *ids, ascending);
    for (size_t i = 1; i < id_count; i++)
        twice += ids[i] == ids[i - 1];
    return twice;
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

static _Atomic bool enough;

struct recorder {
    pthread_t thread;
    bool flushes; /* before it makes more spans */
    uint64_t made, flush_failures;
};

static void make_spans(void) {
    OTEL_SPAN(request, tracer, "request", .kind = OTEL_SERVER);
    for (unsigned i = 1; i < AT_ONCE; i++) {
        OTEL_SPAN(step, tracer, "step");
        otel_set(&step, "step", i);
        otel_set(&step, "text", "some text that belongs to this step");
        otel_event(&step, "done");
    }
    otel_span_set_status(&request, OTEL_CODE_OK, NULL);
}

static void *record(void *data) {
    struct recorder *me = data;
    while (!atomic_load(&enough)) {
        for (unsigned i = 0; i < TIMES; i++)
            make_spans();
        me->made += TIMES * AT_ONCE;
        if (me->flushes)
            me->flush_failures += otel_sdk_flush(LONG_MS) != OTEL_OK;
    }
    return NULL;
}

static void run(struct recorder *recorders) {
    atomic_store(&enough, false);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&recorders[i].thread, NULL, record, &recorders[i]), 0);
    nanosleep(&(struct timespec){ .tv_sec = seconds }, NULL);
    atomic_store(&enough, true);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(recorders[i].thread, NULL);
}

/* ---- tests ------------------------------------------------------------------------------------------------------- */

static int start_sdk(void **state) {
    const otel_batch_options options = { .size = sizeof options };
    (void)state;
    id_count = 0;
    seen.blocking = true;
    seen.during = note_ids;
    return otel_sdk_start(
               OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(), .log_level = OTEL_LOG_ERROR,
                        .processors = OTEL_PROCESSORS(otel_batch_processor(&options, exporter_double_make(&seen))))) ==
                   OTEL_OK
               ? 0
               : -1;
}

/* Stops the SDK, and compares what the threads, the ledger and the exporter say. */
static otel_ledger account(const struct recorder *recorders, const char *how) {
    uint64_t made = 0;
    otel_ledger ledger;
    const otel_ledger_processor *batch = &ledger.processors[0];
    for (unsigned i = 0; i < THREADS; i++) {
        made += recorders[i].made;
        assert_int_equal(recorders[i].flush_failures, 0);
    }
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_ledger(&ledger);
    printf("measured: %u threads, %s: %" PRIu64 " spans made, %" PRIu64 " refused, %" PRIu64 " exported once, %" PRIu64
           " dropped by a full queue\n",
           (unsigned)THREADS, how, made, ledger.refused, batch->exported, batch->dropped_queue_full);
    assert_int_equal(ledger.started + ledger.refused, made);
    assert_int_equal(ledger.ended, ledger.started);
    assert_int_equal(batch->exported + batch->dropped_queue_full, ledger.ended);
    assert_int_equal(id_count, batch->exported);
    assert_int_equal(exported_twice(), 0);
    assert_int_equal(seen.overlaps + seen.late, 0);
    exporter_double_reset(&seen);
    return ledger;
}

static void every_span_is_exported_once_or_counted(void **state) {
    (void)state;
    struct recorder recorders[THREADS] = { { .made = 0 } };
    run(recorders);
    account(recorders, "as fast as they can");
}

/* 64 threads with 32 unexported spans each are just what the queue holds. */
static void nothing_is_lost_while_the_queue_has_room(void **state) {
    (void)state;
    struct recorder recorders[THREADS] = { { .made = 0 } };
    for (unsigned i = 0; i < THREADS; i++)
        recorders[i].flushes = true;
    run(recorders);
    const otel_ledger ledger = account(recorders, "each flushes after 32 spans");
    assert_int_equal(ledger.refused + ledger.processors[0].dropped_queue_full, 0);
}

int main(int count, char **arguments) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(every_span_is_exported_once_or_counted, start_sdk),
        cmocka_unit_test_setup(nothing_is_lost_while_the_queue_has_room, start_sdk),
    };
    if (count > 1)
        seconds = atoi(arguments[1]);
    ids =
        mmap(NULL, IDS_MOST * sizeof *ids, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (ids == MAP_FAILED)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
