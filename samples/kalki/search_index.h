/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search_index.h - an inverted index over the documents, in shards, and the ranking of what it finds (BM25).
 *
 * The index never changes once it is built: any number of threads may search it.
 */
#ifndef KALKI_SEARCH_INDEX_H
#define KALKI_SEARCH_INDEX_H

#include "documents.h"
#include "terms.h"

#include <stdint.h>

#define SHARD_COUNT 3
#define RESULTS_MAX 5

struct search_index;

/** NULL when memory is short. */
struct search_index *search_index_build(void);
void search_index_free(struct search_index *index);
/** How many different terms the index knows. */
size_t search_index_terms(const struct search_index *index);

/** How often each term of a query occurs in each document. Zero-initialised: nowhere. */
struct search_hits {
    uint16_t counts[DOCUMENT_COUNT][QUERY_TERMS_MAX];
};

/** Looks all terms up in one shard and adds what it finds to `hits`; returns how many of its documents match. */
size_t search_index_lookup(const struct search_index *index, size_t shard, const struct query_terms *terms,
                           struct search_hits *hits);

struct search_result {
    size_t document;
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
