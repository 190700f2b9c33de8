/* SPDX-License-Identifier: Apache-2.0 */
/* stop_company_test.c - stops and flushes in company: beside other endpoints, other stops and other flushes. */
#include "stop_fixture.h"

#include "exporter_double.h"

#include <pthread.h>

static const struct http_step fine = { .status = 200 };

/* All that hang are called back together, and a healthy one has sent what it had by then. */
static void dead_endpoints_beside_a_healthy_one(void **state) {
    (void)state;
    struct black_hole silent = hole_answer, deaf = hole_connect;
    double best = NEVER_MS;
    bool healthy = false;
    silent.open(&silent);
    deaf.open(&deaf);
    http_double *server = http_double_start(&fine, 1);
    for (unsigned attempt = 0; attempt < ATTEMPTS && !(healthy && best <= STOP_MS + GRACE_MS); attempt++) {
        stop_start_with(OTEL_PROCESSORS(stop_processor(silent.url, 8, EXPORTER_MS),
                                        stop_processor(http_double_url(server, "/"), 8, EXPORTER_MS),
                                        stop_processor(deaf.url, 0, EXPORTER_MS)));
        stop_record(20, 0);
        const double begin = stop_now_ms();
        assert_int_equal(otel_sdk_stop(STOP_MS), OTEL_ERR_TIMEOUT);
        const double took = stop_now_ms() - begin;
        best = took < best ? took : best;
        stop_nothing_left();
        const otel_ledger ledger = stop_ledger();
        assert_int_equal(ledger.processors[0].dropped_failed + ledger.processors[0].dropped_stopped, 20);
        healthy = healthy || ledger.processors[1].exported == 20; /* if the machine gave it the time */
        assert_int_equal(ledger.processors[2].dropped_failed + ledger.processors[2].dropped_stopped, 20);
    }
    print_message("measured: stop(%d): two dead endpoints and a healthy one: %.1f ms\n", STOP_MS, best);
    assert_true(best <= STOP_MS + GRACE_MS);
    assert_true(healthy);
    silent.close(&silent);
    deaf.close(&deaf);
    http_double_stop(server);
}

/* ---- after a flush ----------------------------------------------------------------------------------------------- */

static void an_sdk_goes_on_after_a_flush_out_of_time(void **state) {
    (void)state;
    static const struct http_step once_silent[] = { { .action = HTTP_STALL }, { .status = 200 } };
    http_double *server = http_double_start(once_silent, 2);
    stop_start_with(OTEL_PROCESSORS(stop_processor(http_double_url(server, "/"), 8, 3000)));
    stop_record(5, 0);
    assert_int_equal(otel_sdk_flush(50), OTEL_ERR_TIMEOUT);
    stop_record(3, 0);
    /* It waits for the export that hangs, whose own time is soon up, and hears of its end. */
    assert_int_equal(otel_sdk_flush(NEVER_MS), OTEL_ERR_EXPORT);
    stop_record(2, 0);
    assert_int_equal(otel_sdk_flush(NEVER_MS), OTEL_OK);
    const otel_ledger ledger = stop_ledger();
    assert_int_equal(ledger.processors[0].dropped_failed, 5);
    assert_int_equal(ledger.processors[0].exported, 5);
    assert_int_equal(otel_sdk_stop(NEVER_MS), OTEL_OK);
    http_double_stop(server);
}

/* ---- beside other threads ---------------------------------------------------------------------------------------- */

struct call {
    otel_status (*function)(int timeout_ms);
    int timeout_ms;
    otel_status said;
    double took;
};

static void *make_call(void *data) {
    struct call *call = data;
    const double begin = stop_now_ms();
    call->said = call->function(call->timeout_ms);
    call->took = stop_now_ms() - begin;
    return NULL;
}

/* The first, and soon all others, in a black hole; false: one was late. Whatever they say, they say it in time. */
static bool all_in_time(struct black_hole *hole, struct call *calls, unsigned count) {
    pthread_t threads[16];
    bool in_time = true;
    stop_enter(hole, UNDER_WAY);
    for (unsigned i = 0; i < count; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, make_call, &calls[i]), 0);
        if (i == 0)
            stop_sleep_ms(20);
    }
    for (unsigned i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
    for (unsigned i = 0; i < count; i++) {
        assert_true(calls[i].took < NEVER_MS);
        in_time = in_time && calls[i].took <= calls[i].timeout_ms + GRACE_MS;
    }
    otel_sdk_stop(0);
    stop_nothing_left();
    const otel_ledger_processor p = stop_ledger().processors[0];
    assert_int_equal(p.dropped_failed + p.dropped_stopped, 2 * hole->batch);
    return in_time;
}

static void check_company(struct call *calls, unsigned count) {
    struct black_hole hole = hole_answer;
    bool in_time = false;
    hole.open(&hole);
    for (unsigned attempt = 0; attempt < ATTEMPTS && !in_time; attempt++)
        in_time = all_in_time(&hole, calls, count);
    hole.close(&hole);
    assert_true(in_time);
    stop_works_again();
}

static void a_short_stop_during_a_long_one(void **state) {
    (void)state;
    struct call calls[] = { { .function = otel_sdk_stop, .timeout_ms = 600 },
                            { .function = otel_sdk_stop, .timeout_ms = 200 },
                            { .function = otel_sdk_stop, .timeout_ms = 0 } };
    check_company(calls, 3);
}

static void flushes_of_all_lengths_during_a_stop(void **state) {
    (void)state;
    struct call calls[16] = { { .function = otel_sdk_stop, .timeout_ms = 200 } };
    for (unsigned i = 1; i < 16; i++)
        calls[i] = (struct call){ .function = otel_sdk_flush, .timeout_ms = 40 * (int)i };
    check_company(calls, 16);
}

#define test(name) cmocka_unit_test_teardown(name, stop_teardown)

int main(int argc, char **argv) {
    stop_options(argc, argv);
    const struct CMUnitTest tests[] = {
        test(dead_endpoints_beside_a_healthy_one),
        test(an_sdk_goes_on_after_a_flush_out_of_time),
        test(a_short_stop_during_a_long_one),
        test(flushes_of_all_lengths_during_a_stop),
    };
    return cmocka_run_group_tests(tests, stop_group_setup, NULL);
}
