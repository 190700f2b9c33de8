/* SPDX-License-Identifier: Apache-2.0 */
/* zipkin_http.c - see zipkin_http.h. */
#include "zipkin/zipkin_http.h"

#include "zipkin/zipkin_json.h"
#include "zipkin/zipkin_protobuf.h"
#include "zipkin/zipkin_span.h"

static const otel_exporter_ops ops = OTEL__HTTP_EXPORTER_OPS("zipkin");

/* What both have in common. */
#define ZIPKIN_FORMAT                                                                                                  \
    .ops = &ops, .failed = "zipkin.failure", .tried_again = "zipkin.retry", .recovered = "zipkin.recovered",           \
    .socket_target = "/api/v2/spans",                                                                                  \
    .address_hint = "Is the URL right? Zipkin servers usually take spans at /api/v2/spans.",                           \
    .encoder_size = sizeof(struct otel__zipkin_encoder), .free_encoder = otel__zipkin_free

const struct otel__http_format otel__zipkin_json_format = {
    ZIPKIN_FORMAT,
    .content_type = "application/json",
    .encode = otel__zipkin_encode_json,
};

const struct otel__http_format otel__zipkin_protobuf_format = {
    ZIPKIN_FORMAT,
    .content_type = "application/x-protobuf",
    .encode = otel__zipkin_encode_protobuf,
};
