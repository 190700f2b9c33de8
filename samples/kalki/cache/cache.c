/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache.c - see cache.h: chooses the kind of cache, and measures what is done with it.
 */
#include "cache/cache.h"

#include "cache/cache_backend.h"
#include "service/measures.h"
#include "service/moment.h"

#include <otel/log.h>
#include <string.h>

#define REDIS_SCHEME "redis://"

OTEL_LOGGER(logger, "kalki.cache");

struct cache *cache_open(const char *url, struct text *why) {
    if (strcmp(url, "memory:") == 0)
        return cache_memory_open();
    if (strncmp(url, REDIS_SCHEME, strlen(REDIS_SCHEME)) == 0) {
#ifdef KALKI_WITH_REDIS
        return cache_redis_open(url + strlen(REDIS_SCHEME), why);
#else
        text_addf(why, "built without hiredis, and so without Redis");
        return NULL;
#endif
    }
    text_addf(why, "neither memory: nor redis://host:port");
    return NULL;
}

void cache_close(struct cache *cache) {
    if (cache)
        cache->backend->close(cache);
}

const char *cache_backend(const struct cache *cache) { return cache->backend->name; }

static void measure(const char *operation, enum measured_cache result, uint64_t began_ns) {
    double seconds = seconds_since(began_ns);
    measure_cache(operation, result, seconds);
    if (result != MEASURED_CACHE_ERROR)
        return;
    measure_error("cache");
    otel_log_error(logger, "the cache failed", OTEL_ATTR("operation", operation), OTEL_ATTR("error_type", "cache"),
                   OTEL_ATTR("duration_ms", seconds * 1e3));
}

static void measure_done(const char *operation, bool done, uint64_t began_ns) {
    measure(operation, done ? MEASURED_CACHE_WRITE : MEASURED_CACHE_ERROR, began_ns);
}

bool cache_get(struct cache *cache, struct cache_bytes key, struct text *value) {
    static const enum measured_cache measured[] = {
        [CACHE_FOUND] = MEASURED_CACHE_HIT, [CACHE_NOTHING] = MEASURED_CACHE_MISS, [CACHE_FAILED] = MEASURED_CACHE_ERROR
    };
    uint64_t began = steady_ns();
    enum cache_result result = cache->backend->get(cache, key, value);
    measure("GET", measured[result], began);
    return result == CACHE_FOUND;
}

void cache_set(struct cache *cache, struct cache_bytes key, struct cache_bytes value, unsigned seconds) {
    uint64_t began = steady_ns();
    measure_done("SET", cache->backend->set(cache, key, value, seconds), began);
}

void cache_delete(struct cache *cache, struct cache_bytes key) {
    uint64_t began = steady_ns();
    measure_done("DEL", cache->backend->remove(cache, key), began);
}

void cache_session_touch(struct cache *cache, const char *id, int64_t now_ms) {
    if (strlen(id) > CACHE_SESSION_ID_MAX)
        return;
    uint64_t began = steady_ns();
    measure_done("TOUCH SESSION", cache->backend->session_touch(cache, id, now_ms), began);
}

bool cache_session_list(struct cache *cache, int64_t now_ms, struct cache_session *sessions, size_t most,
                        size_t *count) {
    uint64_t began = steady_ns();
    *count = 0;
    bool done = cache->backend->session_list(cache, now_ms, sessions, most, count);
    measure_done("LIST SESSIONS", done, began);
    return done;
}

bool cache_session_count(struct cache *cache, int64_t now_ms, size_t *count) {
    return cache->backend->session_count(cache, now_ms, count);
}

bool cache_measure(struct cache *cache, struct cache_size *size) { return cache->backend->measure(cache, size); }

bool cache_ping(struct cache *cache) { return cache->backend->ping(cache); }
