/* SPDX-License-Identifier: Apache-2.0 */
/* jaeger_grpc.c - Jaeger's api_v2 over gRPC: a reply says nothing; see grpc_exporter.h for the rest. */
#include "grpc/grpc_exporter.h"
#include "jaeger/jaeger_protobuf.h"

static void free_text(void *text) { otel__line_free(text); }

static const struct otel__grpc_format format = {
    .name = "jaeger",
    .component = "jaeger_grpc_span_exporter",
    .kinds = { "jaeger.failure", "jaeger.retry", "jaeger.recovered", NULL },
    .unusable = "jaeger.grpc.fork",
    .instead = "http/thrift.binary",
    .hints = {
        .distrusted = "The server's certificate is refused: is its authority one that this system trusts, and is the "
                      "endpoint the host that it is for?",
        .no_tls = "Does the collector speak without TLS? Then begin the endpoint with http://.",
        .wants_tls = "Does the collector want TLS, that is an endpoint that begins with https://, or a certificate, which "
                     "only OTLP can show?",
        .credentials = "The server wants other credentials: see OTEL_EXPORTER_JAEGER_USER.",
        .unimplemented = "Is this the address of a Jaeger collector? They usually take gRPC at port 14250, and OTLP at "
                         "port 4317.",
        .unavailable = "Is this the address and port of a Jaeger collector for gRPC, usually 14250?",
    },
    .method = "/jaeger.api_v2.CollectorService/PostSpans",
    .agent = "OTel-Jaeger-Exporter-C",
    .exhausted_is_passing = true, /* its queue is full */
    .encoder_size = sizeof(struct otel__line),
    .encode = otel__jaeger_write,
    .free_encoder = free_text,
};

otel_exporter *otel__jaeger_grpc_create(const struct otel__grpc_settings *settings, otel_error *error) {
    return otel__grpc_exporter_create(&format, settings, error);
}
