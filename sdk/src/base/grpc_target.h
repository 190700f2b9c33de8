/* SPDX-License-Identifier: Apache-2.0 */
/* grpc_target.h - what gRPC core is to connect to, from the ways in which users write an endpoint. */
#ifndef OTEL_SDK_GRPC_TARGET_H
#define OTEL_SDK_GRPC_TARGET_H

#include <stdbool.h>

struct otel__grpc_target {
    char text[512];
    bool tls;
    const char *ignored; /* a part of the endpoint that gRPC has no use for; NULL: there is none */
};

enum { OTEL__GRPC_OTLP_PORT = 4317, OTEL__GRPC_JAEGER_PORT = 14250 };

/*
 * NULL: `target` is filled in; otherwise why `endpoint` is unusable, a static phrase. `port`: of a URL or a bare host
 * name that has none.
 */
const char *otel__grpc_target(const char *endpoint, int port, bool insecure, struct otel__grpc_target *target);

#endif
