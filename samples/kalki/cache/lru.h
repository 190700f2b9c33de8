/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lru.h - a bounded map from bytes to bytes that forgets what was used longest ago, and what has expired.
 *
 * Not for several threads at once: its owner has the lock. Times are milliseconds of any clock that never goes back.
 */
#ifndef KALKI_LRU_H
#define KALKI_LRU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct lru;

/** Borrowed bytes. */
struct lru_bytes {
    const void *bytes;
    size_t length;
};

/** NULL: out of memory. */
struct lru *lru_new(size_t entries_max, size_t bytes_max);
void lru_free(struct lru *lru);

/** What is stored under the key and has not expired, valid until the next call; makes it the one used last. */
bool lru_get(struct lru *lru, struct lru_bytes key, uint64_t now, struct lru_bytes *value);
/** Replaces what is there. False when it is larger than everything may be together, or memory is short. */
bool lru_set(struct lru *lru, struct lru_bytes key, struct lru_bytes value, uint64_t expires);
void lru_delete(struct lru *lru, struct lru_bytes key);
/** Drops all that has expired. */
void lru_expire(struct lru *lru, uint64_t now);

size_t lru_entries(const struct lru *lru);
/** Keys, values and what it takes to keep them. */
size_t lru_bytes(const struct lru *lru);
/** Shows entries, the one used last first, until `visit` returns false. */
void lru_each(const struct lru *lru, bool (*visit)(void *data, struct lru_bytes key, struct lru_bytes value),
              void *data);

#endif
