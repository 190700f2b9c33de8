/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gateway_upkeep.h - a look, every few seconds, at what changes without a request: sessions that are over, answers that have
 * expired. Without it the figures of the cache stand still.
 */
#ifndef KALKI_GATEWAY_UPKEEP_H
#define KALKI_GATEWAY_UPKEEP_H

#define UPKEEP_MS 5000

/** For a ticker, whose data is the cache. */
void gateway_upkeep(void *data);

#endif
