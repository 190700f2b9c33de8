/* SPDX-License-Identifier: Apache-2.0 */
/* The viewer: shows each trace when it is finished. */
#ifndef VIEW_VIEWER_H
#define VIEW_VIEWER_H

#include "options.h"
#include "output.h"
#include "store.h"
#include "style.h"

struct viewer {
    struct view_options options;
    struct view_output output;
    struct view_style style;
    struct view_store *store;
};

/* Decides about colours, glyphs and width for the output's terminal; the store stays the caller's. */
void viewer_init(struct viewer *viewer, const struct view_options *options, struct view_store *store, int output_fd);

/* Shows the traces that are finished by now: those that nothing was added to for the settle time if they are whole,
 * and for the time of patience otherwise. */
void viewer_show_finished(struct viewer *viewer, int64_t now);

/* Shows all that was not shown yet. */
void viewer_show_rest(struct viewer *viewer);

/* Milliseconds until viewer_show_finished should be called; -1 when nothing waits. */
int viewer_timeout(const struct viewer *viewer);

#endif
