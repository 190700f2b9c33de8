/* SPDX-License-Identifier: Apache-2.0 */
/* jaeger_http.c - a request's body is one bare Batch in Thrift's binary protocol; see http_exporter.h for the rest. */
#include "jaeger/jaeger_http.h"

#include "common/basic_auth.h"
#include "common/http/http_exporter.h"
#include "jaeger/jaeger_thrift.h"

#include <stdlib.h>

struct encoder {
    struct otel__line text;
    uint64_t batches; /* so far */
};

static otel_status write_spans(struct otel__jaeger_writer *w, otel_batch *batch, size_t first, size_t count) {
    for (size_t i = first + count; i-- > first;) {
        const otel_span_data *span = otel_batch_span(batch, i);
        if (!span)
            return OTEL_ERR_MEMORY;
        otel__jaeger_span(w, span);
    }
    return OTEL_OK;
}

static otel_status encode(void *self, otel_batch *batch, size_t first, size_t count, struct otel__buffer *out) {
    struct encoder *encoder = self;
    struct otel__jaeger_writer writer = { { out, false }, &encoder->text };
    otel__jaeger_batch_tail(&writer, encoder->batches + 1, false);
    if (write_spans(&writer, batch, first, count) != OTEL_OK)
        return OTEL_ERR_MEMORY;
    otel__jaeger_batch_head(&writer, otel_batch_resource(batch), count, false);
    encoder->batches += out->status == OTEL_OK;
    return out->status;
}

static void free_encoder(void *self) {
    struct encoder *encoder = self;
    otel__line_free(&encoder->text);
}

#define ADDRESS_HINT                                                                                                   \
    "Is the URL right? Jaeger's collectors usually take this format at port 14268, /api/traces, and OTLP at port "     \
    "4318."

static const struct otel__http_hint hints[] = {
    { 404, ADDRESS_HINT }, { 405, ADDRESS_HINT }, { 415, ADDRESS_HINT }, { 0, NULL }
};

static const struct otel__http_format format = {
    .name = "jaeger",
    .component = "jaeger_http_span_exporter",
    .kinds = { "jaeger.failure", "jaeger.retry", "jaeger.recovered", NULL },
    .content_type = "application/x-thrift",
    .address_hint = ADDRESS_HINT,
    .hints = hints,
    .absent_hint = "Is a Jaeger collector running there?",
    .trust_hint = "Does otel_jaeger_options.certificate_file name the authority that issued it, and the endpoint the "
                  "host that it is for?",
    .encoder_size = sizeof(struct encoder),
    .encode = encode,
    .free_encoder = free_encoder,
};

otel_exporter *otel__jaeger_http_create(const struct otel__jaeger_http_settings *settings, otel_error *error) {
    char *credentials = settings->user ? otel__basic_auth(settings->user, settings->password) : NULL;
    otel_error reason = { "out of memory" };
    otel_exporter *exporter = NULL;
    if (credentials || !settings->user) {
        const struct otel__http_header header = { otel_cstr("Authorization"), otel_cstr(credentials) };
        const struct otel__http_exporter_settings http = {
            .format = &format,
            .url = settings->url,
            .user_agent = "OTel-Jaeger-Exporter-C/" OTEL__VERSION,
            .headers = &header,
            .header_count = credentials ? 1 : 0,
            .gzip = settings->gzip,
            .timeout_ms = settings->timeout_ms,
            .tls = settings->tls,
        };
        exporter = otel__http_exporter_create(&http, &reason);
    }
    free(credentials);
    if (error)
        *error = exporter ? (otel_error){ "" } : reason;
    return exporter;
}
