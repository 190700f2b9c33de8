/* SPDX-License-Identifier: Apache-2.0 */
/*
 * values.h - what contexts carry besides their span: values under keys.
 *
 * DESIGN. A context points to one flat array of entries, which never changes, is counted, and is shared by all contexts
 * that hold the same. Setting a key makes a new array, so that arrays don't grow by replaced values. What an entry
 * refers to lies in a cell that is counted in turn, by the arrays. Counts are atomic and no lock is involved: the
 * memory is malloc()'s, and functions that may allocate or free are not for signal handlers. What the last reference to
 * a cell takes along may be code of the user's, so references are given back outside of the bracket only.
 *
 * A fork copies the counts. What threads that the child doesn't have held there is never given back: it could run code
 * of the user's in a fork handler, and a thread may have been just about to give it back itself.
 */
#ifndef OTEL_API_VALUES_H
#define OTEL_API_VALUES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The library's own keys; those that otel_context_key_create() gives begin above. 0 is no key. */
enum { OTEL__KEY_BAGGAGE = 1, OTEL__KEY_DECISION, OTEL__KEY_REQUEST_ID, OTEL__KEYS_RESERVED = 16 };

/* The head of whatever lies under a key. */
struct otel__cell {
    _Atomic size_t references;
    void (*destroy)(struct otel__cell *cell); /* frees the cell as well */
};

struct otel__values {
    _Atomic size_t references;
    size_t count;
    struct otel__values_entry {
        uint64_t key;
        struct otel__cell *cell;
    } entries[];
};

#pragma GCC visibility push(hidden)

/* NULL is ignored, as it is by all of these. */
void otel__cell_drop(struct otel__cell *cell);
void otel__values_drop(struct otel__values *values);
/* What lies under `key`, borrowed; NULL: nothing. */
struct otel__cell *otel__values_find(const struct otel__values *values, uint64_t key);
/*
 * Makes `*made` of `former`, with `cell` under `key`, or without `key` when it is NULL, and gives a reference to it;
 * NULL when nothing is left. Takes over the reference to `cell`. False: no memory, and nothing was done.
 */
bool otel__values_derive(struct otel__values *former, uint64_t key, struct otel__cell *cell,
                         struct otel__values **made);

#pragma GCC visibility pop

static inline void otel__cell_retain(struct otel__cell *cell) {
    atomic_fetch_add_explicit(&cell->references, 1, memory_order_relaxed);
}

static inline void otel__values_retain(struct otel__values *values) {
    if (values != NULL) {
        atomic_fetch_add_explicit(&values->references, 1, memory_order_relaxed);
    }
}

#endif
