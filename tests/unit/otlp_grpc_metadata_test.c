/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_grpc_metadata_test.c - the headers that gRPC can send. */
#include "otlp/otlp_grpc_metadata.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *problem(const char *name, const char *value) {
    return otel__grpc_metadata_problem(otel_cstr(name), otel_cstr(value));
}

static void usual_headers_can_be_sent(void **state) {
    (void)state;
    assert_null(problem("Authorization", "Bearer abc=="));
    assert_null(problem("x-scope_org.id", "1 2"));
    assert_null(problem("X-Empty", ""));
}

static void names_are_narrower_than_those_of_http(void **state) {
    (void)state;
    assert_non_null(problem("", "v"));
    assert_non_null(problem("a+b", "v"));
    assert_non_null(problem("a b", "v"));
    assert_non_null(problem(":path", "v"));
    assert_non_null(otel__grpc_metadata_problem(otel_strn("a\0b", 3), otel_cstr("v")));
}

static void values_are_printable_unless_the_name_says_binary(void **state) {
    (void)state;
    assert_non_null(problem("a", "t\t"));
    assert_non_null(problem("a", "\xc3\xa9"));
    assert_non_null(problem("a", "\x7f"));
    assert_non_null(problem("-bin", "\xc3\xa9"));
    assert_null(problem("a-bin", "\xc3\xa9\t"));
    assert_null(problem("a-BIN", "\xc3\xa9"));
}

static void what_grpc_sets_itself_is_left_to_it(void **state) {
    (void)state;
    assert_non_null(problem("Content-Type", "text/plain"));
    assert_non_null(problem("TE", "x"));
    assert_non_null(problem("user-agent", "x"));
    assert_non_null(problem("grpc-timeout", "1S"));
    assert_null(problem("grpc", "x"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(usual_headers_can_be_sent),
        cmocka_unit_test(names_are_narrower_than_those_of_http),
        cmocka_unit_test(values_are_printable_unless_the_name_says_binary),
        cmocka_unit_test(what_grpc_sets_itself_is_left_to_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
