/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway_handler.h - passes searches on to the query service: the work of kalki-gateway.
 */
#ifndef KALKI_GATEWAY_HANDLER_H
#define KALKI_GATEWAY_HANDLER_H

#include "http_server.h"

/** GET /search?q=text[&fail=kind], inside the request's SERVER span. `data` is a struct query_client. */
void gateway_handle(void *data, const struct http_request *request, struct http_answer *answer);

#endif
