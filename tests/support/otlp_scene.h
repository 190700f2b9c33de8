/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_scene.h - an OTLP exporter, the server it sends to, a batch of 20 random spans, and the reports it makes.
 */
#ifndef OTLP_SCENE_H
#define OTLP_SCENE_H

#include "batch_double.h"
#include "http_double.h"
#include "span_generator.h"

#include <otel/exporter.h>

struct scene {
    http_double *server;
    otel_exporter *exporter;
    span_set *spans;
    otel_batch *batch;
};

/* For http_double_start() and scene_begin(): scene_begin(STEPS({ .status = 503 }, { .status = 200 })). */
#define STEPS(...)                                                                                                     \
    (const struct http_step[]){ __VA_ARGS__ },                                                                         \
        sizeof((const struct http_step[]){ __VA_ARGS__ }) / sizeof(struct http_step)

/* The header that makes a server's answer protobuf. */
#define PROTOBUF "Content-Type: application/x-protobuf\r\n"

/* The exporter's own bound is 20 s. */
struct scene scene_begin(const struct http_step *steps, size_t count);
void scene_end(struct scene *scene);
/* Replaces the exporter. */
void scene_send_to(struct scene *scene, const char *url, int timeout_ms);
/* Exports the batch, the processor setting no limit. `rejected` may be NULL. */
otel_status scene_export(struct scene *scene, uint64_t *rejected);

/* Whether a report of this level holds `text`. */
bool scene_reported(otel_log_level level, const char *text);

#endif
