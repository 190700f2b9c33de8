/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provider.h - the running SDK: its sampler, resource and processors (specification: trace/sdk.md, TracerProvider).
 *
 * A provider is immutable from start to stop. Calls into the backend find it in otel__provider without a lock: the API
 * lets none in before it is set, and a stop waits for the last one to leave before it is cleared.
 */
#ifndef OTEL_SDK_PROVIDER_H
#define OTEL_SDK_PROVIDER_H

#include "autoconfigure.h"
#include "processor.h"
#include "resource.h"
#include "sampler.h"

enum { OTEL__VIEWS = 8 };
/* What few programs have; those without any of it do not pay for it, as they use a table of their own. */
enum { OTEL__CUSTOM_PROCESSORS = 1, OTEL__ON_ENDING = 2, OTEL__TRACER_CONFIG = 4, OTEL__SELF_METRICS = 8 };

struct otel__provider {
    struct otel__pipeline pipeline;
    otel_resource *resource;
    otel_sampler *remotes;                           /* that its sampler asks: see polling.h. NULL: none */
    otel_processor *poller;                          /* whose worker fetches for them; NULL: a thread of its own */
    struct otel__metrics *metrics;                   /* NULL: nobody reads any */
    unsigned extras;                                 /* see above */
    uint64_t observing;                              /* for the SDK's own metrics; 0: they are not wanted */
    _Atomic(struct otel_batch *) views[OTEL__VIEWS]; /* of custom processors, while nobody uses them */
};

extern struct otel__provider *otel__provider;
/* The tables of span.c: the second one for providers with extras. */
extern const struct otel__backend otel__span_backend, otel__span_backend_with_extras;

/* For otel_sdk_start() and _stop(), which see to it that nobody else does the same. */
otel_status otel__provider_create(const otel_sdk_options *options, struct otel__provider **out, otel_error *error);
void otel__provider_free(struct otel__provider *provider);

otel_status otel__provider_flush(struct otel__provider *provider, uint64_t deadline);
/* The first status that isn't OK. OTEL_ERR_TIMEOUT from a processor that must not be freed sets `*stuck`. */
otel_status otel__provider_stop(struct otel__provider *provider, uint64_t deadline, bool *stuck);
bool otel__provider_start_workers(struct otel__provider *provider);

#endif
