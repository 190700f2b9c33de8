/* SPDX-License-Identifier: Apache-2.0 */
/* exporter_double.c - see exporter_double.h. */
#include "exporter_double.h"

#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { WAIT_NS = 200 * 1000, WAITS = 60 * 5000 };

bool wait_a_little(unsigned *times) {
    nanosleep(&(struct timespec){ .tv_nsec = WAIT_NS }, NULL);
    return ++*times < WAITS;
}

/* ---- calls ------------------------------------------------------------------------------------------------------- */

static void enter(struct exporter_double *me) {
    if (atomic_fetch_add(&me->inside, 1) != 0)
        atomic_fetch_add(&me->overlaps, 1);
    if (atomic_load(&me->shutdowns) != 0)
        atomic_fetch_add(&me->late, 1);
}

static void leave(struct exporter_double *me) { atomic_fetch_sub(&me->inside, 1); }

static bool may_go_on(struct exporter_double *me, unsigned what) {
    return !(atomic_load(&me->hold) & what) || (atomic_load(&me->cancelled) && !me->ignores_cancel);
}

static void be_held(struct exporter_double *me, unsigned what) {
    if (may_go_on(me, what))
        return;
    atomic_fetch_add(&me->held, 1);
    for (unsigned times = 0; !may_go_on(me, what) && wait_a_little(&times);) {}
    atomic_fetch_sub(&me->held, 1);
}

static void keep(struct exporter_double *me, const otel_span_data *span) {
    const size_t at = atomic_load(&me->count);
    if (at < DOUBLE_KEEPS) {
        const int length = span->name.len < DOUBLE_NAME ? (int)span->name.len : DOUBLE_NAME - 1;
        snprintf(me->kept[at].name, DOUBLE_NAME, "%.*s", length, span->name.ptr ? span->name.ptr : "");
        memcpy(me->kept[at].trace_id, span->trace_id, sizeof me->kept[at].trace_id);
        memcpy(me->kept[at].span_id, span->span_id, sizeof me->kept[at].span_id);
    }
    const size_t copied = atomic_load(&me->copied);
    if (me->copies && copied < DOUBLE_COPIES) {
        me->copy[copied] = span_copy_make(span);
        atomic_store(&me->copied, copied + 1);
    }
    atomic_store(&me->count, at + 1);
}

static otel_status export_batch(void *self, otel_batch *batch, int timeout_ms, otel_export_outcome *outcome) {
    struct exporter_double *me = self;
    enter(me);
    const size_t count = otel_batch_count(batch);
    atomic_store(&me->export_timeout, timeout_ms);
    atomic_store(&me->thread, (int)syscall(SYS_gettid));
    if (count > atomic_load(&me->largest))
        atomic_store(&me->largest, count);
    atomic_fetch_add(&me->exports, 1);
    for (size_t i = 0; i < count; i++) {
        const otel_span_data *span = otel_batch_span(batch, i);
        if (span)
            keep(me, span);
    }
    if (me->during)
        me->during(me, batch);
    be_held(me, HOLD_EXPORT);
    outcome->rejected = atomic_load(&me->rejects);
    outcome->delivered = atomic_load(&me->delivers);
    outcome->too_large = atomic_load(&me->too_large);
    leave(me);
    return (otel_status)atomic_load(&me->export_status);
}

static otel_status force_flush(void *self, int timeout_ms) {
    struct exporter_double *me = self;
    enter(me);
    atomic_store(&me->flush_timeout, timeout_ms);
    atomic_fetch_add(&me->flushes, 1);
    be_held(me, HOLD_FLUSH);
    leave(me);
    return (otel_status)atomic_load(&me->flush_status);
}

static otel_status shut_down(void *self, int timeout_ms) {
    struct exporter_double *me = self;
    enter(me);
    atomic_store(&me->shutdown_timeout, timeout_ms);
    atomic_fetch_add(&me->shutdowns, 1);
    be_held(me, HOLD_SHUTDOWN);
    leave(me);
    return (otel_status)atomic_load(&me->shutdown_status);
}

static void cancel(void *self) {
    struct exporter_double *me = self;
    atomic_fetch_add(&me->cancels, 1);
    atomic_store(&me->cancelled, true);
}

static void before_fork(void *self) {
    struct exporter_double *me = self;
    atomic_fetch_add(&me->forks_before, 1);
}

/* For the first few times that it is asked, not yet. */
static bool at_rest(void *self) {
    struct exporter_double *me = self;
    return atomic_fetch_add(&me->rests_asked, 1) >= atomic_load(&me->rests_after);
}

static void after_fork(void *self, bool in_child) {
    struct exporter_double *me = self;
    atomic_fetch_add(in_child ? &me->forks_child : &me->forks_parent, 1);
}

static void destroy(void *self) {
    struct exporter_double *me = self;
    atomic_fetch_add(&me->destroys, 1);
}

/* ---- for tests --------------------------------------------------------------------------------------------------- */

#define OPERATIONS                                                                                                     \
    .size = sizeof(otel_exporter_ops), .export_batch = export_batch, .force_flush = force_flush,                       \
    .shutdown = shut_down, .cancel = cancel, .before_fork = before_fork, .at_rest = at_rest, .after_fork = after_fork, \
    .destroy = destroy

otel_exporter *exporter_double_make(struct exporter_double *me) {
    static const otel_exporter_ops blocking = { OPERATIONS, .name = "double", .blocking = true };
    static const otel_exporter_ops direct = { OPERATIONS, .name = "double", .blocking = false };
    return otel_exporter_create(me->blocking ? &blocking : &direct, me);
}

void exporter_double_reset(struct exporter_double *me) {
    for (size_t i = 0; i < atomic_load(&me->copied); i++)
        span_copy_free(me->copy[i]);
    memset(me, 0, sizeof *me);
}

size_t exporter_double_named(struct exporter_double *me, const char *name) {
    size_t found = 0;
    for (size_t i = 0; i < atomic_load(&me->count) && i < DOUBLE_KEEPS; i++)
        found += strcmp(me->kept[i].name, name) == 0;
    return found;
}
