/* SPDX-License-Identifier: Apache-2.0 */
/* The time bar of a span: where in its trace it lies, and how long. */
#ifndef VIEW_BAR_H
#define VIEW_BAR_H

#include "style.h"

#include <stdint.h>
#include <stdio.h>

struct view_period {
    uint64_t start;
    uint64_t end;
};

/* Writes up to the bar's end, at most `columns` columns; a span that took no time still gets a mark. */
void view_bar_put(FILE *out, const struct view_style *style, size_t columns, struct view_period whole,
                  struct view_period part, const char *color);

#endif
