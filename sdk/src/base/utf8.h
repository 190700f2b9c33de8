/* SPDX-License-Identifier: Apache-2.0 */
/*
 * utf8.h - checking and repairing UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF; NUL is
 * allowed).
 */
#ifndef OTEL_SDK_UTF8_H
#define OTEL_SDK_UTF8_H

#include "utf8_char.h"

bool otel__utf8_valid(const char *text, size_t len);
/* The bytes of the first `characters` characters; a bad byte counts as one. */
size_t otel__utf8_prefix(const char *text, size_t len, size_t characters);
/*
 * Copies `in`, each bad byte replaced by U+FFFD, and returns the length of the whole result, which is at most 3 *
 * len. Writes the leading characters that fit into `cap` bytes, without a NUL. `out` may be NULL when `cap` is 0.
 */
size_t otel__utf8_repair(const char *in, size_t len, char *out, size_t cap);

#endif
