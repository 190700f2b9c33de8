/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_response_json.h - an OTLP server's answer in JSON. Private to otlp_response.c. */
#ifndef OTEL_OTLP_RESPONSE_JSON_H
#define OTEL_OTLP_RESPONSE_JSON_H

#include "otlp/otlp_response.h"

/* An ExportTraceServiceResponse, or that of metrics. False: it is none. */
bool otel__otlp_read_json_success(const struct otel__http_response *response, struct otel__otlp_answer *answer);
/* A google.rpc.Status. False: it has no message. */
bool otel__otlp_read_json_status(const struct otel__http_response *response, struct otel__otlp_answer *answer);

#endif
