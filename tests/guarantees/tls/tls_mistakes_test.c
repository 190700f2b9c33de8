/* SPDX-License-Identifier: Apache-2.0 */
/* tls_mistakes_test.c - each mistake with a file for TLS is told by name when the exporter is made. */
#include "tls_scene.h"

#include "reports.h"

#include <openssl/err.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

/* No exporter, and the reason holds all three; the host's errors in OpenSSL stay as they are. */
static void assert_refused(struct tls_scene *scene, otel_otlp_options options, const char *setting, const char *path,
                           const char *why) {
    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, 7);
    const unsigned long before = ERR_peek_last_error();
    assert_null(tls_scene_exporter(scene, options, "127.0.0.1", 4318));
    assert_int_equal(ERR_peek_last_error(), before);
    ERR_clear_error();
    const char *const parts[] = { setting, path, why };
    for (size_t i = 0; i < 3; i++)
        if (!strstr(scene->error.text, parts[i]))
            fail_msg("\"%s\" does not say \"%s\"", scene->error.text, parts[i]);
}

static void assert_trust_refused(struct tls_scene *scene, const char *why) {
    otel_otlp_options options = { .certificate_file = scene->ca };
    assert_refused(scene, options, "otel_otlp_options.certificate_file: ", scene->ca, why);
    setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", scene->ca, 1);
    options.certificate_file = NULL;
    assert_refused(scene, options, "OTEL_EXPORTER_OTLP_CERTIFICATE: ", scene->ca, why);
    unsetenv("OTEL_EXPORTER_OTLP_CERTIFICATE");
}

static void assert_client_refused(struct tls_scene *scene, bool key, const char *why) {
    otel_otlp_options options = { .client_key_file = scene->key, .client_certificate_file = scene->certificate };
    const char *path = key ? scene->key : scene->certificate;
    assert_refused(scene, options, key ? "options.client_key_file: " : "options.client_certificate_file: ", path, why);
    setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", scene->key, 1);
    setenv("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", scene->certificate, 1);
    assert_refused(scene, (otel_otlp_options){ .size = 0 },
                   key ? "OTLP_CLIENT_KEY: " : "OTLP_TRACES_CLIENT_CERTIFICATE: ", path, why);
    unsetenv("OTEL_EXPORTER_OTLP_CLIENT_KEY");
    unsetenv("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE");
}

static void a_missing_file(void **state) {
    struct tls_scene *scene = *state;
    unlink(scene->ca);
    assert_trust_refused(scene, "No such file or directory");
    unlink(scene->key);
    assert_client_refused(scene, true, "No such file or directory");
    write_key(scene->key, &scene->client, NULL);
    unlink(scene->certificate);
    assert_client_refused(scene, false, "No such file or directory");
}

static void no_file_but_a_folder(void **state) {
    struct tls_scene *scene = *state;
    assert_refused(scene, (otel_otlp_options){ .certificate_file = scene->folder }, "certificate_file", scene->folder,
                   "it is not a regular file");
}

static void no_pem(void **state) {
    struct tls_scene *scene = *state;
    const char *const texts[] = { "", "nothing\n" };
    for (size_t i = 0; i < 2; i++) {
        write_text(scene->ca, texts[i]);
        assert_trust_refused(scene, "it holds no certificate in PEM form");
        write_text(scene->key, texts[i]);
        assert_client_refused(scene, true, "it holds no private key in PEM form");
        write_key(scene->key, &scene->client, NULL);
        write_text(scene->certificate, texts[i]);
        assert_client_refused(scene, false, "it holds no certificate in PEM form");
        write_certificate(scene->certificate, &scene->client);
    }
}

static void a_damaged_certificate_among_others(void **state) {
    struct tls_scene *scene = *state;
    write_text(scene->ca, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert_trust_refused(scene, "a certificate in it is damaged");
}

static void a_key_of_another_certificate(void **state) {
    struct tls_scene *scene = *state;
    write_key(scene->key, &scene->server, NULL);
    assert_client_refused(scene, false, "the key is not that of its certificate");
}

static void a_key_behind_a_password(void **state) {
    struct tls_scene *scene = *state;
    write_key(scene->key, &scene->client, "secret");
    assert_client_refused(scene, true, "its key is locked with a password");
}

static void certificates_out_of_date(void **state) {
    struct tls_scene *scene = *state;
    struct identity old = authority_issue(&scene->authority, "old", "DNS:old", -7200, -3600);
    struct identity early = authority_issue(&scene->authority, "early", "DNS:early", 3600, 7200);
    write_certificate(scene->ca, &old);
    assert_trust_refused(scene, "its certificate has expired");
    write_key(scene->key, &old, NULL);
    write_certificate(scene->certificate, &old);
    assert_client_refused(scene, false, "its certificate has expired");
    write_certificate(scene->ca, &early);
    assert_trust_refused(scene, "its certificate is not valid yet");
    write_key(scene->key, &early, NULL);
    write_certificate(scene->certificate, &early);
    assert_client_refused(scene, false, "its certificate is not valid yet");
    identity_free(&old);
    identity_free(&early);
}

static void one_of_key_and_certificate(void **state) {
    struct tls_scene *scene = *state;
    assert_refused(scene, (otel_otlp_options){ .client_key_file = scene->key }, "client_key_file", scene->key,
                   "of no use without a client certificate");
    assert_refused(scene, (otel_otlp_options){ .client_certificate_file = scene->certificate },
                   "client_certificate_file", scene->certificate, "of no use without the client certificate's key");
    setenv("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", scene->key, 1);
    assert_refused(scene, (otel_otlp_options){ .size = 0 }, "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY: ", scene->key,
                   "of no use without a client certificate");
}

static void plain_http_has_no_use_for_them(void **state) {
    struct tls_scene *scene = *state;
    otel_otlp_options options = { .size = sizeof options,
                                  .endpoint = "http://127.0.0.1:4318",
                                  .certificate_file = "/nowhere" };
    otel_exporter *exporter = otel_otlp_exporter(&options);
    assert_non_null(exporter);
    otel_exporter_destroy(exporter);
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention(
        "otel_otlp_options.certificate_file is of no use, as the endpoint does not begin with https://", NULL));
    (void)scene;
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, tls_scene_begin, tls_scene_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        SCENE(a_missing_file),
        SCENE(no_file_but_a_folder),
        SCENE(no_pem),
        SCENE(a_damaged_certificate_among_others),
        SCENE(a_key_of_another_certificate),
        SCENE(a_key_behind_a_password),
        SCENE(certificates_out_of_date),
        SCENE(one_of_key_and_certificate),
        SCENE(plain_http_has_no_use_for_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
