/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tracer.h - binding tracers to the running SDK, and the instrumentation scopes they stand for.
 *
 * DESIGN. A tracer's two opaque words hold an epoch and a scope. The epoch of the running SDK is unique, so one
 * compare tells whether the scope may be used; otherwise the tracer is bound anew under a lock. The scope is stored
 * before the epoch (release), and read after it (acquire). Scopes are freed when the SDK stops; the epoch a tracer
 * keeps then never matches again.
 */
#ifndef OTEL_SDK_TRACER_H
#define OTEL_SDK_TRACER_H

#include <otel/sdk.h>

struct otel__scope {
    otel_scope_data data;
    struct otel__scope *next;
    bool disabled; /* its tracers record nothing */
};

/* With no call running: starts and ends the validity of scopes. False: memory is short. */
bool otel__scopes_begin(void);
void otel__scopes_end(void);
/* Likewise: scopes are made as `config` says from now on (NULL: all enabled). */
void otel__scopes_configure(otel_tracer_config (*config)(void *data, const otel_scope_data *scope), void *data);

/* A scope of its own, one block from malloc(); NULL: it is too large, or memory is short. */
struct otel__scope *otel__scope_copy(const otel_scope_data *from);
/* Whether two copies are of equal scopes. */
bool otel__same_scope(const otel_scope_data *a, const otel_scope_data *b);

/* The tracer's scope in the running SDK. */
const struct otel__scope *otel__tracer_scope(otel_tracer *tracer);

#endif
