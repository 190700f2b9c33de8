/* SPDX-License-Identifier: Apache-2.0 */
/*
 * search_index.c - see search_index.h.
 *
 * A shard is one array of postings sorted by term and document, so that a term, or all terms with a prefix, is one
 * run of it. Document n lies in shard n modulo SHARD_COUNT.
 */
#include "query/search_index.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct posting {
    struct term term;
    uint32_t document; /* its place in the list */
    uint16_t count;
};

struct shard {
    struct posting *postings;
    size_t count, capacity;
};

struct search_index {
    struct shard shards[SHARD_COUNT];
    const struct document **documents;
    size_t count, terms;
    size_t *lengths; /* in terms */
    double mean_length;
};

/* ---- building ---- */

static bool shard_add(struct shard *shard, const struct term *term, size_t document) {
    if (shard->count == shard->capacity) {
        size_t capacity = shard->capacity ? 2 * shard->capacity : 256;
        struct posting *postings = realloc(shard->postings, capacity * sizeof *postings);
        if (!postings)
            return false;
        shard->postings = postings;
        shard->capacity = capacity;
    }
    shard->postings[shard->count++] = (struct posting){ .term = *term, .document = (uint32_t)document, .count = 1 };
    return true;
}

static bool add_text(struct search_index *index, size_t document, const char *text) {
    const char *cursor = text, *end = text + strlen(text);
    struct term term;
    while (term_next(&cursor, end, &term)) {
        if (term_is_stop_word(&term))
            continue;
        if (!shard_add(&index->shards[document % SHARD_COUNT], &term, document))
            return false;
        index->lengths[document]++;
    }
    return true;
}

static int compare_postings(const void *left, const void *right) {
    const struct posting *a = left, *b = right;
    int order = strcmp(a->term.text, b->term.text);
    return order != 0 ? order : (a->document > b->document) - (a->document < b->document);
}

/*
 * Sorts the postings from the one at `begin` on, and makes one of those with the same term and document. Also after each
 * document, whose words mostly repeat: an entry for each word would take ten times the memory of the texts.
 */
static void shard_merge(struct shard *shard, size_t begin) {
    size_t kept = begin;
    if (shard->count == begin)
        return;
    qsort(shard->postings + begin, shard->count - begin, sizeof *shard->postings, compare_postings);
    for (size_t i = begin + 1; i < shard->count; i++) {
        if (compare_postings(&shard->postings[kept], &shard->postings[i]) == 0)
            shard->postings[kept].count++; /* a text has fewer words than this counts */
        else
            shard->postings[++kept] = shard->postings[i];
    }
    shard->count = kept + 1;
}

/* The first posting whose term is not before `term`. */
static size_t lower_bound(const struct shard *shard, const struct term *term) {
    size_t low = 0, high = shard->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (strcmp(shard->postings[middle].term.text, term->text) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool known_before(const struct search_index *index, size_t shard, const struct term *term) {
    for (size_t s = 0; s < shard; s++) {
        size_t i = lower_bound(&index->shards[s], term);
        if (i < index->shards[s].count && strcmp(index->shards[s].postings[i].term.text, term->text) == 0)
            return true;
    }
    return false;
}

static size_t count_terms(const struct search_index *index) {
    size_t terms = 0;
    for (size_t s = 0; s < SHARD_COUNT; s++) {
        const struct shard *shard = &index->shards[s];
        for (size_t i = 0; i < shard->count; i++) {
            const struct term *term = &shard->postings[i].term;
            bool first_here = i == 0 || strcmp(term->text, shard->postings[i - 1].term.text) != 0;
            terms += first_here && !known_before(index, s, term);
        }
    }
    return terms;
}

static bool add_documents(struct search_index *index) {
    for (size_t d = 0; d < index->count; d++) {
        struct shard *shard = &index->shards[d % SHARD_COUNT];
        const size_t begin = shard->count;
        if (!add_text(index, d, index->documents[d]->title) || !add_text(index, d, index->documents[d]->text))
            return false;
        shard_merge(shard, begin);
        index->mean_length += (double)index->lengths[d] / (double)index->count;
    }
    return true;
}

struct search_index *search_index_build(const struct document *const *documents, size_t count) {
    struct search_index *index = calloc(1, sizeof *index);
    if (!index)
        return NULL;
    index->documents = calloc(count + 1, sizeof *index->documents);
    index->lengths = calloc(count + 1, sizeof *index->lengths);
    index->count = index->documents && index->lengths ? count : 0;
    for (size_t d = 0; d < index->count; d++)
        index->documents[d] = documents[d];
    if (index->count != count || !add_documents(index)) {
        search_index_free(index);
        return NULL;
    }
    for (size_t s = 0; s < SHARD_COUNT; s++)
        shard_merge(&index->shards[s], 0);
    index->terms = count_terms(index);
    return index;
}

void search_index_free(struct search_index *index) {
    if (!index)
        return;
    for (size_t s = 0; s < SHARD_COUNT; s++)
        free(index->shards[s].postings);
    free(index->documents);
    free(index->lengths);
    free(index);
}

size_t search_index_documents(const struct search_index *index) { return index->count; }

const struct document *search_index_document(const struct search_index *index, size_t place) {
    return index->documents[place];
}

size_t search_index_terms(const struct search_index *index) { return index->terms; }

/* ---- searching ---- */

static bool matches(const struct posting *posting, const struct term *term) {
    if (term->prefix)
        return strncmp(posting->term.text, term->text, term->length) == 0;
    return strcmp(posting->term.text, term->text) == 0;
}

bool search_hits_make(struct search_hits *hits, const struct search_index *index, const struct query_terms *terms) {
    hits->counts = calloc(index->count * terms->count + 1, sizeof *hits->counts);
    hits->found = calloc(index->count + 1, sizeof *hits->found);
    return hits->counts && hits->found;
}

void search_hits_free(struct search_hits *hits) {
    free(hits->counts);
    free(hits->found);
}

size_t search_index_lookup(const struct search_index *index, size_t shard, const struct query_terms *terms,
                           struct search_hits *hits) {
    const struct shard *asked = &index->shards[shard];
    size_t documents_found = 0;
    for (size_t t = 0; t < terms->count; t++) {
        size_t i = lower_bound(asked, &terms->items[t]);
        for (; i < asked->count && matches(&asked->postings[i], &terms->items[t]); i++) {
            const struct posting *posting = &asked->postings[i];
            uint16_t *count = &hits->counts[posting->document * terms->count + t];
            *count = posting->count < UINT16_MAX - *count ? (uint16_t)(*count + posting->count) : UINT16_MAX;
            documents_found += !hits->found[posting->document];
            hits->found[posting->document] = true;
        }
    }
    return documents_found;
}

/* How telling a term is: the fewer documents have it, the more. */
static double inverse_frequency(const struct search_index *index, const struct search_hits *hits, size_t term,
                                size_t terms) {
    double with = 0;
    for (size_t d = 0; d < index->count; d++)
        with += hits->counts[d * terms + term] > 0;
    return log(1 + ((double)index->count - with + 0.5) / (with + 0.5));
}

static double bm25(double frequency, double inverse, double relative_length) {
    const double saturation = 1.2, length_weight = 0.75;
    return inverse * frequency * (saturation + 1) /
           (frequency + saturation * (1 - length_weight + length_weight * relative_length));
}

/* Keeps the best; of equals the one that came first. */
static void insert(struct search_results *results, struct search_result found) {
    size_t place = results->count;
    while (place > 0 && results->items[place - 1].score < found.score)
        place--;
    if (place == RESULTS_MAX)
        return;
    size_t last = results->count < RESULTS_MAX ? results->count++ : RESULTS_MAX - 1;
    memmove(&results->items[place + 1], &results->items[place], (last - place) * sizeof *results->items);
    results->items[place] = found;
}

void search_index_rank(const struct search_index *index, const struct query_terms *terms,
                       const struct search_hits *hits, struct search_results *results) {
    double inverse[QUERY_TERMS_MAX];
    for (size_t t = 0; t < terms->count; t++)
        inverse[t] = inverse_frequency(index, hits, t, terms->count);
    *results = (struct search_results){ .count = 0 };
    for (size_t d = 0; d < index->count; d++) {
        if (!hits->found[d])
            continue;
        const uint16_t *counts = &hits->counts[d * terms->count];
        double score = 0;
        for (size_t t = 0; t < terms->count; t++)
            score += bm25(counts[t], inverse[t], (double)index->lengths[d] / index->mean_length);
        results->candidates++;
        insert(results, (struct search_result){ .place = d, .score = score });
    }
}
