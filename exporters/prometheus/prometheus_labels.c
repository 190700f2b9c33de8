/* SPDX-License-Identifier: Apache-2.0 */
/* prometheus_labels.c - see prometheus_labels.h. */
#include "prometheus/prometheus_labels.h"

#include "base/str.h"
#include "common/value_text.h"
#include "prometheus/prometheus_name.h"

#include <stdlib.h>

void otel__labels_begin(struct otel__labels *labels) {
    labels->count = 0;
    labels->names.len = labels->text.len = 0;
}

static bool has_room(struct otel__labels *labels) {
    if (labels->count < labels->capacity)
        return true;
    const size_t capacity = labels->capacity > 0 ? 2 * labels->capacity : 16;
    struct otel__label *items = realloc(labels->items, capacity * sizeof *items);
    if (!items)
        return false;
    labels->items = items;
    labels->capacity = capacity;
    return true;
}

static otel_str name_of(const struct otel__labels *labels, const struct otel__label *label) {
    return otel_strn(labels->names.text + label->name, label->name_len);
}

static void write_name(struct otel__labels *labels, const char *prefix, otel_str key) {
    struct otel__line *names = &labels->names;
    const size_t from = names->len;
    otel__prometheus_label_name(names, prefix, key);
    if (!labels->reserved || names->cut ||
        !otel__str_same(otel_strn(names->text + from, names->len - from), otel_cstr(labels->reserved)))
        return;
    names->len = from;
    otel__line_add(names, "exported_");
    otel__line_add(names, labels->reserved);
}

void otel__labels_add(struct otel__labels *labels, const char *prefix, otel_str key, otel_value value) {
    if (labels->failed || !has_room(labels)) {
        labels->failed = true;
        return;
    }
    const size_t from = labels->names.len;
    write_name(labels, prefix, key);
    labels->items[labels->count] = (struct otel__label){ from, labels->names.len - from, value, labels->count };
    labels->count++;
    labels->failed = labels->names.cut;
}

void otel__labels_add_all(struct otel__labels *labels, const char *prefix, otel_attrs attributes) {
    for (size_t i = 0; i < attributes.count; i++)
        otel__labels_add(labels, prefix, attributes.items[i].key, attributes.items[i].value);
}

static int by_name(const void *one, const void *other, void *labels) {
    const struct otel__label *a = one, *b = other;
    const otel_str x = name_of(labels, a), y = name_of(labels, b);
    const int order = memcmp(x.ptr, y.ptr, x.len < y.len ? x.len : y.len);
    if (order != 0 || x.len != y.len)
        return order != 0 ? order : x.len < y.len ? -1 : 1;
    return a->order < b->order ? -1 : 1;
}

/* The values of the labels from `first` on that have its name, joined; returns where the next name begins. */
static size_t join_values(struct otel__labels *labels, size_t first) {
    size_t next = first;
    otel__line_clear(&labels->value);
    do {
        otel__line_add(&labels->value, next > first ? ";" : "");
        otel__value_text(&labels->value, &labels->items[next].value);
        next++;
    } while (next < labels->count &&
             otel__str_same(name_of(labels, &labels->items[next]), name_of(labels, &labels->items[first])));
    return next;
}

static void write_label(struct otel__labels *labels, const struct otel__label *label) {
    struct otel__page *text = &labels->text;
    if (labels->value.len == 0)
        return;
    otel__page_text(text, text->len > 0 ? "," : "");
    otel__page_str(text, name_of(labels, label));
    otel__page_text(text, "=\"");
    otel__page_escaped(text, otel_strn(labels->value.text, labels->value.len), "\"");
    otel__page_text(text, "\"");
}

otel_str otel__labels_text(struct otel__labels *labels) {
    labels->text.len = 0;
    if (labels->count > 1)
        qsort_r(labels->items, labels->count, sizeof *labels->items, by_name, labels);
    for (size_t i = 0; i < labels->count && !labels->failed;) {
        const size_t next = join_values(labels, i);
        write_label(labels, &labels->items[i]);
        labels->failed = labels->value.cut || labels->text.failed;
        i = next;
    }
    return otel_strn(labels->text.text, labels->text.len);
}

void otel__labels_free(struct otel__labels *labels) {
    free(labels->items);
    otel__line_free(&labels->names);
    otel__line_free(&labels->value);
    otel__page_free(&labels->text);
    *labels = (struct otel__labels){ 0 };
}
