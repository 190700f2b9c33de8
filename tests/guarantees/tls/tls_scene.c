/* SPDX-License-Identifier: Apache-2.0 */
/* tls_scene.c - see tls_scene.h. */
#include "tls_scene.h"

#include "batch_double.h"
#include "reports.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const variables[] = {
    "OTEL_EXPORTER_OTLP_CERTIFICATE",        "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE",
    "OTEL_EXPORTER_OTLP_CLIENT_KEY",         "OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY",
    "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE",
};

static void forget_variables(void) {
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
}

static void write_files(struct tls_scene *scene) {
    write_certificate(scene->ca, &scene->authority);
    write_certificate(scene->other_ca, &scene->other);
    write_certificate(scene->certificate, &scene->client);
    write_key(scene->key, &scene->client, NULL);
}

int tls_scene_begin(void **state) {
    struct tls_scene *scene = calloc(1, sizeof *scene);
    if (!scene)
        return -1;
    forget_variables();
    snprintf(scene->folder, sizeof scene->folder, "/tmp/tls_scene_XXXXXX");
    if (!mkdtemp(scene->folder))
        return -1;
    snprintf(scene->ca, sizeof scene->ca, "%s/ca.pem", scene->folder);
    snprintf(scene->other_ca, sizeof scene->other_ca, "%s/other.pem", scene->folder);
    snprintf(scene->key, sizeof scene->key, "%s/key.pem", scene->folder);
    snprintf(scene->certificate, sizeof scene->certificate, "%s/client.pem", scene->folder);
    scene->authority = authority_create("authority");
    scene->other = authority_create("other authority");
    scene->server = authority_issue(&scene->authority, "server", "IP:127.0.0.1", -60, 3600);
    scene->client = authority_issue(&scene->authority, "client", "DNS:client", -60, 3600);
    write_files(scene);
    reports_start(OTEL_LOG_WARN);
    *state = scene;
    return 0;
}

int tls_scene_end(void **state) {
    struct tls_scene *scene = *state;
    const char *const files[] = { scene->ca, scene->other_ca, scene->key, scene->certificate };
    reports_stop();
    forget_variables();
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        unlink(files[i]);
    rmdir(scene->folder);
    identity_free(&scene->authority);
    identity_free(&scene->other);
    identity_free(&scene->server);
    identity_free(&scene->client);
    free(scene);
    return 0;
}

otel_exporter *tls_scene_exporter(struct tls_scene *scene, otel_otlp_options options, const char *host, int port) {
    char url[96];
    snprintf(url, sizeof url, "https://%s:%d", host, port);
    options.size = sizeof options;
    options.endpoint = url;
    options.error = &scene->error;
    return otel_otlp_exporter(&options);
}

otel_status tls_scene_export(otel_exporter *exporter) {
    static const uint8_t id[16] = { 1 };
    static const otel_scope_data scope;
    static const otel_resource_data resource;
    const otel_span_data span = { .trace_id = id, .span_id = id, .name = { "s", 1 }, .scope = &scope };
    otel_batch *batch = batch_double_create(&span, 1, &resource);
    otel_status status = batch_double_export(exporter, batch, 20000, NULL);
    batch_double_free(batch);
    return status;
}
