/* SPDX-License-Identifier: Apache-2.0 */
/* span_content_test.c - what a span records is what its exporter sees: times, status, attributes, events, links. */
#include "fake_clock.h"
#include "record.h"
#include "span_fixture.h"
#include "vectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

enum { LIMIT = 128, SECOND = 1000000000 };

OTEL_TRACER(lib, "lib");

/* ---- times ------------------------------------------------------------------------------------------------------- */

static void a_span_ends_when_it_is_told_but_not_before_its_start(void **state) {
    (void)state;
    const struct {
        uint64_t start, end, expected;
    } cases[] = { { 1000, 2000, 2000 }, { 2000, 1000, 2000 }, { 5, 5, 5 }, { UINT64_MAX - 1, 0, UINT64_MAX - 1 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const otel_span span = otel_span_start(lib, OTEL_START("t", .start_time = cases[i].start));
        otel_span_end_at(&span, cases[i].end);
        assert_true(span_last()->start == cases[i].start);
        assert_true(span_last()->end == cases[i].expected);
    }
    const otel_span now = otel_span_start(lib, OTEL_START("t"));
    otel_span_end_at(&now, 1);
    assert_true(span_last()->end == span_last()->start && span_last()->start > UINT64_C(1600000000) * SECOND);
}

static void durations_are_of_the_steady_clock(void **state) {
    (void)state;
    fake_clock_start(1000 * (uint64_t)SECOND, 7 * (uint64_t)SECOND);
    const otel_span span = otel_span_start(lib, OTEL_START("t"));
    fake_clock_pass(SECOND);
    fake_clock_set_wall(5);
    otel_event(&span, "e");
    fake_clock_pass(SECOND);
    otel_span_end(&span);
    assert_true(span_last()->start == 1000 * (uint64_t)SECOND);
    assert_true(span_last()->end == 1002 * (uint64_t)SECOND);
    assert_string_equal(span_last()->events, "e@1001000000000{}0\n");
}

static void the_local_spans_of_a_trace_nest_whatever_the_wall_clock_does(void **state) {
    (void)state;
    fake_clock_start(1000 * (uint64_t)SECOND, 7 * (uint64_t)SECOND);
    const otel_span outer = otel_span_start(lib, OTEL_START("outer"));
    fake_clock_pass(SECOND);
    fake_clock_set_wall(900 * (uint64_t)SECOND);
    const otel_span inner = span_child_of(lib, &outer);
    fake_clock_pass(SECOND);
    otel_span_end(&inner);
    assert_true(span_last()->start == 1001 * (uint64_t)SECOND && span_last()->end == 1002 * (uint64_t)SECOND);
    otel_span_end(&outer);
    assert_true(span_last()->end == 1002 * (uint64_t)SECOND);
    /* Also below a parent that has ended, and below a child. */
    const otel_span late = span_child_of(lib, &inner);
    fake_clock_pass(SECOND);
    otel_span_end(&late);
    assert_true(span_last()->start == 1002 * (uint64_t)SECOND && span_last()->end == 1003 * (uint64_t)SECOND);
    /* A trace of its own goes by the clock as it is now. */
    const otel_span next = otel_span_start(lib, OTEL_START("next"));
    otel_span_end(&next);
    assert_true(span_last()->start == 902 * (uint64_t)SECOND);
}

static void a_local_root_with_a_remote_parent_goes_by_the_clock_of_now(void **state) {
    (void)state;
    fake_clock_start(1000 * (uint64_t)SECOND, 7 * (uint64_t)SECOND);
    const otel_span remote = span_wrapped(1, true, NULL);
    const otel_span first = span_child_of(lib, &remote);
    otel_span_end(&first);
    fake_clock_pass(1000000); /* a reading is taken over for that long */
    fake_clock_set_wall(2000 * (uint64_t)SECOND);
    const otel_span second = span_child_of(lib, &remote);
    otel_span_end(&second);
    assert_true(span_last()->start == 2000 * (uint64_t)SECOND);
}

/* ---- status ------------------------------------------------------------------------------------------------------ */

static otel_code code_named(otel_str name) {
    return name.len == 2 ? OTEL_CODE_OK : name.ptr[0] == 'E' ? OTEL_CODE_ERROR : OTEL_CODE_UNSET;
}

static void check_status(const json_t *row) {
    const otel_span span = otel_span_start(lib, OTEL_START("status"));
    const json_t *calls = json_object_get(row, "calls");
    for (size_t i = 0; i < json_array_size(calls); i++) {
        const json_t *call = json_array_get(calls, i);
        otel_span_set_status_str(&span, code_named(vector_text(json_array_get(call, 0))),
                                 vector_text(json_array_get(call, 1)));
    }
    otel_span_end(&span);
    const otel_str text = vector_str(row, "final_description");
    assert_int_equal(span_last()->status, code_named(vector_str(row, "final_code")));
    assert_string_equal(span_last()->status_text, text.ptr ? text.ptr : "");
}

static void status_follows_the_rules(void **state) {
    (void)state;
    vectors_each("status", check_status);
}

static void status_follows_more_rules(void **state) {
    (void)state;
    const struct {
        otel_code first;
        const char *first_text;
        otel_code second;
        const char *second_text;
        otel_code expected;
        const char *expected_text;
    } cases[] = {
        { OTEL_CODE_ERROR, "a", OTEL_CODE_OK, "b", OTEL_CODE_OK, "" },
        { OTEL_CODE_ERROR, "a", OTEL_CODE_ERROR, "b", OTEL_CODE_ERROR, "b" },
        { OTEL_CODE_OK, NULL, OTEL_CODE_UNSET, NULL, OTEL_CODE_OK, "" },
        { OTEL_CODE_ERROR, "a", (otel_code)3, "b", OTEL_CODE_ERROR, "a" },
        { OTEL_CODE_ERROR, "a", (otel_code)-1, "b", OTEL_CODE_ERROR, "a" },
        { OTEL_CODE_ERROR, "a\xff", OTEL_CODE_UNSET, "", OTEL_CODE_ERROR, "a\xef\xbf\xbd" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const otel_span span = otel_span_start(lib, OTEL_START("status"));
        otel_span_set_status(&span, cases[i].first, cases[i].first_text);
        otel_span_set_status(&span, cases[i].second, cases[i].second_text);
        otel_span_end(&span);
        assert_int_equal(span_last()->status, cases[i].expected);
        assert_string_equal(span_last()->status_text, cases[i].expected_text);
    }
}

static void a_failure_has_status_and_error_type(void **state) {
    (void)state;
    const otel_span span = otel_span_start(lib, OTEL_START("fails"));
    otel_span_fail(&span, "timeout", "no answer in 5 s");
    otel_span_end(&span);
    assert_int_equal(span_last()->status, OTEL_CODE_ERROR);
    assert_string_equal(span_last()->status_text, "no answer in 5 s");
    assert_string_equal(span_last()->attributes, "error.type=string:\"timeout\"");
    const otel_span vague = otel_span_start(lib, OTEL_START("fails"));
    otel_span_fail(&vague, NULL, NULL);
    otel_span_end(&vague);
    assert_int_equal(span_last()->status, OTEL_CODE_ERROR);
    assert_string_equal(span_last()->status_text, "");
    assert_string_equal(span_last()->attributes, "error.type=string:\"_OTHER\"");
}

/* ---- attributes -------------------------------------------------------------------------------------------------- */

static void attributes_are_set_until_the_end(void **state) {
    (void)state;
    const otel_span span = otel_span_start(lib, OTEL_START("a", .attributes = OTEL_ATTRS(OTEL_ATTR("first", 1))));
    otel_set(&span, "second", "two");
    otel_set(&span, "first", 1.5);
    otel_set(&span, "third", otel_bool(true));
    otel_set(&span, "", "nothing");
    otel_span_set_value(&span, otel_cstr("x"), NULL);
    otel_span_end(&span);
    otel_set(&span, "late", 1);
    assert_string_equal(span_last()->attributes, "first=double:1.5 second=string:\"two\" third=bool:true");
    assert_int_equal(span_last()->dropped_attributes, 1);
    assert_int_equal(ledger_now().dropped_attributes, 1);
}

static void drops_of_attributes_are_counted_wherever_they_happen(void **state) {
    (void)state;
    static otel_attr many[LIMIT + 3];
    static char keys[LIMIT + 3][8];
    for (unsigned i = 0; i < LIMIT + 3; i++) {
        snprintf(keys[i], sizeof keys[i], "k%u", i);
        many[i] = OTEL_ATTR(keys[i], (int)i);
    }
    const otel_attrs list = { many, LIMIT + 3 };
    const otel_link link = { .span = span_wrapped(1, true, NULL), .attributes = list };
    const otel_span span = otel_span_start(lib, OTEL_START("a", .attributes = list, .links = (otel_links){ &link, 1 }));
    otel_event(&span, "e", .attributes = list);
    otel_span_add_link(&span, &link);
    otel_set(&span, "one more", 1);
    otel_set(&span, "k0", "updated");
    otel_span_end(&span);
    assert_int_equal(span_last()->attribute_count, LIMIT);
    assert_int_equal(span_last()->dropped_attributes, 4);
    assert_int_equal(strncmp(span_last()->attributes, "k0=string:\"updated\" k1=int:1 ", 28), 0);
    assert_string_equal(strstr(span_last()->events, " k127"), " k127=int:127}3\n");
    assert_non_null(strstr(span_last()->links, " k127=int:127}3\n"));
    assert_int_equal(ledger_now().dropped_attributes, 4 + 3 + 3 + 3);
}

/* ---- events ------------------------------------------------------------------------------------------------------ */

static void events_keep_their_order_whatever_their_times(void **state) {
    (void)state;
    fake_clock_start(50, 10);
    const otel_span span = otel_span_start(lib, OTEL_START("e"));
    otel_event(&span, "first", .time = 99);
    otel_event(&span, "second", .time = 1, .attributes = OTEL_ATTRS(OTEL_ATTR("a", 1), OTEL_ATTR("", 2)));
    fake_clock_pass(5);
    otel_event(&span, "bad\xff");
    otel_event(&span, NULL);
    otel_span_add_event(&span, NULL);
    otel_span_end(&span);
    otel_event(&span, "late");
    assert_string_equal(span_last()->events, "first@99{}0\nsecond@1{a=int:1}1\nbad\xef\xbf\xbd@55{}0\n@55{}0\n");
    assert_int_equal(span_last()->dropped_events, 0);
}

static void events_beyond_the_limit_are_dropped_and_counted(void **state) {
    (void)state;
    const otel_span span = otel_span_start(lib, OTEL_START("e"));
    for (unsigned i = 0; i < LIMIT + 2; i++)
        otel_event(&span, i == 0 ? "first" : i == LIMIT - 1 ? "last" : "more", .time = 1);
    otel_exception(&span, "E");
    otel_span_end(&span);
    assert_int_equal(span_last()->event_count, LIMIT);
    assert_int_equal(span_last()->dropped_events, 3);
    assert_int_equal(strncmp(span_last()->events, "first@1", 7), 0);
    assert_string_equal(strstr(span_last()->events, "last"), "last@1{}0\n");
    assert_int_equal(ledger_now().dropped_events, 3);
}

static void an_exception_is_an_event_and_what_is_given_besides_wins(void **state) {
    (void)state;
    fake_clock_start(7, 7);
    const otel_span span = otel_span_start(lib, OTEL_START("x"));
    otel_exception(&span, "IOError", .message = "disk full", .stacktrace = "main.c:1");
    otel_exception(&span, "IOError");
    otel_exception(&span, NULL, .message = "m",
                   .attributes = OTEL_ATTRS(OTEL_ATTR("exception.message", "mine"), OTEL_ATTR("extra", 1)));
    otel_exception(&span, NULL);
    otel_span_record_exception(&span, NULL);
    otel_span_end(&span);
    assert_string_equal(span_last()->events,
                        "exception@7{exception.type=string:\"IOError\" exception.message=string:\"disk full\" "
                        "exception.stacktrace=string:\"main.c:1\"}0\n"
                        "exception@7{exception.type=string:\"IOError\"}0\n"
                        "exception@7{exception.message=string:\"mine\" extra=int:1}0\n"
                        "exception@7{exception.type=string:\"_OTHER\"}0\n");
    assert_int_equal(span_last()->status, OTEL_CODE_UNSET);
}

/* ---- links ------------------------------------------------------------------------------------------------------- */

static void links_keep_their_order_and_span_contexts(void **state) {
    (void)state;
    otel_tracestate tracestate = otel_tracestate_parse(otel_cstr("a=1"));
    const otel_link at_start[] = { { .span = span_wrapped(1, true, &tracestate) },
                                   { .span = span_wrapped(2, false, NULL),
                                     .attributes = OTEL_ATTRS(OTEL_ATTR("k", 1)) } };
    const otel_span span = otel_span_start(lib, OTEL_START("l", .links = { at_start, 2 }));
    otel_span_add_link(&span, &(otel_link){ .span = span_wrapped(0, true, &tracestate) });
    otel_tracestate_release(&tracestate);
    push_out_unreferenced_tracestates();
    otel_span_add_link(&span, NULL);
    otel_span_end(&span);
    otel_span_add_link(&span, &at_start[0]);
    assert_string_equal(span_last()->links, SPAN_WRAPPED_HEX "/01;a=1{}0\n" SPAN_WRAPPED_HEX
                                                             "/02;{k=int:1}0\n" SPAN_WRAPPED_HEX "/00;a=1{}0\n");
    assert_int_equal(span_last()->dropped_links, 0);
}

static void a_link_to_nowhere_is_kept_if_it_says_something(void **state) {
    (void)state;
    otel_tracestate tracestate = otel_tracestate_parse(otel_cstr("a=1"));
    const otel_span_context zero = { .size = sizeof zero };
    const otel_span_context only_state = { .size = sizeof only_state, .tracestate = &tracestate };
    const otel_span_context no_span_id = { .size = sizeof no_span_id, .trace_id = { 1 } };
    const otel_span span = otel_span_start(lib, OTEL_START("l"));
    otel_span_add_link(&span, &(otel_link){ .span = otel_span_wrap(&zero) });
    otel_span_add_link(&span, &(otel_link){ .span = otel_span_wrap(&no_span_id) });
    otel_span_add_link(&span, &(otel_link){ .span = otel_span_wrap(&zero), .attributes = { NULL, 5 } });
    otel_span_add_link(&span, &(otel_link){ .span = otel_span_wrap(&only_state) });
    otel_span_add_link(&span,
                       &(otel_link){ .span = otel_span_wrap(&zero), .attributes = OTEL_ATTRS(OTEL_ATTR("k", 1)) });
    otel_span_end(&span);
    assert_int_equal(span_last()->link_count, 2);
    assert_string_equal(span_last()->links, "00000000000000000000000000000000-0000000000000000/00;a=1{}0\n"
                                            "00000000000000000000000000000000-0000000000000000/00;{k=int:1}0\n");
    assert_int_equal(span_last()->dropped_links, 3);
    assert_int_equal(ledger_now().dropped_links, 3);
    otel_tracestate_release(&tracestate);
}

static void links_beyond_the_limit_are_dropped_and_counted(void **state) {
    (void)state;
    static otel_link many[LIMIT + 2];
    for (unsigned i = 0; i < LIMIT + 2; i++)
        many[i].span = span_wrapped((uint8_t)(i & 3), false, NULL);
    const otel_span span = otel_span_start(lib, OTEL_START("l", .links = { many, LIMIT + 2 }));
    otel_span_add_link(&span, &many[0]);
    otel_span_end(&span);
    assert_int_equal(span_last()->link_count, LIMIT);
    assert_int_equal(span_last()->dropped_links, 3);
    assert_int_equal(ledger_now().dropped_links, 3);
    const otel_span none = otel_span_start(lib, OTEL_START("l", .links = { NULL, 1000 }));
    otel_span_end(&none);
    assert_int_equal(span_last()->link_count, 0);
    const otel_span wrong = otel_span_start(lib, OTEL_START("l", .links = { many, SIZE_MAX }));
    otel_span_end(&wrong);
    assert_int_equal(span_last()->link_count, 0);
    assert_int_equal(span_last()->dropped_links, 1);
}

/* ---- counts ------------------------------------------------------------------------------------------------------ */

static void counts_of_what_was_dropped_do_not_wrap(void **state) {
    (void)state;
    const otel_span span = otel_span_start(lib, OTEL_START("much is lost"));
    for (unsigned i = 0; i < LIMIT; i++)
        otel_event(&span, "one of many");
    struct otel__record *record = otel__record_lock(&span);
    record->dropped_events = record->dropped_links = record->attrs.dropped = UINT32_MAX;
    otel__record_unlock(record);
    otel_event(&span, "one more");
    otel_span_add_link(&span, &(otel_link){ .span = otel_span_wrap(NULL) });
    otel_set(&span, "", 1);
    otel_span_end(&span);
    assert_int_equal(span_last()->dropped_events, UINT32_MAX);
    assert_int_equal(span_last()->dropped_links, UINT32_MAX);
    assert_int_equal(span_last()->dropped_attributes, UINT32_MAX);
}

#define test(name) cmocka_unit_test_setup_teardown(name, spans_begin, spans_end)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_span_ends_when_it_is_told_but_not_before_its_start),
        test(durations_are_of_the_steady_clock),
        test(the_local_spans_of_a_trace_nest_whatever_the_wall_clock_does),
        test(a_local_root_with_a_remote_parent_goes_by_the_clock_of_now),
        test(status_follows_the_rules),
        test(status_follows_more_rules),
        test(a_failure_has_status_and_error_type),
        test(attributes_are_set_until_the_end),
        test(drops_of_attributes_are_counted_wherever_they_happen),
        test(events_keep_their_order_whatever_their_times),
        test(events_beyond_the_limit_are_dropped_and_counted),
        test(an_exception_is_an_event_and_what_is_given_besides_wins),
        test(links_keep_their_order_and_span_contexts),
        test(a_link_to_nowhere_is_kept_if_it_says_something),
        test(links_beyond_the_limit_are_dropped_and_counted),
        test(counts_of_what_was_dropped_do_not_wrap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
