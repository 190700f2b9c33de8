/* SPDX-License-Identifier: Apache-2.0 */
/* polling.c - see polling.h. */
#include "polling.h"

#include "background.h"
#include "base/clock.h"
#include "backend.h"
#include "base/slab.h"
#include "base/str.h"
#include "base/sync.h"
#include "lifecycle.h"
#include "provider.h"
#include "sampler_remote.h"
#include "worker.h"

#include <otel/exporter.h>
#include <string.h>

enum { THREAD_NONE, THREAD_RUNNING, THREAD_DONE };
enum { RETRY_MS = 1000 };

struct otel__polling *otel__polling;

bool otel__polling_init(void) {
    if (!otel__polling)
        otel__polling = otel__wiped_map(sizeof *otel__polling);
    return otel__polling != NULL;
}

uint64_t otel__polling_step(otel_sampler *remotes) {
    uint64_t next_at = OTEL__NO_DEADLINE;
    for (otel_sampler *sampler = remotes; sampler; sampler = otel__remote_next(sampler)) {
        const uint64_t at = otel__remote_poll(sampler, otel__clock_monotonic());
        next_at = at < next_at ? at : next_at;
    }
    return next_at;
}

/* ---- a thread for nothing else ----------------------------------------------------------------------------------- */

static void poll_until_stopped(const struct otel__provider *provider) {
    while (!atomic_load(&otel__polling->stopping)) {
        const uint32_t seen = atomic_load(&otel__polling->changes);
        const uint64_t next_at = otel__polling_step(provider->remotes);
        if (!atomic_load(&otel__polling->stopping))
            otel__futex_wait(&otel__polling->changes, seen, next_at);
    }
}

static void *run(void *unused) {
    struct otel__thread *thread = otel__thread_self();
    const uint32_t saved = otel__thread_mute(thread);
    struct otel__provider *provider = otel__sdk_use();
    (void)unused;
    pthread_setname_np(pthread_self(), "otel-sampling");
    if (provider)
        poll_until_stopped(provider);
    /* Where the SDK was not visible yet, the next span asks again. Before the use ends: what is here is the next SDK's then. */
    atomic_store(&otel__polling->thread, provider ? THREAD_DONE : THREAD_NONE);
    if (provider)
        otel__sdk_unuse();
    else
        atomic_store(&otel__polling->begun, 0);
    otel__futex_wake(&otel__polling->thread);
    otel__thread_unmute(thread, saved);
    return NULL;
}

static bool start_thread(void) {
    uint32_t none = THREAD_NONE;
    pthread_t thread;
    if (!atomic_compare_exchange_strong(&otel__polling->thread, &none, THREAD_RUNNING))
        return true;
    const int rc = otel__background_start(&thread, run, NULL);
    if (rc == 0) {
        pthread_detach(thread);
        return true;
    }
    atomic_store(&otel__polling->thread, THREAD_NONE);
    otel_report(OTEL_LOG_ERROR, "sampling/thread",
                "cannot start the thread that fetches the sampling strategy: %s; trying again", strerror(rc));
    return false;
}

/* ---- beginning and ending ---------------------------------------------------------------------------------------- */

void otel__polling_prepare(struct otel__provider *provider) {
    const otel_attrs *attributes = &provider->resource->data.attributes;
    otel_str service = { "", 0 };
    for (size_t i = 0; i < attributes->count; i++) {
        const otel_attr *attribute = &attributes->items[i];
        if (otel__str_same(attribute->key, otel_cstr("service.name")) && attribute->value.type == OTEL_TYPE_STRING)
            service = otel_strn(attribute->value.u.p, attribute->value.len);
    }
    memset(otel__polling, 0, sizeof *otel__polling);
    provider->remotes = otel__remotes_bind(provider->pipeline.sampler, service);
    for (size_t i = 0; provider->remotes && !provider->poller && i < provider->pipeline.processor_count; i++) {
        otel_processor *processor = provider->pipeline.processors[i];
        if (!otel__processor_is_custom(processor) && !processor->direct)
            provider->poller = processor;
    }
    if (provider->poller)
        provider->poller->remotes = provider->remotes;
    /* Without any there is nothing to be begun. */
    atomic_store(&otel__polling->begun, provider->remotes == NULL);
}

void otel__polling_begin(void) {
    const struct otel__provider *provider = otel__provider;
    const uint64_t now = otel__clock_monotonic();
    if (!provider || !provider->remotes || atomic_load(&otel__polling->stopping) ||
        atomic_load(&otel__polling->retry_at) > now)
        return;
    /* Before: the thread may take it back. */
    atomic_store(&otel__polling->begun, 1);
    if (provider->poller ? otel__worker_start(provider->poller) : start_thread())
        return;
    atomic_store(&otel__polling->retry_at, now + RETRY_MS * OTEL__MILLISECOND);
    atomic_store(&otel__polling->begun, 0);
}

void otel__polling_start(struct otel__provider *provider, bool worker) {
    bool soon = worker;
    for (const otel_sampler *sampler = provider->remotes; sampler; sampler = otel__remote_next(sampler))
        soon = soon || !otel__remote_is_late(sampler);
    if (provider->remotes && soon)
        otel__polling_begin();
}

void otel__polling_stop(uint64_t deadline) {
    const uint64_t moment = otel__clock_monotonic() + OTEL__CANCEL_GRACE_MS * OTEL__MILLISECOND;
    const uint64_t latest = deadline > moment ? deadline : moment;
    atomic_store(&otel__polling->stopping, 1);
    atomic_fetch_add(&otel__polling->changes, 1);
    otel__futex_wake(&otel__polling->changes);
    while (atomic_load(&otel__polling->thread) == THREAD_RUNNING &&
           otel__futex_wait(&otel__polling->thread, THREAD_RUNNING, latest)) {}
}
