/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_proxy.h - which proxy the environment names for a URL.
 */
#ifndef OTEL_EXPORTERS_HTTP_PROXY_H
#define OTEL_EXPORTERS_HTTP_PROXY_H

#include <stdbool.h>

struct otel__http_proxy {
    const char *proxy;  /* "" for none */
    const char *except; /* hosts that are reached directly, separated by commas; "" for none */
};

/*
 * Reads through `get` (NULL: secure_getenv()). HTTP_PROXY in capitals is not read: a CGI program finds there what a
 * client wrote into its `Proxy:` header.
 */
struct otel__http_proxy otel__http_proxy_find(bool https, const char *(*get)(const char *name));

#endif
