/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_response_protobuf.h - an OTLP server's answer in protobuf, over HTTP or gRPC. */
#ifndef OTEL_OTLP_RESPONSE_PROTOBUF_H
#define OTEL_OTLP_RESPONSE_PROTOBUF_H

#include "otlp/otlp_response.h"

/* An ExportTraceServiceResponse, or that of metrics, which has the same bytes. False: it is none. */
bool otel__otlp_read_protobuf_success(const struct otel__http_response *response, struct otel__otlp_answer *answer);
/* A google.rpc.Status, if it is one. */
void otel__otlp_read_protobuf_status(const struct otel__http_response *response, struct otel__otlp_answer *answer);

#endif
