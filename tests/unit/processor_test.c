/* SPDX-License-Identifier: Apache-2.0 */
/* processor_test.c - what processors are made of, and batches under exporters that fail, reject and fall behind. */
#include "processor_fixture.h"

#include "base/clock.h"
#include "failing_allocator.h"
#include "in_child.h"
#include "reports.h"
#include "sanitizers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

/* ---- a full queue ------------------------------------------------------------------------------------------------ */

static void a_full_queue_drops_the_newest_and_says_so_once(void **state) {
    (void)state;
    start_batch(10, 1);
    end_spans(1);
    assert_soon(atomic_load(&lane()->sleep) == OTEL__DOZING); /* it has looked, and found nothing to say */
    hold_in_export(&first);
    for (unsigned i = 0; i < 10; i++)
        end_span("old");
    for (unsigned i = 0; i < 40; i++)
        end_span("new");
    otel_ledger ledger = ledger_read();
    assert_int_equal(ledger.ended, 52);
    assert_int_equal(ledger.processors[0].dropped_queue_full, 40);
    assert_int_equal(ledger.processors[0].queued, 10);
    assert_int_equal(ledger.processors[0].in_flight, 1);
    assert_int_equal(reports_count(), 0); /* it is not for whoever ends a span to write lines */
    atomic_store(&first.hold, 0);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_soon(reports_count() == 2);
    assert_true(reports_mention("batch/double: 40 spans", "10 were waiting"));
    assert_int_equal(reports_level(0), OTEL_LOG_WARN);
    assert_true(reports_mention("batch/double: no spans are dropped any more", "40 were so far"));
    assert_int_equal(reports_level(1), OTEL_LOG_WARN);
    assert_int_equal(exporter_double_named(&first, "old"), 10);
    assert_int_equal(exporter_double_named(&first, "new"), 0);
    ledger = ledger_read();
    assert_int_equal(ledger.processors[0].exported, 12);
    assert_int_equal(ledger.processors[0].queued + ledger.processors[0].in_flight, 0);
}

/* More spans than there are records. */
static void what_a_full_queue_drops_is_let_go(void **state) {
    (void)state;
    enum { MANY = OTEL__RECORDS_MAX + 5000 };
    start_batch(10, 1);
    hold_in_export(&first);
    end_spans(MANY);
    const otel_ledger ledger = ledger_read();
    assert_int_equal(ledger.refused, 0);
    assert_int_equal(ledger.processors[0].dropped_queue_full, MANY - 10);
}

static void what_one_of_two_drops_is_let_go_by_the_other(void **state) {
    (void)state;
    enum { MANY = OTEL__RECORDS_MAX + 5000 };
    start_sdk(OTEL_PROCESSORS(batch_of(&first, 10, 1), otel_simple_processor(exporter_double_make(&second))));
    hold_in_export(&first);
    end_spans(MANY);
    const otel_ledger ledger = ledger_read();
    assert_int_equal(ledger.refused, 0);
    assert_int_equal(ledger.processors[0].dropped_queue_full, MANY - 10);
    assert_int_equal(ledger.processors[1].exported, MANY + 1);
}

static void a_short_overflow_is_reported_at_the_stop(void **state) {
    (void)state;
    start_batch(5, 5);
    atomic_store(&first.hold, HOLD_EXPORT);
    end_spans(5);
    assert_soon(atomic_load(&first.held) == 1);
    end_spans(12);
    assert_int_equal(ledger_read().processors[0].dropped_queue_full, 7);
    atomic_store(&first.hold, 0);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_true(reports_mention("7 spans", NULL));
}

/* ---- outcomes ---------------------------------------------------------------------------------------------------- */

static void rejected_spans_are_counted_apart(void **state) {
    (void)state;
    start_batch(100, 10);
    atomic_store(&first.rejects, 3);
    end_spans(10);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    otel_ledger ledger = ledger_read();
    assert_int_equal(ledger.processors[0].rejected, 3);
    assert_int_equal(ledger.processors[0].exported, 7);
    atomic_store(&first.rejects, 1000); /* more than there were */
    end_spans(2);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    ledger = ledger_read();
    assert_int_equal(ledger.processors[0].rejected, 5);
    assert_int_equal(ledger.processors[0].exports, 2);
}

static void what_a_failed_export_delivered_is_counted(void **state) {
    (void)state;
    static const struct {
        uint64_t delivers, rejects, exported, rejected, failed;
    } cases[] = {
        { 0, 0, 0, 0, 10 }, { 6, 0, 6, 0, 4 },  { 6, 2, 4, 2, 4 },    { 6, 6, 0, 6, 4 },
        { 6, 9, 0, 6, 4 },  { 0, 5, 0, 0, 10 }, { 1000, 1, 9, 1, 0 }, { UINT64_MAX, UINT64_MAX, 0, 10, 0 },
    };
    uint64_t exported = 0, rejected = 0, failed = 0;
    start_batch(100, 50);
    atomic_store(&first.export_status, OTEL_ERR_EXPORT);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        atomic_store(&first.delivers, cases[i].delivers);
        atomic_store(&first.rejects, cases[i].rejects);
        end_spans(10);
        assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_ERR_EXPORT);
        const otel_ledger ledger = ledger_read(); /* which balances */
        assert_int_equal(ledger.processors[0].exported, exported += cases[i].exported);
        assert_int_equal(ledger.processors[0].rejected, rejected += cases[i].rejected);
        assert_int_equal(ledger.processors[0].dropped_failed, failed += cases[i].failed);
    }
    /* It says nothing about an export that succeeded. */
    atomic_store(&first.export_status, OTEL_OK);
    atomic_store(&first.delivers, 3);
    atomic_store(&first.rejects, 0);
    end_spans(10);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(ledger_read().processors[0].exported, exported + 10);
}

/* The rest of the batch is what the other counts are about, however the export ended. */
static void what_no_message_holds_is_counted_apart(void **state) {
    (void)state;
    static const struct {
        otel_status status;
        uint64_t too_large, delivers, rejects, dropped, exported, rejected, failed;
    } cases[] = {
        { OTEL_OK, 3, 0, 0, 3, 7, 0, 0 },          { OTEL_OK, 3, 0, 2, 3, 5, 2, 0 },
        { OTEL_OK, 10, 0, 4, 10, 0, 0, 0 },        { OTEL_OK, 11, 0, 0, 10, 0, 0, 0 },
        { OTEL_ERR_EXPORT, 3, 0, 0, 3, 0, 0, 7 },  { OTEL_ERR_EXPORT, 3, 5, 1, 3, 4, 1, 2 },
        { OTEL_ERR_EXPORT, 3, 99, 0, 3, 7, 0, 0 }, { OTEL_ERR_EXPORT, UINT64_MAX, 1, 1, 10, 0, 0, 0 },
    };
    uint64_t dropped = 0, exported = 0, rejected = 0, failed = 0;
    start_batch(100, 50);
    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        atomic_store(&first.export_status, cases[i].status);
        atomic_store(&first.too_large, cases[i].too_large);
        atomic_store(&first.delivers, cases[i].delivers);
        atomic_store(&first.rejects, cases[i].rejects);
        end_spans(10);
        assert_int_equal(otel_sdk_flush(LONG_MS), cases[i].status);
        const otel_ledger ledger = ledger_read(); /* which balances */
        assert_int_equal(ledger.processors[0].dropped_too_large, dropped += cases[i].dropped);
        assert_int_equal(ledger.processors[0].exported, exported += cases[i].exported);
        assert_int_equal(ledger.processors[0].rejected, rejected += cases[i].rejected);
        assert_int_equal(ledger.processors[0].dropped_failed, failed += cases[i].failed);
    }
}

static void a_failing_exporter_is_asked_again_with_the_next_batch(void **state) {
    (void)state;
    static const int failures[] = { OTEL_ERR_EXPORT, OTEL_ERR_TIMEOUT, OTEL_ERR_CANCELLED, 77 };
    start_batch(100, 10);
    for (unsigned i = 0; i < 4; i++) {
        atomic_store(&first.export_status, failures[i]);
        end_spans(25);
        assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_ERR_EXPORT);
        assert_int_equal(ledger_read().processors[0].dropped_failed, 25 * (i + 1));
    }
    atomic_store(&first.export_status, OTEL_OK);
    end_spans(25);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(ledger_read().processors[0].exported, 25);
    assert_int_equal(first.count, 125); /* no span twice */
}

static void the_export_timeout_is_handed_over(void **state) {
    (void)state;
    static const int given[] = { 0, 1234, OTEL_NO_TIMEOUT, -1 }, expected[] = { 30000, 1234, 0, 30000 };
    for (unsigned i = 0; i < 4; i++) {
        const otel_batch_options options = { .size = sizeof options, .export_timeout_ms = given[i] };
        first.blocking = true;
        start_sdk(OTEL_PROCESSORS(otel_batch_processor(&options, exporter_double_make(&first))));
        end_spans(1);
        assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
        assert_int_equal(first.export_timeout, expected[i]);
        assert_int_equal(first.flush_timeout, expected[i]);
        /* While stopping, no more than the stop has left. */
        end_spans(1);
        assert_int_equal(otel_sdk_stop(900), OTEL_OK);
        assert_in_range(first.export_timeout, 1, 900);
        assert_in_range(first.shutdown_timeout, 1, 900);
        exporter_double_reset(&first);
    }
}

/* ---- several ----------------------------------------------------------------------------------------------------- */

static void a_dead_exporter_costs_a_healthy_one_nothing(void **state) {
    (void)state;
    start_sdk(OTEL_PROCESSORS(batch_of(&first, 10, 1), batch_of(&second, 2000, 1)));
    hold_in_export(&first);
    end_spans(1000);
    assert_soon(atomic_load(&second.count) == 1001);
    otel_ledger ledger = ledger_read();
    assert_int_equal(ledger.processor_count, 2);
    assert_int_equal(ledger.processors[0].dropped_queue_full, 990);
    assert_int_equal(ledger.processors[0].exported, 0);
    assert_int_equal(ledger.processors[1].exported, 1001);
    assert_int_equal(ledger.processors[1].dropped_queue_full, 0);
    assert_int_equal(otel_sdk_flush(30), OTEL_ERR_TIMEOUT);
    atomic_store(&first.hold, 0);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    ledger = ledger_read();
    assert_int_equal(ledger.processors[0].exported, 11);
}

static void as_many_as_there_may_be_all_get_every_span(void **state) {
    (void)state;
    static struct exporter_double all[OTEL_MAX_PROCESSORS];
    otel_processor *processors[OTEL_MAX_PROCESSORS];
    for (unsigned i = 0; i < OTEL_MAX_PROCESSORS; i++)
        processors[i] = i % 2 ? otel_simple_processor(exporter_double_make(&all[i])) : batch_of(&all[i], 200, 20);
    start_sdk((otel_processors){ processors, OTEL_MAX_PROCESSORS });
    end_spans(150);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    const otel_ledger ledger = ledger_read();
    assert_int_equal(ledger.processor_count, OTEL_MAX_PROCESSORS);
    for (unsigned i = 0; i < OTEL_MAX_PROCESSORS; i++) {
        assert_int_equal(all[i].count, 150);
        assert_int_equal(ledger.processors[i].exported, 150);
        assert_string_equal(ledger.processors[i].name, i % 2 ? "simple/double" : "batch/double");
    }
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    for (unsigned i = 0; i < OTEL_MAX_PROCESSORS; i++) {
        assert_int_equal(all[i].shutdowns, 1);
        assert_int_equal(all[i].destroys, 1);
        exporter_double_reset(&all[i]);
    }
}

static char order[8];

static void note_order(struct exporter_double *me, otel_batch *batch) {
    (void)batch;
    strcat(order, me == &first ? "1" : "2");
}

static void processors_get_a_span_in_the_order_in_which_they_were_given(void **state) {
    (void)state;
    order[0] = '\0';
    first.during = second.during = note_order;
    start_sdk(OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&second)),
                              otel_simple_processor(exporter_double_make(&first))));
    end_spans(2);
    assert_string_equal(order, "2121");
}

/* ---- construction ------------------------------------------------------------------------------------------------ */

static _Atomic unsigned bare_destroys;

static otel_status bare_export(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    (void)self;
    (void)batch;
    (void)timeout_ms;
    (void)outcome;
    return OTEL_OK;
}

static void *bare_destroyed;

static void bare_destroy(void *self) {
    bare_destroyed = self;
    atomic_fetch_add(&bare_destroys, 1);
}

static void an_exporter_needs_a_name_and_an_export(void **state) {
    (void)state;
    static const otel_exporter_ops nameless = { .size = sizeof nameless,
                                                .export_batch = bare_export,
                                                .destroy = bare_destroy };
    static const otel_exporter_ops idle = { .size = sizeof idle, .name = "idle", .destroy = bare_destroy };
    static const otel_exporter_ops small = { .size = 24, .name = "small", .export_batch = bare_export };
    reports_start(OTEL_LOG_TRACE);
    atomic_store(&bare_destroys, 0);
    assert_null(otel_exporter_create(NULL, NULL));
    assert_null(otel_exporter_create(&nameless, NULL));
    assert_null(otel_exporter_create(&idle, NULL));
    assert_null(otel_exporter_create(&small, NULL));
    assert_int_equal(bare_destroys, 2);
    assert_int_not_equal(reports_count(), 0);
}

static int has_the_sdk_still(void *argument) {
    (void)argument;
    end_spans(1);
    STEP(otel_sdk_flush(LONG_MS) == OTEL_OK);
    STEP(otel_sdk_stop(LONG_MS) == OTEL_OK);
    return 0;
}

/* Of a program that was compiled when there were fewer operations: what lies behind the table is none of ours. */
static void an_exporter_s_table_may_be_of_another_size(void **state) {
    (void)state;
    otel_exporter_ops earlier;
    memset(&earlier, 0xff, sizeof earlier);
    earlier.size = offsetof(otel_exporter_ops, force_flush);
    earlier.name = "earlier";
    earlier.blocking = false;
    earlier.export_batch = bare_export;
    start_sdk(OTEL_PROCESSORS(otel_simple_processor(otel_exporter_create(&earlier, NULL))));
    end_spans(2);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    assert_int_equal(in_child(has_the_sdk_still, NULL), 0);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    assert_int_equal(ledger_read().processors[0].exported, 2);
    struct {
        otel_exporter_ops ops;
        char more[64];
    } later = { .ops = {
                    .size = sizeof later, .name = "later", .export_batch = bare_export, .destroy = bare_destroy } };
    memset(later.more, 0xff, sizeof later.more);
    atomic_store(&bare_destroys, 0);
    otel_exporter_destroy(otel_exporter_create(&later.ops, NULL));
    assert_int_equal(bare_destroys, 1);
}

static void an_exporter_that_cannot_be_made_is_destroyed(void **state) {
    (void)state;
    static const otel_exporter_ops ops = {
        .size = sizeof ops, .name = "bare", .export_batch = bare_export, .destroy = bare_destroy
    };
    otel_exporter_ops nameless;
    memset(&nameless, 0xff, sizeof nameless);
    nameless.size = offsetof(otel_exporter_ops, destroy);
    nameless.name = NULL;
    assert_null(otel_exporter_create(&nameless, NULL)); /* without a destroy of its own */
    SKIP_IF(!failing_allocator_works(), "allocations cannot be made to fail here");
    static int itself;
    for (unsigned nth = 1; nth <= 2; nth++) {
        atomic_store(&bare_destroys, 0);
        failing_allocator_fail(nth, false);
        otel_processor *processor = otel_simple_processor(otel_exporter_create(&ops, &itself));
        failing_allocator_fail(0, false);
        assert_null(processor);
        assert_int_equal(bare_destroys, 1);
        assert_ptr_equal(bare_destroyed, &itself);
    }
}

/* Only what is required: every other operation is NULL. */
static void an_exporter_needs_nothing_else(void **state) {
    (void)state;
    static const otel_exporter_ops bare = {
        .size = sizeof bare, .name = "bare", .export_batch = bare_export, .blocking = true
    };
    static const otel_exporter_ops bare_direct = { .size = sizeof bare, .name = "bare", .export_batch = bare_export };
    start_sdk(OTEL_PROCESSORS(otel_batch_processor(NULL, otel_exporter_create(&bare, NULL)),
                              otel_simple_processor(otel_exporter_create(&bare_direct, NULL))));
    end_spans(10);
    assert_int_equal(otel_sdk_flush(LONG_MS), OTEL_OK);
    end_spans(10);
    assert_int_equal(otel_sdk_stop(LONG_MS), OTEL_OK);
    const otel_ledger ledger = ledger_read();
    assert_int_equal(ledger.processors[0].exported, 20);
    assert_int_equal(ledger.processors[1].exported, 20);
}

static void nothing_makes_no_processor_and_is_destroyed_once(void **state) {
    (void)state;
    assert_null(otel_batch_processor(NULL, NULL));
    assert_null(otel_simple_processor(NULL));
    otel_processor_destroy(NULL);
    otel_exporter_destroy(NULL);
    otel_processor_destroy(batch_of(&first, 0, 0));
    assert_int_equal(first.destroys, 1);
    assert_int_equal(first.shutdowns, 0);
    otel_exporter_destroy(exporter_double_make(&second));
    assert_int_equal(second.destroys, 1);
}

/* Of programs that were compiled with an earlier or a later version. */
static void batch_options_may_be_of_another_size(void **state) {
    (void)state;
    struct {
        otel_batch_options options;
        char more[64];
    } later = { .options = { .size = sizeof later, .max_queue_size = 7, .max_batch_size = 3 } };
    memset(later.more, 0xff, sizeof later.more);
    otel_processor *processor = otel_batch_processor(&later.options, exporter_double_make(&first));
    assert_int_equal(processor->max_queue, 7);
    assert_int_equal(processor->max_batch, 3);
    otel_processor_destroy(processor);
    const otel_batch_options earlier = { .size = offsetof(otel_batch_options, schedule_delay_ms),
                                         .max_queue_size = 70,
                                         .max_batch_size = 30,
                                         .schedule_delay_ms = 3 };
    processor = otel_batch_processor(&earlier, exporter_double_make(&first));
    assert_int_equal(processor->max_queue, 70);
    assert_int_equal(processor->max_batch, 30);
    assert_true(processor->delay == 5 * OTEL__SECOND);
    otel_processor_destroy(processor);
    const otel_batch_options forgotten = { .size = 0, .max_queue_size = 77 };
    processor = otel_batch_processor(&forgotten, exporter_double_make(&first));
    assert_int_equal(processor->max_queue, 77);
    otel_processor_destroy(processor);
    processor = otel_batch_processor(NULL, exporter_double_make(&first));
    assert_int_equal(processor->max_queue, 2048);
    assert_int_equal(processor->max_batch, 512);
    assert_true(processor->delay == 5 * OTEL__SECOND);
    assert_int_equal(processor->export_timeout_ms, 30000);
    otel_processor_destroy(processor);
}

static void batch_options_that_cannot_be_are_replaced(void **state) {
    (void)state;
    reports_start(OTEL_LOG_TRACE);
    const otel_batch_options odd = { .size = sizeof odd, .max_queue_size = -1, .max_batch_size = -5 };
    otel_processor *processor = otel_batch_processor(&odd, exporter_double_make(&first));
    assert_int_equal(processor->max_queue, 2048);
    assert_int_equal(processor->max_batch, 512);
    assert_true(processor->delay == 5 * OTEL__SECOND);
    assert_int_not_equal(reports_count(), 0);
    otel_processor_destroy(processor);
    const otel_batch_options larger = { .size = sizeof larger, .max_queue_size = 10, .max_batch_size = 50 };
    processor = otel_batch_processor(&larger, exporter_double_make(&first));
    assert_int_equal(processor->max_queue, 10);
    assert_in_range(processor->max_batch, 1, 10);
    otel_processor_destroy(processor);
}

/* A batch has room for as many spans as it may have, so that this is memory too. */
static void a_batch_is_no_larger_than_there_can_be_spans(void **state) {
    (void)state;
    const otel_batch_options most = { .size = sizeof most, .max_queue_size = INT32_MAX, .max_batch_size = INT32_MAX };
    otel_processor *processor = otel_batch_processor(&most, exporter_double_make(&first));
    assert_int_equal(processor->max_batch, OTEL__RECORDS_MAX);
    otel_processor_destroy(processor);
}

#define test(name) cmocka_unit_test_teardown(name, processors_stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_full_queue_drops_the_newest_and_says_so_once),
        test(what_a_full_queue_drops_is_let_go),
        test(what_one_of_two_drops_is_let_go_by_the_other),
        test(a_short_overflow_is_reported_at_the_stop),
        test(rejected_spans_are_counted_apart),
        test(what_a_failed_export_delivered_is_counted),
        test(what_no_message_holds_is_counted_apart),
        test(a_failing_exporter_is_asked_again_with_the_next_batch),
        test(the_export_timeout_is_handed_over),
        test(a_dead_exporter_costs_a_healthy_one_nothing),
        test(as_many_as_there_may_be_all_get_every_span),
        test(processors_get_a_span_in_the_order_in_which_they_were_given),
        test(an_exporter_needs_a_name_and_an_export),
        test(an_exporter_needs_nothing_else),
        test(an_exporter_s_table_may_be_of_another_size),
        test(an_exporter_that_cannot_be_made_is_destroyed),
        test(nothing_makes_no_processor_and_is_destroyed_once),
        test(batch_options_may_be_of_another_size),
        test(batch_options_that_cannot_be_are_replaced),
        test(a_batch_is_no_larger_than_there_can_be_spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
