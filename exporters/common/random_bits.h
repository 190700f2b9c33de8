/* SPDX-License-Identifier: Apache-2.0 */
/* random_bits.h - what varies the waits between attempts. */
#ifndef OTEL_EXPORTERS_RANDOM_BITS_H
#define OTEL_EXPORTERS_RANDOM_BITS_H

#include <stdint.h>

/* Of the kernel; where it has none yet, of the clock. Never waits. */
uint32_t otel__random_bits(void);

#endif
