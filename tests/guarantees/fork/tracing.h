/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracing.h - what processes of the tests of fork do: send spans to a collector, check their ledgers, and wait for
 * their children.
 */
#ifndef OTEL_TEST_TRACING_H
#define OTEL_TEST_TRACING_H

#include "collector.h"

#include <otel/otlp.h>
#include <otel/sdk.h>
#include <stdbool.h>

enum { LONG_MS = 20000, PATIENCE_S = 60 };

/* An SDK with the OTLP/HTTP exporter behind a batch processor that sends at once. */
otel_status tracing_start(const char *endpoint, int queue);
/* Whether the SDK had anything to say in this process or its parent; it says it on stderr too. */
bool tracing_complained(void);

/* Ends a span of this name, with this process's id. */
void record(const char *name);

/*
 * For children: both identities hold, and exactly these spans were exported, none lost. What is wrong is said on
 * stderr.
 */
bool all_exported(uint64_t spans);

/*
 * How a child, or one that is about to become this process's child, ended; waited for at most PATIENCE_S: its exit
 * code, 128 + a signal, or -1: it hung and was killed.
 */
int outcome_of(pid_t child);

#endif
