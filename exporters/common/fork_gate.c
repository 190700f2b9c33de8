/* SPDX-License-Identifier: Apache-2.0 */
/* fork_gate.c - see fork_gate.h. */
#include "common/fork_gate.h"

#include "base/clock.h"
#include "base/sync.h"

enum { INSIDE = 1, INSIDE_MASK = 0xffff, FORKING = 0x10000 };

bool otel__fork_gate_enter(struct otel__fork_gate *gate, uint64_t deadline) {
    for (;;) {
        uint32_t word = atomic_load(&gate->word);
        if (word < FORKING) {
            if (atomic_compare_exchange_weak(&gate->word, &word, word + INSIDE))
                return true;
            continue;
        }
        if (otel__clock_monotonic() >= deadline)
            return false;
        otel__nap();
    }
}

void otel__fork_gate_leave(struct otel__fork_gate *gate) { atomic_fetch_sub(&gate->word, INSIDE); }

void otel__fork_gate_close(struct otel__fork_gate *gate) { atomic_fetch_add(&gate->word, FORKING); }

bool otel__fork_gate_empty(const struct otel__fork_gate *gate) { return (atomic_load(&gate->word) & INSIDE_MASK) == 0; }

void otel__fork_gate_open(struct otel__fork_gate *gate, bool in_child) {
    if (in_child)
        atomic_store(&gate->word, 0);
    else
        atomic_fetch_sub(&gate->word, FORKING);
}
