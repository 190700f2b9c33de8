/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tls_scene.h - a folder with files for TLS, all of one authority, and an exporter that is to use them.
 */
#ifndef TLS_SCENE_H
#define TLS_SCENE_H

#include "tls_server.h"

#include <otel/otlp.h>

struct tls_scene {
    char folder[64];
    char ca[96], other_ca[96], key[96], certificate[96]; /* files: ours, another authority's, and the client's */
    struct identity authority, other, server, client;
    otel_error error; /* of the last tls_scene_exporter() */
};

/* A fixture each for cmocka; the second also forgets the variables of OTLP. */
int tls_scene_begin(void **state);
int tls_scene_end(void **state);
/* The exporter of these options, to https://HOST:PORT; NULL: scene->error says why. */
otel_exporter *tls_scene_exporter(struct tls_scene *scene, otel_otlp_options options, const char *host, int port);
/* Exports one span, within 20 s. */
otel_status tls_scene_export(otel_exporter *exporter);

#endif
