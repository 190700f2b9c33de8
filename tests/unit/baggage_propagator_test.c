/* SPDX-License-Identifier: Apache-2.0 */
/*
 * baggage_propagator_test.c - the W3C Baggage propagator (BAG-14 to BAG-20, BAG-23 to BAG-26, BAG-28, CTX-11 to CTX-15,
 * CTX-31); too much of it: baggage_propagator_limits_test.c.
 */
#include "baggage_fixture.h"
#include "failing_allocator.h"
#include "vectors.h"

#include <stdio.h>

/* ---- vectors ----------------------------------------------------------------------------------------------------- */

static bool same(otel_str text, const json_t *row, const char *member) {
    const otel_str expected = vector_str(row, member);
    return text.len == expected.len && memcmp(text.ptr, expected.ptr, text.len) == 0;
}

static void check_extract(const json_t *row) {
    const json_t *values = json_object_get(row, "values"), *entries = json_object_get(row, "entries");
    in.count = 0;
    for (size_t i = 0; i < json_array_size(values); i++) {
        carrier_add_str(&in, i % 2 ? "Baggage" : "baggage", vector_text(json_array_get(values, i)));
    }
    otel_context context = extract();
    otel_baggage baggage = otel_context_baggage(&context);
    assert_int_equal(otel_baggage_count(&baggage), json_array_size(entries));
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        size_t found = 0;
        for (size_t at = 0; at < otel_baggage_count(&baggage); at++) {
            const otel_baggage_entry one = otel_baggage_at(&baggage, at);
            found += same(one.name, entry, "key") && same(one.value, entry, "value") &&
                     same(one.metadata, entry, "metadata");
        }
        assert_int_equal(found, 1);
    }
    if (json_array_size(entries) == 0) {
        assert_memory_equal(&context, &no_context, sizeof context);
    }
    otel_baggage_release(&baggage);
    otel_context_release(&context);
}

static void extract_vectors(void **state) {
    (void)state;
    vectors_each("baggage", check_extract);
}

static void check_inject(const json_t *row) {
    const json_t *entries = json_object_get(row, "entries");
    otel_context context = no_context;
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        add(&context, vector_str(entry, "key"), vector_str(entry, "value"), vector_str(entry, "metadata"));
    }
    const char *expected = vector_str(row, "header").ptr;
    assert_sent(&context, *expected != '\0' ? expected : NULL);
    otel_context_release(&context);
}

static void inject_vectors(void **state) {
    (void)state;
    vectors_each("baggage_inject", check_inject);
}

/* ---- what is sent ------------------------------------------------------------------------------------------------ */

static void field_is_named(void **state) {
    (void)state;
    assert_string_equal(w3c->field(0), "baggage");
    assert_null(w3c->field(1));
    assert_null(w3c->field(SIZE_MAX));
    assert_string_equal(w3c->name, "baggage");
}

/* Of every byte: in a name it is part of a token or keeps the entry back; in a value it goes as it is or escaped. */
static void every_byte_is_judged(void **state) {
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        const char c = (char)byte;
        char expected[16];
        const bool letter =
            (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z');
        const bool token = letter || (byte != 0 && strchr("!#$%&'*+-.^_`|~", byte) != NULL);
        const bool plain = byte == 0x21 || (byte >= 0x23 && byte < '+' && byte != '%') ||
                           (byte >= 0x2d && byte <= 0x3a) || (byte >= 0x3c && byte <= 0x5b) ||
                           (byte >= 0x5d && byte <= 0x7e);
        otel_context context = with(&no_context, otel_strn(&c, 1), otel_cstr("1"), otel_strn(NULL, 0));
        snprintf(expected, sizeof expected, "%c=1", byte);
        assert_sent(&context, token ? expected : NULL);
        otel_context_release(&context);

        context = with(&no_context, otel_cstr("k"), otel_strn(&c, 1), otel_strn(NULL, 0));
        snprintf(expected, sizeof expected, plain ? "k=%c" : "k=%%%02X", byte);
        assert_sent(&context, expected);
        otel_context again = extract_text(expected);
        const otel_str value = otel_context_baggage_value(&again, "k");
        assert_int_equal(value.len, byte < 0x80 ? 1 : 3);
        assert_memory_equal(value.ptr, byte < 0x80 ? &c : "\xef\xbf\xbd", value.len);
        otel_context_release(&again);
        otel_context_release(&context);
    }
    assert_int_equal(fake.misuses[OTEL__MISUSE_BAGGAGE_READ], 0);
}

static void entries_that_cannot_be_sent_are_left_out(void **state) {
    (void)state;
    otel_context context = with(&no_context, otel_cstr("a b"), otel_cstr("1"), otel_strn(NULL, 0));
    add(&context, otel_cstr("c"), otel_cstr("2"), otel_cstr("m"));
    add(&context, otel_cstr("n\xc3\xa4me"), otel_cstr("3"), otel_strn(NULL, 0));
    add(&context, otel_cstr("line\r\n"), otel_cstr("3"), otel_strn(NULL, 0));
    add(&context, otel_strn("a\0", 2), otel_cstr("3"), otel_strn(NULL, 0));
    add(&context, otel_cstr("d"), otel_cstr("\xc3\xa4\n"), otel_strn(NULL, 0));
    assert_sent(&context, "c=2;m,d=%C3%A4%0A");
    assert_int_equal(fake.misuses[OTEL__MISUSE_BAGGAGE_SENT], 1);
    otel_context_release(&context);
    context = with(&no_context, otel_cstr("a b"), otel_cstr("1"), otel_strn(NULL, 0));
    assert_sent(&context, NULL);
    otel_context_release(&context);
}

static void metadata_never_breaks_the_header(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        { "p", ";p" },
        { "ttl=30;p", ";ttl=30;p" },
        { " ttl = 30 ; p ", ";ttl=30;p" },
        { "k=", ";k=" },
        { "k=a=b", ";k=a=b" },
        { "k=50%25", ";k=50%25" },
        { "k=1,evil=2", ";k=1%2Cevil=2" },
        { "k=\xc3\xa4", ";k=%C3%A4" },
        { "k=\"x\\", ";k=%22x%5C" },
        { "k=a b;l=\r\nSet-Cookie: x", ";k=a%20b;l=%0D%0ASet-Cookie:%20x" },
        { "a,evil=1", "" },
        { "\xc3\xa4=1;p", ";p" },
        { "a b;p;=;c\n", ";p" },
        { ";;", "" },
        { "", "" },
        { " ", "" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[64];
        otel_context context = with(&no_context, otel_cstr("a"), otel_cstr("1"), otel_cstr(cases[i][0]));
        add(&context, otel_cstr("b"), otel_cstr("2"), otel_strn(NULL, 0));
        snprintf(expected, sizeof expected, "a=1%s,b=2", cases[i][1]);
        assert_sent(&context, expected);
        otel_context_release(&context);
    }
    otel_context context = with(&no_context, otel_cstr("a"), otel_cstr("1"), otel_strn("k=\0;p\0", 6));
    assert_sent(&context, "a=1;k=%00");
    otel_context_release(&context);
}

static void what_was_received_is_sent_again(void **state) {
    (void)state;
    static const char *const headers[] = { "a=1", "a=1,b=2;p;q=1", "a=%C3%A4%25%2C;m=%2C", "!#$%&'*+-.^_`|~=x",
                                           "a=",  "q=a=b" };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        otel_context context = extract_text(headers[i]);
        assert_sent(&context, headers[i]);
        otel_context_release(&context);
    }
}

static void current_baggage_is_sent(void **state) {
    (void)state;
    OTEL_BAGGAGE(scope, "a", "1");
    assert_sent(NULL, "a=1");
}

static void nothing_is_sent_of_empty_baggage(void **state) {
    (void)state;
    assert_sent(&no_context, NULL);
    otel_context context = extract_text("a=1");
    otel_context cleared = otel_context_with_baggage(&context, NULL);
    assert_sent(&cleared, NULL);
    otel_context_release(&cleared);
    otel_context_release(&context);
    assert_int_equal(fake.calls[FAKE_MISUSE], 0);
}

/* ---- what is received -------------------------------------------------------------------------------------------- */

static void received_baggage_replaces_that_of_the_base(void **state) {
    (void)state;
    const otel_span span =
        otel_span_wrap(&(otel_span_context){ .size = sizeof(otel_span_context), .trace_id = { 1 }, .span_id = { 1 } });
    otel_context bare = otel_context_with_span(NULL, &span);
    otel_context base = with(&bare, otel_cstr("old"), otel_cstr("1"), otel_strn(NULL, 0));
    carrier_add(&in, "baggage", "new=2");
    otel_context context = w3c->extract(&base, &carrier_getter_small, &in);
    const otel_span same_span = otel_context_span(&context);
    assert_memory_equal(&same_span, &span, sizeof span);
    assert_value(&context, "old", NULL);
    assert_value(&context, "new", "2");
    otel_context_release(&context);
    otel_context_release(&base);
    otel_context_release(&bare);
}

static void nothing_valid_leaves_the_base_as_it_is(void **state) {
    (void)state;
    static const char *const headers[] = { "", ",", "oops", "=1", "a=%", ";m", "a b=1,c=\"", " , ;p=1" };
    otel_context base = with(&no_context, otel_cstr("old"), otel_cstr("1"), otel_strn(NULL, 0));
    in.count = 0;
    otel_context same_context = w3c->extract(&base, &carrier_getter, &in);
    assert_memory_equal(&same_context, &base, sizeof base);
    otel_context_release(&same_context);
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
        in.count = 0;
        carrier_add(&in, "baggage", headers[i]);
        same_context = w3c->extract(&base, &carrier_getter, &in);
        assert_memory_equal(&same_context, &base, sizeof base);
        otel_context_release(&same_context);
    }
    assert_int_equal(fake.misuses[OTEL__MISUSE_BAGGAGE_READ], 6);
    otel_context_release(&base);
}

static void bad_members_are_told_once_for_a_header(void **state) {
    (void)state;
    otel_context context = extract_text("oops,a=%zz,b=1, ,c=\x01,d=2");
    assert_int_equal(count_in(&context), 2);
    assert_int_equal(fake.misuses[OTEL__MISUSE_BAGGAGE_READ], 1);
    otel_context_release(&context);
    context = extract_text("a=1,, b=2 ,");
    assert_int_equal(count_in(&context), 2);
    assert_int_equal(fake.misuses[OTEL__MISUSE_BAGGAGE_READ], 1);
    otel_context_release(&context);
}

static void bytes_that_are_not_utf8_become_marks(void **state) {
    (void)state;
    static const char mark[] = "\xef\xbf\xbd";
    static const struct {
        const char *header;
        int marks;
        const char *rest;
    } cases[] = {
        { "a=%FF", 1, "" },          { "a=%C3%28", 1, "(" },
        { "a=%E2%82", 2, "" },       { "a=%E2%82x", 2, "x" },
        { "a=%ED%A0%80", 3, "" },    { "a=%F4%90%80%80", 4, "" },
        { "a=%C0%80.", 2, "." },     { "a=%F0%9F%92%f0%9f%92%BC", 3, "\xf0\x9f\x92\xbc" },
        { "a=%80%80%80%80", 4, "" }, { "a=%F8%88%80%80%80x%25", 5, "x%" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[32] = "";
        for (int n = 0; n < cases[i].marks; n++) {
            strcat(expected, mark);
        }
        strcat(expected, cases[i].rest);
        otel_context context = extract_text(cases[i].header);
        assert_value(&context, "a", expected);
        otel_context_release(&context);
    }
    assert_int_equal(fake.calls[FAKE_MISUSE], 0);
}

static void metadata_is_kept_as_it_came(void **state) {
    (void)state;
    otel_context context = extract_text("a=1; p ; q = %20\x01;; r \t,b=2");
    otel_baggage baggage = otel_context_baggage(&context);
    assert_int_equal(otel_baggage_count(&baggage), 2);
    assert_string_equal(otel_baggage_at(&baggage, 0).metadata.ptr, "p ; q = %20\x01;; r");
    otel_baggage_release(&baggage);
    otel_context_release(&context);
}

/* ---- no memory ------------------------------------------------------------------------------------------------ */

static void without_memory_the_base_stays(void **state) {
    (void)state;
    if (!failing_allocator_works()) {
        skip();
    }
    otel_context base = with(&no_context, otel_cstr("old"), otel_cstr("1"), otel_strn(NULL, 0));
    carrier_add(&in, "baggage", "new=2");
    for (unsigned nth = 1; nth <= 2; nth++) {
        failing_allocator_fail(nth, false);
        otel_context same_context = w3c->extract(&base, &carrier_getter, &in);
        failing_allocator_fail(0, false);
        assert_memory_equal(&same_context, &base, sizeof base);
        assert_int_equal(fake.misuses[OTEL__MISUSE_NO_MEMORY], nth);
        otel_context_release(&same_context);
    }
    otel_context_release(&base);
}

/* ---- together with others ---------------------------------------------------------------------------------------- */

static void goes_along_with_the_trace_context(void **state) {
    (void)state;
    static const char parent[] = "00-a3f1c05d9e7b42688d14f0726b9c3e51-5c1e9a07d43b8f26-01";
    const otel_propagator *both[] = { &otel_propagator_tracecontext, &otel_propagator_baggage };
    fake_remove();
    for (int order = 0; order < 2; order++) {
        const otel_propagator *list[] = { both[order], both[1 - order] };
        otel_propagators_set(list, 2);
        in.count = out.count = out.writes = 0;
        carrier_add(&in, "traceparent", parent);
        carrier_add(&in, "tracestate", "s=1");
        carrier_add(&in, "BAGGAGE", "a=1");
        otel_context context = otel_extract(NULL, &carrier_getter, &in);
        {
            OTEL_ATTACH(scope, &context);
            otel_inject(NULL, &carrier_setter, &out);
        }
        otel_context_release(&context);
        assert_int_equal(out.count, 3);
        assert_string_equal(carrier_text(&out, "traceparent"), parent);
        assert_string_equal(carrier_text(&out, "tracestate"), "s=1");
        assert_string_equal(carrier_text(&out, "baggage"), "a=1");
    }
    otel_propagators_set(NULL, 0);
    fake_install();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        TEST(extract_vectors),
        TEST(inject_vectors),
        TEST(field_is_named),
        TEST(every_byte_is_judged),
        TEST(entries_that_cannot_be_sent_are_left_out),
        TEST(metadata_never_breaks_the_header),
        TEST(what_was_received_is_sent_again),
        TEST(current_baggage_is_sent),
        TEST(nothing_is_sent_of_empty_baggage),
        TEST(received_baggage_replaces_that_of_the_base),
        TEST(nothing_valid_leaves_the_base_as_it_is),
        TEST(bad_members_are_told_once_for_a_header),
        TEST(bytes_that_are_not_utf8_become_marks),
        TEST(metadata_is_kept_as_it_came),
        TEST(without_memory_the_base_stays),
        TEST(goes_along_with_the_trace_context),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
