/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_exporter.h - an exporter that POSTs batches to one URL, whatever the format, for servers that answer with
 * nothing but a status.
 *
 * Spans are borrowed only while they are written; attempts send the same bytes. A batch that takes more than the byte
 * bound is sent in halves, and halves of halves, so that only a single span can make a larger request. Failures that
 * may pass (connections, 429, 502, 503, 504) are tried again within the export's time (retry.h); the first loss is
 * reported with its cause, then at most one line in 10 s, and that it works again.
 */
#ifndef OTEL_EXPORTERS_HTTP_EXPORTER_H
#define OTEL_EXPORTERS_HTTP_EXPORTER_H

#include "common/buffer.h"
#include "common/http/http_client.h"
#include "common/retry.h"

#include <otel/exporter.h>

/* What is the same for all exporters of a format; must live for ever. */
struct otel__http_format {
    const otel_exporter_ops *ops;                 /* of OTEL__HTTP_EXPORTER_OPS() */
    const char *failed, *tried_again, *recovered; /* kinds of reports */
    const char *content_type;
    const char *socket_target; /* the path of requests when the URL names a socket */
    const char *address_hint;  /* what is usually right, when it does not look as if this server knew the format */
    size_t encoder_size;       /* of what is kept from one encoding to the next, zero at first */
    /*
     * Writes the spans [first, first + count) of `batch` into `out`, which is empty. OTEL_ERR_EXPORT: they take more
     * than its limit, or more than can be written; OTEL_ERR_MEMORY.
     */
    otel_status (*encode)(void *encoder, otel_batch *batch, size_t first, size_t count, struct otel__buffer *out);
    /* Frees what the encoder points to. */
    void (*free_encoder)(void *encoder);
};

struct otel__http_exporter_settings {
    const struct otel__http_format *format;
    const char *url;
    const char *user_agent;
    const struct otel__http_header *headers;
    size_t header_count;
    bool gzip;                            /* compresses requests */
    int timeout_ms;                       /* of one export; 0: no limit but the exporter's own 60 s */
    const struct otel__tls_settings *tls; /* NULL: the system's trust, and no certificate of ours */
    struct otel__retry_policy retry;
};

/* NULL when a setting is unusable or memory is short; `error` says why. Everything is copied but the format. */
otel_exporter *otel__http_exporter_create(const struct otel__http_exporter_settings *settings, otel_error *error);

/* The operations of all these exporters: each format has a table of its own, since that has the name. */
otel_status otel__http_export(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome);
otel_status otel__http_export_flush(void *self, int timeout_ms);
otel_status otel__http_export_shutdown(void *self, int timeout_ms);
void otel__http_export_cancel(void *self);
void otel__http_export_before_fork(void *self);
bool otel__http_export_at_rest(void *self);
void otel__http_export_after_fork(void *self, bool in_child);
void otel__http_export_destroy(void *self);

#define OTEL__HTTP_EXPORTER_OPS(exporter_name)                                                                         \
    {                                                                                                                  \
        .size = sizeof(otel_exporter_ops), .name = (exporter_name), .blocking = true,                                  \
        .export_batch = otel__http_export, .force_flush = otel__http_export_flush,                                     \
        .shutdown = otel__http_export_shutdown, .cancel = otel__http_export_cancel,                                    \
        .before_fork = otel__http_export_before_fork, .at_rest = otel__http_export_at_rest,                            \
        .after_fork = otel__http_export_after_fork, .destroy = otel__http_export_destroy                               \
    }

#endif
