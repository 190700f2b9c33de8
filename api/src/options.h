/* SPDX-License-Identifier: Apache-2.0 */
/*
 * options.h - option structs and function tables that callers compiled against an older or a newer header.
 *
 * Each such struct opens with `size_t size`, the sizeof its caller knew. Members beyond it count as zero. A size of 0
 * was forgotten: then the struct is taken to be of this version.
 */
#ifndef OTEL_API_OPTIONS_H
#define OTEL_API_OPTIONS_H

#include <stddef.h>
#include <string.h>

/*
 * `given` itself when it is `full` bytes long, otherwise `copy` (of `full` bytes) filled with what the caller knew of
 * it. In words: every version of such a struct is a whole number of them, and half a pointer would lead anywhere.
 */
static inline const void *otel__options_fit(const void *given, size_t full, void *copy) {
    size_t size = *(const size_t *)given;
    if (__builtin_expect(size == full, 1)) {
        return given;
    }
    memset(copy, 0, full);
    memcpy(copy, given, size != 0 && size < full ? size / sizeof size * sizeof size : full);
    *(size_t *)copy = full;
    return copy;
}

/* No list that is meant is longer: a larger count is a mistake, and nothing of the list must be read. */
enum { OTEL__LIST_MAX = 65536 };

/* Whether the function table has this function. */
#define OTEL__HAS(table, function)                                                                                     \
    (((table)->size == 0 || (table)->size >= offsetof(__typeof__(*(table)), function) + sizeof((table)->function)) &&  \
     (table)->function)

#endif
