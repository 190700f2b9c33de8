/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork.c - what happens around fork().
 *
 * Queues, pools, locks and counters lie in memory that is wiped in the child, so nothing is inherited half done and no span of
 * the parent is exported twice. What is left to do: before the fork, let exporters bring foreign code (libcurl, OpenSSL) to rest,
 * for at most 50 ms; afterwards, let them go on in the parent and abandon their handles in the child. The child has no worker until its
 * first recorded span. Births are not wiped, so that no span of the child is taken for one it inherited; neither are the forking
 * thread's scopes, so that it goes on in its context.
 */
#include "fork.h"

#include "lifecycle.h"

#include <pthread.h>

/* Between before and after; the forking thread's own, since forks of several threads may overlap. */
static _Thread_local struct otel__provider *forking;

static void for_each_exporter(struct otel__provider *provider, void (*call)(const otel_exporter *exporter)) {
    for (size_t i = 0; i < provider->pipeline.processor_count; i++)
        call(provider->pipeline.processors[i]->exporter);
}

static void call_before(const otel_exporter *exporter) {
    if (exporter->ops->before_fork)
        exporter->ops->before_fork(exporter->self);
}

static void call_after_in_parent(const otel_exporter *exporter) {
    if (exporter->ops->after_fork)
        exporter->ops->after_fork(exporter->self, false);
}

static void call_after_in_child(const otel_exporter *exporter) {
    if (exporter->ops->after_fork)
        exporter->ops->after_fork(exporter->self, true);
}

static void before(void) {
    forking = otel__sdk_use();
    if (forking)
        for_each_exporter(forking, call_before);
}

static void after_in_parent(void) {
    if (!forking)
        return;
    for_each_exporter(forking, call_after_in_parent);
    otel__sdk_unuse();
    forking = NULL;
}

static void after_in_child(void) {
    otel__wiped_after_fork();
    otel__threads_after_fork();
    if (forking)
        for_each_exporter(forking, call_after_in_child);
    forking = NULL;
    otel__sdk_after_fork();
}

bool otel__fork_handlers_register(void) { return pthread_atfork(before, after_in_parent, after_in_child) == 0; }
