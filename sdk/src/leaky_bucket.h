/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leaky_bucket.h - so many a second, and a second's worth at once: the limiter of Jaeger's strategies.
 *
 * DESIGN. A bucket starts full, fills with `rate` credits a second, holds max(rate, 1), and pays one for each that may
 * pass. It is one atomic word: how full it was, as a share, when it paid last. So it takes no lock, a refusal writes
 * nothing, and a bucket whose rate changes keeps its share, provided that it is settled by the old rate first. A rate of
 * 0 lets nothing pass, however full the bucket is.
 */
#ifndef OTEL_SDK_LEAKY_BUCKET_H
#define OTEL_SDK_LEAKY_BUCKET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct otel__bucket {
    _Atomic uint64_t word; /* {share:32, ms:32} */
};

/* `now` is in ns of a steady clock, everywhere. */
void otel__bucket_fill(struct otel__bucket *bucket, uint64_t now);
bool otel__bucket_take(struct otel__bucket *bucket, double rate, uint64_t now);
/* Brings what it holds by `rate` up to date. */
void otel__bucket_settle(struct otel__bucket *bucket, double rate, uint64_t now);
/* Makes it as full as `from`, which nobody needs to have settled. */
void otel__bucket_copy(struct otel__bucket *bucket, const struct otel__bucket *from);

#endif
