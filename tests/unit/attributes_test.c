/* SPDX-License-Identifier: Apache-2.0 */
/* attributes_test.c - attributes keep what was set last under each key, as exporters see it. */
#include "attributes_fixture.h"

#include <math.h>
#include <stdio.h>

enum { MEGABYTE = 1 << 20, STEPS = 100000, STEPS_PER_SPAN = 2000 };

/* ---- types ------------------------------------------------------------------------------------------------------- */

static const otel_str words[] = { { "a", 1 }, { NULL, 0 }, { "x\0y", 3 }, { "", 0 } };
static const bool bools[] = { true, false, true };
static const int64_t ints[] = { INT64_MIN, 0, INT64_MAX };
static const double doubles[] = { 0.5, -1e300 };

static void every_type_is_kept(void **state) {
    (void)state;
    assert_true(set("none", otel_none()));
    assert_true(set("string", otel_string("value")));
    assert_true(set("bool", otel_bool(true)));
    assert_true(set("int", otel_int(INT64_MIN)));
    assert_true(set("uint", otel_uint(UINT64_MAX)));
    assert_true(set("double", otel_double(0.1)));
    assert_true(set("bytes", otel_bytes("\0\xff", 2)));
    assert_true(set("strings", otel_strings(words, 4)));
    assert_true(set("bools", otel_bools(bools, 3)));
    assert_true(set("ints", otel_ints(ints, 3)));
    assert_true(set("doubles", otel_doubles(doubles, 2)));
    assert_seen(
        "none=none: string=string:\"value\" bool=bool:true int=int:-9223372036854775808 "
        "uint=string:\"18446744073709551615\" double=double:0.10000000000000001 bytes=bytes:\"\\x00\\xff\" "
        "strings=strings:[\"a\",\"\",\"x\\x00y\",\"\"] bools=bools:[true,false,true] "
        "ints=ints:[-9223372036854775808,0,9223372036854775807] doubles=doubles:[0.5,-1.0000000000000001e+300]");
    assert_int_equal(record->attrs.dropped, 0);
}

static void values_hold_values(void **state) {
    (void)state;
    assert_true(set("array", OTEL_ARRAY(OTEL_VALUE(1), OTEL_VALUE("two"), otel_none(), OTEL_ARRAY(otel_bool(true)))));
    assert_true(set("map", OTEL_MAP(OTEL_ATTR("a", 1), OTEL_ATTR("b", OTEL_MAP(OTEL_ATTR("c", otel_ints(ints, 2)))))));
    assert_true(set("nothing", otel_array(NULL, 0)));
    assert_false(set("wrong", (otel_value){ .type = OTEL_TYPE_MAP, .len = 3, .u.p = NULL }));
    assert_seen("array=array:[int:1,string:\"two\",none:,array:[bool:true]] "
                "map=map:{a=int:1 b=map:{c=ints:[-9223372036854775808,0]}} nothing=array:[]");
    assert_int_equal(record->attrs.dropped, 1);
}

static void of_equal_keys_in_a_map_the_last_counts(void **state) {
    (void)state;
    const otel_attr nameless = { { "", 0 }, otel_int(3) };
    assert_true(set("map", OTEL_MAP(OTEL_ATTR("k", 1), OTEL_ATTR("K", 2), nameless, OTEL_ATTR("k", "last"))));
    assert_seen("map=map:{k=string:\"last\" K=int:2}");
}

static void nested_values_are_copied_and_replaced(void **state) {
    (void)state;
    char text[] = "inner", key[] = "key";
    assert_true(set("k", OTEL_ARRAY(OTEL_VALUE("short"))));
    assert_true(set("k", OTEL_MAP(OTEL_ATTR(key, text), OTEL_ATTR("u", otel_uint(UINT64_MAX)))));
    memset(text, '#', sizeof text);
    memset(key, '#', sizeof key);
    assert_seen("k=map:{key=string:\"inner\" u=string:\"18446744073709551615\"}");
    assert_true(set("k", OTEL_VALUE(7)));
    assert_seen("k=int:7");
}

/* Lists that hold themselves have no end; those that are too large are dropped. */
static void lists_without_an_end_are_dropped(void **state) {
    (void)state;
    otel_value loop[2] = { { .type = OTEL_TYPE_ARRAY, .len = 2, .u.p = loop },
                           { .type = OTEL_TYPE_ARRAY, .len = 2, .u.p = loop } };
    assert_false(set("loop", loop[0]));
    otel_value chain[1] = { { .type = OTEL_TYPE_ARRAY, .len = 1, .u.p = chain } };
    assert_true(set("chain", chain[0])); /* 64 deep */
    assert_false(set("huge", (otel_value){ .type = OTEL_TYPE_ARRAY, .len = SIZE_MAX, .u.p = chain }));
    assert_int_equal(record->attrs.count, 1);
    unsigned depth = 0;
    for (const otel_value *value = &seen().items[0].value; value->type == OTEL_TYPE_ARRAY; value = value->u.p)
        depth++;
    assert_int_equal(depth, 64);
}

static void null_strings_stay_null(void **state) {
    (void)state;
    assert_true(set("strings", otel_strings((otel_str[]){ { "a", 1 }, { NULL, 0 }, { "", 0 } }, 3)));
    const otel_str *strings = seen().items[0].value.u.p;
    assert_non_null(strings[0].ptr);
    assert_null(strings[1].ptr);
    assert_non_null(strings[2].ptr);
}

static void empty_values_are_values(void **state) {
    (void)state;
    assert_true(set("null", otel_string(NULL)));
    assert_true(set("empty", otel_string("")));
    assert_true(set("bytes", otel_bytes(NULL, 0)));
    assert_true(set("strings", otel_strings(NULL, 0)));
    assert_true(set("ints", otel_ints(ints, 0)));
    assert_seen("null=string:\"\" empty=string:\"\" bytes=bytes:\"\" strings=strings:[] ints=ints:[]");
}

static void bits_of_doubles_are_kept(void **state) {
    (void)state;
    const double odd[] = { -0.0, (double)INFINITY, -(double)INFINITY, (double)NAN, 5e-324 };
    for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
        set("d", otel_double(odd[i]));
        const otel_value *value = &seen().items[0].value;
        assert_int_equal(value->type, OTEL_TYPE_DOUBLE);
        assert_memory_equal(&value->u.d, &odd[i], sizeof odd[i]);
    }
}

/* Booleans made by hand may hold any integer, and a pointer may lead to any bytes. */
static void a_bool_is_0_or_1(void **state) {
    (void)state;
    static const unsigned char odd[] = { 0, 1, 2, 255 };
    set("b", (otel_value){ .type = OTEL_TYPE_BOOL, .u.i = 256 });
    set("many", otel_bools((const bool *)(const void *)odd, 4));
    assert_int_equal(seen().items[0].value.u.i, 1);
    assert_memory_equal(seen().items[1].value.u.p, "\0\1\1\1", 4);
}

static void arguments_may_change_after_the_call(void **state) {
    (void)state;
    char key[] = "key", text[] = "text";
    otel_str array[] = { { text, 4 } };
    set(key, otel_string(text));
    set("array", otel_strings(array, 1));
    memset(key, 'x', 3);
    memset(text, 'x', 4);
    array[0] = otel_strn(NULL, 0);
    assert_seen("key=string:\"text\" array=strings:[\"text\"]");
}

/* ---- replacing --------------------------------------------------------------------------------------------------- */

static void a_later_value_takes_the_place_of_an_earlier_one(void **state) {
    (void)state;
    set("a", otel_int(1));
    set("b", otel_string("x"));
    set("c", otel_int(3));
    set("b", otel_string("a longer text than before"));
    set("a", otel_string("now a text"));
    set("b", otel_string("short"));
    assert_seen("a=string:\"now a text\" b=string:\"short\" c=int:3");
    assert_int_equal(record->attrs.count, 3);
    assert_int_equal(record->attrs.dropped, 0);
}

/* Long enough to hold arrays in their place, of every length modulo 8, and too long for a block. */
static otel_value sample(unsigned which) {
    static char texts[9][40];
    static char kilobytes[5000];
    static const otel_str list[] = { { "one", 3 }, { "two", 3 } };
    if (which < 9) {
        memset(texts[which], (int)('a' + which), sizeof texts[which]);
        return otel_stringn(texts[which], 30 + which);
    }
    memset(kilobytes, 'k', sizeof kilobytes);
    const otel_value others[] = { otel_string(""),
                                  otel_none(),
                                  otel_bool(true),
                                  otel_int(-1),
                                  otel_double(1.5),
                                  otel_uint(UINT64_MAX),
                                  otel_bytes("\1\2\3", 3),
                                  otel_strings(list, 2),
                                  otel_bools(bools, 3),
                                  otel_ints(ints, 3),
                                  otel_ints(ints, 1),
                                  otel_doubles(doubles, 2),
                                  otel_string("s"),
                                  otel_strings(list, 0),
                                  otel_stringn(kilobytes, 4096),
                                  otel_stringn(kilobytes, 5000) };
    return others[(which - 9) % (sizeof others / sizeof *others)];
}
enum { SAMPLES = 9 + 16 };

static char *alone(otel_value value) {
    new_span(NULL);
    set("k", value);
    char *text = attrs_text(seen());
    end_span(NULL);
    return text;
}

static void every_type_replaces_every_other_under_keys_of_every_length(void **state) {
    (void)state;
    char *expected[SAMPLES];
    static const char *const keys[] = { "k", "kk", "kkk", "kkkk", "kkkkk", "kkkkkk", "kkkkkkk", "kkkkkkkk" };
    end_span(NULL);
    for (unsigned i = 0; i < SAMPLES; i++)
        expected[i] = alone(sample(i));
    for (unsigned from = 0; from < SAMPLES; from++)
        for (unsigned to = 0; to < SAMPLES; to++) {
            new_span(NULL);
            const char *key = keys[(from * SAMPLES + to) % 8];
            set(key, sample(from));
            set("next", otel_string("must stay"));
            set(key, sample(to));
            set("last", otel_string("too"));
            char *text = attrs_text(seen());
            const size_t skipped = strlen(key) - 1;
            const size_t length = strlen(expected[to]);
            assert_memory_equal(text + skipped, expected[to], length);
            assert_string_equal(text + skipped + length, " next=string:\"must stay\" last=string:\"too\"");
            free(text);
            end_span(NULL);
        }
    for (unsigned i = 0; i < SAMPLES; i++)
        free(expected[i]);
    new_span(NULL);
}

/* A counter that is set again and again must not eat up the span's memory. */
static void replacing_with_what_fits_takes_no_memory(void **state) {
    (void)state;
    set("n", otel_string("12345678"));
    const char *const end = record->free;
    for (unsigned i = 0; i < 1000; i++)
        set("n", otel_string(i % 2 ? "1234" : "87654321"));
    assert_ptr_equal(record->free, end);
    assert_seen("n=string:\"1234\"");
}

/* ---- keys -------------------------------------------------------------------------------------------------------- */

static void keys_differ_by_every_byte_and_their_length(void **state) {
    (void)state;
    enum { LONGEST = 40 };
    for (unsigned len = 1; len <= LONGEST; len++) {
        end_span(NULL);
        new_span(NULL);
        char key[LONGEST + 1];
        memset(key, 'a', sizeof key);
        for (unsigned at = 0; at <= len; at++) {
            key[len] = '\0';
            const char saved = key[at];
            if (at < len)
                key[at] = 'b';
            assert_true(set(key, otel_int((int)at)));
            key[at] = saved;
        }
        assert_int_equal(record->attrs.count, len + 1);
        for (unsigned at = 0; at <= len; at++)
            assert_int_equal(seen().items[at].value.u.i, at);
    }
}

static void keys_may_hold_nul(void **state) {
    (void)state;
    const otel_value one = otel_int(1), two = otel_int(2);
    otel__attrs_set(record, &record->attrs, otel_strn("a\0b", 3), &one);
    otel__attrs_set(record, &record->attrs, otel_strn("a\0c", 3), &two);
    otel__attrs_set(record, &record->attrs, otel_strn("a", 1), &two);
    otel__attrs_set(record, &record->attrs, otel_strn("\0", 1), &one);
    assert_int_equal(record->attrs.count, 4);
    assert_int_equal(seen().items[0].key.len, 3);
    assert_memory_equal(seen().items[0].key.ptr, "a\0b", 3);
}

static void keys_that_are_none_are_dropped_and_counted(void **state) {
    (void)state;
    const otel_value value = otel_int(1);
    assert_false(otel__attrs_set(record, &record->attrs, otel_strn("", 0), &value));
    assert_false(otel__attrs_set(record, &record->attrs, otel_strn(NULL, 0), &value));
    assert_false(otel__attrs_set(record, &record->attrs, (otel_str){ NULL, 5 }, &value));
    assert_false(otel__attrs_set(record, &record->attrs, otel_strn("k", 1), NULL));
    assert_int_equal(record->attrs.dropped, 4);
    assert_int_equal(seen().count, 0);
    assert_int_equal(otel_batch_span(batch, 0)->dropped_attributes, 4);
}

static void long_keys_are_kept_and_huge_ones_dropped(void **state) {
    (void)state;
    char *key = malloc(MEGABYTE);
    memset(key, 'k', MEGABYTE);
    const otel_value value = otel_string("v");
    static const size_t kept[] = { 4000, 4090, 4096, 4097, 10000, UINT16_MAX };
    for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
        assert_true(otel__attrs_set(record, &record->attrs, otel_strn(key, kept[i]), &value));
        assert_true(otel__attrs_set(record, &record->attrs, otel_strn(key, kept[i]), &value));
        assert_int_equal(seen().count, i + 1);
        assert_int_equal(seen().items[i].key.len, kept[i]);
        assert_memory_equal(seen().items[i].key.ptr, key, kept[i]);
        assert_int_equal(seen().items[i].value.len, 1);
    }
    assert_false(otel__attrs_set(record, &record->attrs, otel_strn(key, UINT16_MAX + 1), &value));
    assert_false(otel__attrs_set(record, &record->attrs, otel_strn(key, MEGABYTE), &value));
    memset(key, 0xff, MEGABYTE); /* three times as long when repaired */
    assert_false(otel__attrs_set(record, &record->attrs, otel_strn(key, UINT16_MAX / 3 + 1), &value));
    assert_true(otel__attrs_set(record, &record->attrs, otel_strn(key, 100), &value));
    assert_int_equal(seen().items[6].key.len, 300);
    assert_int_equal(record->attrs.dropped, 3);
    free(key);
}

/* Two keys that differ only in what is wrong with them are one key. */
static void bad_keys_are_repaired_before_they_are_compared(void **state) {
    (void)state;
    set("k\xff", otel_int(1));
    set("k\xfe", otel_int(2));
    assert_seen("k\xef\xbf\xbd=int:2");
    set("k\xef\xbf\xbd", otel_int(3));
    assert_seen("k\xef\xbf\xbd=int:3");
    set("a longer key with a bad byte \xc0 inside", otel_int(4));
    set("a longer key with a bad byte \xc1 inside", otel_int(5));
    assert_int_equal(record->attrs.count, 2);
    set("gr\xc3\xbc\xc3\x9f", otel_int(6));
    assert_int_equal(record->attrs.count, 3);
    assert_memory_equal(seen().items[2].key.ptr, "gr\xc3\xbc\xc3\x9f", 6);
    assert_int_equal(record->attrs.dropped, 0);
}

/* ---- random operations against a model --------------------------------------------------------------------------- */

struct model {
    size_t count;
    struct {
        char key[24];
        char *text; /* of the value */
    } items[OTEL__COUNT_LIMIT];
};

static uint64_t random_state;

static unsigned pick(unsigned below) {
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 33) % below;
}

/* `key` as given, and as it must be seen. Every eighth is not UTF-8. */
static void random_key(char *key, char *seen_as) {
    const unsigned n = pick(170);
    static const char *const bad[] = { "\xff", "\xfe", "\x80", "\xc0" };
    static const char *const tails[] = { "", ".id", ".request.header", ".method" };
    const char *tail = tails[n % 4];
    if (n % 8 == 0) {
        sprintf(key, "%u%s%s", n, bad[pick(4)], tail);
        sprintf(seen_as, "%u\xef\xbf\xbd%s", n, tail);
    } else {
        sprintf(key, "%u%s", n, tail);
        strcpy(seen_as, key);
    }
}

/* The sample's text comes from a span that holds nothing else; numbers are made here. */
static otel_value random_value(char *const *sample_texts, char **text) {
    char number[48];
    const unsigned which = pick(SAMPLES + 20);
    if (which < SAMPLES - 2) { /* the two largest would fill the span */
        *text = strdup(sample_texts[which]);
        return sample(which);
    }
    const int64_t n = (int64_t)random_state;
    snprintf(number, sizeof number, "int:%lld", (long long)n);
    *text = strdup(number);
    return otel_int(n);
}

static bool model_set(struct model *model, const char *key, char *text) {
    for (size_t i = 0; i < model->count; i++)
        if (strcmp(model->items[i].key, key) == 0) {
            free(model->items[i].text);
            model->items[i].text = text;
            return true;
        }
    if (model->count == OTEL__COUNT_LIMIT) {
        free(text);
        return false;
    }
    strcpy(model->items[model->count].key, key);
    model->items[model->count++].text = text;
    return true;
}

static void assert_like(const struct model *model) {
    const otel_attrs attrs = seen();
    assert_int_equal(attrs.count, model->count);
    for (size_t i = 0; i < attrs.count; i++) {
        char *text = attrs_text((otel_attrs){ &attrs.items[i], 1 });
        char *expected = NULL;
        assert_int_not_equal(asprintf(&expected, "%s=%s", model->items[i].key, model->items[i].text), -1);
        assert_string_equal(text, expected);
        free(text);
        free(expected);
    }
}

static void model_clear(struct model *model) {
    for (size_t i = 0; i < model->count; i++)
        free(model->items[i].text);
    model->count = 0;
}

static void random_operations_give_what_a_simple_model_gives(void **state) {
    (void)state;
    static struct model model;
    char *sample_texts[SAMPLES];
    unsigned dropped = 0;
    end_span(NULL);
    for (unsigned i = 0; i < SAMPLES; i++) {
        char *text = alone(sample(i));
        sample_texts[i] = strdup(text + strlen("k="));
        free(text);
    }
    new_span(NULL);
    random_state = 20240229;
    for (unsigned step = 1; step <= STEPS; step++) {
        char key[24], seen_as[24], *text;
        random_key(key, seen_as);
        const otel_value value = random_value(sample_texts, &text);
        const bool expected = model_set(&model, seen_as, text);
        assert_int_equal(set(key, value), expected);
        dropped += !expected;
        if (step % 250 == 0)
            assert_like(&model);
        if (step % STEPS_PER_SPAN == 0) {
            assert_int_equal(record->attrs.dropped, dropped);
            end_span(NULL);
            new_span(NULL);
            model_clear(&model);
            dropped = 0;
        }
    }
    for (unsigned i = 0; i < SAMPLES; i++)
        free(sample_texts[i]);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        test(every_type_is_kept),
        test(values_hold_values),
        test(of_equal_keys_in_a_map_the_last_counts),
        test(nested_values_are_copied_and_replaced),
        test(lists_without_an_end_are_dropped),
        test(null_strings_stay_null),
        test(empty_values_are_values),
        test(bits_of_doubles_are_kept),
        test(a_bool_is_0_or_1),
        test(arguments_may_change_after_the_call),
        test(a_later_value_takes_the_place_of_an_earlier_one),
        test(every_type_replaces_every_other_under_keys_of_every_length),
        test(replacing_with_what_fits_takes_no_memory),
        test(keys_differ_by_every_byte_and_their_length),
        test(keys_may_hold_nul),
        test(keys_that_are_none_are_dropped_and_counted),
        test(long_keys_are_kept_and_huge_ones_dropped),
        test(bad_keys_are_repaired_before_they_are_compared),
        test(random_operations_give_what_a_simple_model_gives),
    };
    return cmocka_run_group_tests(tests, prepare, clean_up);
}
