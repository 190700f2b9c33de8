/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terms.h - cutting text into the terms that are indexed and searched.
 */
#ifndef KALKI_TERMS_H
#define KALKI_TERMS_H

#include <stdbool.h>
#include <stddef.h>

#define TERM_LENGTH_MAX 31
/** So many words of a query are looked at; what follows is ignored. */
#define QUERY_TERMS_MAX 16

struct term {
    char text[TERM_LENGTH_MAX + 1]; /* lower case, cut to its size */
    size_t length;
    bool prefix; /* written "term*": every term that begins so */
};

/** Takes the next term off the front of the text between `*cursor` and `end`; false when there is none left. */
bool term_next(const char **cursor, const char *end, struct term *term);

/** A word too common to be worth a search. */
bool term_is_stop_word(const struct term *term);

/** What a query asks for. */
struct query_terms {
    struct term items[QUERY_TERMS_MAX];
    size_t count;
};

#endif
