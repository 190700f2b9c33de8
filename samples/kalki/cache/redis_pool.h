/* SPDX-License-Identifier: Apache-2.0 */
/*
 * redis_pool.h - the connections to one Redis: those that nobody uses are kept, and after a failure nobody tries for a
 * while, so that a Redis which is down or stuck costs requests next to no time.
 *
 * From any thread; the lock is never held while anything is waited for. As many connections as threads may exist, of
 * which REDIS_POOL_KEPT stay open.
 */
#ifndef KALKI_REDIS_POOL_H
#define KALKI_REDIS_POOL_H

#include "cache/redis_connection.h"

#include <pthread.h>

#define REDIS_POOL_KEPT 16u

struct redis_pool {
    char *host, *port;
    pthread_mutex_t lock; /* guards what follows */
    struct redis_connection *kept[REDIS_POOL_KEPT];
    size_t kept_count;
    uint64_t pause_ms;     /* after the last failure; 0: it went well */
    uint64_t next_time_ms; /* before which nobody tries */
};

/** Takes over both strings, which come from malloc(). */
void redis_pool_open(struct redis_pool *pool, char *host, char *port);
void redis_pool_close(struct redis_pool *pool);

/** As redis_connection_exchange(), on any connection. `insist`: even while others do not try. */
const char *redis_pool_exchange(struct redis_pool *pool, const char *commands, size_t length, redisReply **replies,
                                size_t count, bool insist);

#endif
