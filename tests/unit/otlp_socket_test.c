/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_socket_test.c - spans that go to a Unix socket, and what becomes of them while nobody listens there. */
#include "otel/otlp.h"

#include "otlp_scene.h"
#include "reports.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static const struct http_step answer = { .status = 200 };
static char folder[] = "/tmp/otel-socket-XXXXXX";
static char path[64], url[128]; /* of the socket */

/* A scene without a server, whose spans go where the options say. */
static struct scene scene_of(otel_otlp_options options) {
    otel_error error;
    reports_start(OTEL_LOG_DEBUG);
    struct scene scene = { .spans = span_set_create(11, 20) };
    options.size = sizeof options;
    options.error = &error;
    scene.exporter = otel_otlp_exporter(&options);
    if (!scene.exporter)
        fail_msg("%s", error.text);
    scene.batch = batch_double_create(span_set_spans(scene.spans), 20, span_set_resource(scene.spans));
    return scene;
}

static int set_up(void **state) {
    (void)state;
    if (!mkdtemp(folder))
        return 1;
    snprintf(path, sizeof path, "%s/otel.sock", folder);
    snprintf(url, sizeof url, "unix://%s", path);
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void assert_arrives(otel_otlp_options options, const char *where) {
    struct scene scene = scene_of(options);
    scene.server = http_double_start_unix(where, &answer, 1);
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
    assert_int_equal(http_double_requests(scene.server), 2);
    /* libcurl 7.88 never finds the connection to an abstract socket again, and makes another one. */
    assert_in_range(http_double_connections(scene.server), 1, where[0] == '@' ? 2 : 1);
    for (int i = 0; i < 10000 && http_double_open(scene.server) > 1; i++)
        usleep(1000);
    assert_int_equal(http_double_open(scene.server), 1);
    assert_memory_equal(http_double_head(scene.server, 0), "POST /v1/traces HTTP/1.1\r\n", 26);
    char *host = http_double_header(scene.server, 0, "Host");
    assert_string_equal(host, "localhost");
    free(host);
    scene_end(&scene);
    unlink(where);
}

static void every_spelling_of_a_socket(void **state) {
    (void)state;
    char other[128];
    assert_arrives((otel_otlp_options){ .endpoint = url }, path);
    assert_arrives((otel_otlp_options){ .traces_endpoint = url }, path);
    snprintf(other, sizeof other, "UNIX:%s", path);
    assert_arrives((otel_otlp_options){ .endpoint = other }, path);
    snprintf(other, sizeof other, "unix://%s/%%6ftel%%2Esock", folder);
    assert_arrives((otel_otlp_options){ .endpoint = other }, path);
    snprintf(path, sizeof path, "@otel-socket-test-%d", (int)getpid());
    snprintf(other, sizeof other, "unix-abstract:%s", path + 1);
    assert_arrives((otel_otlp_options){ .endpoint = other }, path);
    snprintf(path, sizeof path, "%s/otel.sock", folder);
}

static void a_socket_from_the_environment(void **state) {
    (void)state;
    static const char *const names[] = { "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT" };
    for (size_t i = 0; i < 2; i++) {
        setenv(names[i], url, 1);
        assert_arrives((otel_otlp_options){ .timeout_ms = 0 }, path);
        unsetenv(names[i]);
    }
}

static void no_proxy_is_used_for_a_socket(void **state) {
    (void)state;
    int refusing;
    char proxy[64];
    snprintf(proxy, sizeof proxy, "http://127.0.0.1:%d", http_refused_port(&refusing));
    setenv("http_proxy", proxy, 1);
    setenv("all_proxy", proxy, 1);
    assert_arrives((otel_otlp_options){ .endpoint = url }, path);
    struct scene scene = scene_of((otel_otlp_options){ .endpoint = url, .retry_disabled = true });
    assert_int_equal(scene_export(&scene, NULL), OTEL_ERR_EXPORT);
    assert_false(scene_reported(OTEL_LOG_WARN, "proxy"));
    scene_end(&scene);
    unsetenv("http_proxy");
    unsetenv("all_proxy");
    close(refusing);
}

/* A file that nobody listens to any more, as a server that was killed leaves it. */
static void leave_a_file(void) { http_double_stop(http_double_start_unix(path, &answer, 1)); }

/* Both are tried again, and what was wrong is said; once a server is there, spans arrive. */
static void a_server_that_is_not_there_yet(void **state) {
    (void)state;
    for (int refusing = 0; refusing < 2; refusing++) {
        char expected[320];
        snprintf(expected, sizeof expected, "20 spans could not be sent to %s: cannot connect to the socket %s: %s (",
                 url, path, refusing ? "Connection refused" : "No such file or directory");
        struct scene scene =
            scene_of((otel_otlp_options){ .endpoint = url, .timeout_ms = 1000, .initial_backoff_ms = 20 });
        if (refusing)
            leave_a_file();
        assert_int_not_equal(scene_export(&scene, NULL), OTEL_OK);
        assert_true(scene_reported(OTEL_LOG_WARN, expected));
        assert_true(scene_reported(OTEL_LOG_WARN, "attempts). Is a collector running there?"));
        unlink(path);
        scene.server = http_double_start_unix(path, &answer, 1);
        scene_send_to(&scene, url, 20000);
        assert_int_equal(scene_export(&scene, NULL), OTEL_OK);
        scene_end(&scene);
        unlink(path);
    }
}

static void sockets_that_cannot_be(void **state) {
    (void)state;
    static const struct {
        const char *url, *reason;
    } cases[] = {
        { "unix:", "the path of its socket does not begin with '/', as in unix:///run/otel.sock" },
        { "unix:run/otel.sock", "the path of its socket does not begin with '/'" },
        { "unix://run/otel.sock", "the path of its socket does not begin with '/'" },
        { "unix-abstract:", "its socket has no name" },
        { "unix:///run/otel.sock?x=1", "a socket has no query and no fragment" },
        { "unix:///run/otel%2.sock", "its socket holds a '%' that no two hexadecimal digits follow" },
        { "unix:///run/%00otel.sock", "the path of its socket holds a %00" },
        { "unix:///run/ot el.sock", "it holds a space or control character" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        otel_error error = { "" };
        assert_null(otel_otlp_exporter(
            &(otel_otlp_options){ .size = sizeof(otel_otlp_options), .endpoint = cases[i].url, .error = &error }));
        if (!strstr(error.text, cases[i].reason))
            fail_msg("%s: %s", cases[i].url, error.text);
    }
}

/* 107 bytes are the most that an address holds; more is refused at once rather than at the first export. */
static void too_long_a_path(void **state) {
    (void)state;
    enum { MOST = 107 };
    char text[16 + 3 * MOST] = "unix:///", encoded[16 + 3 * MOST] = "unix:///";
    otel_error error = { "" };
    otel_otlp_options options = { .size = sizeof options, .endpoint = text, .error = &error };
    memset(text + 8, 'x', MOST - 1);
    otel_exporter *exporter = otel_otlp_exporter(&options);
    assert_non_null(exporter);
    otel_exporter_destroy(exporter);
    text[8 + MOST - 1] = 'x';
    assert_null(otel_otlp_exporter(&options));
    assert_non_null(strstr(error.text, "the path of its socket is longer than 107 bytes"));
    for (size_t i = 0; i < MOST - 1; i++)
        memcpy(encoded + 8 + 3 * i, "%78", 4);
    options.endpoint = encoded;
    exporter = otel_otlp_exporter(&options);
    assert_non_null(exporter);
    otel_exporter_destroy(exporter);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_spelling_of_a_socket),    cmocka_unit_test(a_socket_from_the_environment),
        cmocka_unit_test(no_proxy_is_used_for_a_socket), cmocka_unit_test(a_server_that_is_not_there_yet),
        cmocka_unit_test(sockets_that_cannot_be),        cmocka_unit_test(too_long_a_path),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
