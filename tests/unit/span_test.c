/* SPDX-License-Identifier: Apache-2.0 */
/* span_test.c - what a span records is what its exporter sees: through the public functions, with a whole SDK behind them. */
#include "exporter_double.h"
#include "fake_clock.h"
#include "record.h"
#include "vectors.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { LIMIT = 128, THREADS = 4, SECOND = 1000000000 };

OTEL_TRACER(lib, "lib", "1.0", "http://schema");

static struct exporter_double seen;

static void start_sdk(otel_sampler *sampler) {
    const otel_status status =
        otel_sdk_start(OTEL_SDK(.service_name = "test", .sampler = sampler, .log_level = OTEL_LOG_NONE,
                                .processors = OTEL_PROCESSORS(otel_simple_processor(exporter_double_make(&seen)))));
    assert_int_equal(status, OTEL_OK);
}

static int begin_sampling(void **state) {
    (void)state;
    seen.copies = true;
    start_sdk(otel_sampler_always_on());
    return 0;
}

static int end_sdk(void **state) {
    (void)state;
    otel_ledger ledger;
    fake_clock_stop();
    const otel_status status = otel_sdk_stop(5000);
    assert_ledger(&ledger);
    exporter_double_reset(&seen);
    return status == OTEL_OK ? 0 : -1;
}

/* The span that ended last; the exporter runs on the thread that ends spans. */
static const struct span_copy *last(void) {
    const size_t count = atomic_load(&seen.copied);
    assert_in_range(count, 1, DOUBLE_COPIES);
    return seen.copy[count - 1];
}

static otel_ledger ledger_now(void) {
    otel_ledger ledger;
    assert_ledger(&ledger);
    return ledger;
}

/* ---- start ---------------------------------------------------------------------------------------------------------------- */

static void a_span_without_options_has_the_defaults(void **state) {
    (void)state;
    const otel_span span = otel_span_start(lib, NULL);
    assert_true(otel_span_recording(&span));
    otel_span_end(&span);
    const struct span_copy *copy = last();
    uint8_t trace_id[16], span_id[8];
    otel_span_trace_id(&span, trace_id);
    otel_span_id(&span, span_id);
    assert_memory_equal(copy->trace_id, trace_id, 16);
    assert_memory_equal(copy->span_id, span_id, 8);
    assert_true(copy->is_root && copy->ended);
    assert_int_equal(copy->flags, OTEL_FLAG_SAMPLED | OTEL_FLAG_RANDOM);
    assert_int_equal(copy->kind, OTEL_INTERNAL);
    assert_int_equal(copy->status, OTEL_CODE_UNSET);
    assert_string_equal(copy->name, "");
    assert_string_equal(copy->status_text, "");
    assert_string_equal(copy->tracestate, "");
    assert_string_equal(copy->attributes, "");
    assert_int_equal(copy->event_count + copy->link_count, 0);
    assert_int_equal(copy->dropped_attributes + copy->dropped_events + copy->dropped_links, 0);
    assert_true(copy->start > UINT64_C(1600000000) * SECOND && copy->end >= copy->start);
    assert_string_equal(copy->scope, "lib/1.0/http://schema{}");
    assert_non_null(strstr(copy->resource, "service.name=string:\"test\""));
}

static void options_are_recorded(void **state) {
    (void)state;
    const otel_span span = otel_span_start(
        lib, OTEL_START("GET /", .kind = OTEL_SERVER, .start_time = 5 * (uint64_t)SECOND,
                        .attributes = OTEL_ATTRS(OTEL_ATTR("a", 1), OTEL_ATTR("b", "x"), OTEL_ATTR("a", 2))));
    otel_span_end_at(&span, 6 * (uint64_t)SECOND);
    assert_string_equal(last()->name, "GET /");
    assert_int_equal(last()->kind, OTEL_SERVER);
    assert_string_equal(last()->attributes, "a=int:2 b=string:\"x\"");
    assert_true(last()->start == 5 * (uint64_t)SECOND && last()->end == 6 * (uint64_t)SECOND);
}

static void every_kind_is_kept_and_others_are_internal(void **state) {
    (void)state;
    static const int kinds[] = { 0, 1, 2, 3, 4, 5, -1, 1000 };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const otel_span span = otel_span_start(lib, OTEL_START("k", .kind = (otel_kind)kinds[i]));
        otel_span_end(&span);
        assert_int_equal(last()->kind, i < 5 ? kinds[i] : OTEL_INTERNAL);
    }
}

static void a_name_is_a_text_of_any_length(void **state) {
    (void)state;
    char *long_name = malloc(100001);
    memset(long_name, 'n', 100000);
    long_name[100000] = '\0';
    const struct {
        const char *name;
        size_t len;
        const char *expected;
    } cases[] = { { "whole", 0, "whole" },
                  { "whole", 3, "who" },
                  { NULL, 0, "" },
                  { NULL, 7, "" },
                  { "", 0, "" },
                  { long_name, 0, long_name },
                  { "bad\xff", 0, "bad\xef\xbf\xbd" },
                  { "\xc3\xbc", 1, "\xef\xbf\xbd" } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const otel_span span = otel_span_start(lib, OTEL_START(cases[i].name, .name_len = cases[i].len));
        otel_span_end(&span);
        assert_string_equal(last()->name, cases[i].expected);
    }
    free(long_name);
}

static void a_name_can_be_replaced_until_the_end(void **state) {
    (void)state;
    const otel_span span = otel_span_start(lib, OTEL_START("first"));
    otel_span_set_name(&span, "second");
    otel_span_set_name_str(&span, otel_strn("third time", 5));
    otel_span_end(&span);
    otel_span_set_name(&span, "too late");
    assert_string_equal(last()->name, "third");
    const otel_span other = otel_span_start(lib, OTEL_START("first"));
    otel_span_set_name(&other, NULL);
    otel_span_end(&other);
    assert_string_equal(last()->name, "");
}

/* ---- parents -------------------------------------------------------------------------------------------------------------- */

static otel_span wrapped(uint8_t flags, bool remote, const otel_tracestate *tracestate) {
    const otel_span_context context = { .size = sizeof context,
                                        .trace_id = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16 },
                                        .span_id = { 21, 22, 23, 24, 25, 26, 27, 28 },
                                        .flags = flags,
                                        .remote = remote,
                                        .tracestate = tracestate };
    return otel_span_wrap(&context);
}

static otel_span child_of(const otel_span *parent) {
    otel_context context = otel_context_with_span(NULL, parent);
    const otel_span span = otel_span_start(lib, OTEL_START("child", .parent = &context));
    otel_context_release(&context);
    return span;
}

static void a_child_continues_its_parents_trace(void **state) {
    (void)state;
    for (unsigned flags = 0; flags < 256; flags++) {
        const otel_span parent = wrapped((uint8_t)flags, flags % 2, NULL);
        const otel_span child = child_of(&parent);
        otel_span_end(&child);
        const struct span_copy *copy = last();
        assert_false(copy->is_root);
        assert_memory_equal(copy->trace_id, "\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe\xf\x10", 16);
        assert_memory_equal(copy->parent_id, "\x15\x16\x17\x18\x19\x1a\x1b\x1c", 8);
        assert_memory_not_equal(copy->span_id, copy->parent_id, 8);
        assert_int_equal(copy->parent_remote, flags % 2);
        assert_int_equal(copy->parent_flags, otel_span_flags(&parent));
        /* Sampled by our own decision, random as the parent says, nothing else. */
        assert_int_equal(copy->flags, OTEL_FLAG_SAMPLED | (flags & OTEL_FLAG_RANDOM));
        assert_false(otel_span_remote(&child));
        exporter_double_reset(&seen);
        seen.copies = true;
    }
}

static void the_current_span_is_the_parent_unless_told_otherwise(void **state) {
    (void)state;
    const otel_context nothing = { { 0 } };
    OTEL_SPAN(outer, lib, "outer");
    uint8_t outer_id[8];
    otel_span_id(&outer, outer_id);
    { OTEL_SPAN(inner, lib, "inner"); }
    assert_memory_equal(last()->parent_id, outer_id, 8);
    assert_false(last()->parent_remote);
    const otel_span root = otel_span_start(lib, OTEL_START("root", .root = true));
    otel_span_end(&root);
    assert_true(last()->is_root);
    const otel_span orphan = otel_span_start(lib, OTEL_START("orphan", .parent = &nothing));
    otel_span_end(&orphan);
    assert_true(last()->is_root);
    const otel_span remote = wrapped(1, true, NULL);
    const otel_span elsewhere = child_of(&remote);
    otel_span_end(&elsewhere);
    assert_memory_equal(last()->parent_id, "\x15\x16\x17\x18\x19\x1a\x1b\x1c", 8);
}

static void the_root_option_beats_an_explicit_parent_and_its_tracestate(void **state) {
    (void)state;
    otel_tracestate tracestate = otel_tracestate_parse(otel_cstr("a=1"));
    const otel_span parent = wrapped(1, true, &tracestate);
    otel_context context = otel_context_with_span(NULL, &parent);
    const otel_span span = otel_span_start(lib, OTEL_START("root", .parent = &context, .root = true));
    otel_span_end(&span);
    assert_true(last()->is_root);
    assert_memory_not_equal(last()->trace_id, "\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe\xf\x10", 16);
    assert_string_equal(last()->tracestate, "");
    assert_int_equal(last()->flags, 3);
    otel_context_release(&context);
    otel_tracestate_release(&tracestate);
}

static void an_ended_span_may_be_a_parent(void **state) {
    (void)state;
    const otel_span parent = otel_span_start(lib, OTEL_START("parent"));
    otel_span_end(&parent);
    const otel_span child = child_of(&parent);
    otel_span_end(&child);
    uint8_t id[8];
    otel_span_id(&parent, id);
    assert_memory_equal(last()->parent_id, id, 8);
}

/* A parent with a trace id of zeros is none; ids never come from it. */
static void an_invalid_parent_is_none(void **state) {
    (void)state;
    const otel_span_context half = { .size = sizeof half, .span_id = { 1 }, .flags = 1, .remote = true };
    const otel_span parent = otel_span_wrap(&half);
    const otel_span child = child_of(&parent);
    otel_span_end(&child);
    assert_true(last()->is_root);
    assert_true(otel_span_valid(&child));
}

static void every_span_has_an_id_of_its_own(void **state) {
    (void)state;
    OTEL_SPAN(outer, lib, "outer");
    uint8_t ids[100][8], trace[16], outer_trace[16];
    otel_span_trace_id(&outer, outer_trace);
    for (unsigned i = 0; i < 100; i++) {
        const otel_span span = otel_span_start(lib, OTEL_START("s"));
        otel_span_id(&span, ids[i]);
        otel_span_trace_id(&span, trace);
        assert_memory_equal(trace, outer_trace, 16);
        for (unsigned j = 0; j < i; j++)
            assert_memory_not_equal(ids[i], ids[j], 8);
        otel_span_end(&span);
    }
}

/* ---- tracestate ----------------------------------------------------------------------------------------------------------- */

static void push_out_unreferenced_tracestates(void) {
    for (int i = 0; i < 20000; i++) {
        otel_tracestate passing = otel_tracestate_parse(otel_cstr("passing=1"));
        otel_tracestate_release(&passing);
    }
}

static void a_tracestate_is_inherited_and_held_while_the_span_lives(void **state) {
    (void)state;
    otel_tracestate tracestate = otel_tracestate_parse(otel_cstr("a=1,b=2"));
    const otel_span parent = wrapped(1, true, &tracestate);
    const otel_span child = child_of(&parent);
    const otel_span grandchild = child_of(&child);
    otel_tracestate_release(&tracestate);
    push_out_unreferenced_tracestates();
    otel_span_end(&grandchild);
    assert_string_equal(last()->tracestate, "a=1,b=2");
    assert_string_equal(last()->parent_tracestate, "a=1,b=2");
    otel_span_end(&child);
    assert_string_equal(last()->tracestate, "a=1,b=2");
}

static void a_sampler_may_change_the_tracestate(void **state) {
    (void)state;
    otel_sdk_stop(1000);
    exporter_double_reset(&seen);
    seen.copies = true;
    start_sdk(otel_sampler_trace_id_ratio(1.0));
    const otel_span root = otel_span_start(lib, OTEL_START("root"));
    otel_tracestate given = otel_span_tracestate(&root);
    assert_string_equal(otel_tracestate_text(&given).ptr, "ot=th:0");
    otel_tracestate_release(&given);
    otel_span_end(&root);
    assert_string_equal(last()->tracestate, "ot=th:0");
}

/* Records, links, refusals and drops give their tracestates back: the table holds some 16,000. */
static void no_path_keeps_a_tracestate(void **state) {
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        char text[32];
        snprintf(text, sizeof text, "n=%u", i);
        otel_tracestate tracestate = otel_tracestate_parse(otel_cstr(text));
        assert_int_not_equal(tracestate.opaque_[0], 0);
        const otel_span parent = wrapped(1, true, &tracestate);
        const otel_span child = child_of(&parent);
        otel_span_add_link(&child, &(otel_link){ .span = parent });
        otel_span_end(&child);
        otel_tracestate_release(&tracestate);
    }
    otel_tracestate one_more = otel_tracestate_parse(otel_cstr("one=more"));
    assert_int_not_equal(one_more.opaque_[0], 0);
    otel_tracestate_release(&one_more);
}

static void no_decision_keeps_a_tracestate(void **state) {
    (void)state;
    otel_sdk_stop(1000);
    start_sdk(otel_sampler_trace_id_ratio(0.5));
    for (unsigned i = 0; i < 40000; i++) {
        char text[48];
        snprintf(text, sizeof text, "n=%u,ot=th:4", i);
        otel_tracestate tracestate = otel_tracestate_parse(otel_cstr(text));
        assert_int_not_equal(tracestate.opaque_[0], 0);
        otel_span_context context = { .size = sizeof context, .span_id = { 1 }, .flags = 3, .tracestate = &tracestate };
        for (unsigned b = 0; b < 16; b++)
            context.trace_id[b] = (uint8_t)(i * 2654435761u >> b);
        context.trace_id[0] |= 1;
        const otel_span parent = otel_span_wrap(&context);
        const otel_span child = child_of(&parent);
        otel_span_end(&child);
        otel_tracestate_release(&tracestate);
    }
    const otel_ledger ledger = ledger_now();
    assert_in_range(ledger.started, 10000, 30000);
    assert_int_equal(ledger.started + ledger.unsampled, 40000);
}

/* ---- times ---------------------------------------------------------------------------------------------------------------- */

static void a_span_ends_when_it_is_told_but_not_before_its_start(void **state) {
    (void)state;
    const struct {
        uint64_t start, end, expected;
    } cases[] = { { 1000, 2000, 2000 }, { 2000, 1000, 2000 }, { 5, 5, 5 }, { UINT64_MAX - 1, 0, UINT64_MAX - 1 } };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const otel_span span = otel_span_start(lib, OTEL_START("t", .start_time = cases[i].start));
        otel_span_end_at(&span, cases[i].end);
        assert_true(last()->start == cases[i].start);
        assert_true(last()->end == cases[i].expected);
    }
    const otel_span now = otel_span_start(lib, OTEL_START("t"));
    otel_span_end_at(&now, 1);
    assert_true(last()->end == last()->start && last()->start > UINT64_C(1600000000) * SECOND);
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
    assert_true(last()->start == 1000 * (uint64_t)SECOND);
    assert_true(last()->end == 1002 * (uint64_t)SECOND);
    assert_string_equal(last()->events, "e@1001000000000{}0\n");
}

static void the_local_spans_of_a_trace_nest_whatever_the_wall_clock_does(void **state) {
    (void)state;
    fake_clock_start(1000 * (uint64_t)SECOND, 7 * (uint64_t)SECOND);
    const otel_span outer = otel_span_start(lib, OTEL_START("outer"));
    fake_clock_pass(SECOND);
    fake_clock_set_wall(900 * (uint64_t)SECOND);
    const otel_span inner = child_of(&outer);
    fake_clock_pass(SECOND);
    otel_span_end(&inner);
    assert_true(last()->start == 1001 * (uint64_t)SECOND && last()->end == 1002 * (uint64_t)SECOND);
    otel_span_end(&outer);
    assert_true(last()->end == 1002 * (uint64_t)SECOND);
    /* Also below a parent that has ended, and below a child. */
    const otel_span late = child_of(&inner);
    fake_clock_pass(SECOND);
    otel_span_end(&late);
    assert_true(last()->start == 1002 * (uint64_t)SECOND && last()->end == 1003 * (uint64_t)SECOND);
    /* A trace of its own goes by the clock as it is now. */
    const otel_span next = otel_span_start(lib, OTEL_START("next"));
    otel_span_end(&next);
    assert_true(last()->start == 902 * (uint64_t)SECOND);
}

static void a_local_root_with_a_remote_parent_goes_by_the_clock_of_now(void **state) {
    (void)state;
    fake_clock_start(1000 * (uint64_t)SECOND, 7 * (uint64_t)SECOND);
    const otel_span remote = wrapped(1, true, NULL);
    const otel_span first = child_of(&remote);
    otel_span_end(&first);
    fake_clock_set_wall(2000 * (uint64_t)SECOND);
    const otel_span second = child_of(&remote);
    otel_span_end(&second);
    assert_true(last()->start == 2000 * (uint64_t)SECOND);
}

/* ---- status --------------------------------------------------------------------------------------------------------------- */

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
    assert_int_equal(last()->status, code_named(vector_str(row, "final_code")));
    assert_string_equal(last()->status_text, text.ptr ? text.ptr : "");
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
        assert_int_equal(last()->status, cases[i].expected);
        assert_string_equal(last()->status_text, cases[i].expected_text);
    }
}

static void a_failure_has_status_and_error_type(void **state) {
    (void)state;
    const otel_span span = otel_span_start(lib, OTEL_START("fails"));
    otel_span_fail(&span, "timeout", "no answer in 5 s");
    otel_span_end(&span);
    assert_int_equal(last()->status, OTEL_CODE_ERROR);
    assert_string_equal(last()->status_text, "no answer in 5 s");
    assert_string_equal(last()->attributes, "error.type=string:\"timeout\"");
    const otel_span vague = otel_span_start(lib, OTEL_START("fails"));
    otel_span_fail(&vague, NULL, NULL);
    otel_span_end(&vague);
    assert_int_equal(last()->status, OTEL_CODE_ERROR);
    assert_string_equal(last()->status_text, "");
    assert_string_equal(last()->attributes, "error.type=string:\"_OTHER\"");
}

/* ---- attributes ----------------------------------------------------------------------------------------------------------- */

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
    assert_string_equal(last()->attributes, "first=double:1.5 second=string:\"two\" third=bool:true");
    assert_int_equal(last()->dropped_attributes, 1);
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
    const otel_link link = { .span = wrapped(1, true, NULL), .attributes = list };
    const otel_span span = otel_span_start(lib, OTEL_START("a", .attributes = list, .links = (otel_links){ &link, 1 }));
    otel_event(&span, "e", .attributes = list);
    otel_span_add_link(&span, &link);
    otel_set(&span, "one more", 1);
    otel_set(&span, "k0", "updated");
    otel_span_end(&span);
    assert_int_equal(last()->attribute_count, LIMIT);
    assert_int_equal(last()->dropped_attributes, 4);
    assert_int_equal(strncmp(last()->attributes, "k0=string:\"updated\" k1=int:1 ", 28), 0);
    assert_string_equal(strstr(last()->events, " k127"), " k127=int:127}3\n");
    assert_non_null(strstr(last()->links, " k127=int:127}3\n"));
    assert_int_equal(ledger_now().dropped_attributes, 4 + 3 + 3 + 3);
}

/* ---- events --------------------------------------------------------------------------------------------------------------- */

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
    assert_string_equal(last()->events, "first@99{}0\nsecond@1{a=int:1}1\nbad\xef\xbf\xbd@55{}0\n@55{}0\n");
    assert_int_equal(last()->dropped_events, 0);
}

static void events_beyond_the_limit_are_dropped_and_counted(void **state) {
    (void)state;
    const otel_span span = otel_span_start(lib, OTEL_START("e"));
    for (unsigned i = 0; i < LIMIT + 2; i++)
        otel_event(&span, i == 0 ? "first" : i == LIMIT - 1 ? "last" : "more", .time = 1);
    otel_exception(&span, "E");
    otel_span_end(&span);
    assert_int_equal(last()->event_count, LIMIT);
    assert_int_equal(last()->dropped_events, 3);
    assert_int_equal(strncmp(last()->events, "first@1", 7), 0);
    assert_string_equal(strstr(last()->events, "last"), "last@1{}0\n");
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
    assert_string_equal(last()->events,
                        "exception@7{exception.type=string:\"IOError\" exception.message=string:\"disk full\" "
                        "exception.stacktrace=string:\"main.c:1\"}0\n"
                        "exception@7{exception.type=string:\"IOError\"}0\n"
                        "exception@7{exception.message=string:\"mine\" extra=int:1}0\n"
                        "exception@7{}0\n");
    assert_int_equal(last()->status, OTEL_CODE_UNSET);
}

/* ---- links ---------------------------------------------------------------------------------------------------------------- */

#define WRAPPED_HEX "0102030405060708090a0b0c0d0e0f10-15161718191a1b1c"

static void links_keep_their_order_and_span_contexts(void **state) {
    (void)state;
    otel_tracestate tracestate = otel_tracestate_parse(otel_cstr("a=1"));
    const otel_link at_start[] = { { .span = wrapped(1, true, &tracestate) },
                                   { .span = wrapped(2, false, NULL), .attributes = OTEL_ATTRS(OTEL_ATTR("k", 1)) } };
    const otel_span span = otel_span_start(lib, OTEL_START("l", .links = { at_start, 2 }));
    otel_span_add_link(&span, &(otel_link){ .span = wrapped(0, true, &tracestate) });
    otel_tracestate_release(&tracestate);
    push_out_unreferenced_tracestates();
    otel_span_add_link(&span, NULL);
    otel_span_end(&span);
    otel_span_add_link(&span, &at_start[0]);
    assert_string_equal(last()->links,
                        WRAPPED_HEX "/01;a=1{}0\n" WRAPPED_HEX "/02;{k=int:1}0\n" WRAPPED_HEX "/00;a=1{}0\n");
    assert_int_equal(last()->dropped_links, 0);
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
    assert_int_equal(last()->link_count, 2);
    assert_string_equal(last()->links, "00000000000000000000000000000000-0000000000000000/00;a=1{}0\n"
                                       "00000000000000000000000000000000-0000000000000000/00;{k=int:1}0\n");
    assert_int_equal(last()->dropped_links, 3);
    assert_int_equal(ledger_now().dropped_links, 3);
    otel_tracestate_release(&tracestate);
}

static void links_beyond_the_limit_are_dropped_and_counted(void **state) {
    (void)state;
    static otel_link many[LIMIT + 2];
    for (unsigned i = 0; i < LIMIT + 2; i++)
        many[i].span = wrapped((uint8_t)(i & 3), false, NULL);
    const otel_span span = otel_span_start(lib, OTEL_START("l", .links = { many, LIMIT + 2 }));
    otel_span_add_link(&span, &many[0]);
    otel_span_end(&span);
    assert_int_equal(last()->link_count, LIMIT);
    assert_int_equal(last()->dropped_links, 3);
    assert_int_equal(ledger_now().dropped_links, 3);
    const otel_span none = otel_span_start(lib, OTEL_START("l", .links = { NULL, 1000 }));
    otel_span_end(&none);
    assert_int_equal(last()->link_count, 0);
}

/* ---- end ------------------------------------------------------------------------------------------------------------------ */

static void an_ended_span_keeps_its_context_and_does_nothing(void **state) {
    (void)state;
    const otel_span span = otel_span_start(lib, OTEL_START("once"));
    char before[33], after[33], id_before[17], id_after[17];
    otel_span_hex(&span, before, id_before);
    const otel_span copy = span;
    otel_span_end(&copy);
    assert_false(otel_span_recording(&span));
    assert_false(otel_span_recording(&copy));
    otel_span_hex(&span, after, id_after);
    assert_string_equal(before, after);
    assert_string_equal(id_before, id_after);
    assert_int_equal(otel_span_flags(&span), 3);
    otel_span_end(&span);
    otel_span_end_at(&span, 5);
    otel_span_fail(&span, "late", "late");
    assert_int_equal(seen.count, 1);
    assert_int_equal(ledger_now().ended, 1);
    assert_int_equal(last()->status, OTEL_CODE_UNSET);
}

static void parents_may_end_before_their_children(void **state) {
    (void)state;
    const otel_span outer = otel_span_start(lib, OTEL_START("outer"));
    const otel_span inner = child_of(&outer);
    otel_span_end(&outer);
    assert_true(otel_span_recording(&inner));
    otel_span_end(&inner);
    assert_int_equal(seen.count, 2);
}

static void what_is_recorded_but_not_sampled_is_withheld(void **state) {
    (void)state;
    const otel_span span = otel_span_start(lib, OTEL_START("for processors only"));
    struct otel__record *record = otel__record_lock(&span);
    record->span.opaque_[OTEL__W_META] &= ~(uint64_t)OTEL_FLAG_SAMPLED; /* as a sampler's decision to record makes it */
    otel__record_unlock(record);
    otel_span_end(&span);
    assert_int_equal(seen.count, 0);
    const otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.ended, 1);
    assert_int_equal(ledger.processors[0].not_sampled, 1);
    assert_int_equal(ledger.processors[0].exported, 0);
}

static void an_unsampled_span_carries_its_ids_and_owns_nothing(void **state) {
    (void)state;
    otel_sdk_stop(1000);
    start_sdk(otel_sampler_always_off());
    const otel_span span = otel_span_start(lib, OTEL_START("off"));
    assert_false(otel_span_recording(&span));
    assert_true(otel_span_valid(&span));
    assert_int_equal(otel_span_flags(&span), OTEL_FLAG_RANDOM);
    otel_set(&span, "k", 1);
    const otel_span child = child_of(&span);
    uint8_t trace_id[16], child_trace_id[16];
    otel_span_trace_id(&span, trace_id);
    otel_span_trace_id(&child, child_trace_id);
    assert_memory_equal(trace_id, child_trace_id, 16);
    for (unsigned i = 0; i < 100000; i++)
        (void)otel_span_start(lib, OTEL_START("never ended"));
    otel_span_end(&span);
    const otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.unsampled, 100002);
    assert_int_equal(ledger.started + ledger.live + ledger.refused, 0);
    assert_int_equal(seen.count, 0);
}

/* Beyond the bound on live spans, a span is refused, says that it is not sampled, and the next one has room when one has ended. */
static void too_many_live_spans_are_refused(void **state) {
    (void)state;
    otel_span *spans = calloc(OTEL__RECORDS_MAX, sizeof *spans);
    otel_tracestate tracestate = otel_tracestate_parse(otel_cstr("a=1"));
    const otel_span remote = wrapped(3, true, &tracestate);
    for (unsigned i = 0; i < OTEL__RECORDS_MAX; i++) {
        spans[i] = otel_span_start(lib, OTEL_START("live"));
        assert_true(otel_span_recording(&spans[i]));
    }
    const otel_span refused = child_of(&remote);
    assert_false(otel_span_recording(&refused));
    assert_true(otel_span_valid(&refused));
    assert_int_equal(otel_span_flags(&refused), OTEL_FLAG_RANDOM);
    otel_set(&refused, "k", 1);
    otel_span_end(&refused);
    otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.refused, 1);
    assert_int_equal(ledger.live, OTEL__RECORDS_MAX);
    assert_int_equal(ledger.ended, 0);
    otel_span_end(&spans[7]);
    spans[7] = otel_span_start(lib, OTEL_START("again"));
    assert_true(otel_span_recording(&spans[7]));
    for (unsigned i = 0; i < OTEL__RECORDS_MAX; i++)
        otel_span_end(&spans[i]);
    ledger = ledger_now();
    assert_int_equal(ledger.refused, 1);
    assert_int_equal(ledger.processors[0].exported, OTEL__RECORDS_MAX + 1);
    otel_tracestate_release(&tracestate);
    free(spans);
}

/* ---- tracers -------------------------------------------------------------------------------------------------------------- */

static void a_span_has_the_scope_of_its_tracer(void **state) {
    (void)state;
    OTEL_TRACER(other, "other", "2");
    const otel_span span = otel_span_start(other, OTEL_START("s"));
    otel_span_end(&span);
    assert_string_equal(last()->scope, "other/2/{}");
    const otel_span nameless = otel_span_start(NULL, OTEL_START("s"));
    otel_span_end(&nameless);
    assert_string_equal(last()->scope, "//{}");
}

static void a_tracer_is_enabled_while_somebody_processes_its_spans(void **state) {
    (void)state;
    assert_true(otel_tracer_enabled(lib, NULL));
    assert_true(otel_tracer_enabled(lib, OTEL_START("x")));
    otel_sdk_stop(1000);
    assert_false(otel_tracer_enabled(lib, NULL));
    setenv("OTEL_TRACES_EXPORTER", "none", 1);
    assert_int_equal(otel_sdk_start(OTEL_SDK(.service_name = "test", .log_level = OTEL_LOG_NONE)), OTEL_OK);
    unsetenv("OTEL_TRACES_EXPORTER");
    assert_false(otel_tracer_enabled(lib, NULL));
    /* What is recorded for nobody is let go at once. */
    for (unsigned i = 0; i < OTEL__RECORDS_MAX + 10; i++) {
        const otel_span span = otel_span_start(lib, OTEL_START("for nobody"));
        otel_span_end(&span);
    }
    const otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.processor_count, 0);
    assert_int_equal(ledger.refused, 0);
    assert_int_equal(ledger.ended, OTEL__RECORDS_MAX + 10);
}

/* ---- a polite guest --------------------------------------------------------------------------------------------------------- */

static void set_errno(struct exporter_double *me, otel_batch *batch) {
    (void)me;
    (void)batch;
    errno = EIO;
}

static void no_call_changes_errno(void **state) {
    (void)state;
    OTEL_TRACER(fresh, "a tracer that binds here");
    seen.during = set_errno;
    char *big = malloc(100000);
    memset(big, 'b', 100000);
    errno = EDOM;
    const otel_span span = otel_span_start(fresh, OTEL_START("e", .attributes = OTEL_ATTRS(OTEL_ATTR("k", 1))));
    assert_int_equal(errno, EDOM);
    otel_span_set_value(&span, otel_cstr("big"), &(otel_value){ .type = OTEL_TYPE_STRING, .len = 100000, .u.p = big });
    otel_event(&span, "e");
    otel_exception(&span, "E");
    otel_span_add_link(&span, &(otel_link){ .span = span });
    otel_span_set_name(&span, "n");
    otel_span_fail(&span, "t", "m");
    otel_scope scope = otel_span_attach(&span, false);
    otel_scope_close(&scope);
    assert_int_equal(errno, EDOM);
    otel_span_end(&span);
    assert_int_equal(errno, EDOM);
    assert_int_equal(seen.exports, 1);
    free(big);
}

static void bad_arguments_are_survived(void **state) {
    (void)state;
    const otel_span none = { { 0 } };
    otel_span odd;
    memset(&odd, 0xff, sizeof odd);
    const otel_span *const spans[] = { NULL, &none, &odd };
    const otel_value value = otel_int(1);
    for (size_t i = 0; i < 3; i++) {
        assert_false(otel_span_recording(spans[i]));
        otel_span_set_value(spans[i], (otel_str){ NULL, 5 }, &value);
        otel_span_set_value(spans[i], otel_cstr("k"), NULL);
        otel_span_add_event(spans[i], NULL);
        otel_span_record_exception(spans[i], NULL);
        otel_span_add_link(spans[i], NULL);
        otel_span_set_name_str(spans[i], (otel_str){ NULL, SIZE_MAX });
        otel_span_set_status_str(spans[i], (otel_code)77, (otel_str){ NULL, 7 });
        otel_span_fail_str(spans[i], (otel_str){ NULL, 7 }, (otel_str){ NULL, 7 });
        otel_span_end_at(spans[i], UINT64_MAX);
    }
    const otel_span span = otel_span_start(lib, OTEL_START("alive"));
    otel_span_set_value(&span, (otel_str){ NULL, 5 }, &value);
    otel_span_set_value(&span, otel_cstr("k"), &(otel_value){ .type = (otel_type)1234, .len = SIZE_MAX });
    otel_span_set_name_str(&span, (otel_str){ "x", SIZE_MAX });
    otel_span_set_status_str(&span, OTEL_CODE_ERROR, (otel_str){ NULL, 7 });
    otel_span_add_link(&span, &(otel_link){ .span = odd });
    otel_span_end(&span);
    assert_int_equal(seen.count, 1);
    assert_string_equal(last()->name, "alive");
    assert_int_equal(last()->dropped_attributes, 2);
    assert_int_equal(last()->status, OTEL_CODE_ERROR);
}

/* ---- threads -------------------------------------------------------------------------------------------------------------- */

struct crowd {
    otel_span span;
    pthread_barrier_t barrier;
    _Atomic unsigned next;
};

static void *record_at_once(void *data) {
    struct crowd *crowd = data;
    const unsigned me = atomic_fetch_add(&crowd->next, 1);
    char key[16];
    pthread_barrier_wait(&crowd->barrier);
    for (unsigned i = 0; i < 50; i++) {
        snprintf(key, sizeof key, "t%u.%u", me, i % 30);
        otel_set(&crowd->span, key, (int)i);
        otel_event(&crowd->span, "e", .attributes = OTEL_ATTRS(OTEL_ATTR("thread", (int)me)));
        otel_span_add_link(&crowd->span, &(otel_link){ .span = crowd->span });
        otel_span_set_status(&crowd->span, OTEL_CODE_ERROR, key);
    }
    return NULL;
}

/* 120 keys; 200 events and links, of which 128 are kept. */
static void threads_may_record_into_one_span(void **state) {
    (void)state;
    struct crowd crowd = { .span = otel_span_start(lib, OTEL_START("crowded")) };
    pthread_t threads[THREADS];
    pthread_barrier_init(&crowd.barrier, NULL, THREADS);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, record_at_once, &crowd), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&crowd.barrier);
    otel_span_end(&crowd.span);
    assert_int_equal(last()->attribute_count, 30 * THREADS);
    assert_int_equal(last()->event_count, LIMIT);
    assert_int_equal(last()->dropped_events, 50 * THREADS - LIMIT);
    assert_int_equal(last()->link_count, LIMIT);
    assert_int_equal(last()->dropped_links, 50 * THREADS - LIMIT);
    const otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.dropped_events, last()->dropped_events);
    assert_int_equal(ledger.dropped_links, last()->dropped_links);
}

static void *end_at_once(void *data) {
    struct crowd *crowd = data;
    for (unsigned round = 0; round < 500; round++) {
        pthread_barrier_wait(&crowd->barrier);
        otel_set(&crowd->span, "k", 1);
        otel_span_end(&crowd->span);
        otel_set(&crowd->span, "late", 1);
        pthread_barrier_wait(&crowd->barrier);
    }
    return NULL;
}

static void a_span_ends_once_whoever_ends_it(void **state) {
    (void)state;
    struct crowd crowd = { .next = 0 };
    pthread_t threads[THREADS];
    pthread_barrier_init(&crowd.barrier, NULL, THREADS + 1);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, end_at_once, &crowd), 0);
    for (unsigned round = 0; round < 500; round++) {
        crowd.span = otel_span_start(lib, OTEL_START("wanted"));
        pthread_barrier_wait(&crowd.barrier);
        pthread_barrier_wait(&crowd.barrier);
    }
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pthread_barrier_destroy(&crowd.barrier);
    assert_int_equal(otel_sdk_flush(10000), OTEL_OK);
    const otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.ended, 500);
    assert_int_equal(ledger.processors[0].exported, 500);
    assert_int_equal(seen.overlaps, 0);
}

#define test(name) cmocka_unit_test_setup_teardown(name, begin_sampling, end_sdk)

int main(void) {
    const struct CMUnitTest tests[] = {
        test(a_span_without_options_has_the_defaults),
        test(options_are_recorded),
        test(every_kind_is_kept_and_others_are_internal),
        test(a_name_is_a_text_of_any_length),
        test(a_name_can_be_replaced_until_the_end),
        test(a_child_continues_its_parents_trace),
        test(the_current_span_is_the_parent_unless_told_otherwise),
        test(the_root_option_beats_an_explicit_parent_and_its_tracestate),
        test(an_ended_span_may_be_a_parent),
        test(an_invalid_parent_is_none),
        test(every_span_has_an_id_of_its_own),
        test(a_tracestate_is_inherited_and_held_while_the_span_lives),
        test(a_sampler_may_change_the_tracestate),
        test(no_path_keeps_a_tracestate),
        test(no_decision_keeps_a_tracestate),
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
        test(an_ended_span_keeps_its_context_and_does_nothing),
        test(parents_may_end_before_their_children),
        test(what_is_recorded_but_not_sampled_is_withheld),
        test(an_unsampled_span_carries_its_ids_and_owns_nothing),
        test(too_many_live_spans_are_refused),
        test(a_span_has_the_scope_of_its_tracer),
        test(a_tracer_is_enabled_while_somebody_processes_its_spans),
        test(no_call_changes_errno),
        test(bad_arguments_are_survived),
        test(threads_may_record_into_one_span),
        test(a_span_ends_once_whoever_ends_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
