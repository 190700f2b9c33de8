/* SPDX-License-Identifier: Apache-2.0 */
/* strategy_http.h - fetches sampling strategies from Jaeger over HTTP: GET <endpoint>?service=<name>. */
#ifndef OTEL_JAEGER_STRATEGY_HTTP_H
#define OTEL_JAEGER_STRATEGY_HTTP_H

#include "base/strategy.h"
#include "common/http/http_client.h"

/* NULL: the URL `text` can be asked; otherwise why not, a static phrase. Servers take one `service` only. */
const char *otel__strategy_http_problem(const char *text);
/* Everything is copied. False: `error` says why. */
bool otel__strategy_http(const char *url, const struct otel__http_header *headers, size_t header_count,
                         const struct otel__tls_settings *tls, struct otel__strategy_source *source, otel_error *error);

#endif
