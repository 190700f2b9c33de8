/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strict.h - misuse of spans, told with the place that started them (otel_sdk_options.strict).
 *
 * DESIGN. A record of a span knows its place only in strict mode, and only there a span that ends is noted in a ring
 * of the last OTEL__STRICT_ENDED ones, found by its birth: a call that comes after the end no longer has a record. The
 * ring is in memory that a fork wipes, so that a child is not told of what its parent ended. Without strict mode
 * nothing is noted, and late calls are told as a debug message without names.
 */
#ifndef OTEL_SDK_STRICT_H
#define OTEL_SDK_STRICT_H

#include "record.h"

enum { OTEL__STRICT_ENDED = 16384 };

/* Changed only while no call runs. */
extern bool otel__strict __attribute__((visibility("hidden")));

/* False when there is no memory. Forgets all spans. With no call running. */
bool otel__strict_set(bool on);

/* Only in strict mode, of a record that its span's calls cannot find any more. */
void otel__strict_note_end(const struct otel__record *record);
/* A call came after the end of `span`: "changed" or "ended". */
void otel__strict_late(const otel_span *span, const char *done);
/* The span was not ended before the SDK was, or `where`. */
void otel__strict_unended(const struct otel__record *record);
/* What the API noticed about a scope; `span` is the one whose scope it is, or NULL. Reports `text`. */
void otel__strict_scope(const otel_span *span, const char *text);

#endif
