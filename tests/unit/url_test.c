/* SPDX-License-Identifier: Apache-2.0 */
/* url_test.c - endpoint URLs: taken apart, refused, completed, shown. */
#include "base/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

static void assert_part(otel_str part, const char *expected) {
    assert_int_equal(part.len, strlen(expected));
    if (part.len > 0)
        assert_memory_equal(part.ptr, expected, part.len);
}

static void parts(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool https;
        const char *user, *host;
        int port;
        const char *path, *tail;
    } cases[] = {
        { "http://c", false, "", "c", 80, "", "" },
        { "https://c", true, "", "c", 443, "", "" },
        { "HTTP://C:4318/", false, "", "C", 4318, "/", "" },
        { "https://u:p@c:1/a/b?x=1#y", true, "u:p", "c", 1, "/a/b", "?x=1#y" },
        { "http://a%40b:%0@my_c-1.x/@", false, "a%40b:%0", "my_c-1.x", 80, "/@", "" },
        { "http://[::1]:4318/x", false, "", "::1", 4318, "/x", "" },
        { "http://[fe80::1%25eth0]", false, "", "fe80::1%25eth0", 80, "", "" },
        { "http://[fe80::1%eth0]:1", false, "", "fe80::1%eth0", 1, "", "" },
        { "http://[::ffff:127.0.0.1]", false, "", "::ffff:127.0.0.1", 80, "", "" },
        { "http://c?q", false, "", "c", 80, "", "?q" },
        { "http://c#f", false, "", "c", 80, "", "#f" },
        { "http://c:65535", false, "", "c", 65535, "", "" },
        { "http://c/caf\xc3\xa9", false, "", "c", 80, "/caf\xc3\xa9", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct otel__url url;
        const char *problem = otel__url_parse(cases[i].text, &url);
        if (problem)
            fail_msg("%s: %s", cases[i].text, problem);
        assert_int_equal(url.https, cases[i].https);
        assert_part(url.user, cases[i].user);
        assert_part(url.host, cases[i].host);
        assert_int_equal(url.port, cases[i].port);
        assert_part(url.path, cases[i].path);
        assert_part(url.tail, cases[i].tail);
    }
}

static void refusals(void **state) {
    (void)state;
    static const char *const cases[] = {
        "",
        "collector",
        "collector:4318",
        "//c/",
        "http:/c",
        "ftp://c",
        "grpc://c:4317",
        "http://",
        "http:///x",
        "http://:4318",
        "http://u@",
        "http://c:",
        "http://c:0",
        "http://c:65536",
        "http://c:x",
        "http://c:-1",
        "http://c:80x",
        "http://[::1",
        "http://[]:1",
        "http://[::1]x",
        " http://c",
        "http://c ",
        "http://a b/",
        "http://c/\n",
        "http://c/\x7f",
        "http://c:99999999999999999999",
        "http://a@b@c/",
        "http://user:p@ss@127.0.0.1:28023",
        "http://us%00er:pw@host",
        "http://user:%00@host",
        "http://\xc3\xbc.example/",
        "http://\xe6\x97\xa5\xe6\x9c\xac.invalid",
        "http://c%20d",
        "http://a\\b",
        "http://{c}",
        "http://[gggg]:1",
        "http://[1.2.3.4]",
        "http://[::1::2]",
        "http://[::1%]",
        "http://[::1%25]x",
        "http://[::1%0123456789abcdef]",
        "http://[::1%e!h0]",
        "http://[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct otel__url url;
        if (!otel__url_parse(cases[i], &url))
            fail_msg("\"%s\" was accepted", cases[i]);
    }
    struct otel__url url;
    assert_non_null(otel__url_parse(NULL, &url));
    char long_one[8192 + 2] = "http://c/";
    memset(long_one + 9, 'p', sizeof long_one - 10);
    assert_string_equal(otel__url_parse(long_one, &url), "it is longer than 8192 bytes");
    long_one[8192] = '\0';
    assert_null(otel__url_parse(long_one, &url));
}

static void sockets(void **state) {
    (void)state;
    static const struct {
        const char *text, *path;
        bool abstract;
    } cases[] = {
        { "unix:///run/otel.sock", "/run/otel.sock", false }, { "unix:/run/otel.sock", "/run/otel.sock", false },
        { "Unix:///a%20b/%C3%bc", "/a b/\xc3\xbc", false },   { "unix:////x", "//x", false },
        { "unix-abstract:my%40name", "my@name", true },       { "unix-abstract://x", "//x", true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct otel__url url;
        char path[OTEL__URL_SOCKET_MAX], shown[64];
        assert_null(otel__url_parse(cases[i].text, &url));
        otel__url_socket(&url, path);
        assert_string_equal(path, cases[i].path);
        assert_int_equal(url.abstract, cases[i].abstract);
        assert_false(url.https);
        assert_part(url.host, "localhost");
        otel__url_show(cases[i].text, shown, sizeof shown);
        assert_string_equal(shown, cases[i].text);
        char *traces[2] = { otel__otlp_url(cases[i].text, NULL, "/v1/traces"),
                            otel__otlp_url(NULL, cases[i].text, "/v1/traces") };
        for (size_t j = 0; j < 2; j++) {
            assert_string_equal(traces[j], cases[i].text);
            free(traces[j]);
        }
    }
}

/* The tables of OTLP/HTTP's endpoint rules, and what people write beyond them. */
static void traces_urls(void **state) {
    (void)state;
    static const struct {
        const char *base, *specific, *expected;
    } cases[] = {
        { "http://c:4318", NULL, "http://c:4318/v1/traces" },
        { "http://c:4318/", NULL, "http://c:4318/v1/traces" },
        { "http://c:4318/mycollector/", NULL, "http://c:4318/mycollector/v1/traces" },
        { "http://c:4318/base", NULL, "http://c:4318/base/v1/traces" },
        { "https://c", NULL, "https://c/v1/traces" },
        { "http://c/base?tenant=1", NULL, "http://c/base/v1/traces?tenant=1" },
        { "http://c?tenant=1", NULL, "http://c/v1/traces?tenant=1" },
        { "http://c/v1/traces", NULL, "http://c/v1/traces/v1/traces" },
        { "http://c//", NULL, "http://c/v1/traces" },
        { NULL, "http://c:4318", "http://c:4318/" },
        { NULL, "https://c/v1/traces/", "https://c/v1/traces/" },
        { NULL, "http://c:4318/x", "http://c:4318/x" },
        { NULL, "http://c?x", "http://c/?x" },
        { "http://base:1/b", "http://c:4318/x", "http://c:4318/x" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *url = otel__otlp_url(cases[i].base, cases[i].specific, "/v1/traces");
        assert_string_equal(url, cases[i].expected);
        free(url);
    }
    static const char *const unusable[] = { "", "ftp://c", "http://", "http://c:x/p?q" };
    for (size_t i = 0; i < sizeof unusable / sizeof *unusable; i++) {
        assert_null(otel__otlp_url(unusable[i], NULL, "/v1/traces"));
        assert_null(otel__otlp_url("http://c", unusable[i], "/v1/traces"));
    }
}

static void shown_without_secrets(void **state) {
    (void)state;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        { "http://localhost:4318/v1/traces", "http://localhost:4318/v1/traces" },
        { "https://user:secret@c:443/x?token=secret#f", "https://c/x" },
        { "http://[::1]:4318", "http://[::1]:4318" },
        { "http://[fe80::1%25eth0]:1/x", "http://[fe80::1%25eth0]:1/x" },
        { "http://[gggg]:1", "http://[gggg]:1" },
        { "http://user:secret@c:99999/", "@c:99999/" },
        { "http://user:p@ss@c:1", "@c:1" },
        { "http://user:p?ss@c:1", "..." },
        { "http://c:x/?token=secret", "http://c:x/" },
        { "http://user:secret@c:x/a?token=secret", "@c:x/a" },
        { "http://c:x/?me@there&token=secret", "..." },
        { "http://c:x#secret", "http://c:x" },
        { "no url\x1b[31m", "no url\\x1b[31m" },
        { NULL, "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char shown[200];
        otel__url_show(cases[i].text, shown, sizeof shown);
        assert_string_equal(shown, cases[i].expected);
    }
    char tiny[8];
    otel__url_show("http://localhost:4318/", tiny, sizeof tiny);
    assert_string_equal(tiny, "http...");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts),
        cmocka_unit_test(refusals),
        cmocka_unit_test(sockets),
        cmocka_unit_test(traces_urls),
        cmocka_unit_test(shown_without_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
