/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork.c - what happens around fork().
 *
 * Queues, pools, locks and counters lie in memory that is wiped in the child, so nothing is inherited half done and no
 * span of the parent is exported twice. What is left to do: before the fork, let exporters bring foreign code
 * (libcurl, OpenSSL) to rest, for at most 50 ms; afterwards, let them go on in the parent and abandon their handles in
 * the child. The child has no worker until its first recorded span. Births are not wiped, so that no span of the child
 * is taken for one it inherited; neither are the forking thread's scopes, so that it goes on in its context.
 */
#include "fork.h"

#include "base/clock.h"
#include "base/sync.h"
#include "cancellation.h"
#include "ledger.h"
#include "lifecycle.h"
#include "metrics/metrics.h"
#include "sampler_remote.h"

#include <pthread.h>

/* A fork may not take long, whoever is in the middle of something. */
enum { REST_MAX_MS = 50 };

/* Between before and after; the forking thread's own, since forks of several threads may overlap. */
static _Thread_local struct otel__provider *forking;
static _Thread_local int cancellation;

static unsigned forks;

unsigned otel__fork_count(void) { return forks; }

/* Custom processors go on as they are: what they keep is theirs to protect. */
static void for_each(struct otel__provider *provider, void (*call)(otel_processor *processor)) {
    for (size_t i = 0; i < provider->pipeline.processor_count; i++)
        if (!otel__processor_is_custom(provider->pipeline.processors[i]))
            call(provider->pipeline.processors[i]);
}

static void prepare(otel_processor *processor) {
    const otel_exporter *exporter = processor->exporter;
    if (exporter->ops.before_fork)
        exporter->ops.before_fork(exporter->self);
}

static void go_on(otel_processor *processor) {
    const otel_exporter *exporter = processor->exporter;
    if (exporter->ops.after_fork)
        exporter->ops.after_fork(exporter->self, false);
}

static void start_afresh(otel_processor *processor) {
    const otel_exporter *exporter = processor->exporter;
    otel__processor_after_fork(processor);
    if (exporter->ops.after_fork)
        exporter->ops.after_fork(exporter->self, true);
}

static bool all_rest(const struct otel__provider *provider) {
    for (otel_sampler *sampler = provider->remotes; sampler; sampler = otel__remote_next(sampler))
        if (!otel__remote_at_rest(sampler))
            return false;
    for (size_t i = 0; i < provider->pipeline.processor_count; i++) {
        const otel_exporter *exporter = provider->pipeline.processors[i]->exporter;
        if (exporter && exporter->ops.at_rest && !exporter->ops.at_rest(exporter->self))
            return false;
    }
    return otel__metrics_at_rest(provider->metrics);
}

/* All are told before any is waited for: so one that does not come back takes no time from the others. */
void otel__foreign_code_rests(struct otel__provider *provider, int most_ms) {
    for_each(provider, prepare);
    otel__metrics_before_fork(provider->metrics);
    for (otel_sampler *sampler = provider->remotes; sampler; sampler = otel__remote_next(sampler))
        otel__remote_before_fork(sampler);
    const uint64_t deadline = otel__deadline_in(most_ms, 0);
    while (!all_rest(provider) && otel__clock_monotonic() < deadline)
        otel__nap();
}

/*
 * Cancellation is held until the fork is over: any handler that is called in between may be a cancellation point, and
 * what rests would rest for ever.
 */
static void before(void) {
    forking = otel__sdk_use();
    if (!forking)
        return;
    cancellation = otel__cancellation_hold();
    otel__foreign_code_rests(forking, REST_MAX_MS);
    otel__metrics_hold();
}

static void remotes_after_fork(bool in_child) {
    for (otel_sampler *sampler = forking->remotes; sampler; sampler = otel__remote_next(sampler))
        otel__remote_after_fork(sampler, in_child);
}

static void end_fork(void) {
    otel__sdk_unuse();
    forking = NULL;
    otel__cancellation_allow(cancellation);
}

static void after_in_parent(void) {
    if (!forking)
        return;
    otel__metrics_release();
    otel__metrics_after_fork(forking->metrics, false);
    for_each(forking, go_on);
    remotes_after_fork(false);
    end_fork();
}

static void after_in_child(void) {
    forks++;
    otel__wiped_after_fork();
    otel__threads_after_fork();
    otel__ledger_after_fork();
    otel__sdk_after_fork();
    if (!forking)
        return;
    otel__metrics_release();
    otel__resource_renew(forking->resource);
    otel__metrics_after_fork(forking->metrics, true);
    for_each(forking, start_afresh);
    remotes_after_fork(true);
    end_fork();
}

bool otel__fork_handlers_register(void) { return pthread_atfork(before, after_in_parent, after_in_child) == 0; }
