/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failing_allocator.h - makes allocations of the calling thread fail. It takes the place of malloc(), calloc() and
 * realloc() in the test that links it, which is not possible under sanitizers (they do so themselves) nor without
 * glibc.
 */
#ifndef OTEL_TEST_FAILING_ALLOCATOR_H
#define OTEL_TEST_FAILING_ALLOCATOR_H

#include <stdbool.h>

/* False where allocations cannot be made to fail: the test says so and skips. */
bool failing_allocator_works(void);

/* The thread's `nth` allocation from now on fails, from 1, and all after it if `all`. 0: none fails any more. */
void failing_allocator_fail(unsigned nth, bool all);
/* How many allocations of the thread were made to fail since then. */
unsigned failing_allocator_failures(void);

/* Calls `hook` on whichever thread's realloc() has just succeeded, before that returns; NULL: no more. */
void failing_allocator_after_realloc(void (*hook)(void));
/* The same of free(), of blocks that are not NULL. */
void failing_allocator_after_free(void (*hook)(void));

#endif
