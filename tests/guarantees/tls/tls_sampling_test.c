/* SPDX-License-Identifier: Apache-2.0 */
/* tls_sampling_test.c - whom the remote sampler trusts, and who it says it is. */
#include "tls_scene.h"

#include "base/clock.h"
#include "base/sync.h"

#include <otel/jaeger_remote.h>
#include <otel/sdk.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

enum { LONG_MS = 20000 };

static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;
static char said[2048];

static void listen(void *data, otel_log_level level, const char *text) {
    (void)data;
    pthread_mutex_lock(&said_lock);
    if (level >= OTEL_LOG_WARN)
        snprintf(said, sizeof said, "%s", text);
    pthread_mutex_unlock(&said_lock);
}

static bool has_said(const char *text) {
    pthread_mutex_lock(&said_lock);
    const bool found = strstr(said, text);
    pthread_mutex_unlock(&said_lock);
    return found;
}

/* Fetches once, and waits until that text was reported. */
static void fetch(tls_server *server, otel_jaeger_remote_options options, const char *reported) {
    const uint64_t deadline = otel__deadline_in(LONG_MS, 0);
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "https://127.0.0.1:%d/sampling", tls_server_port(server));
    options.size = sizeof options;
    options.endpoint = endpoint;
    said[0] = '\0';
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "shop", .diagnostic = listen,
                                             .sampler = otel_sampler_jaeger_remote(&options),
                                             .processors = { &(otel_processor *){ NULL }, 0 })),
                     OTEL_OK);
    while (!has_said(reported) && otel__clock_monotonic() < deadline)
        otel__sleep_ms(2);
    const bool found = has_said(reported);
    if (!found)
        print_message("%s\n", said);
    otel_sdk_stop(LONG_MS);
    assert_true(found);
}

/* It answers 200 and nothing: what is said of that has come through TLS. */
static const char nothing[] = "it is no JSON; the initial sampler decides";

static void a_server_of_the_authority_is_asked(void **state) {
    struct tls_scene *scene = *state;
    tls_server *server = tls_server_start(&scene->server, NULL, 0);
    fetch(server, (otel_jaeger_remote_options){ .certificate_file = scene->ca }, nothing);
    assert_int_equal(tls_server_requests(server), 1);
    assert_string_equal(tls_server_client(server), "");
    tls_server_stop(server);
}

static void others_are_told_nothing(void **state) {
    struct tls_scene *scene = *state;
    const char *const authorities[] = { NULL, scene->other_ca };
    for (size_t i = 0; i < 2; i++) {
        tls_server *server = tls_server_start(&scene->server, NULL, 0);
        fetch(server, (otel_jaeger_remote_options){ .certificate_file = authorities[i] }, " is refused");
        assert_int_equal(tls_server_requests(server), 0);
        tls_server_stop(server);
    }
}

static void our_certificate_is_shown(void **state) {
    struct tls_scene *scene = *state;
    tls_server *server = tls_server_start(&scene->server, &scene->authority, 0);
    const otel_jaeger_remote_options options = { .certificate_file = scene->ca,
                                                 .client_key_file = scene->key,
                                                 .client_certificate_file = scene->certificate };
    fetch(server, options, nothing);
    assert_string_not_equal(tls_server_client(server), "");
    tls_server_stop(server);
}

int main(void) {
#define test(name) cmocka_unit_test_setup_teardown(name, tls_scene_begin, tls_scene_end)
    const struct CMUnitTest tests[] = {
        test(a_server_of_the_authority_is_asked),
        test(others_are_told_nothing),
        test(our_certificate_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
