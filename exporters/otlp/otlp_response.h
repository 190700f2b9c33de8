/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otlp_response.h - what an OTLP server's answer says (specification: opentelemetry-proto, OTLP/HTTP Response).
 */
#ifndef OTEL_OTLP_RESPONSE_H
#define OTEL_OTLP_RESPONSE_H

#include "common/http/http_client.h"

struct otel__otlp_answer {
    uint64_t rejected; /* spans or data points that the server took and refused */
    char message[256]; /* the server's words, fit for a log line; "" when there are none */
    bool foreign;      /* a 2xx answer with a body that no OTLP server would send */
};

/* Once, before answers are read: jansson seeds its hashes, which a fork in the middle would leave undone for ever. */
void otel__otlp_answers_prepare(void);

/*
 * Reads the body of a 2xx answer as ExportTraceServiceResponse or ExportMetricsServiceResponse, that of any other as google.rpc.Status or as text, by
 * its Content-Type: protobuf or JSON, whichever the request was. A body that cannot be read, or that would take more
 * than some memory to read, says nothing; of a 2xx answer it is foreign.
 */
void otel__otlp_read_answer(const struct otel__http_response *response, struct otel__otlp_answer *answer);

#endif
