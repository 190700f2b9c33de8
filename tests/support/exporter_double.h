/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exporter_double.h - an exporter that keeps what it is given and does what a test tells it to, and waiting for
 * conditions.
 *
 * A zeroed double succeeds at everything at once. It belongs to the test and must outlive the exporter made from it,
 * so let it be static. Safe to be looked at and told what to do from any thread.
 */
#ifndef OTEL_TEST_EXPORTER_DOUBLE_H
#define OTEL_TEST_EXPORTER_DOUBLE_H

#include "span_assert.h"

#include <otel/sdk.h>
#include <stdatomic.h>

enum { DOUBLE_KEEPS = 16384, DOUBLE_COPIES = 64, DOUBLE_NAME = 24 };
/* What can be held up until it is released or cancelled. */
enum { HOLD_EXPORT = 1, HOLD_FLUSH = 2, HOLD_SHUTDOWN = 4 };

struct exporter_double {
    /* To be set before the exporter is made. */
    bool blocking;       /* says that its export may wait */
    bool copies;         /* keeps whole spans, the first 64 of them */
    bool ignores_cancel; /* when held */
    /* Runs inside each export, on its thread. */
    void (*during)(struct exporter_double *me, otel_batch *batch);

    /* To be changed at any time. */
    _Atomic int export_status, flush_status, shutdown_status; /* otel_status to be returned */
    _Atomic uint64_t rejects, delivers, too_large;            /* of each batch: its outcome */
    _Atomic unsigned hold;                                    /* HOLD_... */
    _Atomic unsigned rests_after;                             /* as often is its at_rest false */

    /* What happened. */
    _Atomic unsigned exports, flushes, shutdowns, destroys, cancels, held;
    _Atomic unsigned forks_before, forks_parent, forks_child, rests_asked;
    _Atomic unsigned overlaps; /* calls that found another one running */
    _Atomic unsigned late;     /* calls after shutdown */
    _Atomic unsigned inside;
    _Atomic bool cancelled;
    _Atomic int export_timeout, flush_timeout, shutdown_timeout; /* of the last call */
    _Atomic size_t largest;                                      /* batch */
    _Atomic int thread;                                          /* that exported last, as gettid() */
    _Atomic size_t count;                                        /* of spans given, kept or not */
    struct {
        char name[DOUBLE_NAME];
        uint8_t trace_id[16], span_id[8];
    } kept[DOUBLE_KEEPS];
    _Atomic size_t copied;
    struct span_copy *copy[DOUBLE_COPIES];
};

/* As if it had never been used. Frees the copies. Not while an exporter made from it lives. */
void exporter_double_reset(struct exporter_double *me);
/* The exporter; destroyed by whoever gets it. */
otel_exporter *exporter_double_make(struct exporter_double *me);
/* How many spans of this name it was given. */
size_t exporter_double_named(struct exporter_double *me, const char *name);

/* Sleeps a little. False when that has been done for long enough to call it a hang (a minute). */
bool wait_a_little(unsigned *times);
/* Waits for a condition that must come true soon: look at it again afterwards. */
#define WAIT_UNTIL(condition)                                                                                          \
    for (unsigned waits_ = 0; !(condition) && wait_a_little(&waits_);) {}
/* Asserts that the condition comes true soon; it may turn false again. */
#define assert_soon(condition)                                                                                         \
    do {                                                                                                               \
        bool came_ = (condition);                                                                                      \
        for (unsigned waits_ = 0; !came_ && wait_a_little(&waits_);)                                                   \
            came_ = (condition);                                                                                       \
        _assert_true(came_, #condition, __FILE__, __LINE__);                                                           \
    } while (0)

#endif
