/* SPDX-License-Identifier: Apache-2.0 */
/* tls_formats_test.c - the exporters of Zipkin's and Jaeger's formats over TLS: whom they trust, and who they say they are. */
#include "tls_scene.h"

#include "reports.h"

#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <otel/jaeger.h>
#include <otel/zipkin.h>

#include <cmocka.h>

/* What both have options for; NULL: no such file. */
struct files {
    const char *trust, *key, *certificate;
};

static otel_exporter *zipkin(const char *url, struct files files, otel_error *error) {
    const otel_zipkin_options options = { .size = sizeof options,
                                          .endpoint = url,
                                          .retry_disabled = true,
                                          .certificate_file = files.trust,
                                          .client_key_file = files.key,
                                          .client_certificate_file = files.certificate,
                                          .error = error };
    return otel_zipkin_exporter(&options);
}

static otel_exporter *jaeger(const char *url, struct files files, otel_error *error) {
    const otel_jaeger_options options = { .size = sizeof options,
                                          .endpoint = url,
                                          .protocol = OTEL_JAEGER_HTTP_THRIFT_BINARY,
                                          .timeout_ms = 2000,
                                          .certificate_file = files.trust,
                                          .client_key_file = files.key,
                                          .client_certificate_file = files.certificate,
                                          .error = error };
    return otel_jaeger_exporter(&options);
}

static const struct {
    otel_exporter *(*make)(const char *url, struct files files, otel_error *error);
    const char *hint;
} formats[] = { { zipkin, "Does otel_zipkin_options.certificate_file name" },
                { jaeger, "Does otel_jaeger_options.certificate_file name" } };

enum { FORMATS = sizeof formats / sizeof *formats };

static otel_status export_with(size_t format, const tls_server *server, struct files files) {
    char url[64];
    otel_error error = { "" };
    snprintf(url, sizeof url, "https://127.0.0.1:%d/spans", tls_server_port(server));
    otel_exporter *exporter = formats[format].make(url, files, &error);
    assert_string_equal(error.text, "");
    const otel_status status = tls_scene_export(exporter);
    otel_exporter_destroy(exporter);
    return status;
}

static void a_server_of_the_authority_is_trusted(void **state) {
    const struct tls_scene *scene = *state;
    for (size_t i = 0; i < FORMATS; i++) {
        tls_server *server = tls_server_start(&scene->server, NULL, 0);
        assert_int_equal(export_with(i, server, (struct files){ .trust = scene->ca }), OTEL_OK);
        assert_int_equal(tls_server_requests(server), 1);
        assert_string_equal(tls_server_client(server), "");
        tls_server_stop(server);
    }
}

static void others_get_nothing(void **state) {
    const struct tls_scene *scene = *state;
    const char *const authorities[] = { NULL, scene->other_ca };
    for (size_t i = 0; i < FORMATS * 2; i++) {
        tls_server *server = tls_server_start(&scene->server, NULL, 0);
        reports_start(OTEL_LOG_WARN);
        assert_int_equal(export_with(i / 2, server, (struct files){ .trust = authorities[i % 2] }), OTEL_ERR_EXPORT);
        assert_true(reports_mention("the certificate of 127.0.0.1:", formats[i / 2].hint));
        assert_int_equal(tls_server_requests(server), 0);
        tls_server_stop(server);
    }
}

static void a_server_that_asks_is_told_who_we_are(void **state) {
    const struct tls_scene *scene = *state;
    for (size_t i = 0; i < FORMATS; i++) {
        tls_server *server = tls_server_start(&scene->server, &scene->authority, 0);
        assert_int_equal(export_with(i, server, (struct files){ scene->ca, scene->key, scene->certificate }), OTEL_OK);
        assert_string_equal(tls_server_client(server), "client");
        assert_true(export_with(i, server, (struct files){ .trust = scene->ca }) != OTEL_OK);
        assert_int_equal(tls_server_requests(server), 1);
        tls_server_stop(server);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, tls_scene_begin, tls_scene_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(a_server_of_the_authority_is_trusted),
        TEST(others_get_nothing),
        TEST(a_server_that_asks_is_told_who_we_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
