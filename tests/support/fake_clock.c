/* SPDX-License-Identifier: Apache-2.0 */
/* fake_clock.c - see fake_clock.h. */
#include "fake_clock.h"

#include "base/clock.h"

#include <stdatomic.h>

static _Atomic uint64_t wall_now, steady_now;

static uint64_t read_clock(clockid_t id) { return id == CLOCK_REALTIME ? wall_now : steady_now; }

void fake_clock_start(uint64_t wall, uint64_t steady) {
    wall_now = wall;
    steady_now = steady;
    otel__clock_for_tests = read_clock;
}

void fake_clock_pass(uint64_t ns) {
    wall_now += ns;
    steady_now += ns;
}

void fake_clock_set_wall(uint64_t wall) { wall_now = wall; }

void fake_clock_stop(void) { otel__clock_for_tests = NULL; }
