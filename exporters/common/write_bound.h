/* SPDX-License-Identifier: Apache-2.0 */
/* write_bound.h - how long a write may wait for others: readers of a pipe, holders of a lock. */
#ifndef OTEL_EXPORTERS_WRITE_BOUND_H
#define OTEL_EXPORTERS_WRITE_BOUND_H

#include "base/clock.h"

#include <otel/status.h>
#include <stdatomic.h>

struct otel__write_bound {
    uint64_t deadline; /* ns of CLOCK_MONOTONIC */
    const atomic_bool *cancelled;
};

/* OTEL_OK: the writer may go on waiting; OTEL_ERR_CANCELLED; OTEL_ERR_TIMEOUT. */
static inline otel_status otel__write_bound_check(const struct otel__write_bound *bound) {
    if (atomic_load(bound->cancelled))
        return OTEL_ERR_CANCELLED;
    return otel__clock_monotonic() < bound->deadline ? OTEL_OK : OTEL_ERR_TIMEOUT;
}

#endif
