/* SPDX-License-Identifier: Apache-2.0 */
/* leaky_bucket.c - see leaky_bucket.h. */
#include "leaky_bucket.h"

#include "base/clock.h"

#define FULL 4294967295.0 /* as a share */
/* What rounding may take from the last credit of a full bucket, in parts of a credit. */
#define SLACK (1.0 / 4096)
/* Threads read the clock in one order and get here in another; what looks like more than this has been idle for weeks. */
enum { DISORDER_MS = 10000 };

static uint32_t to_ms(uint64_t now) { return (uint32_t)(now / OTEL__MILLISECOND); }

static uint64_t pack(double share, uint32_t ms) { return (uint64_t)(uint32_t)(share + 0.5) << 32 | ms; }

static double capacity_of(double rate) { return rate > 1 ? rate : 1; }

static double share_at(uint64_t word, double rate, uint32_t ms) {
    const uint32_t passed = ms - (uint32_t)word;
    double share = (double)(word >> 32);
    if (passed <= UINT32_MAX - DISORDER_MS)
        share += passed / 1000.0 * rate / capacity_of(rate) * FULL;
    return share < FULL ? share : FULL;
}

void otel__bucket_fill(struct otel__bucket *bucket, uint64_t now) {
    atomic_store_explicit(&bucket->word, pack(FULL, to_ms(now)), memory_order_relaxed);
}

bool otel__bucket_take(struct otel__bucket *bucket, double rate, uint64_t now) {
    const double credit = FULL / capacity_of(rate);
    const uint32_t ms = to_ms(now);
    uint64_t word = atomic_load_explicit(&bucket->word, memory_order_relaxed), left;
    if (rate <= 0)
        return false;
    do {
        const double share = share_at(word, rate, ms);
        if (share < credit * (1 - SLACK))
            return false;
        left = pack(share > credit ? share - credit : 0, ms);
    } while (
        !atomic_compare_exchange_weak_explicit(&bucket->word, &word, left, memory_order_relaxed, memory_order_relaxed));
    return true;
}

void otel__bucket_settle(struct otel__bucket *bucket, double rate, uint64_t now) {
    const uint32_t ms = to_ms(now);
    uint64_t word = atomic_load_explicit(&bucket->word, memory_order_relaxed);
    for (;;) {
        const uint64_t settled = pack(share_at(word, rate, ms), ms);
        if (atomic_compare_exchange_weak_explicit(&bucket->word, &word, settled, memory_order_relaxed,
                                                  memory_order_relaxed))
            return;
    }
}

void otel__bucket_copy(struct otel__bucket *bucket, const struct otel__bucket *from) {
    atomic_store_explicit(&bucket->word, atomic_load_explicit(&from->word, memory_order_relaxed), memory_order_relaxed);
}
