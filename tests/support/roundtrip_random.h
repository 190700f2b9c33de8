/* SPDX-License-Identifier: Apache-2.0 */
/*
 * roundtrip_random.h - seeded random numbers, and memory that is freed together. Every piece of memory is an allocation
 * of its own and of exactly the size asked for, so that a sanitizer sees whoever reads past it.
 */
#ifndef ROUNDTRIP_RANDOM_H
#define ROUNDTRIP_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <otel/types.h>

struct roundtrip_pool {
    struct roundtrip_chunk *newest;
};

/* Zeroed; never NULL. */
void *roundtrip_make(struct roundtrip_pool *pool, size_t size);
/* A copy of `text`, without a NUL behind it. */
otel_str roundtrip_copy(struct roundtrip_pool *pool, otel_str text);
void roundtrip_pool_free(struct roundtrip_pool *pool);
/* Overwrites everything before: whoever still borrows it shows. */
void roundtrip_pool_spoil(struct roundtrip_pool *pool);

/* Where random things come from: numbers that follow from the seed, and the memory that they are made in. */
struct roundtrip_source {
    uint64_t state;
    struct roundtrip_pool *pool;
    bool heavy; /* values of tens of KiB are usual */
    bool plain; /* nothing long, all spans are sampled and end, and no time is left to the library */
};

uint64_t roundtrip_next(struct roundtrip_source *source);
size_t roundtrip_below(struct roundtrip_source *source, size_t n);
bool roundtrip_one_in(struct roundtrip_source *source, size_t n);

#endif
