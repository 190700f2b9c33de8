/* SPDX-License-Identifier: Apache-2.0 */
/*
 * documents_handler.c - see documents_handler.h.
 */
#include "query/documents_handler.h"

#include "query/documents_json.h"
#include "service/measures.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static void answer_failure(enum database_result result, struct http_answer *answer) {
    measure_error("database");
    if (result == DATABASE_TIMEOUT)
        http_answer_error(answer, 504, "the database took too long");
    else if (result == DATABASE_UNAVAILABLE)
        http_answer_error(answer, 503, "the database cannot be reached");
    else if (result == DATABASE_BUSY)
        http_answer_error(answer, 503, "the database has too much to do");
    else
        http_answer_error(answer, 500, "the database failed");
}

/* ---- POST /documents ---- */

static void answer_ids(const int64_t *ids, size_t count, struct http_answer *answer) {
    answer->status = 201;
    text_addf(&answer->body, "{\"ids\":[");
    for (size_t i = 0; i < count; i++)
        text_addf(&answer->body, "%s%" PRId64, i == 0 ? "" : ",", ids[i]);
    text_addf(&answer->body, "]}\n");
}

static void keep(struct query_service *service, const struct sent_documents *sent, struct http_answer *answer) {
    int64_t ids[DATABASE_INSERT_MAX];
    enum database_result result = database_insert(service->database, sent->items, sent->count, ids);
    if (result != DATABASE_OK) {
        answer_failure(result, answer);
        return;
    }
    measure_documents_ingested(sent->count);
    /* They are kept; what does not fit into memory is found after the next start. */
    if (!collection_add(service->collection, sent->items, ids, sent->count))
        measure_error("internal");
    answer_ids(ids, sent->count, answer);
}

void documents_handle_post(void *data, const struct http_request *request, struct http_answer *answer) {
    struct query_service *service = data;
    struct sent_documents sent;
    char why[256];
    if (!documents_json_read(&sent, request->body, request->body_length, why, sizeof why)) {
        http_answer_error(answer, 400, why);
    } else if (!collection_look(service->collection).loaded) {
        /* Loading would read them a second time. */
        measure_error("unavailable");
        http_answer_error(answer, 503, "the documents are not loaded yet");
    } else if (!collection_has_room(service->collection, sent.count, sent.bytes)) {
        http_answer_error(answer, 507, "there is no room for more documents");
    } else {
        keep(service, &sent, answer);
    }
    documents_json_free(&sent);
}

/* ---- GET /documents/{id} ---- */

static bool read_id(const char *text, int64_t *id) {
    char *end;
    if (strspn(text, "0123456789") == 0)
        return false;
    errno = 0;
    *id = strtoll(text, &end, 10);
    return *end == '\0' && errno == 0;
}

static bool add_document(void *data, int64_t id, const char *title, const char *text) {
    struct text *body = data;
    text_addf(body, "{\"id\":%" PRId64 ",\"title\":", id);
    text_add_json(body, title, strlen(title));
    text_addf(body, ",\"text\":");
    text_add_json(body, text, strlen(text));
    return text_addf(body, "}\n");
}

void documents_handle_get(void *data, const struct http_request *request, struct http_answer *answer) {
    struct query_service *service = data;
    int64_t id;
    if (!read_id(request->parameter, &id)) {
        http_answer_error(answer, 400, "the number of a document is missing");
        return;
    }
    enum database_result result = database_get(service->database, id, add_document, &answer->body);
    if (result == DATABASE_OK)
        answer->status = 200;
    else if (result == DATABASE_NOT_FOUND)
        http_answer_error(answer, 404, "no such document");
    else
        answer_failure(result, answer);
}
