/* SPDX-License-Identifier: Apache-2.0 */
/* A trace as a tree of text lines, with a time bar beside each span. */
#ifndef VIEW_RENDER_H
#define VIEW_RENDER_H

#include "store.h"
#include "style.h"

#include <stdio.h>

/* Widths outside this range are taken as its ends. */
enum { VIEW_MIN_WIDTH = 72, VIEW_MAX_WIDTH = 240 };

/* At most this many rows; the rest is counted. */
enum { VIEW_MAX_ROWS = 200 };

/* Spans that the trace had when it was shown before are not told from new ones; the headline says that it is shown
 * again. */
void view_render_trace(FILE *out, const struct view_style *style, const struct view_trace *trace);

#endif
