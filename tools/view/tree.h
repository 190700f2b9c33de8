/* SPDX-License-Identifier: Apache-2.0 */
/* The spans of a trace in the order of its tree: each after its parent, siblings by start time. */
#ifndef VIEW_TREE_H
#define VIEW_TREE_H

#include "store.h"

#define VIEW_NO_ROW SIZE_MAX

/* A row stands for a span or, without one, for a parent that spans name and that has not been received. */
struct view_tree_row {
    const struct view_span *span;
    const uint8_t *missing_id; /* when span is NULL */
    size_t parent;             /* its row; VIEW_NO_ROW at the top */
    size_t depth;
    bool is_last; /* of its parent's children */
    bool has_children;
    bool cycle; /* its parent is below it; the row stands at the top instead */
};

struct view_tree {
    size_t row_count;
    struct view_tree_row *rows;
    const struct view_span *root; /* the first span without a parent; NULL when there is none */
    uint64_t start;
    uint64_t end;
    size_t errors;
    size_t missing_parents;
    size_t open_calls; /* calls of other services from which no span has been received */
};

/* NULL when out of memory. A trace has at least one span. */
struct view_tree *view_tree_build(const struct view_trace *trace);
void view_tree_free(struct view_tree *tree);

/* The root is there, every parent, and the far side of every call. */
bool view_tree_is_complete(const struct view_tree *tree);

/* The time a span took; 0 when it ended before it began. */
uint64_t view_span_duration(const struct view_span *span);

#endif
