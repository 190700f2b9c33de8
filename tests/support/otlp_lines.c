/* SPDX-License-Identifier: Apache-2.0 */
/* otlp_lines.c - see otlp_lines.h. */
#include "otlp_lines.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The sum over the elements of an array member. */
static size_t sum_over(const json_t *object, const char *member, size_t (*of)(const json_t *element)) {
    const json_t *array = json_object_get(object, member);
    size_t sum = 0;
    for (size_t i = 0; i < json_array_size(array); i++)
        sum += of(json_array_get(array, i));
    return sum;
}

static size_t one(const json_t *span) { return json_is_object(span) ? 1 : 0; }
static size_t spans_of_scope(const json_t *scope) { return sum_over(scope, "spans", one); }
static size_t spans_of_resource(const json_t *resource) { return sum_over(resource, "scopeSpans", spans_of_scope); }

static void add_line(struct otlp_lines *sum, const char *line, size_t len) {
    json_t *data = json_loadb(line, len, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    sum->lines++;
    if (len + 1 > sum->longest)
        sum->longest = len + 1;
    if (json_object_size(data) == 1 && json_is_array(json_object_get(data, "resourceSpans")))
        sum->spans += sum_over(data, "resourceSpans", spans_of_resource);
    else
        sum->unreadable++;
    json_decref(data);
}

void otlp_lines_add(struct otlp_lines *sum, const char *text, size_t len) {
    const char *end = text + len, *line = text;
    for (const char *stop; (stop = memchr(line, '\n', (size_t)(end - line))); line = stop + 1)
        add_line(sum, line, (size_t)(stop - line));
    sum->rest += (size_t)(end - line);
}

char *otlp_lines_content(const char *path, size_t *len) {
    FILE *file = fopen(path, "r"), *memory;
    char *text = NULL, part[4096];
    if (!file)
        return NULL;
    memory = open_memstream(&text, len);
    for (size_t got; (got = fread(part, 1, sizeof part, file)) > 0;)
        fwrite(part, 1, got, memory);
    fclose(memory);
    fclose(file);
    return text;
}

bool otlp_lines_add_file(struct otlp_lines *sum, const char *path) {
    size_t len = 0;
    char *text = otlp_lines_content(path, &len);
    if (text)
        otlp_lines_add(sum, text, len);
    free(text);
    return text != NULL;
}
