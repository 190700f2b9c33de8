/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway_upkeep.h - a thread that looks every few seconds at what changes without a request: sessions that are over,
 * answers that have expired.
 */
#ifndef KALKI_GATEWAY_UPKEEP_H
#define KALKI_GATEWAY_UPKEEP_H

#include "cache/cache.h"

struct upkeep;

/** NULL: no thread is to be had, and the figures of the cache stand still. */
struct upkeep *upkeep_start(struct cache *cache);
/** Waits for the thread. NULL is allowed. */
void upkeep_stop(struct upkeep *upkeep);

#endif
