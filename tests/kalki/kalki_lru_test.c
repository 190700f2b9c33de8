/* SPDX-License-Identifier: Apache-2.0 */
/* kalki_lru_test.c - what the bounded map keeps, and what it forgets. */
#include "cache/lru.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define NEVER UINT64_MAX

static struct lru_bytes of(const char *text) { return (struct lru_bytes){ text, strlen(text) }; }

static bool holds(struct lru *lru, const char *key, uint64_t now, const char *expected) {
    struct lru_bytes value;
    return lru_get(lru, of(key), now, &value) && value.length == strlen(expected) &&
           memcmp(value.bytes, expected, value.length) == 0;
}

static bool lacks(struct lru *lru, const char *key, uint64_t now) {
    struct lru_bytes value;
    return !lru_get(lru, of(key), now, &value);
}

static void it_finds_what_was_set_last(void **state) {
    (void)state;
    struct lru *lru = lru_new(10, 10000);
    assert_true(lacks(lru, "a", 0));
    assert_true(lru_set(lru, of("a"), of("1"), NEVER));
    assert_true(lru_set(lru, of("b"), of(""), NEVER));
    assert_true(holds(lru, "a", 0, "1"));
    assert_true(holds(lru, "b", 0, ""));
    assert_true(lru_set(lru, of("a"), of("a longer value"), NEVER));
    assert_true(holds(lru, "a", 0, "a longer value"));
    assert_int_equal(lru_entries(lru), 2);
    lru_delete(lru, of("a"));
    lru_delete(lru, of("a"));
    assert_true(lacks(lru, "a", 0));
    lru_free(lru);
}

static void a_value_may_be_set_from_what_was_found(void **state) {
    (void)state;
    struct lru *lru = lru_new(10, 10000);
    struct lru_bytes found;
    lru_set(lru, of("a"), of("the value"), NEVER);
    assert_true(lru_get(lru, of("a"), 0, &found));
    assert_true(lru_set(lru, of("a"), found, NEVER));
    assert_true(holds(lru, "a", 0, "the value"));
    lru_free(lru);
}

static void what_has_expired_is_gone(void **state) {
    (void)state;
    struct lru *lru = lru_new(10, 10000);
    lru_set(lru, of("soon"), of("1"), 100);
    lru_set(lru, of("sooner"), of("2"), 50);
    lru_set(lru, of("later"), of("3"), 1000);
    assert_true(holds(lru, "soon", 99, "1"));
    assert_true(lacks(lru, "soon", 100));
    assert_int_equal(lru_entries(lru), 2);
    lru_expire(lru, 100);
    assert_int_equal(lru_entries(lru), 1);
    assert_true(holds(lru, "later", 999, "3"));
    lru_expire(lru, 1000);
    assert_int_equal(lru_entries(lru), 0);
    assert_int_equal(lru_bytes(lru), 0);
    lru_free(lru);
}

static void it_forgets_what_was_used_longest_ago(void **state) {
    (void)state;
    struct lru *lru = lru_new(3, 10000);
    lru_set(lru, of("a"), of("1"), NEVER);
    lru_set(lru, of("b"), of("2"), NEVER);
    lru_set(lru, of("c"), of("3"), NEVER);
    assert_true(holds(lru, "a", 0, "1"));
    lru_set(lru, of("d"), of("4"), NEVER);
    assert_true(lacks(lru, "b", 0));
    assert_true(holds(lru, "a", 0, "1"));
    assert_true(holds(lru, "c", 0, "3"));
    assert_true(holds(lru, "d", 0, "4"));
    lru_free(lru);
}

static void its_bytes_are_bounded(void **state) {
    (void)state;
    enum { BOUND = 4000 };
    static char large[BOUND];
    struct lru *lru = lru_new(1000, BOUND);
    for (unsigned i = 0; i < 500; i++) {
        char key[16];
        snprintf(key, sizeof key, "%u", i);
        assert_true(lru_set(lru, of(key), (struct lru_bytes){ large, i % 300 }, NEVER));
        assert_true(lru_bytes(lru) <= BOUND);
        assert_true(lru_entries(lru) > 0);
    }
    lru_free(lru);
}

static void what_is_too_large_replaces_nothing_and_leaves_nothing_outdated(void **state) {
    (void)state;
    static char large[2000];
    struct lru *lru = lru_new(10, 1000);
    lru_set(lru, of("a"), of("old"), NEVER);
    lru_set(lru, of("b"), of("other"), NEVER);
    assert_false(lru_set(lru, of("a"), (struct lru_bytes){ large, sizeof large }, NEVER));
    assert_true(lacks(lru, "a", 0));
    assert_true(holds(lru, "b", 0, "other"));
    lru_free(lru);
}

struct seen {
    char keys[64];
    size_t most;
};

static bool note(void *data, struct lru_bytes key, struct lru_bytes value) {
    struct seen *seen = data;
    (void)value;
    strncat(seen->keys, key.bytes, key.length);
    return strlen(seen->keys) < seen->most;
}

static void it_shows_what_was_used_last_first(void **state) {
    (void)state;
    struct lru *lru = lru_new(10, 10000);
    lru_set(lru, of("a"), of("1"), NEVER);
    lru_set(lru, of("b"), of("2"), NEVER);
    lru_set(lru, of("c"), of("3"), NEVER);
    assert_true(holds(lru, "a", 0, "1"));
    struct seen all = { "", 10 }, two = { "", 2 };
    lru_each(lru, note, &all);
    lru_each(lru, note, &two);
    assert_string_equal(all.keys, "acb");
    assert_string_equal(two.keys, "ac");
    lru_free(lru);
}

static void ten_thousand_keys_are_told_apart(void **state) {
    (void)state;
    struct lru *lru = lru_new(20000, (size_t)16 << 20);
    char text[16];
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(text, sizeof text, "%u", i);
        assert_true(lru_set(lru, of(text), of(text), NEVER));
    }
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(text, sizeof text, "%u", i);
        assert_true(holds(lru, text, 0, text));
    }
    assert_int_equal(lru_entries(lru), 10000);
    lru_free(lru);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_finds_what_was_set_last),
        cmocka_unit_test(a_value_may_be_set_from_what_was_found),
        cmocka_unit_test(what_has_expired_is_gone),
        cmocka_unit_test(it_forgets_what_was_used_longest_ago),
        cmocka_unit_test(its_bytes_are_bounded),
        cmocka_unit_test(what_is_too_large_replaces_nothing_and_leaves_nothing_outdated),
        cmocka_unit_test(it_shows_what_was_used_last_first),
        cmocka_unit_test(ten_thousand_keys_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
