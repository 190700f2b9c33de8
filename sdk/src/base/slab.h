/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab.h - memory that is never unmapped and that a forked child finds zeroed: numbered places of one size.
 *
 * DESIGN. A slab reserves address space once (PROT_NONE: it costs nothing and counts against no overcommit limit) and
 * makes it usable in steps as places are first carved. Places are named by numbers from 1; 0 is "none". Freed places
 * go to a lock-free stack: one word {tag, number}, whose tag changes with every operation, so that a stale view of the
 * stack never passes the compare-and-swap; the links lie in an array of their own, so that a free place is not
 * touched, and the pages of many free ones can be given back (otel__slab_trim()). Because nothing is ever unmapped,
 * reading a place or a link through an outdated number is harmless.
 *
 * Everything that changes lies in memory that fork() wipes (MADV_WIPEONFORK; otel__wiped_after_fork() does it where
 * the kernel cannot): zero is the valid empty state - no place carved, none free - so that a child starts afresh
 * however the parent's threads were interrupted. Only the record of which pages are usable survives, in ordinary
 * memory, since it stays true.
 */
#ifndef OTEL_SDK_SLAB_H
#define OTEL_SDK_SLAB_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed memory that fork() wipes, never freed; NULL when there is none to be had. */
void *otel__wiped_map(size_t size);
/* Address space for such memory, which mprotect() makes usable. */
void *otel__wiped_reserve(size_t size);
/* In a forked child, first of all: wipes where the kernel did not. */
void otel__wiped_after_fork(void);

struct otel__slab_state {                 /* in wiped memory */
    _Alignas(64) _Atomic uint64_t free;   /* {tag:32, number:32} */
    _Alignas(64) _Atomic uint32_t carved; /* places 1..carved have been in use */
};

struct otel__slab {
    char *base; /* place n lies at base + n * place_size */
    uint32_t place_size;
    uint32_t capacity;       /* places 1..capacity */
    _Atomic uint32_t usable; /* places up to here may be touched */
    _Atomic uint32_t *links;
    struct otel__slab_state *state;
};

/*
 * Reserves room for `capacity` places, or fewer (at least `least`) where address space is limited. False when even
 * that fails; it may be tried again. Does nothing to a slab that has its room already.
 */
bool otel__slab_init(struct otel__slab *slab, uint32_t place_size, uint32_t capacity, uint32_t least);

/*
 * Takes up to `want` places; returns how many, which may be none: `numbers` beyond these is scratch. The content of
 * places is what their last user left, or zero. Any thread.
 */
uint32_t otel__slab_take(struct otel__slab *slab, uint32_t *numbers, uint32_t want);
/* Gives places back. Any thread. */
void otel__slab_give(struct otel__slab *slab, const uint32_t *numbers, uint32_t count);

/* Takes all free places: the number that was freed last, whose link leads to the one before. Any thread. */
uint32_t otel__slab_take_all(struct otel__slab *slab);

/*
 * Gives the memory of free places back to the system, but for the `keep` that were freed last, and unless less than
 * twice that is resident at all; they stay free, and read as zero from then on. Where places may be touched while they
 * are free, `seize` keeps others out, who may enter what has become zero; `release` lets them in again where nothing was
 * given back (both or none). Returns the bytes given back. Any thread; meanwhile others have the `keep`, and what is freed.
 */
size_t otel__slab_trim(struct otel__slab *slab, uint32_t keep, bool (*seize)(void *place),
                       void (*release)(void *place));

static inline void *otel__slab_at(const struct otel__slab *slab, uint32_t number) {
    return slab->base + (size_t)number * slab->place_size;
}

/* A number that came from outside: is it a place that may be read? */
static inline bool otel__slab_has(const struct otel__slab *slab, uint32_t number) {
    return number != 0 && number <= atomic_load_explicit(&slab->usable, memory_order_acquire);
}

/* For slabs whose places are numbered by the caller: makes place `number` usable. */
bool otel__slab_reach_(struct otel__slab *slab, uint32_t number);
static inline bool otel__slab_reach(struct otel__slab *slab, uint32_t number) {
    return otel__slab_has(slab, number) || otel__slab_reach_(slab, number);
}

static inline uint32_t otel__slab_carved(const struct otel__slab *slab) {
    return atomic_load_explicit(&slab->state->carved, memory_order_acquire);
}

#endif
