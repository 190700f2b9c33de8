/* SPDX-License-Identifier: Apache-2.0 */
/* autoconfigure_headers.c - see autoconfigure_headers.h. */
#ifdef OTEL__WITH_CURL
#include "autoconfigure_headers.h"

#include "base/str.h"
#include "common/http/http_header.h"
#include "config_pairs.h"
#include "otlp/otlp_grpc_metadata.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>

/* More than any server takes. */
enum { HEADERS_MAX = 64 * 1024 };

/* Tells which item is wrong without showing its value: headers carry keys and passwords. */
static void complain(struct otel__headers *list, const struct otel__pairs *pairs, const struct otel__pair *pair,
                     const char *why) {
    size_t used = strlen(list->problems), shown = 0;
    while (pair->value.ptr && shown < pair->name.len && shown < 40 &&
           !otel__http_header_problem(otel_strn(pair->name.ptr + shown, 1), otel_strn(NULL, 0)))
        shown++;
    if (sizeof list->problems - used < 160) /* the next may not fit */
        return;
    snprintf(list->problems + used, sizeof list->problems - used, "%sitem %zu%s%.*s%s %s", used ? ", " : "",
             pairs->number, shown ? " (" : "", (int)shown, pair->name.ptr, shown ? "...)" : "", why);
}

static const char *header_problem(const struct otel__headers *list, const struct otel__pair *pair) {
    if (pair->problem)
        return pair->problem;
    if (list->grpc)
        return otel__grpc_metadata_problem(pair->name, pair->value);
    if (otel__http_header_is_ours(pair->name))
        return "is a header that the exporter sets itself";
    return otel__http_header_problem(pair->name, pair->value) ? "is no valid HTTP header" : NULL;
}

/* The last of equal names wins. */
static void put_header(struct otel__headers *list, const struct otel__pair *pair) {
    size_t i = 0;
    while (i < list->count && !otel__same_name(list->items[i].name, pair->name))
        i++;
    list->items[i] = (struct otel__http_header){ .name = pair->name, .value = pair->value };
    if (i == list->count)
        list->count++;
}

/* Takes `text`, which the list keeps, apart. False: out of memory. */
static bool take_apart(struct otel__headers *list, const char *text) {
    size_t most = 1;
    for (const char *comma = strchr(text, ','); comma; comma = strchr(comma + 1, ','))
        most++;
    size_t len = strlen(text);
    list->items = calloc(most, sizeof *list->items);
    list->text = malloc(2 * len + 1);
    if (!list->items || !list->text)
        return false;
    memcpy(list->text, text, len + 1);
    char *room = list->text + len + 1;
    struct otel__pairs pairs = { .rest = otel_strn(list->text, len) };
    struct otel__pair pair;
    while (otel__pairs_next(&pairs, false, &room, &pair)) {
        const char *problem = pair.item.len ? header_problem(list, &pair) : NULL;
        if (problem)
            complain(list, &pairs, &pair, problem);
        else if (pair.item.len)
            put_header(list, &pair);
    }
    return true;
}

bool otel__headers_read(struct otel__headers *headers, const char *text) {
    if (!text || strnlen(text, HEADERS_MAX + 1) <= HEADERS_MAX)
        return !text || take_apart(headers, text);
    snprintf(headers->problems, sizeof headers->problems, "longer than %d bytes", (int)HEADERS_MAX);
    return true;
}

void otel__headers_free(struct otel__headers *headers) {
    free(headers->items);
    free(headers->text);
}

#endif
