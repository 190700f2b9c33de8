/* SPDX-License-Identifier: Apache-2.0 */
/* zipkin_http.c - see zipkin_http.h. */
#include "zipkin/zipkin_http.h"

#include "zipkin/zipkin_json.h"
#include "zipkin/zipkin_protobuf.h"
#include "zipkin/zipkin_span.h"

#define ADDRESS_HINT "Is the URL right? Zipkin servers usually take spans at /api/v2/spans."

static const struct otel__http_hint hints[] = {
    { 404, ADDRESS_HINT }, { 405, ADDRESS_HINT }, { 415, ADDRESS_HINT }, { 0, NULL }
};

/* What both have in common. */
#define ZIPKIN_FORMAT                                                                                                  \
    .name = "zipkin", .kinds = { "zipkin.failure", "zipkin.retry", "zipkin.recovered", NULL },                         \
    .socket_target = "/api/v2/spans", .address_hint = ADDRESS_HINT, .hints = hints,                                    \
    .absent_hint = "Is Zipkin running there?",                                                                         \
    .trust_hint = "Does otel_zipkin_options.certificate_file name the authority that issued it, and the endpoint the " \
                  "host that it is for?",                                                                              \
    .encoder_size = sizeof(struct otel__zipkin_encoder), .free_encoder = otel__zipkin_free

const struct otel__http_format otel__zipkin_json_format = {
    ZIPKIN_FORMAT,
    .component = "zipkin_http_span_exporter",
    .content_type = "application/json",
    .encode = otel__zipkin_encode_json,
};

const struct otel__http_format otel__zipkin_protobuf_format = {
    ZIPKIN_FORMAT,
    .component = "zipkin_http_span_exporter",
    .content_type = "application/x-protobuf",
    .encode = otel__zipkin_encode_protobuf,
};
