/* SPDX-License-Identifier: Apache-2.0 */
/* fields.h - how propagators read the fields of a carrier, which may be hostile. */
#ifndef OTEL_PROPAGATORS_FIELDS_H
#define OTEL_PROPAGATORS_FIELDS_H

#include <otel/propagation.h>

#include "text.h"

/* No span context takes longer than this to write, in any format. */
enum { OTEL__FIELD_LONGEST = 1024 };

/* More fields of one name than this are not asked for. */
enum { OTEL__FIELDS_MOST = 64 };

/*
 * The `index`-th value of `key`, where `*value` is the one before; false past the last. A getter that gives one and the
 * same value for every index has one value.
 */
static inline bool otel__field_next(const otel_getter *getter, const void *carrier, const char *key, size_t index,
                                    otel_str *value) {
    const otel_str last = *value;
    *value = otel_strn(NULL, 0);
    return getter->get(carrier, key, index, value) &&
           (index == 0 || value->len == 0 || value->ptr != last.ptr || value->len != last.len);
}

/*
 * The first value of `key`, trimmed, where further ones are of no interest; false when there is none, and then
 * `*value` is empty and has no `ptr`. One that is too long is given as the empty text, which no format allows.
 */
static inline bool otel__field_first(const otel_getter *getter, const void *carrier, const char *key, otel_str *value) {
    *value = otel_strn(NULL, 0);
    if (!getter->get(carrier, key, 0, value)) {
        *value = otel_strn(NULL, 0);
        return false;
    }
    const bool usable = value->ptr != NULL && value->len <= OTEL__FIELD_LONGEST;
    *value = usable ? otel__trimmed(*value) : otel_cstr("");
    return true;
}

#endif
