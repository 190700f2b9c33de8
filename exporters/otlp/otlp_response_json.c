/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_response_json.c - see otlp_response_json.h. Unknown members are ignored, whatever they hold. */
#include "otlp/otlp_response_json.h"

#include "base/escape.h"

#include <jansson.h>
#include <stdlib.h>

/*
 * An honest answer is a number and a sentence. More would only cost memory, and deep nesting the stack of the worker,
 * since jansson calls itself for each level.
 */
enum { BODY_MAX = 64 * 1024, DEPTH_MAX = 32 };

static bool is_shallow(const uint8_t *body, size_t len) {
    unsigned depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < len; i++) {
        const uint8_t c = body[i];
        if (quoted && c == '\\')
            i++;
        else if (c == '"')
            quoted = !quoted;
        else if (!quoted && (c == '{' || c == '['))
            depth++;
        else if (!quoted && (c == '}' || c == ']') && depth > 0)
            depth--;
        if (depth > DEPTH_MAX)
            return false;
    }
    return true;
}

/* NULL: no object, or one that is not worth reading. */
static json_t *read_object(const struct otel__http_response *response) {
    if (response->body_len > BODY_MAX || !is_shallow(response->body, response->body_len))
        return NULL;
    json_t *json = json_loadb((const char *)response->body, response->body_len, JSON_ALLOW_NUL, NULL);
    if (json_is_object(json))
        return json;
    json_decref(json);
    return NULL;
}

/* 64 bits are text in OTLP, but a number is understood too. */
static uint64_t read_count(const json_t *json) {
    char none[] = "", *end = none;
    const json_int_t count =
        json_is_string(json) ? strtoll(json_string_value(json), &end, 10) : json_integer_value(json);
    return count > 0 && !*end ? (uint64_t)count : 0;
}

static bool read_message(const json_t *json, struct otel__otlp_answer *answer) {
    if (!json_is_string(json))
        return false;
    const otel_str text = otel_strn(json_string_value(json), json_string_length(json));
    otel__escape(text, answer->message, sizeof answer->message);
    return text.len > 0;
}

void otel__otlp_answers_prepare(void) { json_object_seed(0); }

bool otel__otlp_read_json_success(const struct otel__http_response *response, struct otel__otlp_answer *answer) {
    json_t *json = read_object(response);
    const json_t *partial = json_object_get(json, "partialSuccess");
    const json_t *spans = json_object_get(partial, "rejectedSpans");
    answer->rejected = read_count(spans ? spans : json_object_get(partial, "rejectedDataPoints"));
    read_message(json_object_get(partial, "errorMessage"), answer);
    json_decref(json);
    return json != NULL;
}

bool otel__otlp_read_json_status(const struct otel__http_response *response, struct otel__otlp_answer *answer) {
    json_t *json = read_object(response);
    const bool found = read_message(json_object_get(json, "message"), answer);
    json_decref(json);
    return found;
}
