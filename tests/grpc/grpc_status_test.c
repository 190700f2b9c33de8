/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_status_test.c - which statuses are worth another attempt, and when. */
#include "grpc/grpc_status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void what_is_tried_again(void **state) {
    (void)state;
    static const char expected[] = ".x..x.....xx..xx.";
    for (int status = 0; status < 17; status++)
        assert_int_equal(otel__grpc_status_retryable(status, false), expected[status] == 'x');
    assert_true(otel__grpc_status_retryable(8, true));
    assert_false(otel__grpc_status_retryable(3, true));
}

static void what_is_hinted_at(void **state) {
    (void)state;
    static const struct otel__grpc_hints hints = { .distrusted = "distrusted",
                                                   .no_tls = "no TLS",
                                                   .wants_tls = "wants TLS",
                                                   .credentials = "credentials",
                                                   .unimplemented = "unimplemented",
                                                   .unavailable = "unavailable" };
    static const struct {
        int status;
        const char *words, *hint;
    } cases[] = {
        { 14, "Ssl handshake failed: SSL_ERROR_SSL: error:0A00010B:SSL routines::wrong version number", "no TLS" },
        { 14, "failed to connect to all addresses; last error: UNAVAILABLE: ipv4:127.0.0.1:4317: Socket closed",
          "wants TLS" },
        { 14, "Socket closed", "unavailable" }, /* of a connection that had come about */
        { 14, "Connection refused", "unavailable" },
        { 14, "", NULL }, /* the server says so itself */
        { 12, "", "unimplemented" },
        { 16, "", "credentials" },
        { 7, "", "credentials" },
        { 5, "", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *hint = otel__grpc_status_hint(&hints, cases[i].status, cases[i].words, false);
        assert_true(cases[i].hint ? hint && strcmp(hint, cases[i].hint) == 0 : !hint);
    }
    assert_string_equal(otel__grpc_status_hint(&hints, 14, "", true), "distrusted");
}

/* Status { details: { type_url: "t/google.rpc.RetryInfo", value: RetryInfo { retry_delay { 1 s, 5 ns } } } } */
#define RETRY_INFO "\x1a\x20\x0a\x16t/google.rpc.RetryInfo\x12\x06\x0a\x04\x08\x01\x10\x05"

static void a_delay_is_read_from_the_details(void **state) {
    (void)state;
    uint64_t delay = 7;
    const uint8_t *bytes = (const uint8_t *)RETRY_INFO;
    assert_true(otel__grpc_retry_info(bytes, sizeof RETRY_INFO - 1, &delay));
    assert_int_equal(delay, 1000000005);
    assert_false(otel__grpc_retry_info(bytes, sizeof RETRY_INFO - 2, &delay));
    assert_false(otel__grpc_retry_info(bytes, 0, &delay));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_tried_again),
        cmocka_unit_test(what_is_hinted_at),
        cmocka_unit_test(a_delay_is_read_from_the_details),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
