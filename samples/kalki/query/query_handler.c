/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query_handler.c - see query_handler.h.
 *
 * Each step of a search is an INTERNAL span. The steps know nothing of the request's span: it is the thread's current
 * span, and so the parent of theirs.
 */
#include "query/query_handler.h"

#include "service/measures.h"
#include "service/moment.h"
#include "query/query_failure.h"

#include <inttypes.h>
#include <otel/log.h>
#include <otel/trace.h>
#include <string.h>

OTEL_TRACER(tracer, "kalki.query", "1.0.0");
OTEL_LOGGER(logger, "kalki.search");

/* ---- the steps of a search ---- */

static void take_terms(const otel_span *span, const char *text, size_t length, struct query_terms *terms) {
    const char *cursor = text;
    struct term term;
    for (size_t words = 0; words < QUERY_TERMS_MAX && term_next(&cursor, text + length, &term); words++) {
        if (term_is_stop_word(&term))
            otel_event(span, "stop word", .attributes = OTEL_ATTRS(OTEL_ATTR("kalki.term", term.text)));
        else
            terms->items[terms->count++] = term;
    }
}

static void parse_query(const char *text, size_t length, struct query_terms *terms) {
    OTEL_SPAN(span, tracer, "parse query", .attributes = OTEL_ATTRS(OTEL_ATTR("kalki.query.length", length)));
    take_terms(&span, text, length, terms);

    otel_str words[QUERY_TERMS_MAX];
    bool prefixes[QUERY_TERMS_MAX];
    for (size_t i = 0; i < terms->count; i++) {
        words[i] = otel_strn(terms->items[i].text, terms->items[i].length);
        prefixes[i] = terms->items[i].prefix;
    }
    otel_set(&span, "kalki.query.terms", otel_strings(words, terms->count));
    otel_set(&span, "kalki.query.prefixes", otel_bools(prefixes, terms->count));
}

/* Returns NULL, or why the look-up failed: then `hits` holds what the shards before had. */
static const struct query_failure *look_up(const struct search_index *index, const struct query_terms *terms,
                                           const struct query_failure *failure, struct search_hits *hits) {
    static const int64_t shards[SHARD_COUNT] = { 0, 1, 2 };
    size_t documents = search_index_documents(index);
    OTEL_SPAN(span, tracer, "index lookup",
              .attributes = OTEL_ATTRS(OTEL_ATTR("kalki.index.documents", documents),
                                       OTEL_ATTR("kalki.index.shards", otel_ints(shards, SHARD_COUNT))));
    int64_t matches[SHARD_COUNT];
    size_t answered = 0, matched = 0;
    for (; answered < SHARD_COUNT && !query_failure_strikes(failure, answered); answered++) {
        size_t found = search_index_lookup(index, answered, terms, hits);
        otel_event(&span, "shard searched",
                   .attributes = OTEL_ATTRS(OTEL_ATTR("kalki.shard", answered), OTEL_ATTR("kalki.matches", found)));
        matches[answered] = (int64_t)found;
        matched += found;
    }
    otel_set(&span, "kalki.index.matches", otel_ints(matches, answered));
    otel_set(&span, "kalki.index.complete", otel_bool(answered == SHARD_COUNT));
    if (answered < SHARD_COUNT) {
        otel_exception(&span, failure->exception, .message = failure->text);
        otel_span_fail(&span, failure->type, failure->text);
        return failure;
    }
    otel_set(&span, "kalki.index.coverage", documents > 0 ? (double)matched / (double)documents : 0.0);
    return NULL;
}

static void rank(const struct snapshot *snapshot, const struct query_terms *terms, const struct search_hits *hits,
                 struct search_results *results) {
    const struct search_index *index = snapshot->index;
    const otel_link built_by = {
        .span = snapshot->built_by,
        .attributes = OTEL_ATTRS(OTEL_ATTR("kalki.index.documents", search_index_documents(index)),
                                 OTEL_ATTR("kalki.index.terms", search_index_terms(index))),
    };
    OTEL_SPAN(span, tracer, "rank", .attributes = OTEL_ATTRS(OTEL_ATTR("kalki.rank.algorithm", "bm25")),
              .links = OTEL_LINKS(built_by));
    search_index_rank(index, terms, hits, results);

    double scores[RESULTS_MAX];
    for (size_t i = 0; i < results->count; i++)
        scores[i] = results->items[i].score;
    otel_set(&span, "kalki.rank.candidates", results->candidates);
    otel_set(&span, "kalki.rank.truncated", otel_bool(results->candidates > results->count));
    otel_set(&span, "kalki.rank.scores", otel_doubles(scores, results->count));
    if (results->count > 0) {
        const struct document *best = search_index_document(index, results->items[0].place);
        otel_event(&span, "best document",
                   .attributes = OTEL_ATTRS(OTEL_ATTR("kalki.document.id", best->id),
                                            OTEL_ATTR("kalki.document.title", best->title),
                                            OTEL_ATTR("kalki.document.score", scores[0])));
    }
}

/* ---- the answer ---- */

static void answer_results(const char *text, size_t length, const struct search_index *index,
                           const struct search_results *results, struct http_answer *answer) {
    answer->status = 200;
    text_addf(&answer->body, "{\"query\":");
    text_add_json(&answer->body, text, length);
    text_addf(&answer->body, ",\"matches\":%zu,\"results\":[", results->candidates);
    for (size_t i = 0; i < results->count; i++) {
        const struct search_result *found = &results->items[i];
        const struct document *document = search_index_document(index, found->place);
        text_addf(&answer->body, "%s{\"id\":%" PRId64 ",\"score\":%.3f,\"title\":", i == 0 ? "" : ",", document->id,
                  found->score);
        text_add_json(&answer->body, document->title, strlen(document->title));
        text_addf(&answer->body, "}");
    }
    text_addf(&answer->body, "]}\n");
}

struct search {
    const char *text;
    size_t length;
    struct query_terms terms;
    struct search_hits hits;
};

/* The steps after the query is parsed. */
static void search_snapshot(struct query_service *service, const struct snapshot *snapshot, struct search *search,
                            const struct http_request *request, struct http_answer *answer) {
    const struct query_failure *failure =
        look_up(snapshot->index, &search->terms, query_failure_wanted(service, request, &search->terms), &search->hits);
    if (failure) {
        measure_error(failure->status == 504 ? "timeout" : "internal");
        otel_log_error(logger, failure->text, OTEL_ATTR("error_type", failure->type));
        http_answer_error(answer, failure->status, failure->text);
        return;
    }
    struct search_results results;
    rank(snapshot, &search->terms, &search->hits, &results);
    answer_results(search->text, search->length, snapshot->index, &results, answer);
    measure_query_processed();
}

static void answer_search(struct query_service *service, const struct snapshot *snapshot, struct search *search,
                          const struct http_request *request, struct http_answer *answer) {
    struct timespec begin = moment_now();
    parse_query(search->text, search->length, &search->terms);
    if (search_hits_make(&search->hits, snapshot->index, &search->terms)) {
        search_snapshot(service, snapshot, search, request, answer);
    } else {
        measure_error("internal");
        http_answer_error(answer, 500, "out of memory");
    }
    search_hits_free(&search->hits);
    measure_index_search(moment_seconds_since(&begin));
}

void query_handle(void *data, const struct http_request *request, struct http_answer *answer) {
    struct query_service *service = data;
    struct search search = { .text = NULL };
    if (!http_request_argument(request, "q", &search.text, &search.length)) {
        http_answer_error(answer, 400, "the argument q is missing");
        return;
    }
    struct snapshot *snapshot = collection_take(service->collection);
    if (!snapshot) {
        measure_error("unavailable");
        http_answer_error(answer, 503, "the documents are not loaded yet");
        return;
    }
    answer_search(service, snapshot, &search, request, answer);
    collection_give_back(service->collection, snapshot);
}
