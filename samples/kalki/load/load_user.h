/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_user.h - what one user of the load does: asks, waits for the answer, thinks, asks something else.
 *
 * A user who waits asks nothing else meanwhile, as people do; so a slow service gets fewer requests, and what is
 * measured is what these users see.
 */
#ifndef KALKI_LOAD_USER_H
#define KALKI_LOAD_USER_H

#include "load/load_samples.h"

#include <pthread.h>
#include <stdatomic.h>

/** What all users have in common. */
struct load_plan {
    const char *url;
    long users;
    long seconds;
    long requests; /* of all users together; 0: as many as there is time for */
    long think_ms; /* from half of it to one and a half, in the middle as long as this */
    long batch;    /* documents in a POST */
    long seed;
    unsigned mix[LOAD_ENDPOINTS]; /* weights */
    uint64_t began_ns;
    atomic_ulong asked;
    atomic_ulong ingested; /* documents that were taken */
    atomic_bool ended;     /* before its time */
};

struct load_user {
    struct load_plan *plan;
    long number;
    pthread_t thread;
    struct load_samples samples;
};

/** Reads "search=60,ingest=10"; what is not named has the weight 0. False when it is not one. */
bool load_mix_read(const char *text, unsigned mix[LOAD_ENDPOINTS]);

/** The thread of a struct load_user. */
void *load_user_run(void *data);

#endif
