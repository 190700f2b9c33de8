/* SPDX-License-Identifier: Apache-2.0 */
/* zipkin_http.h - both of Zipkin's formats, for the exporter that sends over HTTP. */
#ifndef OTEL_ZIPKIN_HTTP_H
#define OTEL_ZIPKIN_HTTP_H

#include "common/http/http_exporter.h"

extern const struct otel__http_format otel__zipkin_json_format, otel__zipkin_protobuf_format;

#endif
