/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_grpc.h - finds libotel-grpc. */
#ifndef OTEL_SDK_AUTOCONFIGURE_GRPC_H
#define OTEL_SDK_AUTOCONFIGURE_GRPC_H

#include "grpc/grpc_library.h"

/* The library that is part of the program, or else is loaded now. NULL: `error` says why, and what to install. */
const struct otel__grpc_exporters *otel__grpc_library(otel_error *error);
/* Whether it has been found. */
bool otel__grpc_library_found(void);
/* NULL: the library fits this SDK; otherwise why not. */
const char *otel__grpc_library_problem(const struct otel__grpc_exporters *library);

#endif
