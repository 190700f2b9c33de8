/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_grpc_tls_test.c - whom the exporter over gRPC trusts, who it says it is, and what becomes of files that change. */
#include "authority.h"
#include "batch_double.h"
#include "grpc_double.h"
#include "grpc_identity.h"
#include "reports.h"
#include "tls_scene.h"

#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <otel/grpc.h>
#include <otel/jaeger.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const struct grpc_step fine = { .status = 0 };

/* ---- the server -------------------------------------------------------------------------------------------------- */

/* Asks clients for a certificate of the authority if there is one. */
static grpc_double *serve(const struct identity *identity, const struct identity *authority) {
    struct grpc_double_options options = { .port = 0 };
    grpc_init();
    options.credentials = grpc_identity_credentials(identity, authority);
    grpc_double *server = grpc_double_start_with(&options, &fine, 1);
    grpc_shutdown();
    return server;
}

static otel_exporter *exporter_for(struct tls_scene *scene, grpc_double *server, otel_otlp_options options,
                                   const char *host) {
    options.protocol = OTEL_OTLP_GRPC;
    otel_exporter *exporter = tls_scene_exporter(scene, options, host, grpc_double_port(server));
    assert_string_equal(scene->error.text, "");
    return exporter;
}

static otel_status export_with(struct tls_scene *scene, grpc_double *server, otel_otlp_options options,
                               const char *host) {
    otel_exporter *exporter = exporter_for(scene, server, options, host);
    otel_status status = tls_scene_export(exporter);
    otel_exporter_destroy(exporter);
    return status;
}

/* ---- the server's certificate ------------------------------------------------------------------------------------ */

static void a_server_of_the_authority_is_trusted(void **state) {
    struct tls_scene *scene = *state;
    grpc_double *server = serve(&scene->server, NULL);
    assert_int_equal(export_with(scene, server, (otel_otlp_options){ .certificate_file = scene->ca }, "127.0.0.1"),
                     OTEL_OK);
    assert_string_equal(grpc_double_client(server), "");
    assert_int_equal(grpc_double_requests(server), 1);
    grpc_double_stop(server);
}

static void others_are_refused_and_not_asked_again(void **state) {
    struct tls_scene *scene = *state;
    const char *const authorities[] = { NULL, scene->other_ca };
    for (size_t i = 0; i < 2; i++) {
        grpc_double *server = serve(&scene->server, NULL);
        reports_start(OTEL_LOG_DEBUG);
        otel_otlp_options options = { .certificate_file = authorities[i] };
        assert_int_equal(export_with(scene, server, options, "127.0.0.1"), OTEL_ERR_EXPORT);
        assert_true(reports_mention("gRPC status 14 UNAVAILABLE", "certificate verify failed"));
        assert_false(reports_mention("trying again", NULL));
        assert_int_equal(grpc_double_requests(server), 0);
        grpc_double_stop(server);
    }
}

static void another_host_name_is_refused_and_not_asked_again(void **state) {
    struct tls_scene *scene = *state;
    grpc_double *server = serve(&scene->server, NULL);
    reports_start(OTEL_LOG_DEBUG);
    otel_otlp_options options = { .certificate_file = scene->ca, .timeout_ms = 3000 };
    assert_int_equal(export_with(scene, server, options, "localhost"), OTEL_ERR_EXPORT);
    assert_true(reports_mention("is not in peer certificate", NULL));
    assert_false(reports_mention("trying again", NULL));
    assert_int_equal(grpc_double_requests(server), 0);
    grpc_double_stop(server);
}

static void an_old_version_of_tls_is_refused(void **state) {
    struct tls_scene *scene = *state;
    tls_server *server = tls_server_start(&scene->server, NULL, TLS1_1_VERSION);
    otel_otlp_options options = { .certificate_file = scene->ca, .protocol = OTEL_OTLP_GRPC, .retry_disabled = true };
    otel_exporter *exporter = tls_scene_exporter(scene, options, "127.0.0.1", tls_server_port(server));
    assert_int_equal(tls_scene_export(exporter), OTEL_ERR_EXPORT);
    assert_true(reports_mention("gRPC status 14 UNAVAILABLE", "Ssl handshake failed"));
    otel_exporter_destroy(exporter);
    tls_server_stop(server);
}

/* ---- the client's certificate ------------------------------------------------------------------------------------ */

static otel_otlp_options mutual(const struct tls_scene *scene) {
    return (otel_otlp_options){ .certificate_file = scene->ca,
                                .client_key_file = scene->key,
                                .client_certificate_file = scene->certificate };
}

static void a_server_that_asks_learns_who_we_are(void **state) {
    struct tls_scene *scene = *state;
    grpc_double *server = serve(&scene->server, &scene->authority);
    assert_int_equal(export_with(scene, server, mutual(scene), "127.0.0.1"), OTEL_OK);
    assert_string_equal(grpc_double_client(server), "client");
    grpc_double_stop(server);
}

static otel_status export_to_jaeger(struct tls_scene *scene, grpc_double *server, otel_jaeger_options options) {
    char endpoint[64];
    snprintf(endpoint, sizeof endpoint, "https://127.0.0.1:%d", grpc_double_port(server));
    options.size = sizeof options;
    options.protocol = OTEL_JAEGER_GRPC;
    options.endpoint = endpoint;
    options.timeout_ms = 3000;
    options.error = &scene->error;
    otel_exporter *exporter = otel_jaeger_exporter(&options);
    assert_string_equal(scene->error.text, "");
    const otel_status status = tls_scene_export(exporter);
    otel_exporter_destroy(exporter);
    return status;
}

static void jaegers_exporter_takes_the_same_files(void **state) {
    struct tls_scene *scene = *state;
    grpc_double *server = serve(&scene->server, &scene->authority);
    const otel_jaeger_options options = { .certificate_file = scene->ca,
                                          .client_key_file = scene->key,
                                          .client_certificate_file = scene->certificate };
    assert_int_equal(export_to_jaeger(scene, server, options), OTEL_OK);
    assert_string_equal(grpc_double_client(server), "client");
    assert_true(export_to_jaeger(scene, server, (otel_jaeger_options){ .size = 0 }) != OTEL_OK);
    assert_int_equal(grpc_double_requests(server), 1);
    grpc_double_stop(server);
}

static void without_a_certificate_it_refuses_us(void **state) {
    struct tls_scene *scene = *state;
    grpc_double *server = serve(&scene->server, &scene->authority);
    otel_otlp_options options = { .certificate_file = scene->ca, .retry_disabled = true };
    assert_int_not_equal(export_with(scene, server, options, "127.0.0.1"), OTEL_OK);
    assert_int_equal(grpc_double_requests(server), 0);
    grpc_double_stop(server);
}

static void the_environment_names_files_too(void **state) {
    struct tls_scene *scene = *state;
    grpc_double *server = serve(&scene->server, &scene->authority);
    setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", scene->other_ca, 1);
    setenv("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", scene->ca, 1);
    setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", scene->key, 1);
    setenv("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", scene->certificate, 1);
    assert_int_equal(export_with(scene, server, (otel_otlp_options){ .size = 0 }, "127.0.0.1"), OTEL_OK);
    assert_string_equal(grpc_double_client(server), "client");
    grpc_double_stop(server);
}

/* ---- mistakes ---------------------------------------------------------------------------------------------------- */

static void assert_refused(struct tls_scene *scene, otel_otlp_options options, const char *why) {
    options.protocol = OTEL_OTLP_GRPC;
    assert_null(tls_scene_exporter(scene, options, "127.0.0.1", 4317));
    if (!strstr(scene->error.text, why))
        fail_msg("\"%s\" does not say \"%s\"", scene->error.text, why);
}

static void mistakes_are_told_when_the_exporter_is_made(void **state) {
    struct tls_scene *scene = *state;
    struct identity old = authority_issue(&scene->authority, "old", "DNS:old", -7200, -3600);
    assert_refused(scene, (otel_otlp_options){ .certificate_file = "/nowhere" },
                   "otel_otlp_options.certificate_file: the file \"/nowhere\" cannot be used: No such file");
    assert_refused(scene, (otel_otlp_options){ .client_key_file = scene->key }, "without a client certificate");
    write_key(scene->key, &scene->server, NULL);
    assert_refused(scene, mutual(scene), "the key is not that of its certificate");
    write_text(scene->ca, "nothing\n");
    assert_refused(scene, mutual(scene), "it holds no certificate in PEM form");
    write_certificate(scene->ca, &old);
    assert_refused(scene, mutual(scene), "its certificate has expired");
    identity_free(&old);
}

static void plaintext_has_no_use_for_files(void **state) {
    (void)state;
    const char *const endpoints[] = { "http://127.0.0.1:1", "127.0.0.1:1" };
    const char *const why[] = { "as the endpoint does not begin with https://: nothing",
                                "as the endpoint is insecure: nothing" };
    for (size_t i = 0; i < 2; i++) {
        reports_start(OTEL_LOG_WARN);
        otel_otlp_options options = {
            .size = sizeof options, .endpoint = endpoints[i], .certificate_file = "/nowhere", .insecure = i == 1
        };
        otel_exporter *exporter = otel_otlp_grpc_exporter(&options);
        assert_non_null(exporter);
        otel_exporter_destroy(exporter);
        assert_true(reports_mention("otel_otlp_options.certificate_file is of no use", why[i]));
    }
}

/* ---- files that change ------------------------------------------------------------------------------------------- */

static void new_files_count_from_the_next_handshake_on(void **state) {
    struct tls_scene *scene = *state;
    grpc_double *server = serve(&scene->server, &scene->authority);
    otel_exporter *exporter = exporter_for(scene, server, mutual(scene), "127.0.0.1");
    assert_int_equal(tls_scene_export(exporter), OTEL_OK);
    assert_string_equal(grpc_double_client(server), "client");
    identity_free(&scene->client);
    scene->client = authority_issue(&scene->authority, "renewed", "DNS:client", -60, 3600);
    write_key(scene->key, &scene->client, NULL);
    write_certificate(scene->certificate, &scene->client);
    assert_int_equal(tls_scene_export(exporter), OTEL_OK);
    assert_string_equal(grpc_double_client(server), "renewed");
    write_text(scene->ca, "nothing\n");
    assert_int_equal(tls_scene_export(exporter), OTEL_OK);
    assert_true(reports_mention("no certificate in PEM form; going on with what was read before", NULL));
    write_certificate(scene->ca, &scene->other); /* a good file, whose authority is not the server's */
    assert_int_equal(tls_scene_export(exporter), OTEL_ERR_EXPORT);
    otel_exporter_destroy(exporter);
    grpc_double_stop(server);
}

/* OpenSSL's own settings would refuse old versions whatever gRPC core says: they must not help it. */
static void let_openssl_take_old_versions(char *path) {
    static const char settings[] = "openssl_conf = all\n[all]\nssl_conf = tls\n[tls]\nsystem_default = lax\n"
                                   "[lax]\nMinProtocol = TLSv1\nCipherString = DEFAULT@SECLEVEL=0\n";
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, settings, sizeof settings - 1) != (ssize_t)(sizeof settings - 1) || close(fd) != 0)
        abort();
    setenv("OPENSSL_CONF", path, 1);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, tls_scene_begin, tls_scene_end)

int main(void) {
    char settings[] = "/tmp/tls_settings_XXXXXX";
    let_openssl_take_old_versions(settings);
    const struct CMUnitTest tests[] = {
        SCENE(a_server_of_the_authority_is_trusted),
        SCENE(others_are_refused_and_not_asked_again),
        SCENE(another_host_name_is_refused_and_not_asked_again),
        SCENE(an_old_version_of_tls_is_refused),
        SCENE(a_server_that_asks_learns_who_we_are),
        SCENE(jaegers_exporter_takes_the_same_files),
        SCENE(without_a_certificate_it_refuses_us),
        SCENE(the_environment_names_files_too),
        SCENE(mistakes_are_told_when_the_exporter_is_made),
        SCENE(plaintext_has_no_use_for_files),
        SCENE(new_files_count_from_the_next_handshake_on),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(settings);
    return failed;
}
