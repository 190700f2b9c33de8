/* SPDX-License-Identifier: Apache-2.0 */
/* roundtrip_run.h - makes the calls of a plan, on several threads. */
#ifndef ROUNDTRIP_RUN_H
#define ROUNDTRIP_RUN_H

#include "roundtrip_plan.h"

/* Between which offsets of the wall clock from the steady one the run took place, in ns. */
struct roundtrip_clock {
    int64_t least, most;
};

/* Tracestates that live as long as the test: spans hold theirs weakly. */
void roundtrip_states_hold(void);
void roundtrip_states_release(void);

/*
 * Makes the calls. What a call is given is overwritten and freed as soon as it has returned. The spans' observed
 * members are filled.
 */
struct roundtrip_clock roundtrip_run(struct roundtrip_plan *plan);

#endif
