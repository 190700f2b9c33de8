/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab_trim.c - gives the memory of free places back: see slab.h.
 *
 * The whole stack of free places is taken at once, so that the places on it are ours alone. Those that were freed last
 * go back first, since they are needed next; the others, found again by a bit each, go back once the pages that hold
 * nothing else have been given back, in order, so that neighbours are used together again.
 */
#include "base/slab.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { GROUP = 64 };

struct trim {
    struct otel__slab *slab;
    bool (*seize)(void *place);
    void (*release)(void *place);
    uint32_t on_a_page; /* places; 1 where a place has pages */
    size_t page;
    size_t given_back;
    unsigned char *resident; /* by mincore(), for each page up to place `looked_at`; NULL: not known */
    uint32_t looked_at;
    uint64_t ours[]; /* a bit for each place */
};

static bool is_ours(const struct trim *t, uint32_t number) { return t->ours[number / 64] >> number % 64 & 1; }

/* ---- pages ------------------------------------------------------------------------------------------------------- */

static void release_all(const struct trim *t, uint32_t first, uint32_t end) {
    for (uint32_t number = first; t->release && number < end; number++)
        t->release(otel__slab_at(t->slab, number));
}

static bool seize_all(const struct trim *t, uint32_t first, uint32_t end) {
    for (uint32_t number = first; t->seize && number < end; number++) {
        if (t->seize(otel__slab_at(t->slab, number)))
            continue;
        release_all(t, first, number);
        return false;
    }
    return true;
}

static bool all_ours(const struct trim *t, uint32_t first, uint32_t end) {
    for (uint32_t number = first; number < end; number++)
        if (!is_ours(t, number))
            return false;
    return true;
}

/* What was given back before must not be touched, or it would be there again. */
static bool has_memory(const struct trim *t, uint32_t first, uint32_t end) {
    const size_t last = ((size_t)end * t->slab->place_size - 1) / t->page;
    for (size_t page = (size_t)first * t->slab->place_size / t->page; t->resident && page <= last; page++)
        if (t->resident[page] & 1)
            return true;
    return !t->resident;
}

/* Gives the places [first, end) back, which begin and end with a page. The system may refuse: pages may be locked. */
static void give_back(struct trim *t, uint32_t first, uint32_t end) {
    const size_t size = (size_t)(end - first) * t->slab->place_size;
    if (first == end)
        return;
    if (madvise(otel__slab_at(t->slab, first), size, MADV_DONTNEED) == 0)
        t->given_back += size;
    else
        release_all(t, first, end);
}

static void look_for_memory(struct trim *t) {
    t->looked_at = otel__slab_carved(t->slab);
    const size_t size = ((size_t)t->looked_at + 1) * t->slab->place_size;
    t->resident = malloc(size / t->page + 1);
    if (t->resident && mincore(t->slab->base, size, t->resident) != 0) {
        free(t->resident);
        t->resident = NULL;
    }
}

/* Whether there is so much memory that taking all free places is worth it. */
static bool is_worth_it(const struct trim *t, uint32_t keep) {
    const size_t pages = ((size_t)t->looked_at + 1) * t->slab->place_size / t->page;
    size_t resident = 0;
    for (size_t page = 0; t->resident && page < pages; page++)
        resident += t->resident[page] & 1;
    return !t->resident || resident * t->page >= 2 * (size_t)keep * t->slab->place_size;
}

/* Page by page, or place by place where these are larger; neighbours together. */
static void trim_pages(struct trim *t) {
    uint32_t first = t->on_a_page; /* of the run of places that are ours; the page of place 0 stays */
    uint32_t number = first;
    for (; number + t->on_a_page <= t->looked_at + 1; number += t->on_a_page) {
        const uint32_t end = number + t->on_a_page;
        if (all_ours(t, number, end) && has_memory(t, number, end) && seize_all(t, number, end))
            continue;
        give_back(t, first, number);
        first = number + t->on_a_page;
    }
    give_back(t, first, number);
}

/* ---- places ------------------------------------------------------------------------------------------------------ */

/* Gives `count` places of the list from `number` on to the slab; returns the next. */
static uint32_t give_some(struct otel__slab *slab, uint32_t number, uint32_t count) {
    uint32_t group[GROUP];
    while (number != 0 && count != 0) {
        uint32_t filled = 0;
        for (; number != 0 && count != 0 && filled < GROUP; count--) {
            group[filled++] = number;
            number = atomic_load_explicit(&slab->links[number], memory_order_relaxed);
        }
        otel__slab_give(slab, group, filled);
    }
    return number;
}

static void mark_ours(struct trim *t, uint32_t number) {
    for (; number != 0; number = atomic_load_explicit(&t->slab->links[number], memory_order_relaxed))
        t->ours[number / 64] |= UINT64_C(1) << number % 64;
}

/* Our places from `number` down, as many as fit; returns where to go on. */
static uint32_t fill_group(const struct trim *t, uint32_t number, uint32_t *group, uint32_t *filled) {
    for (*filled = 0; number != 0 && *filled < GROUP; number--)
        if (is_ours(t, number))
            group[(*filled)++] = number;
    return number;
}

/*
 * Below what is free by now, so that places with memory are taken first. That is taken when the first of ours are at
 * hand, so that others find nothing free for no more than a moment.
 */
static void give_ours(struct trim *t) {
    uint32_t group[GROUP], filled;
    uint32_t number = fill_group(t, otel__slab_carved(t->slab), group, &filled);
    const uint32_t above = filled ? otel__slab_take_all(t->slab) : 0;
    while (filled != 0) {
        otel__slab_give(t->slab, group, filled);
        number = fill_group(t, number, group, &filled);
    }
    give_some(t->slab, above, UINT32_MAX);
}

static bool fits_pages(const struct otel__slab *slab, size_t page) {
    return page % slab->place_size == 0 || slab->place_size % page == 0;
}

size_t otel__slab_trim(struct otel__slab *slab, uint32_t keep, bool (*seize)(void *place),
                       void (*release)(void *place)) {
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (otel__slab_carved(slab) <= keep || !fits_pages(slab, page))
        return 0;
    const int saved = errno;
    struct trim *t = calloc(1, sizeof *t + ((size_t)slab->capacity / 64 + 1) * sizeof *t->ours);
    size_t given_back = 0;
    if (t) {
        t->slab = slab;
        t->page = page;
        t->seize = seize;
        t->release = release;
        t->on_a_page = page > slab->place_size ? (uint32_t)(page / slab->place_size) : 1;
        look_for_memory(t);
        if (is_worth_it(t, keep)) {
            mark_ours(t, give_some(slab, otel__slab_take_all(slab), keep));
            trim_pages(t);
            give_ours(t);
        }
        given_back = t->given_back;
        free(t->resident);
        free(t);
    }
    errno = saved;
    return given_back;
}
