/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collection.h - the documents that are searched: all of the database's, in memory, with an index that follows what is
 * added.
 *
 * Whoever searches takes the current snapshot, which never changes, and gives it back; meanwhile a thread may build the
 * next.
 */
#ifndef KALKI_COLLECTION_H
#define KALKI_COLLECTION_H

#include "database/database.h"
#include "query/search_index.h"

#include <otel/trace.h>

/** An index and the span that built it, which searches link to. */
struct snapshot {
    struct search_index *index;
    otel_span built_by;
    size_t users; /* the collection's own */
};

struct collection;

/**
 * Tries to load the documents; when that fails, a thread goes on trying, and there is no snapshot until it succeeds. NULL
 * when memory is short.
 */
struct collection *collection_open(struct database *database);
/** After the last snapshot was given back. */
void collection_close(struct collection *collection);

/** The current snapshot; NULL while the documents are not loaded. */
struct snapshot *collection_take(struct collection *collection);
void collection_give_back(struct collection *collection, struct snapshot *snapshot);

/** Whether documents with so many bytes may be added: memory is bounded. */
bool collection_has_room(struct collection *collection, size_t count, size_t bytes);
/**
 * Adds documents that the database has taken in and given these numbers. Searches find them a moment later: documents that
 * come in the meantime share one new index. False when memory is short.
 */
bool collection_add(struct collection *collection, const struct new_document *documents, const int64_t *ids,
                    size_t count);

/** How many documents are loaded, and whether they are; and how many of them searches find, with how many terms. */
struct collection_state {
    bool loaded;
    size_t documents, searchable, terms;
};
struct collection_state collection_look(struct collection *collection);

#endif
