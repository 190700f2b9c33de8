/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_grpc.c - OTLP over gRPC, and what otel/grpc.h offers; see grpc_exporter.h for the rest. */
#include "grpc/grpc_exporter.h"
#include "options.h"
#include "otlp/otlp_encode.h"
#include "otlp/otlp_report.h"
#include "otlp/otlp_response_protobuf.h"

#include <otel/grpc.h>

static void free_groups(void *groups) { otel__scope_groups_free(groups); }

/* A reply that cannot be read says nothing: the status has said that the spans were taken. */
static uint64_t rejected(const struct otel__export_reporter *reporter, const struct otel__grpc_reply *reply,
                         size_t count) {
    const struct otel__http_response response = { .body = reply->body, .body_len = reply->body_len };
    struct otel__otlp_answer answer = { 0 };
    otel__otlp_read_protobuf_success(&response, &answer);
    const uint64_t some = answer.rejected < count ? answer.rejected : count;
    otel__otlp_report_partial(reporter, some, count, answer.message);
    return some;
}

static const struct otel__grpc_format format = {
    .name = "otlp",
    .component = "otlp_grpc_span_exporter",
    .kinds = OTEL__OTLP_KINDS,
    .unusable = "otlp.grpc.fork",
    .instead = "http/protobuf",
    .hints = {
        .distrusted = "The server's certificate is refused: does OTEL_EXPORTER_OTLP_CERTIFICATE name the authority that "
                      "issued it, and the endpoint the host that it is for?",
        .no_tls = "Does the server speak without TLS? Then begin the endpoint with http://, or set "
                  "OTEL_EXPORTER_OTLP_INSECURE=true.",
        .wants_tls = "Does the server want TLS, that is an endpoint that begins with https://, or a certificate of ours: see "
                     "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE?",
        .credentials = "The server wants other credentials: see OTEL_EXPORTER_OTLP_HEADERS.",
        .unimplemented = "Is this the address of an OTLP server?",
        .unavailable = "Is this the address and port of an OTLP server for gRPC, usually 4317?",
    },
    .method = "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    .agent = "OTel-OTLP-Exporter-C",
    .encoder_size = sizeof(struct otel__scope_groups),
    .encode = otel__otlp_write,
    .free_encoder = free_groups,
    .rejected = rejected,
};

otel_exporter *otel__otlp_grpc_create(const struct otel__grpc_settings *settings, otel_error *error) {
    return otel__grpc_exporter_create(&format, settings, error);
}

/* The SDK settles the options, and comes back by otel__grpc_exporters. */
otel_exporter *otel_otlp_grpc_exporter(const otel_otlp_options *options) {
    otel_otlp_options known = { .size = sizeof known };
    if (options)
        known = *(const otel_otlp_options *)otel__options_fit(options, sizeof known, &known);
    known.protocol = OTEL_OTLP_GRPC;
    return otel_otlp_exporter(&known);
}
