/* SPDX-License-Identifier: Apache-2.0 */
/* strategy_grpc.h - fetches sampling strategies from Jaeger over gRPC. */
#ifndef OTEL_GRPC_STRATEGY_H
#define OTEL_GRPC_STRATEGY_H

#include "grpc/grpc_library.h"

/* See struct otel__grpc_exporters. */
bool otel__strategy_grpc(const struct otel__grpc_settings *settings, struct otel__strategy_source *source,
                         otel_error *error);

#endif
