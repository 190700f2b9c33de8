/* SPDX-License-Identifier: Apache-2.0 */
/*
 * documents_handler.h - takes in documents and shows them. Both inside the request's SERVER span; `data` is a struct
 * query_service.
 */
#ifndef KALKI_DOCUMENTS_HANDLER_H
#define KALKI_DOCUMENTS_HANDLER_H

#include "query/query_handler.h"

/** POST /documents: 201 with `{"ids":[...]}`. */
void documents_handle_post(void *data, const struct http_request *request, struct http_answer *answer);
/** GET /documents/{id} */
void documents_handle_get(void *data, const struct http_request *request, struct http_answer *answer);

#endif
