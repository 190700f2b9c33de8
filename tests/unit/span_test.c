/* SPDX-License-Identifier: Apache-2.0 */
/*
 * span_test.c - the life of a span, through the public functions and with a whole SDK behind them: start, parents,
 * tracestate, end, limits on their number, threads. What it records: span_content_test.c.
 */
#include "record.h"
#include "span_fixture.h"

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

/* ---- start ------------------------------------------------------------------------------------------------------- */

static void a_span_without_options_has_the_defaults(void **state) {
    (void)state;
    const otel_span span = otel_span_start(lib, NULL);
    assert_true(otel_span_recording(&span));
    otel_span_end(&span);
    const struct span_copy *copy = span_last();
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
    assert_string_equal(span_last()->name, "GET /");
    assert_int_equal(span_last()->kind, OTEL_SERVER);
    assert_string_equal(span_last()->attributes, "a=int:2 b=string:\"x\"");
    assert_true(span_last()->start == 5 * (uint64_t)SECOND && span_last()->end == 6 * (uint64_t)SECOND);
}

static void every_kind_is_kept_and_others_are_internal(void **state) {
    (void)state;
    static const int kinds[] = { 0, 1, 2, 3, 4, 5, -1, 1000 };
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const otel_span span = otel_span_start(lib, OTEL_START("k", .kind = (otel_kind)kinds[i]));
        otel_span_end(&span);
        assert_int_equal(span_last()->kind, i < 5 ? kinds[i] : OTEL_INTERNAL);
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
        assert_string_equal(span_last()->name, cases[i].expected);
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
    assert_string_equal(span_last()->name, "third");
    const otel_span other = otel_span_start(lib, OTEL_START("first"));
    otel_span_set_name(&other, NULL);
    otel_span_end(&other);
    assert_string_equal(span_last()->name, "");
}

/* ---- parents ----------------------------------------------------------------------------------------------------- */

static void a_child_continues_its_parents_trace(void **state) {
    (void)state;
    for (unsigned flags = 0; flags < 256; flags++) {
        const otel_span parent = span_wrapped((uint8_t)flags, flags % 2, NULL);
        const otel_span child = span_child_of(lib, &parent);
        otel_span_end(&child);
        const struct span_copy *copy = span_last();
        assert_false(copy->is_root);
        assert_memory_equal(copy->trace_id, "\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe\xf\x10", 16);
        assert_memory_equal(copy->parent_id, "\x15\x16\x17\x18\x19\x1a\x1b\x1c", 8);
        assert_memory_not_equal(copy->span_id, copy->parent_id, 8);
        assert_int_equal(copy->parent_remote, flags % 2);
        assert_int_equal(copy->parent_flags, otel_span_flags(&parent));
        /* Sampled by our own decision, random as the parent says, nothing else. */
        assert_int_equal(copy->flags, OTEL_FLAG_SAMPLED | (flags & OTEL_FLAG_RANDOM));
        assert_false(otel_span_remote(&child));
        spans_forget();
    }
}

static void the_current_span_is_the_parent_unless_told_otherwise(void **state) {
    (void)state;
    const otel_context nothing = { { 0 } };
    OTEL_SPAN(outer, lib, "outer");
    uint8_t outer_id[8];
    otel_span_id(&outer, outer_id);
    { OTEL_SPAN(inner, lib, "inner"); }
    assert_memory_equal(span_last()->parent_id, outer_id, 8);
    assert_false(span_last()->parent_remote);
    const otel_span root = otel_span_start(lib, OTEL_START("root", .root = true));
    otel_span_end(&root);
    assert_true(span_last()->is_root);
    const otel_span orphan = otel_span_start(lib, OTEL_START("orphan", .parent = &nothing));
    otel_span_end(&orphan);
    assert_true(span_last()->is_root);
    const otel_span remote = span_wrapped(1, true, NULL);
    const otel_span elsewhere = span_child_of(lib, &remote);
    otel_span_end(&elsewhere);
    assert_memory_equal(span_last()->parent_id, "\x15\x16\x17\x18\x19\x1a\x1b\x1c", 8);
}

static void the_root_option_beats_an_explicit_parent_and_its_tracestate(void **state) {
    (void)state;
    otel_tracestate tracestate = otel_tracestate_parse(otel_cstr("a=1"));
    const otel_span parent = span_wrapped(1, true, &tracestate);
    otel_context context = otel_context_with_span(NULL, &parent);
    const otel_span span = otel_span_start(lib, OTEL_START("root", .parent = &context, .root = true));
    otel_span_end(&span);
    assert_true(span_last()->is_root);
    assert_memory_not_equal(span_last()->trace_id, "\1\2\3\4\5\6\7\x8\x9\xa\xb\xc\xd\xe\xf\x10", 16);
    assert_string_equal(span_last()->tracestate, "");
    assert_int_equal(span_last()->flags, 3);
    otel_context_release(&context);
    otel_tracestate_release(&tracestate);
}

static void an_ended_span_may_be_a_parent(void **state) {
    (void)state;
    const otel_span parent = otel_span_start(lib, OTEL_START("parent"));
    otel_scope scope = otel_span_attach(&parent, false);
    otel_span_end(&parent);
    const otel_span current = otel_context_span(NULL);
    assert_memory_equal(&current, &parent, sizeof parent);
    otel_scope_close(&scope);
    const otel_span child = span_child_of(lib, &parent);
    otel_span_end(&child);
    uint8_t id[8];
    otel_span_id(&parent, id);
    assert_memory_equal(span_last()->parent_id, id, 8);
}

/* A parent with a trace id of zeros is none; ids never come from it. */
static void an_invalid_parent_is_none(void **state) {
    (void)state;
    const otel_span_context half = { .size = sizeof half, .span_id = { 1 }, .flags = 1, .remote = true };
    const otel_span parent = otel_span_wrap(&half);
    const otel_span child = span_child_of(lib, &parent);
    otel_span_end(&child);
    assert_true(span_last()->is_root);
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

/* ---- tracestate -------------------------------------------------------------------------------------------------- */

static void a_tracestate_is_inherited_and_held_while_the_span_lives(void **state) {
    (void)state;
    otel_tracestate tracestate = otel_tracestate_parse(otel_cstr("a=1,b=2"));
    const otel_span parent = span_wrapped(1, true, &tracestate);
    const otel_span child = span_child_of(lib, &parent);
    const otel_span grandchild = span_child_of(lib, &child);
    otel_tracestate_release(&tracestate);
    push_out_unreferenced_tracestates();
    otel_span_end(&grandchild);
    assert_string_equal(span_last()->tracestate, "a=1,b=2");
    assert_string_equal(span_last()->parent_tracestate, "a=1,b=2");
    otel_span_end(&child);
    assert_string_equal(span_last()->tracestate, "a=1,b=2");
}

static void a_sampler_may_change_the_tracestate(void **state) {
    (void)state;
    spans_restart(otel_sampler_trace_id_ratio(1.0));
    const otel_span root = otel_span_start(lib, OTEL_START("root"));
    otel_tracestate given = otel_span_tracestate(&root);
    assert_string_equal(otel_tracestate_text(&given).ptr, "ot=th:0");
    otel_tracestate_release(&given);
    otel_span_end(&root);
    assert_string_equal(span_last()->tracestate, "ot=th:0");
}

/* Records, links, refusals and drops give their tracestates back: the table holds some 16,000. */
static void no_path_keeps_a_tracestate(void **state) {
    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        char text[32];
        snprintf(text, sizeof text, "n=%u", i);
        otel_tracestate tracestate = otel_tracestate_parse(otel_cstr(text));
        assert_int_not_equal(tracestate.opaque_[0], 0);
        const otel_span parent = span_wrapped(1, true, &tracestate);
        const otel_span child = span_child_of(lib, &parent);
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
    spans_restart(otel_sampler_trace_id_ratio(0.5));
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
        const otel_span child = span_child_of(lib, &parent);
        assert_int_equal(otel_span_recording(&child), context.trace_id[9] >= 0x80); /* it decides by that id */
        otel_span_end(&child);
        otel_tracestate_release(&tracestate);
    }
    const otel_ledger ledger = ledger_now();
    assert_in_range(ledger.started, 10000, 30000);
    assert_int_equal(ledger.started + ledger.unsampled, 40000);
}

/* ---- end --------------------------------------------------------------------------------------------------------- */

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
    assert_int_equal(span_last()->status, OTEL_CODE_UNSET);
}

static void parents_may_end_before_their_children(void **state) {
    (void)state;
    const otel_span outer = otel_span_start(lib, OTEL_START("outer"));
    const otel_span inner = span_child_of(lib, &outer);
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
    spans_restart(otel_sampler_always_off());
    const otel_span span = otel_span_start(lib, OTEL_START("off"));
    assert_false(otel_span_recording(&span));
    assert_true(otel_span_valid(&span));
    assert_int_equal(otel_span_flags(&span), OTEL_FLAG_RANDOM);
    otel_set(&span, "k", 1);
    const otel_span child = span_child_of(lib, &span);
    uint8_t trace_id[16], child_trace_id[16];
    otel_span_trace_id(&span, trace_id);
    otel_span_trace_id(&child, child_trace_id);
    assert_memory_equal(trace_id, child_trace_id, 16);
    assert_int_not_equal(child.opaque_[OTEL__W_SPAN], span.opaque_[OTEL__W_SPAN]);
    for (unsigned i = 0; i < 100000; i++)
        (void)otel_span_start(lib, OTEL_START("never ended"));
    otel_span_end(&span);
    const otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.unsampled, 100002);
    assert_int_equal(ledger.started + ledger.live + ledger.refused, 0);
    assert_int_equal(seen.count, 0);
}

/*
 * Beyond the bound on live spans, a span is refused, says that it is not sampled, and the next one has room when one
 * has ended.
 */
static void too_many_live_spans_are_refused(void **state) {
    (void)state;
    otel_span *spans = calloc(OTEL__RECORDS_MAX, sizeof *spans);
    otel_tracestate tracestate = otel_tracestate_parse(otel_cstr("a=1"));
    const otel_span remote = span_wrapped(3, true, &tracestate);
    for (unsigned i = 0; i < OTEL__RECORDS_MAX; i++) {
        spans[i] = otel_span_start(lib, OTEL_START("live"));
        assert_true(otel_span_recording(&spans[i]));
    }
    const otel_span refused = span_child_of(lib, &remote);
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

/* ---- tracers ----------------------------------------------------------------------------------------------------- */

static void a_span_has_the_scope_of_its_tracer(void **state) {
    (void)state;
    OTEL_TRACER(other, "other", "2");
    const otel_span span = otel_span_start(other, OTEL_START("s"));
    otel_span_end(&span);
    assert_string_equal(span_last()->scope, "other/2/{}");
    const otel_span nameless = otel_span_start(NULL, OTEL_START("s"));
    otel_span_end(&nameless);
    assert_string_equal(span_last()->scope, "//{}");
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

/* ---- a polite guest ---------------------------------------------------------------------------------------------- */

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
    assert_string_equal(span_last()->name, "alive");
    assert_int_equal(span_last()->dropped_attributes, 2);
    assert_int_equal(span_last()->status, OTEL_CODE_ERROR);
}

/* ---- threads ----------------------------------------------------------------------------------------------------- */

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
    assert_int_equal(span_last()->attribute_count, 30 * THREADS);
    assert_int_equal(span_last()->event_count, LIMIT);
    assert_int_equal(span_last()->dropped_events, 50 * THREADS - LIMIT);
    assert_int_equal(span_last()->link_count, LIMIT);
    assert_int_equal(span_last()->dropped_links, 50 * THREADS - LIMIT);
    const otel_ledger ledger = ledger_now();
    assert_int_equal(ledger.dropped_events, span_last()->dropped_events);
    assert_int_equal(ledger.dropped_links, span_last()->dropped_links);
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

#define test(name) cmocka_unit_test_setup_teardown(name, spans_begin, spans_end)

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
