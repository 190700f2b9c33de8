/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_state.h - what exporters are beside exporting: shut down, cancelled, kept still for a fork. It is the first member
 * of an exporter's structure, so that those of the functions that take a `self` are operations (otel/exporter.h) as they
 * stand.
 */
#ifndef OTEL_EXPORTERS_EXPORT_STATE_H
#define OTEL_EXPORTERS_EXPORT_STATE_H

#include "common/fork_gate.h"

#include <otel/exporter.h>

struct otel__export_state {
    atomic_bool shut, cancelled;
    struct otel__fork_gate gate; /* of code that cannot bear a fork */
    void *
        workspace; /* what an export changes; begins with a struct otel__inherited. NULL in a child that has not exported */
};

/* Why nothing is exported any more; OTEL_OK: it is. */
otel_status otel__export_refusal(const struct otel__export_state *state);
/* The workspace, of `size` zero bytes when it is made. NULL: out of memory. */
void *otel__export_workspace(struct otel__export_state *state, size_t size);
/* In a forked child: the workspace may be half changed. */
void otel__export_leave_workspace(struct otel__export_state *state);

/* Of an exporter under which nothing stays under way after an export. */
otel_status otel__export_flush_nothing(void *self, int timeout_ms);
otel_status otel__export_shut_down(void *self, int timeout_ms);
void otel__export_cancel(void *self);
/* Of an exporter that enters and leaves the gate. */
void otel__export_before_fork(void *self);
bool otel__export_at_rest(void *self);
void otel__export_after_fork(void *self, bool in_child);

#endif
