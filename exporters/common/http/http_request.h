/* SPDX-License-Identifier: Apache-2.0 */
/* http_request.h - a part of an export that is sent by itself, and what became of that so far. */
#ifndef OTEL_EXPORTERS_HTTP_REQUEST_H
#define OTEL_EXPORTERS_HTTP_REQUEST_H

#include "common/http/http_cargo.h"
#include "common/http/http_exporter.h"
#include "common/http/http_gzip.h"

/* Why that is lost whose turn did not come. */
#define OTEL__HTTP_NO_TIME_LEFT "there was no time left for them"

struct otel__http_request {
    struct otel__http_range part; /* none: the place is free */
    void *encoder;                /* NULL: not made yet */
    struct otel__buffer body;
    struct otel__gzip gzip;
    struct otel__export_failure failure;
    struct otel__retry retry;
    uint64_t due;   /* ns: the next attempt begins no sooner */
    unsigned asked; /* as of the throttle, when the attempt began */
    bool under_way;
};

/* Nothing more can be sent before `deadline`, or at all: writing it would only keep whoever waits for the export to end. */
bool otel__http_request_is_over(struct otel__http_client *client, uint64_t deadline,
                                struct otel__export_failure *failure);
/* As the format's encode(). */
otel_status otel__http_request_encode(struct otel__http_request *request, const struct otel__http_format *format,
                                      const struct otel__http_cargo *cargo, size_t limit);
/* Compresses what was encoded. False: the request's failure says why. */
bool otel__http_request_compress(struct otel__http_request *request, struct otel__http_client *client,
                                 uint64_t deadline);
/* Records an answer other than success, with the server's words. */
void otel__http_request_refused(struct otel__http_request *request, const struct otel__http_format *format,
                                const struct otel__http_response *response, const char *words);
void otel__http_request_free(struct otel__http_request *request, const struct otel__http_format *format);

#endif
