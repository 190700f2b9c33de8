/* SPDX-License-Identifier: Apache-2.0 */
/* tracestate.h - lists of members, read from one or several header fields. */
#ifndef OTEL_API_TRACESTATE_H
#define OTEL_API_TRACESTATE_H

#include "tracestate_table.h"

/* Headers longer than this, all fields taken together, are refused unread: a valid list needs half of it. */
enum { OTEL__TRACESTATE_MEMBERS = 32, OTEL__TRACESTATE_INPUT = 32768 };

struct otel__member {
    otel_str key;
    otel_str value;
};

/* Members in order, without duplicate keys. The strings are borrowed. Zero-initialised: empty. */
struct otel__members {
    size_t count;
    size_t seen;  /* as they came, duplicates included */
    size_t bytes; /* of the fields read */
    struct otel__member items[OTEL__TRACESTATE_MEMBERS];
};

#pragma GCC visibility push(hidden)
/*
 * Appends the members of one field. False when the field, or the list that it makes, breaks the rules, or when another
 * field did before: the tracestate is then void as a whole.
 */
bool otel__members_read(struct otel__members *list, otel_str field);
/* A strong reference to the text of the list; 0 when it is empty or there is no room. */
uint64_t otel__members_store(const struct otel__members *list);
#pragma GCC visibility pop

#endif
