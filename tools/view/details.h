/* SPDX-License-Identifier: Apache-2.0 */
/* The lines under a span: its error, its attributes, its events, its links. */
#ifndef VIEW_DETAILS_H
#define VIEW_DETAILS_H

#include "style.h"
#include "tree.h"

#include <stdio.h>

struct view_margin {
    const char *text; /* what stands before each line */
    size_t columns;
};

void view_details_put(FILE *out, const struct view_style *style, const struct view_span *span,
                      struct view_margin margin);

#endif
