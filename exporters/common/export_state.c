/* SPDX-License-Identifier: Apache-2.0 */
/* export_state.c - see export_state.h. */
#include "common/export_state.h"

#include "common/inherited.h"

#include <stdlib.h>

otel_status otel__export_refusal(const struct otel__export_state *state) {
    if (atomic_load(&state->shut))
        return OTEL_ERR_STATE;
    return atomic_load(&state->cancelled) ? OTEL_ERR_CANCELLED : OTEL_OK;
}

void *otel__export_workspace(struct otel__export_state *state, size_t size) {
    if (!state->workspace)
        state->workspace = calloc(1, size);
    return state->workspace;
}

void otel__export_leave_workspace(struct otel__export_state *state) {
    otel__inherited_leave(state->workspace);
    state->workspace = NULL;
}

otel_status otel__export_flush_nothing(void *self, int timeout_ms) {
    (void)self;
    (void)timeout_ms;
    return OTEL_OK;
}

otel_status otel__export_shut_down(void *self, int timeout_ms) {
    struct otel__export_state *state = self;
    (void)timeout_ms;
    atomic_store(&state->shut, true);
    return OTEL_OK;
}

void otel__export_cancel(void *self) {
    struct otel__export_state *state = self;
    atomic_store(&state->cancelled, true);
}

void otel__export_before_fork(void *self) {
    struct otel__export_state *state = self;
    otel__fork_gate_close(&state->gate);
}

bool otel__export_at_rest(void *self) {
    const struct otel__export_state *state = self;
    return otel__fork_gate_empty(&state->gate);
}

void otel__export_after_fork(void *self, bool in_child) {
    struct otel__export_state *state = self;
    if (in_child)
        otel__export_leave_workspace(state);
    otel__fork_gate_open(&state->gate, in_child);
}
