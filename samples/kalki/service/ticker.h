/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ticker.h - a thread that does something again and again.
 */
#ifndef KALKI_TICKER_H
#define KALKI_TICKER_H

struct ticker;

/** Calls `tick` on a thread of its own, at once and then every so many milliseconds. NULL: there is no memory, or no thread. */
struct ticker *ticker_start(long period_ms, void (*tick)(void *data), void *data);
/** Waits for a tick that is under way. NULL is ignored. */
void ticker_stop(struct ticker *ticker);

#endif
