/* SPDX-License-Identifier: Apache-2.0 */
/* attributes_limits_test.c - what is too much, too large or not what it should be is dropped and counted or repaired. */
#include "attributes_fixture.h"
#include "options.h"

#include <stdio.h>

enum { MEGABYTE = 1 << 20 };

static const otel_str words[] = { { "a", 1 }, { NULL, 0 }, { "x\0y", 3 }, { "", 0 } };
static const int64_t ints[] = { INT64_MIN, 0, INT64_MAX };

/* ---- hashes ------------------------------------------------------------------------------------------------------ */

struct hashed {
    uint32_t hash;
    char key[12];
};

static int by_hash(const void *a, const void *b) {
    const uint32_t x = ((const struct hashed *)a)->hash, y = ((const struct hashed *)b)->hash;
    return x < y ? -1 : x > y;
}

/* Among some 500,000 keys there are a few with the same 32 bits of hash, which must be told apart all the same. */
static void keys_of_the_same_hash_are_two_keys(void **state) {
    (void)state;
    enum { KEYS = 500000 };
    struct hashed *keys = calloc(KEYS, sizeof *keys);
    for (unsigned i = 0; i < KEYS; i++) {
        if (i % 100 == 0) {
            end_span(NULL);
            new_span(NULL);
        }
        snprintf(keys[i].key, sizeof keys[i].key, "k%u", i * 7919u);
        set(keys[i].key, otel_int(0));
        keys[i].hash = record->attrs.newest->hash;
    }
    qsort(keys, KEYS, sizeof *keys, by_hash);
    unsigned pairs = 0;
    for (unsigned i = 1; i < KEYS; i++) {
        if (keys[i].hash != keys[i - 1].hash || strlen(keys[i].key) != strlen(keys[i - 1].key))
            continue;
        end_span(NULL);
        new_span(NULL);
        set(keys[i].key, otel_int(1));
        set(keys[i - 1].key, otel_int(2));
        assert_int_equal(record->attrs.newest->hash, keys[i].hash);
        set(keys[i].key, otel_int(3));
        assert_int_equal(seen().count, 2);
        assert_int_equal(seen().items[0].value.u.i, 3);
        assert_int_equal(seen().items[1].value.u.i, 2);
        pairs++;
    }
    print_message("    %u pairs\n", pairs);
    assert_in_range(pairs, 1, 200);
    free(keys);
}

/* ---- limits ------------------------------------------------------------------------------------------------------ */

static void beyond_the_limit_new_keys_are_dropped_and_old_ones_updated(void **state) {
    (void)state;
    char key[16];
    for (int i = 0; i < OTEL__COUNT_LIMIT; i++) {
        snprintf(key, sizeof key, "k%d", i);
        assert_true(set(key, otel_int(i)));
    }
    assert_false(set("one more", otel_int(1)));
    assert_false(set("and a text", otel_string("x")));
    assert_false(set("and an array", otel_ints(ints, 2)));
    assert_true(set("k0", otel_int(-1)));
    assert_true(set("k127", otel_string("updated")));
    assert_true(set("k64", otel_ints(ints, 2)));
    const otel_attrs attrs = seen();
    assert_int_equal(attrs.count, OTEL__COUNT_LIMIT);
    assert_int_equal(attrs.items[0].value.u.i, -1);
    assert_int_equal(attrs.items[1].value.u.i, 1);
    assert_memory_equal(attrs.items[127].value.u.p, "updated", 7);
    assert_int_equal(attrs.items[64].value.len, 2);
    assert_int_equal(record->attrs.dropped, 3);
}

static void a_list_is_set_item_by_item(void **state) {
    (void)state;
    const otel_attr items[] = {
        OTEL_ATTR("a", 1), OTEL_ATTR("", 2), OTEL_ATTR("a", 3), { otel_strn("b", 1), { .type = (otel_type)99 } }
    };
    assert_int_equal(otel__attrs_set_all(record, &record->attrs, (otel_attrs){ items, 4 }), 2);
    assert_seen("a=int:3");
    assert_int_equal(otel__attrs_set_all(record, &record->attrs, (otel_attrs){ NULL, 1000 }), 0);
    assert_int_equal(otel__attrs_set_all(record, &record->attrs, (otel_attrs){ items, 0 }), 0);
    assert_seen("a=int:3");
    assert_int_equal(record->attrs.dropped, 2);
}

static void a_list_longer_than_any_that_is_meant_is_not_read(void **state) {
    (void)state;
    const otel_attr one = OTEL_ATTR("a", 1);
    assert_int_equal(otel__attrs_set_all(record, &record->attrs, (otel_attrs){ &one, SIZE_MAX }), 1);
    assert_int_equal(otel__attrs_set_all(record, &record->attrs, (otel_attrs){ &one, 65537 }), 1);
    assert_int_equal(seen().count, 0);
    assert_int_equal(record->attrs.dropped, 2);
}

static void values_of_no_type_are_dropped(void **state) {
    (void)state;
    set("kept", otel_string("as it was"));
    static const int types[] = { 13, 14, 99, 255, 256, 257, INT32_MAX, INT32_MIN, -1 };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        assert_false(set("new", (otel_value){ .type = (otel_type)types[i], .u.i = 1 }));
        assert_false(set("kept", (otel_value){ .type = (otel_type)types[i], .len = 1, .u.p = "x" }));
    }
    assert_seen("kept=string:\"as it was\"");
    assert_int_equal(record->attrs.dropped, 18);
}

/* Lengths without bytes, and lengths that no memory has, which a type's size would make wrap around. */
static void values_that_cannot_be_are_dropped(void **state) {
    (void)state;
    static const otel_type types[] = { OTEL_TYPE_STRING, OTEL_TYPE_BYTES, OTEL_TYPE_STRINGS,
                                       OTEL_TYPE_BOOLS,  OTEL_TYPE_INTS,  OTEL_TYPE_DOUBLES };
    static const size_t lengths[] = { SIZE_MAX, SIZE_MAX / 8 + 2, SIZE_MAX / 16 + 2, (size_t)UINT32_MAX + 2,
                                      (size_t)OTEL__SPAN_BYTES_MAX + 1 };
    unsigned dropped = 0;
    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        assert_false(set("k", (otel_value){ .type = types[t], .len = 3, .u.p = NULL }));
        dropped++;
        for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++, dropped++)
            assert_false(set("k", (otel_value){ .type = types[t], .len = lengths[l], .u.p = words }));
    }
    assert_int_equal(record->attrs.dropped, dropped);
    assert_int_equal(seen().count, 0);
}

static void an_array_of_strings_beyond_the_spans_memory_is_dropped(void **state) {
    (void)state;
    char *text = malloc(MEGABYTE);
    memset(text, 't', MEGABYTE);
    otel_str many[8];
    for (unsigned i = 0; i < 8; i++)
        many[i] = otel_strn(text, MEGABYTE);
    many[7].len = SIZE_MAX;
    assert_false(set("k", otel_strings(many, 7)));
    assert_false(set("k", otel_strings(many + 7, 1)));
    assert_true(set("k", otel_strings(many, 2)));
    assert_int_equal(seen().items[0].value.len, 2);
    free(text);
}

static void large_values_are_kept_whole(void **state) {
    (void)state;
    static const size_t sizes[] = { 4060, 4064, 4095, 4096, 4097, 8192, MEGABYTE };
    char *text = malloc(MEGABYTE);
    char key[16];
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        memset(text, (int)('a' + i), MEGABYTE);
        snprintf(key, sizeof key, "k%zu", i);
        assert_true(set(key, i % 2 ? otel_bytes(text, sizes[i]) : otel_stringn(text, sizes[i])));
    }
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        memset(text, (int)('a' + i), MEGABYTE);
        assert_int_equal(seen().items[i].value.len, sizes[i]);
        assert_memory_equal(seen().items[i].value.u.p, text, sizes[i]);
    }
    free(text);
}

/*
 * When the span's memory is used up, what it has stays, scalars and shorter texts can still be updated, and drops are
 * counted.
 */
static void a_full_span_keeps_what_it_has(void **state) {
    (void)state;
    char *text = malloc(MEGABYTE);
    memset(text, 't', MEGABYTE);
    set("first", otel_string("a text"));
    set("number", otel_int(1));
    set("a", otel_stringn(text, MEGABYTE));
    set("b", otel_stringn(text, MEGABYTE));
    set("c", otel_stringn(text, MEGABYTE));
    assert_true(set("d", otel_stringn(text, MEGABYTE / 2)));
    assert_false(set("e", otel_stringn(text, MEGABYTE)));
    assert_false(set("first", otel_stringn(text, MEGABYTE)));
    assert_false(set("number", otel_stringn(text, MEGABYTE)));
    assert_true(set("number", otel_int(2)));
    assert_true(set("first", otel_string("short")));
    assert_int_equal(record->attrs.dropped, 3);
    assert_int_equal(seen().count, 6);
    assert_int_equal(seen().items[1].value.u.i, 2);
    assert_memory_equal(seen().items[0].value.u.p, "short", 5);
    assert_int_equal(seen().items[4].value.len, MEGABYTE);
    free(text);
}

/* ---- text -------------------------------------------------------------------------------------------------------- */

static void a_string_that_is_not_utf8_is_seen_as_bytes(void **state) {
    (void)state;
    set("good", otel_string("gr\xc3\xbc\xc3\x9f"));
    set("bad", otel_string("a\xff"));
    set("cut", otel_string("\xc3"));
    set("array", otel_strings((const otel_str[]){ { "a\xff\xfe", 3 }, { "ok", 2 } }, 2));
    assert_seen("good=string:\"gr\\xc3\\xbc\\xc3\\x9f\" bad=bytes:\"a\\xff\" cut=bytes:\"\\xc3\" "
                "array=strings:[\"a\\xef\\xbf\\xbd\\xef\\xbf\\xbd\",\"ok\"]");
}

static void texts_are_copied_repaired(void **state) {
    (void)state;
    assert_int_equal(otel__text_str(otel__record_text(record, otel_strn(NULL, 0))).len, 0);
    assert_int_equal(otel__text_str(otel__record_text(record, (otel_str){ NULL, 9 })).len, 0);
    otel_str text = otel__text_str(otel__record_text(record, otel_cstr("a\xff")));
    assert_int_equal(text.len, 4);
    assert_memory_equal(text.ptr, "a\xef\xbf\xbd", 4);
    assert_null(otel__record_text(record, (otel_str){ "x", SIZE_MAX }));
    assert_int_equal(otel__text_str(NULL).len, 0);
}

/* ---- what is added only where it is not there -------------------------------------------------------------------- */

static void adding_replaces_nothing(void **state) {
    (void)state;
    set("here", otel_string("mine"));
    set("b\xff", otel_string("mine")); /* compared as it is stored */
    assert_int_equal(otel__attrs_add_all(record, &record->attrs,
                                         OTEL_ATTRS(OTEL_ATTR("here", 1), OTEL_ATTR("b\xff", 1), OTEL_ATTR("twice", 1),
                                                    OTEL_ATTR("twice", 2), OTEL_ATTR("other\xff", 3))),
                     0);
    assert_seen("here=string:\"mine\" b\xef\xbf\xbd=string:\"mine\" other\xef\xbf\xbd=int:3 twice=int:2");
}

static void what_cannot_be_added_is_dropped(void **state) {
    (void)state;
    const otel_attr one = OTEL_ATTR("a", 1);
    const otel_attr bad[] = { OTEL_ATTR("", 1), OTEL_ATTR((const char *)NULL, 1), { { "b", 1 }, { .type = 99 } } };
    assert_int_equal(otel__attrs_add_all(record, &record->attrs, (otel_attrs){ bad, 3 }), 3);
    assert_int_equal(otel__attrs_add_all(record, &record->attrs, (otel_attrs){ &one, (size_t)OTEL__LIST_MAX + 1 }), 1);
    assert_int_equal(otel__attrs_add_all(record, &record->attrs, (otel_attrs){ NULL, 3 }), 0);
    assert_int_equal(record->attrs.dropped, 4);
    assert_true(record->discarded);
    assert_int_equal(seen().count, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        test(keys_of_the_same_hash_are_two_keys),
        test(beyond_the_limit_new_keys_are_dropped_and_old_ones_updated),
        test(adding_replaces_nothing),
        test(what_cannot_be_added_is_dropped),
        test(a_list_is_set_item_by_item),
        test(a_list_longer_than_any_that_is_meant_is_not_read),
        test(values_of_no_type_are_dropped),
        test(values_that_cannot_be_are_dropped),
        test(an_array_of_strings_beyond_the_spans_memory_is_dropped),
        test(large_values_are_kept_whole),
        test(a_full_span_keeps_what_it_has),
        test(a_string_that_is_not_utf8_is_seen_as_bytes),
        test(texts_are_copied_repaired),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
