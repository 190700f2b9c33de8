/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reserve.h - address space that becomes memory from its start on, in steps, and is never given back. What lies in it
 * keeps its address for the life of the process, so a stale index or reference can be looked up without fear.
 */
#ifndef OTEL_API_RESERVE_H
#define OTEL_API_RESERVE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

struct otel__reserve {
    const size_t size; /* of the whole range, in bytes */
    _Atomic uintptr_t base;
    _Atomic size_t usable;
};

/*
 * The start of the range, of which at least `bytes` are zeroed or used memory; NULL when the system refuses. Any
 * thread, a signal handler as well; no lock, so that a fork at any moment leaves it whole.
 */
char *otel__reserve_grow(struct otel__reserve *reserve, size_t bytes);

/* The start of the range; NULL before the first growth. */
static inline char *otel__reserve_base(const struct otel__reserve *reserve) {
    return (char *)atomic_load_explicit(&reserve->base, memory_order_acquire);
}

#endif
