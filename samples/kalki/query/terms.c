/* SPDX-License-Identifier: Apache-2.0 */
/*
 * terms.c - see terms.h.
 */
#include "query/terms.h"

#include <string.h>

/* ASCII letters and digits, and every byte of other scripts. The locale has no say in what is found. */
static bool in_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c & 0x80) != 0;
}

static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c; }

static void set_text(struct term *term, const char *word, size_t length) {
    if (length > TERM_LENGTH_MAX) {
        length = TERM_LENGTH_MAX;
        while (length > 0 && (word[length] & 0xC0) == 0x80) /* don't cut a character in two */
            length--;
    }
    for (size_t i = 0; i < length; i++)
        term->text[i] = lower(word[i]);
    term->text[length] = '\0';
    term->length = length;
}

bool term_next(const char **cursor, const char *end, struct term *term) {
    const char *p = *cursor;
    while (p < end && !in_word(*p))
        p++;
    const char *word = p;
    while (p < end && in_word(*p))
        p++;
    *cursor = p;
    if (p == word)
        return false;
    set_text(term, word, (size_t)(p - word));
    term->prefix = p < end && *p == '*';
    return true;
}

bool term_is_stop_word(const struct term *term) {
    static const char *const words[] = { "a",  "an", "and", "as", "at", "be",   "by",   "for", "from", "in", "is",
                                         "it", "of", "on",  "or", "so", "than", "that", "the", "then", "to", "with" };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (strcmp(term->text, words[i]) == 0)
            return !term->prefix;
    }
    return false;
}
