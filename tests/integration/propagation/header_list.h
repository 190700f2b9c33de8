/* SPDX-License-Identifier: Apache-2.0 */
/* header_list.h - a carrier for one injection: headers in the order in which they were set, each fit for HTTP. */
#ifndef HEADER_LIST_H
#define HEADER_LIST_H

#include <otel/propagation.h>

enum { HEADER_LIST_MOST = 16, HEADER_LIST_BYTES = 65536 };

struct header_list {
    size_t count;
    size_t used;
    bool proper; /* all are fit for HTTP, and there was room for them */
    struct {
        otel_str name, value;
    } fields[HEADER_LIST_MOST];
    char text[HEADER_LIST_BYTES]; /* the fields point here */
};

extern const otel_getter header_list_getter;
extern const otel_setter header_list_setter;

/* Before the first use too. */
void header_list_clear(struct header_list *list);
/* Writes the names in capitals. */
void header_list_shout(struct header_list *list);
bool header_list_equal(const struct header_list *a, const struct header_list *b);

/* What names of headers are made of. */
bool header_list_is_token(otel_str text);
/* What values of headers are made of. */
bool header_list_is_value(otel_str text);

#endif
