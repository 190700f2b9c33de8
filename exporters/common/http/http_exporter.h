/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_exporter.h - an exporter that POSTs spans or metrics to one URL, whatever the format.
 *
 * They are borrowed only while they are written; attempts send the same bytes. What takes more than the byte bound is sent
 * in halves, and halves of halves, so that only a single span or metric can make a larger request. Failures that
 * may pass (connections, 429, 502, 503, 504) are tried again within the export's time (retry.h); a server that asks for
 * fewer requests gets them later (throttle.h), and one that finds them too large gets smaller ones. The first loss is
 * reported with its cause, then at most one line in 10 s, and that it works again.
 */
#ifndef OTEL_EXPORTERS_HTTP_EXPORTER_H
#define OTEL_EXPORTERS_HTTP_EXPORTER_H

#include "common/buffer.h"
#include "common/export_report.h"
#include "common/http/http_client.h"
#include "common/retry.h"

#include <otel/metric_exporter.h>

/* What usually is behind a status, as a sentence. */
struct otel__http_hint {
    int status;
    const char *text;
};

enum { OTEL__HTTP_WORDS_SIZE = 256 };

/* What is the same for all exporters of a format; must live for ever. */
struct otel__http_format {
    const char *name;      /* of the exporter */
    const char *component; /* its type in the SDK's own metrics */
    struct otel__export_kinds kinds;
    const char *content_type;
    const char *socket_target;           /* the path of requests when the URL names a socket */
    const char *address_hint;            /* what is usually right, when whoever answers does not know HTTP */
    const char *absent_hint;             /* when nobody listens; NULL: a collector should */
    const char *trust_hint;              /* what helps if the server's certificate is refused; NULL: nothing known */
    const struct otel__http_hint *hints; /* of the format's own; the last one has no text */
    size_t encoder_size;                 /* of what is kept from one encoding to the next, zero at first */
    /*
     * Writes the spans [first, first + count) of `batch` into `out`, which is empty. OTEL_ERR_EXPORT: they take more
     * than its limit, or more than can be written; OTEL_ERR_MEMORY.
     */
    otel_status (*encode)(void *encoder, otel_batch *batch, size_t first, size_t count, struct otel__buffer *out);
    /* The same for metrics; a format has one of both. */
    otel_status (*encode_metrics)(const otel_metrics_data *metrics, size_t first, size_t count,
                                  struct otel__buffer *out);
    /* Frees what the encoder points to; may be NULL if there is none. */
    void (*free_encoder)(void *encoder);
    /*
     * Writes the server's words, fit for a log line, or "" when there are none. Of a 2xx answer to `count` spans or data
     * points: how many of them the server refused, which it reports itself. NULL: text bodies are the words, and none are refused.
     */
    uint64_t (*read_answer)(struct otel__export_reporter *reporter, const struct otel__http_response *response,
                            size_t count, char words[OTEL__HTTP_WORDS_SIZE]);
};

struct otel__http_exporter_settings {
    const struct otel__http_format *format;
    const char *url;
    const char *user_agent;
    const struct otel__http_header *headers;
    size_t header_count;
    bool gzip;                            /* compresses requests */
    size_t request_max, response_max;     /* bytes, uncompressed; 0: 64 MiB and 4 MiB */
    unsigned concurrent;                  /* requests of one export at once, up to OTEL__HTTP_LANES_MAX; 0: 1 */
    int timeout_ms;                       /* of one export; 0: no limit but the exporter's own 60 s */
    const struct otel__tls_settings *tls; /* NULL: the system's trust, and no certificate of ours */
    struct otel__retry_policy retry;
    /* Of metrics: which one is wanted of an instrument; NULL: cumulative. */
    otel_temporality (*temporality)(void *self, otel_instrument_kind kind);
};

/* NULL when a setting is unusable or memory is short; `error` says why. Everything is copied but the format. */
otel_exporter *otel__http_exporter_create(const struct otel__http_exporter_settings *settings, otel_error *error);
/* The same for a format of metrics: what `ops`, which it fills, are to be called with. */
void *otel__http_metrics_create(const struct otel__http_exporter_settings *settings, otel_metric_exporter_ops *ops,
                                otel_error *error);

/* For read_answer(): a body that is text, as one line without the white space at its end. */
void otel__http_read_text(const struct otel__http_response *response, char words[OTEL__HTTP_WORDS_SIZE]);

#endif
