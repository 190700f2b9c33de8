/* SPDX-License-Identifier: Apache-2.0 */
/* clock.c - see clock.h. */
#include "base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

uint64_t (*otel__clock_for_tests)(clockid_t id);

uint64_t otel__deadline_in(int timeout_ms, int otherwise_ms) {
    const int ms = timeout_ms < 0 ? otherwise_ms : timeout_ms;
    return otel__clock_monotonic() + (uint64_t)ms * OTEL__MILLISECOND;
}

int otel__deadline_left_ms(uint64_t deadline) {
    const uint64_t now = otel__clock_monotonic();
    if (deadline <= now)
        return 0;
    const uint64_t ms = (deadline - now + OTEL__MILLISECOND - 1) / OTEL__MILLISECOND;
    return ms > INT32_MAX ? INT32_MAX : (int)ms;
}

enum { BELIEVED_NS = 500, TRIES = 8 };
/* An offset is taken over for so long: a third of what a short span costs is the reading of clocks. */
#define TAKEN_OVER_NS OTEL__MILLISECOND

static _Atomic int64_t careful_offset, last_offset;
static _Atomic uint64_t last_read_at = UINT64_MAX / 2; /* steady; at first far from any time that is */

static int64_t offset_now(uint64_t *took) {
    const uint64_t steady = otel__clock_steady();
    const uint64_t wall = otel__clock_wall();
    *took = otel__clock_steady() - steady;
    return (int64_t)(wall - steady);
}

static int64_t measure_carefully(void) {
    uint64_t quickest;
    int64_t best = offset_now(&quickest);
    for (int i = 1; i < TRIES && quickest > BELIEVED_NS; i++) {
        uint64_t took;
        const int64_t offset = offset_now(&took);
        if (took < quickest) {
            quickest = took;
            best = offset;
        }
    }
    atomic_store_explicit(&careful_offset, best, memory_order_relaxed);
    return best;
}

static int64_t measure(uint64_t steady) {
    const int64_t offset = (int64_t)(otel__clock_wall() - steady);
    const int64_t change = offset - atomic_load_explicit(&careful_offset, memory_order_relaxed);
    return change >= -BELIEVED_NS && change <= BELIEVED_NS ? offset : measure_carefully();
}

/* Another thread's reading may be a little later than `steady`. */
static bool is_fresh(uint64_t steady) {
    const uint64_t since = steady - atomic_load_explicit(&last_read_at, memory_order_acquire);
    return since + TAKEN_OVER_NS < 2 * TAKEN_OVER_NS;
}

int64_t otel__clock_offset(uint64_t steady) {
    if (is_fresh(steady))
        return atomic_load_explicit(&last_offset, memory_order_relaxed);
    const int64_t offset = measure(steady);
    atomic_store_explicit(&last_offset, offset, memory_order_relaxed);
    /* Who sees this sees that offset, or a later one: the first is 0. */
    atomic_store_explicit(&last_read_at, steady, memory_order_release);
    return offset;
}
