/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_library.c - see grpc_library.h. */
#include "grpc/grpc_library.h"

#include "grpc/grpc_exporter.h"

extern const struct otel__grpc_exporters otel__grpc_exporters __attribute__((visibility("default")));
const struct otel__grpc_exporters otel__grpc_exporters = {
    .abi = OTEL__GRPC_ABI,
    .sdk = otel_exporter_create,
    .otlp = otel__otlp_grpc_create,
    .jaeger = otel__jaeger_grpc_create,
};
