/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_http.h - the OTLP exporters over HTTP, made from settings in which options, environment and
 * defaults have been merged already.
 */
#ifndef OTEL_OTLP_HTTP_H
#define OTEL_OTLP_HTTP_H

#include "common/http/http_client.h"
#include "common/retry.h"

#include <otel/metric_exporter.h>

struct otel__otlp_http_settings {
    const char *url;                  /* of the request, used as it is: see otel__otlp_url() */
    bool json;                        /* rather than protobuf; of spans only */
    bool gzip;                        /* compresses requests */
    size_t request_max, response_max; /* bytes, uncompressed; 0: OTLP's limits */
    unsigned concurrent;              /* requests of one export at once, up to OTEL__HTTP_LANES_MAX; 0: 1 */
    const struct otel__http_header *headers;
    size_t header_count;
    int timeout_ms;                /* of one export; 0: no limit but the exporter's own 60 s */
    const char *user_agent_prefix; /* NULL: none */
    struct otel__retry_policy retry;
    const struct otel__tls_settings *tls; /* NULL: the system's trust, and no certificate of ours */
    otel_temporality (*temporality)(void *self, otel_instrument_kind kind); /* of metrics; NULL: cumulative */
};

/*
 * NULL when a setting is unusable or memory is short; `error` (may be NULL) receives the reason. Everything is
 * copied.
 */
otel_exporter *otel__otlp_http_create(const struct otel__otlp_http_settings *settings, otel_error *error);
/* The same for metrics: what `ops`, which it fills, are to be called with. */
void *otel__otlp_http_metrics_create(const struct otel__otlp_http_settings *settings, otel_metric_exporter_ops *ops,
                                     otel_error *error);

#endif
