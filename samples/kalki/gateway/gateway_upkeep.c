/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway_upkeep.c - see gateway_upkeep.h.
 */
#include "gateway/gateway_upkeep.h"

#include "service/measures.h"
#include "service/moment.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#define PERIOD_SECONDS 5

struct upkeep {
    struct cache *cache;
    pthread_t thread;
    pthread_mutex_t lock; /* guards `stopping` */
    pthread_cond_t wake;
    bool stopping;
};

static void look(struct cache *cache) {
    struct cache_size size;
    size_t sessions = 0;
    if (cache_measure(cache, &size))
        measure_cache_size(size.bytes, size.entries);
    if (cache_session_count(cache, wall_ms(), &sessions))
        measure_sessions_active(sessions);
}

/* Returns whether to go on. */
static bool wait_a_period(struct upkeep *upkeep) {
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += PERIOD_SECONDS;
    pthread_mutex_lock(&upkeep->lock);
    while (!upkeep->stopping && pthread_cond_timedwait(&upkeep->wake, &upkeep->lock, &until) != ETIMEDOUT)
        continue;
    bool go_on = !upkeep->stopping;
    pthread_mutex_unlock(&upkeep->lock);
    return go_on;
}

static void *keep_up(void *data) {
    struct upkeep *upkeep = data;
    do
        look(upkeep->cache);
    while (wait_a_period(upkeep));
    return NULL;
}

static void free_upkeep(struct upkeep *upkeep) {
    pthread_cond_destroy(&upkeep->wake);
    pthread_mutex_destroy(&upkeep->lock);
    free(upkeep);
}

struct upkeep *upkeep_start(struct cache *cache) {
    struct upkeep *upkeep = calloc(1, sizeof *upkeep);
    pthread_condattr_t steady;
    if (!upkeep)
        return NULL;
    upkeep->cache = cache;
    pthread_condattr_init(&steady);
    pthread_condattr_setclock(&steady, CLOCK_MONOTONIC);
    pthread_mutex_init(&upkeep->lock, NULL);
    pthread_cond_init(&upkeep->wake, &steady);
    pthread_condattr_destroy(&steady);
    if (pthread_create(&upkeep->thread, NULL, keep_up, upkeep) == 0)
        return upkeep;
    free_upkeep(upkeep);
    return NULL;
}

void upkeep_stop(struct upkeep *upkeep) {
    if (!upkeep)
        return;
    pthread_mutex_lock(&upkeep->lock);
    upkeep->stopping = true;
    pthread_cond_signal(&upkeep->wake);
    pthread_mutex_unlock(&upkeep->lock);
    pthread_join(upkeep->thread, NULL);
    free_upkeep(upkeep);
}
