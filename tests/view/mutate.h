/* SPDX-License-Identifier: Apache-2.0 */
/* Repeatable randomness for hostile input. */
#ifndef VIEW_TEST_MUTATE_H
#define VIEW_TEST_MUTATE_H

#include <stddef.h>
#include <stdint.h>

struct mutate_random {
    uint64_t state;
};

uint64_t mutate_next(struct mutate_random *random);

/* Overwrites, inserts, repeats, removes and cuts; the bytes need room for `capacity`. Returns the new length. */
size_t mutate_bytes(struct mutate_random *random, uint8_t *bytes, size_t len, size_t capacity);

void mutate_fill(struct mutate_random *random, uint8_t *bytes, size_t len);

#endif
