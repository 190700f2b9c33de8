/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_headers.h - the headers of requests, from the "name=value,name=value" of options and environment. */
#ifndef OTEL_SDK_AUTOCONFIGURE_HEADERS_H
#define OTEL_SDK_AUTOCONFIGURE_HEADERS_H

#include "common/http/http_client.h"

#include <stdbool.h>

/* Zero it, then set `grpc`. */
struct otel__headers {
    bool grpc; /* sends them */
    struct otel__http_header *items;
    size_t count;
    char *text;         /* what they point to */
    char problems[640]; /* of the items that are left out; "" */
};

/* `text` NULL: none. False: out of memory. To be freed either way. */
bool otel__headers_read(struct otel__headers *headers, const char *text);
void otel__headers_free(struct otel__headers *headers);

#endif
