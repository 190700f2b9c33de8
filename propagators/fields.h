/* SPDX-License-Identifier: Apache-2.0 */
/* fields.h - how propagators read the fields of a carrier, which may be hostile. */
#ifndef OTEL_PROPAGATORS_FIELDS_H
#define OTEL_PROPAGATORS_FIELDS_H

#include <otel/propagation.h>

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

#endif
