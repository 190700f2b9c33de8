/* SPDX-License-Identifier: Apache-2.0 */
/* anchor.c - see anchor.h. */
#include "anchor.h"

#include "base/slab.h"

#include <stddef.h>

enum { PLACES = 4096 }; /* the index is the top 12 bits of a hash */

/*
 * Two words per place, written without a lock: `check` is id ^ offset ^ MARK, so a pair torn by two writers names no
 * trace. MARK keeps a zeroed place from matching.
 */
struct place {
    _Atomic uint64_t check, offset;
};
#define MARK UINT64_C(0x6f74656c2d63)

static struct place *places; /* in wiped memory */

bool otel__anchors_init(void) {
    if (!places)
        places = otel__wiped_map(PLACES * sizeof *places);
    return places != NULL;
}

/* Ids of other generators may be random in some bits only. */
static struct place *place_of(uint64_t id) { return &places[(id * UINT64_C(0x9E3779B97F4A7C15)) >> 52]; }

void otel__anchor_set(uint64_t trace_id_low, int64_t offset) {
    struct place *place = place_of(trace_id_low);
    atomic_store_explicit(&place->check, trace_id_low ^ (uint64_t)offset ^ MARK, memory_order_relaxed);
    atomic_store_explicit(&place->offset, (uint64_t)offset, memory_order_relaxed);
}

bool otel__anchor_get(uint64_t trace_id_low, int64_t *offset) {
    struct place *place = place_of(trace_id_low);
    const uint64_t found = atomic_load_explicit(&place->offset, memory_order_relaxed);
    const uint64_t check = atomic_load_explicit(&place->check, memory_order_relaxed);
    *offset = (int64_t)found;
    return check == (trace_id_low ^ found ^ MARK);
}
