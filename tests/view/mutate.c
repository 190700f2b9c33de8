/* SPDX-License-Identifier: Apache-2.0 */
/* Repeatable randomness for hostile input. */
#include "mutate.h"

#include <string.h>

uint64_t mutate_next(struct mutate_random *random) {
    random->state += UINT64_C(0x9E3779B97F4A7C15);
    uint64_t z = random->state;
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static size_t below(struct mutate_random *random, size_t bound) {
    return bound > 0 ? (size_t)(mutate_next(random) % bound) : 0;
}

void mutate_fill(struct mutate_random *random, uint8_t *bytes, size_t len) {
    for (size_t i = 0; i < len; i++) {
        bytes[i] = (uint8_t)mutate_next(random);
    }
}

static void overwrite(struct mutate_random *random, uint8_t *bytes, size_t len) {
    static const uint8_t telling[] = { 0x00, 0x01, 0x0A, 0x12, 0x2A, 0x32, 0x4A, 0x5A, 0x7F, 0x80, 0xFF };
    uint8_t *byte = &bytes[below(random, len)];
    switch (below(random, 3)) {
    case 0:
        *byte ^= (uint8_t)(1u << below(random, 8));
        break;
    case 1:
        *byte = telling[below(random, sizeof telling)];
        break;
    default:
        *byte = (uint8_t)mutate_next(random);
    }
}

/* Copies a piece from one place in front of another. */
static size_t repeat(struct mutate_random *random, uint8_t *bytes, size_t len, size_t capacity) {
    size_t from = below(random, len);
    size_t piece = below(random, len - from) % 256;
    size_t to = below(random, len);
    if (piece > capacity - len) {
        return len;
    }
    uint8_t copy[256];
    memcpy(copy, bytes + from, piece);
    memmove(bytes + to + piece, bytes + to, len - to);
    memcpy(bytes + to, copy, piece);
    return len + piece;
}

static size_t remove_piece(struct mutate_random *random, uint8_t *bytes, size_t len) {
    size_t from = below(random, len);
    size_t piece = below(random, len - from) % 64;
    memmove(bytes + from, bytes + from + piece, len - from - piece);
    return len - piece;
}

size_t mutate_bytes(struct mutate_random *random, uint8_t *bytes, size_t len, size_t capacity) {
    size_t steps = 1 + below(random, 8);
    for (size_t i = 0; i < steps && len > 0; i++) {
        switch (below(random, 12)) {
        case 0:
            len = repeat(random, bytes, len, capacity);
            break;
        case 1:
            len = remove_piece(random, bytes, len);
            break;
        case 2:
            len = i == 0 ? below(random, len) : len;
            break;
        default:
            overwrite(random, bytes, len);
        }
    }
    return len;
}
