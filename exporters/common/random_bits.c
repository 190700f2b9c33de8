/* SPDX-License-Identifier: Apache-2.0 */
/* random_bits.c - see random_bits.h. */
#include "common/random_bits.h"

#include "base/clock.h"

#include <sys/random.h>

uint32_t otel__random_bits(void) {
    uint32_t bits;
    if (getrandom(&bits, sizeof bits, GRND_NONBLOCK) != (ssize_t)sizeof bits)
        bits = (uint32_t)(otel__clock_monotonic() * UINT64_C(0x9e3779b97f4a7c15) >> 32);
    return bits;
}
