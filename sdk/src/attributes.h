/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attributes.h - lists of attributes inside a record: setting with de-duplication, limits, and the repair of bad text.
 * All functions run under the record's lock.
 */
#ifndef OTEL_SDK_ATTRIBUTES_H
#define OTEL_SDK_ATTRIBUTES_H

#include "span_limits.h"
#include "record.h"

/*
 * Sets `key`; a value under the same key is replaced. False when the attribute was dropped
 * (empty or monstrous key, unknown type, limit, memory), which the list's count of drops shows.
 */
bool otel__attrs_set(struct otel__record *record, struct otel__attrs *attrs, otel_str key, const otel_value *value);

/*
 * Sets a whole list, the caller's. `items` NULL is empty whatever the count. Returns how many were dropped; a list of
 * more than OTEL__LIST_MAX counts as one.
 */
uint32_t otel__attrs_set_all(struct otel__record *record, struct otel__attrs *attrs, otel_attrs list);

/* Adds those whose keys are not there yet; of a key that the list repeats the last. Else as otel__attrs_set_all(). */
uint32_t otel__attrs_add_all(struct otel__record *record, struct otel__attrs *attrs, otel_attrs list);

/* Whether the list has an attribute of this key, which is ASCII. */
bool otel__attrs_has(const struct otel__attrs *attrs, const char *key);

/* A copy of `text` as valid UTF-8 (each bad byte becomes U+FFFD); NULL when there is no room. */
struct otel__text *otel__record_text(struct otel__record *record, otel_str text);

static inline otel_str otel__text_str(const struct otel__text *text) {
    return text ? otel_strn(text->bytes, text->len) : otel_strn(NULL, 0);
}

#endif
