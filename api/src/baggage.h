/* SPDX-License-Identifier: Apache-2.0 */
/* baggage.h - making baggage out of entries. */
#ifndef OTEL_API_BAGGAGE_H
#define OTEL_API_BAGGAGE_H

#include "values.h"

#include <otel/baggage.h>

/* One block of memory, and never changed once others see it: the entries, then their text. */
struct otel__baggage {
    struct otel__cell cell; /* first: contexts count it as one of their values */
    size_t count;
    char *text; /* where the next entry's text goes */
    otel_baggage_entry entries[];
};

#pragma GCC visibility push(hidden)
/* Empty, with room for entries whose strings have so many bytes in all; NULL: no memory. Owned. */
struct otel__baggage *otel__baggage_new(size_t entries, size_t bytes);
/* Copies an entry to the end, for which there must be room; gives the copy, whose strings may yet be shortened. */
otel_baggage_entry *otel__baggage_add(struct otel__baggage *block, const otel_baggage_entry *entry);
/* The baggage of `context` (NULL: the current context), borrowed; NULL: none. */
struct otel__baggage *otel__baggage_of(const otel_context *context);
/* `base` (NULL: the current context) with `made`, whose reference is taken over. */
otel_context otel__context_with_made(const otel_context *base, struct otel__baggage *made);
#pragma GCC visibility pop

#endif
