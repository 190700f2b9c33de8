/* SPDX-License-Identifier: Apache-2.0 */
/* view.c - see view.h. */
#include "metrics/view.h"

#include "options.h"
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BOUNDS_MAX = 1024, VIEWS_MAX = 1024, KEYS_MAX = 1024 };

/* ---- checking ----------------------------------------------------------------------------------------------------- */

bool otel__bounds_valid(const double *bounds, size_t count) {
    if (count > BOUNDS_MAX || (count && !bounds))
        return false;
    for (size_t i = 0; i < count; i++)
        if (!isfinite(bounds[i]) || (i && bounds[i] <= bounds[i - 1]))
            return false;
    return true;
}

static const char *fault_of(const otel_view *view) {
    if (view->name && (!view->instrument || strpbrk(view->instrument, "*?")))
        return "gives one name to what may be several instruments";
    if (!otel__bounds_valid(view->bounds, view->bounds ? view->bound_count : 0))
        return "has bounds that do not rise, or too many";
    if (view->attribute_key_count > KEYS_MAX || view->excluded_key_count > KEYS_MAX)
        return "has more keys than can be meant";
    return NULL;
}

static otel_status check(const otel_views *views, otel_error *error) {
    if ((views->count && !views->items) || views->count > VIEWS_MAX) {
        snprintf(error->text, sizeof error->text, "%zu views cannot be meant", views->count);
        return OTEL_ERR_CONFIG;
    }
    for (size_t i = 0; i < views->count; i++) {
        const char *fault = fault_of(&views->items[i]);
        if (fault) {
            snprintf(error->text, sizeof error->text, "view %zu of %zu %s", i + 1, views->count, fault);
            return OTEL_ERR_CONFIG;
        }
    }
    return OTEL_OK;
}

/* ---- copying ------------------------------------------------------------------------------------------------------ */

static size_t text_size(const char *text) { return text ? strlen(text) + 1 : 0; }

static const char *copy_text(const char *text, char **room) {
    if (!text)
        return NULL;
    const char *copy = memcpy(*room, text, strlen(text) + 1);
    *room += strlen(text) + 1;
    return copy;
}

static size_t keys_size(const char *const *keys, size_t count) {
    size_t size = 0;
    for (size_t i = 0; keys && i < count; i++)
        size += sizeof *keys + text_size(keys[i]);
    return size;
}

/* The pointers lie at `*lists`, the text at `*room`. An empty list stays one that is not NULL. */
static const char *const *copy_keys(const char *const *keys, size_t count, char **lists, char **room) {
    if (!keys)
        return NULL;
    const char **copy = (const char **)(void *)*lists;
    for (size_t i = 0; i < count; i++)
        copy[i] = copy_text(keys[i], room);
    *lists += count * sizeof *copy;
    return copy;
}

static size_t lists_size(const otel_view *view) {
    return (view->attribute_keys ? view->attribute_key_count : 0) * sizeof(char *) +
           (view->excluded_keys ? view->excluded_key_count : 0) * sizeof(char *) +
           (view->bounds ? view->bound_count : 0) * sizeof(double);
}

static size_t all_text_size(const otel_view *view) {
    return text_size(view->instrument) + text_size(view->unit) + text_size(view->meter_name) +
           text_size(view->meter_version) + text_size(view->meter_schema_url) + text_size(view->name) +
           text_size(view->description) + keys_size(view->attribute_keys, view->attribute_key_count) +
           keys_size(view->excluded_keys, view->excluded_key_count);
}

static struct otel__view *copy_view(const otel_view *from) {
    struct otel__view *view = calloc(1, sizeof *view + lists_size(from) + all_text_size(from));
    if (!view)
        return NULL;
    char *lists = (char *)(view + 1), *room = lists + lists_size(from);
    otel_view *is = &view->is;
    *is = *from;
    if (from->bounds) {
        is->bounds = memcpy(lists, from->bounds, from->bound_count * sizeof *is->bounds);
        lists += from->bound_count * sizeof *is->bounds;
    }
    is->attribute_keys = copy_keys(from->attribute_keys, from->attribute_key_count, &lists, &room);
    is->excluded_keys = copy_keys(from->excluded_keys, from->excluded_key_count, &lists, &room);
    is->instrument = copy_text(from->instrument, &room);
    is->unit = copy_text(from->unit, &room);
    is->meter_name = copy_text(from->meter_name, &room);
    is->meter_version = copy_text(from->meter_version, &room);
    is->meter_schema_url = copy_text(from->meter_schema_url, &room);
    is->name = copy_text(from->name, &room);
    is->description = copy_text(from->description, &room);
    return view;
}

otel_status otel__views_copy(const otel_views *views, struct otel__view **out, otel_error *error) {
    struct otel__view **end = out;
    *out = NULL;
    const otel_status status = check(views, error);
    for (size_t i = 0; status == OTEL_OK && i < views->count; i++) {
        *end = copy_view(&views->items[i]);
        if (!*end) {
            otel__views_free(*out);
            *out = NULL;
            return OTEL_ERR_MEMORY;
        }
        end = &(*end)->next;
    }
    return status;
}

void otel__views_free(struct otel__view *views) {
    while (views) {
        struct otel__view *next = views->next;
        free(views);
        views = next;
    }
}

/* ---- selecting ---------------------------------------------------------------------------------------------------- */

/* Goes back to the last star only, which is enough: what an earlier one took can be taken by the last as well. */
bool otel__wildcard_matches(otel_str pattern, otel_str name) {
    size_t p = 0, n = 0, star = SIZE_MAX, resume = 0;
    while (n < name.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            resume = n;
        } else if (p < pattern.len &&
                   (pattern.ptr[p] == '?' || otel__lower(pattern.ptr[p]) == otel__lower(name.ptr[n]))) {
            p++;
            n++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            n = ++resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

static bool is(const char *wanted, otel_str text) { return !wanted || otel__same_text(otel_cstr(wanted), text); }

bool otel__view_selects(const struct otel__view *view, const otel_instrument *instrument,
                        const otel_scope_data *scope) {
    const otel_view *wanted = &view->is;
    return (!wanted->instrument ||
            otel__wildcard_matches(otel_cstr(wanted->instrument), otel_cstr(instrument->name))) &&
           is(wanted->unit, otel_cstr(instrument->unit)) && is(wanted->meter_name, scope->name) &&
           is(wanted->meter_version, scope->version) && is(wanted->meter_schema_url, scope->schema_url) &&
           (wanted->kinds == 0 || (wanted->kinds >> instrument->kind & 1));
}

static bool has_key(const char *const *keys, size_t count, otel_str key) {
    for (size_t i = 0; i < count; i++)
        if (otel__same_text(otel_cstr(keys[i]), key))
            return true;
    return false;
}

bool otel__view_keeps(const struct otel__view *view, otel_str key) {
    if (!view)
        return true;
    const otel_view *is_ = &view->is;
    return (!is_->attribute_keys || has_key(is_->attribute_keys, is_->attribute_key_count, key)) &&
           (!is_->excluded_keys || !has_key(is_->excluded_keys, is_->excluded_key_count, key));
}
