/* SPDX-License-Identifier: Apache-2.0 */
/* http_client_settings_test.c - what the HTTP client refuses when it is made, and how it says so. */
#include "common/http/http_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void unusable_settings(void **state) {
    (void)state;
    static const struct {
        const char *url, *reason;
    } cases[] = {
        { NULL, "it is empty" },
        { "", "it is empty" },
        { "collector:4318", "neither http:// nor https://" },
        { "ftp://c/", "\"ftp://c/\"" },
        { "http://", "it has no host" },
        { "http://c:0/", "port" },
        { "http://c:65536/", "port" },
        { "http://a b/", "space or control character" },
        { "http://c/\x1b", "space or control character" },
        { "http://user:secret@c:x/", "port" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct otel__http_settings settings = { .url = cases[i].url, .content_type = "a/b", .user_agent = "x" };
        otel_error error;
        assert_null(otel__http_create(&settings, &error));
        if (!strstr(error.text, cases[i].reason))
            fail_msg("\"%s\" does not name \"%s\"", error.text, cases[i].reason);
        assert_null(strstr(error.text, "secret"));
        assert_null(strchr(error.text, '\x1b'));
    }
}

static void unusable_headers(void **state) {
    (void)state;
    static const struct otel__http_header headers[] = { { { "X-Key", 5 }, { "sec\r\nret", 8 } },
                                                        { { "a b", 3 }, { "x", 1 } },
                                                        { { "", 0 }, { "x", 1 } } };
    for (size_t i = 0; i < 3; i++) {
        struct otel__http_settings settings = {
            .url = "http://c/", .content_type = "a/b", .user_agent = "x", .headers = &headers[i], .header_count = 1
        };
        otel_error error;
        assert_null(otel__http_create(&settings, &error));
        assert_non_null(strstr(error.text, "header \""));
        assert_null(strstr(error.text, "sec"));
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(unusable_settings),
        cmocka_unit_test(unusable_headers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
