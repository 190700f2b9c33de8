/* SPDX-License-Identifier: Apache-2.0 */
/* export_deadline.h - when an export must be over. */
#ifndef OTEL_EXPORTERS_EXPORT_DEADLINE_H
#define OTEL_EXPORTERS_EXPORT_DEADLINE_H

#include "base/clock.h"

enum { OTEL__EXPORT_OWN_BOUND_MS = 60000 };

/*
 * As a time of CLOCK_MONOTONIC, in ns: the shorter of what the exporter's settings allow and what the processor gives,
 * both in ms, where 0 sets no bound. Without any it is a minute, so that no export goes on for ever.
 */
static inline uint64_t otel__export_deadline(int settings_ms, int given_ms) {
    int ms = settings_ms > 0 ? settings_ms : OTEL__EXPORT_OWN_BOUND_MS;
    if (given_ms > 0 && given_ms < ms)
        ms = given_ms;
    return otel__clock_monotonic() + (uint64_t)ms * OTEL__MILLISECOND;
}

#endif
