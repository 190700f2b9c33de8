/* SPDX-License-Identifier: Apache-2.0 */
/* processor_fixture.h - an SDK with processors over one or two exporter doubles, for tests of processors. */
#ifndef OTEL_TEST_PROCESSOR_FIXTURE_H
#define OTEL_TEST_PROCESSOR_FIXTURE_H

#include "exporter_double.h"
#include "processor.h"

enum { NEVER_MS = 3600 * 1000, LONG_MS = 20000 };

extern struct exporter_double first, second;

/* Starts an SDK that samples all, and keeps what it reports from then on. */
void start_sdk(otel_processors processors);
/* A batch processor that exports full batches only, unless it is flushed. */
otel_processor *batch_of(struct exporter_double *exporter, int queue, int batch);
/* An SDK with such a one over `first`, or with one that exports to `first` on the ending thread. */
void start_batch(int queue, int batch);
void start_direct(void);

/* Of the first processor. */
struct otel__lane *lane(void);

void end_span(const char *name);
void end_spans(unsigned count);
/* Ends a span, which must be a full batch, so that the worker is inside the exporter until the test lets it go. */
void hold_in_export(struct exporter_double *exporter);

/* Thread functions; `data` is an _Atomic int that receives the status. */
void *flush_in_thread(void *data);
void *stop_in_thread(void *data);

/* Fails the test when the ledger does not balance. */
otel_ledger ledger_read(void);

/* Teardown: stops, checks the ledger and that calls of the exporters never overlapped or came late, and resets both. */
int processors_stop(void **state);

#endif
