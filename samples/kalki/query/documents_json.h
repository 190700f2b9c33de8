/* SPDX-License-Identifier: Apache-2.0 */
/*
 * documents_json.h - reads the documents that somebody sends.
 */
#ifndef KALKI_DOCUMENTS_JSON_H
#define KALKI_DOCUMENTS_JSON_H

#include "database/database.h"

#define DOCUMENT_TITLE_MAX ((size_t)500)
#define DOCUMENT_TEXT_MAX ((size_t)64 << 10)

/** Documents as they were sent. */
struct sent_documents {
    struct new_document *items;
    size_t count;
    size_t bytes;        /* of all titles and texts */
    struct json_t *json; /* holds them */
};

/**
 * Reads `{"title":"...","text":"..."}` or an array of up to DATABASE_INSERT_MAX such objects. False when it is neither;
 * `why` then names what is wrong with which document. documents_json_free() in any case.
 */
bool documents_json_read(struct sent_documents *sent, const char *body, size_t length, char *why, size_t why_size);
void documents_json_free(struct sent_documents *sent);

#endif
