/* SPDX-License-Identifier: Apache-2.0 */
/*
 * counting_allocator.h - counts what each thread takes from the heap. It takes the place of malloc() and its kin in the
 * program that links it, so that calls from inside libc, such as strdup()'s, count too. Not possible under sanitizers
 * (they do so themselves) nor without glibc.
 */
#ifndef COUNTING_ALLOCATOR_H
#define COUNTING_ALLOCATOR_H

#include <stdbool.h>
#include <stdint.h>

/* False where allocations cannot be counted: the test says so and skips. */
bool counting_allocator_works(void);

/* What the calling thread has taken from the heap so far; what libcurl took for itself apart. */
uint64_t allocations(void);
/* What libcurl has taken on the calling thread. */
uint64_t allocations_by_curl(void);

/* Gives libcurl functions that count apart. Before anything initialises it. */
bool counting_allocator_tell_curl(void);

#endif
