/* SPDX-License-Identifier: Apache-2.0 */
/*
 * llm_handler.c - see llm_handler.h.
 */
#include "llm/llm_handler.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <time.h>

/* Beyond every caller's patience, but not beyond that of who stops us. */
#define HANG_MS 5000

static void sleep_ms(long milliseconds) {
    struct timespec left = { .tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L };
    while (milliseconds > 0 && nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

static bool is_turn(unsigned long number, unsigned long every) { return every > 0 && number % every == 0; }

/* One sentence; nobody should mistake it for a model's. */
static void write_summary(struct text *summary, const char *query, const json_t *titles) {
    size_t count = json_array_size(titles), named = count < 3 ? count : 3;
    text_addf(summary, "%zu documents about \"%s\"%s", count, query, named > 0 ? ", first of all " : "");
    for (size_t i = 0; i < named; i++) {
        const char *title = json_string_value(json_array_get(titles, i));
        text_addf(summary, "%s%s",
                  i == 0           ? ""
                  : i + 1 == named ? " and "
                                   : ", ",
                  title ? title : "one without a title");
    }
    text_addf(summary, ".");
}

static void answer_summary(const char *query, const json_t *titles, struct http_answer *answer) {
    struct text summary = { 0 };
    write_summary(&summary, query, titles);
    answer->status = 200;
    text_addf(&answer->body, "{\"summary\":");
    text_add_json(&answer->body, summary.bytes ? summary.bytes : "", summary.length);
    text_addf(&answer->body, "}\n");
    text_free(&summary);
}

static void answer_question(const struct http_request *request, struct http_answer *answer) {
    json_t *question = request->body ? json_loadb(request->body, request->body_length, 0, NULL) : NULL;
    const char *query = json_string_value(json_object_get(question, "query"));
    const json_t *titles = json_object_get(question, "titles");
    if (query && json_is_array(titles))
        answer_summary(query, titles, answer);
    else
        http_answer_error(answer, 400, "neither query nor titles are understood");
    json_decref(question);
}

void llm_summarise(void *data, const struct http_request *request, struct http_answer *answer) {
    struct llm *llm = data;
    unsigned long number = atomic_fetch_add(&llm->requests, 1) + 1;
    sleep_ms(is_turn(number, llm->hang_every) ? HANG_MS : llm->latency_ms);
    if (is_turn(number, llm->fail_every))
        http_answer_error(answer, 500, "failed on purpose");
    else
        answer_question(request, answer);
}
