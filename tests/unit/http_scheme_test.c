/* SPDX-License-Identifier: Apache-2.0 */
/* http_scheme_test.c - what a URL's scheme decides: TLS or not, and the port when none is given. */
#include "common/http/http_client.h"

#include "base/clock.h"
#include "http_double.h"
#include "http_post.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static enum otel__http_result post_to(const char *url) {
    struct otel__http_settings settings = {
        .url = url, .content_type = "a/b", .user_agent = "Test/1", .response_limit = 100
    };
    otel_error error;
    struct otel__http_client *client = otel__http_create(&settings, &error);
    if (!client)
        fail_msg("%s", error.text);
    enum otel__http_result result = http_post(client, "x", 1, otel__clock_monotonic() + 20 * OTEL__SECOND);
    otel__http_destroy(client);
    return result;
}

/* The first byte that one connection to `socket` brings; -1: none came. */
static void *first_byte(void *socket) {
    uint8_t byte = 0;
    int fd = accept(*(int *)socket, NULL, NULL);
    ssize_t got = fd >= 0 ? recv(fd, &byte, 1, 0) : -1;
    close(fd);
    return (void *)(intptr_t)(got == 1 ? byte : -1);
}

/* What a server hears first when a request goes to it. */
static int first_byte_of(const char *scheme) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof address;
    assert_int_equal(bind(listener, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(listener, 1), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&address, &len), 0);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, first_byte, &listener), 0);
    char url[64];
    snprintf(url, sizeof url, "%s://127.0.0.1:%d/", scheme, ntohs(address.sin_port));
    assert_int_equal(post_to(url), OTEL__HTTP_UNAVAILABLE);
    void *byte;
    pthread_join(thread, &byte);
    close(listener);
    return (int)(intptr_t)byte;
}

static void only_https_uses_tls(void **state) {
    (void)state;
    enum { TLS_HANDSHAKE = 0x16 };
    assert_int_equal(first_byte_of("https"), TLS_HANDSHAKE);
    assert_int_equal(first_byte_of("HTTPS"), TLS_HANDSHAKE);
    assert_int_equal(first_byte_of("http"), 'P');
    assert_int_equal(first_byte_of("HTTP"), 'P');
}

/* A proxy is told where to go: of a URL without a port, that is the scheme's. */
static void without_a_port_it_is_that_of_the_scheme(void **state) {
    (void)state;
    static const struct http_step refusal = { .status = 403 };
    http_double *proxy = http_double_start(&refusal, 1);
    setenv("all_proxy", http_double_url(proxy, ""), 1);
    post_to("https://far.example.test/v1/traces");
    assert_non_null(strstr(http_double_head(proxy, 0), "CONNECT far.example.test:443 HTTP/1.1\r\n"));
    post_to("http://far.example.test/v1/traces"); /* and 80 goes without saying */
    assert_non_null(strstr(http_double_head(proxy, 1), "POST http://far.example.test/v1/traces HTTP/1.1\r\n"));
    assert_non_null(strstr(http_double_head(proxy, 1), "Host: far.example.test\r\n"));
    unsetenv("all_proxy");
    http_double_stop(proxy);
}

static void forget_proxies(void) {
    static const char *const names[] = { "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
                                         "ALL_PROXY",  "no_proxy",    "NO_PROXY" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

int main(void) {
    forget_proxies();
    const struct CMUnitTest tests[] = { cmocka_unit_test(only_https_uses_tls),
                                        cmocka_unit_test(without_a_port_it_is_that_of_the_scheme) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
