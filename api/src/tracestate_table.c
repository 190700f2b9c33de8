/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracestate_table.c - the bounded table that holds the texts of all tracestates of the process.
 *
 * DESIGN. Places never move and are never unmapped, so that a stale reference can be looked up. Each has one atomic
 * word {generation:40, writing:1, references:23}; a reference is {generation:40, place:24} and retains by a
 * compare-and-swap that fails when the generation moved on. A place without references keeps its text, for the spans
 * that name it weakly, until it is needed: places are used round robin, and more are opened as long as there are fewer
 * than `warm` or a short search finds none free. Nothing waits for anybody: a place whose writer a fork left behind
 * stays `writing` and is lost to the child. There are two sizes of places; nearly every tracestate fits the small one.
 */
#include "tracestate_table.h"
#include "reserve.h"
#include "thread.h"

#include <string.h>

#define STATE_BITS 24u
#define WRITING (UINT64_C(1) << 23)
#define REFERENCES (WRITING - 1)
#define PLACE_MASK ((UINT64_C(1) << STATE_BITS) - 1)

enum { SEARCH_SHORT = 8, SEARCH_LONG = 512 };

struct place {
    _Atomic uint64_t state;
    _Atomic uint32_t length;
    char text[]; /* NUL-terminated */
};

struct size_class {
    const uint32_t first; /* number of its first place */
    const uint32_t count;
    const uint32_t warm;
    const size_t bytes; /* of a place */
    struct otel__reserve memory;
    _Atomic uint32_t used;
    _Atomic uint32_t next; /* where the next search begins; a hint */
};

enum {
    SMALL_COUNT = 16384,
    SMALL_BYTES = 512,
    LARGE_COUNT = 2048,
    LARGE_BYTES = 16640, /* the longest text, its NUL and the header */
};
_Static_assert(LARGE_BYTES > OTEL__TRACESTATE_LONGEST + offsetof(struct place, text), "the longest text must fit");

static struct size_class classes[] = {
    { .first = 0,
      .count = SMALL_COUNT,
      .warm = 256,
      .bytes = SMALL_BYTES,
      .memory = { .size = (size_t)SMALL_COUNT * SMALL_BYTES } },
    { .first = SMALL_COUNT,
      .count = LARGE_COUNT,
      .warm = 32,
      .bytes = LARGE_BYTES,
      .memory = { .size = (size_t)LARGE_COUNT * LARGE_BYTES } },
};

static struct place *place_at(const struct size_class *class, uint32_t index) {
    return (struct place *)(void *)(otel__reserve_base(&class->memory) + index * class->bytes);
}

/* The place that a reference names, if there ever was such a place. */
static struct place *place_of(uint64_t state) {
    uint32_t number = (uint32_t)(state & PLACE_MASK);
    const struct size_class *class = &classes[number >= SMALL_COUNT];
    uint32_t index = number - class->first;
    return index < atomic_load_explicit(&class->used, memory_order_acquire) ? place_at(class, index) : NULL;
}

/* ---- references -------------------------------------------------------------------------------------------------- */

static bool same_generation(uint64_t word, uint64_t state) { return word >> STATE_BITS == state >> STATE_BITS; }

bool otel__tracestate_retain(uint64_t state) {
    if (state == 0) {
        return true;
    }
    struct place *place = place_of(state);
    if (place == NULL) {
        return false;
    }
    uint64_t word = atomic_load_explicit(&place->state, memory_order_relaxed);
    do {
        if (!same_generation(word, state) || (word & WRITING) != 0 || (word & REFERENCES) == REFERENCES) {
            return false;
        }
    } while (!atomic_compare_exchange_weak_explicit(&place->state, &word, word + 1, memory_order_acquire,
                                                    memory_order_relaxed));
    return true;
}

void otel__tracestate_drop(uint64_t state) {
    struct place *place = state != 0 ? place_of(state) : NULL;
    if (place == NULL) {
        return;
    }
    uint64_t word = atomic_load_explicit(&place->state, memory_order_relaxed);
    do {
        if (!same_generation(word, state) || (word & REFERENCES) == 0) {
            return; /* given back once too often */
        }
    } while (!atomic_compare_exchange_weak_explicit(&place->state, &word, word - 1, memory_order_release,
                                                    memory_order_relaxed));
}

otel_str otel__tracestate_text(uint64_t state) {
    struct place *place = state != 0 ? place_of(state) : NULL;
    if (place == NULL || !same_generation(atomic_load_explicit(&place->state, memory_order_acquire), state)) {
        return otel_strn(NULL, 0);
    }
    return otel_strn(place->text, atomic_load_explicit(&place->length, memory_order_relaxed));
}

/* ---- taking a place ---------------------------------------------------------------------------------------------- */

/* Takes the place if nobody refers to it, as who is writing to it does. */
static bool place_take(struct place *place, uint64_t *word) {
    uint64_t former = atomic_load_explicit(&place->state, memory_order_relaxed);
    if ((former & REFERENCES) != 0) {
        return false;
    }
    uint64_t generation = (former >> STATE_BITS) + 1;
    if (generation >> (64 - STATE_BITS) != 0) {
        generation = 1; /* a reference is never 0 */
    }
    *word = generation << STATE_BITS | WRITING | 1;
    return atomic_compare_exchange_strong_explicit(&place->state, &former, *word, memory_order_acquire,
                                                   memory_order_relaxed);
}

/* Looks at `most` places from where the last search ended. */
static struct place *search(struct size_class *class, uint32_t used, uint32_t most, uint64_t *state) {
    uint32_t index = atomic_load_explicit(&class->next, memory_order_relaxed);
    for (uint32_t i = 0; i < most && i < used; i++, index++) {
        if (index >= used) {
            index = 0;
        }
        struct place *place = place_at(class, index);
        uint64_t word;
        if (place_take(place, &word)) {
            atomic_store_explicit(&class->next, index + 1, memory_order_relaxed);
            *state = (word & ~PLACE_MASK) | (class->first + index);
            return place;
        }
    }
    return NULL;
}

/* Opens one more place; another thread may take it first. */
static bool open_place(struct size_class *class, uint32_t used) {
    if (used >= class->count || otel__reserve_grow(&class->memory, (used + 1) * class->bytes) == NULL) {
        return false;
    }
    if (atomic_compare_exchange_strong(&class->used, &used, used + 1)) {
        atomic_store_explicit(&class->next, used, memory_order_relaxed);
    }
    return true;
}

static struct place *find_place(struct size_class *class, uint64_t *state) {
    for (;;) {
        uint32_t used = atomic_load_explicit(&class->used, memory_order_acquire);
        struct place *place = used >= class->warm ? search(class, used, SEARCH_SHORT, state) : NULL;
        if (place == NULL && !open_place(class, used)) {
            return search(class, used, SEARCH_LONG, state);
        }
        if (place == NULL) {
            place = search(class, used + 1, SEARCH_SHORT, state);
        }
        if (place != NULL) {
            return place;
        }
    }
}

char *otel__tracestate_reserve(size_t length, uint64_t *state) {
    if (length == 0 || length > OTEL__TRACESTATE_LONGEST) {
        return NULL;
    }
    struct size_class *class = &classes[length > SMALL_BYTES - offsetof(struct place, text) - 1];
    struct place *place = find_place(class, state);
    if (place == NULL) {
        otel__tell(OTEL__MISUSE_TRACESTATE_FULL);
        return NULL;
    }
    atomic_store_explicit(&place->length, (uint32_t)length, memory_order_relaxed);
    place->text[length] = '\0';
    return place->text;
}

void otel__tracestate_publish(uint64_t state) {
    struct place *place = place_of(state);
    atomic_store_explicit(&place->state, (state & ~PLACE_MASK) | 1, memory_order_release);
}

uint64_t otel__tracestate_intern(otel_str text) {
    uint64_t state;
    char *place = text.ptr != NULL ? otel__tracestate_reserve(text.len, &state) : NULL;
    if (place == NULL) {
        return 0;
    }
    memcpy(place, text.ptr, text.len);
    otel__tracestate_publish(state);
    return state;
}
