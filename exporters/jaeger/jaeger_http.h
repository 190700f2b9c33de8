/* SPDX-License-Identifier: Apache-2.0 */
/* jaeger_http.h - the Jaeger exporter over HTTP, made from settings that are merged already. */
#ifndef OTEL_JAEGER_HTTP_H
#define OTEL_JAEGER_HTTP_H

#include "common/tls/tls_files.h"

#include <otel/exporter.h>

struct otel__jaeger_http_settings {
    const char *url;                      /* used as it is */
    const char *user;                     /* NULL: no authentication */
    const char *password;                 /* with a user: not NULL */
    int timeout_ms;                       /* of one export; 0: no limit but the exporter's own 60 s */
    bool gzip;                            /* compresses requests */
    const struct otel__tls_settings *tls; /* NULL: the system's trust, and no certificate of ours */
};

/* NULL when a setting is unusable or memory is short; `error` (may be NULL) says why. Everything is copied. */
otel_exporter *otel__jaeger_http_create(const struct otel__jaeger_http_settings *settings, otel_error *error);

#endif
