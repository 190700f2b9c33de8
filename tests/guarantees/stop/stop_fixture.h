/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stop_fixture.h - an SDK with the real OTLP exporter, stopped while its endpoint is a black hole.
 *
 * The guarantee names a figure: a stop returns at most 50 ms after its time is up. On a machine with more work than
 * processors any thread may be kept waiting for longer, so each measurement is made three times at least, and goes on,
 * up to 27 times, until more than half of the attempts are within the figure; or one of them, where a batch is so large
 * that encoding it takes the processor for long.
 * Besides, no attempt may come near the time that the exporter itself would have given up at, which is what a wake-up
 * that is lost now and then would cost.
 */
#ifndef STOP_FIXTURE_H
#define STOP_FIXTURE_H

#include "black_hole.h"
#include "sanitizers.h"

#include <otel/otlp.h>
#include <otel/sdk.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

/* The exporter's own bound, the time of a stop or flush, what it may take beyond, what none may take, and how often. */
enum { EXPORTER_MS = 60000, STOP_MS = 200, GRACE_MS = 50, NEVER_MS = 15000, ATTEMPTS = 9, ATTEMPTS_MOST = 27 };

/* When the stop or flush comes: while an export hangs, or when there is one to begin. */
enum moment { UNDER_WAY, TO_BEGIN };

/* How often each measurement is made at least; `--long` makes it nine. */
extern unsigned stop_attempts;

/* A processor that exports to `url` in batches of `batch` spans, not before one is full; 0: a simple one. */
otel_processor *stop_processor(const char *url, unsigned batch, int exporter_ms);
void stop_start_with(otel_processors processors);
/* Starts an SDK with one such processor. */
void stop_start(const char *url, unsigned batch);
/* Starts and ends spans, each with `text` bytes in an attribute. */
void stop_record(unsigned count, unsigned text);
/* Starts an SDK on the hole and brings an export into it (UNDER_WAY) or queues spans (TO_BEGIN). */
void stop_enter(struct black_hole *hole, enum moment moment);
/* What the SDK left when a stop ran out of time comes to its end soon; false: not within its 40 ms. */
bool stop_nothing_left(void);
/* An SDK can be started, exports to a server that works, and stops. */
void stop_works_again(void);

/*
 * Stops an SDK that is in the hole, with `timeout_ms`, and prints how long that took. Each stop runs out of time,
 * loses no span without counting it, and leaves no thread, no descriptor and nothing that keeps an SDK from starting.
 */
void stop_measure(const struct black_hole *kind, enum moment moment, int timeout_ms);
/* The same for a flush, after which the SDK goes on. */
void stop_measure_flush(const struct black_hole *kind, enum moment moment);

/* Removes what would lead exports elsewhere from the environment, and warms libcurl up. */
int stop_group_setup(void **state);
/* After a test that failed half way. */
int stop_teardown(void **state);
/* Whether the tests are to take their time. */
void stop_options(int argc, char **argv);

unsigned stop_threads(void);
unsigned stop_descriptors(void);
double stop_now_ms(void);
void stop_sleep_ms(unsigned ms);
otel_ledger stop_ledger(void);

#endif
