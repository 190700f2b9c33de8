/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attribute_set.h - the attributes of a measurement as they name a series: those that a view keeps, each key once, sorted
 * by key. Nothing is copied: a set points to what it was made of.
 */
#ifndef OTEL_SDK_METRICS_ATTRIBUTE_SET_H
#define OTEL_SDK_METRICS_ATTRIBUTE_SET_H

#include "metrics/view.h"

/* What is more than this is left out. */
enum { OTEL__SET_MAX = 128 };

struct otel__set {
    const otel_attr *items[OTEL__SET_MAX];
    size_t count;
    uint64_t hash;
    bool plain;   /* of types whose copies are the same as they are themselves, text apart that is not UTF-8 */
    bool reduced; /* the view took some of them away */
    bool cut;     /* there were too many */
};

/* `view` NULL: all are kept. */
void otel__set_make(struct otel__set *set, otel_attrs attributes, const struct otel__view *view);
/* Whether `sorted`, a copy that is sorted by key, has the same. Only for sets that are plain. */
bool otel__set_equals(const struct otel__set *set, otel_attrs sorted);
/* How many of them may be looked at, and whether this one has a key that can be. */
size_t otel__set_given(otel_attrs attributes);
bool otel__set_takes(const otel_attr *attribute);
/* In the order of sets. */
int otel__key_compare(otel_str a, otel_str b);
void otel__set_seed(uint64_t value);

#endif
