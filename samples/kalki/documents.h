/* SPDX-License-Identifier: Apache-2.0 */
/*
 * documents.h - what there is to search.
 */
#ifndef KALKI_DOCUMENTS_H
#define KALKI_DOCUMENTS_H

#define DOCUMENT_COUNT 36

struct document {
    const char *title;
    const char *text;
};

/** The documents; the place in this list is the document's number. */
extern const struct document documents[DOCUMENT_COUNT];

#endif
