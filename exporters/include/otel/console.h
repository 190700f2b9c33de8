/* SPDX-License-Identifier: Apache-2.0 */
/*
 * otel/console.h - spans as text, for debugging. The format is not specified and may change at any time; tools that
 * read spans want another exporter.
 */
#ifndef OTEL_CONSOLE_H
#define OTEL_CONSOLE_H

#include <otel/exporter.h>
#include <stdio.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/**
 * Writes one line per span to `stream` (NULL: stdout), which is flushed after each batch and never closed; it must
 * stay open until the SDK has stopped. Lines of several threads do not mix. Counted as blocking, since a terminal or
 * pipe may be slow.
 */
otel_exporter *otel_console_exporter(FILE *stream) OTEL__OWNED;

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
