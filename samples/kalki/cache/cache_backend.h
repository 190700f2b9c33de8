/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache_backend.h - what a kind of cache provides for cache.c, which measures the calls.
 */
#ifndef KALKI_CACHE_BACKEND_H
#define KALKI_CACHE_BACKEND_H

#include "cache/cache.h"

enum cache_result { CACHE_FOUND, CACHE_NOTHING, CACHE_FAILED };

struct cache_backend {
    const char *name;
    enum cache_result (*get)(struct cache *cache, struct cache_bytes key, struct text *value);
    bool (*set)(struct cache *cache, struct cache_bytes key, struct cache_bytes value, unsigned seconds);
    bool (*remove)(struct cache *cache, struct cache_bytes key);
    bool (*session_touch)(struct cache *cache, const char *id, int64_t now_ms);
    bool (*session_list)(struct cache *cache, int64_t now_ms, struct cache_session *sessions, size_t most,
                         size_t *count);
    bool (*session_count)(struct cache *cache, int64_t now_ms, size_t *count);
    bool (*measure)(struct cache *cache, struct cache_size *size);
    bool (*ping)(struct cache *cache);
    void (*close)(struct cache *cache);
};

/** The first member of each kind's own struct. */
struct cache {
    const struct cache_backend *backend;
};

/** NULL: out of memory. */
struct cache *cache_memory_open(void);
/** `place` is the URL without its scheme; NULL, with the reason in `why`, when it is not host:port. */
struct cache *cache_redis_open(const char *place, struct text *why);

#endif
