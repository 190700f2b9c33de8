/* SPDX-License-Identifier: Apache-2.0 */
/* sampling.c - see sampling.h. */
#include "sampling.h"

#include "base/clock.h"
#include "base/sync.h"

#include <otel/trace.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

enum { PATIENCE_MS = 20000 };

OTEL_TRACER(lib, "lib");

static pthread_mutex_t said_lock = PTHREAD_MUTEX_INITIALIZER;
static char said[4096];

bool one_is_sampled(void) {
    const otel_span span = otel_span_start(lib, OTEL_START("s"));
    const bool yes = otel_span_flags(&span) & OTEL_FLAG_SAMPLED;
    otel_span_end(&span);
    return yes;
}

bool sampling_comes_to(bool sampled) {
    const uint64_t deadline = otel__deadline_in(PATIENCE_MS, 0);
    while (one_is_sampled() != sampled)
        if (otel__clock_monotonic() >= deadline)
            return false;
        else
            otel__sleep_ms(2);
    return true;
}

void sampling_listen(void *data, otel_log_level level, const char *text) {
    (void)data;
    pthread_mutex_lock(&said_lock);
    const size_t used = strlen(said);
    if (level >= OTEL_LOG_WARN)
        snprintf(said + used, sizeof said - used, "%s\n", text);
    pthread_mutex_unlock(&said_lock);
}

void sampling_forget(void) {
    pthread_mutex_lock(&said_lock);
    said[0] = '\0';
    pthread_mutex_unlock(&said_lock);
}

bool sampling_has_said(const char *text) {
    pthread_mutex_lock(&said_lock);
    const bool found = strstr(said, text);
    pthread_mutex_unlock(&said_lock);
    return found;
}

const char *sampling_said(void) { return said; }

void sampling_renew(void) { pthread_mutex_init(&said_lock, NULL); }
