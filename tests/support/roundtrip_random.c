/* SPDX-License-Identifier: Apache-2.0 */
/* roundtrip_random.c - see roundtrip_random.h. */
#include "roundtrip_random.h"

#include <stdlib.h>

struct roundtrip_chunk {
    struct roundtrip_chunk *older;
    size_t size;
    _Alignas(max_align_t) char bytes[];
};

void *roundtrip_make(struct roundtrip_pool *pool, size_t size) {
    struct roundtrip_chunk *chunk = calloc(1, sizeof *chunk + size);
    if (!chunk)
        abort();
    chunk->size = size;
    chunk->older = pool->newest;
    pool->newest = chunk;
    return chunk->bytes;
}

otel_str roundtrip_copy(struct roundtrip_pool *pool, otel_str text) {
    char *copy = roundtrip_make(pool, text.len);
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    return otel_strn(copy, text.len);
}

void roundtrip_pool_free(struct roundtrip_pool *pool) {
    for (struct roundtrip_chunk *chunk = pool->newest, *older; chunk; chunk = older) {
        older = chunk->older;
        free(chunk);
    }
    pool->newest = NULL;
}

void roundtrip_pool_spoil(struct roundtrip_pool *pool) {
    for (struct roundtrip_chunk *chunk = pool->newest; chunk; chunk = chunk->older)
        memset(chunk->bytes, 0xdd, chunk->size);
    roundtrip_pool_free(pool);
}

uint64_t roundtrip_next(struct roundtrip_source *source) {
    uint64_t z = source->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

size_t roundtrip_below(struct roundtrip_source *source, size_t n) { return (size_t)(roundtrip_next(source) % n); }

bool roundtrip_one_in(struct roundtrip_source *source, size_t n) { return roundtrip_below(source, n) == 0; }
