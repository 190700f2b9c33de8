/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_target_test.c - the ways in which users write an endpoint. */
#include "base/grpc_target.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void assert_target(const char *endpoint, bool insecure, const char *text, bool tls, const char *ignored) {
    struct otel__grpc_target target;
    assert_null(otel__grpc_target(endpoint, 4317, insecure, &target));
    assert_string_equal(target.text, text);
    assert_int_equal(target.tls, tls);
    if (ignored)
        assert_string_equal(target.ignored, ignored);
    else
        assert_null(target.ignored);
}

static void a_url_says_whether_there_is_tls(void **state) {
    (void)state;
    assert_target("http://localhost:4317", false, "localhost:4317", false, NULL);
    assert_target("https://c:99/", true, "c:99", true, NULL);
    assert_target("HTTP://c", false, "c:4317", false, NULL);
    assert_target("https://c", true, "c:4317", true, NULL);
    assert_target("https://[::1]", false, "[::1]:4317", true, NULL);
    assert_target("https://[::1]:80", false, "[::1]:80", true, NULL);
    assert_target("http://c:80/v1/traces", false, "c:80", false, "path");
    assert_target("http://c:80?x", false, "c:80", false, "path");
    assert_target("http://me:secret@c:80", false, "c:80", false, "user");
}

static void elsewhere_the_option_decides(void **state) {
    (void)state;
    assert_target("c:99", false, "c:99", true, NULL);
    assert_target("c:99", true, "c:99", false, NULL);
    assert_target("c", true, "c:4317", false, NULL);
    assert_target("dns:///c:99", false, "dns:///c:99", true, NULL);
    assert_target("unix:/run/c.sock", true, "unix:/run/c.sock", false, NULL);
    assert_target("ipv6:[::1]:99", true, "ipv6:[::1]:99", false, NULL);
}

static void what_is_no_endpoint_is_refused(void **state) {
    (void)state;
    struct otel__grpc_target target;
    assert_non_null(otel__grpc_target("", 4317, true, &target));
    assert_non_null(otel__grpc_target("ftp://c", 4317, true, &target));
    assert_non_null(otel__grpc_target("c :99", 4317, true, &target));
    assert_non_null(otel__grpc_target("c\n", 4317, true, &target));
    assert_non_null(otel__grpc_target("http://", 4317, true, &target));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_url_says_whether_there_is_tls),
        cmocka_unit_test(elsewhere_the_option_decides),
        cmocka_unit_test(what_is_no_endpoint_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
