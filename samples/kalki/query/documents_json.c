/* SPDX-License-Identifier: Apache-2.0 */
/*
 * documents_json.c - see documents_json.h. jansson refuses what is not UTF-8, and NUL characters, which neither database
 * takes.
 */
#include "query/documents_json.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* Where in the body a document stands, for messages. */
struct position {
    bool in_array;
    size_t index;
};

static void say(struct position at, const char *what, char *why, size_t why_size) {
    if (at.in_array)
        snprintf(why, why_size, "document %zu: %s", at.index, what);
    else
        snprintf(why, why_size, "%s", what);
}

static bool read_member(const json_t *object, const char *name, size_t most, const char **value, char *what,
                        size_t what_size) {
    const json_t *member = json_object_get(object, name);
    *value = json_string_value(member);
    if (!member)
        snprintf(what, what_size, "%s is missing", name);
    else if (!*value)
        snprintf(what, what_size, "%s is not a string", name);
    else if (json_string_length(member) == 0)
        snprintf(what, what_size, "%s is empty", name);
    else if (json_string_length(member) > most)
        snprintf(what, what_size, "%s is longer than %zu bytes", name, most);
    else
        return true;
    return false;
}

static bool read_document(struct sent_documents *sent, const json_t *object, struct position at, char *why,
                          size_t why_size) {
    struct new_document document;
    char what[80];
    if (!json_is_object(object)) {
        say(at, "it is not an object with title and text", why, why_size);
        return false;
    }
    if (!read_member(object, "title", DOCUMENT_TITLE_MAX, &document.title, what, sizeof what) ||
        !read_member(object, "text", DOCUMENT_TEXT_MAX, &document.text, what, sizeof what)) {
        say(at, what, why, why_size);
        return false;
    }
    sent->items[sent->count++] = document;
    sent->bytes +=
        json_string_length(json_object_get(object, "title")) + json_string_length(json_object_get(object, "text"));
    return true;
}

static bool read_array(struct sent_documents *sent, const json_t *array, char *why, size_t why_size) {
    if (json_array_size(array) == 0 || json_array_size(array) > DATABASE_INSERT_MAX) {
        snprintf(why, why_size, "an array must hold 1 to %d documents, and not %zu", DATABASE_INSERT_MAX,
                 json_array_size(array));
        return false;
    }
    for (size_t i = 0; i < json_array_size(array); i++) {
        if (!read_document(sent, json_array_get(array, i), (struct position){ true, i }, why, why_size))
            return false;
    }
    return true;
}

bool documents_json_read(struct sent_documents *sent, const char *body, size_t length, char *why, size_t why_size) {
    json_error_t error;
    *sent = (struct sent_documents){ .json = body ? json_loadb(body, length, JSON_REJECT_DUPLICATES, &error) : NULL };
    if (!sent->json) {
        if (body)
            snprintf(why, why_size, "this is no JSON: line %d, column %d: %s", error.line, error.column, error.text);
        else
            snprintf(why, why_size, "there is no body");
        return false;
    }
    size_t most = json_is_array(sent->json) ? json_array_size(sent->json) : 1;
    sent->items = calloc(most + 1, sizeof *sent->items);
    if (!sent->items) {
        snprintf(why, why_size, "out of memory");
        return false;
    }
    if (json_is_array(sent->json))
        return read_array(sent, sent->json, why, why_size);
    return read_document(sent, sent->json, (struct position){ false, 0 }, why, why_size);
}

void documents_json_free(struct sent_documents *sent) {
    free(sent->items);
    json_decref(sent->json);
}
