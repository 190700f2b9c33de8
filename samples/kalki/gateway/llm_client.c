/* SPDX-License-Identifier: Apache-2.0 */
/*
 * llm_client.c - see llm_client.h.
 */
#include "gateway/llm_client.h"

#include "service/measures.h"
#include "service/moment.h"

#include <jansson.h>
#include <otel/log.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT_MS 2000L

OTEL_LOGGER(logger, "kalki.llm_client");

/* {"query","titles"} of a search's answer; NULL when it is not one. Free it. */
static char *write_question(const struct text *answer) {
    json_t *found = answer->bytes ? json_loadb(answer->bytes, answer->length, 0, NULL) : NULL;
    json_t *titles = json_array(), *result = NULL;
    size_t index;
    json_array_foreach(json_object_get(found, "results"), index, result)
        json_array_append(titles, json_object_get(result, "title"));
    json_t *question = json_pack("{s:O?,s:o}", "query", json_object_get(found, "query"), "titles", titles);
    char *text = question ? json_dumps(question, JSON_COMPACT) : NULL;
    json_decref(question);
    json_decref(found);
    return text;
}

static bool read_summary(const struct text *body, struct text *summary) {
    json_t *answer = body->bytes ? json_loadb(body->bytes, body->length, 0, NULL) : NULL;
    const json_t *found = json_object_get(answer, "summary");
    bool read = json_is_string(found) && text_add(summary, json_string_value(found), json_string_length(found));
    json_decref(answer);
    return read;
}

/* NULL: the call went well, as far as HTTP is concerned. */
static const char *failure_of(const struct http_reply *reply) {
    if (reply->timed_out || reply->status == 504)
        return "timeout";
    if (reply->error)
        return "unavailable";
    return reply->status == 200 ? NULL : "error";
}

static const char *ask(const struct http_client *client, const char *question, struct text *summary) {
    struct http_reply reply = { .status = 0 };
    http_client_call(client,
                     &(struct http_call){ .method = "POST",
                                          .target = "/v1/summary",
                                          .body = question,
                                          .body_length = strlen(question),
                                          .timeout_ms = TIMEOUT_MS,
                                          .gen_ai_operation = "text_completion" },
                     &reply);
    const char *failure = failure_of(&reply);
    if (!failure && !read_summary(&reply.body, summary))
        failure = "bad_answer";
    text_free(&reply.body);
    return failure;
}

const char *llm_client_summarise(const struct http_client *client, const struct text *answer, struct text *summary) {
    char *question = write_question(answer);
    if (!question)
        return "bad_answer";
    uint64_t began = steady_ns();
    const char *failure = ask(client, question, summary);
    double seconds = seconds_since(began);
    measure_llm(seconds, failure);
    if (failure) {
        measure_error("llm");
        otel_log_error(logger, "no summary", OTEL_ATTR("operation", "POST /v1/summary"),
                       OTEL_ATTR("error_type", failure), OTEL_ATTR("duration_ms", seconds * 1e3));
    }
    free(question);
    return failure;
}

bool llm_client_is_healthy(const struct http_client *client, long timeout_ms) {
    struct http_reply reply = { .status = 0 };
    http_client_call(
        client, &(struct http_call){ .method = "GET", .target = "/health", .timeout_ms = timeout_ms, .aside = true },
        &reply);
    text_free(&reply.body);
    return reply.status == 200;
}
