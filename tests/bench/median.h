/* SPDX-License-Identifier: Apache-2.0 */
/*
 * median.h - the middle one of many measurements.
 */
#ifndef OTEL_BENCH_MEDIAN_H
#define OTEL_BENCH_MEDIAN_H

#include <stddef.h>

/* Sorts the figures, of which there is at least one; of an even number the upper one of the two in the middle. */
double median(double *figures, size_t count);

#endif
