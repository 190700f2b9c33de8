/* SPDX-License-Identifier: Apache-2.0 */
/*
 * documents.h - what there is to search before anybody brings more.
 */
#ifndef KALKI_DOCUMENTS_H
#define KALKI_DOCUMENTS_H

#include "database/database.h"

#define SAMPLE_DOCUMENTS 36

/** The place in this list is the document's number. */
extern const struct new_document sample_documents[SAMPLE_DOCUMENTS];

#endif
