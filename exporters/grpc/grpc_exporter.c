/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_exporter.c - what otel/grpc.h offers. The SDK settles the options, and comes back by otel__otlp_grpc. */
#include <otel/grpc.h>

#include <string.h>

/* Those that the caller knew when it was compiled; the others are zero. */
static otel_otlp_options read_options(const otel_otlp_options *options) {
    otel_otlp_options known = { .size = sizeof known };
    if (options)
        memcpy(&known, options, options->size < sizeof known ? options->size : sizeof known);
    known.size = sizeof known;
    known.protocol = OTEL_OTLP_GRPC;
    return known;
}

otel_exporter *otel_otlp_grpc_exporter(const otel_otlp_options *options) {
    const otel_otlp_options known = read_options(options);
    return otel_otlp_exporter(&known);
}
