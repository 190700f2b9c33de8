/* SPDX-License-Identifier: Apache-2.0 */
/* http_proxy_test.c - which proxy the environment names. */
#include "common/http/http_proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

/* The environment: name, value, name, value, ..., NULL. */
static const char *const *environment;

static const char *get(const char *name) {
    for (const char *const *at = environment; *at; at += 2)
        if (strcmp(*at, name) == 0)
            return at[1];
    return NULL;
}

#define EXPECT(https, proxy, except, ...) expect(https, proxy, except, (const char *const[]){ __VA_ARGS__, NULL })

static void expect(bool https, const char *proxy, const char *except, const char *const *env) {
    environment = env;
    struct otel__http_proxy found = otel__http_proxy_find(https, get);
    assert_string_equal(found.proxy, proxy);
    assert_string_equal(found.except, except);
}

static void choices(void **state) {
    (void)state;
    EXPECT(false, "", "", NULL);
    EXPECT(false, "p", "", "http_proxy", "p");
    EXPECT(true, "", "", "http_proxy", "p");
    EXPECT(false, "", "", "HTTP_PROXY", "evil"); /* a CGI program's `Proxy:` header */
    EXPECT(true, "p", "", "HTTPS_PROXY", "p");
    EXPECT(true, "lower", "", "HTTPS_PROXY", "upper", "https_proxy", "lower");
    EXPECT(true, "upper", "", "HTTPS_PROXY", "upper", "https_proxy", "");
    EXPECT(false, "all", "", "all_proxy", "all");
    EXPECT(false, "all", "", "ALL_PROXY", "all");
    EXPECT(false, "p", "", "all_proxy", "all", "http_proxy", "p");
    EXPECT(false, "", "a,b", "no_proxy", "a,b");
    EXPECT(true, "p", "*", "https_proxy", "p", "NO_PROXY", "*");
}

int main(void) {
    const struct CMUnitTest tests[] = { cmocka_unit_test(choices) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
