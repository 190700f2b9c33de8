/* SPDX-License-Identifier: Apache-2.0 */
/* reserve.c - growing ranges of memory at fixed addresses; see reserve.h. */
#include "reserve.h"

#include <errno.h>
#include <sys/mman.h>

enum { STEP = 64 * 1024 };

/* Threads may race here: the first to publish its range wins, the others give theirs back. */
static char *reserve_range(struct otel__reserve *reserve) {
    void *range = mmap(NULL, reserve->size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (range == MAP_FAILED) {
        return NULL;
    }
    uintptr_t base = 0;
    if (atomic_compare_exchange_strong(&reserve->base, &base, (uintptr_t)range)) {
        return range;
    }
    munmap(range, reserve->size);
    return (char *)base;
}

/* Making the same pages accessible twice is harmless, so racing threads need only agree on the greatest extent. */
static char *extend(struct otel__reserve *reserve, size_t bytes) {
    char *base = otel__reserve_base(reserve);
    if (base == NULL) {
        base = reserve_range(reserve);
    }
    size_t wanted = (bytes + STEP - 1) / STEP * STEP;
    if (base == NULL || wanted > reserve->size || mprotect(base, wanted, PROT_READ | PROT_WRITE) != 0) {
        return NULL;
    }
    size_t usable = atomic_load(&reserve->usable);
    while (usable < wanted && !atomic_compare_exchange_weak(&reserve->usable, &usable, wanted)) {}
    return base;
}

char *otel__reserve_grow(struct otel__reserve *reserve, size_t bytes) {
    if (bytes <= atomic_load_explicit(&reserve->usable, memory_order_acquire)) {
        return otel__reserve_base(reserve);
    }
    int saved = errno;
    char *base = extend(reserve, bytes);
    errno = saved;
    return base;
}
