/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text.h - a growing piece of text, such as the body of an answer, and how JSON is written into it.
 */
#ifndef KALKI_TEXT_H
#define KALKI_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/** No text grows beyond this, whoever sends it. */
#define TEXT_MAX ((size_t)2 << 20)

/** Zero-initialised: empty. A text that could not grow keeps what it has and says so in `failed`. */
struct text {
    char *bytes; /* NUL-terminated, NULL while empty */
    size_t length;
    size_t capacity;
    bool failed;
};

/** Appends `length` bytes; false when memory or the limit is exhausted. */
bool text_add(struct text *text, const char *bytes, size_t length);
/** Appends as printf does. */
bool text_addf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** Appends a JSON string with its quotes; every byte that is not part of valid UTF-8 becomes U+FFFD. */
bool text_add_json(struct text *text, const char *bytes, size_t length);
/** Empties the text. */
void text_free(struct text *text);

#endif
