/* SPDX-License-Identifier: Apache-2.0 */
/* median.c - see median.h. */
#include "median.h"

#include <stdlib.h>

static int by_value(const void *a, const void *b) {
    const double x = *(const double *)a;
    const double y = *(const double *)b;
    return (x > y) - (x < y);
}

double median(double *figures, size_t count) {
    qsort(figures, count, sizeof *figures, by_value);
    return figures[count / 2];
}
