/* SPDX-License-Identifier: Apache-2.0 */
/*
 * processor.h - a processor: a queue of ended spans, the rule for when to export them, and the exporter.
 *
 * The batch and the simple processor are the same machine with different settings: a simple one exports batches of one
 * without a delay, and if its exporter does not block, on the thread that ended the span (`direct`), which then has no
 * worker. Processors of the user's own are in processor_custom.h.
 *
 * What changes while it runs is in its lane, in memory that fork() wipes: the child starts with an empty queue,
 * without a worker, with zero counts.
 */
#ifndef OTEL_SDK_PROCESSOR_H
#define OTEL_SDK_PROCESSOR_H

#include "batch.h"
#include "span_queue.h"

#include <otel/sdk.h>
#include <pthread.h>

struct otel_exporter {
    otel_exporter_ops ops; /* a copy of this version's size: what an older caller's table lacks is NULL */
    void *self;
};

/* What the worker does, as its futex word: producers wake it only when that is needed. */
enum { OTEL__AWAKE, OTEL__DOZING /* until a time */, OTEL__ASLEEP /* until woken */ };
enum { OTEL__WORKER_NONE, OTEL__WORKER_STARTING, OTEL__WORKER_RUNNING, OTEL__WORKER_DONE };
/*
 * Who consumes, as a futex word, by how long that takes: a thread that ends spans, which makes way between two exports;
 * one that flushes or stops; a worker, which does it for life. Nobody waits for who takes longer than itself.
 */
enum { OTEL__CONSUMED_BY_NONE, OTEL__CONSUMED_IN_PASSING, OTEL__CONSUMED_FOR_FLUSH, OTEL__CONSUMED_BY_WORKER };
/* What exporters are given to come back when they have been cancelled. */
enum { OTEL__CANCEL_GRACE_MS = 40 };

struct otel__lane {
    _Alignas(128) otel__span_queue queue;
    _Atomic uint32_t sleep; /* see above */
    _Atomic uint32_t worker;
    _Alignas(128) _Atomic uint32_t flush_wanted; /* tickets: each flush takes one, the worker serves up to the last */
    _Atomic uint32_t flush_served;
    _Atomic uint64_t flush_verdict; /* {otel_status:32, ticket:32}: tickets up to this one saw that failure */
    _Atomic uint32_t stopping;
    uint32_t stop_ticket;
    _Atomic uint64_t stop_deadline;
    _Atomic uint32_t overflowed; /* a span was refused since the worker last counted those */
    _Atomic uint32_t draining;   /* who the consumer is: see above */
    _Atomic uint32_t claims;     /* threads that wait to be it: who exports directly makes way */
    _Atomic uint32_t left;       /* the last consumer stopped before it had exported all that it had taken */
    _Atomic uint32_t relief;     /* who exports directly has done its own: the next to end a span takes over */
    _Atomic uint32_t moves;      /* odd while the consumer moves spans from one of these counts to another */
    _Atomic uint64_t exported, rejected, dropped_failed, dropped_too_large, dropped_stopped, in_flight, exports;
    _Atomic uint64_t withheld;        /* of a custom processor: made by its own functions */
    _Atomic uint64_t retry_worker_at; /* a worker could not be made: not before this */
    /* The consumer's own: */
    uint32_t oldest, newest, waiting; /* taken and not yet exported */
    uint32_t failed_ticket;           /* the last that was taken when something failed last */
    otel_status failure;              /* what failed then */
    uint64_t flush_deadline;          /* of the flush whose caller is the consumer; 0: another thread is */
    bool losing;                      /* that spans are dropped was reported, and not yet that this is over */
    uint64_t full_reported;
    uint64_t full_reported_at;
    uint64_t trim_at; /* memory goes back then */
    uint64_t poll_at; /* a strategy is to be fetched then */
    pthread_t thread;
    _Atomic bool joinable;
    _Atomic bool finished;
    bool late; /* without a worker: the thread that stopped it was held up for longer than it had wanted to be */
};

struct otel_processor {
    otel_exporter *exporter; /* NULL: a custom one (processor_custom.h), of which only what names it is used here */
    otel_processor_ops ops;
    void *self;
    bool batch;  /* or simple */
    bool direct; /* exports on the ending thread */
    uint32_t max_queue, max_batch;
    uint64_t delay;        /* ns */
    int export_timeout_ms; /* 0: none */
    char name[64];         /* such as "batch/otlp" */
    /* Set when the processor joins a provider: */
    unsigned index;
    struct otel__lane *lane;
    struct otel_batch *view;
    otel_sampler *remotes;             /* those whose strategies its worker fetches: see polling.h. NULL: none */
    struct otel__component *component; /* of the SDK's own metrics: see self_metrics.h. NULL: they are not wanted */
};

static inline bool otel__processor_is_custom(const otel_processor *processor) { return !processor->exporter; }

/* Where a processor finds its lane; once per process. */
bool otel__lanes_init(void);

/* Gives the processor a lane and zeroes that. False: memory is short. */
bool otel__processor_join(otel_processor *processor, unsigned index, const otel_resource_data *resource);

/*
 * An ended sampled span; the record's references count this processor already. Never blocks. False: the queue is full,
 * and the caller keeps the reference.
 */
bool otel__processor_on_end(otel_processor *processor, struct otel__record *record);

/* As otel_sdk_flush and otel_sdk_stop, for one processor; the deadline is of CLOCK_MONOTONIC. */
uint32_t otel__processor_flush_begin(otel_processor *processor);
otel_status otel__processor_flush_wait(otel_processor *processor, uint32_t ticket, uint64_t deadline);
void otel__processor_stop_begin(otel_processor *processor, uint64_t deadline);
/* Ends the processor, or waits until its worker has. False: the exporter has not come back by the deadline. */
bool otel__processor_stop_wait(otel_processor *processor, uint64_t deadline);
/* Calls the exporter back; then stop_wait may be called again. */
void otel__processor_cancel(otel_processor *processor);
/* Once stop_wait returned true. */
otel_status otel__processor_stop_status(otel_processor *processor);

/* In a forked child: leaves behind what another thread may have been changing. */
void otel__processor_after_fork(otel_processor *processor);

void otel__processor_ledger(const otel_processor *processor, otel_ledger_processor *out);

#endif
