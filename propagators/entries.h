/* SPDX-License-Identifier: Apache-2.0 */
/* entries.h - baggage as it is read from headers, whatever their format. */
#ifndef OTEL_PROPAGATORS_ENTRIES_H
#define OTEL_PROPAGATORS_ENTRIES_H

#include <otel/baggage.h>

enum { OTEL__ENTRIES_MOST = 64, OTEL__ENTRIES_BYTES = 8192 };

/* How values are written in the headers. */
enum otel__coding {
    OTEL__CODING_PERCENT, /* with escapes, checked */
    OTEL__CODING_FORM,    /* and with `+` for a space, as forms of web pages are sent */
    OTEL__CODING_NONE     /* as they are */
};

/* What is read, borrowed from the carrier, and not decoded yet. */
struct otel__entries {
    enum otel__coding coding;
    bool any_case;  /* names are names of headers: their case means nothing */
    bool lowercase; /* and is made lower */
    bool complete;  /* nothing was left out */
    size_t room;    /* bytes that may yet be read, with a separator behind each entry */
    size_t count;
    otel_baggage_entry items[OTEL__ENTRIES_MOST];
};

#pragma GCC visibility push(hidden)
/* Empty, for percent-coded values under names whose case counts. */
void otel__entries_clear(struct otel__entries *list);
/* The place for an entry of this name, of which the last one counts; NULL: no room. */
otel_baggage_entry *otel__entries_place(struct otel__entries *list, otel_str name);
/* `base` with the entries as its baggage; with its own when there are none. Tells what was left out. */
otel_context otel__entries_into(const otel_context *base, const struct otel__entries *list);
#pragma GCC visibility pop

#endif
