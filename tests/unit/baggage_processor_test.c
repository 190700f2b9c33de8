/* SPDX-License-Identifier: Apache-2.0 */
/* baggage_processor_test.c - chosen entries of the baggage become attributes. */
#include <otel/baggage.h>

#include "exporter_double.h"
#include "failing_allocator.h"
#include "reports.h"
#include "sanitizers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

OTEL_TRACER(lib, "lib");

static struct exporter_double seen;

static int stop(void **state) {
    (void)state;
    otel_ledger ledger;
    otel_sdk_stop(20000);
    assert_ledger(&ledger);
    exporter_double_reset(&seen);
    return 0;
}

static void start_with(const char *keys) {
    stop(NULL);
    seen.copies = true;
    assert_int_equal(
        otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = otel_sampler_always_on(), .log_level = OTEL_LOG_NONE,
                                .processors = OTEL_PROCESSORS(otel_baggage_processor(keys),
                                                              otel_simple_processor(exporter_double_make(&seen))))),
        OTEL_OK);
}

/* Whether the last span has the attribute, as text; NULL: it must have none of the name. */
static bool last_has(const char *name, const char *value) {
    char wanted[200];
    snprintf(wanted, sizeof wanted, value ? "%s=string:\"%s\"" : "%s=", name, value ? value : "");
    return (strstr(seen.copy[seen.copied - 1]->attributes, wanted) != NULL) == (value != NULL);
}

static void end_span_among_baggage(void) {
    OTEL_BAGGAGE(one, "user.id", "u1");
    OTEL_BAGGAGE(two, "tenant.name", "t");
    OTEL_BAGGAGE(three, "tenant.zone", "z");
    OTEL_BAGGAGE(four, "tenant", "bare");
    OTEL_BAGGAGE(five, "secret", "s");
    const otel_span span = otel_span_start(lib, OTEL_START("s"));
    otel_span_end(&span);
}

static void listed_names_and_beginnings_are_copied(void **state) {
    (void)state;
    start_with(" user.id ,, tenant.*\t");
    end_span_among_baggage();
    assert_true(last_has("user.id", "u1"));
    assert_true(last_has("tenant.name", "t"));
    assert_true(last_has("tenant.zone", "z"));
    assert_true(last_has("tenant", NULL));
    assert_true(last_has("secret", NULL));
    assert_int_equal(seen.copy[0]->attribute_count, 3);
}

static void what_only_resembles_is_not(void **state) {
    (void)state;
    start_with("user,user.id.more,USER.ID,tenant.n");
    end_span_among_baggage();
    assert_int_equal(seen.copy[0]->attribute_count, 0);
}

static void a_star_stands_for_all(void **state) {
    (void)state;
    start_with("*");
    end_span_among_baggage();
    assert_int_equal(seen.copy[0]->attribute_count, 5);
}

static void the_parent_s_context_counts(void **state) {
    (void)state;
    start_with("*");
    OTEL_BAGGAGE(current, "who", "current");
    otel_context given = otel_context_with_baggage_value(NULL, "who", otel_cstr("given"));
    const otel_span below = otel_span_start(lib, OTEL_START("s", .parent = &given));
    otel_span_end(&below);
    assert_true(last_has("who", "given"));
    const otel_span root = otel_span_start(lib, OTEL_START("s", .root = true));
    otel_span_end(&root);
    assert_true(last_has("who", "current"));
    otel_context none = otel_context_with_baggage(NULL, NULL);
    const otel_span bare = otel_span_start(lib, OTEL_START("s", .parent = &none));
    otel_span_end(&bare);
    assert_true(last_has("who", NULL));
    otel_context_release(&none);
    otel_context_release(&given);
}

static void baggage_replaces_what_the_start_set_and_later_calls_replace_it(void **state) {
    (void)state;
    start_with("*");
    OTEL_BAGGAGE(scope, "k", "baggage");
    const otel_span span =
        otel_span_start(lib, OTEL_START("s", .attributes = OTEL_ATTRS(OTEL_ATTR("k", "start"), OTEL_ATTR("l", "m"))));
    otel_span_end(&span);
    assert_true(last_has("k", "baggage"));
    assert_int_equal(seen.copy[0]->attribute_count, 2);
    const otel_span later = otel_span_start(lib, OTEL_START("s"));
    otel_set(&later, "k", "later");
    otel_span_end(&later);
    assert_true(last_has("k", "later"));
}

static void a_list_without_names_is_refused(void **state) {
    (void)state;
    reports_start(OTEL_LOG_WARN);
    assert_null(otel_baggage_processor(NULL));
    assert_null(otel_baggage_processor(""));
    assert_null(otel_baggage_processor(" ,\t,"));
    assert_true(reports_mention("baggage processor", "no key"));
    reports_stop();
}

static void without_memory_there_is_none(void **state) {
    (void)state;
    SKIP_IF(!failing_allocator_works(), "allocations cannot be made to fail here");
    for (unsigned nth = 1; nth <= 2; nth++) {
        failing_allocator_fail(nth, false);
        otel_processor *none = otel_baggage_processor("k");
        failing_allocator_fail(0, false);
        assert_null(none);
    }
    otel_processor_destroy(otel_baggage_processor("k"));
}

#define test(name) cmocka_unit_test_teardown(name, stop)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(listed_names_and_beginnings_are_copied),
        test(what_only_resembles_is_not),
        test(a_star_stands_for_all),
        test(the_parent_s_context_counts),
        test(baggage_replaces_what_the_start_set_and_later_calls_replace_it),
        test(a_list_without_names_is_refused),
        test(without_memory_there_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
