/* SPDX-License-Identifier: Apache-2.0 */
/* The spans of a trace in the order of its tree.
 *
 * Nodes are the spans by start time, followed by one node for each parent that is named and missing. Links between
 * nodes are indexes. Nothing here calls itself: a trace may be one chain of a million spans, or a ring. */
#include "tree.h"

#include "trace_request.pb-c.h"

#include <stdlib.h>
#include <string.h>

struct node {
    const struct view_span *span;
    const uint8_t *missing_id;
    uint64_t start;
    size_t arrival;
    size_t parent;
    size_t first_child;
    size_t next_sibling;
    size_t row; /* VIEW_NO_ROW until it is emitted */
    bool cycle;
};

struct builder {
    struct node *nodes;
    size_t span_count;
    size_t node_count;
    struct view_tree *tree;
};

uint64_t view_span_duration(const struct view_span *span) {
    return span->end > span->start ? span->end - span->start : 0;
}

static int compare_numbers(uint64_t a, uint64_t b) { return (a > b) - (a < b); }

static int by_start(const void *left, const void *right) {
    const struct node *a = left;
    const struct node *b = right;
    int order = compare_numbers(a->start, b->start);
    return order != 0 ? order : compare_numbers(a->arrival, b->arrival);
}

static int by_start_indirect(const void *left, const void *right) {
    return by_start(*(const struct node *const *)left, *(const struct node *const *)right);
}

static int by_span_id(const void *left, const void *right) {
    const struct node *const *a = left;
    const struct node *const *b = right;
    return memcmp((*a)->span->id, (*b)->span->id, VIEW_SPAN_ID_SIZE);
}

static int by_parent_id(const void *left, const void *right) {
    const struct node *const *a = left;
    const struct node *const *b = right;
    int order = memcmp((*a)->span->parent_id, (*b)->span->parent_id, VIEW_SPAN_ID_SIZE);
    return order != 0 ? order : by_start(*a, *b);
}

static int against_id(const void *id, const void *element) {
    const struct node *const *node = element;
    return memcmp(id, (*node)->span->id, VIEW_SPAN_ID_SIZE);
}

static void fill_nodes(struct builder *builder, const struct view_trace *trace) {
    size_t count = 0;
    for (const struct view_span *span = trace->first; span; span = span->next) {
        builder->nodes[count] = (struct node){
            .span = span,
            .start = span->start,
            .arrival = count,
            .parent = VIEW_NO_ROW,
            .first_child = VIEW_NO_ROW,
            .next_sibling = VIEW_NO_ROW,
            .row = VIEW_NO_ROW,
        };
        count++;
    }
    builder->span_count = builder->node_count = count;
    qsort(builder->nodes, count, sizeof *builder->nodes, by_start);
}

static size_t index_of(const struct builder *builder, const struct node *node) {
    return (size_t)(node - builder->nodes);
}

/* Sets the parents that are there; the nodes of the others are moved to the front of `index`, their number returned. */
static size_t find_parents(struct builder *builder, struct node **index) {
    for (size_t i = 0; i < builder->span_count; i++) {
        index[i] = &builder->nodes[i];
    }
    qsort(index, builder->span_count, sizeof *index, by_span_id);
    for (size_t i = 0; i < builder->span_count; i++) {
        struct node *node = &builder->nodes[i];
        if (node->span->has_parent) {
            struct node *const *found =
                bsearch(node->span->parent_id, index, builder->span_count, sizeof *index, against_id);
            node->parent = found ? index_of(builder, *found) : VIEW_NO_ROW;
        }
    }
    size_t orphans = 0;
    for (size_t i = 0; i < builder->span_count; i++) {
        struct node *node = &builder->nodes[i];
        if (node->span->has_parent && node->parent == VIEW_NO_ROW) {
            index[orphans++] = node;
        }
    }
    return orphans;
}

/* One node for each missing parent, placed in time by its first child. */
static void add_missing_parents(struct builder *builder, struct node **orphans, size_t count) {
    qsort(orphans, count, sizeof *orphans, by_parent_id);
    for (size_t i = 0; i < count; i++) {
        const uint8_t *id = orphans[i]->span->parent_id;
        if (i == 0 || memcmp(id, orphans[i - 1]->span->parent_id, VIEW_SPAN_ID_SIZE) != 0) {
            builder->nodes[builder->node_count++] = (struct node){
                .missing_id = id,
                .start = orphans[i]->start,
                .arrival = orphans[i]->arrival,
                .parent = VIEW_NO_ROW,
                .first_child = VIEW_NO_ROW,
                .next_sibling = VIEW_NO_ROW,
                .row = VIEW_NO_ROW,
            };
        }
        orphans[i]->parent = builder->node_count - 1;
    }
}

/* From the last span to the first, each put before its siblings: so they end up in order of time. */
static void link_children(struct builder *builder) {
    for (size_t i = builder->span_count; i-- > 0;) {
        struct node *node = &builder->nodes[i];
        if (node->parent != VIEW_NO_ROW) {
            struct node *parent = &builder->nodes[node->parent];
            node->next_sibling = parent->first_child;
            parent->first_child = i;
        }
    }
}

/* Only a node that was taken out of a ring can have been emitted before its turn. */
static size_t next_unseen(const struct builder *builder, size_t at) {
    while (at != VIEW_NO_ROW && builder->nodes[at].row != VIEW_NO_ROW) {
        at = builder->nodes[at].next_sibling;
    }
    return at;
}

static void emit(struct builder *builder, size_t at, bool top) {
    struct node *node = &builder->nodes[at];
    struct view_tree *tree = builder->tree;
    size_t parent = top ? VIEW_NO_ROW : builder->nodes[node->parent].row;
    node->row = tree->row_count;
    tree->rows[tree->row_count++] = (struct view_tree_row){
        .span = node->span,
        .missing_id = node->missing_id,
        .parent = parent,
        .depth = top ? 0 : tree->rows[parent].depth + 1,
        .is_last = top || next_unseen(builder, node->next_sibling) == VIEW_NO_ROW,
        .has_children = next_unseen(builder, node->first_child) != VIEW_NO_ROW,
        .cycle = node->cycle,
    };
}

static void emit_tree(struct builder *builder, size_t top) {
    size_t at = top;
    emit(builder, top, true);
    for (;;) {
        size_t next = next_unseen(builder, builder->nodes[at].first_child);
        while (next == VIEW_NO_ROW && at != top) {
            next = next_unseen(builder, builder->nodes[at].next_sibling);
            at = builder->nodes[at].parent;
        }
        if (next == VIEW_NO_ROW) {
            return;
        }
        at = next;
        emit(builder, at, false);
    }
}

/* The earliest span of the ring that this one's parents lead into. */
static size_t find_ring(const struct builder *builder, size_t from) {
    const struct node *nodes = builder->nodes;
    size_t slow = nodes[from].parent;
    size_t fast = nodes[nodes[from].parent].parent;
    while (slow != fast) {
        slow = nodes[slow].parent;
        fast = nodes[nodes[fast].parent].parent;
    }
    size_t earliest = slow;
    for (size_t at = nodes[slow].parent; at != slow; at = nodes[at].parent) {
        earliest = at < earliest ? at : earliest;
    }
    return earliest;
}

/* Roots, then missing parents, then what hangs together in rings. */
static void emit_all(struct builder *builder, struct node **missing) {
    for (size_t i = 0; i < builder->span_count; i++) {
        if (!builder->nodes[i].span->has_parent) {
            emit_tree(builder, i);
        }
    }
    size_t missing_count = builder->node_count - builder->span_count;
    for (size_t i = 0; i < missing_count; i++) {
        missing[i] = &builder->nodes[builder->span_count + i];
    }
    qsort(missing, missing_count, sizeof *missing, by_start_indirect);
    for (size_t i = 0; i < missing_count; i++) {
        emit_tree(builder, index_of(builder, missing[i]));
    }
    for (size_t i = 0; i < builder->span_count; i++) {
        if (builder->nodes[i].row == VIEW_NO_ROW) {
            size_t top = find_ring(builder, i);
            builder->nodes[top].cycle = true;
            emit_tree(builder, top);
        }
    }
}

static void summarise(struct builder *builder) {
    struct view_tree *tree = builder->tree;
    tree->start = builder->nodes[0].start;
    tree->missing_parents = builder->node_count - builder->span_count;
    for (size_t i = 0; i < builder->span_count; i++) {
        const struct node *node = &builder->nodes[i];
        uint64_t end = node->start + view_span_duration(node->span);
        tree->end = end > tree->end ? end : tree->end;
        tree->errors += node->span->status == OTEL__OTLP__STATUS__STATUS_CODE__STATUS_CODE_ERROR;
        tree->open_calls += node->span->calls_service && node->first_child == VIEW_NO_ROW;
        if (!tree->root && !node->span->has_parent) {
            tree->root = node->span;
        }
    }
}

struct view_tree *view_tree_build(const struct view_trace *trace) {
    struct view_tree *tree = calloc(1, sizeof *tree);
    /* At worst every span names a missing parent of its own. */
    struct builder builder = { .nodes = calloc(2 * trace->span_count, sizeof *builder.nodes), .tree = tree };
    struct node **index = calloc(trace->span_count, sizeof *index);
    if (tree) {
        tree->rows = calloc(2 * trace->span_count, sizeof *tree->rows);
    }
    if (!tree || !tree->rows || !builder.nodes || !index) {
        view_tree_free(tree);
        tree = NULL;
    } else {
        fill_nodes(&builder, trace);
        add_missing_parents(&builder, index, find_parents(&builder, index));
        link_children(&builder);
        emit_all(&builder, index);
        summarise(&builder);
    }
    free(index);
    free(builder.nodes);
    return tree;
}

void view_tree_free(struct view_tree *tree) {
    if (tree) {
        free(tree->rows);
        free(tree);
    }
}

bool view_tree_is_complete(const struct view_tree *tree) {
    return tree->root && tree->missing_parents == 0 && tree->open_calls == 0;
}
