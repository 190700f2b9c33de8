/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway_handler.c - see gateway_handler.h.
 */
#include "gateway/gateway_handler.h"

#include "gateway/llm_client.h"
#include "service/measures.h"
#include "service/moment.h"
#include "gateway/query_client.h"

#include <otel/baggage.h>
#include <otel/log.h>
#include <otel/trace.h>
#include <stdlib.h>
#include <string.h>

#define QUERY_LENGTH_MAX 1024
#define DOCUMENT_ID_MAX 64
#define SESSIONS_LISTED 100

OTEL_LOGGER(logger, "kalki.query_client");

/* ---- sessions ---- */

/* The caller's name for what it does; NULL when it gave none. */
static const char *session_of(const struct http_request *request) {
    const char *id = http_request_header(request, "X-Session-Id", 0);
    return id && id[0] ? id : NULL;
}

static void note_session(const struct gateway *gateway, const struct http_request *request) {
    const char *id = session_of(request);
    if (!id)
        return;
    cache_session_touch(gateway->cache, id, wall_ms());
    measure_session_request();
}

/* ---- what the query service says ---- */

/* Another service's failure is not ours: 504 when it took too long, 502 for the rest. */
static void answer_failure(const struct http_reply *reply, struct http_answer *answer) {
    bool late = reply->timed_out || reply->status == 504;
    otel_log_error(logger, reply->status ? "kalki-query failed" : "kalki-query does not answer",
                   OTEL_ATTR("error_type", late ? "timeout" : "unavailable"),
                   OTEL_ATTR("http.response.status_code", reply->status));
    if (late) {
        measure_error("timeout");
        http_answer_error(answer, 504, "the query service took too long");
    } else if (reply->status == 0) {
        measure_error("unavailable");
        http_answer_error(answer, 502, "the query service cannot be reached");
    } else {
        measure_error("unavailable");
        http_answer_error(answer, 502, "the query service failed");
    }
}

/* Takes over the service's answer, unless that is a failure of its own. */
static void answer_reply(struct http_reply *reply, struct http_answer *answer) {
    if (reply->status < 200 || reply->status >= 500) {
        answer_failure(reply, answer);
    } else {
        answer->status = reply->status;
        answer->body = reply->body;
        reply->body = (struct text){ 0 };
    }
    text_free(&reply->body);
}

/* ---- answers that are kept ---- */

/* Searches and summaries of the same words are told apart by a letter in front. */
static struct text key_of(char kind, struct query_argument q) {
    struct text key = { 0 };
    text_add(&key, &kind, 1);
    text_add(&key, q.bytes, q.length);
    return key;
}

static bool recall(const struct gateway *gateway, char kind, struct query_argument q, struct text *value) {
    if (gateway->cache_seconds == 0)
        return false;
    struct text key = key_of(kind, q);
    bool found = !key.failed && cache_get(gateway->cache, (struct cache_bytes){ key.bytes, key.length }, value);
    text_free(&key);
    return found;
}

static void keep(const struct gateway *gateway, char kind, struct query_argument q, const struct text *value) {
    if (gateway->cache_seconds == 0 || value->length == 0)
        return;
    struct text key = key_of(kind, q);
    if (!key.failed)
        cache_set(gateway->cache, (struct cache_bytes){ key.bytes, key.length },
                  (struct cache_bytes){ value->bytes, value->length }, gateway->cache_seconds);
    text_free(&key);
}

/* Says in the request's span where the answer came from. */
static void mark_recalled(bool recalled) {
    otel_context current = otel_context_current();
    otel_span span = otel_context_span(&current);
    otel_set(&span, "kalki.cache.hit", otel_bool(recalled));
    otel_context_release(&current);
}

/* ---- a search ---- */

/* Puts one more string into the answer, which is a JSON object: before its last bracket. */
static void add_member(struct text *body, const char *name, const char *value, size_t length) {
    while (body->length > 0 && body->bytes[body->length - 1] != '}')
        body->length--;
    if (body->length == 0)
        return;
    body->length--;
    text_addf(body, ",\"%s\":", name);
    text_add_json(body, value, length);
    text_addf(body, "}\n");
}

/* A search without its summary is worth having: so a failure of the API becomes a word in the answer. */
static void add_summary(const struct gateway *gateway, struct query_argument q, struct http_answer *answer) {
    struct text summary = { 0 };
    const char *failure = NULL;
    if (!recall(gateway, 's', q, &summary)) {
        failure = llm_client_summarise(&gateway->llm, &answer->body, &summary);
        if (!failure)
            keep(gateway, 's', q, &summary);
    }
    if (failure)
        add_member(&answer->body, "summary_error", failure, strlen(failure));
    else
        add_member(&answer->body, "summary", summary.bytes ? summary.bytes : "", summary.length);
    text_free(&summary);
}

static void search(const struct gateway *gateway, struct query_argument q, struct query_argument fail,
                   struct http_answer *answer) {
    bool may_keep = !fail.bytes && gateway->cache_seconds > 0;
    bool recalled = may_keep && recall(gateway, 'a', q, &answer->body);
    if (may_keep)
        mark_recalled(recalled);
    if (recalled) {
        answer->status = 200;
        return;
    }
    text_free(&answer->body); /* of a value that was there, but did not fit */
    struct http_reply reply = { .status = 0 };
    query_client_search(&gateway->query, q, fail, &reply);
    answer_reply(&reply, answer);
    if (may_keep && answer->status == 200)
        keep(gateway, 'a', q, &answer->body);
}

static bool wants_summary(const struct http_request *request) {
    struct query_argument summary;
    return http_request_argument(request, "summary", &summary.bytes, &summary.length) && summary.length == 1 &&
           summary.bytes[0] == '1';
}

/* Whether this is a search at all; otherwise the answer says why not. */
static bool read_search(const struct gateway *gateway, const struct http_request *request, struct query_argument *q,
                        struct http_answer *answer) {
    if (!http_request_argument(request, "q", &q->bytes, &q->length))
        http_answer_error(answer, 400, "the argument q is missing");
    else if (q->length > QUERY_LENGTH_MAX)
        http_answer_error(answer, 400, "the argument q is too long");
    else if (wants_summary(request) && !gateway->llm.base_url)
        http_answer_error(answer, 501, "no summaries without --llm-url");
    else
        return true;
    return false;
}

void gateway_search(void *data, const struct http_request *request, struct http_answer *answer) {
    const struct gateway *gateway = data;
    struct query_argument q = { NULL, 0 }, fail = { NULL, 0 };
    note_session(gateway, request);
    if (!read_search(gateway, request, &q, answer))
        return;
    http_request_argument(request, "fail", &fail.bytes, &fail.length);
    /* Goes along with every request that is made from here on; what a caller sends under this name does not. */
    OTEL_BAGGAGE(session, "session.id", session_of(request));
    search(gateway, q, fail, answer);
    if (answer->status == 200 && wants_summary(request))
        add_summary(gateway, q, answer);
}

/* ---- documents ---- */

void gateway_ingest(void *data, const struct http_request *request, struct http_answer *answer) {
    const struct gateway *gateway = data;
    note_session(gateway, request);
    if (request->too_large) {
        http_answer_error(answer, 413, "the documents are too large");
        return;
    }
    if (!request->body) {
        http_answer_error(answer, 400, "the body is missing");
        return;
    }
    OTEL_BAGGAGE(session, "session.id", session_of(request));
    struct http_reply reply = { .status = 0 };
    query_client_ingest(&gateway->query, request->body, request->body_length, &reply);
    answer_reply(&reply, answer);
}

/* It becomes a part of a URL as it is, so that nothing in it may mean something there. */
static bool is_document_id(const char *id) {
    size_t length = strspn(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_");
    return length > 0 && length <= DOCUMENT_ID_MAX && id[length] == '\0';
}

void gateway_document(void *data, const struct http_request *request, struct http_answer *answer) {
    const struct gateway *gateway = data;
    note_session(gateway, request);
    if (!is_document_id(request->parameter)) {
        http_answer_error(answer, 404, "no such document");
        return;
    }
    OTEL_BAGGAGE(session, "session.id", session_of(request));
    struct http_reply reply = { .status = 0 };
    query_client_document(&gateway->query, request->parameter, &reply);
    answer_reply(&reply, answer);
}

/* ---- the list of sessions ---- */

static void add_session(struct text *body, const struct cache_session *session) {
    char seen[32];
    time_t seconds = (time_t)(session->last_seen_ms / 1000);
    struct tm moment;
    strftime(seen, sizeof seen, "%Y-%m-%dT%H:%M:%SZ", gmtime_r(&seconds, &moment));
    text_addf(body, "{\"id\":");
    text_add_json(body, session->id, strlen(session->id));
    text_addf(body, ",\"requests\":%llu,\"last_seen\":\"%s\"}", (unsigned long long)session->requests, seen);
}

void gateway_sessions(void *data, const struct http_request *request, struct http_answer *answer) {
    const struct gateway *gateway = data;
    note_session(gateway, request);
    struct cache_session *sessions = malloc(SESSIONS_LISTED * sizeof *sessions);
    size_t count = 0;
    if (!sessions) {
        http_answer_error(answer, 503, "out of memory");
        return;
    }
    bool complete = cache_session_list(gateway->cache, wall_ms(), sessions, SESSIONS_LISTED, &count);
    answer->status = 200;
    text_addf(&answer->body, "{\"count\":%zu,\"complete\":%s,\"sessions\":[", count, complete ? "true" : "false");
    for (size_t i = 0; i < count; i++) {
        text_addf(&answer->body, "%s", i > 0 ? "," : "");
        add_session(&answer->body, &sessions[i]);
    }
    text_addf(&answer->body, "]}\n");
    free(sessions);
}
