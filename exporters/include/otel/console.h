/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/console.h - spans and metrics as text, for debugging (specification: trace/sdk_exporters/stdout.md). The format is not
 * specified and may change at any time. Tools that read spans want the one of otel/otlp_file.h, which is stable, is JSON,
 * holds all that there is of a span, and goes to standard output as well.
 */
#ifndef OTEL_CONSOLE_H
#define OTEL_CONSOLE_H

#include <otel/metric_exporter.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * Writes one line per span to `stream` (NULL: stdout), which is flushed after each batch and never closed; it must
 * stay open until the SDK has stopped. NULL when memory is short. A line has the start in UTC, duration, kind, name,
 * status, attributes, events (with their distance from the start), links, ids, service and scope, and how much of it was
 * dropped, in the specification's words (common/mapping-to-non-otlp.md). Attributes are one JSON object, bytes in it
 * base64:
 *
 *     2026-01-31T09:30:00.250000Z   12.35ms  SERVER    "GET /search"  {"http.route":"/search"}  trace=... span=...
 *
 * What could move a terminal's cursor is escaped. Lines of several threads do not mix. A stream that cannot be written
 * to, such as a pipe without a reader, makes the export fail and is reported; it raises no signal. To a pipe, terminal
 * or socket, lines are written past the stream's buffer, which is flushed before: when the reader is stuck, an export
 * ends in time without them, and nothing of them is left for exit() to wait with.
 *
 * Threads: as every exporter (otel/exporter.h), called from one thread at a time. Counted as blocking, since a terminal
 * or a pipe may be slow; cancel ends the waiting for it. Only another writer that fills the pipe at the very moment can
 * delay that, or a stream whose buffer (setvbuf) holds more than a pipe takes.
 */
otel_exporter *otel_console_exporter(FILE *stream) OTEL__OWNED;

/**
 * The same for metrics, to be given to otel_periodic_reader(): one line for each series of each metric. Buckets are those
 * that hold something; `0.1..0.25: 3` are three measurements above 0.1, up to and with 0.25.
 *
 *     2026-01-31T09:30:00.250000Z  SUM        "cart.orders"  3 {order}  {"payment.method":"card"}  since 2026-...
 */
otel_metric_exporter *otel_console_metric_exporter(FILE *stream) OTEL__OWNED;

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
