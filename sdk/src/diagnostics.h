/* SPDX-License-Identifier: Apache-2.0 */
/*
 * diagnostics.h - where the library's own messages go, and how many of them. otel_report() is public
 * (otel/exporter.h).
 *
 * DESIGN. Any thread may report at any time, also in a forked child, so there is no lock at all: what changes are
 * atomics, and no state can be inherited half-way. A bounded table counts per kind: the first report of a kind is
 * written, those of the next 10 s are counted, and the line after that carries the count. Kinds beyond the table
 * share one entry. No lock of the library is held around the sink. Reports made by the sink itself are dropped, and
 * its calls of the API are ignored.
 */
#ifndef OTEL_SDK_DIAGNOSTICS_H
#define OTEL_SDK_DIAGNOSTICS_H

#include <otel/sdk.h>

/* The longest line a sink receives, in bytes without the NUL; longer ones end in " [cut]". */
#define OTEL__DIAGNOSTIC_MAX 1023

/*
 * Reports at `threshold` and above go to `sink`, or to stderr when it is NULL. Starts counting afresh, so that a new
 * sink sees what an earlier one was told. Calls of set and reset must not overlap each other; reports may overlap
 * them.
 */
void otel__diagnostics_set(otel_log_level threshold, otel_diagnostic sink, void *data);
/* Back to the state at load: from info on, to stderr. */
void otel__diagnostics_reset(void);

#endif
