/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search_index.h - an inverted index over the documents, in shards, and the ranking of what it finds (BM25).
 *
 * The index never changes once it is built: any number of threads may search it.
 */
#ifndef KALKI_SEARCH_INDEX_H
#define KALKI_SEARCH_INDEX_H

#include "query/terms.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHARD_COUNT 3
#define RESULTS_MAX 5

struct document {
    int64_t id;
    const char *title;
    const char *text;
};

struct search_index;

/** Copies the list, but not the documents, which must outlive the index. NULL when memory is short. */
struct search_index *search_index_build(const struct document *const *documents, size_t count);
void search_index_free(struct search_index *index);
/** How many documents the index knows, and the one at a place in the list. */
size_t search_index_documents(const struct search_index *index);
const struct document *search_index_document(const struct search_index *index, size_t place);
/** How many different terms the index knows. */
size_t search_index_terms(const struct search_index *index);

/** How often each term of a query occurs in each document: at first nowhere. */
struct search_hits {
    uint16_t *counts; /* of each document in turn, one for each term */
    bool *found;      /* for each document */
};

/** False when memory is short; search_hits_free() in any case. */
bool search_hits_make(struct search_hits *hits, const struct search_index *index, const struct query_terms *terms);
void search_hits_free(struct search_hits *hits);

/** Looks all terms up in one shard and adds what it finds to `hits`; returns how many of its documents match. */
size_t search_index_lookup(const struct search_index *index, size_t shard, const struct query_terms *terms,
                           struct search_hits *hits);

struct search_result {
    size_t place; /* of the document in the list */
    double score;
};

/** What was found: the best, best first, out of `candidates` documents. */
struct search_results {
    struct search_result items[RESULTS_MAX];
    size_t count;
    size_t candidates;
};

void search_index_rank(const struct search_index *index, const struct query_terms *terms,
                       const struct search_hits *hits, struct search_results *results);

#endif
