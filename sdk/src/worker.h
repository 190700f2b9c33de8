/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker.h - the background thread of a processor.
 *
 * DESIGN. The worker is the only consumer of its processor's queue and the only thread that calls the exporter, cancel
 * and fork apart. It blocks every signal, has a name ("otel-batch") and a stack of its own size.
 *
 * It sleeps on the lane's `sleep` word. OTEL__ASLEEP: nothing is queued, no timer runs, the next span wakes it.
 * OTEL__DOZING: until the oldest span is due, or for one delay after an export, so that a steady stream of spans needs
 * no wake-up per batch but the one for a full batch; if nothing came in that time it falls asleep. Producers push
 * first and look at `sleep` then; the worker writes `sleep` first and looks at the queue then; all four are
 * sequentially consistent, so at least one sees the other, and no wake-up is lost.
 *
 * Starting it is the business of the first recorded span (not of ending one, which never enters the kernel for more
 * than a wake-up), or of a stop that comes earlier. After a fork the lane says that there is no worker, so the child's
 * first span starts one.
 */
#ifndef OTEL_SDK_WORKER_H
#define OTEL_SDK_WORKER_H

#include "processor.h"

/* Starts the worker if there is none. Preserves errno. False: could not; tried again after a second. */
bool otel__worker_start(otel_processor *processor);

/* After a push that made the count `count`: wakes the worker if it must act now. */
void otel__worker_pushed(otel_processor *processor, uint32_t count);
/* Wakes the worker whatever it waits for. */
void otel__worker_wake(otel_processor *processor);

/* On the calling thread, which must be the consumer: exports everything queued, ... */
void otel__worker_drain(otel_processor *processor);
/*
 * ... or until another thread waits to be the consumer, who goes on, or until `deadline` or that of the stop: false; when
 * the exporter has been shut down it is dropped, ...
 */
bool otel__worker_drain_unclaimed(otel_processor *processor, uint64_t deadline);
/* ... and flushes the exporter until `deadline` (0: without), which serves all flushes up to `ticket`, ... */
void otel__worker_flush(otel_processor *processor, uint32_t ticket, uint64_t deadline);
/* ... and shuts the exporter down until the stop's deadline, dropping what there was no time for. */
void otel__worker_finish(otel_processor *processor, uint32_t unused_ticket, uint64_t unused_deadline);
/* Drops what calls that outlasted the stop queued after that. */
void otel__worker_drop(otel_processor *processor);

#endif
