/* SPDX-License-Identifier: Apache-2.0 */
/* propagation_test.c - the process-wide list of propagators (CTX-11 to CTX-24). */
#include "backend.h"
#include "carrier.h"

#include <pthread.h>
#include <otel/context.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Three propagators that write their name, and count in the first byte of the span id what they extracted. */
static const char *no_field(size_t index) {
    (void)index;
    return NULL;
}

static otel_context extract_counting(const otel_context *base, const otel_getter *getter, const void *carrier,
                                     const char *name) {
    otel_str value;
    if (!getter->get(carrier, name, 0, &value)) {
        return otel_context_retain(base);
    }
    otel_span span = otel_context_span(base);
    span.opaque_[OTEL__W_TRACE] = 1;
    span.opaque_[OTEL__W_SPAN] = span.opaque_[OTEL__W_SPAN] * 10 + (uint64_t)(value.ptr[0] - '0');
    return otel_context_with_span(base, &span);
}

#define PROPAGATOR(id, field_name, digit)                                                                              \
    static void inject_##id(const otel_context *context, const otel_setter *setter, void *carrier) {                   \
        (void)context;                                                                                                 \
        setter->set(carrier, field_name, digit, 1);                                                                    \
    }                                                                                                                  \
    static otel_context extract_##id(const otel_context *base, const otel_getter *getter, const void *carrier) {       \
        return extract_counting(base, getter, carrier, field_name);                                                    \
    }                                                                                                                  \
    static const otel_propagator id = {                                                                                \
        .size = sizeof id, .name = #id, .field = no_field, .inject = inject_##id, .extract = extract_##id              \
    }

PROPAGATOR(one, "x-one", "1");
PROPAGATOR(two, "x-two", "2");
PROPAGATOR(three, "x-three", "3");

static void use(const otel_propagator *first, const otel_propagator *second, const otel_propagator *third) {
    const otel_propagator *list[] = { first, second, third };
    otel_propagators_set(list, 3);
}

static void nothing_is_configured_at_first(void **state) {
    (void)state;
    struct carrier carrier = { 0 };
    const otel_span span =
        otel_span_wrap(&(otel_span_context){ .size = sizeof(otel_span_context), .trace_id = { 1 }, .span_id = { 1 } });
    otel_context context = otel_context_with_span(NULL, &span);
    carrier_add(&carrier, "traceparent", "00-a3f1c05d9e7b42688d14f0726b9c3e51-5c1e9a07d43b8f26-01");
    assert_null(otel_propagators_get(0));
    otel_inject(&context, &carrier_setter, &carrier);
    assert_int_equal(carrier.count, 1);
    otel_context same = otel_extract(&context, &carrier_getter, &carrier);
    assert_memory_equal(&same, &context, sizeof same);
    otel_context_release(&same);
    otel_context_release(&context);
}

static void members_are_called_in_list_order(void **state) {
    (void)state;
    struct carrier carrier = { 0 };
    use(&three, &one, &two);
    otel_inject(NULL, &carrier_setter, &carrier);
    assert_int_equal(carrier.count, 3);
    assert_string_equal(carrier.fields[0].name, "x-three");
    assert_string_equal(carrier.fields[1].name, "x-one");
    assert_string_equal(carrier.fields[2].name, "x-two");
    otel_context context = otel_extract(NULL, &carrier_getter, &carrier);
    assert_int_equal(context.opaque_[OTEL__W_SPAN], 312);
    otel_context_release(&context);
    assert_ptr_equal(otel_propagators_get(0), &three);
    assert_ptr_equal(otel_propagators_get(2), &two);
    assert_null(otel_propagators_get(3));
    assert_null(otel_propagators_get(SIZE_MAX));
}

static void list_is_replaced_whole(void **state) {
    (void)state;
    use(&one, &two, &three);
    use(&two, NULL, NULL);
    assert_ptr_equal(otel_propagators_get(0), &two);
    assert_null(otel_propagators_get(1));
    otel_propagators_set(NULL, 5);
    assert_null(otel_propagators_get(0));
    use(NULL, NULL, &three);
    assert_ptr_equal(otel_propagators_get(0), &three);
    const otel_propagator *alone = &one;
    otel_propagators_set(&alone, SIZE_MAX); /* a wrong count: nothing changes */
    assert_ptr_equal(otel_propagators_get(0), &three);
}

static void eight_take_part(void **state) {
    (void)state;
    const otel_propagator *list[OTEL_MAX_PROPAGATORS + 2];
    for (int i = 0; i < OTEL_MAX_PROPAGATORS + 2; i++) {
        list[i] = i % 3 == 0 ? &three : i % 3 == 1 ? &one : &two;
    }
    otel_propagators_set(list, OTEL_MAX_PROPAGATORS + 2);
    for (int i = 0; i < OTEL_MAX_PROPAGATORS; i++) {
        assert_ptr_equal(otel_propagators_get((size_t)i), list[i]);
    }
    assert_null(otel_propagators_get(OTEL_MAX_PROPAGATORS));
    struct carrier carrier = { 0 };
    otel_inject(NULL, &carrier_setter, &carrier);
    assert_int_equal(carrier.count, OTEL_MAX_PROPAGATORS);
}

static void incomplete_tables_are_tolerated(void **state) {
    (void)state;
    static const otel_propagator empty = { .size = sizeof empty };
    static const otel_propagator short_one = { .size = offsetof(otel_propagator, inject),
                                               .inject = inject_one,
                                               .extract = extract_one };
    static const otel_setter no_set = { .size = sizeof no_set };
    static const otel_getter no_get = { .size = sizeof no_get };
    struct carrier carrier = { 0 };
    use(&empty, &short_one, &otel_propagator_tracecontext);
    otel_inject(NULL, &carrier_setter, &carrier);
    otel_inject(NULL, NULL, &carrier);
    otel_inject(NULL, &no_set, &carrier);
    assert_int_equal(carrier.count, 0);
    otel_context context = otel_extract(NULL, &carrier_getter, &carrier);
    otel_context_release(&context);
    context = otel_extract(NULL, NULL, &carrier);
    otel_context_release(&context);
    context = otel_extract(NULL, &no_get, NULL);
    otel_context_release(&context);
}

static void current_context_is_the_default(void **state) {
    (void)state;
    struct carrier carrier = { 0 };
    const otel_span span =
        otel_span_wrap(&(otel_span_context){ .size = sizeof(otel_span_context), .trace_id = { 1 }, .span_id = { 1 } });
    otel_scope scope = otel_span_attach(&span, false);
    use(&otel_propagator_tracecontext, NULL, NULL);
    otel_inject(NULL, &carrier_setter, &carrier);
    assert_string_equal(carrier_text(&carrier, "traceparent"),
                        "00-01000000000000000000000000000000-0100000000000000-00");
    carrier.count = 0;
    otel_context context = otel_extract(NULL, &carrier_getter, &carrier);
    const otel_span extracted = otel_context_span(&context);
    assert_memory_equal(&extracted, &span, sizeof span);
    otel_context_release(&context);
    otel_scope_close(&scope);
}

static void references_are_given_back(void **state) {
    (void)state;
    struct carrier carrier = { 0 };
    otel_tracestate tracestate = otel_tracestate_parse(otel_cstr("a=1"));
    const otel_span span = otel_span_wrap(&(otel_span_context){
        .size = sizeof(otel_span_context), .trace_id = { 1 }, .span_id = { 1 }, .tracestate = &tracestate });
    otel_scope scope = otel_span_attach(&span, false);
    otel_tracestate_release(&tracestate);
    use(&otel_propagator_tracecontext, &one, &two);
    otel_inject(NULL, &carrier_setter, &carrier);
    assert_string_equal(carrier_text(&carrier, "tracestate"), "a=1");
    otel_context context = otel_extract(NULL, &carrier_getter, &carrier);
    const otel_span extracted = otel_context_span(&context);
    assert_int_not_equal(extracted.opaque_[OTEL__W_STATE], 0);
    otel_context_release(&context);
    otel_scope_close(&scope);
    for (int i = 0; i < 20000; i++) {
        otel__tracestate_drop(otel__tracestate_intern(otel_cstr("passing=1")));
    }
    assert_false(otel__tracestate_retain(span.opaque_[OTEL__W_STATE]));
    assert_false(otel__tracestate_retain(extracted.opaque_[OTEL__W_STATE]));
}

/* ---- several threads --------------------------------------------------------------------------------------------- */

static _Atomic bool stop;
static void *keep_setting(void *unused) {
    while (!atomic_load(&stop)) {
        use(&one, &two, NULL);
        use(&three, NULL, NULL);
    }
    return unused;
}

static void readers_see_the_old_or_the_new_list(void **state) {
    (void)state;
    pthread_t thread;
    struct carrier *carrier = calloc(1, sizeof *carrier);
    use(&three, NULL, NULL);
    assert_int_equal(pthread_create(&thread, NULL, keep_setting, NULL), 0);
    bool right = true;
    for (int i = 0; i < 20000; i++) {
        carrier->count = 0;
        otel_inject(NULL, &carrier_setter, carrier);
        const bool pair = carrier->count == 2 && strcmp(carrier->fields[0].name, "x-one") == 0 &&
                          strcmp(carrier->fields[1].name, "x-two") == 0;
        const bool single = carrier->count == 1 && strcmp(carrier->fields[0].name, "x-three") == 0;
        right = right && (pair || single);
    }
    atomic_store(&stop, true);
    pthread_join(thread, NULL);
    free(carrier);
    assert_true(right);
}

/* Last, since it fills the registry for good. */
static void only_so_many_tables_can_ever_be_set(void **state) {
    (void)state;
    static otel_propagator many[300];
    for (int i = 0; i < 300; i++) {
        many[i] = one;
        const otel_propagator *list[] = { &many[i] };
        otel_propagators_set(list, 1);
    }
    assert_null(otel_propagators_get(0));
    use(&three, NULL, NULL);
    assert_ptr_equal(otel_propagators_get(0), &three);
}

/* Two formats that are both there, one of them broken, and one of them missing. */
static void of_several_parents_the_last_counts(void **state) {
    (void)state;
    static const char first[] = "a3f1c05d9e7b42688d14f0726b9c3e51-5c1e9a07d43b8f26";
    static const char other[] = "0e6d2b9941c7f35a60b8d4e2793af01c-e81b64c2079f3da5";
    static const struct {
        const char *b3, *parent, *expected;
    } cases[] = {
        { "a3f1c05d9e7b42688d14f0726b9c3e51-5c1e9a07d43b8f26-0",
          "00-0e6d2b9941c7f35a60b8d4e2793af01c-e81b64c2079f3da5-01", other },
        { "a3f1c05d9e7b42688d14f0726b9c3e51-5c1e9a07d43b8f26-0", "garbage", first },
        { "a3f1c05d9e7b42688d14f0726b9c3e51-5c1e9a07d43b8f26-0", NULL, first },
        { NULL, "00-0e6d2b9941c7f35a60b8d4e2793af01c-e81b64c2079f3da5-01", other },
    };
    use(&otel_propagator_b3, &otel_propagator_tracecontext, NULL);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        static const otel_context empty;
        struct carrier carrier = { 0 };
        char found[33];
        if (cases[i].b3 != NULL) {
            carrier_add(&carrier, "b3", cases[i].b3);
        }
        if (cases[i].parent != NULL) {
            carrier_add(&carrier, "traceparent", cases[i].parent);
        }
        otel_context context = otel_extract(&empty, &carrier_getter, &carrier);
        const otel_span span = otel_context_span(&context);
        assert_true(otel_span_hex(&span, found, NULL));
        assert_memory_equal(found, cases[i].expected, 32);
        otel_context_release(&context);
    }
    otel_propagators_set(NULL, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_configured_at_first),
        cmocka_unit_test(members_are_called_in_list_order),
        cmocka_unit_test(of_several_parents_the_last_counts),
        cmocka_unit_test(list_is_replaced_whole),
        cmocka_unit_test(eight_take_part),
        cmocka_unit_test(incomplete_tables_are_tolerated),
        cmocka_unit_test(current_context_is_the_default),
        cmocka_unit_test(references_are_given_back),
        cmocka_unit_test(readers_see_the_old_or_the_new_list),
        cmocka_unit_test(only_so_many_tables_can_ever_be_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
