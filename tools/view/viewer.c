/* SPDX-License-Identifier: Apache-2.0 */
/* The viewer: shows each trace when it is finished.
 *
 * The spans of one trace come from several processes, each of which sends when its own batch is due, seconds apart.
 * So a trace that visibly lacks something (its root, a parent, the far side of a call) is given more time than one
 * that looks whole. What arrives after a trace was shown makes it pending again; it is then shown once more. */
#include "viewer.h"

#include "render.h"
#include "tree.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { TICK_MS = 50, DEFAULT_WIDTH = 100, MAX_WIDTH = 10000 };

static size_t find_width(int fd) {
    const char *columns = getenv("COLUMNS");
    size_t given = columns ? strtoul(columns, NULL, 10) : 0;
    if (given > 0 && given <= MAX_WIDTH) {
        return given;
    }
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) {
        return size.ws_col;
    }
    return DEFAULT_WIDTH;
}

static bool wants_color(enum view_when when, int fd) {
    if (when != VIEW_AUTO) {
        return when == VIEW_ALWAYS;
    }
    const char *no_color = getenv("NO_COLOR");
    return isatty(fd) && !(no_color && *no_color);
}

/* A tree is written over and over as traces arrive, so it goes out in one piece. */
static void show(struct viewer *viewer, struct view_trace *trace) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = viewer->options.quiet ? NULL : open_memstream(&text, &len);
    if (out) {
        viewer->style.width = find_width(viewer->output.fd);
        view_render_trace(out, &viewer->style, trace);
        if (fclose(out) == 0) {
            view_output_write(&viewer->output, text, len);
        }
        free(text);
    }
    view_store_mark_shown(trace);
}

static void show_evicted(struct view_trace *trace, void *arg) {
    if (trace->is_pending) {
        show(arg, trace);
    }
}

void viewer_init(struct viewer *viewer, const struct view_options *options, struct view_store *store, int output_fd) {
    *viewer = (struct viewer){
        .options = *options,
        .output = { .fd = output_fd },
        .style = { .color = wants_color(options->color, output_fd),
                   .utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0 },
        .store = store,
    };
    view_store_on_evict(store, show_evicted, viewer);
}

/* Looks at a trace once after each arrival. */
static bool looks_whole(struct view_trace *trace) {
    if (!trace->seen_incomplete) {
        struct view_tree *tree = view_tree_build(trace);
        trace->seen_incomplete = tree && !view_tree_is_complete(tree);
        view_tree_free(tree);
    }
    return !trace->seen_incomplete;
}

static bool is_finished(const struct viewer *viewer, struct view_trace *trace, int64_t now) {
    int64_t quiet = now - trace->last_arrival;
    if (quiet < viewer->options.settle_ms) {
        return false;
    }
    return quiet >= viewer->options.patience_ms || looks_whole(trace);
}

void viewer_show_finished(struct viewer *viewer, int64_t now) {
    struct view_trace *trace = view_store_first_pending(viewer->store);
    while (trace) {
        struct view_trace *next = view_store_next_pending(viewer->store, trace);
        if (is_finished(viewer, trace, now)) {
            show(viewer, trace);
        }
        trace = next;
    }
}

void viewer_show_rest(struct viewer *viewer) {
    struct view_trace *trace;
    while ((trace = view_store_first_pending(viewer->store))) {
        show(viewer, trace);
    }
}

int viewer_timeout(const struct viewer *viewer) { return view_store_first_pending(viewer->store) ? TICK_MS : -1; }
