/* SPDX-License-Identifier: Apache-2.0 */
/* http_header_test.c - which request headers a user may set. */
#include "common/http/http_header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void names(void **state) {
    (void)state;
    static const char good[] = "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (int c = 0; c < 256; c++) {
        char name[2] = { 'x', (char)c };
        bool token = c != 0 && strchr(good, c) != NULL;
        assert_int_equal(otel__http_header_problem(otel_strn(name, 2), otel_cstr("v")) == NULL, token);
    }
    assert_non_null(otel__http_header_problem(otel_strn(NULL, 0), otel_cstr("v")));
}

static void values(void **state) {
    (void)state;
    for (int c = 0; c < 256; c++) {
        char value[3] = { 'a', (char)c, 'b' };
        bool fine = c >= 0x20 ? c != 0x7f : c == '\t';
        assert_int_equal(otel__http_header_problem(otel_cstr("x"), otel_strn(value, 3)) == NULL, fine);
    }
    assert_null(otel__http_header_problem(otel_cstr("x"), otel_strn(NULL, 0)));
}

static void what_belongs_to_the_client(void **state) {
    (void)state;
    assert_true(otel__http_header_is_ours(otel_cstr("Content-Type")));
    assert_true(otel__http_header_is_ours(otel_cstr("content-encoding")));
    assert_true(otel__http_header_is_ours(otel_cstr("CONTENT-LENGTH")));
    assert_true(otel__http_header_is_ours(otel_cstr("Transfer-Encoding")));
    assert_false(otel__http_header_is_ours(otel_cstr("Content-Type2")));
    assert_false(otel__http_header_is_ours(otel_cstr("Content-Typ")));
    assert_false(otel__http_header_is_ours(otel_cstr("Authorization")));
    assert_false(otel__http_header_is_ours(otel_strn(NULL, 0)));
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(names), cmocka_unit_test(values),
                                        cmocka_unit_test(what_belongs_to_the_client) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
