/* SPDX-License-Identifier: Apache-2.0 */
/* baggage_propagator_limits_test.c - more baggage than the format allows, and hostile carriers (BAG-21, BAG-22). */
#include "baggage_fixture.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- limits ------------------------------------------------------------------------------------------------------ */

/* `count` members n0=x.., n1=x.. and so on, of `bytes` in all. */
static char *members(int count, size_t bytes) {
    char *header = malloc(bytes + 1);
    size_t used = 0;
    for (int i = 0; i < count; i++) {
        used += (size_t)snprintf(header + used, bytes + 1 - used, "%sn%d=", i > 0 ? "," : "", i);
        const size_t fill = i < count - 1 ? 1 : bytes - used;
        memset(header + used, 'x', fill);
        used += fill;
    }
    header[used] = '\0';
    return header;
}

static void whole_baggage_passes_up_to_the_limits(void **state) {
    (void)state;
    char *header = members(MOST_MEMBERS, MOST_BYTES);
    otel_context context = extract_text(header);
    assert_int_equal(count_in(&context), MOST_MEMBERS);
    assert_sent(&context, header);
    assert_int_equal(fake.calls[FAKE_MISUSE], 0);
    otel_context_release(&context);
    free(header);
}

static void beyond_a_limit_the_first_whole_members_are_taken(void **state) {
    (void)state;
    char *header = members(MOST_MEMBERS + 1, 1000);
    otel_context context = extract_text(header);
    assert_int_equal(count_in(&context), MOST_MEMBERS);
    assert_value(&context, "n63", "x");
    assert_value(&context, "n64", NULL);
    assert_int_equal(fake.misuses[OTEL__MISUSE_BAGGAGE_READ], 1);
    otel_context_release(&context);
    free(header);

    header = members(3, MOST_BYTES + 1);
    context = extract_text(header);
    assert_int_equal(count_in(&context), 2);
    assert_value(&context, "n1", "x");
    assert_int_equal(fake.misuses[OTEL__MISUSE_BAGGAGE_READ], 2);
    otel_context_release(&context);
    free(header);
}

static void limits_hold_for_all_fields_together(void **state) {
    (void)state;
    char *first = members(1, MOST_BYTES - 4), *second = members(40, 1000);
    in.count = 0;
    carrier_add(&in, "baggage", first);
    carrier_add(&in, "baggage", "a=2");
    carrier_add(&in, "baggage", "b=3");
    otel_context context = extract();
    assert_value(&context, "a", "2");
    assert_value(&context, "b", NULL);
    assert_int_equal(count_in(&context), 2);
    otel_context_release(&context);

    in.count = 0;
    carrier_add(&in, "baggage", second);
    second[0] = 'm';
    for (int i = 0; i < 30; i++) {
        static char fields[30][16];
        snprintf(fields[i], sizeof fields[i], "f%d=1", i);
        carrier_add(&in, "baggage", fields[i]);
    }
    context = extract();
    assert_int_equal(count_in(&context), MOST_MEMBERS);
    assert_value(&context, "f23", "1");
    assert_value(&context, "f24", NULL);
    otel_context_release(&context);
    free(first);
    free(second);
}

static void repeated_names_count_once(void **state) {
    (void)state;
    char header[2048] = "last=0";
    for (int i = 0; i < 200; i++) {
        strcat(header, ",same=1");
    }
    strcat(header, ",same=2,last=9");
    otel_context context = extract_text(header);
    assert_int_equal(count_in(&context), 2);
    assert_value(&context, "same", "2");
    assert_value(&context, "last", "9");
    assert_int_equal(fake.calls[FAKE_MISUSE], 0);
    otel_context_release(&context);
}

static void more_than_fits_is_not_sent(void **state) {
    (void)state;
    static char huge[MOST_BYTES];
    char name[16];
    memset(huge, 'x', sizeof huge);
    otel_context context = no_context;
    for (int i = 0; i < MOST_MEMBERS + 6; i++) {
        snprintf(name, sizeof name, "n%d", i);
        add(&context, otel_cstr(name), otel_strn(huge, i == 40 ? sizeof huge : 1), otel_strn(NULL, 0));
    }
    char *expected = members(MOST_MEMBERS + 1, 379);
    char *alone_too_long = strstr(expected, ",n40=x");
    memmove(alone_too_long, alone_too_long + 6, strlen(alone_too_long + 6) + 1);
    assert_sent(&context, expected);
    assert_int_equal(fake.misuses[OTEL__MISUSE_BAGGAGE_SENT], 1);
    otel_context_release(&context);
    free(expected);

    context = with(&no_context, otel_cstr("a"), otel_strn(huge, 4000), otel_strn(NULL, 0));
    add(&context, otel_cstr("b"), otel_strn(huge, 4000), otel_strn(NULL, 0));
    add(&context, otel_cstr("c"), otel_strn(huge, 4000), otel_strn(NULL, 0));
    add(&context, otel_cstr("d"), otel_strn(huge, 1), otel_strn(NULL, 0));
    const char *sent = inject(&context);
    assert_int_equal(strlen(sent), 2 * 4002 + 1);
    assert_int_equal(fake.misuses[OTEL__MISUSE_BAGGAGE_SENT], 2);
    otel_context_release(&context);
}

/* Escapes make a value three times as long: exactly the limit, and one byte beyond. */
static void sent_bytes_are_counted_escaped(void **state) {
    (void)state;
    static char bytes[MOST_BYTES];
    memset(bytes, '\n', sizeof bytes);
    otel_context context = with(&no_context, otel_cstr("ab"), otel_strn(bytes, 2729), otel_cstr("m"));
    assert_int_equal(strlen(inject(&context)), MOST_BYTES);
    otel_context_release(&context);
    context = with(&no_context, otel_cstr("abc"), otel_strn(bytes, 2729), otel_cstr("m"));
    add(&context, otel_cstr("b"), otel_cstr("1"), otel_strn(NULL, 0));
    assert_sent(&context, "b=1");
    otel_context_release(&context);
}

/* ---- hostile carriers -------------------------------------------------------------------------------------------- */

static size_t asked;

static bool always_the_same(const void *carrier, const char *key, size_t index, otel_str *value) {
    (void)key, (void)index;
    asked++;
    *value = otel_cstr(carrier);
    return true;
}

static bool always_another(const void *carrier, const char *key, size_t index, otel_str *value) {
    static char text[1000][8];
    (void)key;
    asked++;
    memcpy(text[index % 1000], carrier, strlen(carrier) + 1);
    *value = otel_cstr(text[index % 1000]);
    return true;
}

static bool always_nothing(const void *carrier, const char *key, size_t index, otel_str *value) {
    (void)carrier, (void)key, (void)index;
    asked++;
    *value = (otel_str){ NULL, 100 };
    return true;
}

static size_t extract_with(bool (*get)(const void *, const char *, size_t, otel_str *), const char *text) {
    const otel_getter getter = { .size = sizeof getter, .get = get };
    asked = 0;
    otel_context context = w3c->extract(&no_context, &getter, text);
    const size_t count = count_in(&context);
    otel_context_release(&context);
    assert_true(asked < 100);
    return count;
}

static void hostile_getters_are_bounded(void **state) {
    (void)state;
    assert_int_equal(extract_with(always_the_same, "a=1,b=2"), 2);
    assert_int_equal(asked, 2);
    assert_int_equal(extract_with(always_the_same, ""), 0);
    assert_int_equal(extract_with(always_another, "a=1"), 1);
    assert_int_equal(extract_with(always_another, ""), 0);
    assert_int_equal(extract_with(always_nothing, ""), 0);
}

static void huge_values_are_read_as_far_as_the_limit(void **state) {
    (void)state;
    enum { MEGABYTE = 1 << 20 };
    char *huge = malloc(MEGABYTE);
    const char fill[] = { ' ', 'a', '0', ',', ';', '=', '%', '\0', '\xff' };
    for (size_t i = 0; i < sizeof fill; i++) {
        memset(huge, fill[i], MEGABYTE);
        memcpy(huge, "a=1,", 4);
        in.count = 0;
        carrier_add_str(&in, "baggage", otel_strn(huge, MEGABYTE));
        otel_context context = extract();
        assert_value(&context, "a", "1");
        assert_int_equal(count_in(&context), 1);
        otel_context_release(&context);
    }
    free(huge);
}

/* A header that ends where readable memory does, at every length. */
static void nothing_is_read_past_the_end(void **state) {
    (void)state;
    const char longer[] = "a=%C3%A4;p=1,b=%E2%82%AC%,c = 2 ; q , d=%F0%9F%92%BC";
    for (size_t length = 0; length <= sizeof longer - 1; length++) {
        char *exact = malloc(length + 1);
        memcpy(exact + 1, longer, length);
        in.count = 0;
        carrier_add_str(&in, "baggage", otel_strn(exact + 1, length));
        otel_context context = extract();
        free(exact);
        inject(&context);
        otel_context_release(&context);
    }
}

static void incomplete_tables_are_tolerated(void **state) {
    (void)state;
    static const otel_getter no_get = { .size = sizeof no_get };
    static const otel_getter tiny = { .size = sizeof(size_t), .get = always_the_same };
    static const otel_setter no_set = { .size = sizeof no_set };
    const otel_getter *getters[] = { NULL, &no_get, &tiny };
    otel_context context = extract_text("a=1");
    w3c->inject(&context, NULL, NULL);
    w3c->inject(&context, &no_set, NULL);
    asked = 0;
    for (int i = 0; i < 3; i++) {
        otel_context nothing = w3c->extract(&no_context, getters[i], NULL);
        assert_memory_equal(&nothing, &no_context, sizeof nothing);
    }
    assert_int_equal(asked, 0);
    otel_context_release(&context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(whole_baggage_passes_up_to_the_limits),
        TEST(beyond_a_limit_the_first_whole_members_are_taken),
        TEST(limits_hold_for_all_fields_together),
        TEST(repeated_names_count_once),
        TEST(more_than_fits_is_not_sent),
        TEST(sent_bytes_are_counted_escaped),
        TEST(hostile_getters_are_bounded),
        TEST(huge_values_are_read_as_far_as_the_limit),
        TEST(nothing_is_read_past_the_end),
        TEST(incomplete_tables_are_tolerated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
