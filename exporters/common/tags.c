/* SPDX-License-Identifier: Apache-2.0 */
/* tags.c - see tags.h. */
#include "common/tags.h"

#include "base/str.h"

enum { ADDED, GENERIC, FIRST_LIST };

/* ---- what the tags are ------------------------------------------------------------------------------------------- */

static void rewind_walk(struct otel__tags *tags) {
    tags->list = tags->list_count - 1;
    tags->index = tags->lists[tags->list].count;
}

static void begin(struct otel__tags *tags) {
    tags->lists[ADDED] = (otel_attrs){ tags->added, 0 };
    tags->lists[GENERIC] = (otel_attrs){ tags->generic, 0 };
    tags->list_count = FIRST_LIST;
    rewind_walk(tags);
}

static void say(struct otel__tags *tags, const char *key, otel_value value) {
    tags->generic[tags->lists[GENERIC].count++] = otel__attr(key, value);
}

/* Where there is nothing to say, there is no tag. */
static void say_text(struct otel__tags *tags, const char *key, otel_str text) {
    if (text.len > 0)
        say(tags, key, otel_stringn(text.ptr, text.len));
}

static void say_count(struct otel__tags *tags, const char *key, uint32_t count) {
    if (count > 0)
        say(tags, key, otel_int(count));
}

/* Also by the names that older backends look for. */
static void say_scope(struct otel__tags *tags, const otel_scope_data *scope) {
    say_text(tags, "otel.scope.name", scope->name);
    say_text(tags, "otel.scope.version", scope->version);
    say_text(tags, "otel.library.name", scope->name);
    say_text(tags, "otel.library.version", scope->version);
}

static void say_status(struct otel__tags *tags, const otel_span_data *span, enum otel__tags_status status) {
    if (span->status == OTEL_CODE_UNSET)
        return;
    say(tags, "otel.status_code", otel_string(span->status == OTEL_CODE_OK ? "OK" : "ERROR"));
    if (status == OTEL__TAGS_WITH_DESCRIPTION)
        say_text(tags, "otel.status_description", span->status_text);
}

void otel__tags_of_span(struct otel__tags *tags, const otel_span_data *span, enum otel__tags_status status) {
    begin(tags);
    say_scope(tags, span->scope);
    say_status(tags, span, status);
    say_count(tags, "otel.dropped_attributes_count", span->dropped_attributes);
    say_count(tags, "otel.dropped_events_count", span->dropped_events);
    say_count(tags, "otel.dropped_links_count", span->dropped_links);
    otel__tags_add_list(tags, span->attributes);
    otel__tags_add_list(tags, span->scope->attributes);
}

void otel__tags_of_attributes(struct otel__tags *tags, otel_attrs attributes, uint32_t dropped) {
    begin(tags);
    say_count(tags, "otel.dropped_attributes_count", dropped);
    otel__tags_add_list(tags, attributes);
}

void otel__tags_add(struct otel__tags *tags, const char *key, otel_value value) {
    size_t *count = &tags->lists[ADDED].count;
    if (*count < OTEL__TAGS_ADDED)
        tags->added[(*count)++] = otel__attr(key, value);
    rewind_walk(tags);
}

void otel__tags_add_list(struct otel__tags *tags, otel_attrs attributes) {
    if (tags->list_count < sizeof tags->lists / sizeof *tags->lists)
        tags->lists[tags->list_count++] = attributes;
    rewind_walk(tags);
}

/* ---- the walk ---------------------------------------------------------------------------------------------------- */

static bool holds(otel_attrs list, otel_str key) {
    for (size_t i = 0; i < list.count; i++)
        if (otel__str_same(list.items[i].key, key))
            return true;
    return false;
}

/* Within a list keys are unique. */
static bool stronger_one_exists(const struct otel__tags *tags, otel_str key) {
    for (size_t i = 0; i < tags->list; i++)
        if (holds(tags->lists[i], key))
            return true;
    return false;
}

const otel_attr *otel__tags_previous(struct otel__tags *tags) {
    for (;;) {
        if (tags->index > 0) {
            const otel_attr *tag = &tags->lists[tags->list].items[--tags->index];
            if (!stronger_one_exists(tags, tag->key))
                return tag;
        } else if (tags->list > 0) {
            tags->index = tags->lists[--tags->list].count;
        } else {
            rewind_walk(tags);
            return NULL;
        }
    }
}
