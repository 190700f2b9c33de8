/* SPDX-License-Identifier: Apache-2.0 */
/* tracecontext_test.c - the W3C Trace Context propagator (PROP-W3C-01 to PROP-W3C-36, PROP-W3C-38, PROP-W3C-39). */
#include "backend.h"
#include "carrier.h"
#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TRACE_ID "a3f1c05d9e7b42688d14f0726b9c3e51"
#define SPAN_ID "5c1e9a07d43b8f26"
#define PARENT "00-" TRACE_ID "-" SPAN_ID "-01"

static const otel_propagator *const w3c = &otel_propagator_tracecontext;

static otel_context extract(const struct carrier *carrier) {
    static const otel_context empty;
    return w3c->extract(&empty, &carrier_getter, carrier);
}

static bool is_empty(const otel_context *context) {
    static const otel_context empty;
    return memcmp(context, &empty, sizeof empty) == 0;
}

/* What is extracted and injected again; gives back whether anything was. */
static bool pass_through(const struct carrier *in, struct carrier *out) {
    otel_context context = extract(in);
    const otel_span span = otel_context_span(&context);
    const bool extracted = !is_empty(&context);
    assert_int_equal(extracted, otel_span_valid(&span));
    assert_int_equal(extracted, otel_span_remote(&span));
    assert_false(otel_span_recording(&span));
    out->count = out->writes = 0;
    w3c->inject(&context, &carrier_setter, out);
    otel_context_release(&context);
    return extracted;
}

static void assert_field(const struct carrier *carrier, const char *name, const char *expected) {
    const char *text = carrier_text(carrier, name);
    if (expected == NULL || *expected == '\0') {
        assert_null(text);
    } else {
        assert_non_null(text);
        assert_string_equal(text, expected);
    }
}

/* ---- vectors ----------------------------------------------------------------------------------------------------- */

static struct carrier in, out;

static void check_parent(const json_t *row) {
    in.count = 0;
    carrier_add_str(&in, "traceparent", vector_str(row, "value"));
    const bool accept = vector_bool(row, "accept");
    assert_int_equal(pass_through(&in, &out), accept);
    assert_field(&out, "traceparent", vector_str(row, "reinject").ptr);
    assert_field(&out, "tracestate", NULL);
    if (accept) {
        char trace_id[33], span_id[17];
        otel_context context = extract(&in);
        const otel_span span = otel_context_span(&context);
        otel_span_hex(&span, trace_id, span_id);
        assert_string_equal(trace_id, vector_str(row, "trace_id").ptr);
        assert_string_equal(span_id, vector_str(row, "span_id").ptr);
        assert_int_equal(otel_span_flags(&span), strtol(vector_str(row, "flags").ptr, NULL, 16));
        otel_context_release(&context);
    }
}

static void traceparent_vectors(void **state) {
    (void)state;
    vectors_each("traceparent", check_parent);
}

static void check_state(const json_t *row) {
    const json_t *values = json_object_get(row, "values");
    in.count = 0;
    carrier_add(&in, "traceparent", PARENT);
    for (size_t i = 0; i < json_array_size(values); i++) {
        carrier_add_str(&in, "tracestate", vector_text(json_array_get(values, i)));
    }
    assert_true(pass_through(&in, &out));
    assert_field(&out, "traceparent", PARENT);
    assert_field(&out, "tracestate", vector_str(row, "out").ptr);
}

static void tracestate_vectors(void **state) {
    (void)state;
    vectors_each("tracestate", check_state);
}

static void check_extract(const json_t *row) {
    const json_t *headers = json_object_get(row, "headers");
    in.count = 0;
    for (size_t i = 0; i < json_array_size(headers); i++) {
        const json_t *header = json_array_get(headers, i);
        carrier_add_str(&in, json_string_value(json_array_get(header, 0)), vector_text(json_array_get(header, 1)));
    }
    assert_int_equal(pass_through(&in, &out), vector_bool(row, "extracted"));
    assert_field(&out, "traceparent", vector_str(row, "traceparent").ptr);
    assert_field(&out, "tracestate", vector_str(row, "tracestate").ptr);
}

static void extract_vectors(void **state) {
    (void)state;
    vectors_each("w3c_extract", check_extract);
}

/* Received tracestates are sent on whole, however long they are: nothing is cut to 512 characters. */
static void check_untruncated(const json_t *row) {
    const json_t *members = json_object_get(row, "members");
    char text[2048] = "";
    for (size_t i = 0; i < json_array_size(members); i++) {
        const json_t *member = json_array_get(members, i);
        strcat(text, i > 0 ? "," : "");
        strcat(text, json_string_value(json_array_get(member, 0)));
        strcat(text, "=");
        strcat(text, json_string_value(json_array_get(member, 1)));
    }
    assert_int_equal(strlen(text), json_integer_value(json_object_get(row, "length")));
    in.count = 0;
    carrier_add(&in, "traceparent", PARENT);
    carrier_add(&in, "tracestate", text);
    assert_true(pass_through(&in, &out));
    assert_field(&out, "tracestate", text);
}

static void long_tracestates_pass_whole(void **state) {
    (void)state;
    vectors_each("tracestate_truncate", check_untruncated);
}

/* ---- beyond the vectors ------------------------------------------------------------------------------------------ */

static void fields_are_named(void **state) {
    (void)state;
    assert_string_equal(w3c->field(0), "traceparent");
    assert_string_equal(w3c->field(1), "tracestate");
    assert_null(w3c->field(2));
    assert_null(w3c->field(SIZE_MAX));
    assert_string_equal(w3c->name, "tracecontext");
}

/* Every position and byte: hex digits change the id, anything else voids the header. */
static void every_character_is_judged(void **state) {
    (void)state;
    for (size_t position = 3; position < 55; position++) {
        for (int byte = 0; byte < 256; byte++) {
            char text[] = PARENT;
            const bool dash = text[position] == '-';
            text[position] = (char)byte;
            const bool digit = (byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f');
            in.count = 0;
            carrier_add_str(&in, "traceparent", otel_strn(text, 55));
            assert_int_equal(pass_through(&in, &out), dash ? byte == '-' : digit);
        }
    }
}

/* A header that ends where readable memory does, at every length. */
static void nothing_is_read_past_the_end(void **state) {
    (void)state;
    const char longer[] = "01-" TRACE_ID "-" SPAN_ID "-01-x";
    for (size_t length = 0; length <= sizeof longer - 1; length++) {
        char *exact = malloc(length + 1);
        memcpy(exact + 1, longer, length);
        in.count = 0;
        carrier_add_str(&in, "traceparent", otel_strn(exact + 1, length));
        assert_int_equal(pass_through(&in, &out), length == 55 || length > 55);
        carrier_add_str(&in, "tracestate", otel_strn(exact + 1, length));
        pass_through(&in, &out);
        free(exact);
    }
}

/* Names may be matched case by case, as gRPC does. */
static void names_are_written_in_lower_case(void **state) {
    (void)state;
    in.count = 0;
    carrier_add(&in, "traceparent", PARENT);
    carrier_add(&in, "tracestate", "a=1");
    assert_true(pass_through(&in, &out));
    assert_int_equal(out.count, 2);
    assert_string_equal(out.fields[0].name, "traceparent");
    assert_string_equal(out.fields[1].name, "tracestate");
}

static void spaces_around_a_traceparent_are_tolerated(void **state) {
    (void)state;
    static const char *const texts[] = { " \t" PARENT, PARENT "\t ", "\t " PARENT " \t" };
    for (size_t i = 0; i < 3; i++) {
        in.count = 0;
        carrier_add(&in, "traceparent", texts[i]);
        assert_true(pass_through(&in, &out));
        assert_field(&out, "traceparent", PARENT);
    }
}

static void two_traceparents_contradict_each_other(void **state) {
    (void)state;
    char copy[] = PARENT;
    in.count = 0;
    carrier_add(&in, "traceparent", PARENT);
    carrier_add(&in, "Traceparent", copy);
    assert_false(pass_through(&in, &out));
}

static void failed_extraction_keeps_what_was_there(void **state) {
    (void)state;
    otel_tracestate tracestate = otel_tracestate_parse(otel_cstr("old=1"));
    const otel_span earlier = otel_span_wrap(&(otel_span_context){
        .size = sizeof(otel_span_context), .trace_id = { 9 }, .span_id = { 9 }, .tracestate = &tracestate });
    otel_context base = otel_context_with_span(NULL, &earlier);
    otel_tracestate_release(&tracestate);
    in.count = 0;
    carrier_add(&in, "traceparent", "garbage");
    carrier_add(&in, "tracestate", "new=1");
    otel_context same = w3c->extract(&base, &carrier_getter, &in);
    assert_memory_equal(&same, &base, sizeof base);
    otel_context_release(&same);

    in.count = 0;
    carrier_add(&in, "traceparent", PARENT);
    otel_context replaced = w3c->extract(&base, &carrier_getter_small, &in);
    const otel_span span = otel_context_span(&replaced);
    assert_true(otel_span_remote(&span));
    otel_tracestate none = otel_span_tracestate(&span);
    assert_int_equal(otel_tracestate_text(&none).len, 0);
    otel_context_release(&replaced);
    otel_context_release(&base);
}

static void only_valid_spans_are_injected(void **state) {
    (void)state;
    otel_span_context half = { .size = sizeof half, .trace_id = { 1 } };
    const otel_span spans[] = { otel_span_wrap(NULL), otel_span_wrap(&half) };
    for (int i = 0; i < 2; i++) {
        otel_context context = otel_context_with_span(NULL, &spans[i]);
        out.count = 0;
        w3c->inject(&context, &carrier_setter, &out);
        assert_int_equal(out.count, 0);
        otel_context_release(&context);
    }
}

static void only_known_flags_are_injected(void **state) {
    (void)state;
    for (unsigned flags = 0; flags < 256; flags++) {
        otel_span_context from = { .size = sizeof from, .trace_id = { 1 }, .span_id = { 1 }, .flags = (uint8_t)flags };
        const otel_span span = otel_span_wrap(&from);
        otel_context context = otel_context_with_span(NULL, &span);
        out.count = out.writes = 0;
        w3c->inject(&context, &carrier_setter, &out);
        assert_int_equal(out.fields[0].value.len, 55);
        assert_int_equal(strtol(carrier_text(&out, "traceparent") + 53, NULL, 16), flags & 3);
        otel_context_release(&context);
    }
}

static void a_response_names_the_span_that_served_it(void **state) {
    (void)state;
    static const otel_setter no_set = { .size = sizeof no_set };
    in.count = out.count = out.writes = 0;
    carrier_add(&in, "traceparent", PARENT);
    carrier_add(&in, "tracestate", "a=b");
    otel_context context = extract(&in);
    otel_inject_server_timing(&context, NULL, NULL);
    otel_inject_server_timing(&context, &no_set, NULL);
    otel_inject_server_timing(NULL, &carrier_setter, &out);
    assert_int_equal(out.count, 0);
    otel_scope scope = otel_context_attach(&context);
    otel_inject_server_timing(NULL, &carrier_setter, &out);
    otel_scope_close(&scope);
    assert_int_equal(out.count, 1);
    assert_string_equal(out.fields[0].name, "Server-Timing");
    assert_string_equal(out.fields[0].value.ptr, "trace;desc=" PARENT);
    assert_int_equal(out.fields[0].value.len, strlen("trace;desc=" PARENT));
    otel_context_release(&context);
}

/* ---- hostile carriers -------------------------------------------------------------------------------------------- */

static size_t asked;

static bool always_the_same(const void *carrier, const char *key, size_t index, otel_str *value) {
    (void)index;
    asked++;
    *value = otel_cstr(strcmp(key, "traceparent") == 0 ? PARENT : carrier);
    return true;
}

static bool always_another(const void *carrier, const char *key, size_t index, otel_str *value) {
    static char text[2000][8];
    asked++;
    if (strcmp(key, "traceparent") == 0) {
        *value = otel_cstr(PARENT);
        return index == 0;
    }
    memcpy(text[index % 2000], carrier, strlen(carrier) + 1);
    *value = otel_cstr(text[index % 2000]);
    return true;
}

static bool always_nothing(const void *carrier, const char *key, size_t index, otel_str *value) {
    (void)carrier;
    asked++;
    *value = otel_strn(NULL, 0);
    value->len = 100;
    return strcmp(key, "traceparent") != 0 || always_another("a=1", key, index, value);
}

static bool says_yes_and_sets_nothing(const void *carrier, const char *key, size_t index, otel_str *value) {
    (void)carrier, (void)key, (void)index, (void)value;
    asked++;
    return true;
}

static bool extract_with(bool (*get)(const void *, const char *, size_t, otel_str *), const char *tracestate,
                         const char *expected) {
    static const otel_context empty;
    const otel_getter getter = { .size = sizeof getter, .get = get };
    asked = 0;
    otel_context context = w3c->extract(&empty, &getter, tracestate);
    const otel_span span = otel_context_span(&context);
    otel_tracestate state = otel_span_tracestate(&span);
    const otel_str text = otel_tracestate_text(&state);
    assert_int_equal(text.len, strlen(expected));
    assert_memory_equal(text.ptr != NULL ? text.ptr : "", expected, text.len);
    otel_tracestate_release(&state);
    otel_context_release(&context);
    assert_true(asked < 100);
    return otel_span_valid(&span);
}

/* Simple carriers hold one value for each name, and their authors may overlook the index. */
static void getter_that_ignores_the_index_has_one_value(void **state) {
    (void)state;
    assert_true(extract_with(always_the_same, "a=1,b=2", "a=1,b=2"));
}

static void endless_fields_are_bounded(void **state) {
    (void)state;
    assert_true(extract_with(always_another, "a=1", ""));
    assert_true(extract_with(always_another, "", ""));
    assert_true(extract_with(always_the_same, "", ""));
    assert_true(extract_with(always_nothing, "", ""));
    assert_false(extract_with(says_yes_and_sets_nothing, "", ""));
}

static void huge_values_are_refused(void **state) {
    (void)state;
    enum { MEGABYTE = 1 << 20 };
    char *huge = malloc(MEGABYTE);
    const char fill[] = { ' ', 'a', '0', ',', '-', '=', '\0', '\xff' };
    for (size_t i = 0; i < sizeof fill; i++) {
        memset(huge, fill[i], MEGABYTE);
        in.count = 0;
        carrier_add_str(&in, "traceparent", otel_strn(huge, MEGABYTE));
        assert_false(pass_through(&in, &out));
        memcpy(huge, "01-" TRACE_ID "-" SPAN_ID "-01-", 56);
        assert_false(pass_through(&in, &out));
        in.count = 0;
        carrier_add(&in, "traceparent", PARENT);
        carrier_add_str(&in, "tracestate", otel_strn(huge, MEGABYTE));
        assert_true(pass_through(&in, &out));
        assert_field(&out, "tracestate", NULL);
    }
    free(huge);
}

static void forgotten_sizes_mean_this_version(void **state) {
    (void)state;
    otel_getter getter = carrier_getter;
    otel_setter setter = carrier_setter;
    getter.size = setter.size = 0;
    in.count = out.count = out.writes = 0;
    carrier_add(&in, "traceparent", PARENT);
    otel_context context = w3c->extract(&(otel_context){ { 0 } }, &getter, &in);
    w3c->inject(&context, &setter, &out);
    assert_field(&out, "traceparent", PARENT);
    otel_context_release(&context);
}

static void incomplete_tables_are_tolerated(void **state) {
    (void)state;
    static const otel_context empty;
    static const otel_getter no_get = { .size = sizeof no_get };
    static const otel_getter tiny = { .size = sizeof(size_t), .get = always_the_same };
    static const otel_setter no_set = { .size = sizeof no_set };
    const otel_span span =
        otel_span_wrap(&(otel_span_context){ .size = sizeof(otel_span_context), .trace_id = { 1 }, .span_id = { 1 } });
    otel_context context = otel_context_with_span(NULL, &span);
    asked = 0;
    w3c->inject(&context, NULL, NULL);
    w3c->inject(&context, &no_set, NULL);
    const otel_getter *getters[] = { NULL, &no_get, &tiny };
    for (int i = 0; i < 3; i++) {
        otel_context extracted = w3c->extract(&empty, getters[i], NULL);
        assert_true(is_empty(&extracted));
    }
    assert_int_equal(asked, 0);
    otel_context_release(&context);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(traceparent_vectors),
        cmocka_unit_test(tracestate_vectors),
        cmocka_unit_test(extract_vectors),
        cmocka_unit_test(long_tracestates_pass_whole),
        cmocka_unit_test(fields_are_named),
        cmocka_unit_test(every_character_is_judged),
        cmocka_unit_test(nothing_is_read_past_the_end),
        cmocka_unit_test(names_are_written_in_lower_case),
        cmocka_unit_test(spaces_around_a_traceparent_are_tolerated),
        cmocka_unit_test(two_traceparents_contradict_each_other),
        cmocka_unit_test(failed_extraction_keeps_what_was_there),
        cmocka_unit_test(only_valid_spans_are_injected),
        cmocka_unit_test(only_known_flags_are_injected),
        cmocka_unit_test(a_response_names_the_span_that_served_it),
        cmocka_unit_test(getter_that_ignores_the_index_has_one_value),
        cmocka_unit_test(endless_fields_are_bounded),
        cmocka_unit_test(huge_values_are_refused),
        cmocka_unit_test(forgotten_sizes_mean_this_version),
        cmocka_unit_test(incomplete_tables_are_tolerated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
