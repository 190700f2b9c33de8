/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork_gate.h - keeps fork() away from the moments in which a foreign library's global state (locks, buffers) is half
 * changed.
 *
 * DESIGN. A thread is "inside" while it runs such a library; waiting for a network is outside. fork() closes the gate,
 * gives whoever is inside a bounded time to leave (sdk/src/fork.c), and opens the gate again afterwards. All state is
 * one atomic word and waiting is short sleeps, so a child inherits nothing locked: it sets the word to zero.
 */
#ifndef OTEL_EXPORTERS_FORK_GATE_H
#define OTEL_EXPORTERS_FORK_GATE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Bits 0-15: threads inside; bits 16-31: forks that are under way. */
struct otel__fork_gate {
    _Atomic uint32_t word;
};

/* Waits while a fork is under way. False: still so at `deadline` (ns); the caller is not inside. */
bool otel__fork_gate_enter(struct otel__fork_gate *gate, uint64_t deadline);
void otel__fork_gate_leave(struct otel__fork_gate *gate);

/* Does not wait for who is inside. */
void otel__fork_gate_close(struct otel__fork_gate *gate);
/* Nobody is inside; once the gate is closed, this stays so. */
bool otel__fork_gate_empty(const struct otel__fork_gate *gate);
/* Undoes one close; in a child, whose only thread has returned from fork(), everything. */
void otel__fork_gate_open(struct otel__fork_gate *gate, bool in_child);

#endif
