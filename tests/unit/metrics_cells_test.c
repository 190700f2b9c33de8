/* SPDX-License-Identifier: Apache-2.0 */
/* metrics_cells_test.c - blocks of zeroed memory, aligned, given back all at once, and zero in a child. */
#include "metrics/cells.h"

#include "in_child.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static bool is_zero(const char *block, size_t size) {
    for (size_t i = 0; i < size; i++)
        if (block[i])
            return false;
    return true;
}

static void blocks_are_aligned_apart_and_zero(void **state) {
    (void)state;
    assert_true(otel__cells_reset());
    char *last = NULL;
    for (size_t size = 1; size < 5000; size += 77) {
        char *block = otel__cells_take(size);
        assert_non_null(block);
        assert_int_equal((uintptr_t)block % 64, 0);
        assert_true(!last || block > last);
        assert_true(is_zero(block, size));
        memset(block, 1, size);
        last = block + size - 1;
    }
}

static void after_a_reset_they_are_zero_again(void **state) {
    (void)state;
    assert_true(otel__cells_reset());
    char *first = otel__cells_take(300000);
    memset(first, 1, 300000);
    assert_true(otel__cells_reset());
    assert_ptr_equal(otel__cells_take(300000), first);
    assert_true(is_zero(first, 300000));
}

static int look(void *block) {
    STEP(is_zero(block, 1000));
    char *more = otel__cells_take(100);
    STEP(more >= (char *)block + 1000);
    return 0;
}

static void a_child_finds_them_zero(void **state) {
    (void)state;
    assert_true(otel__cells_reset());
    char *block = otel__cells_take(1000);
    memset(block, 1, 1000);
    assert_int_equal(in_child(look, block), 0);
    assert_int_equal(block[999], 1);
}

static void there_is_an_end_to_them(void **state) {
    (void)state;
    assert_true(otel__cells_reset());
    assert_null(otel__cells_take(SIZE_MAX));
    assert_null(otel__cells_take((size_t)1 << 30));
    unsigned taken = 0;
    while (otel__cells_take((size_t)1 << 20))
        taken++;
    assert_true(taken >= 4 && taken <= 256);
    assert_true(otel__cells_reset());
    assert_non_null(otel__cells_take(1));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_are_aligned_apart_and_zero),
        cmocka_unit_test(after_a_reset_they_are_zero_again),
        cmocka_unit_test(a_child_finds_them_zero),
        cmocka_unit_test(there_is_an_end_to_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
