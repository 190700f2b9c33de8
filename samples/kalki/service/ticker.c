/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ticker.c - see ticker.h.
 */
#include "service/ticker.h"

#include "service/moment.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct ticker {
    long period_ms;
    void (*tick)(void *data);
    void *data;
    pthread_t thread;
    pthread_mutex_t lock; /* guards `stopping` */
    pthread_cond_t wake;
    bool stopping;
};

/* Returns whether to go on. */
static bool wait_a_period(struct ticker *ticker) {
    struct timespec until = moment_in(ticker->period_ms);
    pthread_mutex_lock(&ticker->lock);
    while (!ticker->stopping && pthread_cond_timedwait(&ticker->wake, &ticker->lock, &until) != ETIMEDOUT)
        continue;
    bool go_on = !ticker->stopping;
    pthread_mutex_unlock(&ticker->lock);
    return go_on;
}

static void *run(void *data) {
    struct ticker *ticker = data;
    do
        ticker->tick(ticker->data);
    while (wait_a_period(ticker));
    return NULL;
}

static void free_ticker(struct ticker *ticker) {
    pthread_cond_destroy(&ticker->wake);
    pthread_mutex_destroy(&ticker->lock);
    free(ticker);
}

struct ticker *ticker_start(long period_ms, void (*tick)(void *data), void *data) {
    struct ticker *ticker = calloc(1, sizeof *ticker);
    if (!ticker)
        return NULL;
    ticker->period_ms = period_ms;
    ticker->tick = tick;
    ticker->data = data;
    pthread_mutex_init(&ticker->lock, NULL);
    moment_condition(&ticker->wake);
    if (pthread_create(&ticker->thread, NULL, run, ticker) == 0)
        return ticker;
    free_ticker(ticker);
    return NULL;
}

void ticker_stop(struct ticker *ticker) {
    if (!ticker)
        return;
    pthread_mutex_lock(&ticker->lock);
    ticker->stopping = true;
    pthread_cond_signal(&ticker->wake);
    pthread_mutex_unlock(&ticker->lock);
    pthread_join(ticker->thread, NULL);
    free_ticker(ticker);
}
