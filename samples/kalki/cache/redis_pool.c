/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_pool.c - see redis_pool.h.
 */
#include "cache/redis_pool.h"

#include "service/moment.h"

#include <stdlib.h>

#define EXCHANGE_MS 250u /* connecting included */
#define PAUSE_FIRST_MS 100u
#define PAUSE_MAX_MS 2000u

void redis_pool_open(struct redis_pool *pool, char *host, char *port) {
    *pool = (struct redis_pool){ .host = host, .port = port };
    pthread_mutex_init(&pool->lock, NULL);
}

void redis_pool_close(struct redis_pool *pool) {
    while (pool->kept_count > 0)
        redis_connection_close(pool->kept[--pool->kept_count]);
    pthread_mutex_destroy(&pool->lock);
    free(pool->host);
    free(pool->port);
}

/* Whether to try now. After a failure one caller at a time finds out whether it still holds. */
static bool may_try(struct redis_pool *pool, bool insist) {
    uint64_t now = steady_ms();
    pthread_mutex_lock(&pool->lock);
    bool may = insist || pool->pause_ms == 0 || now >= pool->next_time_ms;
    if (may && pool->pause_ms > 0)
        pool->next_time_ms = now + EXCHANGE_MS;
    pthread_mutex_unlock(&pool->lock);
    return may;
}

static void went_wrong(struct redis_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    uint64_t longer = pool->pause_ms == 0 ? PAUSE_FIRST_MS : 2 * pool->pause_ms;
    pool->pause_ms = longer < PAUSE_MAX_MS ? longer : PAUSE_MAX_MS;
    pool->next_time_ms = steady_ms() + pool->pause_ms;
    pthread_mutex_unlock(&pool->lock);
}

static struct redis_connection *take_kept(struct redis_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    struct redis_connection *kept = pool->kept_count > 0 ? pool->kept[--pool->kept_count] : NULL;
    pthread_mutex_unlock(&pool->lock);
    return kept;
}

/* Redis may have been restarted, or have closed what was idle for too long for its taste. */
static struct redis_connection *take(struct redis_pool *pool, uint64_t deadline, const char **error) {
    struct redis_connection *kept;
    while ((kept = take_kept(pool)) != NULL) {
        if (redis_connection_is_quiet(kept))
            return kept;
        redis_connection_close(kept);
    }
    return redis_connection_open(pool->host, pool->port, deadline, error);
}

static void give_back(struct redis_pool *pool, struct redis_connection *connection) {
    pthread_mutex_lock(&pool->lock);
    pool->pause_ms = 0;
    bool keep = pool->kept_count < REDIS_POOL_KEPT;
    if (keep)
        pool->kept[pool->kept_count++] = connection;
    pthread_mutex_unlock(&pool->lock);
    if (!keep)
        redis_connection_close(connection);
}

const char *redis_pool_exchange(struct redis_pool *pool, const char *commands, size_t length, redisReply **replies,
                                size_t count, bool insist) {
    if (!may_try(pool, insist))
        return "unavailable";
    uint64_t deadline = steady_ms() + EXCHANGE_MS;
    const char *error = NULL;
    struct redis_connection *connection = take(pool, deadline, &error);
    if (connection) {
        error = redis_connection_exchange(connection, commands, length, replies, count, deadline);
        if (!error) {
            give_back(pool, connection);
            return NULL;
        }
        redis_connection_close(connection);
    }
    went_wrong(pool);
    return error;
}
