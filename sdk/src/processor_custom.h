/* SPDX-License-Identifier: Apache-2.0 */
/*
 * processor_custom.h - processors of the user's own (otel_processor_create() of otel/extend.h).
 *
 * DESIGN. Their functions run on the thread that starts or ends the span, under no lock of ours, inside a callback
 * bracket: they may call the API, and a stop waits for them as for the call that they are part of. What could feed on
 * itself is the span that a function starts: each record knows the processors in whose functions its thread was when
 * it began (`unseen`), and these are not told of it.
 *
 * While a span ends its record gets a new birth, so that the handle given to on_ending is the only one that still
 * finds it: every other thread is late already.
 *
 * A function that forks returns in the child too, where all records are wiped; so nothing is touched after one before
 * otel__fork_count() has been looked at.
 */
#ifndef OTEL_SDK_PROCESSOR_CUSTOM_H
#define OTEL_SDK_PROCESSOR_CUSTOM_H

#include "provider.h"

/* Which of these functions some processor of the pipeline has. */
unsigned otel__custom_extras(const struct otel__pipeline *pipeline);

/* A span of this thread has started; nobody else knows it yet. `parent` is the context that its parent came from. */
void otel__custom_started(struct otel__thread *thread, const otel_span *span, const otel_context *parent);
/* It is ending, and `handle` still finds it. False: this is a child that a processor forked, and the span is gone. */
bool otel__custom_ending(struct otel__thread *thread, struct otel__record *record, const otel_span *handle);
/* It has ended; the caller keeps the record alive. False: as above. */
bool otel__custom_ended(struct otel__thread *thread, otel_processor *processor, struct otel__record *record);

/* On the calling thread, with what time is left. */
otel_status otel__custom_flush(otel_processor *processor, uint64_t deadline);
/* The same; only the first call does anything. */
otel_status otel__custom_shutdown(otel_processor *processor, uint64_t deadline);

void otel__custom_views_free(struct otel__provider *provider);
void otel__custom_ledger(const otel_processor *processor, otel_ledger_processor *out);

#endif
