/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anchor.h - one clock for all local spans of a trace.
 *
 * A span's times are steady time plus an offset to the wall clock. The local root of a trace fixes the offset, and the
 * spans below it share it, so that children lie within their parents whatever the wall clock does in between. The
 * offset is found by the trace id in a small table, since a parent may have ended and its record be gone; a trace that
 * was pushed out of the table gets a new offset.
 */
#ifndef OTEL_SDK_ANCHOR_H
#define OTEL_SDK_ANCHOR_H

#include <stdbool.h>
#include <stdint.h>

/* Once per process. */
bool otel__anchors_init(void);
/* For a local root: fixes the trace's offset, which otel__clock_offset() told. */
void otel__anchor_set(uint64_t trace_id_low, int64_t offset);
/* False when the trace is not in the table. */
bool otel__anchor_get(uint64_t trace_id_low, int64_t *offset);

#endif
