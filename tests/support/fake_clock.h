/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_clock.h - the wall clock and the steady clock in the hands of a test. Deadlines go by the real clock
 * nevertheless. Safe for many threads.
 */
#ifndef OTEL_TEST_FAKE_CLOCK_H
#define OTEL_TEST_FAKE_CLOCK_H

#include <stdint.h>

/* From now on both clocks stand still at these times, in ns. */
void fake_clock_start(uint64_t wall, uint64_t steady);
/* Time passes on both. */
void fake_clock_pass(uint64_t ns);
/* Somebody sets the wall clock, forwards or backwards. */
void fake_clock_set_wall(uint64_t wall);
/* Back to the system's clocks. */
void fake_clock_stop(void);

#endif
