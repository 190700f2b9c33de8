/* SPDX-License-Identifier: Apache-2.0 */
/* tls_test.c - whom the OTLP exporter trusts, who it says it is, and what becomes of files that change. */
#include "tls_scene.h"

#include "reports.h"

#include <curl/curl.h>
#include <openssl/ssl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* The folder of the system's trust, as libcurl has it built in; NULL: the real one. */
static const char *system_folder;

CURL *__real_curl_easy_init(void);
CURL *__wrap_curl_easy_init(void);
CURL *__wrap_curl_easy_init(void) {
    CURL *easy = __real_curl_easy_init();
    if (easy && system_folder)
        curl_easy_setopt(easy, CURLOPT_CAPATH, system_folder);
    return easy;
}

/* Makes an exporter, exports once, and tells how that ended. */
static otel_status export_with(struct tls_scene *scene, tls_server *server, otel_otlp_options options,
                               const char *host) {
    otel_exporter *exporter = tls_scene_exporter(scene, options, host, tls_server_port(server));
    assert_string_equal(scene->error.text, "");
    otel_status status = tls_scene_export(exporter);
    otel_exporter_destroy(exporter);
    return status;
}

/* ---- the server's certificate ------------------------------------------------------------------------------------ */

static void a_server_of_the_authority_is_trusted(void **state) {
    struct tls_scene *scene = *state;
    tls_server *server = tls_server_start(&scene->server, NULL, 0);
    assert_int_equal(export_with(scene, server, (otel_otlp_options){ .certificate_file = scene->ca }, "127.0.0.1"),
                     OTEL_OK);
    assert_string_equal(tls_server_client(server), "");
    tls_server_stop(server);
}

static void others_are_refused_and_not_asked_again(void **state) {
    struct tls_scene *scene = *state;
    const char *const authorities[] = { NULL, scene->other_ca };
    for (size_t i = 0; i < 2; i++) {
        tls_server *server = tls_server_start(&scene->server, NULL, 0);
        reports_start(OTEL_LOG_WARN);
        otel_otlp_options options = { .certificate_file = authorities[i] };
        assert_int_equal(export_with(scene, server, options, "127.0.0.1"), OTEL_ERR_EXPORT);
        assert_true(reports_mention("the certificate of 127.0.0.1:", "Does OTEL_EXPORTER_OTLP_CERTIFICATE name"));
        assert_int_equal(tls_server_connections(server), 1);
        assert_int_equal(tls_server_requests(server), 0);
        tls_server_stop(server);
    }
}

static void a_file_of_authorities_replaces_the_systems(void **state) {
    struct tls_scene *scene = *state;
    tls_server *server = tls_server_start(&scene->server, NULL, 0);
    char link_name[128];
    const unsigned long hash = X509_subject_name_hash(scene->authority.certificate);
    snprintf(link_name, sizeof link_name, "%s/%08lx.0", scene->folder, hash);
    assert_int_equal(symlink(scene->ca, link_name), 0);
    system_folder = scene->folder;
    otel_status by_system = export_with(scene, server, (otel_otlp_options){ .size = 0 }, "127.0.0.1");
    otel_status by_file =
        export_with(scene, server, (otel_otlp_options){ .certificate_file = scene->other_ca }, "127.0.0.1");
    system_folder = NULL;
    unlink(link_name);
    assert_int_equal(by_system, OTEL_OK);
    assert_int_equal(by_file, OTEL_ERR_EXPORT);
    tls_server_stop(server);
}

static void another_host_name_is_refused(void **state) {
    struct tls_scene *scene = *state;
    tls_server *server = tls_server_start(&scene->server, NULL, 0);
    otel_otlp_options options = { .certificate_file = scene->ca };
    assert_int_equal(export_with(scene, server, options, "localhost"), OTEL_ERR_EXPORT);
    assert_true(reports_mention("the certificate of localhost:", "and the endpoint the host that it is for?"));
    assert_int_equal(tls_server_requests(server), 0);
    tls_server_stop(server);
}

static void an_old_version_of_tls_is_refused(void **state) {
    struct tls_scene *scene = *state;
    tls_server *server = tls_server_start(&scene->server, NULL, TLS1_1_VERSION);
    otel_otlp_options options = { .certificate_file = scene->ca, .timeout_ms = 500 };
    assert_int_not_equal(export_with(scene, server, options, "127.0.0.1"), OTEL_OK);
    assert_true(reports_mention("no TLS connection to 127.0.0.1:", NULL));
    assert_int_equal(tls_server_requests(server), 0);
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
    tls_server *server = tls_server_start(&scene->server, &scene->authority, 0);
    assert_int_equal(export_with(scene, server, mutual(scene), "127.0.0.1"), OTEL_OK);
    assert_string_equal(tls_server_client(server), "client");
    tls_server_stop(server);
}

static void without_a_certificate_it_refuses_us_once(void **state) {
    struct tls_scene *scene = *state;
    tls_server *server = tls_server_start(&scene->server, &scene->authority, 0);
    otel_otlp_options options = { .certificate_file = scene->ca };
    assert_int_equal(export_with(scene, server, options, "127.0.0.1"), OTEL_ERR_EXPORT);
    assert_true(reports_mention(" refuses our certificate, or wants one: ", NULL));
    assert_int_equal(tls_server_connections(server), 1);
    assert_int_equal(tls_server_requests(server), 0);
    tls_server_stop(server);
}

static void by_tls_1_2_such_a_server_names_no_reason(void **state) {
    struct tls_scene *scene = *state;
    tls_server *server = tls_server_start(&scene->server, &scene->authority, TLS1_2_VERSION);
    otel_otlp_options options = { .certificate_file = scene->ca, .retry_disabled = true };
    assert_int_equal(export_with(scene, server, options, "127.0.0.1"), OTEL_ERR_EXPORT);
    assert_true(reports_mention("no TLS connection to 127.0.0.1:", "Does the server want a certificate of ours"));
    assert_int_equal(tls_server_requests(server), 0);
    assert_int_equal(export_with(scene, server, mutual(scene), "127.0.0.1"), OTEL_OK);
    tls_server_stop(server);
}

/* It might have judged our certificate, and its alert been lost. */
static void a_reset_after_the_handshake_hints_at_certificates(void **state) {
    struct tls_scene *scene = *state;
    tls_server *server = tls_server_start(&scene->server, NULL, 0);
    tls_server_hang_up(server);
    otel_otlp_options options = { .certificate_file = scene->ca, .retry_disabled = true };
    assert_int_equal(export_with(scene, server, options, "127.0.0.1"), OTEL_ERR_EXPORT);
    assert_true(reports_mention(" broke: ", "Does the server refuse our certificate, or want one?"));
    assert_int_equal(tls_server_requests(server), 0);
    tls_server_stop(server);
}

static void each_variable_for_traces_beats_the_general_one(void **state) {
    struct tls_scene *scene = *state;
    tls_server *server = tls_server_start(&scene->server, &scene->authority, 0);
    setenv("OTEL_EXPORTER_OTLP_CERTIFICATE", scene->other_ca, 1);
    setenv("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", scene->ca, 1);
    setenv("OTEL_EXPORTER_OTLP_CLIENT_KEY", scene->key, 1);
    setenv("OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY", "", 1);
    setenv("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/nowhere", 1);
    setenv("OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE", scene->certificate, 1);
    assert_int_equal(export_with(scene, server, (otel_otlp_options){ .size = 0 }, "127.0.0.1"), OTEL_OK);
    assert_string_equal(tls_server_client(server), "client");
    setenv("OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", scene->other_ca, 1);
    assert_int_equal(export_with(scene, server, (otel_otlp_options){ .certificate_file = scene->ca }, "127.0.0.1"),
                     OTEL_OK);
    tls_server_stop(server);
}

/* ---- files that change ------------------------------------------------------------------------------------------- */

static void replace_client(struct tls_scene *scene, const char *name) {
    identity_free(&scene->client);
    scene->client = authority_issue(&scene->authority, name, "DNS:client", -60, 3600);
    write_key(scene->key, &scene->client, NULL);
    write_certificate(scene->certificate, &scene->client);
}

static void new_files_count_from_the_next_handshake_on(void **state) {
    struct tls_scene *scene = *state;
    tls_server *server = tls_server_start(&scene->server, &scene->authority, 0);
    otel_exporter *exporter = tls_scene_exporter(scene, mutual(scene), "127.0.0.1", tls_server_port(server));
    assert_int_equal(tls_scene_export(exporter), OTEL_OK);
    assert_string_equal(tls_server_client(server), "client");
    replace_client(scene, "renewed");
    assert_int_equal(tls_scene_export(exporter), OTEL_OK);
    assert_string_equal(tls_server_client(server), "renewed");
    assert_int_equal(reports_count(), 0);
    write_certificate(scene->ca, &scene->other); /* a good file, whose authority is not the server's */
    assert_int_equal(tls_scene_export(exporter), OTEL_ERR_EXPORT);
    otel_exporter_destroy(exporter);
    tls_server_stop(server);
}

static void bad_new_files_are_reported_once_and_left_out(void **state) {
    struct tls_scene *scene = *state;
    tls_server *server = tls_server_start(&scene->server, &scene->authority, 0);
    otel_exporter *exporter = tls_scene_exporter(scene, mutual(scene), "127.0.0.1", tls_server_port(server));
    write_text(scene->ca, "nothing\n");
    assert_int_equal(tls_scene_export(exporter), OTEL_OK);
    assert_int_equal(reports_count(), 1);
    assert_true(reports_mention("otel_otlp_options.certificate_file: the file \"/tmp/tls_scene_",
                                "no certificate in PEM form; going on with what was read before"));
    reports_start(OTEL_LOG_WARN); /* or a second line of a kind would be held back */
    assert_int_equal(tls_scene_export(exporter), OTEL_OK);
    assert_int_equal(reports_count(), 0);
    unlink(scene->key);
    assert_int_equal(tls_scene_export(exporter), OTEL_OK);
    write_certificate(scene->ca, &scene->authority);
    replace_client(scene, "mended");
    assert_int_equal(tls_scene_export(exporter), OTEL_OK);
    assert_string_equal(tls_server_client(server), "mended");
    otel_exporter_destroy(exporter);
    tls_server_stop(server);
}

static void a_child_sees_new_files_too(void **state) {
    struct tls_scene *scene = *state;
    tls_server *server = tls_server_start(&scene->server, &scene->authority, 0);
    otel_exporter *exporter = tls_scene_exporter(scene, mutual(scene), "127.0.0.1", tls_server_port(server));
    assert_int_equal(tls_scene_export(exporter), OTEL_OK);
    replace_client(scene, "of the child");
    pid_t child = fork();
    if (child == 0)
        _exit(tls_scene_export(exporter) == OTEL_OK ? 0 : 1);
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_string_equal(tls_server_client(server), "of the child");
    otel_exporter_destroy(exporter);
    tls_server_stop(server);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, tls_scene_begin, tls_scene_end)

/* OpenSSL's own settings would refuse old versions whatever the exporter says: they must not help it. */
static void let_openssl_take_old_versions(char *path) {
    static const char settings[] = "openssl_conf = all\n[all]\nssl_conf = tls\n[tls]\nsystem_default = lax\n"
                                   "[lax]\nMinProtocol = TLSv1\nCipherString = DEFAULT@SECLEVEL=0\n";
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, settings, sizeof settings - 1) != (ssize_t)(sizeof settings - 1) || close(fd) != 0)
        abort();
    setenv("OPENSSL_CONF", path, 1);
}

int main(void) {
    char settings[] = "/tmp/tls_settings_XXXXXX";
    let_openssl_take_old_versions(settings);
    const struct CMUnitTest tests[] = {
        SCENE(a_server_of_the_authority_is_trusted),
        SCENE(others_are_refused_and_not_asked_again),
        SCENE(a_file_of_authorities_replaces_the_systems),
        SCENE(another_host_name_is_refused),
        SCENE(an_old_version_of_tls_is_refused),
        SCENE(a_server_that_asks_learns_who_we_are),
        SCENE(without_a_certificate_it_refuses_us_once),
        SCENE(by_tls_1_2_such_a_server_names_no_reason),
        SCENE(a_reset_after_the_handshake_hints_at_certificates),
        SCENE(each_variable_for_traces_beats_the_general_one),
        SCENE(new_files_count_from_the_next_handshake_on),
        SCENE(bad_new_files_are_reported_once_and_left_out),
        SCENE(a_child_sees_new_files_too),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(settings);
    return failed;
}
