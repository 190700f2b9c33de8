/* SPDX-License-Identifier: Apache-2.0 */
/* tally.h - how often each number came up; made for tens of millions of different ones. */
#ifndef OTEL_TEST_TALLY_H
#define OTEL_TEST_TALLY_H

#include <stddef.h>
#include <stdint.h>

/* Zeroed: empty. Key 0 marks a free place and must not be counted. */
struct tally {
    uint64_t *keys;
    uint32_t *counts;
    size_t size; /* of both, a power of two; at most two thirds are taken */
    size_t distinct;
};

/* How often the key had come up before. */
uint32_t tally_add(struct tally *tally, uint64_t key);
void tally_free(struct tally *tally);

#endif
