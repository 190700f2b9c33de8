/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_endpoint_test.c - every way to write an endpoint: what is sent for it, or the reason why nothing can be. */
#include "otel/otlp.h"

#include "otlp_scene.h"
#include "reports.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEXT = 256 };
static const char *const variables[] = { "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" };

/* ---- accepted ---------------------------------------------------------------------------------------------------- */

/* %d stands for the server's port. */
struct accepted {
    const char *endpoint;
    const char *base, *specific; /* what is requested when it is the base URL, and that of traces */
    const char *host, *authorization;
};

static void write_port(const char *text, int port, char out[TEXT]) {
    const char *at = strstr(text, "%d");
    if (at)
        snprintf(out, TEXT, "%.*s%d%s", (int)(at - text), text, port, at + 2);
    else
        snprintf(out, TEXT, "%s", text);
}

static void assert_header(struct scene *scene, const char *name, const char *expected, const char *endpoint) {
    char *found = http_double_header(scene->server, http_double_requests(scene->server) - 1, name);
    const bool right = expected ? found && strcmp(found, expected) == 0 : !found;
    if (!right)
        fail_msg("%s: %s is '%s', not '%s'", endpoint, name, found ? found : "(none)", expected ? expected : "(none)");
    free(found);
}

static void assert_sent(struct scene *scene, const struct accepted *row, const char *endpoint, const char *target) {
    const int port = http_double_port(scene->server);
    const size_t before = http_double_requests(scene->server);
    char line[TEXT + 32], host[TEXT], where[TEXT];
    scene_export(scene, NULL);
    if (http_double_requests(scene->server) == before)
        fail_msg("%s: nothing has come", endpoint);
    write_port(target, port, where);
    snprintf(line, sizeof line, "%s%s HTTP/1.1\r\n", strncmp(where, "CONNECT ", 8) == 0 ? "" : "POST ", where);
    const char *head = http_double_head(scene->server, http_double_requests(scene->server) - 1);
    if (strncmp(head, line, strlen(line)) != 0)
        fail_msg("%s: instead of %s came %s", endpoint, line, head);
    write_port(row->host, port, host);
    assert_header(scene, "Host", host, endpoint);
    assert_header(scene, "Authorization", row->authorization, endpoint);
}

/* As one of the members of the options, or in one of the variables. */
static void send_one_way(struct scene *scene, const struct accepted *row, bool specific, bool in_code) {
    char endpoint[TEXT];
    otel_error error;
    otel_otlp_options options = { .size = sizeof options, .retry_disabled = true, .error = &error };
    write_port(row->endpoint, http_double_port(scene->server), endpoint);
    if (!in_code)
        setenv(variables[specific], endpoint, 1);
    else if (specific)
        options.traces_endpoint = endpoint;
    else
        options.endpoint = endpoint;
    otel_exporter_destroy(scene->exporter);
    scene->exporter = otel_otlp_exporter(&options);
    unsetenv(variables[specific]);
    if (!scene->exporter)
        fail_msg("%s: %s", endpoint, error.text);
    assert_sent(scene, row, endpoint, specific ? row->specific : row->base);
}

static void send_all_ways(struct scene *scene, const struct accepted *rows, size_t count) {
    for (size_t i = 0; i < count; i++)
        for (int way = 0; way < 4; way++)
            send_one_way(scene, &rows[i], way & 1, way & 2);
}

static void what_is_sent(void **state) {
    (void)state;
    static const struct accepted rows[] = {
        { "http://127.0.0.1:%d", "/v1/traces", "/", "127.0.0.1:%d", NULL },
        { "http://127.0.0.1:%d/", "/v1/traces", "/", "127.0.0.1:%d", NULL },
        { "http://127.0.0.1:%d//", "/v1/traces", "//", "127.0.0.1:%d", NULL },
        { "http://127.0.0.1:%d/base", "/base/v1/traces", "/base", "127.0.0.1:%d", NULL },
        { "http://127.0.0.1:%d/base///", "/base/v1/traces", "/base///", "127.0.0.1:%d", NULL },
        { "http://127.0.0.1:%d//a//b/", "//a//b/v1/traces", "//a//b/", "127.0.0.1:%d", NULL },
        { "http://127.0.0.1:%d/a/../b", "/a/../b/v1/traces", "/a/../b", "127.0.0.1:%d", NULL },
        { "http://127.0.0.1:%d/a%20b@c", "/a%20b@c/v1/traces", "/a%20b@c", "127.0.0.1:%d", NULL },
        { "http://127.0.0.1:%d?tenant=1", "/v1/traces?tenant=1", "/?tenant=1", "127.0.0.1:%d", NULL },
        { "http://127.0.0.1:%d/x?t=1&u=/#part", "/x/v1/traces?t=1&u=/", "/x?t=1&u=/", "127.0.0.1:%d", NULL },
        { "http://127.0.0.1:%d/x#part", "/x/v1/traces", "/x", "127.0.0.1:%d", NULL },
        { "HTTP://LocalHost:%d", "/v1/traces", "/", "LocalHost:%d", NULL },
        { "http://user:p%40ss@127.0.0.1:%d", "/v1/traces", "/", "127.0.0.1:%d", "Basic dXNlcjpwQHNz" },
        { "http://user@127.0.0.1:%d/", "/v1/traces", "/", "127.0.0.1:%d", "Basic dXNlcjo=" },
        { "http://127.0.0.1:00%d/", "/v1/traces", "/", "127.0.0.1:%d", NULL },
    };
    struct scene scene = scene_begin(STEPS({ .status = 200 }));
    send_all_ways(&scene, rows, sizeof rows / sizeof *rows);
    scene_end(&scene);
}

static void an_ipv6_address(void **state) {
    (void)state;
    static const struct accepted row = { "http://[::ffff:127.0.0.1]:%d/x", "/x/v1/traces", "/x",
                                         "[::ffff:127.0.0.1]:%d", NULL };
    const int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        skip();
    close(fd);
    struct scene scene = scene_begin(STEPS({ .status = 200 }));
    send_all_ways(&scene, &row, 1);
    scene_end(&scene);
}

/* Without a port: a proxy hears where the request is to go, whether or not anybody is there. */
static void what_a_proxy_hears(void **state) {
    (void)state;
    static const struct accepted rows[] = {
        { "http://collector", "http://collector/v1/traces", "http://collector/", "collector", NULL },
        { "http://collector:80/x", "http://collector/x/v1/traces", "http://collector/x", "collector", NULL },
        { "http://my_collector-1.example.:4318", "http://my_collector-1.example.:4318/v1/traces",
          "http://my_collector-1.example.:4318/", "my_collector-1.example.:4318", NULL },
        { "http://[2001:db8::1]", "http://[2001:db8::1]/v1/traces", "http://[2001:db8::1]/", "[2001:db8::1]", NULL },
        { "http://[2001:db8::1]:4318", "http://[2001:db8::1]:4318/v1/traces", "http://[2001:db8::1]:4318/",
          "[2001:db8::1]:4318", NULL },
        { "https://collector", "CONNECT collector:443", "CONNECT collector:443", "collector:443", NULL },
        { "https://collector:4318/x", "CONNECT collector:4318", "CONNECT collector:4318", "collector:4318", NULL },
        { "https://[2001:db8::1]", "CONNECT [2001:db8::1]:443", "CONNECT [2001:db8::1]:443", "[2001:db8::1]:443",
          NULL },
    };
    struct scene scene = scene_begin(STEPS({ .status = 503 }));
    setenv("all_proxy", http_double_url(scene.server, ""), 1);
    send_all_ways(&scene, rows, sizeof rows / sizeof *rows);
    unsetenv("all_proxy");
    scene_end(&scene);
}

/* ---- refused ----------------------------------------------------------------------------------------------------- */

#define NO_SCHEME "it begins with neither http:// nor https:// nor unix:"
#define NO_PORT "its port is not a number from 1 to 65535"
#define CONTROL "it holds a space or control character"
#define SEVERAL "it holds several ':' where an IPv6 address stands in brackets, as in http://[::1]:4318"
#define CHARACTER "its host holds a character other than letters, digits, '-', '.' and '_'"

static const struct refused {
    const char *endpoint, *shown, *why; /* shown NULL: as it is */
} refused[] = {
    { "collector", NULL, NO_SCHEME },
    { "collector:4318", NULL, NO_SCHEME },
    { "//collector:4318/", NULL, NO_SCHEME },
    { "127.0.0.1:4318", NULL, NO_SCHEME },
    { "[::1]:4318", NULL, NO_SCHEME },
    { "http:/collector", NULL, NO_SCHEME },
    { "http:collector", NULL, NO_SCHEME },
    { "ftp://collector", NULL, NO_SCHEME },
    { "grpc://collector:4317", NULL, NO_SCHEME },
    { "dns:///collector:4317", NULL, NO_SCHEME },
    { "http://", NULL, "it has no host" },
    { "http:///v1/traces", NULL, "it has no host" },
    { "http://:4318", NULL, "it has no host" },
    { "http://?x", "http://", "it has no host" },
    { "http://user:secret@", "@", "it has no host" },
    { "http://collector:", NULL, NO_PORT },
    { "http://collector:0", NULL, NO_PORT },
    { "http://collector:65536/", NULL, NO_PORT },
    { "http://collector:-1", NULL, NO_PORT },
    { "http://collector:http", NULL, NO_PORT },
    { "http://user:secret@collector:x/?token=secret", "@collector:x/", NO_PORT },
    { "http://::1:4318", NULL, SEVERAL },
    { "http://2001:db8::1/", NULL, SEVERAL },
    { "http://collector:4318:4318", NULL, SEVERAL },
    { "http://[::1", NULL, "its IPv6 address lacks the closing bracket" },
    { "http://[collector]", NULL, "its IPv6 address is malformed" },
    { "http://[::1]4318", NULL, "something other than a port follows its host" },
    { "http://col lector", NULL, CONTROL },
    { "http://collector/\x1b[31m", "http://collector/\\x1b[31m", CONTROL },
    { "http://collector/\n/x", "http://collector/\\n/x", CONTROL },
    { "http://collector\\x", NULL, CHARACTER },
    { "http://\xc3\xbc.example", NULL, CHARACTER },
    { "http://user:sec@ret@collector", "@collector",
      "its user or password holds an '@', which must be written as %40" },
};

static void what_is_refused_in_code(void **state) {
    (void)state;
    static const struct refused in_code_only[] = { { "", NULL, "it is empty" }, { "   ", NULL, CONTROL } };
    const size_t count = sizeof refused / sizeof *refused;
    for (size_t i = 0; i < 2 * (count + 2); i++) {
        const struct refused *row = i / 2 < count ? &refused[i / 2] : &in_code_only[i / 2 - count];
        otel_error error = { "" };
        otel_otlp_options options = { .size = sizeof options, .error = &error };
        *(i % 2 ? &options.traces_endpoint : &options.endpoint) = row->endpoint;
        char expected[512];
        snprintf(expected, sizeof expected, "otel_otlp_options.%s: \"%s\" cannot be used: %s",
                 i % 2 ? "traces_endpoint" : "endpoint", row->shown ? row->shown : row->endpoint, row->why);
        assert_null(otel_otlp_exporter(&options));
        assert_string_equal(error.text, expected);
    }
}

/* The exporter is made all the same, with what there is instead. */
static void what_is_refused_in_the_environment(void **state) {
    (void)state;
    for (size_t i = 0; i < 2 * sizeof refused / sizeof *refused; i++) {
        const struct refused *row = &refused[i / 2];
        char expected[512];
        snprintf(expected, sizeof expected, "%s=\"%s\" is not an http://, https:// or unix: URL: %s; ",
                 variables[i % 2], row->shown ? row->shown : row->endpoint, row->why);
        reports_start(OTEL_LOG_WARN);
        setenv(variables[i % 2], row->endpoint, 1);
        otel_exporter *exporter = otel_otlp_exporter(NULL);
        unsetenv(variables[i % 2]);
        assert_non_null(exporter);
        otel_exporter_destroy(exporter);
        if (reports_count() != 1 || strncmp(reports_text(0), expected, strlen(expected)) != 0)
            fail_msg("%s: '%s' instead of '%s'", row->endpoint, reports_count() > 0 ? reports_text(0) : "", expected);
        reports_stop();
    }
}

/* Blanks around a value are no part of it, and a value of blanks is none. */
static void blanks_in_the_environment(void **state) {
    (void)state;
    struct scene scene = scene_begin(STEPS({ .status = 200 }));
    static const struct accepted trimmed = { " \thttp://127.0.0.1:%d/ ", "/v1/traces", "/", "127.0.0.1:%d", NULL };
    send_one_way(&scene, &trimmed, false, false);
    send_one_way(&scene, &trimmed, true, false);
    static const struct accepted usual = { "http://127.0.0.1:%d/x", "/x/v1/traces", NULL, "127.0.0.1:%d", NULL };
    setenv(variables[1], "  ", 1);
    send_one_way(&scene, &usual, false, false);
    unsetenv(variables[1]);
    assert_int_equal(reports_count(), 0);
    scene_end(&scene);
}

int main(void) {
    static const char *const others[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "no_proxy", "NO_PROXY" };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        unsetenv(others[i]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_sent),
        cmocka_unit_test(an_ipv6_address),
        cmocka_unit_test(what_a_proxy_hears),
        cmocka_unit_test(what_is_refused_in_code),
        cmocka_unit_test(what_is_refused_in_the_environment),
        cmocka_unit_test(blanks_in_the_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
