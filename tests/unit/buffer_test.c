/* SPDX-License-Identifier: Apache-2.0 */
/* buffer_test.c - the buffer that is written from its end. */
#include "common/buffer.h"

#include "failing_allocator.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static bool put(struct otel__buffer *buffer, uint8_t byte, size_t count) {
    if (!otel__buffer_reserve(buffer, count))
        return false;
    buffer->cursor -= count;
    memset(buffer->cursor, byte, count);
    return true;
}

/* Writes blocks of growing size until the limit, and finds them in reverse order. */
static void what_was_written_survives_growth(void **state) {
    (void)state;
    struct otel__buffer buffer = { 0 };
    otel__buffer_reset(&buffer, SIZE_MAX / 2);
    size_t total = 0;
    for (size_t i = 1; i < 200; i++) {
        assert_true(put(&buffer, (uint8_t)i, i * 37));
        total += i * 37;
        assert_int_equal(otel__buffer_length(&buffer), total);
    }
    const uint8_t *at = buffer.cursor;
    for (size_t i = 199; i > 0; i--)
        for (size_t k = 0; k < i * 37; k++)
            assert_int_equal(*at++, (uint8_t)i);
    assert_ptr_equal(at, buffer.end);
    otel__buffer_free(&buffer);
}

static void memory_is_kept(void **state) {
    (void)state;
    struct otel__buffer buffer = { 0 };
    otel__buffer_reset(&buffer, SIZE_MAX / 2);
    assert_true(put(&buffer, 1, 300000));
    const uint8_t *memory = buffer.memory;
    otel__buffer_reset(&buffer, SIZE_MAX / 2);
    assert_int_equal(otel__buffer_length(&buffer), 0);
    assert_true(put(&buffer, 2, 300000));
    assert_ptr_equal(buffer.memory, memory);
    otel__buffer_free(&buffer);
}

static void unusually_much_memory_is_given_back(void **state) {
    (void)state;
    struct otel__buffer buffer = { 0 };
    otel__buffer_reset(&buffer, SIZE_MAX / 2);
    assert_true(put(&buffer, 1, 20 * 1024 * 1024));
    otel__buffer_reset(&buffer, SIZE_MAX / 2);
    assert_null(buffer.memory);
    assert_true(put(&buffer, 1, 10));
    otel__buffer_free(&buffer);
}

static void the_limit_is_exact_and_final(void **state) {
    (void)state;
    static const size_t limits[] = { 0, 1, 100, 65536, 65537, 100000 };
    struct otel__buffer buffer = { 0 };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        otel__buffer_reset(&buffer, limits[i]);
        assert_true(limits[i] == 0 || put(&buffer, 1, limits[i]));
        assert_int_equal(buffer.status, OTEL_OK);
        assert_false(put(&buffer, 2, 1));
        assert_int_equal(buffer.status, OTEL_ERR_EXPORT);
        assert_int_equal(otel__buffer_length(&buffer), limits[i]);
    }
    /* Also when there would be room for something smaller. */
    otel__buffer_reset(&buffer, 100);
    assert_false(put(&buffer, 1, 101));
    assert_false(put(&buffer, 1, 1));
    otel__buffer_reset(&buffer, 100);
    assert_true(put(&buffer, 1, 1));
    otel__buffer_free(&buffer);
}

static void a_monstrous_size_does_not_wrap(void **state) {
    (void)state;
    struct otel__buffer buffer = { 0 };
    otel__buffer_reset(&buffer, 1000);
    assert_true(put(&buffer, 1, 10));
    assert_false(otel__buffer_reserve(&buffer, SIZE_MAX));
    assert_false(otel__buffer_reserve(&buffer, SIZE_MAX - 5));
    otel__buffer_free(&buffer);
}

static void memory_is_short(void **state) {
    (void)state;
    if (!failing_allocator_works())
        skip();
    struct otel__buffer buffer = { 0 };
    for (size_t size = 10; size <= 1000000; size *= 10) { /* the first memory, and growing it */
        otel__buffer_reset(&buffer, SIZE_MAX / 2);
        assert_true(size == 10 || put(&buffer, 1, 10));
        failing_allocator_fail(1, true);
        bool wrote = put(&buffer, 2, size);
        failing_allocator_fail(0, false);
        size_t before = size == 10 ? 0 : 10;
        assert_int_equal(otel__buffer_length(&buffer), wrote ? before + size : before);
        assert_int_equal(buffer.status, wrote ? OTEL_OK : OTEL_ERR_MEMORY);
        assert_int_equal(put(&buffer, 3, 1), wrote);
        otel__buffer_free(&buffer);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_survives_growth),    cmocka_unit_test(memory_is_kept),
        cmocka_unit_test(unusually_much_memory_is_given_back), cmocka_unit_test(the_limit_is_exact_and_final),
        cmocka_unit_test(a_monstrous_size_does_not_wrap),      cmocka_unit_test(memory_is_short),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
