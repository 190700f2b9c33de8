/* SPDX-License-Identifier: Apache-2.0 */
/* sampler_ot_test.c - thresholds, randomness, and the member `ot` that carries them. */
#include "sampler_ot.h"

#include "vectors.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

static uint64_t hex(otel_str text) { return strtoull(text.ptr, NULL, 16); }

/* ---- thresholds ------------------------------------------------------------------------------------------------- */

static void probability_vector(const json_t *row) {
    double probability = strtod(vector_str(row, "probability_hex").ptr, NULL);
    int precision = (int)json_integer_value(json_object_get(row, "precision"));
    char th[OTEL__THRESHOLD_DIGITS + 1];
    uint64_t threshold = otel__threshold_of(probability, precision);
    assert_true(threshold == hex(vector_str(row, "threshold")));
    otel__threshold_text(threshold, th);
    assert_string_equal(th, vector_str(row, "th").ptr);
}

static void probability_vectors(void **state) {
    (void)state;
    vectors_each("probability_threshold", probability_vector);
}

/* Of the probabilities that are none, those that a ratio may have all the same. */
static void edges(void **state) {
    (void)state;
    assert_true(otel__threshold_of(0, 4) == OTEL__THRESHOLD_NEVER);
    assert_true(otel__threshold_of(-0.1, 4) == OTEL__THRESHOLD_NEVER);
    assert_true(otel__threshold_of(NAN, 4) == OTEL__THRESHOLD_NEVER);
    assert_true(otel__threshold_of(1.5, 4) == 0);
    assert_true(otel__threshold_of(INFINITY, 4) == 0);
    assert_true(otel__threshold_of(5e-324, 4) == OTEL__THRESHOLD_NEVER);
    assert_true(otel__threshold_of(ldexp(1, -57), 4) == OTEL__THRESHOLD_NEVER); /* half a unit: T is rounded up */
    assert_true(otel__threshold_of(ldexp(1 + DBL_EPSILON, -57), 4) == OTEL__THRESHOLD_NEVER - 1);
    assert_true(otel__threshold_of(1 - DBL_EPSILON / 2, 4) == 0);
}

/* The same by long arithmetic: T with 64 binary places, rounded half up. For probabilities from 2^-60 up. */
static uint64_t reference_threshold(double probability, int precision) {
    int exponent;
    uint64_t significand = (uint64_t)ldexp(frexp(probability, &exponent), 53);
    int digits = precision + -exponent / 4;
    digits = digits > 14 ? 14 : digits;
    unsigned __int128 exact = ((unsigned __int128)1 << 120) - ((unsigned __int128)significand << (exponent + 67));
    unsigned __int128 unit = (unsigned __int128)1 << (64 + 4 * (14 - digits));
    return (uint64_t)((exact + unit / 2) / unit * unit >> 64);
}

static void random_probabilities(void **state) {
    (void)state;
    srand(1);
    for (int i = 0; i < 200000; i++) {
        double probability = ldexp(0.5 + rand() / 2.0 / RAND_MAX, -(rand() % 60));
        if (i % 3 == 0) /* short significands, which meet ties */
            probability = ldexp(1 + (double)(uint32_t)ldexp(probability, 20), -20);
        if (probability > 1)
            continue;
        int precision = 1 + rand() % 6;
        uint64_t expected = probability == 1 ? 0 : reference_threshold(probability, precision);
        uint64_t threshold = otel__threshold_of(probability, precision);
        if (threshold != expected)
            fail_msg("%a with precision %d: %llx, expected %llx", probability, precision, (unsigned long long)threshold,
                     (unsigned long long)expected);
    }
}

static void thresholds_fall_as_probabilities_rise(void **state) {
    (void)state;
    uint64_t last = OTEL__THRESHOLD_NEVER;
    for (double probability = 1e-18; probability <= 1; probability *= 1.0003) {
        uint64_t threshold = otel__threshold_of(probability, 4);
        assert_true(threshold <= last);
        last = threshold;
    }
}

static void th_vector(const json_t *row) {
    uint64_t threshold;
    bool valid = otel__threshold_parse(vector_str(row, "th"), &threshold);
    assert_int_equal(valid, vector_bool(row, "valid"));
    if (!valid)
        return;
    char text[OTEL__THRESHOLD_DIGITS + 1];
    assert_true(threshold == hex(vector_str(row, "threshold")));
    otel__threshold_text(threshold, text);
    assert_string_equal(text, vector_str(row, "canonical").ptr);
}

static void th_vectors(void **state) {
    (void)state;
    vectors_each("th_decode", th_vector);
}

static void rv_vector(const json_t *row) {
    uint64_t randomness;
    bool valid = otel__randomness_parse(vector_str(row, "rv"), &randomness);
    assert_int_equal(valid, vector_bool(row, "valid"));
    if (valid)
        assert_true(randomness == hex(vector_str(row, "r")));
}

static void rv_vectors(void **state) {
    (void)state;
    vectors_each("rv_decode", rv_vector);
}

static void randomness_is_the_last_seven_bytes(void **state) {
    (void)state;
    const uint8_t id[16] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5, 6, 7 };
    assert_true(otel__randomness_of(id) == UINT64_C(0x01020304050607));
}

/* ---- the member ------------------------------------------------------------------------------------------------- */

/* The items of `ot` are those of the object, in any order, each once. */
static void assert_items(otel_str ot, const json_t *expected) {
    const char *key;
    json_t *value;
    size_t items = ot.len ? 1 : 0;
    for (size_t i = 0; i < ot.len; i++)
        items += ot.ptr[i] == ';';
    assert_int_equal(items, json_object_size(expected));
    json_object_foreach((json_t *)(uintptr_t)expected, key, value) {
        otel_str found = otel__ot_get(ot, key);
        assert_non_null(found.ptr);
        assert_int_equal(found.len, json_string_length(value));
        assert_memory_equal(found.ptr, json_string_value(value), found.len);
    }
}

static void set_vector(const json_t *row) {
    char out[OTEL__OT_LONGEST];
    size_t len = 0;
    otel_str ot = vector_str(row, "ot");
    bool ok = otel__ot_set(ot, vector_str(row, "key").ptr, vector_str(row, "value"), out, &len);
    assert_int_equal(ok, vector_bool(row, "ok"));
    assert_items(ok ? otel_strn(out, len) : ot, json_object_get(row, "ot_out"));
}

static void set_vectors(void **state) {
    (void)state;
    vectors_each("ot_set", set_vector);
}

static bool may_set(const char *key, otel_str value) {
    char out[OTEL__OT_LONGEST];
    size_t len;
    return otel__ot_set(otel_strn(NULL, 0), key, value, out, &len);
}

/* Keys and values of one character and of two, every byte there is. */
static void every_byte_is_judged(void **state) {
    (void)state;
    for (int byte = 1; byte < 256; byte++) {
        const char c = (char)byte;
        const char first[] = { c, '\0' }, second[] = { 'a', c, '\0' };
        const bool lower = c >= 'a' && c <= 'z', digit = c >= '0' && c <= '9';
        const bool good = lower || digit || (c >= 'A' && c <= 'Z') || c == '.' || c == '_' || c == '-';
        assert_int_equal(may_set(first, otel_cstr("v")), lower);
        assert_int_equal(may_set(second, otel_cstr("v")), lower || digit);
        assert_int_equal(may_set("k", otel_strn(&c, 1)), good);
        assert_int_equal(may_set("k", otel_strn(second, 2)), good);
    }
    assert_false(may_set("", otel_cstr("v")));
    assert_false(may_set("k", otel_strn("\0", 1)));
    assert_true(may_set("k", otel_cstr("")));
}

static void assert_set(const char *ot, const char *key, const char *value, const char *expected) {
    char out[OTEL__OT_LONGEST];
    size_t len = 0;
    assert_true(otel__ot_set(otel_cstr(ot), key, otel_cstr(value), out, &len));
    assert_int_equal(len, strlen(expected));
    assert_memory_equal(out, expected, len);
}

static void erasing(void **state) {
    (void)state;
    assert_set("th:8", "th", NULL, "");
    assert_set("", "th", NULL, "");
    assert_set("rv:1;th:8;x:2", "th", NULL, "rv:1;x:2");
    assert_set("th:8;rv:1;th:c", "th", NULL, "rv:1");
    assert_set("tha:8;xth:1;th", "th", NULL, "tha:8;xth:1;th");
    assert_set("a:1 ;th:8", "th", NULL, "a:1"); /* or the value would end in a space */
    assert_set(";;a:1;", "th", NULL, "a:1");
    assert_set("x:1", "th", "", "th:;x:1");
}

static void assert_got(const char *ot, const char *key, const char *expected) {
    const otel_str found = otel__ot_get(otel_cstr(ot), key);
    assert_true(found.ptr && found.len == strlen(expected) && memcmp(found.ptr, expected, found.len) == 0);
}

/* As setting another key sees them, which leaves the blanks out. */
static void blanks_around_items_do_not_count(void **state) {
    (void)state;
    assert_got("x:1; rv:1;th:8", "rv", "1");
    assert_got("x:1;\trv:1 ; th:8 ", "rv", "1");
    assert_got("x:1;\trv:1 ; th:8 ", "th", "8");
    assert_got(" th:8", "th", "8");
    assert_got("th: 8", "th", " 8"); /* which is no threshold */
    assert_null(otel__ot_get(otel_cstr("t h:8; th"), "th").ptr);
    assert_set("x:1; rv:1 ;th:c", "th", "8", "th:8;x:1;rv:1");
    assert_set("x:1; th:c ;rv:1", "th", "8", "th:8;x:1;rv:1");
}

static void a_repeated_threshold_is_none(void **state) {
    (void)state;
    uint64_t threshold;
    assert_true(otel__threshold_parse(otel__ot_threshold(otel_cstr("x:1;th:8;rv:1")), &threshold));
    assert_null(otel__ot_threshold(otel_cstr("x:1")).ptr);
    assert_null(otel__ot_threshold(otel_strn(NULL, 0)).ptr);
    static const char *const repeated[] = { "th:8;th:8", "th:8;x:1; th:c", "th:;th:8", "th:8;th:" };
    for (size_t i = 0; i < sizeof repeated / sizeof *repeated; i++) {
        const otel_str th = otel__ot_threshold(otel_cstr(repeated[i]));
        assert_non_null(th.ptr); /* there is something to erase */
        assert_false(otel__threshold_parse(th, &threshold));
    }
}

static void finding_the_member(void **state) {
    (void)state;
    static const struct {
        const char *tracestate, *ot;
    } cases[] = {
        { "", NULL },         { "ot=th:8", "th:8" }, { "a=1,ot=th:8,b=2", "th:8" },
        { "not=th:8", NULL }, { "a=1,ots=2", NULL }, { "a=ot=1", NULL },
        { "o=1,ot=x", "x" },  { "ot=", "" },         { "ot", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        print_message("    '%s'\n", cases[i].tracestate);
        otel_str found = otel__ot_find(otel_cstr(cases[i].tracestate));
        assert_int_equal(found.ptr != NULL, cases[i].ot != NULL);
        if (cases[i].ot)
            assert_int_equal(found.len, strlen(cases[i].ot));
        if (found.len)
            assert_memory_equal(found.ptr, cases[i].ot, found.len);
    }
    assert_null(otel__ot_find(otel_cstr(NULL)).ptr);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probability_vectors),
        cmocka_unit_test(edges),
        cmocka_unit_test(random_probabilities),
        cmocka_unit_test(thresholds_fall_as_probabilities_rise),
        cmocka_unit_test(th_vectors),
        cmocka_unit_test(rv_vectors),
        cmocka_unit_test(randomness_is_the_last_seven_bytes),
        cmocka_unit_test(set_vectors),
        cmocka_unit_test(every_byte_is_judged),
        cmocka_unit_test(erasing),
        cmocka_unit_test(blanks_around_items_do_not_count),
        cmocka_unit_test(a_repeated_threshold_is_none),
        cmocka_unit_test(finding_the_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
