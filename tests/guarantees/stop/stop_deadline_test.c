/* SPDX-License-Identifier: Apache-2.0 */
/* stop_deadline_test.c - a stop and a flush keep their time, wherever the endpoint swallows the export. */
#include "stop_fixture.h"

static void measure_all(const struct black_hole *hole) {
    stop_measure(hole, UNDER_WAY, STOP_MS);
    stop_measure(hole, TO_BEGIN, STOP_MS);
    stop_measure(hole, UNDER_WAY, 0);
    stop_measure_flush(hole, UNDER_WAY);
    stop_measure_flush(hole, TO_BEGIN);
}

static void a_syn_that_is_never_answered(void **state) {
    (void)state;
    measure_all(&hole_connect);
}

static void a_tls_handshake_that_is_never_answered(void **state) {
    (void)state;
    measure_all(&hole_tls);
}

static void a_request_that_is_never_answered(void **state) {
    (void)state;
    measure_all(&hole_answer);
}

static void an_answer_that_never_ends(void **state) {
    (void)state;
    measure_all(&hole_half_answer);
}

static void a_request_that_is_never_read(void **state) {
    (void)state;
    measure_all(&hole_body);
    /* It was the middle of the request indeed. */
    struct black_hole hole = hole_body;
    hole.open(&hole);
    stop_enter(&hole, UNDER_WAY);
    assert_int_equal(otel_sdk_stop(0), OTEL_ERR_TIMEOUT);
    stop_nothing_left();
    assert_in_range(hole_body_received(&hole), 1000, hole.batch * hole.text / 2);
    hole.close(&hole);
}

/* What is left of it must not be encoded when there is no time to send it. */
static void a_large_batch_in_parts(void **state) {
    (void)state;
    struct black_hole large = hole_answer;
    large.stage = "large batch";
    large.batch = 32000;
    large.text = 100;
    large.computes = true;
    stop_measure(&large, UNDER_WAY, STOP_MS);
    stop_measure(&large, TO_BEGIN, STOP_MS);
}

static void a_server_that_asks_for_a_pause(void **state) {
    (void)state;
    measure_all(&hole_retry_after);
}

static void a_back_off_between_attempts(void **state) {
    (void)state;
    measure_all(&hole_back_off);
}

static void a_proxy_that_never_answers(void **state) {
    (void)state;
    measure_all(&hole_proxy);
}

#define test(name) cmocka_unit_test_teardown(name, stop_teardown)

int main(int argc, char **argv) {
    stop_options(argc, argv);
    const struct CMUnitTest tests[] = {
        test(a_syn_that_is_never_answered),     test(a_tls_handshake_that_is_never_answered),
        test(a_request_that_is_never_answered), test(an_answer_that_never_ends),
        test(a_request_that_is_never_read),     test(a_large_batch_in_parts),
        test(a_server_that_asks_for_a_pause),   test(a_back_off_between_attempts),
        test(a_proxy_that_never_answers),
    };
    return cmocka_run_group_tests(tests, stop_group_setup, NULL);
}
