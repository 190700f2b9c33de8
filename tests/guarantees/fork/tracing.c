/* SPDX-License-Identifier: Apache-2.0 */
/* tracing.c - see tracing.h. */
#include "tracing.h"

#include "base/clock.h"
#include "span_assert.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

OTEL_TRACER(lib, "guarantees.fork");

static _Atomic bool complained;

static void complain(void *data, otel_log_level level, const char *text) {
    (void)data;
    (void)level;
    atomic_store(&complained, true);
    dprintf(STDERR_FILENO, "%d: %s\n", (int)getpid(), text);
}

bool tracing_complained(void) { return atomic_load(&complained); }

otel_status tracing_start(const char *endpoint, int queue) {
    const otel_otlp_options options = { .size = sizeof options, .endpoint = endpoint };
    const otel_batch_options batch = { .size = sizeof batch, .max_queue_size = queue, .schedule_delay_ms = 1 };
    otel_exporter *exporter = otel_otlp_exporter(&options);
    return otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(),
                                   .log_level = OTEL_LOG_WARN, .diagnostic = complain,
                                   .processors = OTEL_PROCESSORS(otel_batch_processor(&batch, exporter))));
}

void record(const char *name) {
    OTEL_SPAN(span, lib, name);
    otel_set(&span, "process.pid", (int64_t)getpid());
    otel_set(&span, "text", "a value of some length, so that a request takes more than one packet");
}

bool all_exported(uint64_t spans) {
    char why[512];
    otel_ledger ledger = { .size = sizeof ledger };
    otel_sdk_ledger(&ledger);
    if (!ledger_balances(&ledger, why, sizeof why)) {
        dprintf(STDERR_FILENO, "%d: %s\n", (int)getpid(), why);
        return false;
    }
    const otel_ledger_processor *counted = &ledger.processors[0];
    if (ledger.ended == spans && counted->exported == spans && ledger.live == 0 && ledger.refused == 0)
        return true;
    dprintf(STDERR_FILENO, "%d: of %llu spans %llu ended and %llu were exported\n", (int)getpid(),
            (unsigned long long)spans, (unsigned long long)ledger.ended, (unsigned long long)counted->exported);
    return false;
}

int outcome_of(pid_t child) {
    const uint64_t deadline = otel__clock_monotonic() + PATIENCE_S * OTEL__SECOND;
    int status = 0;
    pid_t ended = 0;
    for (uint64_t now = 0; ended != child && now < deadline; now = otel__clock_monotonic()) {
        ended = waitpid(child, &status, WNOHANG);
        if (ended != child)
            nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
    }
    if (ended == child)
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    return -1;
}
