/* SPDX-License-Identifier: Apache-2.0 */
/*
 * http_header.h - request headers that a user may set.
 */
#ifndef OTEL_EXPORTERS_HTTP_HEADER_H
#define OTEL_EXPORTERS_HTTP_HEADER_H

#include <otel/types.h>

/* NULL: the header may be sent; otherwise why not, a static phrase such as "its value holds a control character". */
const char *otel__http_header_problem(otel_str name, otel_str value);
/* True for headers that belong to the client, such as Content-Type: the user's are left out. */
bool otel__http_header_is_ours(otel_str name);

#endif
