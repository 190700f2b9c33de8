/* SPDX-License-Identifier: Apache-2.0 */
/*
 * value_copy_test.c - copies of strings and attributes are whole, repaired, of their own memory, and as large as was
 * said.
 */
#include "value_copy.h"

#include "failing_allocator.h"
#include "sanitizers.h"
#include "span_assert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

static const bool bools[] = { true, false };
static const int64_t ints[] = { 1, INT64_MIN };
static const double doubles[] = { 0.5, -2 };
static const otel_str words[] = { { "a", 1 }, { "b\xff", 2 }, { NULL, 0 }, { NULL, 7 }, { "x\0y", 3 } };

/* Copies into a block of exactly the size that was asked for, so that a sanitizer sees a byte too many. */
static char *block;

static otel_attrs copy_of(otel_attrs attrs) {
    const size_t size = otel__attrs_copy_size(attrs);
    block = malloc(size ? size : 1);
    char *room = block;
    const otel_attrs copy = otel__attrs_copy(attrs, &room);
    assert_in_range((size_t)(room - block), 0, size);
    return copy;
}

static int free_block(void **state) {
    (void)state;
    free(block);
    block = NULL;
    return 0;
}

static void assert_copied_at(otel_attrs attrs, const char *expected, const char *file, int line) {
    char *text = attrs_text(copy_of(attrs));
    const bool equal = strcmp(text, expected) == 0;
    if (!equal)
        print_error("%s\nis not\n%s\n", text, expected);
    free(text);
    if (!equal)
        _fail(file, line);
}
#define assert_copied(attrs, expected) assert_copied_at((attrs), (expected), __FILE__, __LINE__)

static otel_attr attr(const char *key, otel_value value) { return otel__attr(key, value); }

#define LIST(...)                                                                                                      \
    ((otel_attrs){ (otel_attr[]){ __VA_ARGS__ }, sizeof((otel_attr[]){ __VA_ARGS__ }) / sizeof(otel_attr) })

static void every_type_is_copied(void **state) {
    (void)state;
    assert_copied(LIST(attr("string", otel_string("text")), attr("bool", otel_bool(true)), attr("int", otel_int(-7)),
                       attr("double", otel_double(2.5)), attr("bytes", otel_bytes("\0\xff", 2)),
                       attr("bools", otel_bools(bools, 2)), attr("ints", otel_ints(ints, 2)),
                       attr("doubles", otel_doubles(doubles, 2)), attr("none", otel_none())),
                  "string=string:\"text\" bool=bool:true int=int:-7 double=double:2.5 bytes=bytes:\"\\x00\\xff\" "
                  "bools=bools:[true,false] ints=ints:[1,-9223372036854775808] doubles=doubles:[0.5,-2] none=none:");
}

static void text_is_repaired_and_a_bad_value_becomes_bytes(void **state) {
    (void)state;
    assert_copied(LIST(attr("k\xff", otel_string("v\xff")), attr("words", otel_strings(words, 5))),
                  "k\xef\xbf\xbd=bytes:\"v\\xff\" words=strings:[\"a\",\"b\\xef\\xbf\\xbd\",\"\",\"\",\"x\\x00y\"]");
}

static void bools_are_0_or_1(void **state) {
    (void)state;
    static const unsigned char odd[] = { 0, 1, 2, 255 };
    const otel_attrs copy = copy_of(LIST(attr("one", (otel_value){ .type = OTEL_TYPE_BOOL, .u.i = 77 }),
                                         attr("many", otel_bools((const bool *)(const void *)odd, 4))));
    assert_int_equal(copy.items[0].value.u.i, 1);
    assert_memory_equal(copy.items[1].value.u.p, "\0\1\1\1", 4);
}

static void unsigned_integers_become_text(void **state) {
    (void)state;
    assert_copied(LIST(attr("u", otel_uint(UINT64_MAX)), attr("i", otel_uint(5))),
                  "u=string:\"18446744073709551615\" i=int:5");
}

static void the_last_value_of_a_key_wins_in_the_place_of_the_first(void **state) {
    (void)state;
    assert_copied(LIST(attr("a", otel_int(1)), attr("b", otel_int(2)), attr("a", otel_string("three")),
                       attr("a\xff", otel_int(4)), attr("a\xfe", otel_int(5))),
                  "a=string:\"three\" b=int:2 a\xef\xbf\xbd=int:5");
}

static void keys_that_are_none_are_left_out(void **state) {
    (void)state;
    otel_attr odd = attr("x", otel_int(3));
    odd.key = (otel_str){ NULL, 4 };
    assert_copied(LIST(attr("", otel_int(1)), attr(NULL, otel_int(2)), odd, attr("b", otel_int(4))), "b=int:4");
}

static void empty_lists_have_no_copy(void **state) {
    (void)state;
    assert_int_equal(otel__attrs_copy_size((otel_attrs){ NULL, 0 }), 0);
    assert_int_equal(otel__attrs_copy_size((otel_attrs){ NULL, 1000 }), 0);
    assert_copied(((otel_attrs){ NULL, 1000 }), "");
    free_block(NULL);
    assert_copied(((otel_attrs){ (otel_attr[]){ attr("a", otel_int(1)) }, 0 }), "");
}

static void values_in_values_are_copied(void **state) {
    (void)state;
    assert_copied(LIST(attr("a", OTEL_ARRAY(otel_int(1), OTEL_MAP(OTEL_ATTR("k", "v"), OTEL_ATTR("k", "w"))))),
                  "a=array:[int:1,map:{k=string:\"w\"}]");
}

/* `count` entries of as many keys, then the same keys again. */
struct many {
    size_t count;
    otel_attr *items;
    char (*keys)[24];
};

static struct many make_many(size_t count) {
    struct many many = { count, calloc(2 * count, sizeof *many.items), calloc(count, sizeof *many.keys) };
    for (size_t i = 0; i < 2 * count; i++) {
        snprintf(many.keys[i % count], sizeof *many.keys, "k%07zu", i % count);
        many.items[i] = attr(many.keys[i % count], otel_int((int64_t)i));
    }
    return many;
}

static void free_many(struct many many) {
    free(many.items);
    free(many.keys);
}

static void assert_last_of_many(otel_attrs copy, const struct many *many) {
    assert_int_equal(copy.count, many->count);
    for (size_t i = 0; i < copy.count; i++) {
        assert_int_equal(copy.items[i].key.len, 8);
        assert_memory_equal(copy.items[i].key.ptr, many->keys[i], 8);
        assert_int_equal(copy.items[i].value.u.i, many->count + i);
    }
}

/* However many there are: as a list and as a map. */
static void each_key_is_there_once(void **state) {
    for (size_t count = 1; count < 300; count += count < 20 ? 1 : 93) {
        struct many many = make_many(count);
        const otel_attrs list = { many.items, 2 * count };
        assert_last_of_many(copy_of(list), &many);
        free_block(state);
        const otel_attrs copy = copy_of(LIST(attr("map", otel_map(list))));
        assert_last_of_many((otel_attrs){ copy.items[0].value.u.p, copy.items[0].value.len }, &many);
        free_block(state);
        free_many(many);
    }
}

static double seconds_to_copy(size_t count) {
    struct many many = make_many(count);
    struct timespec begin, end;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &begin);
    copy_of(LIST(attr("map", otel_map((otel_attrs){ many.items, count }))));
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &end);
    free_block(NULL);
    free_many(many);
    return (double)(end.tv_sec - begin.tv_sec) + (double)(end.tv_nsec - begin.tv_nsec) / 1e9;
}

/* 16 times the keys take 16 times as long, or somewhat more, and not 256 times. */
static void a_large_map_takes_its_time_only(void **state) {
    (void)state;
    double few = 1e9, ratio = 1e9;
    for (int i = 0; i < 5; i++) {
        const double seconds = seconds_to_copy(2000);
        few = seconds < few ? seconds : few;
    }
    for (int i = 0; i < 3 && ratio > 80; i++)
        ratio = seconds_to_copy(32000) / few;
    printf("measured: 16 times as many keys in a map: %.0f times as long\n", ratio);
    assert_true(ratio < 80);
}

/* Followed to the greatest depth, each of these would have 2^64 elements. */
static void lists_that_hold_themselves_are_too_large(void **state) {
    (void)state;
    const struct otel__value_limits limits = { SIZE_MAX, OTEL__DEPTH_MAX };
    otel_value array[2] = { otel_none(), otel_none() };
    otel_attr map[2] = { { .key = otel_cstr("") } };
    array[0] = array[1] = otel_array(array, 2);
    map[0] = attr("a", otel_map((otel_attrs){ map, 2 }));
    map[1] = attr("b", map[0].value);
    assert_true(otel__list_copy_size(&array[0], &limits) == SIZE_MAX);
    assert_true(otel__list_copy_size(&map[0].value, &limits) == SIZE_MAX);
}

/* In any order, also inside. */
static void equal_sets_are_equal(void **state) {
    (void)state;
    const otel_attrs one = LIST(attr("x", otel_int(1)), attr("m", OTEL_MAP(OTEL_ATTR("a", 1), OTEL_ATTR("b", 2))));
    const otel_attrs same = LIST(attr("m", OTEL_MAP(OTEL_ATTR("b", 2), OTEL_ATTR("a", 1))), attr("x", otel_int(1)));
    const otel_attrs other = LIST(attr("m", OTEL_MAP(OTEL_ATTR("b", 2), OTEL_ATTR("a", 3))), attr("x", otel_int(1)));
    const otel_attrs array = LIST(attr("x", OTEL_ARRAY(otel_int(1), otel_int(2))));
    const otel_attrs swapped = LIST(attr("x", OTEL_ARRAY(otel_int(2), otel_int(1))));
    assert_true(otel__attrs_equal(one, same));
    assert_false(otel__attrs_equal(one, other));
    assert_true(otel__attrs_equal(array, array));
    assert_false(otel__attrs_equal(array, swapped));
}

/* Types that don't exist, and lengths without bytes. */
static void values_that_cannot_be_are_empty(void **state) {
    (void)state;
    assert_copied(LIST(attr("array", (otel_value){ .type = OTEL_TYPE_ARRAY, .len = 2, .u.p = NULL }),
                       attr("map", (otel_value){ .type = OTEL_TYPE_MAP, .len = SIZE_MAX, .u.p = words }),
                       attr("odd", (otel_value){ .type = (otel_type)99, .len = SIZE_MAX, .u.p = words }),
                       attr("null", (otel_value){ .type = OTEL_TYPE_STRING, .len = 5, .u.p = NULL }),
                       attr("nulls", (otel_value){ .type = OTEL_TYPE_STRINGS, .len = 5, .u.p = NULL })),
                  "array=none: map=none: odd=none: null=none: nulls=none:");
}

/* Lengths beyond all memory, and such whose size in bytes is no number that a size_t can hold. */
static void what_claims_to_be_huge_is_empty_or_left_out(void **state) {
    (void)state;
    static const size_t lengths[] = { SIZE_MAX, SIZE_MAX / 8 + 2, SIZE_MAX / 16 + 2, SIZE_MAX - 7, 100 << 20 };
    static const otel_type types[] = { OTEL_TYPE_STRING, OTEL_TYPE_BYTES, OTEL_TYPE_STRINGS,
                                       OTEL_TYPE_BOOLS,  OTEL_TYPE_INTS,  OTEL_TYPE_DOUBLES };
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++) {
        for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
            assert_copied(LIST(attr("k", (otel_value){ .type = types[t], .len = lengths[l], .u.p = words })),
                          "k=none:");
            free_block(NULL);
        }
        const otel_str huge = { "x", lengths[l] };
        assert_copied(LIST({ huge, otel_int(1) }, attr("w", otel_strings(&huge, 1))), "w=strings:[\"\"]");
        free_block(NULL);
    }
}

static void empty_values_are_copied_as_such(void **state) {
    (void)state;
    assert_copied(LIST(attr("s", otel_string("")), attr("n", otel_string(NULL)), attr("b", otel_bytes(NULL, 0)),
                       attr("i", otel_ints(ints, 0)), attr("w", otel_strings(words, 0))),
                  "s=string:\"\" n=string:\"\" b=bytes:\"\" i=ints:[] w=strings:[]");
}

static void the_copy_lives_on_its_own(void **state) {
    (void)state;
    char key[] = "key", text[] = "some text of some length", word[] = "word";
    otel_str array[] = { { word, 4 } };
    int64_t numbers[] = { 1, 2 };
    otel_attr items[] = { attr(key, otel_string(text)), attr("w", otel_strings(array, 1)),
                          attr("n", otel_ints(numbers, 2)) };
    const otel_attrs copy = copy_of((otel_attrs){ items, 3 });
    memset(key, 'x', 3);
    memset(text, 'x', sizeof text - 1);
    memset(word, 'x', 4);
    memset(numbers, 0, sizeof numbers);
    memset(items, 0, sizeof items);
    array[0] = otel_strn(NULL, 0);
    char *seen = attrs_text(copy);
    assert_string_equal(seen, "key=string:\"some text of some length\" w=strings:[\"word\"] n=ints:[1,2]");
    free(seen);
}

/* Elements must be where their type may be read, whatever lies before them. */
static void elements_are_aligned(void **state) {
    (void)state;
    for (size_t length = 0; length < 20; length++) {
        const otel_attrs copy =
            copy_of(LIST(attr("k", otel_stringn("abcdefghijklmnopqrst", length)), attr("i", otel_ints(ints, 2)),
                         attr("w", otel_strings(words, 5)), attr("d", otel_doubles(doubles, 2))));
        for (size_t i = 1; i < 4; i++)
            assert_int_equal((uintptr_t)copy.items[i].value.u.p % 8, 0);
        free_block(NULL);
    }
}

static void strings_are_copied_repaired(void **state) {
    (void)state;
    assert_int_equal(otel__str_copy_size(otel_strn(NULL, 0)), 0);
    assert_int_equal(otel__str_copy_size((otel_str){ NULL, 7 }), 0);
    const otel_str bad = otel_cstr("\xff\xff");
    char room[64];
    char *at = room;
    const otel_str copy = otel__str_copy(bad, &at);
    assert_int_equal(copy.len, 6);
    assert_memory_equal(copy.ptr, "\xef\xbf\xbd\xef\xbf\xbd", 6);
    assert_true((size_t)(at - room) <= otel__str_copy_size(bad));
    const otel_str next = otel__str_copy(otel_cstr("next"), &at);
    assert_memory_equal(copy.ptr, "\xef\xbf\xbd\xef\xbf\xbd", 6);
    assert_memory_equal(next.ptr, "next", 4);
    assert_int_equal(otel__str_copy((otel_str){ NULL, 7 }, &at).len, 0);
}

/* ---- comparing --------------------------------------------------------------------------------------------------- */

static bool equal(otel_attrs one, otel_attrs other) {
    const bool result = otel__attrs_equal(copy_of(one), other);
    free_block(NULL);
    return result;
}

static void copies_equal_what_they_are_copies_of(void **state) {
    (void)state;
    const otel_attrs list = LIST(attr("a", otel_int(1)), attr("s", otel_string("x")), attr("w", otel_strings(words, 5)),
                                 attr("bad\xff", otel_string("\xff")), attr("d", otel_doubles(doubles, 2)),
                                 attr("n", otel_none()), attr("u", otel_uint(UINT64_MAX)), attr("", otel_int(1)));
    assert_true(equal(list, list));
    assert_true(equal((otel_attrs){ NULL, 0 }, (otel_attrs){ NULL, 5 }));
    /* Sets have no order. */
    assert_true(equal(LIST(attr("a", otel_int(1)), attr("b", otel_int(2))),
                      LIST(attr("b", otel_int(2)), attr("a", otel_int(9)), attr("a", otel_int(1)))));
}

static void any_difference_is_one(void **state) {
    (void)state;
    const otel_attrs a = LIST(attr("a", otel_int(1)));
    assert_false(equal(a, (otel_attrs){ NULL, 0 }));
    assert_false(equal((otel_attrs){ NULL, 0 }, a));
    assert_false(equal(a, LIST(attr("a", otel_int(2)))));
    assert_false(equal(a, LIST(attr("b", otel_int(1)))));
    assert_false(equal(a, LIST(attr("a", otel_bool(true)))));
    assert_false(equal(a, LIST(attr("a", otel_int(1)), attr("b", otel_int(1)))));
    assert_false(equal(LIST(attr("a", otel_double(0.0))), LIST(attr("a", otel_double(-0.0)))));
    assert_false(equal(LIST(attr("a", otel_string("x"))), LIST(attr("a", otel_string("y")))));
    assert_false(equal(LIST(attr("a", otel_string("x"))), LIST(attr("a", otel_bytes("x", 1)))));
    assert_false(equal(LIST(attr("a", otel_strings(words, 2))), LIST(attr("a", otel_strings(words + 1, 2)))));
    assert_false(equal(LIST(attr("a", otel_strings(words, 2))), LIST(attr("a", otel_strings(words, 1)))));
    assert_false(equal(LIST(attr("a", otel_ints(ints, 2))), LIST(attr("a", otel_ints(ints + 1, 1)))));
}

static void without_memory_nothing_is_equal(void **state) {
    (void)state;
    SKIP_IF(!failing_allocator_works(), "allocations cannot be made to fail here");
    const otel_attrs list = LIST(attr("a", otel_int(1)));
    const otel_attrs copy = copy_of(list);
    failing_allocator_fail(1, true);
    const bool result = otel__attrs_equal(copy, list);
    const unsigned failures = failing_allocator_failures();
    failing_allocator_fail(0, false);
    assert_false(result);
    assert_int_equal(failures, 1);
}

#define test(name) cmocka_unit_test_teardown(name, free_block)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(every_type_is_copied),
        test(text_is_repaired_and_a_bad_value_becomes_bytes),
        test(bools_are_0_or_1),
        test(unsigned_integers_become_text),
        test(the_last_value_of_a_key_wins_in_the_place_of_the_first),
        test(keys_that_are_none_are_left_out),
        test(empty_lists_have_no_copy),
        test(values_in_values_are_copied),
        test(equal_sets_are_equal),
        test(each_key_is_there_once),
        test(a_large_map_takes_its_time_only),
        test(lists_that_hold_themselves_are_too_large),
        test(values_that_cannot_be_are_empty),
        test(what_claims_to_be_huge_is_empty_or_left_out),
        test(empty_values_are_copied_as_such),
        test(the_copy_lives_on_its_own),
        test(elements_are_aligned),
        test(strings_are_copied_repaired),
        test(copies_equal_what_they_are_copies_of),
        test(any_difference_is_one),
        test(without_memory_nothing_is_equal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
