/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_scene.c - see otlp_scene.h. */
#include "otlp_scene.h"

#include "otlp/otlp_http.h"
#include "reports.h"

#include <stdio.h>
#include <stdlib.h>

static otel_exporter *exporter_for(const char *url, int timeout_ms) {
    struct otel__otlp_http_settings settings = { .url = url, .timeout_ms = timeout_ms };
    otel_error error;
    otel_exporter *exporter = otel__otlp_http_create(&settings, &error);
    if (!exporter) {
        fprintf(stderr, "%s\n", error.text);
        abort();
    }
    return exporter;
}

struct scene scene_begin(const struct http_step *steps, size_t count) {
    reports_start(OTEL_LOG_DEBUG);
    struct scene scene = { .server = http_double_start(steps, count), .spans = span_set_create(11, 20) };
    scene.exporter = exporter_for(http_double_url(scene.server, "/v1/traces"), 20000);
    scene.batch = batch_double_create(span_set_spans(scene.spans), 20, span_set_resource(scene.spans));
    return scene;
}

void scene_end(struct scene *scene) {
    otel_exporter_destroy(scene->exporter);
    batch_double_free(scene->batch);
    span_set_free(scene->spans);
    http_double_stop(scene->server);
    reports_stop();
}

void scene_send_to(struct scene *scene, const char *url, int timeout_ms) {
    otel_exporter_destroy(scene->exporter);
    scene->exporter = exporter_for(url, timeout_ms);
}

otel_status scene_export(struct scene *scene, uint64_t *rejected) {
    return batch_double_export(scene->exporter, scene->batch, 0, rejected);
}

bool scene_reported(otel_log_level level, const char *text) {
    for (size_t i = 0; i < reports_count(); i++)
        if (reports_level(i) == level && strstr(reports_text(i), text))
            return true;
    return false;
}
