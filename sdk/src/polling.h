/* SPDX-License-Identifier: Apache-2.0 */
/*
 * polling.h - who fetches the strategies of remote samplers.
 *
 * DESIGN. The worker of the first processor that has one does it between exports, in steps that wait for nothing: it
 * sleeps no longer than until the next step is due, so that a server which does not answer holds up nobody. Where no
 * processor has a worker (simple ones that export on the ending thread, custom ones, none at all), a thread does that and
 * nothing else; while it lives it is one of the SDK's users, as lifecycle.c calls them, so that nothing is freed under it.
 *
 * Fetching begins with the SDK, or, where a process that has fetched may not fork (gRPC core), with the first span that is
 * to be sampled. What says that it has begun lies in memory that a fork wipes: in a child, the first span to be sampled
 * begins it anew.
 */
#ifndef OTEL_SDK_POLLING_H
#define OTEL_SDK_POLLING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct otel__provider;
typedef struct otel_sampler otel_sampler;

struct otel__polling {
    _Atomic uint32_t begun;  /* somebody polls, or nobody needs to. The first word: see otel__polling_wanted() */
    _Atomic uint32_t thread; /* see polling.c */
    _Atomic uint32_t stopping;
    _Atomic uint32_t changes; /* what the thread sleeps on */
    _Atomic uint64_t retry_at;
};

/* In wiped memory; NULL until an SDK has been started. */
extern struct otel__polling *otel__polling;

/* Once per process. False: memory is short. */
bool otel__polling_init(void);
/* Finds the remote samplers of the provider, tells them of its service, and decides who polls. */
void otel__polling_prepare(struct otel__provider *provider);
/* The SDK runs now. `worker`: the user wants threads from the start. */
void otel__polling_start(struct otel__provider *provider, bool worker);
void otel__polling_begin(void);
/* A remote sampler is asked. */
static inline void otel__polling_wanted(void) {
    if (otel__polling && !atomic_load_explicit(&otel__polling->begun, memory_order_relaxed))
        otel__polling_begin();
}
/* Makes the next step of each; when the next one is due. */
uint64_t otel__polling_step(otel_sampler *remotes);
/* Ends the thread, if there is one, and waits for it until the deadline, or for a moment. */
void otel__polling_stop(uint64_t deadline);

#endif
