/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_grpc_metadata.h - request headers that a user may set, as gRPC sends them: its metadata. */
#ifndef OTEL_OTLP_GRPC_METADATA_H
#define OTEL_OTLP_GRPC_METADATA_H

#include <otel/types.h>

/*
 * NULL: it may be sent, its name in lower case; otherwise why not, a static phrase. One that may not would make every
 * call fail.
 */
const char *otel__grpc_metadata_problem(otel_str name, otel_str value);

#endif
