/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cells.h - the memory that values of metrics lie in: 64-byte-aligned blocks that a forked child finds zeroed.
 *
 * DESIGN. Address space is reserved once and made usable in steps. Blocks are taken one behind the other and given back
 * all at once, when the next SDK starts; how many were taken is in ordinary memory, under the lock that series are made
 * under, so that a child goes on with its parent's tables, whose values are zero there: the valid empty state.
 */
#ifndef OTEL_SDK_METRICS_CELLS_H
#define OTEL_SDK_METRICS_CELLS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* With no call running: nothing is taken any more. False: there is no address space to be had. */
bool otel__cells_reset(void);
/* A zeroed block of `size` bytes; NULL: no room. Under the lock. */
void *otel__cells_take(size_t size);

#endif
