/* SPDX-License-Identifier: Apache-2.0 */
/* tally.c - see tally.h: a hash table in which a key lies at the first free place from its own on. */
#include "tally.h"

#include <stdio.h>
#include <stdlib.h>

enum { FIRST_SIZE = 1024 };

static void *zeroed(size_t count, size_t size) {
    void *memory = calloc(count, size);
    if (!memory) {
        fputs("test-collector: out of memory\n", stderr);
        exit(1);
    }
    return memory;
}

static size_t place_of(const struct tally *tally, uint64_t key) {
    size_t place = (size_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 20) & (tally->size - 1);
    while (tally->keys[place] != 0 && tally->keys[place] != key)
        place = (place + 1) & (tally->size - 1);
    return place;
}

static void grow(struct tally *tally) {
    const struct tally old = *tally;
    tally->size = old.size ? 2 * old.size : FIRST_SIZE;
    tally->keys = zeroed(tally->size, sizeof *tally->keys);
    tally->counts = zeroed(tally->size, sizeof *tally->counts);
    for (size_t i = 0; i < old.size; i++)
        if (old.keys[i] != 0) {
            const size_t place = place_of(tally, old.keys[i]);
            tally->keys[place] = old.keys[i];
            tally->counts[place] = old.counts[i];
        }
    free(old.keys);
    free(old.counts);
}

uint32_t tally_add(struct tally *tally, uint64_t key) {
    if (tally->distinct >= tally->size / 3 * 2)
        grow(tally);
    const size_t place = place_of(tally, key);
    if (tally->keys[place] == 0) {
        tally->keys[place] = key;
        tally->distinct++;
    }
    return tally->counts[place]++;
}

void tally_free(struct tally *tally) {
    free(tally->keys);
    free(tally->counts);
    *tally = (struct tally){ .size = 0 };
}
