/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache.h - what the gateway remembers for a while: answers, and who has been asking. In this process or in Redis.
 *
 * From any thread. A call is bounded in time and never the reason for which a request fails: where the cache cannot be
 * reached, nothing is found and nothing kept, which is measured as an error.
 */
#ifndef KALKI_CACHE_H
#define KALKI_CACHE_H

#include "service/text.h"

#include <stdint.h>

/** After so long without a request a session is over. */
#define CACHE_SESSION_SECONDS (30 * 60)
/** Longer names are not kept. */
#define CACHE_SESSION_ID_MAX 128

struct cache;

/** Borrowed bytes. */
struct cache_bytes {
    const char *bytes;
    size_t length;
};

/** `memory:` or `redis://host:port`; NULL, with the reason in `why`, when it is neither. Redis may be down meanwhile. */
struct cache *cache_open(const char *url, struct text *why);
/** After the last call of another thread. */
void cache_close(struct cache *cache);
/** "memory" or "redis". */
const char *cache_backend(const struct cache *cache);

/** Appends what is kept under the key to `value`; false when there is nothing. */
bool cache_get(struct cache *cache, struct cache_bytes key, struct text *value);
void cache_set(struct cache *cache, struct cache_bytes key, struct cache_bytes value, unsigned seconds);
void cache_delete(struct cache *cache, struct cache_bytes key);

struct cache_session {
    char id[CACHE_SESSION_ID_MAX + 1];
    uint64_t requests;
    int64_t last_seen_ms; /* since 1970 */
};

/** A request of the session has come. */
void cache_session_touch(struct cache *cache, const char *id, int64_t now_ms);
/**
 * Writes the sessions that are not over, the one that was seen last first; at most `most`. False: the cache cannot be
 * reached, and these are only those that this process has seen.
 */
bool cache_session_list(struct cache *cache, int64_t now_ms, struct cache_session *sessions, size_t most,
                        size_t *count);

/* What looks at the cache from the side: never traced, since nobody's request makes these calls. */

bool cache_session_count(struct cache *cache, int64_t now_ms, size_t *count);
struct cache_size {
    uint64_t bytes, entries;
};
/** False: not reachable. */
bool cache_measure(struct cache *cache, struct cache_size *size);
/** Whether it answers. Tries even where others would not, because of recent failures. */
bool cache_ping(struct cache *cache);

#endif
