/* SPDX-License-Identifier: Apache-2.0 */
/* The order of a tree, whatever arrives: out of order, without its root, in a ring. */
#include "fixture.h"
#include "tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The rows as text: depth and id, '?' before a missing parent, '@' before one that stands above a ring, '.' after the
 * last of its parent's children. */
static void assert_rows(const struct fixture_span *spans, size_t count, const char *expected) {
    struct view_store *store = view_store_new(10, 1 << 20);
    fixture_add(store, spans, count, 0);
    struct view_tree *tree = view_tree_build(view_store_first(store));
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    for (size_t i = 0; i < tree->row_count; i++) {
        const struct view_tree_row *row = &tree->rows[i];
        const uint8_t *id = row->span ? row->span->id : row->missing_id;
        fprintf(out, "%s%zu:%s%u%s", i > 0 ? " " : "", row->depth,
                row->cycle  ? "@"
                : row->span ? ""
                            : "?",
                id[7], row->is_last ? "." : "");
        assert_true(row->depth == 0 ? row->parent == VIEW_NO_ROW : tree->rows[row->parent].depth + 1 == row->depth);
        bool next_is_child = i + 1 < tree->row_count && tree->rows[i + 1].parent == i;
        assert_int_equal(row->has_children, next_is_child);
    }
    fclose(out);
    assert_string_equal(text, expected);
    free(text);
    view_tree_free(tree);
    view_store_free(store);
}

#define SPAN(number, above, at)                                                                                        \
    { .trace = 1, .id = number, .parent = above, .name = "s", .start_us = at }
#define ASSERT_ROWS(spans, expected) assert_rows(spans, sizeof spans / sizeof *spans, expected)

static void test_children_follow_their_parent_by_start_time(void **state) {
    (void)state;
    const struct fixture_span spans[] = { SPAN(4, 2, 30), SPAN(3, 1, 40), SPAN(2, 1, 20), SPAN(5, 2, 25),
                                          SPAN(1, 0, 10) };
    ASSERT_ROWS(spans, "0:1. 1:2 2:5 2:4. 1:3.");
}

static void test_equal_times_keep_the_order_of_arrival(void **state) {
    (void)state;
    const struct fixture_span spans[] = { SPAN(1, 0, 0), SPAN(9, 1, 5), SPAN(2, 1, 5), SPAN(7, 1, 5) };
    ASSERT_ROWS(spans, "0:1. 1:9 1:2 1:7.");
}

static void test_several_roots(void **state) {
    (void)state;
    const struct fixture_span spans[] = { SPAN(2, 0, 20), SPAN(1, 0, 10), SPAN(3, 2, 21) };
    ASSERT_ROWS(spans, "0:1. 0:2. 1:3.");
}

static void test_orphans_stand_under_their_missing_parent(void **state) {
    (void)state;
    const struct fixture_span spans[] = { SPAN(5, 90, 50), SPAN(2, 80, 60), SPAN(4, 90, 40), SPAN(1, 0, 99),
                                          SPAN(6, 5, 55) };
    ASSERT_ROWS(spans, "0:1. 0:?90. 1:4 1:5. 2:6. 0:?80. 1:2.");
}

static void test_a_ring_is_cut_at_its_earliest_span(void **state) {
    (void)state;
    const struct fixture_span ring[] = { SPAN(1, 3, 30), SPAN(2, 1, 10), SPAN(3, 2, 20) };
    ASSERT_ROWS(ring, "0:@2. 1:3. 2:1.");
    const struct fixture_span own_parent[] = { SPAN(1, 1, 0), SPAN(2, 1, 1) };
    ASSERT_ROWS(own_parent, "0:@1. 1:2.");
    /* 4 starts before the ring that it hangs on. */
    const struct fixture_span hanging[] = { SPAN(1, 2, 10), SPAN(2, 1, 20), SPAN(4, 2, 5), SPAN(9, 0, 50) };
    ASSERT_ROWS(hanging, "0:9. 0:@1. 1:2. 2:4.");
}

static struct view_tree *build(struct view_store *store, const struct fixture_span *spans, size_t count) {
    fixture_add(store, spans, count, 0);
    return view_tree_build(view_store_newest(store));
}

static void test_the_summary_of_the_sample(void **state) {
    (void)state;
    struct view_store *store = view_store_new(10, 1 << 20);
    struct view_tree *tree = build(store, fixture_search, fixture_search_count);
    assert_int_equal(tree->row_count, 15);
    assert_int_equal(tree->errors, 4);
    assert_int_equal(tree->start, FIXTURE_EPOCH);
    assert_int_equal(tree->end, FIXTURE_EPOCH + 43210000);
    assert_int_equal(tree->root->id[7], 1);
    assert_true(view_tree_is_complete(tree));
    view_tree_free(tree);
    view_store_free(store);
}

/* Span 5 calls the other service, span 7 is its far side; span 4 calls a database, which has none. */
static void test_each_half_of_the_sample_is_incomplete(void **state) {
    (void)state;
    struct view_store *store = view_store_new(10, 1 << 20);
    struct view_tree *tree = build(store, fixture_search, 6);
    assert_int_equal(tree->open_calls, 1);
    assert_int_equal(tree->missing_parents, 0);
    assert_false(view_tree_is_complete(tree));
    view_tree_free(tree);
    view_store_free(store);

    store = view_store_new(10, 1 << 20);
    tree = build(store, fixture_search + 6, fixture_search_count - 6);
    assert_int_equal(tree->missing_parents, 1);
    assert_null(tree->root);
    assert_false(view_tree_is_complete(tree));
    view_tree_free(tree);
    view_store_free(store);
}

static void test_a_span_that_ends_before_it_begins_takes_no_time(void **state) {
    (void)state;
    struct view_store *store = view_store_new(10, 1 << 20);
    const struct fixture_span span = {
        .trace = 1, .id = 1, .name = "s", .start_us = 9, .duration_us = UINT64_MAX / 1000
    };
    struct view_tree *tree = build(store, &span, 1);
    assert_true(tree->rows[0].span->end < tree->rows[0].span->start);
    assert_int_equal(view_span_duration(tree->rows[0].span), 0);
    assert_int_equal(tree->end, tree->start);
    view_tree_free(tree);
    view_store_free(store);
}

static void test_a_chain_of_many_spans(void **state) {
    (void)state;
    enum { COUNT = 100000 };
    struct fixture_span *spans = calloc(COUNT, sizeof *spans);
    for (size_t i = 0; i < COUNT; i++) {
        spans[i] = (struct fixture_span)SPAN(i + 1, i, COUNT - i);
    }
    struct view_store *store = view_store_new(10, 1 << 28);
    struct view_tree *tree = build(store, spans, COUNT);
    assert_int_equal(tree->row_count, COUNT);
    assert_int_equal(tree->rows[COUNT - 1].depth, COUNT - 1);
    view_tree_free(tree);
    view_store_free(store);
    free(spans);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_children_follow_their_parent_by_start_time),
        cmocka_unit_test(test_equal_times_keep_the_order_of_arrival),
        cmocka_unit_test(test_several_roots),
        cmocka_unit_test(test_orphans_stand_under_their_missing_parent),
        cmocka_unit_test(test_a_ring_is_cut_at_its_earliest_span),
        cmocka_unit_test(test_the_summary_of_the_sample),
        cmocka_unit_test(test_each_half_of_the_sample_is_incomplete),
        cmocka_unit_test(test_a_span_that_ends_before_it_begins_takes_no_time),
        cmocka_unit_test(test_a_chain_of_many_spans),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
