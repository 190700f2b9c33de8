/* SPDX-License-Identifier: Apache-2.0 */
/*
 * query_handler.c - see query_handler.h.
 *
 * Each step of a search is an INTERNAL span. The steps know nothing of the request's span: it is the thread's current
 * span, and so the parent of theirs.
 */
#include "query_handler.h"

#include "query_failure.h"

#include <string.h>

OTEL_TRACER(tracer, "kalki.query", "1.0.0");

bool query_service_open(struct query_service *service, unsigned long fail_every) {
    OTEL_SPAN(span, tracer, "build index");
    *service = (struct query_service){ .index = search_index_build(), .built_by = span, .fail_every = fail_every };
    if (!service->index) {
        otel_span_fail(&span, "out_of_memory", "the index does not fit into memory");
        return false;
    }
    otel_set(&span, "kalki.index.documents", DOCUMENT_COUNT);
    otel_set(&span, "kalki.index.terms", search_index_terms(service->index));
    return true;
}

void query_service_close(struct query_service *service) {
    search_index_free(service->index);
    service->index = NULL;
}

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
static const struct query_failure *look_up(const struct query_service *service, const struct query_terms *terms,
                                           const struct query_failure *failure, struct search_hits *hits) {
    static const int64_t shards[SHARD_COUNT] = { 0, 1, 2 };
    OTEL_SPAN(span, tracer, "index lookup",
              .attributes = OTEL_ATTRS(OTEL_ATTR("kalki.index.documents", DOCUMENT_COUNT),
                                       OTEL_ATTR("kalki.index.shards", otel_ints(shards, SHARD_COUNT))));
    int64_t matches[SHARD_COUNT];
    size_t answered = 0, matched = 0;
    for (; answered < SHARD_COUNT && !query_failure_strikes(failure, answered); answered++) {
        size_t found = search_index_lookup(service->index, answered, terms, hits);
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
    otel_set(&span, "kalki.index.coverage", (double)matched / DOCUMENT_COUNT);
    return NULL;
}

static void rank(const struct query_service *service, const struct query_terms *terms, const struct search_hits *hits,
                 struct search_results *results) {
    const otel_link built_by = {
        .span = service->built_by,
        .attributes = OTEL_ATTRS(OTEL_ATTR("kalki.index.documents", DOCUMENT_COUNT),
                                 OTEL_ATTR("kalki.index.terms", search_index_terms(service->index))),
    };
    OTEL_SPAN(span, tracer, "rank", .attributes = OTEL_ATTRS(OTEL_ATTR("kalki.rank.algorithm", "bm25")),
              .links = OTEL_LINKS(built_by));
    search_index_rank(service->index, terms, hits, results);

    double scores[RESULTS_MAX];
    for (size_t i = 0; i < results->count; i++)
        scores[i] = results->items[i].score;
    otel_set(&span, "kalki.rank.candidates", results->candidates);
    otel_set(&span, "kalki.rank.truncated", otel_bool(results->candidates > results->count));
    otel_set(&span, "kalki.rank.scores", otel_doubles(scores, results->count));
    if (results->count > 0) {
        const struct search_result *best = &results->items[0];
        otel_event(&span, "best document",
                   .attributes = OTEL_ATTRS(OTEL_ATTR("kalki.document.id", best->document),
                                            OTEL_ATTR("kalki.document.title", documents[best->document].title),
                                            OTEL_ATTR("kalki.document.score", best->score)));
    }
}

/* ---- the answer ---- */

static void answer_results(const char *text, size_t length, const struct search_results *results,
                           struct http_answer *answer) {
    answer->status = 200;
    text_addf(&answer->body, "{\"query\":");
    text_add_json(&answer->body, text, length);
    text_addf(&answer->body, ",\"matches\":%zu,\"results\":[", results->candidates);
    for (size_t i = 0; i < results->count; i++) {
        const struct search_result *found = &results->items[i];
        const char *title = documents[found->document].title;
        text_addf(&answer->body, "%s{\"id\":%zu,\"score\":%.3f,\"title\":", i == 0 ? "" : ",", found->document,
                  found->score);
        text_add_json(&answer->body, title, strlen(title));
        text_addf(&answer->body, "}");
    }
    text_addf(&answer->body, "]}\n");
}

void query_handle(void *data, const struct http_request *request, struct http_answer *answer) {
    struct query_service *service = data;
    const char *text;
    size_t length;
    if (!http_request_argument(request, "q", &text, &length)) {
        http_answer_error(answer, 400, "the argument q is missing");
        return;
    }
    struct query_terms terms = { .count = 0 };
    struct search_hits hits = { 0 };
    struct search_results results;
    parse_query(text, length, &terms);
    const struct query_failure *failure =
        look_up(service, &terms, query_failure_wanted(service, request, &terms), &hits);
    if (failure) {
        http_answer_error(answer, failure->status, failure->text);
        return;
    }
    rank(service, &terms, &hits, &results);
    answer_results(text, length, &results, answer);
}
