/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cache_memory.c - the cache in this process: answers in one bounded map, sessions in another, under one lock, which is
 * held for as long as it takes to copy a value.
 */
#include "cache/cache_backend.h"
#include "cache/lru.h"
#include "service/moment.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define ANSWERS_MAX 10000u
#define ANSWERS_BYTES_MAX ((size_t)32 << 20)
#define SESSIONS_MAX 10000u
#define SESSIONS_BYTES_MAX ((size_t)4 << 20)
#define SESSION_MS ((uint64_t)CACHE_SESSION_SECONDS * 1000)

struct memory_cache {
    struct cache base;
    pthread_mutex_t lock; /* guards what follows */
    struct lru *answers;  /* by the steady clock */
    struct lru *sessions; /* by the clock on the wall, which callers read; values are struct seen */
};

struct seen {
    uint64_t requests;
    int64_t last_ms;
};

static struct memory_cache *lock(struct cache *cache) {
    struct memory_cache *memory = (struct memory_cache *)cache;
    pthread_mutex_lock(&memory->lock);
    return memory;
}

static void unlock(struct memory_cache *memory) { pthread_mutex_unlock(&memory->lock); }

/* ---- answers ---- */

static enum cache_result get(struct cache *cache, struct cache_bytes key, struct text *value) {
    struct memory_cache *memory = lock(cache);
    struct lru_bytes found;
    bool hit = lru_get(memory->answers, (struct lru_bytes){ key.bytes, key.length }, steady_ms(), &found);
    bool whole = hit && text_add(value, found.bytes, found.length);
    unlock(memory);
    return whole ? CACHE_FOUND : hit ? CACHE_FAILED : CACHE_NOTHING;
}

static bool set(struct cache *cache, struct cache_bytes key, struct cache_bytes value, unsigned seconds) {
    struct memory_cache *memory = lock(cache);
    bool done = lru_set(memory->answers, (struct lru_bytes){ key.bytes, key.length },
                        (struct lru_bytes){ value.bytes, value.length }, steady_ms() + (uint64_t)seconds * 1000);
    unlock(memory);
    return done;
}

static bool remove_one(struct cache *cache, struct cache_bytes key) {
    struct memory_cache *memory = lock(cache);
    lru_delete(memory->answers, (struct lru_bytes){ key.bytes, key.length });
    unlock(memory);
    return true;
}

/* ---- sessions ---- */

static bool session_touch(struct cache *cache, const char *id, int64_t now_ms) {
    struct memory_cache *memory = lock(cache);
    struct lru_bytes key = { id, strlen(id) }, found;
    struct seen seen = { 0, 0 };
    if (lru_get(memory->sessions, key, (uint64_t)now_ms, &found))
        memcpy(&seen, found.bytes, sizeof seen);
    seen.requests++;
    seen.last_ms = now_ms;
    bool done = lru_set(memory->sessions, key, (struct lru_bytes){ &seen, sizeof seen }, (uint64_t)now_ms + SESSION_MS);
    unlock(memory);
    return done;
}

struct listing {
    struct cache_session *sessions;
    size_t most, count;
};

static bool list_one(void *data, struct lru_bytes key, struct lru_bytes value) {
    struct listing *listing = data;
    struct seen seen;
    if (listing->count == listing->most)
        return false;
    struct cache_session *session = &listing->sessions[listing->count++];
    memcpy(&seen, value.bytes, sizeof seen);
    memcpy(session->id, key.bytes, key.length);
    session->id[key.length] = '\0';
    session->requests = seen.requests;
    session->last_seen_ms = seen.last_ms;
    return true;
}

static bool session_list(struct cache *cache, int64_t now_ms, struct cache_session *sessions, size_t most,
                         size_t *count) {
    struct memory_cache *memory = lock(cache);
    struct listing listing = { sessions, most, 0 };
    lru_expire(memory->sessions, (uint64_t)now_ms);
    lru_each(memory->sessions, list_one, &listing);
    unlock(memory);
    *count = listing.count;
    return true;
}

static bool session_count(struct cache *cache, int64_t now_ms, size_t *count) {
    struct memory_cache *memory = lock(cache);
    lru_expire(memory->sessions, (uint64_t)now_ms);
    *count = lru_entries(memory->sessions);
    unlock(memory);
    return true;
}

/* ---- the whole ---- */

static bool measure(struct cache *cache, struct cache_size *size) {
    struct memory_cache *memory = lock(cache);
    lru_expire(memory->answers, steady_ms());
    size->bytes = lru_bytes(memory->answers) + lru_bytes(memory->sessions);
    size->entries = lru_entries(memory->answers) + lru_entries(memory->sessions);
    unlock(memory);
    return true;
}

static bool ping(struct cache *cache) {
    (void)cache;
    return true;
}

static void close_memory(struct cache *cache) {
    struct memory_cache *memory = (struct memory_cache *)cache;
    lru_free(memory->answers);
    lru_free(memory->sessions);
    pthread_mutex_destroy(&memory->lock);
    free(memory);
}

static const struct cache_backend memory_backend = {
    .name = "memory",
    .get = get,
    .set = set,
    .remove = remove_one,
    .session_touch = session_touch,
    .session_list = session_list,
    .session_count = session_count,
    .measure = measure,
    .ping = ping,
    .close = close_memory,
};

struct cache *cache_memory_open(void) {
    struct memory_cache *memory = calloc(1, sizeof *memory);
    if (!memory)
        return NULL;
    memory->base.backend = &memory_backend;
    pthread_mutex_init(&memory->lock, NULL);
    memory->answers = lru_new(ANSWERS_MAX, ANSWERS_BYTES_MAX);
    memory->sessions = lru_new(SESSIONS_MAX, SESSIONS_BYTES_MAX);
    if (!memory->answers || !memory->sessions) {
        close_memory(&memory->base);
        return NULL;
    }
    return &memory->base;
}
